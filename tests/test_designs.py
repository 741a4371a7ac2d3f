"""Design and endpoints: what they count, and what they refuse."""

import numpy as np
import pytest

from analysis.designs import Design
from analysis.errors import DesignError, Faults, ParameterError
from analysis.planning.endpoints import CorrelationEndpoint, MeanEndpoint, cohort_figures


def test_counts_of_a_plain_trial():
    design = Design(n_per_arm=20, baseline=1, follow_up=1, cluster_size=1, dropout=0.0, sides=2, alpha=0.05)
    assert (design.total, design.n_enrolled, design.n_analysed, design.n_cages) == (
        40,
        (20, 20),
        (20, 20),
        40,
    )
    assert (design.test, design.step, design.notes()) == ("ancova", 1, ())
    assert Design(baseline=0).test == "pooled"
    assert design.to_frame().loc[0, "total"] == 40
    assert "<table" in design._repr_html_()


@pytest.mark.parametrize("n", [4, 19, 20, 31])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_cages_hold_all_animals_and_are_as_even_as_can_be(n, size):
    design = Design(n, cluster_size=size, ratio=1.5)
    for arm, enrolled in enumerate(design.n_enrolled):
        sizes = design.cage_sizes(arm)
        assert sizes.sum() == enrolled
        assert sizes.max() <= size
        assert np.ptp(sizes) <= 1
        assert len(sizes) == design.cages(arm) == -(-enrolled // size)
    assert design.n_cages == design.cages(0) + design.cages(1)


def test_animals_that_do_not_divide_are_said():
    (note,) = Design(20, cluster_size=3).notes()
    assert "20 is no multiple of 3: the 7 cages hold 2 to 3 animals" in note
    assert Design(21, cluster_size=3).notes() == ()


def test_shared_cages_are_counted_once():
    design = Design(10, cluster_size=4, within_cluster=True)
    assert (design.n_cages, design.step, design.caged) == (5, 2, False)


def test_losses_are_rounded_against_the_experiment():
    design = Design(20, dropout=0.1)
    assert design.n_analysed == (18, 18)
    assert Design(21, dropout=0.1).n_analysed == (18, 18)
    assert "18 of 20 and 18 of 20" in design.notes()[0]
    assert Design(20, dropout=0.1, paired=True).n_analysed == (18,)


def test_unequal_arms():
    assert Design(47, ratio=125 / 47).n_enrolled == (47, 125)
    assert Design(10, ratio=0.5).n_reference == 5


def test_all_faults_of_a_design_at_once():
    with pytest.raises(DesignError) as caught:
        Design(
            n_per_arm=1,
            baseline=-1,
            follow_up=0,
            cluster_size=0,
            dropout=1.0,
            sides=3,
            alpha=0,
            ratio=-1,
            model="t",
        )
    assert len(caught.value.faults) == 9
    for name in ("n_per_arm=1", "baseline=-1", "dropout=1.0", "sides=3", "alpha=0", "model='t'"):
        assert name in str(caught.value)


@pytest.mark.parametrize("wrong", [2.5, "20", None, True, np.nan, np.inf])
def test_a_number_of_subjects_is_a_whole_number(wrong):
    with pytest.raises(DesignError, match="n_per_arm="):
        Design(n_per_arm=wrong)
    assert Design(n_per_arm=np.int64(7)).n_per_arm == 7
    assert type(Design(n_per_arm=7.0).n_per_arm) is int


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alternative": "less"}, "sides=1"),
        ({"baseline": 0, "paired": True}, "a baseline of at least 1"),
        ({"baseline": 0, "model": "ancova"}, "a baseline of at least 1"),
        ({"paired": True, "model": "ancova"}, "leave model out"),
        ({"paired": True, "ratio": 2}, "there is one arm"),
        ({"within_cluster": True}, "an even number of animals a cage"),
        ({"within_cluster": True, "cluster_size": 4, "ratio": 2}, "equal in number"),
        ({"n_per_arm": 2, "ratio": 0.5}, "1 subject(s) in the reference arm"),
        ({"n_per_arm": 3, "dropout": 0.5}, "enrol more"),
    ],
)
def test_what_cannot_go_together(given, said):
    with pytest.raises(DesignError) as caught:
        Design(**given)
    assert said in str(caught.value)


def test_unused_baseline_is_said():
    assert "does not use the baseline" in Design(model="pooled").notes()[0]


def test_all_faults_of_an_endpoint_at_once():
    with pytest.raises(ParameterError) as caught:
        MeanEndpoint(mean=np.nan, sd=0, icc=1.2, cluster_icc=-0.1, pilot_n=1, highest="top")
    assert len(caught.value.faults) == 6
    assert "icc=1.2" in str(caught.value)


def test_shares_of_one_variance_add_up_to_one_at_most():
    with pytest.raises(ParameterError, match=r"icc \+ cluster_icc = 1\.1"):
        MeanEndpoint(3, 1, icc=0.7, cluster_icc=0.4)
    MeanEndpoint(3, 1, icc=0.7, cluster_icc=0.3)


def test_scale_of_an_endpoint():
    with pytest.raises(ParameterError, match="lowest=None"):
        MeanEndpoint(mean=-1.2, sd=1)
    with pytest.raises(ParameterError, match="above highest"):
        MeanEndpoint(mean=1.2, sd=0.1, highest=1)
    assert MeanEndpoint(mean=-1.2, sd=1, lowest=None).percent(50) == pytest.approx(-0.6)


@pytest.mark.parametrize(
    ("effect", "fits"), [(-3.6, True), (-3.7, False), (9, True), (np.nan, False), ("a", False)]
)
def test_effects_that_can_exist(effect, fits):
    faults = Faults("test", ParameterError)
    assert MeanEndpoint(3.6, 0.5).check_effect(effect, faults) is fits
    assert bool(faults) is not fits


def test_a_loss_of_120_percent_is_said():
    endpoint, faults = MeanEndpoint(3.576, 0.467), Faults("power", ParameterError)
    endpoint.check_effect(endpoint.percent(-120), faults)
    text = str(ParameterError("power", *faults.found))
    assert "120% of it" in text
    assert "from 3.576 to -0.7152" in text
    assert "endpoint.percent(-5) = -0.1788" in text


def test_reliability_of_a_change_from_that_of_samples():
    x = MeanEndpoint(3.5, 0.6, icc=0.6)
    y = MeanEndpoint(0.03, 0.01, icc=0.53)
    endpoint = CorrelationEndpoint.from_measures(x, y, change_sd_x=0.3, change_sd_y=0.01)
    # True variance of the change over itself plus two samples' noise.
    assert endpoint.reliability_x == pytest.approx(0.09 / (0.09 + 2 * 0.36 * 0.4))
    assert endpoint.reliability_y == pytest.approx(1 / (1 + 2 * 0.47))
    # Twice the samples halve the noise.
    assert endpoint.reliabilities(2, 2)[0] == pytest.approx(0.09 / (0.09 + 0.36 * 0.4))
    with pytest.raises(ParameterError, match="change_sd_x"):
        CorrelationEndpoint.from_measures(x, y, 0, 1)
    with pytest.raises(ParameterError, match=r"reliability_y=1\.5"):
        CorrelationEndpoint(0.5, 1.5)


def test_cohort_figures_are_summaries_only():
    figures = cohort_figures()
    assert len(figures) == 10
    assert figures["n"].sum() == 2726
    assert (figures["n"] == figures["n_obese"] + figures["n_not_obese"]).all()
    with pytest.raises(ParameterError, match=r"did you mean .sze_shannon"):
        cohort_figures("sze_shanon")


def test_cohort_figures_are_those_of_the_public_table(shared_data, tmp_path):
    import runpy
    import sys
    from pathlib import Path

    root = Path(__file__).resolve().parents[1]
    target = tmp_path / "sze_shannon.csv"
    script = root / "data/scripts/summarise_sze_shannon.py"
    before, sys.argv = sys.argv, [str(script), str(shared_data), str(target)]
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv = before
    assert target.read_text() == (root / "data/pilots/sze_shannon.csv").read_text()
