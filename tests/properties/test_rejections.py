"""Without an effect, a test of level alpha rejects in a share alpha of experiments, in every design.

The data are drawn here, by a generator of a few lines that shares nothing with the library's simulators: a
value is the sum of normal parts of its cage, its subject and its sample. Rejections are held to the binomial
interval that a test of exactly that level leaves with a chance of 1e-4, on both sides; the seeds are fixed,
so that a sound test passes every time.
"""

import numpy as np
import pandas as pd
import pytest
from made_up_trials import MICE, make_study
from scipy import stats

import analysis as an
from analysis.comparison.association import correlate_changes

FALSE_ALARM = 1e-4
ALPHA = 0.05


def interval(n, level=ALPHA):
    """The numbers of rejections that a test of this level has but for one run in 10,000."""
    return stats.binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], n, level)


def rejections(p_of, n, seed):
    """Run a test on n experiments, each with random numbers of its own."""
    children = np.random.SeedSequence(seed).spawn(n)
    return sum(p_of(np.random.default_rng(child)) <= ALPHA + 1e-12 for child in children)


def assert_nominal(p_of, n, seed, level=ALPHA):
    low, high = interval(n, level)
    assert low <= rejections(p_of, n, seed) <= high


def table(*, per_arm, cage=1, times=1, before=0):
    """One row a sample of two arms; cages of `cage` animals of one arm."""
    rows = [
        (f"{arm}{n}", f"{arm}{n // cage}", arm, time)
        for arm, size in zip(("none", "drug"), per_arm, strict=True)
        for n in range(size)
        for time in range(-before, times)
    ]
    return pd.DataFrame(rows, columns=["mouse", "cage", "arm", "time"]).rename(index="s{}".format)


def values(rows, rng, *, cage=0.0, subject=0.0, width=1, spread=None):
    """Draw the parts of cage, subject and sample; shares of a variance of 1."""

    def part(column, share):
        codes, names = pd.factorize(rows[column])
        return np.sqrt(share) * rng.standard_normal((len(names), width))[codes]

    noise = np.sqrt(1 - cage - subject) * rng.standard_normal((len(rows), width))
    drawn = part("cage", cage) + part("mouse", subject) + noise
    if spread is not None:
        drawn *= np.where(rows["arm"] == "drug", spread, 1.0)[:, None]
    return drawn


def euclidean(points):
    return np.sqrt(np.square(points[:, None] - points).sum(axis=-1))


PERMANOVAS = {
    "free": (table(per_arm=(4, 5)), {}, {}),
    "free, drawn": (table(per_arm=(9, 12)), {}, {}),
    "cages": (table(per_arm=(15, 15), cage=3), {"plots": "cage"}, {"cage": 0.5}),
    "subjects": (table(per_arm=(5, 4), times=3), {"plots": "mouse"}, {"subject": 0.6}),
}


def p_of_permanova(rows, roles, parts, factor="arm"):
    def p(rng):
        distances = euclidean(values(rows, rng, width=3, **parts))
        return an.permanova(distances, rows, factor, permutations=199, alpha=None, **roles).p_value

    return p


def level_of(rows, roles):
    """The largest level that the steps of p allow, at most alpha."""
    found = an.permanova(
        euclidean(np.arange(len(rows))[:, None]), rows, "arm", permutations=199, alpha=None, **roles
    )
    step = found.smallest_p if found.exact else 1 / 200
    return np.floor(ALPHA / step + 1e-9) * step


@pytest.mark.parametrize("name", PERMANOVAS)
def test_permanova(name, thorough):
    rows, roles, parts = PERMANOVAS[name]
    n = 4_000 if thorough else 150
    assert_nominal(p_of_permanova(rows, roles, parts), n, seed=11, level=level_of(rows, roles))


def test_permanova_within_subjects(thorough):
    rows = table(per_arm=(5, 5), times=2)
    rows["phase"] = rows["time"].map({0: "before", 1: "after"})
    p = p_of_permanova(rows, {"blocks": "mouse"}, {"subject": 0.7}, factor="phase")
    n = 4_000 if thorough else 150
    # 2^10 ways, two of which are alike: p has steps of 1/512
    assert_nominal(p, n, seed=12, level=np.floor(ALPHA * 512) / 512)


def test_free_permutation_of_what_was_given_to_cages_fails_this_check():
    p = p_of_permanova(table(per_arm=(15, 15), cage=5), {}, {"cage": 0.7})
    assert rejections(p, 60, seed=13) > interval(60)[1]


def p_of_means(rows, parts, paired=False, **roles):
    if paired:
        rows = rows.assign(arm=rows["time"].map({0: "none", 1: "drug"}))

    def p(rng):
        drawn = pd.Series(values(rows, rng, **parts)[:, 0], rows.index)
        return an.compare_means(drawn, rows, "arm", "none", **roles).p_value

    return p


MEANS = {
    "welch": p_of_means(table(per_arm=(10, 6)), {"spread": 2.0}),
    "ancova": p_of_means(
        table(per_arm=(7, 7), before=1), {"subject": 0.6}, subject="mouse", time="time", baseline=-1
    ),
    "paired": p_of_means(table(per_arm=(4, 4), times=2), {"subject": 0.6}, paired=True, subject="mouse"),
    "cages": p_of_means(table(per_arm=(12, 12), cage=3), {"cage": 0.5}, subject="mouse", cluster="cage"),
    "repeated": p_of_means(table(per_arm=(6, 6), times=3), {"subject": 0.6}, subject="mouse"),
}


@pytest.mark.parametrize("name", MEANS)
def test_compare_means(name, thorough):
    assert_nominal(MEANS[name], 2_000 if thorough else 60, seed=14)


def test_mice_of_a_cage_taken_for_independent_fail_this_check():
    p = p_of_means(table(per_arm=(12, 12), cage=4), {"cage": 0.6}, subject="mouse")
    assert rejections(p, 60, seed=15) > interval(60)[1]


def test_correlation_of_changes_that_the_treatment_moves_both(thorough):
    arm = pd.Series([0] * 8 + [1] * 7)

    def p(rng):
        x, y = rng.standard_normal((2, 15)) + 3 * arm.to_numpy()
        return correlate_changes(pd.Series(x), pd.Series(y), arm, margin=0.3).p_value

    assert_nominal(p, 4_000 if thorough else 300, seed=16)


@pytest.mark.long
def test_a_claim_is_neither_supported_nor_opposed_more_often_than_alpha():
    """The decision of `evaluate`, in mice whose cages differ and whose treatment does nothing."""
    blank = make_study(n_per_arm=8)
    rows = blank.metadata.rename(columns={"day": "time"})

    def p(rng):
        # evenness varies by cage, mouse and sample; reads are then drawn from it
        tilt = values(rows, rng, cage=0.3, subject=0.3)
        share = np.exp(-np.arange(1, 11) * np.exp(0.2 * tilt) / 3)
        depths = rng.integers(10_000, 60_000, len(share))
        reads = rng.multinomial(depths, share / share.sum(axis=1, keepdims=True))
        verdict = an.evaluate(make_study(n_per_arm=8, counts=reads), MICE)
        assert verdict.outcome != "untestable", verdict.text
        decided = verdict.outcome in ("supported", "opposite")
        assert verdict.estimates[0].p_value <= ALPHA or not decided
        return verdict.estimates[0].p_value

    assert_nominal(p, 400, seed=17)
