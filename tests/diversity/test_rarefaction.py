"""Rarefaction: exact enumeration, vegan and binomial coefficients as oracles."""

from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.diversity.alpha import alpha_diversity
from analysis.diversity.draws import draw_reads, rarefied_tables
from analysis.diversity.rarefaction import rarefaction_curve, rarefy
from analysis.diversity.richness import chance_missed, expected_richness
from analysis.errors import DepthError, ParameterError, TableError
from analysis.study import Study

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.gamma(0.2, 1, (12, 80)) * rng.lognormal(3.5, 0.8, (12, 1)))
    counts[:, 0] += 20
    table = pd.DataFrame(
        counts,
        index=[f"s{row:02d}" for row in range(12)],
        columns=[f"f{column:02d}" for column in range(80)],
    )
    return Study.from_frame(table, name="random")


def test_richness_by_enumeration_of_every_draw():
    reads = np.array([1, 1, 2, 3, 0, 5])
    pool = np.repeat(np.arange(6), reads)
    for depth in range(1, len(pool) + 1):
        seen = [len(set(draw)) for draw in combinations(pool, depth)]
        mean, sd = expected_richness(reads, [depth])
        assert mean[0] == pytest.approx(np.mean(seen), rel=1e-13)
        assert sd[0] == pytest.approx(np.std(seen), rel=1e-10, abs=1e-7)


@pytest.mark.parametrize(
    ("total", "depth"), [(50, 7), (5000, 1234), (100_000, 1000), (100_000, 99_000), (1_000_000, 3)]
)
def test_chance_missed_keeps_its_digits(total, depth):
    left = total - depth
    reads = np.unique([1, 2, 3, 5, 17, 100, min(999, left), min(3_000, left), left])
    reads = reads[reads <= left]
    expected = [comb(total - int(x), depth) / comb(total, depth) for x in reads]
    np.testing.assert_allclose(chance_missed(reads, total, depth), expected, rtol=1e-12, atol=1e-300)
    assert (chance_missed(np.array([left + 1, total]), total, depth) == 0).all()


def test_vegan_gives_the_same_richness():
    study = Study.from_frame(pd.read_csv(REFERENCE / "vegan_table.csv", index_col="sample_id"))
    expected = pd.read_csv(REFERENCE / "vegan_alpha.csv", index_col="sample_id")
    curve = rarefaction_curve(study, depths=[100]).set_index("sample_id")
    np.testing.assert_allclose(curve["value"], expected["richness_at_100"], rtol=1e-11)
    np.testing.assert_allclose(curve["sd"], expected["richness_at_100_sd"], rtol=1e-9)
    mean = alpha_diversity(study, "observed_features", depth=100)["observed_features"]
    np.testing.assert_allclose(mean, expected["richness_at_100"], rtol=1e-11)


def test_draws_average_to_the_expectation(study):
    depth = 20
    tables = list(rarefied_tables(study, depth, iterations=500, seed=4))
    richness = np.array([np.diff(table.indptr) for table in tables])
    for row, reads in enumerate(study.counts.toarray()):
        mean, sd = (float(values[0]) for values in expected_richness(reads, [depth]))
        assert abs(richness[:, row].mean() - mean) < 4 * sd / np.sqrt(500)
        assert richness[:, row].std(ddof=1) == pytest.approx(sd, rel=0.2)
    share = sum(table.toarray() for table in tables) / (500 * depth)
    expected = study.counts.toarray() / study.depths.to_numpy()[:, None]
    total = study.depths.to_numpy()[:, None]
    error = np.sqrt(expected * (1 - expected) / depth * (total - depth) / (total - 1) / 500)
    score = (share - expected)[error > 0] / error[error > 0]
    assert np.abs(score).max() < 4.5
    assert score.std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("depth", [5, 900, 99_000])
def test_both_ways_to_draw_follow_the_same_law(depth):
    """Few reads are shuffled; many reads of few features are drawn feature by feature."""
    reads = np.array([60_000, 30_000, 9_000, 999, 1])
    draws = draw_reads(reads, depth, 2000, np.random.default_rng(2))
    assert (draws.sum(axis=1) == depth).all()
    assert (draws <= reads).all()
    share = reads / reads.sum()
    variance = depth * share * (1 - share) * (reads.sum() - depth) / (reads.sum() - 1)
    assert (np.abs(draws.mean(axis=0) - depth * share) < 4 * np.sqrt(variance / 2000)).all()
    np.testing.assert_allclose(draws.var(axis=0)[:3], variance[:3], rtol=0.15)


def test_a_rarefied_study_has_the_depth_and_only_what_was_there(study):
    drawn = rarefy(study, 15, seed=2)
    assert (drawn.depths == 15).all()
    assert (drawn.counts.toarray() <= study.counts.toarray()).all()
    assert drawn.feature_ids.equals(study.feature_ids)
    assert drawn.source.notes[-1] == "rarefied to 15 reads a sample (one draw, seed 2)"
    assert not np.array_equal(drawn.counts.toarray(), rarefy(study, 15, seed=3).counts.toarray())
    deepest = study.depths.idxmax()
    whole = rarefy(study.select(samples=[deepest]), int(study.depths.max()))
    assert np.array_equal(whole.counts.toarray(), study.select(samples=[deepest]).counts.toarray())


def test_order_and_company_do_not_change_a_draw(study):
    drawn = rarefy(study, 15, seed=2).to_frame()
    mixed = study.select(samples=study.sample_ids[::-1], features=np.roll(study.feature_ids, 7))
    pd.testing.assert_frame_equal(rarefy(mixed, 15, seed=2).to_frame().loc[drawn.index, drawn.columns], drawn)
    alone = rarefy(study.select(samples=["s05"]), 15, seed=2).to_frame()
    pd.testing.assert_frame_equal(alone, drawn.loc[["s05"]])


def test_dropping_shallow_samples_is_asked_for_and_noted(study):
    depth = int(study.depths.median())
    with pytest.raises(DepthError, match=f"6 of 12 samples have under {depth}"):
        rarefy(study, depth)
    kept = rarefy(study, depth, drop_shallow=True)
    assert kept.shape[0] == 6
    assert "6 of 12 samples kept" in kept.source.notes


def test_a_curve_ends_at_the_whole_sample(study):
    curve = rarefaction_curve(study)
    assert list(curve) == ["sample_id", "depth", "metric", "value", "sd", "se"]
    ends = curve.groupby("sample_id", sort=False).last()
    assert ends["depth"].tolist() == study.depths.tolist()
    assert ends["value"].to_numpy() == pytest.approx(np.diff(study.counts.indptr))
    assert (curve.groupby("sample_id")["value"].diff().dropna() > 0).all()
    starts = curve.groupby("sample_id").first()
    assert (starts["depth"] == 1).all()
    assert starts["value"].to_numpy() == pytest.approx(1.0)
    assert (starts["sd"] == 0).all()
    assert (curve["se"] == 0).all()
    assert curve["sample_id"].drop_duplicates().tolist() == study.sample_ids.tolist()


def test_a_drawn_curve_is_the_mean_that_alpha_diversity_gives(study):
    curve = rarefaction_curve(
        study, ["shannon", "observed_features"], [10, 20], iterations=30, seed=6, base=2
    )
    assert curve["metric"].drop_duplicates().tolist() == ["shannon", "observed_features"]
    found = curve[curve["metric"] == "shannon"].pivot_table(
        index="sample_id", columns="depth", values="value"
    )
    for depth in (10, 20):
        expected = alpha_diversity(study, "shannon", depth=depth, iterations=30, seed=6, base=2)["shannon"]
        np.testing.assert_allclose(found[depth], expected, rtol=1e-14)


def test_samples_leave_a_curve_at_their_own_reads(study):
    depth = int(study.depths.median())
    curve = rarefaction_curve(study, ["observed_features", "simpson"], depths=[5, depth], iterations=3)
    there = curve[curve["depth"] == depth].groupby("metric")["sample_id"].apply(set)
    assert there["simpson"] == there["observed_features"] == set(study.sample_ids[study.depths >= depth])
    with pytest.raises(DepthError, match="no sample has 1,000,000 reads"):
        rarefaction_curve(study, depths=[5, 1_000_000])


def test_impossible_depths_and_tables(study):
    with pytest.raises(ParameterError) as caught:
        rarefaction_curve(study, depths=[0, 2.5, 10])
    assert len(caught.value.faults) == 2
    with pytest.raises(ParameterError, match="no depth"):
        rarefaction_curve(study, depths=[])
    blank = Study.from_frame(pd.DataFrame([[1, 2], [0, 0]], index=["full", "blank"]))
    with pytest.raises(TableError, match="'blank'"):
        rarefaction_curve(blank)
    shares = Study.from_frame(pd.DataFrame([[0.5, 0.5]], index=["s"]))
    for call in (rarefaction_curve, lambda given: rarefy(given, 1)):
        with pytest.raises(TableError, match="fractions"):
            call(shares)
    huge = Study.from_frame(pd.DataFrame([[10**9, 1]], index=["s"]))
    with pytest.raises(TableError, match="thousand million"):
        rarefy(huge, 10)
