"""Diversity that others published, from the tables they published: QIIME 2, mothur and vegan.

These tables are read where they are and never copied. Where a published figure is a mean over random
draws, it is held to a number of Monte Carlo standard errors; everything else agrees to the digits printed.
"""

import numpy as np
import pandas as pd
import pytest

from analysis.diversity.alpha import alpha_diversity
from analysis.diversity.beta import beta_diversity, pcoa
from analysis.diversity.rarefaction import rarefaction_curve
from analysis.errors import ScaledCountsWarning
from analysis.readers import read_alpha, read_distances, read_study

# folder of a core-metrics run, its tree; both have the same file names inside
QIIME2 = {
    "moving_pictures": ("moving_pictures/core-metrics-results", "moving_pictures/rooted-tree.qza"),
    "isb_cdi_fmt": (
        "isb_cdi_fmt/treasure_chest/diversity",
        "isb_cdi_fmt/treasure_chest/tree/rooted_tree.qza",
    ),
}
VECTORS = {  # QIIME 2's file: our metric
    "observed_features_vector.qza": "observed_features",
    "shannon_vector.qza": "shannon",
    "evenness_vector.qza": "pielou_e",
    "faith_pd_vector.qza": "faith_pd",
}
MATRICES = {
    "bray_curtis_distance_matrix.qza": "braycurtis",
    "jaccard_distance_matrix.qza": "jaccard",
    "unweighted_unifrac_distance_matrix.qza": "unweighted_unifrac",
    "weighted_unifrac_distance_matrix.qza": "weighted_unifrac",
}
APGAR = {  # the folder, and how many alpha vectors that need no tree are in it
    "arizona stool": ("arizona_experiments/stool/data/qiime/core_outputs", 3),
    "arizona cecum": ("arizona_experiments/cecum/data/core_outputs", 1),
    "amc": ("amc_followUp_experiments/data/qiime/core_outputs", 3),
}


@pytest.fixture(scope="module", params=list(QIIME2))
def core_metrics(request, shared_data):
    folder, tree = QIIME2[request.param]
    study = read_study(shared_data / folder / "rarefied_table.qza", tree=shared_data / tree)
    return study, shared_data / folder


def test_alpha_of_qiime2(core_metrics):
    study, folder = core_metrics
    found = alpha_diversity(study, list(VECTORS.values()), base=2)
    for file, metric in VECTORS.items():
        published = read_alpha(folder / file)
        assert set(published.index) == set(study.sample_ids)
        np.testing.assert_allclose(
            found[metric], published.loc[found.index], atol=1e-6, rtol=0, err_msg=metric
        )


def test_distances_of_qiime2(core_metrics):
    study, folder = core_metrics
    for file, metric in MATRICES.items():
        published = read_distances(folder / file)
        found = beta_diversity(study, metric)
        assert set(found.ids) == set(published.ids)
        expected = published.filter(found.ids)
        np.testing.assert_allclose(found.data, expected.data, atol=1e-6, rtol=0, err_msg=metric)


def test_map_of_moving_pictures_keeps_the_published_distances(shared_data):
    """QIIME 2's ordination is not among the files; its distances are, and a full map must give them back."""
    published = read_distances(
        shared_data / "moving_pictures/core-metrics-results/unweighted_unifrac_distance_matrix.qza"
    )
    everything = pcoa(published, n_axes=len(published.ids))
    squared = np.square(published.data)
    centred = -0.5 * (squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean())
    eigenvalues = np.sort(np.linalg.eigvalsh(centred))[::-1]
    positive = eigenvalues[eigenvalues > 0]
    np.testing.assert_allclose(everything.eigenvalues[:10], eigenvalues[:10], rtol=1e-10)
    np.testing.assert_allclose(
        pcoa(published, 3).proportion_explained, positive[:3] / positive.sum(), rtol=1e-10
    )
    outer = everything.coordinates.to_numpy() @ everything.coordinates.to_numpy().T
    assert np.abs(outer - centred).max() <= -eigenvalues[-1] + 1e-12


@pytest.mark.parametrize("part", list(APGAR))
def test_apgar_from_a_table_of_scaled_fractions(shared_data, part):
    """Its "counts" are fractions times 100,000: richness is reproduced, but is no richness of reads."""
    where, n_vectors = APGAR[part]
    folder = shared_data / "apgar_diet_cdiff" / where
    with pytest.warns(ScaledCountsWarning):
        study = read_study(folder / "rarefied_table.qza")
    published = {
        metric: read_alpha(folder / file)
        for file, metric in VECTORS.items()
        if metric != "faith_pd" and (folder / file).is_file()  # there is no tree
    }
    assert len(published) == n_vectors
    found = alpha_diversity(study, list(published), base=2)
    for metric, values in published.items():
        np.testing.assert_allclose(found[metric], values.loc[found.index], atol=1e-6, rtol=0, err_msg=metric)
    if part != "arizona cecum":
        distances = beta_diversity(study)
        expected = read_distances(folder / "bray_curtis_distance_matrix.qza").filter(distances.ids)
        np.testing.assert_allclose(distances.data, expected.data, atol=1e-6, rtol=0)


def test_alpha_of_mothur(shared_data):
    folder = shared_data / "tomkovich_vendors/data/process"
    published = pd.read_csv(folder / "vendors.diversity.summary", sep="\t", dtype={"group": str}).set_index(
        "group"
    )
    published = published[published["method"] == "ave"]
    study = read_study(folder / "vendors.subsample.shared")
    assert set(study.sample_ids) == set(published.index)
    ours = {
        "observed_features": "sobs",
        "shannon": "shannon",
        "inv_simpson_unbiased": "invsimpson",
        "goods_coverage": "coverage",
    }
    found = alpha_diversity(study, list(ours))
    for metric, theirs in ours.items():
        np.testing.assert_allclose(
            found[metric], published.loc[found.index, theirs], atol=1e-5, rtol=0, err_msg=metric
        )


def test_richness_of_vegan_in_every_sample(shared_data):
    folder = shared_data / "tap_fibre_crossover/data-raw"
    study = read_study(folder / "otu.csv", metadata=folder / "metadata.csv", id_column="Sample_ID")
    found = alpha_diversity(study, "observed_features", depth=1000)["observed_features"]
    assert len(found) == 76
    assert (found.round() == study.metadata["richness"]).sum() == 76


@pytest.mark.parametrize(
    "cohort",
    ["escobar", "ross", "schubert", "wu"]
    + [
        pytest.param(name, marks=pytest.mark.long)
        for name in ("baxter", "goodrich", "hmp", "turnbaugh", "zeevi", "zupancic")
    ],
)
def test_means_over_draws_of_mothur(shared_data, cohort):
    """mothur averaged 1,000 random draws: our exact richness lies within their Monte Carlo error."""
    folder = shared_data / "sze_obesity/data" / cohort
    summary = pd.read_csv(
        folder / f"{cohort}.groups.ave-std.summary", sep="\t", dtype={"group": str}
    ).set_index("group")
    mean, spread = (summary[summary["method"] == method] for method in ("ave", "std"))
    depth = int(mean["nseqs"].iloc[0])
    assert (mean["nseqs"] == depth).all()
    study = read_study(folder / f"{cohort}.shared.gz", drop="empty_samples").select(samples=list(mean.index))

    curve = rarefaction_curve(study, depths=[depth]).set_index("sample_id")
    theirs, sd = mean.loc[curve.index, "sobs"], curve["sd"]
    drawn = sd > 0  # a sample of just this depth loses nothing
    score = (theirs - curve["value"])[drawn] / (sd[drawn] / np.sqrt(1000))
    assert (theirs[~drawn] == curve["value"][~drawn]).all()
    assert score.abs().max() < 4.5
    assert 0.7 < score.std() < 1.3
    ratio = spread.loc[curve.index, "sobs"][drawn] / sd[drawn]
    assert ratio.median() == pytest.approx(1, abs=0.015)
    assert ratio.between(0.8, 1.2).all()

    shannon = alpha_diversity(study, "shannon", depth=depth, iterations=100, with_se=True)
    apart = shannon["shannon"] - mean.loc[shannon.index, "shannon"]
    assert apart.abs().max() < 0.02
    error = shannon["shannon_se"][drawn] * np.sqrt(
        1 + 100 / 1000
    )  # of ours, and of their ten times as many draws
    assert (apart[drawn] / error).abs().max() < 5
    assert 0.7 < (apart[drawn] / error).std() < 1.3
