"""Beta diversity and principal coordinates: scikit-bio, vegan and enumeration as oracles."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_tables import random_study, read_newick

from analysis.diversity.beta import beta_diversity, pcoa
from analysis.diversity.rarefaction import rarefy
from analysis.errors import DepthError, ParameterError, TableError, TreeError
from analysis.study import Study

REFERENCE = Path(__file__).parents[1] / "reference"
ON_TABLES = ["braycurtis", "jaccard", "jensenshannon", "aitchison", "robust_aitchison"]
ON_TREES = ["unweighted_unifrac", "weighted_unifrac", "weighted_normalized_unifrac"]


@pytest.fixture(scope="module")
def study():
    return random_study(20, n_samples=14, n_features=60, tree=True, polytomy=True)


def of_skbio(study, metric):
    from skbio.diversity import beta_diversity as skbio_beta

    counts, ids = np.ascontiguousarray(study.counts.toarray()), list(study.sample_ids)
    phylogeny = {"taxa": list(study.feature_ids), "tree": study.tree}
    if metric == "unweighted_unifrac":
        return skbio_beta(metric, counts, ids, **phylogeny)
    if metric == "weighted_unifrac":
        return skbio_beta(metric, counts, ids, normalized=False, **phylogeny)
    if metric == "weighted_normalized_unifrac":
        return skbio_beta("weighted_unifrac", counts, ids, normalized=True, **phylogeny)
    return skbio_beta(metric, counts, ids)


@pytest.mark.parametrize("metric", ["braycurtis", "jaccard", "jensenshannon", *ON_TREES])
def test_distances_are_those_of_scikit_bio(study, metric):
    found, expected = beta_diversity(study, metric), of_skbio(study, metric)
    assert found.ids == expected.ids
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("metric", ON_TREES)
def test_a_length_above_the_root_counts_as_in_scikit_bio(metric):
    table = pd.DataFrame([[3, 1, 0], [0, 2, 2]], index=["a", "b"], columns=["x", "y", "z"])
    rooted = Study.from_frame(table, tree=read_newick("((x:1,y:2):4,z:8):3;"))
    found, expected = beta_diversity(rooted, metric), of_skbio(rooted, metric)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-14)


@pytest.mark.parametrize("metric", ON_TABLES)
def test_vegan_gives_the_same(metric):
    table = Study.from_frame(pd.read_csv(REFERENCE / "vegan_table.csv", index_col="sample_id"))
    expected = pd.read_csv(REFERENCE / "vegan_distances.csv")
    distances = beta_diversity(table, metric)
    found = [distances[pair] for pair in zip(expected["first"], expected["second"], strict=True)]
    np.testing.assert_allclose(found, expected[metric], rtol=1e-12)


@pytest.mark.parametrize("metric", [*ON_TABLES, *ON_TREES])
def test_order_only_reorders_and_unseen_features_count_for_nothing(study, metric):
    whole = beta_diversity(study, metric)
    mixed = study.select(samples=study.sample_ids[::-1], features=np.roll(study.feature_ids, 11))
    again = beta_diversity(mixed, metric).filter(whole.ids)
    np.testing.assert_allclose(again.data, whole.data, rtol=1e-11)
    fewer = study.select(samples=study.sample_ids[:3])
    seen = np.asarray(fewer.counts.sum(axis=0)) > 0
    assert not seen.all()
    np.testing.assert_allclose(
        beta_diversity(fewer, metric).data,
        beta_diversity(fewer.select(features=seen), metric).data,
        rtol=1e-12,
    )


@pytest.mark.parametrize("metric", ["jaccard", "jensenshannon", "robust_aitchison", *ON_TREES])
def test_doubling_one_sample_moves_nothing_that_is_measured_on_shares(study, metric):
    table = study.to_frame()
    table.iloc[0] *= 2
    doubled = Study.from_frame(table, tree=study.tree)
    np.testing.assert_allclose(
        beta_diversity(doubled, metric).data, beta_diversity(study, metric).data, rtol=1e-11
    )


def test_like_samples_are_at_a_jensen_shannon_distance_of_0_and_not_of_nan():
    # rounding leaves their divergence at -1e-17, whose root scipy gives as NaN
    table = pd.DataFrame([[4, 5, 1], [28, 35, 7]], index=["a", "b"], columns=["x", "y", "z"])
    assert beta_diversity(Study.from_frame(table), "jensenshannon")["a", "b"] == 0


def test_fractions_are_closed_first(study):
    shares = Study.from_frame(study.to_frame().div(study.depths, axis=0), tree=study.tree)
    percent = Study.from_frame(study.to_frame().mul(100).div(study.depths, axis=0), tree=study.tree)
    for metric in ("braycurtis", "jensenshannon", "robust_aitchison", "weighted_unifrac"):
        first, second = beta_diversity(shares, metric), beta_diversity(percent, metric)
        np.testing.assert_allclose(first.data, second.data, rtol=1e-11)
        if metric != "braycurtis":
            np.testing.assert_allclose(first.data, beta_diversity(study, metric).data, rtol=1e-11)
    halves = Study.from_frame(pd.DataFrame([[0.5, 0.5, 0], [0.25, 0, 0.75]], index=["a", "b"]))
    assert beta_diversity(halves)["a", "b"] == pytest.approx(0.75, rel=1e-15)


def test_mean_over_draws_is_the_mean_over_all_possible_draws():
    table = pd.DataFrame([[3, 2, 1, 0], [1, 0, 2, 4]], index=["a", "b"], columns=list("wxyz"))
    small = Study.from_frame(table)
    depth = 3
    draws = [
        [np.bincount(draw, minlength=4) for draw in combinations(np.repeat(np.arange(4), row), depth)]
        for row in table.to_numpy()
    ]
    possible = [np.abs(p - q).sum() / (2 * depth) for p in draws[0] for q in draws[1]]
    found = beta_diversity(small, depth=depth, iterations=2000, seed=8)["a", "b"]
    assert abs(found - np.mean(possible)) < 4 * np.std(possible) / np.sqrt(2000)


@pytest.mark.parametrize("metric", ["braycurtis", "weighted_unifrac"])
def test_one_draw_is_that_of_rarefy(study, metric):
    depth = int(study.depths.min())
    once = beta_diversity(study, metric, depth=depth, iterations=1, seed=4)
    drawn = beta_diversity(rarefy(study, depth, seed=4), metric)
    np.testing.assert_allclose(once.data, drawn.data, rtol=1e-13)


def test_draws_do_not_depend_on_order(study):
    depth = int(study.depths.min())
    mixed = study.select(samples=study.sample_ids[::-1], features=study.feature_ids[::-1])
    first = beta_diversity(study, "jaccard", depth=depth, iterations=25, seed=4)
    second = beta_diversity(mixed, "jaccard", depth=depth, iterations=25, seed=4)
    np.testing.assert_allclose(second.filter(first.ids).data, first.data, rtol=1e-12)


def test_unknown_metrics_and_impossible_arguments(study):
    with pytest.raises(ParameterError, match="did you mean 'braycurtis'"):
        beta_diversity(study, "bray_curtis")
    with pytest.raises(ParameterError, match="pseudocount"):
        beta_diversity(study, "aitchison", pseudocount=-1)
    with pytest.raises(ParameterError, match="memory_limit_gb"):
        beta_diversity(study, memory_limit_gb=0)
    with pytest.raises(ParameterError, match="iterations=0"):
        beta_diversity(study, depth=3, iterations=0)


def test_zeros_and_pseudocounts(study):
    with pytest.raises(TableError, match="the table has zeros"):
        beta_diversity(study, "aitchison", pseudocount=0)
    with pytest.raises(TableError, match="a pseudocount of 2 weighs more"):
        beta_diversity(study, "aitchison", pseudocount=2)
    shares = Study.from_frame(study.to_frame().div(study.depths, axis=0))
    with pytest.raises(TableError, match=r"a pseudocount of 0\.5 weighs more than the smallest abundance"):
        beta_diversity(shares, "aitchison")
    full = Study.from_frame(pd.DataFrame([[1, 2, 4], [4, 2, 1]], index=["a", "b"]))
    expected = np.log(4) * np.sqrt(2)
    assert beta_diversity(full, "aitchison", pseudocount=0)["a", "b"] == pytest.approx(expected, rel=1e-14)


def test_what_cannot_be_measured_is_refused(study):
    blank = Study.from_frame(pd.DataFrame([[1, 2], [0, 0]], index=["full", "blank"]))
    with pytest.raises(TableError, match="'blank'"):
        beta_diversity(blank)
    with pytest.raises(TableError, match="at least two samples"):
        beta_diversity(study.select(samples=study.sample_ids[:1]))
    with pytest.raises(DepthError, match="drop_shallow=True"):
        beta_diversity(study, depth=int(study.depths.max()))
    with pytest.raises(TreeError, match="no tree"):
        beta_diversity(random_study(1), "unweighted_unifrac")
    with pytest.raises(TableError, match=r"need about .* GB.*\n.*at most 1e-06 GB"):
        beta_diversity(study, memory_limit_gb=1e-6)


def test_principal_coordinates_are_those_of_cmdscale():
    study = Study.from_frame(pd.read_csv(REFERENCE / "vegan_table.csv", index_col="sample_id"))
    expected = pd.read_csv(REFERENCE / "vegan_pcoa.csv", index_col="sample_id")
    eigenvalues = expected.pop("eigenvalue").to_numpy()
    found = pcoa(beta_diversity(study), n_axes=5)
    assert found.coordinates.index.tolist() == expected.index.tolist()
    np.testing.assert_allclose(found.coordinates.abs(), expected.abs(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.eigenvalues, eigenvalues[:5], rtol=1e-10)
    positive, negative = eigenvalues[eigenvalues > 1e-12], eigenvalues[eigenvalues < -1e-12]
    assert len(negative) > 0
    np.testing.assert_allclose(found.proportion_explained, positive[:5] / positive.sum(), rtol=1e-10)
    assert found.negative_share == pytest.approx(-negative.sum() / np.abs(eigenvalues).sum(), rel=1e-9)
    assert found.to_frame() is found.coordinates
    assert "negative eigenvalues" in found._repr_html_()


def test_principal_coordinates_of_points_in_a_plane_are_the_points():
    from scipy.spatial.distance import pdist, squareform
    from skbio import DistanceMatrix

    points = np.random.default_rng(3).normal(size=(20, 2)) * [3, 1]
    distances = DistanceMatrix(squareform(pdist(points)), [f"s{row}" for row in range(20)])
    found = pcoa(distances, n_axes=2)
    np.testing.assert_allclose(pdist(found.coordinates), pdist(points), rtol=1e-10)
    assert found.proportion_explained.sum() == pytest.approx(1, rel=1e-10)
    assert found.negative_share == 0
    assert pcoa(distances.filter(["s0", "s1", "s2"])).coordinates.shape == (3, 2)


def test_what_has_no_map(study):
    from skbio import DistanceMatrix

    with pytest.raises(ParameterError, match="DistanceMatrix"):
        pcoa(study.to_frame())
    with pytest.raises(ParameterError, match="n_axes"):
        pcoa(beta_diversity(study), n_axes=0)
    with pytest.raises(ParameterError, match="whole number"):
        pcoa(beta_diversity(study), n_axes=2.5)
    with pytest.raises(ParameterError, match="all at distance 0"):
        pcoa(DistanceMatrix(np.zeros((3, 3)), ["a", "b", "c"]))
