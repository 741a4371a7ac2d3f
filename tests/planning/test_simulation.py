"""Simulated power: the tests are those of compare_means, the figures those of the closed forms."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.designs import Design
from analysis.errors import DesignError
from analysis.planning.batched_tests import fit
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.means import rule_of
from analysis.planning.power import power, power_curve, sample_size, smallest_detectable_effect
from analysis.planning.replicates import run_blocks
from analysis.planning.results import SizeWarning, monte_carlo_error
from analysis.planning.search import find_crossing
from analysis.planning.simulation import simulate_means

PLAIN = MeanEndpoint(3.5, 0.6, icc=0.45, cluster_icc=0.2)
DRIFTING = MeanEndpoint(3.5, 0.6, icc=0.45, cluster_icc=0.2, subject_stability=0.8, cluster_stability=0.6)


def _even_designs():
    """Yield designs whose closed form is exact: (design, endpoint, effect, margin)."""
    for n, given in itertools.product(
        (3, 5, 12, 40), ({"baseline": 0}, {"model": "change"}, {}, {"paired": True})
    ):
        yield Design(n, **given), PLAIN, -1.6 * 0.6 / np.sqrt(n / 2), None
        yield Design(n, follow_up=3, **{"baseline": 2} | given), DRIFTING, -2.8 * 0.6 / np.sqrt(n / 2), None
    for n, ratio in itertools.product((10, 30), (1, 0.5, 3)):
        yield Design(n, baseline=0, ratio=ratio, model="welch"), PLAIN, -0.35, None
        yield Design(n, ratio=ratio, dropout=0.2, sides=1), DRIFTING, -0.3, None
    for n, size, given in itertools.product(
        (20, 40), (2, 5), ({"baseline": 0}, {}, {"model": "change"}, {"paired": True})
    ):
        yield Design(n, cluster_size=size, **given), DRIFTING, -0.45, None
    for n, size, given in itertools.product((8, 16), (2, 4), ({"baseline": 0}, {}, {"model": "change"})):
        yield Design(n, cluster_size=size, within_cluster=True, **given), DRIFTING, -0.35, None
    for n, given in itertools.product((6, 20), ({"baseline": 0}, {}, {"cluster_size": 2}, {"paired": True})):
        yield Design(n, **given), PLAIN, 0.1, 2 / np.sqrt(n / 2)
    one_sided = ((-0.4, None, -0.1), (0.4, None, 0.1), (None, "less", 0.2), (None, "greater", 0.3))
    for margin, alternative, effect in one_sided:
        yield Design(15, sides=1, alternative=alternative), PLAIN, effect, margin


EVEN = list(_even_designs())


def _uneven_designs():
    """Yield designs with uneven cages, where the closed form is an approximation."""
    for n, size, dropout in itertools.product((20, 38), (3, 4), (0.1, 0.25)):
        for given in ({"baseline": 0}, {}, {"paired": True}):
            yield Design(n, cluster_size=size, dropout=dropout, **given), DRIFTING, -0.45
    yield Design(16, cluster_size=4, dropout=0.2, within_cluster=True), DRIFTING, -0.35
    yield Design(12, cluster_size=4, dropout=0.25, ratio=2, baseline=0), PLAIN, 0.5


def _disagreements(design, endpoint, effect, margin, n_sim, seed):
    """Return the gaps of simulation to the closed form, in Monte Carlo errors: of power and type I error."""
    closed = power(design, endpoint, effect, margin=margin)
    drawn = power(design, endpoint, effect, margin=margin, method="simulation", n_sim=n_sim, seed=seed)
    return [
        (found - true) / max(np.sqrt(true * (1 - true) / n_sim), 1 / n_sim)
        for found, true in ((drawn.power, closed.power), (drawn.type_i, closed.type_i))
    ]


def _check_agreement(designs, n_sim):
    """Hold simulation to the closed form within three Monte Carlo errors.

    By chance one figure in 370 is farther off. Such a one is drawn again with ten times as many experiments
    and must then agree: a true gap of three errors would have become one of nine.
    """
    gaps = []
    for number, (design, endpoint, effect, margin) in enumerate(designs):
        found = _disagreements(design, endpoint, effect, margin, n_sim, seed=number)
        gaps += found
        if max(np.abs(found)) > 3:
            again = _disagreements(design, endpoint, effect, margin, 10 * n_sim, seed=10_000 + number)
            assert max(np.abs(again)) <= 3, (design, effect, margin, found, again)
    return np.array(gaps)


@pytest.mark.filterwarnings("ignore::analysis.planning.results.SizeWarning")
def test_simulation_agrees_with_closed_forms():
    assert len(EVEN) >= 60
    _check_agreement(EVEN[::6], n_sim=1_000)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::analysis.planning.results.SizeWarning")
def test_simulation_agrees_with_closed_forms_on_the_whole_grid():
    gaps = _check_agreement(EVEN, n_sim=10_000)
    # Taken together they are standard normal: neither a common lean nor too much or too little scatter.
    assert abs(gaps.mean()) < 4 / np.sqrt(len(gaps))
    assert 0.8 < gaps.std() < 1.2
    assert (np.abs(gaps) > 3).sum() <= 3


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::analysis.planning.results.SizeWarning")
def test_closed_forms_are_close_where_cages_are_uneven():
    for number, (design, endpoint, effect) in enumerate(_uneven_designs()):
        closed = power(design, endpoint, effect)
        drawn = power(design, endpoint, effect, method="simulation", n_sim=10_000, seed=number)
        assert abs(drawn.power - closed.power) < 0.012 + 3 * drawn.power_se, design
        assert abs(drawn.type_i - 0.05) < 4 * drawn.type_i_se, design


# The tests are those of compare_means


def _as_table(design, measured, row):
    """Write one simulated experiment as values and metadata: one averaged sample a subject and phase."""
    kept = np.flatnonzero(measured.kept[row])
    phases = [("after", measured.after)] + ([("before", measured.before)] if design.baseline else [])
    parts = []
    for phase, values in phases:
        part = pd.DataFrame(
            {
                "value": values[row, kept],
                "subject": [f"s{i}" for i in kept],
                "arm": np.where(measured.arm[kept] == 1, "treated", "reference"),
                "cage": [f"c{i}" for i in measured.cage[kept]],
                "time": phase,
            }
        )
        if design.paired:
            part["arm"] = "treated" if phase == "after" else "reference"
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table.index = [f"sample{i}" for i in range(len(table))]
    return table["value"], table.drop(columns="value")


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ({"baseline": 0, "model": "welch", "ratio": 1.5}, "welch"),
        ({}, "ancova"),
        ({"paired": True}, "paired"),
        ({"baseline": 0, "cluster_size": 3, "dropout": 0.2}, "cluster_means"),
        ({"cluster_size": 3, "dropout": 0.2}, "ancova"),
        ({"cluster_size": 3, "model": "change"}, "change"),
        ({"cluster_size": 4, "within_cluster": True, "baseline": 0, "dropout": 0.2}, "blocked"),
        ({"cluster_size": 4, "within_cluster": True}, "blocked"),
        ({"sides": 1, "alternative": "less"}, "ancova"),
    ],
)
def test_p_values_are_those_of_compare_means(given, method):
    from analysis.comparison.means import compare_means

    design = Design(12, **given)
    measured = simulate_means(design, DRIFTING, -0.4, np.random.default_rng(3), 4)
    fits = fit(design, measured)
    for row in range(4):
        values, metadata = _as_table(design, measured, row)
        roles = {"cluster": "cage"} if design.cluster_size > 1 else {}
        if design.uses_baseline and not design.paired:
            roles |= {"baseline": "before", "time": "time"}
        found = compare_means(
            values,
            metadata,
            "arm",
            "reference",
            subject="subject",
            method=method,
            alternative=design.alternative or "two-sided",
            margin=0.5,
            **roles,
        )
        assert found.method == method
        assert fits.estimate[row] == pytest.approx(found.estimate, abs=1e-10)
        assert fits.df[row] == pytest.approx(found.df, rel=1e-9)
        assert fits.p_values(rule_of(design, -0.4, None))[row] == pytest.approx(found.p_value, rel=1e-7)
        margin = -0.5 if design.sides == 1 else 0.5  # compare_means takes the side from `alternative`
        assert fits.p_values(rule_of(design, 0, margin))[row] == pytest.approx(found.p_equivalence, rel=1e-7)


def test_pooled_t_is_that_of_scipy():
    design = Design(9, baseline=0, ratio=1.4)
    measured = simulate_means(design, PLAIN, 0.3, np.random.default_rng(5), 6)
    p = fit(design, measured).p_values(rule_of(design, 0.3, None))
    for row in range(6):
        treated = measured.arm == 1
        expected = stats.ttest_ind(measured.after[row, treated], measured.after[row, ~treated]).pvalue
        assert p[row] == pytest.approx(expected, rel=1e-9)


# What is drawn


def test_drawn_values_have_the_components_asked_for():
    design = Design(40, baseline=1, follow_up=2, cluster_size=4)
    measured = simulate_means(design, DRIFTING, 0.5, np.random.default_rng(2), 3_000)
    reference = measured.arm == 0
    before, after = measured.before[:, reference], measured.after[:, reference]
    variance, total = 0.36, before.size

    def close(found, expected, pairs):
        assert abs(found - expected) < 6 * variance / np.sqrt(pairs / 4)  # cage mates count about fourfold

    close(before.var(), variance, total)
    close(after.var(), variance * (0.65 + 0.35 / 2), total)
    centred = [values - 3.5 for values in (before, after)]
    close((centred[0] * centred[1]).mean(), variance * (0.45 * 0.8 + 0.2 * 0.6), total)
    mates = measured.cage[reference].reshape(10, 4)[0] - measured.cage[reference][0] == 0
    assert mates.all()
    by_cage = [values.reshape(3_000, 10, 4) for values in centred]
    close((by_cage[0][..., 0] * by_cage[0][..., 1]).mean(), variance * 0.2, total / 4)
    close((by_cage[0][..., 0] * by_cage[1][..., 1]).mean(), variance * 0.2 * 0.6, total / 4)
    close(measured.after[:, ~reference].mean() - after.mean(), 0.5, total)


def test_the_same_number_is_lost_in_every_experiment():
    design = Design(20, dropout=0.25, ratio=0.6)
    kept = simulate_means(design, PLAIN, 0, np.random.default_rng(2), 50).kept
    assert (kept[:, :20].sum(axis=1) == 15).all()
    assert (kept[:, 20:].sum(axis=1) == 9).all()
    assert len({tuple(row) for row in kept}) > 40


# Seeds, jobs and errors


@pytest.mark.long  # each process takes seconds to import SciPy and pandas
def test_results_do_not_depend_on_the_number_of_jobs():
    asked = {"method": "simulation", "n_sim": 1_200, "seed": 5}
    one = power(Design(12, cluster_size=3, dropout=0.1), DRIFTING, -0.5, **asked)
    two = power(Design(12, cluster_size=3, dropout=0.1), DRIFTING, -0.5, n_jobs=2, **asked)
    assert one == two
    assert one == power(Design(12, cluster_size=3, dropout=0.1), DRIFTING, -0.5, **asked)
    assert (
        one.power
        != power(Design(12, cluster_size=3, dropout=0.1), DRIFTING, -0.5, **asked | {"seed": 6}).power
    )


def test_blocks_are_spawned_and_complete():
    draw = np.random.Generator.random  # called as draw(generator, size)
    first = run_blocks(draw, 25, np.random.SeedSequence(1), block=10)
    assert [len(block) for block in first] == [10, 10, 5]
    assert len(np.unique(np.concatenate(first))) == 25
    second = run_blocks(draw, 25, np.random.SeedSequence(1), block=10, n_jobs=2)
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_monte_carlo_error_is_never_zero():
    assert monte_carlo_error(0, 1_000) == pytest.approx(monte_carlo_error(1_000, 1_000))
    assert monte_carlo_error(0, 1_000) > 0.001
    assert monte_carlo_error(5_000, 10_000) == pytest.approx(0.005, rel=1e-3)
    sure = power(Design(50), PLAIN, -1.5, method="simulation", n_sim=200)
    assert (sure.power, sure.power_se > 0, sure.n_sim, sure.method) == (1.0, True, 200, "simulation")


def test_a_pipeline_of_the_wrong_size_is_said():
    with pytest.warns(
        SizeWarning, match=r"in 0\.03\d of 10,000 simulated experiments \(SE 0\.002\), not in 0\.05"
    ):
        power(Design(3, baseline=0, model="welch"), PLAIN, -1, method="simulation", n_sim=10_000)


# Search


def test_a_curve_by_simulation_is_many_powers():
    curve = power_curve(Design(), PLAIN, [-0.3, -0.5], [10, 20], method="simulation", n_sim=300)
    assert len(curve) == 4
    last = power(Design(20), PLAIN, -0.5, method="simulation", n_sim=300)
    assert curve.iloc[-1][["power", "power_se", "type_i", "type_i_se"]].tolist() == [
        last.power,
        last.power_se,
        last.type_i,
        last.type_i_se,
    ]


def test_sample_size_by_simulation_holds_the_closed_one():
    hits = 0
    for seed in range(10):
        asked = {"effect": -0.35, "method": "simulation", "n_sim": 400, "seed": seed}
        found = sample_size(Design(cluster_size=2), DRIFTING, **asked)
        exact = sample_size(Design(cluster_size=2), DRIFTING, -0.35).n_per_arm
        assert found.n_per_arm % 2 == 0
        assert found.n_tried <= 8
        assert found.n_low <= found.n_per_arm <= found.n_high
        assert found.n_exact is None
        hits += found.n_low <= exact <= found.n_high
    assert hits >= 8  # of 10 intervals of 95 %: fewer happens once in 90


def test_smallest_effect_by_simulation_holds_the_closed_one():
    exact = smallest_detectable_effect(Design(25), PLAIN).effect
    found = smallest_detectable_effect(Design(25), PLAIN, method="simulation", n_sim=2_000)
    assert found.effect_low < exact < found.effect_high < 0
    assert found.effect == pytest.approx(exact, rel=0.08)


def test_search_brackets_from_far_off():
    rng = np.random.default_rng(4)

    def simulate(x):
        return int(rng.binomial(1_000, stats.norm.cdf(0.5 * x - 1.96))), 1_000

    truth = (1.96 + stats.norm.ppf(0.8)) / 0.5
    for start in (1.0, 5.6, 60.0):
        crossing = find_crossing(simulate, 0.8, start, 0.1, 1_000.0, 0.025)
        root, low, high = crossing.fit()
        assert root == pytest.approx(truth, rel=0.06)
        assert low < root < high < 1.2 * low
        assert len(crossing.points) <= 12


def test_search_says_what_it_cannot_reach():
    def never(x):
        return 50, 1_000

    crossing = find_crossing(never, 0.8, 10.0, 1.0, 100.0, 0.05)
    assert crossing.above is None
    assert max(crossing.points) == 100.0

    def always(x):
        return 990, 1_000

    assert find_crossing(always, 0.8, 10.0, 1.0, 100.0, 0.05).below is None
    with pytest.raises(DesignError, match="not reached: with 40 subjects"):
        sample_size(Design(), PLAIN, -0.1, max_n=40, method="simulation", n_sim=100)


def test_sample_size_where_the_least_is_enough():
    found = sample_size(Design(baseline=0), MeanEndpoint(3.5, 0.1), -3.4, method="simulation", n_sim=100)
    assert found.n_per_arm == found.n_low == found.n_high == 2
