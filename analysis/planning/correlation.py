"""Power to see that the changes of two measures go together: exact for normal values, or by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import optimize, special, stats

from analysis.arguments import check_number
from analysis.designs import Design
from analysis.errors import DesignError, Faults, one_fault
from analysis.planning.endpoints import CorrelationEndpoint
from analysis.planning.engine import (
    Engine,
    Settings,
    check_most,
    engine_for,
    no_effect,
    out_of_reach,
    smallest_n,
)
from analysis.planning.replicates import run_blocks
from analysis.planning.results import (
    Power,
    SampleSize,
    SmallestEffect,
    enrolled,
    monte_carlo_error,
    warn_of_size,
)

_NODES = 64
_TINY = 1e-14
_BLOCK = 500
_NUMBERS = 2_000_000
_LARGEST = 1 - 1e-9


@dataclass(frozen=True)
class _Test:
    """A t test of a correlation between n subjects, `arms` means having been taken out."""

    arms: int
    sides: int
    alpha: float
    sign: float

    @classmethod
    def of(cls, design: Design, effect: float) -> _Test:
        less = design.alternative == "less" if design.alternative else effect < 0
        return cls(len(design.n_enrolled), design.sides, design.alpha, -1.0 if less else 1.0)

    def p_values(self, r: np.ndarray, n: int) -> np.ndarray:
        """Return the p values of sample (partial) correlations."""
        df = n - 1 - self.arms
        t = r * np.sqrt(df / (1 - r**2))
        return 2 * stats.t.sf(np.abs(t), df) if self.sides == 2 else stats.t.sf(self.sign * t, df)


def correlation_power(
    n: float, rho: float, *, arms: int = 1, sides: int = 2, alpha: float = 0.05, sign: float = 1.0
) -> float:
    """Return the power of the t test of a correlation, exact for bivariate normal values.

    Parameters
    ----------
    n : float
        Subjects in all.
    rho : float
        Correlation of what is seen, between -1 and 1.
    arms : int
        Groups whose means are taken out first.
    sides : {1, 2}
        Of the test.
    alpha : float
        Its size.
    sign : float
        One-sided: +1 looks for a positive correlation, -1 for a negative one.

    Notes
    -----
    Given one measure, the test is that of a regression slope: its t is noncentral with
    ``rho / sqrt(1 - rho**2) * sqrt(q)``, where q, the other's sum of squares in units of its variance, is
    chi-squared with ``n - arms`` degrees of freedom. The power is averaged over q. It differs in the third
    decimal from the usual approximation by Fisher's z, which pwr uses.

    Examples
    --------
    >>> round(correlation_power(84, 0.3), 4)
    0.8003
    """
    df = n - 1 - arms
    critical = stats.t.isf(alpha / sides, df)
    nodes, weights = special.roots_legendre(_NODES)
    low, high = np.sqrt(stats.chi2.ppf(_TINY, df + 1)), np.sqrt(stats.chi2.isf(_TINY, df + 1))
    root_q = low + (nodes + 1) / 2 * (high - low)
    weights = weights * np.exp(df * np.log(root_q / np.sqrt(df + 1)) - (root_q**2 - df - 1) / 2)
    shift = rho / np.sqrt(1 - rho**2) * root_q
    chance = stats.nct.sf(critical, df, sign * shift)
    if sides == 2:
        chance = np.nan_to_num(chance) + np.nan_to_num(stats.nct.sf(critical, df, -sign * shift))
    return min(float(weights @ np.nan_to_num(chance) / weights.sum()), 1.0)  # rounding may pass 1


class CorrelationEngine(Engine):
    """Exact by default."""

    max_n = 100_000
    max_n_closed = 10_000_000

    def check(
        self,
        design: Design,
        endpoint: CorrelationEndpoint,  # noqa: ARG002
        effects: Sequence[float],
        settings: Settings,
        faults: Faults,
    ) -> None:
        """Note correlations outside -1 to 1 and designs without changes or with shared cages."""
        for effect in effects:
            check_number(faults, "effect", effect, lambda rho: abs(rho) < 1, "a correlation between -1 and 1")
            if effect == 0 and design.sides == 1 and not design.alternative:
                faults.add(
                    "sides=1 and an effect of 0 leave open what is tested for",
                    remedy="give the design alternative='less' or 'greater'",
                )
        if design.baseline == 0:
            faults.add("baseline=0", expected="a baseline: it is the changes that are correlated")
        if design.cluster_size > 1:
            faults.add(
                f"cluster_size={design.cluster_size}",
                expected="cluster_size=1: changes of cage mates are not independent",
                remedy="count cages as subjects, and give reliabilities of cage means",
            )
        if settings.margin is not None:
            faults.add(f"margin={settings.margin!r}", expected="no margin for a correlation")

    def power(
        self, design: Design, endpoint: CorrelationEndpoint, effect: float, settings: Settings
    ) -> Power:
        """Compute one power."""
        test = _Test.of(design, effect)
        n = sum(design.n_analysed)
        if n - 1 - test.arms < 1:
            raise one_fault(
                DesignError, "power", f"{n} subjects leave no degree of freedom", remedy="use more"
            )
        described = {
            "test": "t test of the correlation of changes" + (", arms taken out" if test.arms > 1 else ""),
            "effect": float(effect),
            "margin": None,
            **enrolled(design),
            "notes": (
                f"noise leaves {_seen(design, endpoint, effect):.3g} of a true correlation of {effect:g}",
                *design.notes(),
            ),
        }
        if settings.method == "simulation":
            counts = [
                _count(test, design, endpoint, rho, settings, seed)
                for rho, seed in zip(
                    (effect, 0.0), np.random.SeedSequence(settings.seed).spawn(2), strict=True
                )
            ]
            shares = [(hits / settings.n_sim, monte_carlo_error(hits, settings.n_sim)) for hits in counts]
            return warn_of_size(Power(*shares[0], *shares[1], settings.n_sim, "simulation", **described))
        return Power(_closed(design, endpoint, effect), 0.0, design.alpha, 0.0, 0, "closed", **described)

    def sample_size(
        self,
        design: Design,
        endpoint: CorrelationEndpoint,
        effect: float,
        target: float,
        max_n: int | None,
        settings: Settings,
    ) -> SampleSize:
        """Find the smallest n_per_arm that reaches a power of `target`."""
        test = _Test.of(design, effect)
        if effect == 0 or (design.sides == 1 and test.sign * effect < 0):
            raise one_fault(
                DesignError,
                "sample_size",
                f"effect={effect:g}: the number of subjects would be infinite, with nothing to find",
                remedy="give a correlation of the sign that is tested for",
            )
        if settings.method == "simulation":
            return super().sample_size(design, endpoint, effect, target, max_n, settings)
        most = max_n or self.max_n_closed
        high = self.smallest_n(design)
        check_most(high, most)
        low = high - 1
        while not _closed(design.resized(high), endpoint, effect) >= target:
            if high >= most:
                raise out_of_reach(target, most, _closed(design.resized(high), endpoint, effect))
            low, high = high, min(2 * high, most)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (
                (low, middle)
                if _closed(design.resized(middle), endpoint, effect) >= target
                else (middle, high)
            )
        return SampleSize.at(self.power(design.resized(high), endpoint, effect, settings), target)

    def smallest_n(self, design: Design) -> int:
        """Return the smallest n_per_arm that leaves a degree of freedom."""
        n = smallest_n(design)
        while sum(design.resized(n).n_analysed) - 2 < len(design.n_enrolled):
            n += 1
        return n

    def smallest_effect(
        self,
        design: Design,
        endpoint: CorrelationEndpoint,
        direction: float,
        target: float,
        settings: Settings,
    ) -> SmallestEffect:
        """Find the correlation nearest to 0, on the side of `direction`, found with power `target`."""

        def gap(rho: float) -> float:
            return _closed(design, endpoint, direction * rho) - target

        if gap(_LARGEST) < 0:
            raise no_effect(target, design, direction, gap(_LARGEST) + target)
        size = float(optimize.brentq(gap, 1e-12, _LARGEST))
        if settings.method == "simulation":
            return self.search_effect(design, endpoint, direction, size, _LARGEST, target, settings)
        return SmallestEffect.at(self.power(design, endpoint, direction * size, settings), target)


@engine_for.register
def _(endpoint: CorrelationEndpoint) -> Engine:  # noqa: ARG001
    return CorrelationEngine()


def _seen(design: Design, endpoint: CorrelationEndpoint, rho: float) -> float:
    return endpoint.seen(rho, design.baseline, design.follow_up)


def _closed(design: Design, endpoint: CorrelationEndpoint, effect: float) -> float:
    test = _Test.of(design, effect)
    return correlation_power(
        sum(design.n_analysed),
        _seen(design, endpoint, effect),
        arms=test.arms,
        sides=test.sides,
        alpha=test.alpha,
        sign=test.sign,
    )


def _count(
    test: _Test,
    design: Design,
    endpoint: CorrelationEndpoint,
    rho: float,
    settings: Settings,
    seed: np.random.SeedSequence,
) -> int:
    """Count simulated experiments that reject."""
    values = sum(design.n_analysed) * (design.baseline + design.follow_up) * 2
    block = max(1, min(_BLOCK, _NUMBERS // values))
    work = partial(_count_block, test, design, endpoint, rho)
    return sum(run_blocks(work, settings.n_sim, seed, block=block, n_jobs=settings.n_jobs))


def _count_block(
    test: _Test,
    design: Design,
    endpoint: CorrelationEndpoint,
    rho: float,
    rng: np.random.Generator,
    n_sim: int,
) -> int:
    n = sum(design.n_analysed)
    arm = np.repeat(np.arange(len(design.n_analysed)), design.n_analysed)
    change = rng.standard_normal((2, n_sim, n))
    change[1] = rho * change[0] + np.sqrt(1 - rho**2) * change[1]
    for values, reliability in zip(change, (endpoint.reliability_x, endpoint.reliability_y), strict=True):
        # A change holds the noise of two samples, one before and one after.
        sample_sd = np.sqrt((1 - reliability) / reliability / 2)
        for samples in (design.baseline, design.follow_up):
            values[...] += sample_sd * rng.standard_normal((n_sim, n, samples)).mean(axis=2)
    for group in np.unique(arm):
        change[:, :, arm == group] -= change[:, :, arm == group].mean(axis=2, keepdims=True)
    x, y = change
    r = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return int((test.p_values(r, n) <= test.alpha).sum())
