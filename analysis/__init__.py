"""Load 16S tables, measure diversity, and see what data would test each claim about Botox and the gut."""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["errors", "plots", "readers"],
    submod_attrs={
        "study": ["Study"],
        "readers": ["read_study"],
        "catalogue": ["list_datasets", "load_dataset"],
        "alpha": ["alpha_diversity"],
        "beta": ["beta_diversity", "pcoa"],
        "rarefaction": ["rarefaction_curve", "rarefy"],
    },
)
