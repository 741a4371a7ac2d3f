"""Power for the correlation of two changes, and how another endpoint makes itself known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.designs import Design
from analysis.errors import DesignError, ParameterError
from analysis.planning.correlation import correlation_power
from analysis.planning.endpoints import CorrelationEndpoint
from analysis.planning.engine import Engine, engine_for
from analysis.planning.power import power, power_curve, sample_size, smallest_detectable_effect
from analysis.planning.results import Power, monte_carlo_error

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference/power_means.csv")
EXACT = list(REFERENCE.query("case == 'correlation'").itertuples())
PWR = list(REFERENCE.query("case == 'correlation_pwr'").itertuples())
CLEAN = CorrelationEndpoint()
NOISY = CorrelationEndpoint(reliability_x=0.5, reliability_y=0.7)


@pytest.mark.parametrize("row", EXACT, ids=lambda row: f"n{row.n:g}-r{row.rho:g}")
def test_power_is_that_of_hotellings_density(row):
    assert correlation_power(row.n, row.rho) == pytest.approx(row.value, abs=1e-10)


@pytest.mark.parametrize("row", PWR, ids=lambda row: f"n{row.n:g}-r{row.rho:g}")
def test_power_is_near_that_of_pwr(row):
    # pwr approximates by Fisher's z, by an error that falls with n.
    assert correlation_power(row.n, row.rho) == pytest.approx(row.value, abs=0.15 / row.n)


def test_power_is_never_above_1():
    assert correlation_power(124, -0.75, arms=2, sides=1, sign=-1.0) <= 1  # the weights add up to 1 + 2e-16


def test_sample_size_beside_pwr():
    quoted = REFERENCE.query("case == 'n_correlation_pwr'")[
        "value"
    ].item()  # 84.07: by pwr 85 subjects, exactly 84
    found = sample_size(Design(paired=True), CLEAN, effect=0.3)
    assert found.n_per_arm == 84 == np.floor(quoted)
    assert power(Design(83, paired=True), CLEAN, 0.3).power < 0.8 <= found.power


def test_two_arms_cost_a_degree_of_freedom():
    # Taking out two means in place of one leaves as much as one subject less.
    two = power(Design(20), CLEAN, 0.4).power
    assert two == pytest.approx(power(Design(39, paired=True), CLEAN, 0.4).power, abs=1e-12)


def test_noise_weakens_and_samples_help():
    seen = 0.5 * np.sqrt(0.5 * 0.7)
    assert power(Design(30), NOISY, 0.5).power == pytest.approx(
        power(Design(30), CLEAN, seen).power, abs=1e-12
    )
    assert power(Design(30, baseline=3, follow_up=3), NOISY, 0.5).power > power(Design(30), NOISY, 0.5).power
    assert "leaves 0.296 of a true correlation of 0.5" in power(Design(30), NOISY, 0.5).notes[0]


def test_one_sided():
    design = Design(30, sides=1, alternative="less")
    assert power(design, CLEAN, -0.3).power > power(Design(30), CLEAN, -0.3).power
    assert power(design, CLEAN, 0.3).power < 0.001
    assert power(design, CLEAN, 0).power == pytest.approx(0.05, abs=1e-10)


@pytest.mark.parametrize(
    ("design", "rho"),
    [(Design(12), 0.6), (Design(25, baseline=2, follow_up=3), -0.5), (Design(15, paired=True, sides=1), 0.4)],
)
def test_simulation_agrees(design, rho):
    closed = power(design, NOISY, rho)
    drawn = power(design, NOISY, rho, method="simulation", n_sim=10_000)
    assert abs(drawn.power - closed.power) < 3 * drawn.power_se
    assert abs(drawn.type_i - closed.type_i) < 3 * drawn.type_i_se


def test_search_and_curve():
    exact = sample_size(Design(), NOISY, 0.6)
    drawn = sample_size(Design(30), NOISY, 0.6, method="simulation")
    assert drawn.n_low <= exact.n_per_arm <= drawn.n_high
    smallest = smallest_detectable_effect(Design(exact.n_per_arm), NOISY, direction="greater")
    assert 0.58 < smallest.effect <= 0.6
    assert smallest.power == pytest.approx(0.8, abs=1e-9)
    curve = power_curve(Design(), NOISY, [0.2, 0.6], [10, exact.n_per_arm])
    assert curve["power"].iloc[-1] == pytest.approx(exact.power, abs=1e-12)


def test_bad_input():
    with pytest.raises(ParameterError) as caught:
        power(Design(baseline=0, cluster_size=4), CLEAN, 1.2, margin=0.1)
    assert len(caught.value.faults) == 4
    with pytest.raises(DesignError, match="infinite"):
        sample_size(Design(), CLEAN, 0)
    with pytest.raises(DesignError, match="not reached: with 30"):
        sample_size(Design(), CLEAN, 0.1, max_n=30)
    with pytest.raises(DesignError, match="find no possible effect"):
        smallest_detectable_effect(Design(3), CorrelationEndpoint(0.1, 0.1))
    with pytest.raises(DesignError, match="no degree of freedom"):
        power(Design(2, paired=True), CLEAN, 0.3)


@pytest.mark.parametrize(
    "design", [Design(dropout=0.5), Design(ratio=0.2), Design(5, dropout=0.6, paired=True)]
)
@pytest.mark.parametrize("rho", [0.5, 0.9999])
def test_the_search_begins_where_the_design_can(design, rho):
    found = sample_size(design, CLEAN, rho)
    assert found.power >= 0.8
    with pytest.raises(DesignError, match="leaves nothing to try"):
        sample_size(design, CLEAN, rho, max_n=2)
    try:
        fewer = power(design.resized(found.n_per_arm - 1), CLEAN, rho)
    except DesignError:
        return  # no such experiment
    assert fewer.power < 0.8


@dataclass(frozen=True)
class CoinEndpoint:
    """A test endpoint whose power is known: a coin whose chance n and effect set."""


class CoinEngine(Engine):
    """What a module outside does to make its endpoint known."""

    def check(self, design, endpoint, effects, settings, faults):
        for effect in effects:
            if effect < 0:
                faults.add(f"effect={effect}")

    def power(self, design, endpoint, effect, settings):
        from scipy import stats

        rng = np.random.default_rng([settings.seed, design.n_per_arm])
        chance = stats.norm.cdf(effect * np.sqrt(design.n_per_arm) - 1.645)
        hits = [int(rng.binomial(settings.n_sim, p)) for p in (chance, 0.05)]
        figures = [
            figure
            for hit in hits
            for figure in (hit / settings.n_sim, monte_carlo_error(hit, settings.n_sim))
        ]
        sizes = {"n_per_arm": design.n_per_arm, "n_reference": design.n_reference, "total": design.total}
        return Power(
            *figures,
            n_sim=settings.n_sim,
            method="simulation",
            test="coin",
            effect=effect,
            margin=None,
            alpha=design.alpha,
            analysed_per_arm=design.n_analysed[0],
            cages=design.n_cages,
            **sizes,
        )


def test_another_endpoint_can_be_registered():
    engine_for.register(CoinEndpoint, lambda _: CoinEngine())
    coin = CoinEndpoint()
    assert power(Design(25), coin, 0.5, n_sim=4_000).power == pytest.approx(0.804, abs=0.03)
    found = sample_size(Design(100), coin, 0.5)
    truth = ((1.645 + 0.8416) / 0.5) ** 2  # 24.7
    assert found.n_low <= np.ceil(truth) <= found.n_high
    assert len(power_curve(Design(), coin, [0.1, 0.5], [10, 20, 30])) == 6
    with pytest.raises(ParameterError, match="effect=-1"):
        power(Design(), coin, -1)
    with pytest.raises(ParameterError, match="no single scale of effects"):
        smallest_detectable_effect(Design(), coin)
    with pytest.raises(DesignError, match="not reached: with 2,000 subjects"):
        sample_size(Design(100), coin, 0.001)
