"""Arrangements of labels: counted by formula, held to brute force over every exchange of units."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from analysis.comparison import permutation
from analysis.comparison.permutation import arrange, check_reach, exchangeable_units, in_words
from analysis.errors import DesignError

# name: labels of units, block of each unit, samples in each unit
DESIGNS = {
    "free": ("aabb", "1111", (1, 1, 1, 1)),
    "free unequal": ("aaabb", "11111", (1, 1, 1, 1, 1)),
    "three arms": ("aabbcc", "111111", (1, 1, 1, 1, 1, 1)),
    "two arms alike of three": ("abbccc"[1:], "11111", (1, 1, 1, 1, 1)),
    "pairs": ("abbaab", "112233", (1, 1, 1, 1, 1, 1)),
    "blocks unequal": ("abaabb", "112222", (1, 1, 1, 1, 1, 1)),
    "blocks that do not match": ("aabab", "11122", (1, 1, 1, 1, 1)),
    "a block that stays": ("ababaa", "112233", (1, 1, 1, 1, 1, 1)),
    "plots": ("aaabbb", "111111", (2, 2, 2, 2, 2, 2)),
    "plots of unequal size": ("aabbb", "11111", (3, 1, 2, 4, 1)),
    "plots in blocks": ("abbaabb", "1112222", (2, 1, 3, 1, 1, 2, 2)),
}


def columns(name):
    labels, blocks, sizes = DESIGNS[name]
    unit = np.repeat(np.arange(len(labels)), sizes)
    factor = pd.Series(list(labels), name="arm").iloc[unit].reset_index(drop=True)
    block = pd.Series(list(blocks), name="room").iloc[unit].reset_index(drop=True)
    plot = pd.Series(unit, name="cage")
    return {
        "factor": factor,
        "blocks": block if len(set(blocks)) > 1 else None,
        "plots": plot if max(sizes) > 1 else None,
    }


def by_brute_force(labels, blocks):
    """Exchange units within blocks in every way; return the distinct outcomes."""
    of_block = [[i for i, one in enumerate(blocks) if one == block] for block in sorted(set(blocks))]
    outcomes = set()
    for orders in product(*(permutations(members) for members in of_block)):
        moved = list(labels)
        for members, order in zip(of_block, orders, strict=True):
            for to, origin in zip(members, order, strict=True):
                moved[to] = labels[origin]
        outcomes.add("".join(moved))
    return outcomes


def split(labels):
    """Return how labels split the units, whatever the parts are called."""
    return frozenset(frozenset(i for i, one in enumerate(labels) if one == level) for level in set(labels))


@pytest.mark.parametrize("name", DESIGNS)
def test_every_arrangement_is_found_once_and_no_other(name):
    labels, blocks, _ = DESIGNS[name]
    expected = by_brute_force(labels, blocks)
    units = exchangeable_units(**columns(name))
    found, exact = arrange(units)
    as_text = ["".join(units.levels[row]) for row in found]
    assert exact
    assert as_text[0] == labels
    assert len(as_text) == len(set(as_text)) == units.n_arrangements == len(expected)
    assert set(as_text) == expected


@pytest.mark.parametrize("name", DESIGNS)
def test_smallest_p_counts_the_arrangements_that_only_rename_the_arms(name):
    labels, blocks, _ = DESIGNS[name]
    outcomes = by_brute_force(labels, blocks)
    same = sum(split(one) == split(labels) for one in outcomes)
    units = exchangeable_units(**columns(name))
    assert units.n_equivalent == same
    assert units.smallest_p == same / len(outcomes)


def test_three_cages_an_arm_reach_a_tenth():
    units = exchangeable_units(**columns("plots"))
    assert (units.n_arrangements, units.smallest_p) == (20, 0.1)
    with pytest.raises(DesignError, match=r"smallest p this design can reach is 0\.1.*") as caught:
        check_reach(units, units.smallest_p, 0.05)
    assert "4 units an arm would do" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "n_arrangements", "n_equivalent"),
    [
        ([1, 2, 3, 4], 24, 2),
        ([1, 2, 4, 8], 24, 1),
        ([0, 0, 5, 5], 6, 2),
        ([0, 0, 5], 3, 1),
        ([0, 1, 1, 2], 12, 2),
    ],
)
def test_a_number_fits_alike_when_turned_round(values, n_arrangements, n_equivalent):
    units = exchangeable_units(pd.Series(values, name="dose"))
    assert units.numeric
    assert (units.n_arrangements, units.n_equivalent) == (n_arrangements, n_equivalent)


@pytest.mark.parametrize(
    ("labels", "blocks", "words"),
    [
        ("ab" * 3, "112233", "6 blocks like the fullest one here would do"),
        ("aabbcc"[:5], "11111", "3 units an arm would do"),
        ("aab" * 2, "111222", "3 blocks like the fullest one here would do"),
    ],
)
def test_the_refusal_says_how_many_would_do(labels, blocks, words):
    blocks = pd.Series(list(blocks), name="day")
    factor = pd.Series(list(labels), name="arm")
    units = exchangeable_units(factor, blocks if len(set(blocks)) > 1 else None)
    with pytest.raises(DesignError, match=words):
        check_reach(units, units.smallest_p, units.smallest_p * 0.99 if "an arm" in words else 0.05)


def test_what_would_do_does():
    for n_blocks in (5, 6):
        factor = pd.Series(list("ab" * n_blocks), name="arm")
        blocks = pd.Series(np.repeat(np.arange(n_blocks), 2), name="day")
        assert (exchangeable_units(factor, blocks).smallest_p <= 0.05) == (n_blocks == 6)


@pytest.mark.parametrize("name", ["free unequal", "blocks unequal", "plots in blocks", "a block that stays"])
def test_random_draws_are_uniform_over_the_arrangements(name, monkeypatch):
    units = exchangeable_units(**columns(name))
    monkeypatch.setattr(permutation, "ENUMERATED", 0)
    labels, exact = arrange(units, permutations=units.n_arrangements - 1, seed=3)
    assert exact  # as many as were asked for: all of them
    drawn = np.vstack([arrange(units, 1, seed).labels[1] for seed in range(3_000)])
    found, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(found) == units.n_arrangements == len(labels)
    assert chisquare(counts).pvalue > 0.001


def test_draws_repeat_with_the_seed_and_differ_without():
    units = exchangeable_units(
        pd.Series(list("ab") * 20, name="arm"), pd.Series(np.arange(40) // 4, name="s")
    )
    first, again, other = (arrange(units, 99, seed).labels for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first[1:] != other[1:]).any()
    assert (first[0] == units.codes).all()
    for block in range(10):
        assert (first[:, units.blocks == block].sum(axis=1) == 2).all()


def test_more_arrangements_than_a_float_holds():
    units = exchangeable_units(pd.Series(np.arange(3_000.0), name="age"))
    assert units.n_arrangements > 10**9000
    assert units.smallest_p == 0
    assert in_words(units.n_arrangements).endswith("e+9130")


def test_a_treatment_constant_within_blocks_is_refused_with_the_scheme_that_fits():
    factor = pd.Series(list("aaaabbbb"), name="treatment")
    mouse = pd.Series(list("11223344"), name="mouse")
    with pytest.raises(DesignError, match="no allowed permutation can move it") as caught:
        exchangeable_units(factor, blocks=mouse)
    assert "plots='mouse'" in str(caught.value)
    assert exchangeable_units(factor, plots=mouse).n_arrangements == 6
    room = pd.Series(list("11112222"), name="room")
    with pytest.raises(DesignError, match="leave out blocks='room'"):
        exchangeable_units(factor, blocks=room, plots=mouse)


def test_a_factor_that_varies_within_plots_is_refused_with_the_units():
    factor = pd.Series(list("abaabb"), name="treatment")
    cage = pd.Series(["c1", "c1", "c2", "c2", "c3", "c3"], name="cage")
    with pytest.raises(DesignError, match=r"varies within 1 of 3 units of 'cage': 'c1'") as caught:
        exchangeable_units(factor, plots=cage)
    assert "blocks='cage'" in str(caught.value)


def test_a_subject_in_two_cages_is_refused_together_with_other_faults():
    factor = pd.Series(list("aabbaa"), name="treatment")
    subject = pd.Series(["m1", "m1", "m2", "m2", "m1", "m3"], name="subject")
    cage = pd.Series(["c1", "c1", "c1", "c1", "c2", "c2"], name="cage")
    with pytest.raises(DesignError, match=r"lie in more than one block of 'cage': 'm1'"):
        exchangeable_units(factor, blocks=cage, plots=subject)
    mixed = pd.Series(list("abbbaa"), name="treatment")
    with pytest.raises(DesignError) as caught:
        exchangeable_units(mixed, blocks=cage, plots=subject)
    assert len(caught.value.faults) == 2


def test_one_level_is_refused():
    with pytest.raises(DesignError, match="all 3 samples have arm = a"):
        exchangeable_units(pd.Series(list("aaa"), name="arm"))


def test_the_scheme_in_words():
    assert exchangeable_units(**columns("free")).scheme == "4 samples are exchanged freely"
    assert exchangeable_units(**columns("plots in blocks")).scheme == (
        "7 whole units of 'cage' (1 to 3 samples each) are exchanged within 2 blocks of 'room' (3 to 4 each)"
    )
    assert exchangeable_units(**columns("a block that stays")).scheme.endswith(
        "of which 1 hold one level and stay as they are"
    )
