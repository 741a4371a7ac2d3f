"""Load 16S tables, measure diversity, and see what data would test each claim about Botox and the gut."""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["claims", "errors", "pilots", "planner", "plots", "readers"],
    submod_attrs={
        "study": ["Study"],
        "readers": ["read_study"],
        "catalogue": ["list_datasets", "load_dataset"],
        "diversity.alpha": ["alpha_diversity"],
        "diversity.beta": ["beta_diversity", "pcoa"],
        "diversity.rarefaction": ["rarefaction_curve", "rarefy"],
        "comparison.permanova": ["permanova"],
        "comparison.means": ["compare_means"],
        "comparison.components": ["variance_components"],
        "taxa.abundance": ["differential_abundance"],
        "taxa.scoring": ["panel_scores"],
        "designs": ["Design"],
        "planning.endpoints": ["CorrelationEndpoint", "MeanEndpoint"],
        "pilots.fitting": ["fit_pilot"],
        "planning.community": ["CommunityEndpoint"],
        "planning.taxa": ["TaxaEndpoint"],
        "planning.power": ["power", "power_curve", "sample_size", "smallest_detectable_effect"],
        "planning.detection": ["detection_depth"],
        "claims.reading": ["load_claims"],
        "claims.needs": ["data_needed"],
        "claims.protocol": ["write_protocol"],
        "claims.auditing": ["audit"],
        "claims.verdict": ["evaluate"],
    },
)
