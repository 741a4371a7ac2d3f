"""Alpha diversity: scikit-bio, vegan and closed forms as oracles; what is refused; what must not matter."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_tables import random_study, read_newick

from analysis.diversity.alpha import alpha_diversity
from analysis.diversity.metrics import row_blocks
from analysis.diversity.rarefaction import rarefy
from analysis.errors import (
    AnalysisWarning,
    DepthError,
    ParameterError,
    ScaledCountsWarning,
    TableError,
    TreeError,
)
from analysis.study import Study

REFERENCE = Path(__file__).parents[1] / "reference"
PLAIN = [
    "observed_features",
    "shannon",
    "simpson",
    "inv_simpson",
    "berger_parker_d",
    "goods_coverage",
    "chao1",
    "ace",
    "pielou_e",
]
OF_SHARES = [
    "shannon",
    "simpson",
    "inv_simpson",
    "berger_parker_d",
    "pielou_e",
    "hill_0.5",
    "hill_3",
    "hill_inf",
]


def of_skbio(study, metric, **arguments):
    from skbio.diversity import alpha_diversity as skbio_alpha

    values = skbio_alpha(metric, study.counts.toarray(), ids=list(study.sample_ids), **arguments)
    return values.to_numpy(dtype=float)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_metric_is_that_of_scikit_bio(seed):
    study = random_study(seed)
    found = alpha_diversity(study, [*PLAIN, "hill_0", "hill_0.5", "hill_1", "hill_2", "hill_3.7", "hill_inf"])
    for metric in PLAIN:
        np.testing.assert_allclose(found[metric], of_skbio(study, metric), rtol=1e-12, err_msg=metric)
    for order in (0, 0.5, 1, 2, 3.7, np.inf):
        expected = of_skbio(study, "hill", order=order)
        np.testing.assert_allclose(found[f"hill_{order:g}"], expected, rtol=1e-12, err_msg=str(order))
    unbiased = alpha_diversity(study, "inv_simpson_unbiased")["inv_simpson_unbiased"]
    np.testing.assert_allclose(unbiased, of_skbio(study, "inv_simpson", finite=True), rtol=1e-12)
    bits = alpha_diversity(study, "shannon", base=2)["shannon"]
    np.testing.assert_allclose(bits, of_skbio(study, "shannon", base=2), rtol=1e-12)


@pytest.mark.parametrize("polytomy", [False, True])
def test_faith_pd_is_that_of_scikit_bio(polytomy):
    study = random_study(4, tree=True, polytomy=polytomy)
    found = alpha_diversity(study, "faith_pd")["faith_pd"]
    expected = of_skbio(study, "faith_pd", taxa=list(study.feature_ids), tree=study.tree)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    shorn = study.select(features=study.feature_ids[5:60:2])  # the tree keeps tips that the table lacks
    expected = of_skbio(shorn, "faith_pd", taxa=list(shorn.feature_ids), tree=study.tree)
    np.testing.assert_allclose(alpha_diversity(shorn, "faith_pd")["faith_pd"], expected, rtol=1e-12)


def test_faith_pd_reaches_to_the_root():
    table = pd.DataFrame([[3, 1, 0], [0, 0, 2]], index=["near", "alone"], columns=["a", "b", "c"])
    study = Study.from_frame(table, tree=read_newick("((a:1,b:2):4,c:8);"))
    assert alpha_diversity(study, "faith_pd")["faith_pd"].tolist() == [7.0, 8.0]


@pytest.mark.parametrize("name", ["turnbaugh_mice", "global_patterns"])
def test_embedded_tables_agree_with_scikit_bio(name):
    from analysis.catalogue import load_dataset

    study = load_dataset(name)
    study = study.select(samples=study.sample_ids[::5])
    found = alpha_diversity(study, PLAIN)
    for metric in PLAIN:
        np.testing.assert_allclose(found[metric], of_skbio(study, metric), rtol=1e-12, err_msg=metric)


def test_vegan_gives_the_same():
    table = pd.read_csv(REFERENCE / "vegan_table.csv", index_col="sample_id")
    expected = pd.read_csv(REFERENCE / "vegan_alpha.csv", index_col="sample_id")
    study = Study.from_frame(table)
    metrics = [
        name for name in expected if name not in ("shannon_base2", "richness_at_100", "richness_at_100_sd")
    ]
    found = alpha_diversity(study, metrics)
    assert len(metrics) == 12
    for metric in metrics:
        np.testing.assert_allclose(found[metric], expected[metric], rtol=1e-12, err_msg=metric)
    bits = alpha_diversity(study, "shannon", base=2)["shannon"]
    np.testing.assert_allclose(bits, expected["shannon_base2"], rtol=1e-12)


def test_blocks_of_rows_cover_the_table(monkeypatch):
    study = random_study(5)
    whole = alpha_diversity(study, PLAIN)
    monkeypatch.setattr("analysis.diversity.metrics._BLOCK", 100)
    assert len(list(row_blocks(study.counts))) > 5
    pd.testing.assert_frame_equal(alpha_diversity(study, PLAIN), whole, check_exact=True)


def test_the_table_is_not_made_dense():
    """A table that would fill 80 GB dense is measured within a few times its own size."""
    import tracemalloc

    from scipy import sparse

    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, 10**7, (1000, 100)), axis=1)
    cells = (rng.integers(1, 50, 10**5), columns.ravel(), np.arange(0, 10**5 + 1, 100))
    table = sparse.csr_array(cells, shape=(1000, 10**7))
    table.sum_duplicates()
    from analysis.diversity.metrics import choose_metrics

    study = random_study(6)
    tracemalloc.start()
    for metric in choose_metrics(PLAIN, study):
        assert np.isfinite(metric.compute(table)).all()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * (table.data.nbytes + table.indices.nbytes)


def test_order_of_samples_and_features_only_reorders():
    study = random_study(7, tree=True)
    rng = np.random.default_rng(0)
    mixed = study.select(
        samples=rng.permutation(study.sample_ids), features=rng.permutation(study.feature_ids)
    )
    metrics = [*PLAIN, "faith_pd", "hill_2"]
    pd.testing.assert_frame_equal(
        alpha_diversity(mixed, metrics).loc[study.sample_ids], alpha_diversity(study, metrics), rtol=1e-13
    )


def test_order_does_not_change_rarefied_figures():
    study = random_study(8)
    mixed = study.select(samples=study.sample_ids[::-1], features=study.feature_ids[::-1])
    fewer = mixed.select(samples=mixed.sample_ids[3:9])
    depth = int(study.depths.min())
    first = alpha_diversity(study, ["shannon", "chao1"], depth=depth, iterations=20, seed=3)
    second = alpha_diversity(mixed, ["shannon", "chao1"], depth=depth, iterations=20, seed=3)
    third = alpha_diversity(fewer, ["shannon", "chao1"], depth=depth, iterations=20, seed=3)
    pd.testing.assert_frame_equal(second.loc[first.index], first, rtol=1e-13)
    pd.testing.assert_frame_equal(first.loc[third.index], third, rtol=1e-13)


def test_doubling_the_reads_changes_no_figure_of_shares():
    study = random_study(9)
    with pytest.warns(ScaledCountsWarning, match="multiple of 2"):
        doubled = Study.from_frame(study.to_frame() * 2)
    shares = Study.from_frame(study.to_frame().div(study.depths, axis=0))
    percent = Study.from_frame(study.to_frame().mul(100).div(study.depths, axis=0))
    expected = alpha_diversity(study, OF_SHARES)
    for other in (doubled, shares, percent):
        pd.testing.assert_frame_equal(alpha_diversity(other, OF_SHARES), expected, rtol=1e-12)
    assert not np.allclose(
        alpha_diversity(doubled, "chao1")["chao1"], alpha_diversity(study, "chao1")["chao1"]
    )


def test_evenness_of_one_feature_and_other_undefined_figures_are_nan_and_said():
    table = pd.DataFrame([[9, 0, 0], [1, 1, 1], [20, 1, 2]], index=["one", "singles", "fine"])
    study = Study.from_frame(table)
    with pytest.warns(AnalysisWarning, match="pielou_e in 1 \\('one'\\).*ace in 1 \\('singles'\\)"):
        found = alpha_diversity(study, ["pielou_e", "ace", "inv_simpson_unbiased", "shannon"])
    assert found["pielou_e"].isna().tolist() == [True, False, False]
    assert found["ace"].isna().tolist() == [False, True, False]
    assert found["inv_simpson_unbiased"].isna().tolist() == [False, True, False]
    assert found.loc["one", "shannon"] == 0
    assert not np.signbit(found.loc["one", "shannon"])
    assert found.loc["one", "inv_simpson_unbiased"] == 1


def test_ace_without_rare_features_is_the_richness():
    study = Study.from_frame(pd.DataFrame([[50, 11, 0]], index=["s"]))
    assert alpha_diversity(study, "ace")["ace"].tolist() == [2.0]


def test_fractions_are_refused_where_counts_are_needed():
    shares = Study.from_frame(pd.DataFrame([[0.5, 0.25, 0.25]], index=["s"]), name="shares")
    with pytest.raises(TableError) as caught:
        alpha_diversity(shares, ["shannon", "chao1", "ace", "goods_coverage", "inv_simpson_unbiased"])
    assert len(caught.value.faults) == 4
    assert "chao1 is worked out from features seen once and twice" in str(caught.value)
    assert alpha_diversity(shares, "shannon").loc["s", "shannon"] == pytest.approx(1.5 * np.log(2), rel=1e-15)
    with pytest.raises(TableError, match="rarefaction draws reads"):
        alpha_diversity(shares, "shannon", depth=10)


def test_unknown_metrics_are_all_named_with_the_nearest():
    with pytest.raises(ParameterError) as caught:
        alpha_diversity(random_study(1), ["shanon", "chao", "hill_x", "shannon", "shannon"])
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    assert "did you mean 'shannon'" in text
    assert "did you mean 'chao1'" in text
    assert "named more than once: shannon" in text


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"metrics": []}, "no metric"),
        ({"base": 1}, "no base"),
        ({"base": -2}, "no base"),
        ({"depth": 10.5}, "no number of reads"),
        ({"depth": True}, "no number of reads"),
        ({"depth": 0}, "no number of reads"),
        ({"depth": 5, "iterations": 0}, "iterations=0"),
        ({"depth": 5, "seed": -1}, "seed=-1"),
        ({"with_se": True}, "several draws"),
        ({"depth": 5, "iterations": 1, "with_se": True}, "several draws"),
    ],
)
def test_impossible_arguments(arguments, match):
    with pytest.raises(ParameterError, match=match):
        alpha_diversity(random_study(1), **arguments)


def test_samples_without_reads_are_named():
    study = Study.from_frame(pd.DataFrame([[1, 2], [0, 0]], index=["full", "blank"]))
    with pytest.raises(TableError, match=r"1 of 2 samples have no reads: 'blank'"):
        alpha_diversity(study)


def test_shallow_samples_go_only_on_request():
    study = Study.from_frame(pd.DataFrame([[80, 40], [30, 10], [5, 4]], index=["deep", "middle", "shallow"]))
    with pytest.raises(DepthError) as caught:
        alpha_diversity(study, depth=50)
    text = str(caught.value)
    assert "2 of 3 samples" in text
    assert "'shallow' (9), 'middle' (40)" in text
    assert "drop_shallow=True" in text
    assert alpha_diversity(study, depth=50, drop_shallow=True).index.tolist() == ["deep"]
    with pytest.raises(DepthError, match="at most 120"):
        alpha_diversity(study, depth=500, drop_shallow=True)


@pytest.mark.parametrize(
    ("newick", "match"),
    [
        ("(a:1,b:1,c:1);", "unrooted"),
        ("((a:1,b):1,c:1);", "1 branches without a length, above 'b'"),
        ("((a:1,b:-1):1,c:1);", "1 branches of negative length, above 'b'"),
        ("((a:1,b:1):1,(c:1,a:2):1);", "name of several tips"),
    ],
)
def test_trees_that_cannot_be_measured(newick, match):
    study = Study.from_frame(
        pd.DataFrame([[1, 2, 3]], index=["s"], columns=list("abc")), tree=read_newick(newick)
    )
    with pytest.raises(TreeError, match=match):
        alpha_diversity(study, "faith_pd")


def test_faults_of_a_tree_come_together_and_no_tree_is_said():
    study = Study.from_frame(
        pd.DataFrame([[1, 2, 3]], index=["s"], columns=list("abc")), tree=read_newick("(a:-1,b,c:1);")
    )
    with pytest.raises(TreeError) as caught:
        alpha_diversity(study, "faith_pd")
    assert len(caught.value.faults) == 3
    with pytest.raises(TreeError, match="no tree"):
        alpha_diversity(random_study(1), "faith_pd")


def test_one_draw_is_that_of_rarefy_and_many_carry_their_error():
    study = random_study(10)
    depth = int(study.depths.min())
    once = alpha_diversity(study, ["observed_features", "shannon"], depth=depth, iterations=1, seed=5)
    drawn = alpha_diversity(rarefy(study, depth, seed=5), ["observed_features", "shannon"])
    pd.testing.assert_frame_equal(once, drawn.astype(float))
    many = alpha_diversity(
        study, ["observed_features", "simpson"], depth=depth, iterations=50, seed=5, with_se=True
    )
    assert list(many) == ["observed_features", "simpson", "observed_features_se", "simpson_se"]
    assert (many["observed_features_se"] == 0).all()
    assert (many["simpson_se"] >= 0).all()
    assert many["simpson_se"].max() > 0


def test_mean_of_simpson_over_draws_is_its_expectation():
    """Two reads drawn from a rarefied sample are two reads of the sample: E(sum n(n-1)) is known exactly."""
    study = random_study(11)
    depth = int(study.depths.min())
    found = alpha_diversity(study, "simpson", depth=depth, iterations=400, seed=1, with_se=True)
    counts = study.counts.toarray().astype(float)
    reads = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / (reads * (reads - 1))
    expected = 1 - (depth + depth * (depth - 1) * same) / depth**2
    errors = (found["simpson"] - expected) / found["simpson_se"].where(reads > depth, np.inf)
    assert np.abs(errors).max() < 4
    assert 0.5 < errors[reads > depth].std() < 1.5


def test_a_mean_with_an_undefined_draw_is_undefined():
    study = Study.from_frame(pd.DataFrame([[30, 1]], index=["s"]))
    with pytest.warns(AnalysisWarning, match="pielou_e"):
        assert alpha_diversity(study, "pielou_e", depth=5, iterations=50).isna().all(axis=None)


@pytest.mark.parametrize(
    "order", ["0.5", "0.999999999999", "1.000000000001", "1.5", "2", "3", "160", "400", "1000000"]
)
def test_hill_numbers_of_even_communities_are_their_richness_whatever_the_order(order):
    study = Study.from_frame(pd.DataFrame([[1] * 100, [7] * 10 + [0] * 90], index=["s", "t"]))
    values = alpha_diversity(study, [f"hill_{order}"])
    np.testing.assert_allclose(values.to_numpy()[:, 0], [100, 10], rtol=1e-9)


def test_large_hill_orders_approach_the_inverse_of_the_commonest_share():
    study = Study.from_frame(pd.DataFrame([[60, 30, 10]], index=["s"]))
    values = alpha_diversity(study, ["hill_2000", "hill_inf"]).loc["s"]
    assert values["hill_2000"] == pytest.approx(values["hill_inf"], rel=1e-3)
