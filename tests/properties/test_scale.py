"""What is measured on shares sees no reads, what counts features sees no shares, and closed forms hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse
from skbio import TreeNode

import analysis as an

DIGITS = {"rtol": 1e-12, "atol": 1e-12}
ORDERS = ["hill_0", "hill_0.5", "hill_1", "hill_1.5", "hill_2", "hill_3", "hill_inf"]
EVEN = ["shannon", "simpson", "inv_simpson", "pielou_e", "berger_parker_d"]
ON_SHARES = [*EVEN, *ORDERS]
UNSCALED = ["jaccard", "jensenshannon", "robust_aitchison"]  # each sample may have its own number of reads
UNSCALED_ON_TREES = ["unweighted_unifrac", "weighted_unifrac", "weighted_normalized_unifrac"]

undefined_is_fine = pytest.mark.filterwarnings("ignore:.*undefined, and NaN:analysis.errors.AnalysisWarning")


def times(study, factors):
    """Multiply the reads of each sample, by one number or by one each."""
    scale = np.broadcast_to(np.asarray(factors, dtype=np.int64), study.shape[0])
    return replace(study, counts=study.counts * scale[:, None])


def like(study, table, features, **parts):
    """A study of the same samples with other features."""
    blank = {"taxonomy": None, "tree": None} | parts
    return replace(study, counts=sparse.csr_array(table), feature_ids=pd.Index(features), **blank)


@undefined_is_fine
@given(some.studies(tree=True, counts=some.RARE | some.COMMON), st.integers(1, 30))
def test_twice_the_reads_are_the_same_shares_to_the_last_digit(study, power):
    wanted = [*ON_SHARES, "observed_features", "faith_pd"]
    more = an.alpha_diversity(times(study, 2**power), wanted)
    pd.testing.assert_frame_equal(more, an.alpha_diversity(study, wanted), check_exact=True)


@undefined_is_fine
@given(st.data(), some.studies(tree=True, counts=some.RARE | some.COMMON))
def test_any_number_of_times_the_reads_are_the_same_shares(data, study):
    factors = data.draw(st.lists(st.integers(1, 10**6), min_size=study.shape[0], max_size=study.shape[0]))
    wanted = [*ON_SHARES, "observed_features", "faith_pd"]
    more = an.alpha_diversity(times(study, factors), wanted)
    pd.testing.assert_frame_equal(more, an.alpha_diversity(study, wanted), **DIGITS)


@pytest.mark.parametrize("metric", [*UNSCALED, *UNSCALED_ON_TREES])
@given(data=st.data(), study=some.studies(samples=(2, 5), tree=True, counts=some.RARE | some.COMMON))
def test_distances_on_shares_take_any_depths(metric, data, study):
    factors = data.draw(st.lists(st.integers(1, 10**6), min_size=study.shape[0], max_size=study.shape[0]))
    before, after = (an.beta_diversity(one, metric).data for one in (study, times(study, factors)))
    assert np.allclose(np.square(after), np.square(before), **DIGITS)


@given(some.studies(samples=(2, 5), counts=some.RARE | some.COMMON), st.integers(1, 10**6))
def test_bray_curtis_takes_one_factor_for_all_reads_and_any_share_of_fractions(study, factor):
    before = an.beta_diversity(study).data
    assert np.allclose(an.beta_diversity(times(study, factor)).data, before, **DIGITS)
    shares = study.counts / study.depths.to_numpy()[:, None]
    assume((shares.data != 1).any())  # a table of whole ones is one of counts
    parts = np.linspace(0.2, 0.9, study.shape[0])
    whole, cut = (
        replace(study, counts=sparse.diags_array(scale) @ shares) for scale in (np.ones(len(parts)), parts)
    )
    assert np.allclose(an.beta_diversity(cut).data, an.beta_diversity(whole).data, **DIGITS)


@undefined_is_fine
@given(some.studies(samples=(2, 4), counts=st.integers(0, 60)), st.integers(1, 3))
def test_features_that_nobody_has_change_nothing(study, extra):
    names = [*study.feature_ids, *(f"\N{ROMAN NUMERAL ONE} {place}" for place in range(extra))]
    table = np.pad(study.counts.toarray(), ((0, 0), (0, extra)))
    more, depth = like(study, table, names), int(study.depths.min())
    for figures in (
        lambda one: an.alpha_diversity(one, ["ace", "chao1", "goods_coverage", *ON_SHARES]),
        lambda one: an.alpha_diversity(one, ["shannon", "chao1"], depth, iterations=2),
        lambda one: an.rarefaction_curve(one, depths=[1, depth]),
        *(lambda one, name=name: an.beta_diversity(one, name).to_data_frame() for name in UNSCALED),
        lambda one: an.beta_diversity(one, "aitchison").to_data_frame(),
        lambda one: an.beta_diversity(one, depth=depth, iterations=2).to_data_frame(),
        lambda one: an.rarefy(one, depth).to_frame()[study.feature_ids],
    ):
        pd.testing.assert_frame_equal(figures(more), figures(study), check_exact=True)


@given(some.studies(), st.integers(2, 4))
def test_copies_without_a_feature_in_common_multiply_effective_numbers(study, copies):
    # the replication principle, which makes Hill numbers numbers of species
    names = [f"{name} {turn}" for turn in range(copies) for name in study.feature_ids]
    many = like(study, sparse.hstack([study.counts] * copies), names)
    found, one = (an.alpha_diversity(each, [*ORDERS, "shannon"]) for each in (many, study))
    assert np.allclose(found[ORDERS], copies * one[ORDERS], rtol=1e-11)
    assert np.allclose(found["shannon"], one["shannon"] + np.log(copies), rtol=1e-12)


@given(some.studies())
def test_effective_numbers_fall_with_the_order_and_lie_between_1_and_the_richness(study):
    found = an.alpha_diversity(study, ORDERS).to_numpy()
    assert (np.diff(found, axis=1) <= 1e-11 * found[:, :-1]).all()
    assert (found >= 1 - 1e-12).all()


@given(st.data(), some.studies(samples=(2, 4), tree=True))
def test_a_tip_split_in_two_at_no_distance_is_the_same_tip_to_a_tree(data, study):
    name = study.feature_ids[data.draw(st.integers(0, study.shape[1] - 1))]
    column = study.feature_ids.get_loc(name)
    table = study.counts.toarray()
    half = table[:, column] // 2
    table = np.column_stack([table, half])
    table[:, column] -= half
    tree = study.tree.copy()
    tip = next(one for one in tree.tips() if one.name == name)
    tip.extend([TreeNode(name, 0.0), TreeNode("the other half", 0.0)])
    tip.name = None
    split = like(study, table, [*study.feature_ids, "the other half"], tree=tree)
    for metric in UNSCALED_ON_TREES:
        before, after = (an.beta_diversity(one, metric).data for one in (study, split))
        assert np.allclose(after, before, **DIGITS)
    before, after = (an.alpha_diversity(one, "faith_pd") for one in (study, split))
    pd.testing.assert_frame_equal(after, before, **DIGITS)


@given(some.studies(samples=(2, 5), taxonomy=True), st.sampled_from(["Phylum", "Family", "Genus"]))
def test_adding_features_up_brings_samples_closer_and_makes_them_less_diverse(study, rank):
    assume(study.depths.max() <= 2**53)  # no group then has more, which would be refused
    groups = study.collapse(rank)
    for metric in ("braycurtis", "jaccard"):
        before, after = (an.beta_diversity(one, metric).data for one in (study, groups))
        if metric == "braycurtis":  # by presence a shared group may weigh less than two shared features did
            assert (after <= before + 1e-12).all()
    before, after = (an.alpha_diversity(one, ORDERS) for one in (study, groups))
    assert (after <= before * (1 + 1e-11)).all(axis=None)
