"""Power, sample size, curve and smallest effect for one number a sample: closed forms, or simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from analysis.arguments import check_number
from analysis.designs import Design
from analysis.errors import DesignError, Faults, one_fault
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.engine import (
    CURVE_COLUMNS,
    Engine,
    Settings,
    check_most,
    engine_for,
    no_effect,
    out_of_reach,
    smallest_n,
)
from analysis.planning.means import Rule, Shape, rejection, rule_of, shape_at, shape_of
from analysis.planning.results import (
    Power,
    SampleSize,
    SmallestEffect,
    enrolled,
    monte_carlo_error,
    warn_of_size,
)
from analysis.planning.simulation import count_rejections

_NEAR = ("cages are uneven: the closed form is close, not exact, to about .03 (few cages: .05); simulate it",)
_NO_INTERVAL = "pilot_n is not carried through {}: power and sample_size in closed form give its interval"
_LARGEST = 1e3  # an effect in standard deviations, where the endpoint's scale has no end


class MeanEngine(Engine):
    """Closed forms by default."""

    max_n = 100_000  # by simulation
    max_n_closed = 100_000_000

    def check(
        self,
        design: Design,
        endpoint: MeanEndpoint,
        effects: Sequence[float],
        settings: Settings,
        faults: Faults,
    ) -> None:
        """Note effects that cannot exist, and margins that do not fit the effect or the kind of test."""
        sound = [endpoint.check_effect(effect, faults) for effect in effects]
        margin = settings.margin
        if margin is None:
            if design.sides == 1 and not design.alternative and any(effect == 0 for effect in effects):
                faults.add(
                    "sides=1 and an effect of 0 leave open what is tested for",
                    remedy="give the design alternative='less' or 'greater'",
                )
            return
        if design.alternative:
            faults.add(
                f"alternative={design.alternative!r} with a margin",
                remedy="leave it out: the sign of the margin says which side is tested",
            )
        if not check_number(
            faults, "margin", margin, lambda x: x != 0, "a number other than 0, in the endpoint's unit"
        ):
            return
        if design.sides == 2 and margin < 0:
            faults.add(
                f"margin={margin:g} with sides=2",
                expected=f"a margin above 0, for differences from {margin:g} to {-margin:g}",
                remedy="for non-inferiority (no fall beyond the margin) give the design sides=1",
            )
            return
        for effect, fits in zip(effects, sound, strict=True):
            if fits and not _inside(effect, margin, design.sides):
                faults.add(
                    f"effect={effect:g} is not inside the margin of {margin:g}: there is nothing to show",
                    expected=f"an effect {_within_text(margin, design.sides)}",
                    remedy="give a wider margin, or the effect that is believed (0: no effect at all)",
                )

    def power(self, design: Design, endpoint: MeanEndpoint, effect: float, settings: Settings) -> Power:
        """Compute one power."""
        rule = rule_of(design, effect, settings.margin)
        shape = shape_of(design, endpoint)
        if settings.method == "simulation":
            return self._simulate(design, endpoint, effect, rule, settings)
        found = Power(
            power=float(rejection(shape, rule, effect)[0]),
            power_se=0.0,
            type_i=float(rejection(shape, rule, rule.nothing)[0]),
            type_i_se=0.0,
            n_sim=0,
            method="closed",
            **_described(design, effect, rule, settings),
        )
        if endpoint.pilot_n is not None:
            by_sd = [
                float(rejection(_scaled(shape, sd / endpoint.sd), rule, effect)[0])
                for sd in _pilot_sds(endpoint)
            ]
            found = replace(found, power_low=min(by_sd), power_high=max(by_sd))
        return warn_of_size(found, may_be_smaller=rule.tail == "within")

    def sample_size(
        self,
        design: Design,
        endpoint: MeanEndpoint,
        effect: float,
        target: float,
        max_n: int | None,
        settings: Settings,
    ) -> SampleSize:
        """Find the smallest n_per_arm, in whole cages, that reaches a power of `target`."""
        rule = rule_of(design, effect, settings.margin)
        if _hopeless(rule, effect):
            raise _never(rule, effect)
        if settings.method == "simulation":
            # The closed form, near enough where it is not exact, says where to begin.
            near = self._closed_n(design, endpoint, effect, target, max_n or self.max_n, settings)
            begun = design.resized(near)
            return super().sample_size(begun, endpoint, effect, target, max_n, settings)
        most = max_n or self.max_n_closed
        n = self._closed_n(design, endpoint, effect, target, most, settings)
        low = high = None
        if endpoint.pilot_n is not None:
            low, high = (
                self._closed_n_or_none(design, replace(endpoint, sd=sd), effect, target, most, settings)
                for sd in _pilot_sds(endpoint)
            )
        return SampleSize.at(
            self.power(design.resized(n), endpoint, effect, settings),
            target,
            n_exact=_exact_n(design, endpoint, effect, rule, target),
            n_low=low,
            n_high=high,
        )

    def curve(
        self,
        design: Design,
        endpoint: MeanEndpoint,
        effects: Sequence[float],
        sizes: Sequence[int],
        settings: Settings,
    ) -> pd.DataFrame:
        """Tabulate power for every effect and number of subjects, in one evaluation of the closed form."""
        if settings.method == "simulation":
            return super().curve(design, endpoint, effects, sizes, settings)
        designs = [design.resized(n) for n in sizes]
        shapes = [shape_of(resized, endpoint) for resized in designs]
        rules = [rule_of(design, effect, settings.margin) for effect in effects]
        power, size = np.empty((2, len(effects), len(sizes)))
        for rule in set(rules):
            rows = [row for row, its in enumerate(rules) if its == rule]
            values = [*(effects[row] for row in rows), rule.nothing]
            found = rejection(
                _stacked(shapes, len(values)), rule, np.repeat(np.array(values, float), len(sizes))
            )
            found = found.reshape(len(values), len(sizes))
            power[rows], size[rows] = found[:-1], found[-1]
        table = {
            "effect": np.repeat(np.asarray(effects, dtype=float), len(sizes)),
            "n_per_arm": np.tile(np.asarray(sizes), len(effects)),
            "total": np.tile([resized.total for resized in designs], len(effects)),
            "cages": np.tile([resized.n_cages for resized in designs], len(effects)),
            "power": power.ravel(),
            "power_se": 0.0,
            "type_i": size.ravel(),
            "type_i_se": 0.0,
            "n_sim": 0,
            "method": "closed",
        }
        return pd.DataFrame(table)[list(CURVE_COLUMNS)]

    def smallest_effect(
        self, design: Design, endpoint: MeanEndpoint, direction: float, target: float, settings: Settings
    ) -> SmallestEffect:
        """Find the effect nearest to 0, on the side of `direction` (+1 or -1), found with power `target`."""
        rule = rule_of(design, direction, None)
        shape = shape_of(design, endpoint)
        end = endpoint.lowest if direction < 0 else endpoint.highest
        most = _LARGEST * endpoint.sd if end is None else abs(end - endpoint.mean)
        best = float(rejection(shape, rule, direction * most)[0])
        if best < target:
            raise no_effect(target, design, direction * most, best)
        size = _root(lambda x: float(rejection(shape, rule, direction * x)[0]) - target, 0.0, most)
        if settings.method == "simulation":
            found = self.search_effect(design, endpoint, direction, size, most, target, settings)
        else:
            found = SmallestEffect.at(self.power(design, endpoint, direction * size, settings), target)
        if endpoint.pilot_n is not None and not found.n_sim:
            found = replace(found, notes=(*found.notes, _NO_INTERVAL.format("to the smallest effect")))
        return replace(found, percent=100 * found.effect / endpoint.mean if endpoint.mean else None)

    def _simulate(
        self, design: Design, endpoint: MeanEndpoint, effect: float, rule: Rule, settings: Settings
    ) -> Power:
        seeds = np.random.SeedSequence(settings.seed).spawn(2)
        hits, false = (
            count_rejections(design, endpoint, value, rule, settings.n_sim, seed, settings.n_jobs)
            for value, seed in zip((effect, rule.nothing), seeds, strict=True)
        )
        found = Power(
            power=hits / settings.n_sim,
            power_se=monte_carlo_error(hits, settings.n_sim),
            type_i=false / settings.n_sim,
            type_i_se=monte_carlo_error(false, settings.n_sim),
            n_sim=settings.n_sim,
            method="simulation",
            **_described(design, effect, rule, settings),
        )
        if endpoint.pilot_n is not None:
            found = replace(found, notes=(*found.notes, _NO_INTERVAL.format("by simulation")))
        return warn_of_size(found, may_be_smaller=rule.tail == "within")

    def _closed_n_or_none(self, *question: Any) -> int | None:
        try:
            return self._closed_n(*question)
        except DesignError:
            return None

    def _closed_n(
        self,
        design: Design,
        endpoint: MeanEndpoint,
        effect: float,
        target: float,
        most: int,
        settings: Settings,
    ) -> int:
        """Double the number of cages (or subjects) until the target is passed, then halve the gap."""
        rule, step = rule_of(design, effect, settings.margin), design.step

        def power_of(units: int) -> float:
            resized = design.resized(units * step)
            try:
                return float(rejection(shape_of(resized, endpoint), rule, effect)[0])
            except DesignError:  # no degree of freedom yet
                return 0.0

        low, last = smallest_n(design) // step, most // step
        check_most(low * step, most)
        if power_of(low) >= target:
            return low * step
        high = low
        while not power_of(high) >= target:  # nor is NaN enough
            if high >= last:
                raise out_of_reach(target, most, power_of(high))
            low, high = high, min(2 * high, last)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if power_of(middle) >= target else (middle, high)
        return high * step


@engine_for.register
def _(endpoint: MeanEndpoint) -> Engine:  # noqa: ARG001
    return MeanEngine()


def _described(design: Design, effect: float, rule: Rule, settings: Settings) -> dict[str, object]:
    """Return what both methods say of the experiment."""
    uneven = design.cluster_size > 1 and any(
        left != enrolled or enrolled % design.step
        for left, enrolled in zip(design.n_analysed, design.n_enrolled, strict=True)
    )
    return {
        "test": _test_text(design, rule),
        "effect": float(effect),
        "margin": settings.margin,
        **enrolled(design),
        "notes": design.notes() + (_NEAR if uneven and settings.method != "simulation" else ()),
    }


def _test_text(design: Design, rule: Rule) -> str:
    name = {
        "pooled": "t test",
        "welch": "Welch's t test",
        "change": "t test of the change",
        "ancova": "analysis of covariance",
        "paired": "paired t test",
    }[design.test]
    name += " of cage means" if design.caged else " within cages" if design.within_cluster else ""
    if rule.tail == "within":
        return f"{name}, equivalence within ±{rule.margin:g}"
    if rule.null:
        return f"{name}, no {'fall' if rule.sign > 0 else 'rise'} by {abs(rule.null):g} or more"
    return name + ("" if rule.tail == "both" else ", looking for a " + ("rise" if rule.sign > 0 else "fall"))


def _inside(effect: float, margin: float, sides: int) -> bool:
    """Whether the effect lies where the test is to show that it lies."""
    return abs(effect) < margin if sides == 2 else (effect - margin) * margin < 0


def _within_text(margin: float, sides: int) -> str:
    if sides == 2:
        return f"between {-margin:g} and {margin:g}"
    return f"{'above' if margin < 0 else 'below'} {margin:g}"


def _hopeless(rule: Rule, effect: float) -> bool:
    return (
        effect == 0 if rule.tail == "both" else rule.tail == "one" and rule.sign * (effect - rule.null) <= 0
    )


def _never(rule: Rule, effect: float) -> DesignError:
    looked_for = (
        "" if rule.tail == "both" else f" while a {'rise' if rule.sign > 0 else 'fall'} is looked for"
    )
    return one_fault(
        DesignError,
        "sample_size",
        f"effect={effect:g}{looked_for}: the number of subjects would be infinite, with nothing to find",
        remedy="give an effect; to show that there is none, give a margin as well",
    )


def _scaled(shape: Shape, factor: float) -> Shape:
    return replace(shape, standard_error=shape.standard_error * factor)


def _stacked(shapes: Sequence[Shape], times: int) -> Shape:
    """Join the shapes of several sizes into one of arrays, repeated for so many effects."""
    units = None
    if shapes[0].units is not None:
        units = tuple(np.tile([shape.units[arm] for shape in shapes], times) for arm in (0, 1))
    return Shape(
        np.tile([shape.standard_error for shape in shapes], times),
        np.tile([shape.df for shape in shapes], times),
        shapes[0].ancova,
        units,
    )


def _pilot_sds(endpoint: MeanEndpoint) -> tuple[float, float]:
    """Return the 95 % interval of the SD that a pilot of normal values leaves."""
    df = endpoint.pilot_n - 1
    low, high = endpoint.sd * np.sqrt(df / stats.chi2.ppf([0.975, 0.025], df))
    return float(low), float(high)


def _exact_n(design: Design, endpoint: MeanEndpoint, effect: float, rule: Rule, target: float) -> float:
    """Return the fractional number of analysed subjects with this power; at least what the test needs."""

    def gap(n: float) -> float:
        return float(rejection(shape_at(design, endpoint, n), rule, effect)[0]) - target

    least = 2.0 * (design.cluster_size if design.caged else 1) + (1.0 if design.test == "ancova" else 0.0)
    least *= max(1.0, 1 / design.ratio)
    if gap(least) >= 0:
        return least
    most = 2 * least
    while gap(most) < 0:
        most *= 2
    return _root(gap, most / 2, most)


def _root(gap: Callable[[float], float], low: float, high: float) -> float:
    return float(optimize.brentq(gap, low, high, xtol=1e-12 * max(high, math.ulp(1.0)), rtol=1e-13))
