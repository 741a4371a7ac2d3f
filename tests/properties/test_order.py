"""The order of samples and features is nobody's result: what is computed follows its names.

Sums in another order may differ in their last digit, so numbers are compared to twelve digits, and p-values,
draws and everything whole exactly.
"""

import numpy as np
import pandas as pd
import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import analysis as an
from analysis.diversity import metrics as alpha_metrics

DIGITS = {"rtol": 1e-12, "atol": 1e-12}
ALPHA = [*alpha_metrics._NAMES, "hill_0.5", "hill_3"]
BETA = [
    "braycurtis", "jaccard", "jensenshannon", "aitchison", "robust_aitchison",
    "unweighted_unifrac", "weighted_unifrac", "weighted_normalized_unifrac",
]  # fmt: skip
DRAWN = st.integers(0, 60)  # reads of studies that are drawn from

undefined_is_fine = pytest.mark.filterwarnings("ignore:.*undefined, and NaN:analysis.errors.AnalysisWarning")


def assert_same_rows(found, expected, **tolerance):
    assert_frame_equal(found.loc[expected.index], expected, **(tolerance or DIGITS))
    assert found.index.size == expected.index.size


@given(st.data(), some.studies(empty=True, tree=True, taxonomy=True))
def test_select_is_plain_indexing(data, study):
    rows = data.draw(some.orders(study.shape[0]))[: data.draw(st.integers(1, study.shape[0]))]
    columns = data.draw(some.orders(study.shape[1]))[: data.draw(st.integers(1, study.shape[1]))]
    part = study.select(samples=study.sample_ids[rows], features=study.feature_ids[columns])
    assert_frame_equal(part.to_frame(), study.to_frame().iloc[rows, columns])
    assert_frame_equal(part.metadata, study.metadata.iloc[rows])
    assert_frame_equal(part.taxonomy, study.taxonomy.iloc[columns])
    masked = study.select(samples=study.sample_ids.isin(part.sample_ids))
    assert masked.sample_ids.tolist() == study.sample_ids[sorted(rows)].tolist()


@undefined_is_fine
@given(some.pairs(tree=True))
def test_alpha_diversity(pair):
    study, other = pair
    assert_same_rows(an.alpha_diversity(other, ALPHA), an.alpha_diversity(study, ALPHA))


@undefined_is_fine
@given(some.pairs(tree=True, counts=DRAWN), st.integers(1, 3))
def test_alpha_diversity_of_draws(pair, iterations):
    # each sample has its own random numbers: the draws are the same, not only alike
    depth = int(pair[0].depths.min())
    first, second = (an.alpha_diversity(one, ALPHA, depth, iterations, seed=3) for one in pair)
    assert_same_rows(second, first)


@pytest.mark.parametrize("metric", BETA)
@given(pair=some.pairs(samples=(2, 6), tree=True))
def test_beta_diversity(metric, pair):
    first, second = (an.beta_diversity(study, metric).to_data_frame() for study in pair)
    # the square of a distance is what is summed; its root has half the digits near 0
    assert_same_rows(np.square(second[first.columns]), np.square(first))
    assert np.isfinite(first.to_numpy()).all()


@given(some.pairs(samples=(2, 5), counts=DRAWN), st.sampled_from(["braycurtis", "jaccard"]))
def test_beta_diversity_of_draws(pair, metric):
    depth = int(pair[0].depths.min())
    first, second = (an.beta_diversity(one, metric, depth, 2, seed=3).to_data_frame() for one in pair)
    assert_same_rows(second[first.columns], first)


@undefined_is_fine
@some.examples(0.4)
@given(some.pairs(samples=(1, 3), counts=DRAWN), st.sampled_from(["observed_features", "shannon"]))
def test_rarefaction_curve(pair, metric):
    depths = [1, int(pair[0].depths.min())]
    first, second = (
        an.rarefaction_curve(study, metric, depths, iterations=2).set_index(["sample_id", "depth", "metric"])
        for study in pair
    )
    assert_same_rows(second, first)


@given(some.pairs(samples=(2, 6), counts=DRAWN))
def test_pcoa_places_samples_alike(pair):
    first, second = (an.beta_diversity(study) for study in pair)
    assume(first.condensed_form().any())
    one, two = an.pcoa(first), an.pcoa(second)
    largest = one.eigenvalues.iloc[0]
    assert np.allclose(two.eigenvalues, one.eigenvalues, atol=1e-9 * largest)
    assert np.isclose(two.negative_share, one.negative_share, atol=1e-9)
    assert np.allclose(two.proportion_explained, one.proportion_explained, atol=1e-9)
    # Axes of equal eigenvalues may be turned in their plane, so the axes are compared where they stand alone.
    sizes = one.eigenvalues.to_numpy()
    apart = np.abs(np.subtract.outer(sizes, sizes)) + largest * np.eye(len(sizes))
    alone = np.minimum(apart.min(axis=0), sizes) > 1e-3 * largest
    old = one.coordinates.loc[:, alone]
    new = two.coordinates.loc[old.index, alone]
    assert np.allclose(np.abs(new), np.abs(old), atol=1e-7 * np.sqrt(largest))
    assert np.allclose(np.abs((new * old).sum()), np.square(old).sum(), atol=1e-7 * largest)


@given(some.pairs(empty=True, taxonomy=True), st.sampled_from(["Phylum", "Family", "Genus", "Species"]))
def test_collapse(pair, rank):
    first, second = (study.collapse(rank) for study in pair)
    assert_frame_equal(second.to_frame().loc[first.sample_ids], first.to_frame())
    assert_frame_equal(second.taxonomy, first.taxonomy)
    assert second.depths[first.sample_ids].tolist() == pair[0].depths.tolist()


@pytest.mark.filterwarnings("ignore:.*no feature belongs to:analysis.errors.AnalysisWarning")
@given(some.pairs(empty=True, taxonomy=True))
def test_panel_scores(pair):
    assume((pair[0].taxonomy["Genus"] != "").any())
    first, second = (an.panel_scores(study, "escherichia_shigella") for study in pair)
    assert_same_rows(second.scores, first.scores)
    assert_frame_equal(second.matched, first.matched, **DIGITS)
    assert second.undefined.to_dict() == first.undefined.to_dict()
    assert np.allclose(second.unclassified, first.unclassified)


@st.composite
def trials(draw):
    """A study of two arms in which tests of single features can run."""
    study = draw(some.studies(samples=(6, 9), features=(3, 6), counts=some.COMMON))
    n = study.shape[0]
    drug = draw(st.permutations(["no"] * (n // 2) + ["yes"] * (n - n // 2)))
    return an.Study(
        study.counts,
        study.sample_ids,
        study.feature_ids,
        pd.DataFrame({"drug": drug}, index=study.sample_ids),
    )


@given(st.data(), trials())
def test_differential_abundance(data, study):
    seen = (study.counts > 0).sum(axis=0)
    assume((seen > 0).sum() > 2)
    call = {"treatment": "drug", "reference": "no", "method": "clr", "min_prevalence": 0}
    first = an.differential_abundance(study, **call)
    second = an.differential_abundance(data.draw(some.shuffled(study)), **call)
    assert_same_rows(
        second.table.set_index("feature"), first.table.set_index("feature"), rtol=1e-9, atol=1e-9
    )
    assert set(second.skipped) == set(first.skipped)
