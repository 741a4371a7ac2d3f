"""A rarefied table is a draw without replacement: exact in depth, lossless in ids, right on average."""

from fractions import Fraction
from math import comb, sqrt

import numpy as np
import pandas as pd
import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st

import analysis as an
from analysis.diversity.richness import expected_richness
from analysis.errors import DepthError

READS = st.integers(0, 60) | st.sampled_from([10**6, 10**8])  # numpy draws from fewer than 10^9 a sample


@given(st.data(), some.studies(counts=READS, tree=True, taxonomy=True))
def test_depth_is_exact_and_nothing_is_invented_or_lost(data, study):
    depth = data.draw(st.integers(1, int(min(study.depths.min(), 10_000))))
    drawn = an.rarefy(study, depth, seed=data.draw(st.integers(0, 2**32)))
    assert (drawn.depths == depth).all()
    assert (drawn.counts > study.counts).sum() == 0
    assert drawn.sample_ids.equals(study.sample_ids)
    assert drawn.feature_ids.equals(study.feature_ids)
    assert drawn.metadata.equals(study.metadata)
    assert drawn.taxonomy.equals(study.taxonomy)
    assert drawn.tree is study.tree


@given(st.data(), some.studies(counts=st.integers(0, 20), empty=True))
def test_shallow_samples_go_only_on_request_and_are_counted(data, study):
    depth = data.draw(st.integers(1, max(int(study.depths.max()), 1)))
    kept = study.sample_ids[study.depths >= depth]
    if len(kept) == study.shape[0]:
        assert an.rarefy(study, depth).sample_ids.equals(kept)
        return
    with pytest.raises(DepthError, match=f"1. {study.shape[0] - len(kept)} of {study.shape[0]} samples"):
        an.rarefy(study, depth)
    assume(len(kept))
    drawn = an.rarefy(study, depth, drop_shallow=True)
    assert drawn.sample_ids.equals(kept)
    assert (drawn.depths == depth).all()
    assert f"{len(kept)} of {study.shape[0]} samples kept" in drawn.source.notes


@given(st.data(), some.studies(samples=(1, 4), counts=st.integers(0, 200)))
def test_a_draw_belongs_to_its_sample_seed_and_depth_alone(data, study):
    depth = data.draw(st.integers(1, int(study.depths.min())))
    seed = data.draw(st.integers(0, 1_000))
    drawn = an.rarefy(study, depth, seed).to_frame()
    pd.testing.assert_frame_equal(an.rarefy(study, depth, seed).to_frame(), drawn)
    other = data.draw(some.shuffled(study))
    alone = an.rarefy(other.select(samples=[study.sample_ids[0]]), depth, seed).to_frame()
    pd.testing.assert_frame_equal(alone[study.feature_ids], drawn.iloc[[0]])


@given(some.studies(counts=st.integers(0, 60)))
def test_drawing_every_read_is_the_table_itself(study):
    for name in study.sample_ids:
        one = study.select(samples=[name])
        pd.testing.assert_frame_equal(an.rarefy(one, int(one.depths.iloc[0])).to_frame(), one.to_frame())


@given(st.data(), st.lists(st.integers(1, 40) | st.integers(1, 10**5), min_size=1, max_size=8))
def test_expected_richness_is_hurlberts_to_twelve_digits(data, reads):
    total = sum(reads)
    depth = data.draw(st.integers(1, total))
    ways = comb(total, depth)
    exact = sum(1 - Fraction(comb(total - count, depth), ways) for count in reads)
    mean, _ = expected_richness(np.array(reads), [depth])
    assert abs(mean[0] - float(exact)) <= 1e-12 * len(reads)


@given(some.studies(samples=(1, 3), counts=st.integers(0, 300)))
def test_a_curve_never_falls_and_ends_at_what_was_observed(study):
    curve = an.rarefaction_curve(study)
    for name, own in curve.groupby("sample_id", sort=False):
        assert (np.diff(own["value"]) >= -1e-12).all()
        assert own["value"].iloc[0] == pytest.approx(1, abs=1e-12)
        assert own["value"].iloc[-1] == np.count_nonzero(study.to_frame().loc[name])
        assert own["depth"].iloc[-1] == study.depths[name]


def test_richness_over_draws_averages_to_hurlberts(thorough):
    # |z| beyond 4.9 has a chance of 1e-6; the seeds are fixed, so the figure is the same each time
    study = an.Study.from_frame(
        pd.DataFrame(
            [[40, 20, 9, 5, 2, 1, 1], [3, 3, 3, 3, 3, 3, 3]],
            index=["uneven", "even"],
            columns=list("abcdefg"),
        )
    )
    draws, depth = (20_000 if thorough else 500), 10
    found = [an.rarefy(study, depth, seed).counts for seed in range(draws)]
    mean = sum((table > 0).sum(axis=1) for table in found) / draws
    curve = an.rarefaction_curve(study, depths=[depth])
    assert (np.abs(mean - curve["value"]) / (curve["sd"] / sqrt(draws)) < 4.9).all()
    # and the reads themselves: a share of the depth on average
    reads = sum(table.toarray() for table in found) / draws
    total = study.depths.to_numpy()[:, None]
    share = study.counts.toarray() / total
    sd = np.sqrt(depth * share * (1 - share) * (total - depth) / (total - 1))
    assert (np.abs(reads - depth * share) / (sd / sqrt(draws)) < 4.9).all()
