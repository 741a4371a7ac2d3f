"""Diversity of the embedded tables against phyloseq, vegan and ape.

The values come from tests/reference/phyloseq_diversity.R, which takes the tables from the R packages and
not from our files; phyloseq_versions.json names the versions. What the R tools call things, where the
definitions could differ:

- Chao1 (vegan's estimateR) is the bias-corrected form S + f1 (f1 - 1) / (2 (f2 + 1)), whatever f2 is.
- ACE (estimateR) counts features of up to 10 reads as rare, and cuts a negative variation off at 0.
- Simpson is 1 - sum(p^2), InvSimpson 1 / sum(p^2): no n (n - 1) correction, other than mothur's.
- Jaccard is asked for with binary=TRUE: vegan's default would be the abundance form.
- UniFrac of phyloseq is right only on rooted trees with two children at every node (its issues 936 and
  956); the tree of GlobalPatterns is one, as the R script checks. Its `normalized` divides weighted UniFrac
  by the abundance-weighted distance of the tips from the root; without it the sum of branch lengths is
  returned, which can exceed 1.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis as an

REFERENCE = Path(__file__).parents[1] / "reference"
R_NAMES = {
    "observed_features": "Observed",
    "chao1": "Chao1",
    "ace": "ACE",
    "shannon": "Shannon",
    "simpson": "Simpson",
    "inv_simpson": "InvSimpson",
}


BETA_METRICS = [
    "braycurtis",
    "jaccard",
    "unweighted_unifrac",
    "weighted_unifrac",
    "weighted_normalized_unifrac",
]


def read_reference(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"phyloseq_{name}.csv")


@pytest.fixture(scope="module")
def mice():
    return an.load_dataset("turnbaugh_mice")


@pytest.fixture(scope="module")
def patterns():
    return an.load_dataset("global_patterns")


@pytest.mark.parametrize("name", ["turnbaugh_mice", "global_patterns"])
def test_alpha_of_every_sample_is_that_of_estimate_richness(name):
    expected = read_reference(f"alpha_{name}").set_index("sample_id")
    found = an.alpha_diversity(an.load_dataset(name), metrics=list(R_NAMES))
    assert found.index.tolist() == expected.index.tolist()
    for ours, theirs in R_NAMES.items():
        np.testing.assert_allclose(found[ours], expected[theirs], rtol=1e-12, err_msg=ours)


def test_faith_pd_is_the_branches_from_the_root(patterns):
    expected = read_reference("alpha_global_patterns").set_index("sample_id")["FaithPD"]
    found = an.alpha_diversity(patterns, metrics=["faith_pd"])["faith_pd"]
    np.testing.assert_allclose(found, expected.loc[found.index], rtol=1e-12)


@pytest.mark.parametrize("metric", BETA_METRICS)
def test_beta_of_every_pair(patterns, metric):
    pairs = read_reference("beta_global_patterns")
    distances = an.beta_diversity(patterns, metric=metric)
    found = [distances[pair] for pair in zip(pairs["sample_1"], pairs["sample_2"], strict=True)]
    assert len(found) == 26 * 25 // 2
    np.testing.assert_allclose(found, pairs[metric], rtol=1e-12)


def test_rarefied_richness_is_that_of_vegan(mice):
    expected = read_reference("alpha_turnbaugh_mice").set_index("sample_id")
    mean = an.alpha_diversity(mice, metrics=["observed_features"], depth=500)["observed_features"]
    np.testing.assert_allclose(mean, expected["Rarefied500"].loc[mean.index], rtol=1e-10)
    curve = an.rarefaction_curve(mice, metric="observed_features", depths=[500]).set_index("sample_id")
    np.testing.assert_allclose(curve["value"], expected["Rarefied500"].loc[curve.index], rtol=1e-10)
    # what vegan calls the standard error is the standard deviation between single draws
    np.testing.assert_allclose(curve["sd"], expected["Rarefied500SE"].loc[curve.index], rtol=1e-8)
