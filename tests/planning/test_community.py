"""Power of PERMANOVA: the test itself against permanova and explicit points, its size, and the controls."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from analysis.comparison.permanova import permanova
from analysis.designs import Design
from analysis.errors import DesignError, ParameterError
from analysis.pilots import fit_pilot, load_pilot
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.effects import composition_shift, fold_change, shannon_change
from analysis.pilots.simulator import Simulator
from analysis.planning.community import CommunityEndpoint
from analysis.planning.designed_permanova import DesignedPermanova, adjusted_squares
from analysis.planning.power import power, power_curve, sample_size
from analysis.planning.results import SizeWarning

POST = Design(20, baseline=0)


@pytest.fixture(scope="module")
def genera():
    """A small pilot of people, one sample each."""
    return load_pilot("twins_genera")


@pytest.fixture(scope="module")
def people(genera):
    """Its endpoint."""
    return CommunityEndpoint(genera)


@pytest.fixture(scope="module")
def mice():
    """A pilot with cages and repeats."""
    return load_pilot("tomkovich_mice")


def one_table(pilot, test, effect=None, seed=1):
    """Draw one table for a test, and its metadata."""
    tables = Simulator(pilot, test.plan, effect).batch(np.random.default_rng(seed), 1)
    metadata = test.plan.metadata()
    metadata["phase"] = np.where(test.plan.time > 0, "after", "before")
    return tables, metadata.set_axis([f"s{i:03d}" for i in range(len(metadata))], axis=0)


@pytest.mark.parametrize(
    ("design", "factor", "keys"),
    [
        (Design(6, baseline=0), "arm", {}),
        (Design(6, baseline=1, model="pooled"), "arm", {}),
        (Design(6, baseline=0, follow_up=3), "arm", {"plots": "subject"}),
        (Design(12, baseline=0, cluster_size=2, follow_up=2), "arm", {"plots": "cage"}),
        (Design(11, baseline=0, cluster_size=2, dropout=0.1), "arm", {"plots": "cage"}),
        (Design(8, baseline=0, cluster_size=4, within_cluster=True), "arm", {"blocks": "cage"}),
        (
            Design(8, baseline=0, cluster_size=4, within_cluster=True, follow_up=2),
            "arm",
            {"blocks": "cage", "plots": "subject"},
        ),
        (Design(7, paired=True), "phase", {"blocks": "subject"}),
    ],
)
def test_the_test_is_that_of_permanova(mice, design, factor, keys):
    # Few enough arrangements to go through in full, so that p does not depend on which were drawn.
    test = DesignedPermanova.of(design)
    assert test.labels.exact
    tables, metadata = one_table(mice, test)
    found = test.examine(tables, dispersion=True)
    distances = squareform(pdist(tables[0].astype(float), "braycurtis"))
    expected = permanova(distances, metadata, factor, **keys)
    assert found.p[0] == pytest.approx(expected.p_value, abs=1e-12)
    assert found.omega_squared[0] == pytest.approx(expected.omega_squared, abs=1e-6)
    assert test.labels.units.smallest_p == expected.smallest_p
    assert len(found.dispersion_p) == 1


def test_paired_cages_trade_places_as_wholes(mice):
    test = DesignedPermanova.of(Design(18, paired=True, cluster_size=3))
    tables, metadata = one_table(mice, test)
    distances = squareform(pdist(tables[0].astype(float), "braycurtis"))
    metadata["cage_time"] = metadata["cage"] + metadata["phase"]
    expected = permanova(distances, metadata, "phase", blocks="cage", plots="cage_time")
    assert test.examine(tables).p[0] == pytest.approx(expected.p_value, abs=1e-12)


@pytest.mark.parametrize("caged", [False, True])
@pytest.mark.parametrize("model", ["change", "ancova"])
def test_baselines_enter_as_explicit_points_would(model, caged):
    rng = np.random.default_rng(3)
    design = Design(9, baseline=2, follow_up=3, model=model, cluster_size=2 if caged else 1)
    test = DesignedPermanova.of(design)
    samples = rng.standard_normal((18, 5, 4)) + rng.standard_normal((18, 1, 4))
    flat = samples.reshape(90, 4)
    squared = squareform(pdist(flat)) ** 2
    before, after = samples[:, :2].mean(axis=1), samples[:, 2:].mean(axis=1)
    cage = test.plan.cluster[::5]
    means = [pd.DataFrame(part).groupby(cage).mean().to_numpy() for part in (before, after)]
    x, y = (part - part.mean(axis=0) for part in means)
    slope = 1.0 if model == "change" else (x * y).sum() / (x * x).sum()
    expected = squareform(pdist(after - slope * before)) ** 2
    found = adjusted_squares(squared[None], 18, 2, test.centring)[0]
    np.testing.assert_allclose(found, expected, atol=1e-10)
    metadata = test.plan.metadata().iloc[::5].reset_index(drop=True)
    by_hand = permanova(np.sqrt(expected), metadata, "arm", plots="cage", permutations=9_999)
    p = test.examine_distances(np.sqrt(squared)[None]).p[0]
    assert p == pytest.approx(by_hand.p_value, abs=1e-12 if caged else 0.06)
    assert caged == test.labels.exact


def gaussian(rng, n_sim, n, shift=0.0, spread=1.0):
    """Draw distances between points in 10 dimensions, the second half of them shifted or spread."""
    points = rng.standard_normal((n_sim, 2 * n, 10))
    points[:, n:] *= spread
    points[:, n:, 0] += shift
    return np.array([squareform(pdist(one)) for one in points])


def test_a_shift_of_location_has_power_and_a_change_of_spread_is_no_shift():
    rng = np.random.default_rng(4)
    test = DesignedPermanova.of(POST)
    shifted = test.examine_distances(gaussian(rng, 100, 20, shift=5.0), dispersion=True)
    assert (shifted.p <= 0.05).all()
    assert (shifted.dispersion_p <= 0.05).mean() < 0.3
    wider = test.examine_distances(gaussian(rng, 600, 20, spread=1.3), dispersion=True)
    assert (wider.p <= 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert (wider.dispersion_p <= 0.05).mean() > 0.9


def test_figures_and_their_errors(genera, people):
    found = power(POST, people, 0.06, n_sim=200)
    assert 0.3 < found.power < 0.999
    assert found.power_se == pytest.approx(np.sqrt(found.power * (1 - found.power) / 200), rel=0.2)
    assert abs(found.type_i - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 200)
    solved = composition_shift(genera, 0.06)  # as put in, up to the errors of both simulations
    error = np.hypot(found.omega_squared_se, solved.size_se)
    assert abs(found.omega_squared - 0.06) < 3 * error
    assert found.smallest_p < 1e-10
    assert 0 <= found.dispersion_rate < 0.5
    frame = found.to_frame()
    assert {"omega_squared", "dispersion_rate", "smallest_p"} <= set(frame.columns)
    assert all(name.isidentifier() for name in frame.columns)
    assert "omega squared seen" in found._repr_html_()
    assert any("twins_genera" in note for note in found.notes)


def test_power_rises_with_the_effect_and_falls_to_alpha_without(people):
    curve = power_curve(POST, people, effects=[0.0, 0.02, 0.05], n_per_arm=[15], n_sim=160)
    assert curve["power"].is_monotonic_increasing
    assert curve["power"].iloc[0] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 160)
    assert (curve["type_i"] == curve["type_i"].iloc[0]).all()  # one null for all effects of a design
    one = power(POST.resized(15), people, 0.05, n_sim=160)
    assert one.power == curve["power"].iloc[2]


def test_other_effects(genera, people):
    halved = fold_change(genera, dict.fromkeys(genera.taxa["mean_share"].nlargest(3).index, 0.2))
    assert power(POST, people, halved, n_sim=100).power > 0.5
    less_even = shannon_change(genera, -40)
    found = power(POST, people, less_even, n_sim=100)
    assert found.power > 0.5
    assert found.effect == less_even.text
    assert "Shannon -40 %" in found.notes[1]


def test_a_baseline_buys_power_where_people_stay_themselves(genera):
    steady = CommunityEndpoint(genera, icc=0.7)
    post = power(Design(12, baseline=0), steady, 0.03, n_sim=200)
    ancova = power(Design(12), steady, 0.03, n_sim=200)
    assert ancova.power > post.power + 3 * post.power_se
    assert np.isnan(ancova.dispersion_rate)
    assert "adjusted for the baseline" in ancova.test
    unused = power(Design(12, model="pooled"), steady, 0.03, n_sim=100)
    assert "the test does not use the baseline samples" in unused.notes


def test_sample_size_is_bracketed(people):
    found = sample_size(POST, people, 0.1, n_sim=120)
    assert found.n_low <= found.n_per_arm <= found.n_high
    assert 0.65 < found.power < 0.93
    assert 0 <= found.type_i < 0.12
    caged = CommunityEndpoint(load_pilot("schubert_mice"))
    least = sample_size(Design(4, baseline=0, cluster_size=2), caged, 0.4, n_sim=40)
    assert least.n_per_arm >= 8  # fewer than 4 cages an arm cannot reach .05


@pytest.mark.long
def test_processes_do_not_change_the_result():
    endpoint = CommunityEndpoint(load_pilot("sze_ross"))
    one, two = (power(Design(30, baseline=0), endpoint, 0.02, n_sim=150, n_jobs=n) for n in (1, 2))
    assert one == two
    one, two = (
        power(Design(10), CommunityEndpoint(load_pilot("tap_fibre")), 0.02, n_sim=100, n_jobs=n)
        for n in (1, 2)
    )
    assert replace(one, dispersion_rate=0, dispersion_rate_se=0) == replace(
        two, dispersion_rate=0, dispersion_rate_se=0
    )


def small_pilot(n):
    """Fit a pilot to a simulated table of n samples."""
    return fit_pilot(load_pilot("twins_genera").simulate(n_subjects=n, seed=n), max_taxa=60)


def rejections(pilot, n, n_sim, seed):
    """Simulate studies with no effect and count those that reject."""
    test = DesignedPermanova.of(Design(n, baseline=0))
    rng = np.random.default_rng([seed, n])
    simulator = Simulator(pilot, test.plan)
    return sum(int((test.examine(simulator.batch(rng, 50)).p <= 0.05).sum()) for _ in range(n_sim // 50))


def test_zero_effect_rejects_at_alpha():
    # A bootstrap of the pilot's distances rejects far more often; the long test has more sizes.
    hits = rejections(small_pilot(40), 10, 600, 0)
    assert abs(hits / 600 - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 600)


@pytest.mark.long
@pytest.mark.parametrize("n_pilot", [16, 40, 100])
def test_zero_effect_rejects_at_alpha_for_all_sizes(n_pilot):
    pilot = small_pilot(n_pilot)
    for n in (5, 10, 20, 50, 100):
        n_sim = 1_000
        nominal = 12 / 252 if n == 5 else 0.05  # 5 an arm: 252 arrangements in mirrored pairs
        hits = rejections(pilot, n, n_sim, n_pilot)
        assert abs(hits / n_sim - nominal) < 3 * np.sqrt(nominal * (1 - nominal) / n_sim), (n, hits)


def test_a_test_of_the_wrong_size_is_named(people, monkeypatch):
    honest = DesignedPermanova.examine

    def hasty(self, tables, *, dispersion=False):
        found = honest(self, tables, dispersion=dispersion)
        return replace(found, p=found.p / 4)

    monkeypatch.setattr(DesignedPermanova, "examine", hasty)
    with pytest.warns(SizeWarning, match="without an effect it rejects in"):
        power(POST, people, 0.02, n_sim=100)


def test_too_few_cages_are_refused(mice):
    with pytest.raises(DesignError, match=r"smallest p this design can reach is 0\.1"):
        power(Design(9, baseline=0, cluster_size=3), CommunityEndpoint(mice), 0.05, n_sim=20)


def test_bad_input(genera, people, mice):
    design = Design(20, baseline=0, follow_up=2, sides=1, model="welch")
    with pytest.raises(ParameterError) as caught:
        power(design, people, 1.2, margin=0.1, method="closed", permutations=10)
    text = str(caught.value)
    for fault in (
        "effect=1.2",
        "sides=1",
        "welch",
        "margin",
        "closed",
        "permutations=10",
        "samples a subject",
    ):
        assert fault in text, fault
    with pytest.raises(ParameterError, match="make it from the same pilot"):
        power(POST, people, fold_change(mice, {mice.taxa.index[0]: 2}))
    with pytest.raises(ParameterError, match="no cages were fitted"):
        power(Design(20, baseline=0, cluster_size=4), people, 0.1)
    with pytest.raises(ParameterError, match="cannot be reached"):
        power(POST, people, 0.99)
    with pytest.raises(ParameterError) as caught:
        CommunityEndpoint("baxter", metric="euclidean", depth=5)
    assert len(caught.value.faults) == 3


def test_distances_of_the_batch_are_those_tested(genera):
    test = DesignedPermanova.of(Design(10, baseline=0))
    tables = Simulator(genera, test.plan).batch(np.random.default_rng(0), 5)
    both = test.examine(tables), test.examine_distances(bray_curtis_batch(tables))
    np.testing.assert_array_equal(both[0].p, both[1].p)
