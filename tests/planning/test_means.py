"""Power for means in closed form: against R, published numbers, the literature's designs, and bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.designs import Design
from analysis.errors import DesignError, ParameterError
from analysis.planning.endpoints import MeanEndpoint, cohort_figures
from analysis.planning.power import power, power_curve, sample_size, smallest_detectable_effect
from analysis.planning.results import SizeWarning

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference/power_means.csv")
UNIT = MeanEndpoint(mean=0, sd=1, lowest=None)
PAIRS = MeanEndpoint(mean=0, sd=1, icc=0.5, lowest=None)  # the SD of a subject's change is 1
SHANNON = MeanEndpoint(mean=3.45, sd=0.598, icc=0.65)


def _reference(*cases):
    rows = [row for row in REFERENCE.itertuples() if row.case in cases]
    assert rows
    names = [
        f"{row.case}-n{row.n:g}-d{row.effect:g}-a{row.alpha:g}-r{row.rho:g}-m{row.margin:g}" for row in rows
    ]
    return pytest.mark.parametrize("row", rows, ids=names)


@_reference("n_two_groups", "n_one_sided", "n_paired")
def test_sample_sizes_are_those_of_r(row):
    design = Design(paired=True) if row.case == "n_paired" else Design(baseline=0, sides=int(row.sides))
    found = sample_size(design, PAIRS if design.paired else UNIT, row.effect, row.power)
    assert found.n_exact == pytest.approx(row.value, rel=1e-9)
    assert found.n_per_arm == np.ceil(row.value)
    assert (
        found.power
        >= row.power
        > power(design.resized(found.n_per_arm - 1), PAIRS if design.paired else UNIT, row.effect).power
    )


@_reference("two_groups", "paired", "unequal", "less", "ancova")
def test_powers_are_those_of_r(row):
    given = {
        "two_groups": {"baseline": 0},
        "paired": {"paired": True},
        "unequal": {"baseline": 0, "ratio": row.n2 / row.n},
        "less": {"baseline": 0, "sides": 1, "alternative": "less"},
        "ancova": {},
    }[row.case]
    design = Design(int(row.n), alpha=row.alpha, **given)
    endpoint = {"paired": PAIRS, "ancova": MeanEndpoint(0, 1, icc=np.nan_to_num(row.rho), lowest=None)}.get(
        row.case, UNIT
    )
    found = power(design, endpoint, row.effect)
    assert found.power == pytest.approx(row.value, abs=1e-10)
    assert found.type_i == pytest.approx(row.alpha, abs=1e-12)
    assert (found.method, found.n_sim, found.power_se, found.type_i_se) == ("closed", 0, 0, 0)


@_reference("welch")
@pytest.mark.filterwarnings("ignore::analysis.planning.results.SizeWarning")
def test_welch_is_that_of_r(row):
    design = Design(int(row.n), baseline=0, ratio=row.n2 / row.n, model="welch")
    assert power(design, UNIT, row.effect).power == pytest.approx(row.value, abs=1e-10)
    if row.effect == 0:
        assert power(design, UNIT, 0.3).type_i == pytest.approx(row.value, abs=1e-10)


@_reference("equivalence")
def test_equivalence_is_that_of_r(row):
    design = Design(int(row.n), baseline=0)
    if row.effect < row.margin:
        assert power(design, UNIT, row.effect, margin=row.margin).power == pytest.approx(row.value, abs=1e-10)
    else:  # an effect just at the margin: the type I error
        assert power(design, UNIT, 0, margin=row.margin).type_i == pytest.approx(row.value, abs=1e-10)


# Numbers to reproduce


def test_pwr_two_groups_and_paired():
    assert sample_size(Design(baseline=0), UNIT, effect=0.5).n_exact == pytest.approx(63.76561, abs=5e-6)
    assert sample_size(Design(paired=True), PAIRS, effect=0.5).n_exact == pytest.approx(33.36713, abs=5e-6)


def test_evident_faith_pd(shared_data):
    table = pd.read_csv(shared_data / "evident_tests/evident/tests/data/metadata.tsv", sep="\t")
    groups = [table.loc[table["classification"] == name, "faith_pd"] for name in ("B1", "Non-B1")]
    assert [(len(g), round(g.mean(), 6), round(g.std(), 6)) for g in groups] == [
        (99, 13.566110, 3.455625),
        (121, 9.758946, 3.874911),
    ]
    pooled = np.sqrt(sum((len(g) - 1) * g.var() for g in groups) / (99 + 121 - 2))
    endpoint = MeanEndpoint(mean=groups[1].mean(), sd=pooled)
    effect = groups[0].mean() - groups[1].mean()
    assert effect / pooled == pytest.approx(1.031103, abs=5e-6)
    assert power(Design(20, baseline=0), endpoint, effect).power == pytest.approx(0.888241, abs=5e-6)
    assert sample_size(Design(baseline=0), endpoint, effect).total == 32


def test_evident_by_its_effect_size():
    assert power(Design(20, baseline=0), UNIT, 1.031103).power == pytest.approx(0.888241, abs=1e-6)
    assert sample_size(Design(baseline=0), UNIT, 1.031103).total == 32


@pytest.mark.parametrize("percent", [1, 5, 10, 15])
def test_obesity_cohorts_need_what_their_authors_say(shared_data, percent):
    authors = pd.read_csv(shared_data / "sze_obesity/data/process/alpha_power.predicted", sep="\t")
    authors = authors.query("metric == 'shannon' and effect_size == @percent / 100").set_index("study")[
        "balanced_n"
    ]
    assert len(authors) == 10
    for cohort, figures in cohort_figures().iterrows():
        endpoint = MeanEndpoint(figures["mean"], figures["sd"])
        found = sample_size(Design(baseline=0), endpoint, endpoint.percent(-percent))
        assert found.n_exact == pytest.approx(authors[cohort], rel=1e-5), cohort
        assert 0 <= found.n_per_arm - authors[cohort] < 1, cohort


def test_baxter_without_the_public_tables():
    found = sample_size(Design(baseline=0), MeanEndpoint(3.575981, 0.466952), effect=0.05 * 3.575981)
    assert (round(found.n_exact, 2), found.n_per_arm, found.total) == (108.03, 109, 218)


@pytest.mark.parametrize(
    ("icc", "change", "ancova", "ancova_quoted"),
    [(0.5, 190, 143, 143), (0.65, 134, 111, 111), (0.8, 77, 70, 69)],
)
def test_what_a_baseline_buys(icc, change, ancova, ancova_quoted):
    endpoint = MeanEndpoint(3.45, 0.598, icc=icc)
    effect = endpoint.percent(-5)
    post, changed, adjusted = (
        sample_size(design, endpoint, effect)
        for design in (Design(baseline=0), Design(model="change"), Design())
    )
    assert (post.n_per_arm, changed.n_per_arm, adjusted.n_per_arm) == (190, change, ancova)
    # The quoted figures follow the rule of thumb n (1 - icc^2) + 1, to the nearest whole (Borm et al. 2007,
    # doi:10.1016/j.jclinepi.2007.02.006); 69 at an ICC of .8 falls short of 80 % by a hair: it takes 70.
    assert round(post.n_exact * (1 - icc**2) + 1) == ancova_quoted
    if icc == 0.8:
        assert 0.79 < power(Design(69), endpoint, effect).power < 0.8
        assert adjusted.n_exact == pytest.approx(69.398, abs=1e-3)


@pytest.mark.parametrize(
    ("cv", "n", "value"), [(0.25, 24, 0.7391155), (0.25, 22, 0.6953401), (0.3, 40, 0.8158453)]
)
def test_bioequivalence_as_powertost_documents_it(cv, n, value):
    # The test of a 2x2 cross-over of n subjects is that of n / 2 an arm with the SD of half a difference of
    # periods; limits 0.8 to 1.25, ratio 0.95. Values from the help of PowerTOST (R).
    endpoint = MeanEndpoint(0, np.sqrt(np.log1p(cv**2) / 2), lowest=None)
    found = power(Design(n // 2, baseline=0), endpoint, np.log(0.95), margin=np.log(1.25))
    assert found.power == pytest.approx(value, abs=5e-8)


def test_parallel_equivalence_as_powertost_documents_it():
    found = sample_size(Design(baseline=0), MeanEndpoint(1, 0.2), effect=-0.05, margin=0.2)
    assert found.total == 48
    assert found.power == pytest.approx(0.815435, abs=5e-7)


def test_noninferiority_as_powertost_documents_it():
    # power.noninf(CV=0.3, n=24): margin 0.8, ratio 0.95, alpha 0.025.
    endpoint = MeanEndpoint(0, np.sqrt(np.log1p(0.09) / 2), lowest=None)
    design = Design(12, baseline=0, sides=1, alpha=0.025)
    assert power(design, endpoint, np.log(0.95), margin=np.log(0.8)).power == pytest.approx(
        0.4916748, abs=5e-8
    )
    # The same seen from the other side.
    assert power(design, endpoint, -np.log(0.95), margin=-np.log(0.8)).power == pytest.approx(
        0.4916748, abs=5e-8
    )


# Designs whose answer follows from another's


def test_several_samples_follow_frison_and_pocock():
    rho, p, r, n = 0.6, 3, 2, 400
    endpoint = MeanEndpoint(3.5, 0.5, icc=rho)
    variances = {
        "pooled": (1 + (r - 1) * rho) / r,
        "change": (1 + (r - 1) * rho) / r + (1 + (p - 1) * rho) / p - 2 * rho,
        "ancova": (1 + (r - 1) * rho) / r - p * rho**2 / (1 + (p - 1) * rho),
    }
    for model, variance in variances.items():
        found = power(Design(n, baseline=p, follow_up=r, model=model), endpoint, -0.06).power
        same = power(Design(n, baseline=0), MeanEndpoint(3.5, 0.5 * np.sqrt(variance)), -0.06).power
        assert found == pytest.approx(same, abs=2e-3 if model == "ancova" else 1e-12)


def test_whole_cages_follow_the_design_effect():
    # Power of k cages an arm is that of k subjects with the SD of a cage mean: df are those of the cages.
    k, m, share = 6, 4, 0.3
    caged = power(Design(k * m, baseline=0, cluster_size=m), MeanEndpoint(3, 0.5, cluster_icc=share), -0.4)
    mean_sd = 0.5 * np.sqrt((1 + (m - 1) * share) / m)
    assert caged.power == pytest.approx(
        power(Design(k, baseline=0), MeanEndpoint(3, mean_sd), -0.4).power, abs=1e-12
    )
    assert caged.cages == 2 * k


def test_arms_within_cages_take_the_cage_out():
    endpoint = MeanEndpoint(3, 0.5, icc=0.4, cluster_icc=0.3)
    within = power(Design(40, baseline=0, cluster_size=4, within_cluster=True), endpoint, -0.2)
    whole = power(Design(40, baseline=0, cluster_size=4), endpoint, -0.2)
    free = power(Design(40, baseline=0), MeanEndpoint(3, 0.5 * np.sqrt(0.7)), -0.2)
    assert whole.power < within.power < free.power  # the blocks cost degrees of freedom
    assert within.power == pytest.approx(free.power, abs=0.01)


def test_a_cage_of_one_is_a_subject():
    alone = power(Design(12), MeanEndpoint(3, 0.5, icc=0.3, cluster_icc=0.3), -0.3).power
    assert alone == pytest.approx(power(Design(12), MeanEndpoint(3, 0.5, icc=0.6), -0.3).power, abs=1e-12)


def test_what_drifts_is_not_removed_by_a_baseline():
    def found(**drift):
        return power(
            Design(20, cluster_size=4), MeanEndpoint(3, 0.5, icc=0.2, cluster_icc=0.4, **drift), -0.3
        ).power

    assert found() > found(cluster_stability=0.5) > found(cluster_stability=0)
    assert found() > found(subject_stability=0)


def test_losses_count():
    lost = power(Design(25, dropout=0.2), SHANNON, -0.3)
    assert lost.power == pytest.approx(power(Design(20), SHANNON, -0.3).power, abs=1e-12)
    found = sample_size(Design(dropout=0.2), SHANNON, SHANNON.percent(-5))
    assert found.analysed_per_arm == 111
    assert (found.n_per_arm, found.n_exact) == (139, pytest.approx(110.42, abs=0.01))


def test_cages_are_filled():
    found = sample_size(Design(cluster_size=5), MeanEndpoint(3.45, 0.598, icc=0.3, cluster_icc=0.3), -0.3)
    assert found.n_per_arm % 5 == 0
    assert found.cages * 5 == found.total == 2 * found.n_per_arm
    assert found.n_exact <= found.n_per_arm < found.n_exact + 5


def test_uneven_cages_are_said():
    found = power(Design(20, cluster_size=3, dropout=0.1), MeanEndpoint(3, 0.5, cluster_icc=0.3), -0.3)
    assert "no multiple of 3" in " ".join(found.notes)
    assert "close, not exact" in " ".join(found.notes)


# Direction


def test_one_sided_looks_where_it_is_told():
    def found(effect, **design):
        return power(Design(20, sides=1, **design), SHANNON, effect)

    fall = found(-0.3, alternative="less")
    assert fall.power == found(-0.3).power == pytest.approx(found(0.3).power, abs=1e-12)
    assert fall.power > power(Design(20), SHANNON, -0.3).power
    wrong = found(0.3, alternative="less")
    assert wrong.power < 0.001 < wrong.alpha
    assert found(0, alternative="less").power == pytest.approx(0.05, abs=1e-12)
    assert "fall" in fall.test
    assert "rise" in found(0.3).test


def test_an_effect_in_the_wrong_direction_is_never_found():
    with pytest.raises(DesignError, match="fall is looked for: the number of subjects would be infinite"):
        sample_size(Design(sides=1, alternative="less"), SHANNON, 0.3)


def test_equivalence_is_lost_in_small_experiments():
    small = power(Design(5), SHANNON, 0, margin=0.1)
    assert small.power < 0.01
    assert small.type_i < 0.05
    large = power(Design(2_000), SHANNON, 0, margin=0.1)
    assert large.power > 0.99
    assert large.type_i == pytest.approx(0.05, abs=1e-6)


# Curve, smallest effect, pilot


@pytest.mark.parametrize(
    ("design", "margin"),
    [
        (Design(), None),
        (Design(baseline=0, model="welch"), None),
        (Design(cluster_size=4, dropout=0.1), None),
        (Design(sides=1), None),
        (Design(), 0.5),
        (Design(paired=True), None),
    ],
)
def test_a_curve_is_many_powers(design, margin):
    endpoint = MeanEndpoint(3.45, 0.598, icc=0.5, cluster_icc=0.2)
    effects, sizes = [-0.4, 0.1, 0.3], [12, 20, 50]
    curve = power_curve(design, endpoint, effects, sizes, margin=margin)
    assert len(curve) == 9
    for row in curve.itertuples():
        one = power(design.resized(row.n_per_arm), endpoint, row.effect, margin=margin)
        assert (row.total, row.cages) == (one.total, one.cages)
        assert (row.power, row.type_i) == pytest.approx((one.power, one.type_i), abs=1e-12)


def test_smallest_effect_and_sample_size_agree():
    found = smallest_detectable_effect(Design(111), SHANNON)
    assert found.effect < 0
    assert found.power == pytest.approx(0.8, abs=1e-9)
    assert found.percent == pytest.approx(100 * found.effect / 3.45)
    assert sample_size(Design(), SHANNON, found.effect).n_exact == pytest.approx(111, abs=1e-6)
    rise = smallest_detectable_effect(Design(111), SHANNON, direction="greater")
    assert rise.effect == pytest.approx(-found.effect, abs=1e-9)


def test_a_smallest_effect_that_cannot_exist():
    with pytest.raises(DesignError) as caught:
        smallest_detectable_effect(Design(3, baseline=0), MeanEndpoint(1, 2))
    assert "for the largest, -1" in str(caught.value)


def test_an_uncertain_pilot_leaves_an_interval():
    small = MeanEndpoint(3.45, 0.598, icc=0.65, pilot_n=12)
    found, sized = power(Design(60), small, -0.2), sample_size(Design(), small, -0.2)
    assert found.power_low < found.power < found.power_high
    assert sized.n_low < sized.n_per_arm < sized.n_high
    # The limits of a normal SD: sd * sqrt(11 / chi2), with R's qchisq(c(.975, .025), 11).
    for limit, quantile in ((found.power_high, 21.920049261), (found.power_low, 3.815748252)):
        sd = 0.598 * np.sqrt(11 / quantile)
        assert limit == pytest.approx(
            power(Design(60), MeanEndpoint(3.45, sd, icc=0.65), -0.2).power, abs=1e-9
        )
    assert power(Design(60), SHANNON, -0.2).power_low is None


def test_results_print_themselves():
    for result in (
        power(Design(20), SHANNON, -0.3),
        sample_size(Design(cluster_size=4), SHANNON, -0.3),
        smallest_detectable_effect(Design(20), SHANNON),
    ):
        assert len(result.to_frame()) == 1
        assert "type I error" in result._repr_html_()
        assert "nominal 0.05" in result._repr_html_()


def test_a_test_of_the_wrong_size_is_said():
    with pytest.warns(
        SizeWarning, match=r"rejects in 0\.035 of experiments, not in 0\.05; the power of 0\.\d+ is"
    ):
        power(Design(3, baseline=0, model="welch"), UNIT, 2)


# Bad input


@pytest.mark.parametrize("ask", [power, sample_size, lambda d, e, x: power_curve(d, e, [x], [20])])
def test_an_effect_that_cannot_exist(ask):
    with pytest.raises(ParameterError, match="120% of it"):
        ask(Design(20), SHANNON, SHANNON.percent(-120))


def test_a_power_that_no_number_reaches():
    with pytest.raises(DesignError, match="infinite"):
        sample_size(Design(), SHANNON, 0)
    with pytest.raises(DesignError) as caught:
        sample_size(Design(cluster_size=5), SHANNON, -0.05, max_n=100)
    assert "with 100 subjects in the treated arm it is 0." in str(caught.value)
    for impossible in (1, 0.04, 1.2, None):
        with pytest.raises(ParameterError, match="power="):
            sample_size(Design(), SHANNON, -0.3, power=impossible)


@pytest.mark.parametrize(
    ("design", "effect", "margin", "said"),
    [
        (Design(), 0, -0.2, "expected: a margin above 0"),
        (Design(), 0.3, 0.2, "not inside the margin"),
        (Design(), -0.2, 0.2, "not inside the margin"),
        (Design(sides=1), -0.3, -0.2, "an effect above -0.2"),
        (Design(sides=1), 0.3, 0.2, "an effect below 0.2"),
        (Design(sides=1, alternative="less"), 0, -0.2, "the sign of the margin"),
        (Design(), 0, 0, "margin=0"),
        (Design(), 0, np.nan, "margin=nan"),
    ],
)
def test_margins_that_do_not_fit(design, effect, margin, said):
    with pytest.raises(ParameterError) as caught:
        power(design, SHANNON, effect, margin=margin)
    assert said in str(caught.value)


def test_a_one_sided_test_needs_a_side():
    with pytest.raises(ParameterError, match="alternative='less'"):
        power(Design(sides=1), SHANNON, 0)


def test_too_few_cages():
    with pytest.raises(DesignError) as caught:
        power(Design(4, cluster_size=4), SHANNON, -0.3)
    assert "1 + 1 cages leave 0 degrees of freedom" in str(caught.value)


def test_subjects_that_never_vary():
    with pytest.raises(ParameterError, match="would never err"):
        power(Design(10, model="change"), MeanEndpoint(3, 0.5, icc=1), -0.1)


def test_all_faults_of_a_call_at_once():
    with pytest.raises(ParameterError) as caught:
        power(Design(), SHANNON, -9, n_sim=0, permutations=0, seed=-1, n_jobs=0, method="exact", margin=-1)
    assert len(caught.value.faults) == 7


def test_what_is_no_endpoint():
    with pytest.raises(ParameterError, match="endpoint is a dict"):
        power(Design(), {"mean": 3}, -0.3)
    with pytest.raises(ParameterError, match="design is a MeanEndpoint"):
        sample_size(SHANNON, Design(), -0.3)


def test_an_empty_curve():
    with pytest.raises(ParameterError) as caught:
        power_curve(Design(), SHANNON, [], [1])
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("cluster_size", "within"), [(1, False), (3, False), (4, False), (4, True)])
def test_every_sample_size_reaches_its_power_and_the_next_smaller_does_not(
    dropout, ratio, cluster_size, within
):
    endpoint = MeanEndpoint(5, 1, 0.3, 0.2)
    ratio = 1.0 if within else ratio
    design = Design(cluster_size=cluster_size, dropout=dropout, ratio=ratio, within_cluster=within)
    for effect in (-0.4, -1.0, -4.5):
        found = sample_size(design, endpoint, effect)
        assert found.power >= 0.8, (effect, found.n_per_arm)
        try:
            fewer = power(design.resized(found.n_per_arm - design.step), endpoint, effect)
        except DesignError:
            continue  # no such experiment
        assert fewer.power < 0.8, (effect, found.n_per_arm)


def test_an_arm_of_one_cage_has_the_power_of_one_unit():
    # One cage of 3 against two of 3, losses at random: the size of a cage that does not exist has no part.
    endpoint = MeanEndpoint(5, 1, 0.3, 0.2)
    with pytest.raises(DesignError, match="degrees of freedom"):
        power(Design(4, 1, 1, 4, dropout=0.1), endpoint, -1.0)
    found = power(Design(6, 0, 1, 3, dropout=0.1, ratio=0.5), endpoint, -1.0)
    drawn = power(
        Design(6, 0, 1, 3, dropout=0.1, ratio=0.5), endpoint, -1.0, method="simulation", n_sim=4_000
    )
    assert found.power == pytest.approx(drawn.power, abs=0.05)


@pytest.mark.parametrize("method", ["closed", "simulation"])
def test_max_n_is_kept(method):
    design, endpoint = Design(baseline=0, cluster_size=5), MeanEndpoint(5, 1, 0.3, 0.2)
    for most in (4, 9):
        with pytest.raises(DesignError, match=f"max_n={most} leaves nothing to try.* has 10 subjects"):
            sample_size(design, endpoint, -4.9, max_n=most, method=method, n_sim=50)
    assert sample_size(design, endpoint, -4.9, max_n=10, method=method, n_sim=50).n_per_arm == 10


def test_a_pilot_that_is_not_carried_through_is_said():
    endpoint = MeanEndpoint(5, 1, 0.3, 0.2, pilot_n=12)
    design = Design(12)
    drawn = power(design, endpoint, -1.0, method="simulation", n_sim=200)
    assert drawn.power_low is None
    assert "pilot_n is not carried through by simulation" in drawn.notes[-1]
    size = sample_size(design, endpoint, -1.0, method="simulation", n_sim=200)
    assert "pilot_n is not carried through by simulation" in size.notes[-1]
    smallest = smallest_detectable_effect(design, endpoint)
    assert "pilot_n is not carried through to the smallest effect" in smallest.notes[-1]
    for found in (power(design, endpoint, -1.0), sample_size(design, endpoint, -1.0)):
        assert not any("pilot_n" in note for note in found.notes)
