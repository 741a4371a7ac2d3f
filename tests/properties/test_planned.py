"""Power moves the way each number pushes it, is alpha where nothing happens, and its inverses invert it."""

from dataclasses import replace
from itertools import pairwise

import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st

import analysis as an

ROUNDING = 1e-7  # power is an integral by quadrature, good to eight digits
SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.75]) | st.floats(0, 0.9)


@st.composite
def designs(draw, tests=("pooled", "change", "ancova", "paired"), **fixed):
    """Any experiment whose power has an exact closed form: cages are full, and none is lost from them."""
    test = draw(st.sampled_from(tests))
    size = draw(st.integers(1, 4))
    within = size % 2 == 0 and test != "paired" and draw(st.booleans())
    step = size // 2 if within else size
    given = {
        "n_per_arm": step * draw(st.integers(4, 40)),
        "baseline": draw(st.integers(0 if test == "pooled" else 1, 3)),
        "follow_up": draw(st.integers(1, 4)),
        "cluster_size": size,
        "within_cluster": within,
        "sides": draw(st.sampled_from([1, 2])),
        "alpha": draw(st.sampled_from([0.01, 0.05, 0.1])),
    }
    given |= {"paired": True} if test == "paired" else {"model": test}
    given |= fixed
    return an.Design(**given, alternative="less" if given["sides"] == 1 else None)


@st.composite
def endpoints(draw):
    icc = draw(SHARES)
    return an.MeanEndpoint(
        mean=3.0,
        sd=draw(st.sampled_from([0.3, 1.0]) | st.floats(0.1, 3)),
        icc=icc,
        cluster_icc=draw(st.floats(0, 0.95 - icc)),
        lowest=None,
        subject_stability=draw(st.sampled_from([0.5, 1.0])),
        cluster_stability=draw(st.sampled_from([0.5, 1.0])),
    )


EFFECTS = st.floats(-1.5, 0)  # falls, as the one-sided tests look for
UP = st.floats(1.01, 2)


def of(design, endpoint, effect, **choices):
    return an.power(design, endpoint, effect, **choices).power


def assert_rises(powers):
    assert all(0 <= one <= 1 for one in powers)
    assert all(low <= high + ROUNDING for low, high in pairwise(powers)), powers


@given(designs(), endpoints(), EFFECTS, st.integers(1, 5))
def test_more_subjects_find_more(design, endpoint, effect, more):
    sizes = [design.n_per_arm, design.n_per_arm + design.step * more]
    assert_rises([of(design.resized(n), endpoint, effect) for n in sizes])


@given(designs(), endpoints(), EFFECTS, UP)
def test_a_larger_effect_is_found_more_often_than_a_smaller_one(design, endpoint, effect, factor):
    assert_rises([of(design, endpoint, size) for size in (0, effect, effect * factor)])


@given(designs(), endpoints(), EFFECTS, UP)
def test_more_noise_finds_less(design, endpoint, effect, factor):
    noisier = replace(endpoint, sd=endpoint.sd * factor)
    assert_rises([of(design, one, effect) for one in (noisier, endpoint)])


@given(designs(), endpoints(), EFFECTS)
def test_a_laxer_test_finds_more(design, endpoint, effect):
    assert_rises([of(replace(design, alpha=alpha), endpoint, effect) for alpha in (0.01, 0.05, 0.1)])


@given(designs(), endpoints(), EFFECTS)
def test_more_samples_of_a_subject_find_more(design, endpoint, effect):
    times = [design, replace(design, follow_up=design.follow_up + 1)]
    assert_rises([of(one, endpoint, effect) for one in times])
    if design.uses_baseline:
        before = [design, replace(design, baseline=design.baseline + 1)]
        assert_rises([of(one, endpoint, effect) for one in before])


@given(designs(tests=["pooled"], baseline=0), endpoints(), EFFECTS, UP)
def test_what_cages_share_hides_effects_between_cages_and_not_within_them(design, endpoint, effect, factor):
    # the subject's share is held, so that what cages gain the single samples lose
    shared = endpoint.cluster_icc * factor
    assume(endpoint.icc + shared <= 1)
    powers = [of(design, one, effect) for one in (endpoint, replace(endpoint, cluster_icc=shared))]
    assert_rises(powers if design.within_cluster else powers[::-1])


@given(
    designs(cluster_size=1, within_cluster=False), endpoints(), EFFECTS, st.floats(0, 0.4), st.floats(0, 0.4)
)
def test_losses_find_less(design, endpoint, effect, one, other):
    losses = sorted([one, other], reverse=True)
    assert_rises([of(replace(design, dropout=share), endpoint, effect) for share in losses])


@given(designs(), endpoints())
def test_without_an_effect_power_is_alpha(design, endpoint):
    found = an.power(design, endpoint, 0.0)
    assert found.method == "closed"
    assert found.power == pytest.approx(design.alpha, abs=ROUNDING)
    assert found.type_i == pytest.approx(design.alpha, abs=ROUNDING)


@given(designs(sides=1), endpoints(), st.floats(0.01, 1.5), st.sampled_from(["less", "greater"]))
def test_an_effect_in_the_wrong_direction_is_found_less_often_than_none(design, endpoint, size, looked_for):
    wrong = size if looked_for == "less" else -size
    assert_rises([of(replace(design, alternative=looked_for), endpoint, one) for one in (wrong, 0, -wrong)])


@given(designs(), endpoints(), EFFECTS)
def test_a_mirrored_effect_has_the_same_power(design, endpoint, effect):
    mirrored = replace(design, alternative=design.alternative and "greater")
    assert of(mirrored, endpoint, -effect) == pytest.approx(of(design, endpoint, effect), abs=ROUNDING)


@given(designs(sides=2), endpoints(), st.floats(0.1, 1), st.floats(-0.9, 0.9), UP)
def test_equivalence_is_shown_less_often_the_more_there_is(design, endpoint, margin, share, factor):
    powers = [of(design, endpoint, size * margin, margin=margin) for size in (0.99999, share, share / 2, 0)]
    assert_rises(powers)
    assert powers[0] <= design.alpha + 1e-3
    assert_rises([of(design, endpoint, share * margin, margin=one) for one in (margin, margin * factor)])


@given(designs(), endpoints(), EFFECTS, st.sampled_from([0.5, 0.8, 0.95]))
def test_sample_size_is_the_smallest_that_will_do(design, endpoint, effect, target):
    assume(0.05 < abs(effect) / endpoint.sd < 3)
    found = an.sample_size(design, endpoint, effect, target)
    assert found.power >= target
    assert of(design.resized(found.n_per_arm), endpoint, effect) == pytest.approx(found.power, abs=ROUNDING)
    fewer = found.n_per_arm - design.step
    try:
        smaller = design.resized(fewer)
        missed = of(smaller, endpoint, effect)
    except an.errors.AnalysisError:
        return  # there is no smaller experiment of this kind
    assert missed < target


@given(designs(), endpoints(), st.sampled_from([0.5, 0.8, 0.95]), st.sampled_from(["less", "greater"]))
def test_the_smallest_effect_is_found_with_just_that_power(design, endpoint, target, direction):
    design = replace(design, alternative=design.alternative and direction)
    found = an.smallest_detectable_effect(design, endpoint, target, direction=direction)
    assert (found.effect < 0) == (direction == "less")
    assert of(design, endpoint, found.effect) == pytest.approx(target, abs=1e-6)
    assert of(design, endpoint, 0.99 * found.effect) < target


@given(designs(cluster_size=1, within_cluster=False, paired=False, model=None, baseline=1), st.data())
def test_correlations_are_found_more_often_the_stronger_and_the_better_measured(design, data):
    reliable = sorted(data.draw(st.lists(st.floats(0.1, 1), min_size=2, max_size=2)))
    rho = data.draw(st.floats(-0.95, 0))
    low, high = (an.CorrelationEndpoint(reliability_x=one) for one in reliable)
    assert_rises([of(design, one, rho) for one in (low, high)])
    assert_rises([of(design, high, one) for one in (0, rho / 2, rho)])
    assert_rises([of(design.resized(n), high, rho) for n in (design.n_per_arm, design.n_per_arm + 3)])
    assert of(design, high, 0.0) == pytest.approx(design.alpha, abs=ROUNDING)


@given(st.floats(1e-6, 0.5), UP, st.floats(0.5, 0.999), st.integers(1, 5), st.floats(0, 0.5))
def test_rarer_taxa_need_more_reads(proportion, factor, confidence, reads, dispersion):
    def needed(share, sure=confidence, least=reads):
        return an.detection_depth(share, sure, least, dispersion)

    try:
        depth = needed(proportion)
    except an.errors.AnalysisError:
        assume(False)
    assert needed(min(proportion * factor, 0.9)) <= depth
    assert needed(proportion, 0.5) <= depth
    assert needed(proportion, least=1) <= depth


@pytest.mark.long
@some.examples(0.03)
@given(designs(n_per_arm=12), endpoints(), EFFECTS, st.integers(0, 2**31))
def test_simulated_powers_are_the_same_for_any_number_of_processes(design, endpoint, effect, seed):
    asked = {"method": "simulation", "n_sim": 60, "seed": seed}
    one, two, again = (of(design, endpoint, effect, n_jobs=jobs, **asked) for jobs in (1, 2, 1))
    assert one == two == again
