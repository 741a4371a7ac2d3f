"""Wrong types and impossible values, for every argument of the four kinds of endpoint."""

import pytest

from analysis.designs import Design
from analysis.errors import AnalysisError, DesignError, ParameterError
from analysis.pilots import fit_pilot, load_pilot
from analysis.pilots.effects import composition_shift, fold_change, shannon_change
from analysis.planning.community import CommunityEndpoint
from analysis.planning.correlation import CorrelationEndpoint
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.power import power, power_curve, sample_size
from analysis.planning.taxa import TaxaEndpoint

KINDS = ("mean", "correlation", "community", "taxa")
WRONG = ("x", [1], float("nan"), float("inf"), {}, 1 + 2j, None)
EFFECT = {"mean": -0.1, "correlation": 0.4, "community": 0.05, "taxa": 0.5}


@pytest.fixture(scope="module")
def genera():
    """A pilot of people, one sample each."""
    return load_pilot("twins_genera")


@pytest.fixture(scope="module")
def endpoints(genera):
    """One endpoint of each kind."""
    return {
        "mean": MeanEndpoint(mean=3.5, sd=0.5),
        "correlation": CorrelationEndpoint(),
        "community": CommunityEndpoint(genera),
        "taxa": TaxaEndpoint(genera, "Dorea"),
    }


def design_of(kind, **given):
    """Return a design that fits the endpoint."""
    return Design(20, **({"baseline": 1 if kind == "correlation" else 0} | given))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_wrong_types_are_named(kind, wrong, endpoints):
    design, endpoint, effect = design_of(kind), endpoints[kind], EFFECT[kind]
    for name in ("n_sim", "permutations", "seed", "n_jobs", "method", "margin"):
        if wrong is not None or name not in ("method", "margin"):
            with pytest.raises(AnalysisError, match=name):
                power(design, endpoint, effect, **{name: wrong})
    with pytest.raises(AnalysisError, match=r"effect|fold"):
        power(design, endpoint, wrong)
    with pytest.raises(AnalysisError, match="power="):
        sample_size(design, endpoint, effect, power=wrong)
    with pytest.raises(AnalysisError, match="endpoint is a"):
        power(design, wrong, effect)
    with pytest.raises(AnalysisError, match="design is a"):
        power(wrong, endpoint, effect)
    with pytest.raises(AnalysisError, match="effect"):
        power_curve(design, endpoint, [wrong] if isinstance(wrong, list) else wrong, [10])
    with pytest.raises(AnalysisError, match="n_per_arm"):
        power_curve(design, endpoint, [effect], [wrong])


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_wrong_types_of_endpoints_and_effects_are_named(wrong, genera):
    made = {CommunityEndpoint: {"pilot": genera}, TaxaEndpoint: {"pilot": genera, "taxa": "Dorea"}}
    for kind, sound in made.items():
        names = ["pilot", "resamples", *(("metric",) if kind is CommunityEndpoint else ("taxa", "method"))]
        names += [] if wrong is None else ["depth", "icc", "study"]
        for name in names:
            with pytest.raises(ParameterError, match="taxon" if name == "taxa" else name):
                kind(**(sound | {name: wrong}))
    for make in (fold_change, shannon_change, composition_shift):
        with pytest.raises(ParameterError, match="pilot is a"):
            make(wrong, 0.1)
        with pytest.raises(ParameterError, match="expected"):
            make(genera, wrong)
    with pytest.raises(ParameterError, match="fold of 'Dorea'"):
        fold_change(genera, {"Dorea": wrong})
    with pytest.raises(ParameterError, match="seed"):
        composition_shift(genera, 0.05, seed=wrong)


def test_effects_that_cannot_exist(genera, endpoints):
    with pytest.raises(ParameterError, match="effect"):
        power(design_of("mean"), endpoints["mean"], -1.2 * 3.5)  # a loss of 120 %
    with pytest.raises(ParameterError, match="never below 0"):
        shannon_change(genera, -120)
    with pytest.raises(ParameterError, match=r"effect=1\.2"):
        power(design_of("correlation"), endpoints["correlation"], 1.2)
    with pytest.raises(ParameterError, match=r"effect=1\.2"):
        power(design_of("community"), endpoints["community"], 1.2)
    with pytest.raises(ParameterError, match=r"effect=-0\.2"):
        power(design_of("taxa"), endpoints["taxa"], -0.2)  # a loss of 120 % leaves -0.2 times as much


@pytest.mark.parametrize("kind", KINDS)
def test_powers_that_cannot_be_reached(kind, endpoints):
    nothing = 1.0 if kind == "taxa" else 0.0
    with pytest.raises(DesignError, match=r"infinite|not reached"):
        sample_size(design_of(kind), endpoints[kind], nothing, max_n=30, n_sim=20)
    if kind != "correlation":
        with pytest.raises(DesignError, match="infinite"):
            sample_size(design_of(kind), endpoints[kind], nothing)
    for target in (1.0, 0.01, 1.3):
        with pytest.raises(ParameterError, match="above alpha"):
            sample_size(design_of(kind), endpoints[kind], EFFECT[kind], power=target)


def test_the_smallest_p_is_above_alpha(endpoints):
    caged = CommunityEndpoint(load_pilot("tomkovich_mice"))
    with pytest.raises(DesignError, match="smallest p"):
        power(Design(6, baseline=0, cluster_size=2), caged, 0.1, n_sim=20)
    with pytest.raises(ParameterError, match="p cannot fall below"):
        power(design_of("community"), endpoints["community"], 0.1, permutations=10)


def test_shares_outside_0_to_1(genera):
    for icc in (-0.1, 1.4):
        with pytest.raises(AnalysisError, match="icc"):
            MeanEndpoint(mean=3.5, sd=0.5, icc=icc)
        with pytest.raises(AnalysisError, match="icc"):
            CommunityEndpoint(genera, icc=icc)
        with pytest.raises(AnalysisError, match="icc"):
            TaxaEndpoint(genera, "Dorea", icc=icc)
        with pytest.raises(AnalysisError, match="reliability_x"):
            CorrelationEndpoint(reliability_x=icc)


def test_repeats_of_one_subject(genera, endpoints):
    study = genera.simulate(n_subjects=1, samples_per_subject=12, icc=0.5)
    with pytest.raises(DesignError, match="12 samples of one subject"):
        fit_pilot(study)
    for kind in ("community", "taxa"):  # the pilot saw everyone once
        with pytest.raises(AnalysisError, match="samples a subject"):
            power(design_of(kind, follow_up=2), endpoints[kind], EFFECT[kind], n_sim=20)
