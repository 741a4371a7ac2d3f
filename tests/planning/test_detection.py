"""Depth to see a taxon: against R's binomial and beta-binomial, and against draws."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.errors import DepthError, ParameterError
from analysis.planning.detection import detection_depth, detection_probability

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference/power_means.csv").query("case == 'depth'")


@pytest.mark.parametrize(
    "row", list(REFERENCE.itertuples()), ids=lambda row: f"{row.rho:g}-{row.n:g}-{row.n2:g}"
)
def test_depths_are_those_of_r(row):
    assert detection_depth(row.rho, 0.95, int(row.n), row.n2) == row.value


@pytest.mark.parametrize("proportion", [1e-5, 1e-3, 0.3])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_one_read_has_a_closed_form(proportion, confidence):
    assert detection_depth(proportion, confidence) == np.ceil(np.log(1 - confidence) / np.log1p(-proportion))


@pytest.mark.parametrize("dispersion", [0.0, 1e-3, 0.05])
def test_depth_is_the_smallest_that_will_do(dispersion):
    depth = detection_depth(0.05, 0.9, 4, dispersion)
    assert detection_probability(depth, 0.05, 4, dispersion) >= 0.9
    assert detection_probability(depth - 1, 0.05, 4, dispersion) < 0.9


def test_probability_against_draws():
    rng = np.random.default_rng(1)
    n, dispersion, p = 200_000, 0.02, 0.01
    shares = rng.beta(p * (1 - dispersion) / dispersion, (1 - p) * (1 - dispersion) / dispersion, n)
    assert np.var(shares) == pytest.approx(p * (1 - p) * dispersion, rel=0.05)
    seen = np.mean(rng.binomial(500, shares) >= 2)
    exact = detection_probability(500, p, 2, dispersion)
    assert abs(seen - exact) < 4 * np.sqrt(exact * (1 - exact) / n)


@pytest.mark.parametrize("dispersion", [1e-2, 1e-4, 0.99e-4, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("proportion", [1e-4, 0.02])
def test_no_read_is_a_product(dispersion, proportion):
    depth, concentration = int(3 / proportion), (1 - dispersion) / dispersion
    drawn = np.arange(depth)
    none = np.exp(np.log1p(-proportion * concentration / (concentration + drawn)).sum())
    assert detection_probability(depth, proportion, 1, dispersion) == pytest.approx(1 - none, rel=1e-9)


def test_the_two_forms_of_the_beta_binomial_meet():
    below, above = (detection_probability(2_000, 0.01, 15, 1 / (1 + c)) for c in (0.999999e4, 1.000001e4))
    assert below == pytest.approx(above, abs=1e-7)
    assert detection_probability(2_000, 0.01, 15, 1e-12) == pytest.approx(
        stats.binom.sf(14, 2_000, 0.01), abs=1e-8
    )


def test_more_reads_or_dispersion_need_more_depth():
    depths = [
        detection_depth(1e-3, min_reads=k, dispersion=d) for k, d in ((1, 0), (2, 0), (2, 1e-4), (2, 5e-4))
    ]
    assert depths == sorted(set(depths))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dispersion", [1e-300, 1e-307, 5e-324])
def test_next_to_no_dispersion_is_none_and_does_not_overflow(dispersion):
    assert detection_depth(0.4, 0.99, 3, dispersion) == detection_depth(0.4, 0.99, 3)


def test_what_no_depth_shows_is_said():
    with pytest.raises(DepthError) as caught:
        detection_depth(1e-4, dispersion=0.01)
    best = detection_probability(1_000_000_000, 1e-4, 1, 0.01)
    assert f"only {best:.1%} of samples" in str(caught.value)
    reachable = np.floor(best * 1e4) / 1e4
    assert f"at most {reachable:g}" in str(caught.value)
    assert detection_depth(1e-4, reachable, dispersion=0.01) <= 1_000_000_000
    with pytest.raises(DepthError, match="even 1,000 reads"):
        detection_depth(1e-4, max_depth=1_000)


def test_all_faults_at_once():
    with pytest.raises(ParameterError) as caught:
        detection_depth(0, 1, 0, 1, max_depth=0)
    assert len(caught.value.faults) == 5
    with pytest.raises(ParameterError, match="depth=-1"):
        detection_probability(-1, 0.1)
    with pytest.raises(ParameterError, match="1,000,000"):
        detection_depth(0.5, min_reads=2_000_000)
