"""Omega squared is PERMANOVA's, its error the brute-force jackknife, and its limit holds."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

import analysis as an
from analysis.comparison.omega_limit import omega_squared_limit
from analysis.errors import DesignError


def draw(rng, n_units=(6, 7), per_unit=2, shift=0.0):
    units = np.repeat(np.arange(sum(n_units)), per_unit)
    treated = units >= n_units[0]
    points = rng.normal(size=(sum(n_units), 4))[units] + rng.normal(size=(len(units), 4)) * 0.5
    points[:, 0] += shift * treated
    return squareform(pdist(points)), treated, units


def test_with_equal_arms_the_estimate_is_that_of_permanova():
    distances, treated, units = draw(np.random.default_rng(1), n_units=(7, 7), per_unit=1, shift=1.0)
    found = omega_squared_limit(distances, treated, units, margin=0.1)
    metadata = pd.DataFrame(
        {"arm": np.where(treated, "yes", "no")}, index=[f"s{i}" for i in range(len(units))]
    )
    assert found.estimate == pytest.approx(an.permanova(distances, metadata, "arm").omega_squared, abs=1e-12)
    assert found.n_units == (7, 7)


def test_the_error_is_the_jackknife_over_units():
    distances, treated, units = draw(np.random.default_rng(2), shift=0.8)
    found = omega_squared_limit(distances, treated, units, margin=1e-6)  # the jackknife's is the larger
    variance = 0.0
    for side in (False, True):
        left = []
        for unit in np.unique(units[treated == side]):
            keep = units != unit
            part = distances[np.ix_(keep, keep)]
            left.append(omega_squared_limit(part, treated[keep], units[keep], margin=0.1).estimate)
        variance += (len(left) - 1) / len(left) * np.sum((np.array(left) - np.mean(left)) ** 2)
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-9)


@pytest.mark.parametrize(("n_units", "per_unit"), [((30, 30), 1), ((50, 200), 1), ((30, 90), 2)])
def test_unequal_arms_and_repeats_leave_the_estimate_where_it_is(n_units, per_unit):
    """The mean estimate is the omega squared of single samples of two arms of equal size."""
    rng, dims, true, shift = np.random.default_rng(8), 6, [], 1.0
    for _ in range(60):
        units = np.repeat(np.arange(sum(n_units)), per_unit)
        treated = units >= n_units[0]
        points = rng.normal(size=(sum(n_units), dims))[units] + 0.7 * rng.normal(size=(len(units), dims))
        points[:, 0] += shift * treated
        true.append(omega_squared_limit(squareform(pdist(points)), treated, units, margin=0.1).estimate)
    expected = (shift**2 / 4) / (shift**2 / 4 + dims * 1.49)
    assert np.mean(true) == pytest.approx(expected, abs=4 * np.std(true) / np.sqrt(60))


@pytest.mark.parametrize("margin", [0.05, 0.2, 0.4])
def test_p_and_limit_agree(margin):
    distances, treated, units = draw(np.random.default_rng(3), n_units=(30, 30), shift=0.3)
    found = omega_squared_limit(distances, treated, units, margin, alpha=0.05)
    assert (found.p_below <= 0.05) == (found.upper <= margin)


def test_too_few_units_are_refused():
    distances, treated, units = draw(np.random.default_rng(4), n_units=(2, 6))
    with pytest.raises(DesignError, match="2 and 6 units"):
        omega_squared_limit(distances, treated, units, margin=0.1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("first", "second", "margin"),
    [(20, 20, 0.02), (50, 50, 0.05), (40, 20, 0.05), (20, 80, 0.05), (10, 40, 0.1), (60, 15, 0.05)],
)
def test_a_margin_that_is_true_is_ruled_out_at_most_as_often_as_alpha_says(first, second, margin):
    """Points in 4 dimensions, one shifted so that omega squared is the margin in the population."""
    rng, trials, dims = np.random.default_rng(5), 1_000, 4
    # Between arms of equal size: SS_between / SS_total -> (shift^2 / 4) / (shift^2 / 4 + dims).
    shift = 2 * np.sqrt(margin / (1 - margin) * dims)
    treated = np.arange(first + second) >= first
    hits = 0
    for _ in range(trials):
        points = rng.normal(size=(first + second, dims))
        points[:, 0] += shift * treated
        found = omega_squared_limit(squareform(pdist(points)), treated, np.arange(first + second), margin)
        hits += found.p_below <= 0.05
    assert hits / trials <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)
