"""Fresh studies: their size, their noise, the effect put in, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import chisquare
from scipy.stats import poisson as poisson_law

from analysis.designs import Design
from analysis.errors import DesignError, ParameterError
from analysis.pilots import load_pilot
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.effects import composition_shift, fold_change, shannon_change
from analysis.pilots.plans import plan_arms, plan_of
from analysis.pilots.simulator import Simulator, _with_icc, poisson, simulate_study
from analysis.pilots.solving import Twins, omega_squared_of
from analysis.pilots.targets import shannon_of


@pytest.fixture(scope="module")
def people():
    """A pilot of one sample a person."""
    return load_pilot("sze_ross")


@pytest.fixture(scope="module")
def repeated():
    """A pilot with repeated samples."""
    return load_pilot("tap_fibre")


@pytest.fixture(scope="module")
def caged():
    """A pilot with cages."""
    return load_pilot("schubert_mice")


def test_poisson_follows_the_law():
    rng = np.random.default_rng(1)
    for mean in (0.05, 0.7, 3.0, 4.99, 5.0, 11.9):
        counts = poisson(rng, np.full(200_000, mean, dtype=np.float32))
        top = int(poisson_law.ppf(0.9999, mean))
        seen = np.bincount(np.minimum(counts, top), minlength=top + 1)
        expected = poisson_law.pmf(np.arange(top + 1), mean)
        expected[-1] += 1 - expected.sum()
        common = expected * counts.size > 5
        seen = np.append(seen[common], seen[~common].sum())
        expected = np.append(expected[common], expected[~common].sum()) * counts.size
        if expected[-1] == 0:
            seen, expected = seen[:-1], expected[:-1]
        assert chisquare(seen, expected * seen.sum() / expected.sum()).pvalue > 1e-4, mean


@pytest.mark.parametrize("mean", [12.0, 30.0, 100.0, 3_000.0])
def test_poisson_of_many_reads_is_nearly_right(mean):
    counts = poisson(np.random.default_rng(2), np.full(400_000, mean, dtype=np.float32))
    at = np.arange(int(poisson_law.ppf(0.0005, mean)), int(poisson_law.ppf(0.9995, mean)))
    seen = np.searchsorted(np.sort(counts), at, side="right") / counts.size
    np.testing.assert_allclose(seen, poisson_law.cdf(at, mean), atol=0.0045)  # 0.002, and chance


def test_poisson_of_nothing_is_nothing():
    assert not poisson(np.random.default_rng(0), np.zeros((3, 4), dtype=np.float32)).any()


@pytest.mark.parametrize("shape", [(1, 2, 3), (33, 7, 5), (3, 20, 90), (40, 11, 64)])
def test_bray_curtis_batch_agrees_with_scipy(shape):
    rng = np.random.default_rng(2)
    counts = (rng.poisson(30, shape) * (rng.random(shape) < 0.4)).astype(np.uint16)
    counts[..., 0] += 1
    found = bray_curtis_batch(counts)
    for table, distances in zip(counts, found, strict=True):
        expected = squareform(pdist(table.astype(float), "braycurtis"))
        np.testing.assert_allclose(distances, expected, atol=1e-6)


def test_bray_curtis_batch_is_exact_at_the_largest_depth():
    counts = np.zeros((1, 2, 2), dtype=np.uint16)
    counts[0, 0] = (65_535, 0)
    counts[0, 1] = (65_535, 0)
    assert bray_curtis_batch(counts)[0, 0, 1] == 0


def test_replicates_do_not_depend_on_each_other(people):
    simulator = Simulator(people, plan_arms([6, 6]))
    many = simulator.batch(np.random.default_rng(3), 5)
    few = simulator.batch(np.random.default_rng(3), 2)
    np.testing.assert_array_equal(many[:2], few)
    assert len({table.tobytes() for table in many}) == 5
    assert many.shape == (5, 12, len(people))


def test_every_sample_is_drawn_afresh(people):
    table = Simulator(people, plan_arms([100, 100])).batch(np.random.default_rng(4), 1)
    distances = bray_curtis_batch(table)[0]
    assert distances[np.triu_indices(200, 1)].min() > 0.05


def test_a_study_says_that_it_is_simulated_and_keeps_its_seed(people):
    design = Design(n_per_arm=5, baseline=0, follow_up=1)
    study = simulate_study(people, design, seed=7)
    again = simulate_study(people, design, seed=7)
    other = simulate_study(people, design, seed=8)
    assert (study.counts != again.counts).nnz == 0
    assert (study.counts != other.counts).nnz > 0
    assert "simulated" in study.source.name
    assert any("simulated, not measured" in note for note in study.source.notes)
    assert (study.depths == people.depth).all()
    assert study.metadata["arm"].value_counts().to_dict() == {"reference": 5, "treated": 5}
    assert study.roles.reference == "reference"
    assert study.roles.treatment == "arm"


def test_depths_as_in_the_table_vary(people):
    study = simulate_study(people, Design(n_per_arm=30, baseline=0), depth="as_table", seed=1)
    assert study.depths.min() >= people.depth_quantiles[0] - 1
    assert study.depths.max() <= people.depth_quantiles[-1]
    assert study.depths.nunique() > 30


def test_the_plan_of_a_design():
    plan = plan_of(Design(n_per_arm=7, baseline=2, follow_up=1, cluster_size=3, dropout=0.15))
    frame = plan.metadata()
    assert sorted(frame["time"].unique()) == [-1, 0, 1]
    assert frame.groupby("arm")["subject"].nunique().to_dict() == {"reference": 5, "treated": 5}
    assert frame.groupby("cage")["arm"].nunique().max() == 1
    assert frame["cage"].nunique() == 6
    assert plan.treated.sum() == 5
    shared = plan_of(Design(n_per_arm=4, baseline=0, cluster_size=2, within_cluster=True)).metadata()
    assert (shared.groupby("cage")["arm"].nunique() == 2).all()
    alone = plan_of(Design(n_per_arm=4, paired=True))
    assert (alone.arm == 1).all()
    assert alone.treated.sum() == 4


def test_samples_of_one_subject_are_alike_and_share_their_taxa(repeated):
    study = repeated.simulate(n_subjects=40, samples_per_subject=3, seed=5)
    counts = study.counts.toarray()
    subject = study.metadata["subject"].to_numpy()
    distances = squareform(pdist(counts.astype(float), "braycurtis"))
    same = (subject[:, None] == subject) & ~np.eye(len(subject), dtype=bool)
    other = subject[:, None] != subject
    gap = distances[other].mean() - distances[same].mean()
    assert gap == pytest.approx(repeated.fit.loc["subject_gap", "real"], rel=0.25)
    present = counts > 0
    agree = (present[:, None] == present).mean(axis=2)
    assert agree[same].mean() > agree[other].mean() + 0.05


def test_an_icc_leaves_the_cages_as_they_were_fitted():
    """Cage mates keep what they share; only the rest is divided between the mouse and the sample."""
    shares = load_pilot("schubert_mice").taxon_shares
    for icc in (0.0, 0.3, 0.6, 1.0):
        given = _with_icc(shares, icc)
        assert np.array_equal(given[:, :2], shares[:, :2])
        assert given.sum(axis=1) == pytest.approx(1)
        in_all = given[:, :3].sum(axis=1)
        assert in_all == pytest.approx(np.maximum(icc, shares[:, :2].sum(axis=1)))


def test_the_icc_that_is_given_is_the_icc_that_comes_out(people):
    plan = plan_arms([300], times=(1, 2))
    first, second = [], []
    for icc in (0.0, 0.9):
        table = Simulator(people, plan, icc=icc).batch(np.random.default_rng(6), 1)[0]
        values = shannon_of(table).reshape(-1, 2)
        first.append(np.corrcoef(values.T)[0, 1])
        second.append((table[::2] > 0)[:, :50].mean())
    assert abs(first[0]) < 0.15
    assert first[1] > 0.75
    assert second[0] == pytest.approx(second[1], abs=0.03)  # what is seen in all does not change


def test_animals_of_one_cage_are_alike(caged):
    plan = plan_arms([120], cluster_size=3)
    table = Simulator(caged, plan).batch(np.random.default_rng(7), 4)
    distances = bray_curtis_batch(table)
    same = (plan.cluster[:, None] == plan.cluster) & ~np.eye(120, dtype=bool)
    other = plan.cluster[:, None] != plan.cluster
    gap = distances[:, other].mean() - distances[:, same].mean()
    assert gap == pytest.approx(caged.fit.loc["cluster_gap", "real"], rel=0.3)


def test_a_fold_change_multiplies_what_is_there(people):
    taxon = people.taxa.index[3]
    plan = plan_arms([200, 200])
    effect = fold_change(people, {taxon: 3.0})
    base = Simulator(people, plan).shares(np.random.default_rng(8))
    moved = Simulator(people, plan, effect).shares(np.random.default_rng(8))
    treated = plan.treated
    np.testing.assert_allclose(moved[:, ~treated], base[:, ~treated], rtol=1e-5)
    odds = moved[3, treated] / (1 - moved[3, treated]) / (base[3, treated] / (1 - base[3, treated]))
    np.testing.assert_allclose(odds, 3.0, rtol=1e-3)


@pytest.mark.parametrize(("percent", "by"), [(-10, "evenness"), (-5, "richness"), (5, "evenness")])
def test_a_change_of_shannon_has_the_size_asked_for(people, percent, by):
    effect = shannon_change(people, percent, by=by, seed=1)
    plan = plan_arms([1_500, 1_500])
    rng = np.random.default_rng(99)  # not the numbers that it was solved on
    tables = Simulator(people, plan, effect).batch(rng, 2)
    values = np.array([shannon_of(table) for table in tables])
    treated = values[:, plan.treated].mean()
    reference = values[:, ~plan.treated].mean()
    error = 100 * np.sqrt(2 / values[:, plan.treated].size) * values.std() / reference
    assert 100 * (treated / reference - 1) == pytest.approx(percent, abs=3 * error)
    assert effect.size == pytest.approx(percent, abs=0.05)


def test_a_loss_of_richness_is_a_loss_of_taxa(people):
    effect = shannon_change(people, -10, by="richness")
    plan = plan_arms([300, 300])
    tables = Simulator(people, plan, effect).batch(np.random.default_rng(1), 1)[0]
    richness = (tables > 0).sum(axis=1)
    assert richness[plan.treated].mean() < 0.85 * richness[~plan.treated].mean()


def test_a_shift_has_the_omega_squared_asked_for(people):
    effect = composition_shift(people, 0.05, seed=2)
    n = 150
    plan = plan_arms([n, n])
    squared = bray_curtis_batch(Simulator(people, plan, effect).batch(np.random.default_rng(77), 6)) ** 2.0
    total = squared.sum(axis=(1, 2)) / (4 * n)
    within = (squared[:, :n, :n].sum(axis=(1, 2)) + squared[:, n:, n:].sum(axis=(1, 2))) / (2 * n)
    mean_within = within / (2 * n - 2)
    omega = (total - within - mean_within) / (total + mean_within)
    assert omega.mean() == pytest.approx(0.05, abs=3 * omega.std(ddof=1) / np.sqrt(6) + 0.003)


@pytest.mark.parametrize(("name", "error"), [("twins_genera", 0.03), ("tomkovich_mice", 0.04)])
@pytest.mark.parametrize("asked", [0.01, 0.05])
def test_an_effect_is_solved_to_a_few_percent(name, error, asked):
    # The mice differ by vendor, and so does what one change does to them: 240 studies leave 3.5 %.
    pilot = load_pilot(name)
    effect = composition_shift(pilot, asked)
    assert effect.size == pytest.approx(asked, rel=0.01)
    assert effect.size_se <= error * asked
    fresh = omega_squared_of(*Twins(pilot, None, seed=91).tables(effect, 80))
    both = np.hypot(effect.size_se, fresh.std(ddof=1) / np.sqrt(80))
    assert fresh.mean() == pytest.approx(asked, abs=3 * both)


def test_no_effect_is_no_difference(people):
    nothing = composition_shift(people, 0.0)
    plan = plan_arms([5, 5])
    with_effect = Simulator(people, plan, nothing).reads(np.random.default_rng(1))
    np.testing.assert_array_equal(with_effect, Simulator(people, plan).reads(np.random.default_rng(1)))


def test_impossible_effects_are_refused(people):
    with pytest.raises(ParameterError, match="never below 0"):
        shannon_change(people, -120)
    with pytest.raises(ParameterError, match="none to add"):
        shannon_change(people, 5, by="richness")
    with pytest.raises(ParameterError, match="cannot be reached"):
        shannon_change(people, 400)
    with pytest.raises(ParameterError, match="share of variance"):
        composition_shift(people, 1.2)
    with pytest.raises(ParameterError, match="cannot be reached"):
        composition_shift(people, 0.95)


def test_unknown_taxa_are_refused_with_the_nearest(people):
    known = people.taxa.index[0]
    with pytest.raises(ParameterError, match=f"did you mean '{known}'") as caught:
        fold_change(people, {known + "x": 2.0, people.taxa.index[1]: -1})
    assert len(caught.value.faults) == 2


def test_what_a_pilot_does_not_know_is_refused(people):
    with pytest.raises(DesignError, match="one sample of each"):
        people.simulate(n_subjects=10, samples_per_subject=2)
    with pytest.raises(DesignError, match="no cages were fitted"):
        people.simulate(n_subjects=10, cluster_size=5)
    with pytest.raises(ParameterError, match="from 0 to 1"):
        people.simulate(n_subjects=10, samples_per_subject=2, icc=1.4)
    with pytest.raises(ParameterError, match="65,535"):
        people.simulate(depth=100_000)
    assert len(people.simulate(n_subjects=10, samples_per_subject=2, icc=0.6).sample_ids) == 20


def test_metadata_of_a_repeated_study(repeated):
    study = simulate_study(repeated, Design(n_per_arm=4, baseline=1, follow_up=2))
    expected = pd.Series({"subject": "subject", "time": "time"})
    assert {"subject": study.roles.subject, "time": study.roles.time} == expected.to_dict()
    assert study.roles.baseline == (0,)
    assert study.roles.follow_up == (1, 2)


def test_effects_at_a_depth_that_no_endpoint_takes_are_refused(people):
    for depth in (5, 0, 99, 10**9, "x", 1_000.5, float("nan"), [1_000]):
        with pytest.raises(ParameterError, match=r"depth=.*\n.*100 to 60,000"):
            composition_shift(people, 0.05, depth=depth)
        with pytest.raises(ParameterError, match=r"depth=.*\n.*100 to 60,000"):
            shannon_change(people, -10, depth=depth, seed=-1)


def test_folds_beyond_single_precision_are_refused(people):
    first = people.taxa.index[0]
    for fold in (1e300, 1e10, 1e-300, 0, -1, float("inf")):
        with pytest.raises(ParameterError, match=r"fold of .*\n.*1e-09 to 1e\+09"):
            fold_change(people, {first: fold})
    for fold in (1e-9, 1e9):
        shares = Simulator(people, plan_arms([5, 5]), fold_change(people, {first: fold})).shares(
            np.random.default_rng(1)
        )
        assert np.isfinite(shares).all()
        np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"effect": 0.1}, "effect is a float"),
        ({"effect": "x"}, "effect is a str"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": "x"}, "seed='x'"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"icc": "x"}, "icc='x'"),
        ({"depth": "x"}, "depth='x'"),
        ({"depth": [1]}, r"depth=\[1\]"),
        ({"depth": 0}, "depth=0"),
        ({"pilot": "x"}, "pilot is a str"),
        ({"design": 20}, "design is a int"),
    ],
)
def test_a_study_of_wrong_arguments_is_refused(people, given, named):
    with pytest.raises(ParameterError, match=named):
        simulate_study(**({"pilot": people, "design": Design(5, baseline=0)} | given))


def test_an_effect_of_another_pilot_is_refused(people, caged):
    foreign = fold_change(caged, {caged.taxa.index[0]: 2.0})
    with pytest.raises(ParameterError, match=f"of {len(caged)} taxa, the pilot has {len(people)}"):
        simulate_study(people, Design(5, baseline=0), foreign)
