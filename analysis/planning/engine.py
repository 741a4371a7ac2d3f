"""What every kind of endpoint can be asked: its power, and what follows from power by search."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, fields
from functools import singledispatch
from typing import Any, Literal

import pandas as pd

from analysis.designs import Design
from analysis.errors import DesignError, Faults, ParameterError, one_fault
from analysis.planning.checkpoint import once
from analysis.planning.results import Power, SampleSize, SizeWarning, SmallestEffect
from analysis.planning.search import find_crossing

Method = Literal["closed", "simulation"]

CURVE_COLUMNS = (
    "effect",
    "n_per_arm",
    "total",
    "cages",
    "power",
    "power_se",
    "type_i",
    "type_i_se",
    "n_sim",
    "method",
)


@dataclass(frozen=True)
class Settings:
    """How a power is to be computed; the arguments of `analysis.power`, in one piece."""

    n_sim: int = 1_000
    permutations: int = 999
    seed: int = 0
    n_jobs: int = 1
    method: Method | None = None
    margin: float | None = None
    parts: MutableMapping[str, Any] | None = field(default=None, compare=False, repr=False)  # a checkpoint


class Engine(ABC):
    """Computes the power of one kind of endpoint.

    A subclass gives `check` and `power`; sample size, curve and smallest effect then work by simulation. One
    with closed forms overrides them. `engine_for.register` makes it known.
    """

    max_n = 2_000  # subjects in the treated arm, where the caller sets no limit

    @abstractmethod
    def check(
        self, design: Design, endpoint: Any, effects: Sequence[Any], settings: Settings, faults: Faults
    ) -> None:
        """Note whatever of design, effects and settings does not fit this endpoint, apart from n_per_arm."""

    def without_size(self) -> Engine:
        """Return an engine that leaves the type I error out where that saves time."""
        return self

    @abstractmethod
    def power(self, design: Design, endpoint: Any, effect: Any, settings: Settings) -> Power:
        """Compute one power. The arguments have been checked."""

    def cell(self, name: str, design: Design, endpoint: Any, effect: Any, settings: Settings) -> Power:
        """Compute one power of a grid or a search, unless the checkpoint has it, with its warnings."""
        if settings.parts is None:
            return self.power(design, endpoint, effect, settings)

        def compute() -> dict[str, Any]:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", SizeWarning)
                found = self.power(design, endpoint, effect, settings)
            for one in said:
                if not issubclass(one.category, SizeWarning):
                    warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
            kept = {entry.name: getattr(found, entry.name) for entry in fields(Power)}
            return {
                "power": kept,
                "warnings": [str(one.message) for one in said if issubclass(one.category, SizeWarning)],
            }

        kept = once(settings.parts, name, compute)
        for text in kept["warnings"]:
            warnings.warn(text, SizeWarning, stacklevel=4)
        return Power(**kept["power"] | {"notes": tuple(kept["power"]["notes"])})

    def sample_size(
        self, design: Design, endpoint: Any, effect: Any, target: float, max_n: int | None, settings: Settings
    ) -> SampleSize:
        """Search for the smallest n_per_arm, in whole cages, that reaches a power of `target`."""
        max_n = max_n or self.max_n
        found: dict[int, Power] = {}

        def power_at(n: int) -> Power:
            if n not in found:
                found[n] = self.cell(f"n_per_arm {n}", design.resized(n), endpoint, effect, settings)
            return found[n]

        def simulate(root_n: float) -> tuple[int, int]:
            power = power_at(round(root_n**2))
            return round(power.power * power.n_sim), power.n_sim

        def settle(root_n: float) -> float:
            return math.sqrt(max(round(root_n**2 / design.step), 1) * design.step)

        least = self.smallest_n(design)
        check_most(least, max_n)
        crossing = find_crossing(
            simulate,
            target,
            start=math.sqrt(max(design.n_per_arm, least)),
            least=math.sqrt(least),
            most=math.sqrt(max_n // design.step * design.step),
            at_zero=design.alpha,
            settle=settle,
        )
        if crossing.above is None:
            best = power_at(round(max(crossing.points) ** 2))
            raise out_of_reach(target, max_n, best.power)
        if crossing.below is None:
            return SampleSize.at(power_at(least), target, n_low=least, n_high=least, n_tried=len(found))

        def whole(root_n: float) -> int:
            n = math.ceil(min(root_n**2, max_n) / design.step - 1e-9) * design.step
            return max(n, least)

        root, low, high = crossing.fit()
        tried = len(found)
        return SampleSize.at(
            power_at(whole(root)),
            target,
            n_low=whole(max(low, 0.0)),
            n_high=None if high**2 > max_n else whole(high),
            n_tried=tried,
        )

    def smallest_n(self, design: Design) -> int:
        """Return the smallest n_per_arm that the search may try."""
        return smallest_n(design)

    def curve(
        self, design: Design, endpoint: Any, effects: Sequence[Any], sizes: Sequence[int], settings: Settings
    ) -> pd.DataFrame:
        """Tabulate power for every effect and number of subjects."""
        cells = [
            self.cell(f"effect {place}, n_per_arm {n}", design.resized(n), endpoint, effect, settings)
            for place, effect in enumerate(effects)
            for n in sizes
        ]
        return pd.DataFrame({name: [getattr(cell, name) for cell in cells] for name in CURVE_COLUMNS})

    def smallest_effect(
        self,
        design: Design,  # noqa: ARG002
        endpoint: Any,
        direction: float,  # noqa: ARG002
        target: float,  # noqa: ARG002
        settings: Settings,  # noqa: ARG002
    ) -> SmallestEffect:
        """Find the effect nearest to 0, on the side of `direction` (+1 or -1), found with power `target`."""
        raise one_fault(
            ParameterError,
            "smallest_detectable_effect",
            f"a {type(endpoint).__name__} has no single scale of effects to search",
            remedy="use power_curve over the effects in question",
        )

    def search_effect(
        self,
        design: Design,
        endpoint: Any,
        direction: float,
        start: float,
        most: float,
        target: float,
        settings: Settings,
    ) -> SmallestEffect:
        """Search by simulation for the smallest effect, from `start` on, up to `most`, both without sign."""
        found: dict[float, Power] = {}

        def simulate(size: float) -> tuple[int, int]:
            found[size] = self.power(design, endpoint, direction * size, settings)
            return round(found[size].power * found[size].n_sim), found[size].n_sim

        crossing = find_crossing(simulate, target, start, most * 1e-9, most, design.alpha)
        if crossing.above is None:
            raise no_effect(target, design, direction * most, found[max(found)].power)
        root, low, high = crossing.fit()
        simulate(root)
        ends = sorted(direction * min(max(end, 0.0), most) for end in (low, high))
        return SmallestEffect.at(found[root], target, effect_low=ends[0], effect_high=ends[1])


@singledispatch
def engine_for(endpoint: object) -> Engine:
    """Return what computes the power of an endpoint.

    Notes
    -----
    A module that defines an endpoint registers its engine:
    ``engine_for.register(TaxaEndpoint, lambda _: TaxaEngine())``.
    """
    raise one_fault(
        ParameterError,
        "power",
        f"endpoint is a {type(endpoint).__name__}",
        expected="a MeanEndpoint, CorrelationEndpoint, CommunityEndpoint or TaxaEndpoint",
        remedy="for one number a sample: analysis.MeanEndpoint(mean=..., sd=..., icc=...)",
    )


def smallest_n(design: Design) -> int:
    """Return the smallest n_per_arm, in whole cages, that leaves at least 2 subjects an arm after losses."""
    n = design.step * (2 if design.caged else 1)
    while True:
        try:
            design.resized(n)
        except DesignError:
            n += design.step
        else:
            return n


def check_most(least: int, max_n: int) -> None:
    """Refuse a largest n_per_arm that is below the smallest with which the test exists."""
    if least > max_n:
        raise one_fault(
            DesignError,
            "sample_size",
            f"max_n={max_n:,} leaves nothing to try: the smallest such experiment has {least:,} subjects in "
            "the treated arm",
            expected="room for 2 units in each arm after losses, and the degrees of freedom of the test",
            remedy=f"max_n={least:,} or more, fewer animals a cage, or another ratio",
        )


def out_of_reach(target: float, max_n: int, best: float) -> DesignError:
    """Build the error for a power that no allowed number of subjects reaches."""
    return one_fault(
        DesignError,
        "sample_size",
        f"a power of {target:g} is not reached: with {max_n:,} subjects in the treated arm it is {best:.3f}",
        remedy="ask for a larger effect or less power, take more samples a subject, or raise max_n",
    )


def nothing_to_find(effect: object) -> DesignError:
    """Build the error for a search without an effect."""
    return one_fault(
        DesignError,
        "sample_size",
        f"effect={effect!r}: the number of subjects would be infinite, with nothing to find",
        remedy="give the effect that is to be found",
    )


def no_effect(target: float, design: Design, most: float, best: float) -> DesignError:
    """Build the error for a power that not even the largest possible effect reaches."""
    return one_fault(
        DesignError,
        "smallest_detectable_effect",
        f"{design.n_per_arm} subjects in the treated arm find no possible effect with a power of {target:g}: "
        f"for the largest, {most:.4g}, it is {best:.3f}",
        remedy="use more subjects, samples or cages",
    )
