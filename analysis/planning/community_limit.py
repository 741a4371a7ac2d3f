"""Power to rule out that a treatment explains a stated share of the composition, by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from analysis.arguments import check_number
from analysis.comparison.omega_limit import omega_squared_limit
from analysis.designs import Design
from analysis.errors import Faults
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.effects import Effect, composition_shift
from analysis.pilots.plans import Plan
from analysis.pilots.simulator import Simulator
from analysis.planning.community import CommunityEndpoint
from analysis.planning.engine import Engine, Settings, smallest_n
from analysis.planning.pilot_endpoint import compared, progress_title
from analysis.planning.replicates import run_blocks
from analysis.planning.results import Power, enrolled, monte_carlo_error, warn_of_size

_BLOCK = 32  # experiments drawn together
_LEAST_UNITS = 3  # in an arm, for its spread to be known


class CommunityLimitEngine(Engine):
    """Counts how often an omega squared of the margin is ruled out, see `omega_squared_limit`.

    The power is that with the true effect (most often none), the type I error that where the true share is
    the margin. Samples after the treatment are compared; subjects, or cages treated as wholes, are the units.
    """

    max_n = 500

    def smallest_n(self, design: Design) -> int:
        """Return the smallest n_per_arm that leaves 3 units in each arm."""
        n = smallest_n(design)
        while min(_n_units(design.resized(n))) < _LEAST_UNITS:
            n += design.step
        return n

    def __init__(self) -> None:
        self._solved: dict[float, Effect] = {}

    def check(
        self,
        design: Design,
        endpoint: CommunityEndpoint,  # noqa: ARG002
        effects: Sequence[float | Effect],
        settings: Settings,
        faults: Faults,
    ) -> None:
        """Note margins and effects that are no shares of variance, and too few units."""
        expected = "an omega squared, above 0 and below 1"
        if check_number(faults, "margin", settings.margin, lambda share: 0 < share < 1, expected):
            for effect in effects:
                check_number(
                    faults,
                    "effect",
                    effect,
                    lambda share: 0 <= share < settings.margin,
                    f"an omega squared below the margin of {settings.margin:g}: what is thought to be true",
                )
        if design.paired or design.within_cluster:
            faults.add(
                "paired=True or within_cluster=True", expected="two arms of whole units, with a margin"
            )

    def power(self, design: Design, endpoint: CommunityEndpoint, effect: float, settings: Settings) -> Power:
        """Simulate experiments with the true effect, and with one of the margin."""
        plan = compared(design, baseline=False)
        margin = float(settings.margin or 0)
        shares = []
        for size, seed in zip((effect, margin), np.random.SeedSequence(settings.seed).spawn(2), strict=True):
            simulator = Simulator(
                endpoint.pilot, plan, self._effect(endpoint, size), endpoint.depth, endpoint.icc
            )
            work = partial(_count, simulator, design.caged, margin, design.alpha)
            blocks = run_blocks(
                work,
                settings.n_sim,
                seed,
                block=_BLOCK,
                n_jobs=settings.n_jobs,
                describe=progress_title("ruling out the margin", plan, endpoint.pilot, settings.n_sim),
            )
            hits = sum(blocks)
            shares.append((hits / settings.n_sim, monte_carlo_error(hits, settings.n_sim)))
        unused = ("the limit does not use the baseline samples",) if design.baseline else ()
        found = Power(
            *shares[0],
            *shares[1],
            n_sim=settings.n_sim,
            method="simulation",
            test="upper limit of omega squared by the jackknife over units",
            effect=float(effect),
            margin=margin,
            **enrolled(design),
            notes=(f"simulated from the pilot {endpoint.pilot.name}", *unused, *design.notes()),
        )
        return warn_of_size(found, may_be_smaller=True)

    def _effect(self, endpoint: CommunityEndpoint, size: float) -> Effect | None:
        if size == 0:
            return None
        if size not in self._solved:
            self._solved[size] = composition_shift(endpoint.pilot, size, endpoint.metric, endpoint.depth)
        return self._solved[size]


def _n_units(design: Design) -> list[int]:
    plan = compared(design, baseline=False)
    units = plan.cluster if design.caged else plan.subject
    return [len(np.unique(units[plan.arm == arm])) for arm in (0, 1)]


def _count(
    simulator: Simulator, caged: bool, margin: float, alpha: float, rng: np.random.Generator, n_sim: int
) -> int:
    plan: Plan = simulator.plan
    units = plan.cluster if caged else plan.subject
    tables = bray_curtis_batch(simulator.batch(rng, n_sim)).astype(np.float64)
    found = (omega_squared_limit(one, plan.arm == 1, units, margin, alpha) for one in tables)
    return sum(one.p_below <= alpha for one in found)
