"""How much of a change it takes to reach a stated size, found on simulated twins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from analysis.errors import ParameterError, one_fault
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.plans import plan_arms
from analysis.pilots.simulator import Simulator
from analysis.threads import one_thread

if TYPE_CHECKING:
    from analysis.pilots.effects import Effect
    from analysis.pilots.model import Pilot

_SUBJECTS = 24  # in each of the simulated studies that an effect is solved on
_ROUNDS = (24, 240)  # such studies: to begin with, and at most
_PRECISE = 0.025  # Monte Carlo error, relative to the size, that is aimed at
_ROUGH = 0.02  # of the amount, at which the first search stops
_CLOSE = 2e-3  # of the size, at which the last one does
_STEPS = 8  # of the latter
_LEAST = 0.1  # of what is wanted; less is taken for as much


class Twins:
    """The same simulated subjects, without the treatment and with it: what is left differs by the effect.

    Parameters
    ----------
    pilot : Pilot
        Where the studies of `_SUBJECTS` subjects come from.
    depth : int, optional
        Reads a sample.
    seed : int
        The first studies are the same for any number of them.
    """

    def __init__(self, pilot: Pilot, depth: int | None, seed: int) -> None:
        self._of = (pilot, depth, seed)
        self._plan = plan_arms([_SUBJECTS])
        self._without = np.empty((0, 0, 0), dtype=np.uint16)

    def tables(self, effect: Effect, rounds: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the tables of `rounds` studies, without the treatment and with it."""
        pilot, depth, seed = self._of
        if len(self._without) < rounds:
            simulator = Simulator(pilot, self._plan, None, depth)
            self._without = simulator.batch(np.random.default_rng(seed), rounds)
        treated = replace(self._plan, arm=np.ones_like(self._plan.arm))
        simulator = Simulator(pilot, treated, effect, depth)
        return self._without[:rounds], simulator.batch(np.random.default_rng(seed), rounds)


def omega_squared_of(without: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Return the omega squared of each study, from the same subjects without the treatment and with it.

    Notes
    -----
    With a, t and x the mean squared distances among samples without, among those with, and from one kind to
    the other, omega squared in the population is ``b / (b + w)`` with ``w = (a + t) / 4`` and
    ``b = (x - 2 w) / 4``: the expectation of PERMANOVA's. A subject is never compared with itself.
    """
    n = without.shape[1]
    squared = np.square(bray_curtis_batch(np.concatenate([without, treated], axis=1)), dtype=np.float64)
    others = 1 - np.eye(n)
    among_without, among_treated, between = (
        (part * others).sum(axis=(1, 2)) / (n * (n - 1))
        for part in (squared[:, :n, :n], squared[:, n:, n:], squared[:, :n, n:])
    )
    within = (among_without + among_treated) / 4
    explained = between / 4 - within / 2
    return explained / (explained + within)


@one_thread
def solve(
    make: Callable[[float], Effect],
    size: Callable[[Effect, int], np.ndarray],
    wanted: float,
    top: float,
    what: str,
    unit: str,
) -> Effect:
    """Find the amount from 0 to `top` whose size, on the same random numbers, is what was wanted.

    Notes
    -----
    Few studies say roughly how much is needed, and how much studies differ: as many more are then drawn as
    the error aimed at takes.
    """
    if wanted == 0:
        return replace(make(0.0), size=0.0, size_se=0.0)
    few, many = _ROUNDS
    most = size(make(top), few).mean()
    if abs(most) < abs(wanted):
        raise one_fault(
            ParameterError,
            "effect",
            f"{what} cannot be reached",
            expected=f"at most {most:.3g}{' ' + unit if unit else ''} in this pilot",
        )

    def missed(amount: float) -> float:
        # Nothing done, nothing changed; at the top the size is known to be beyond.
        return -abs(wanted) if amount == 0 else abs(size(make(amount), few).mean()) - abs(wanted)

    amount = optimize.brentq(missed, 0.0, top, xtol=1e-9, rtol=_ROUGH)
    reached = size(make(amount), few)
    needed = len(reached) * (_error(reached) / (_PRECISE * wanted)) ** 2
    rounds = int(np.clip(math.ceil(needed), few, many))
    # From near by, the size goes as a power of the amount.
    power, before = 1.0, None
    for _ in range(_STEPS):
        reached = size(make(amount), rounds)
        off = math.log(max(reached.mean() / wanted, _LEAST))
        if abs(off) < _CLOSE or amount == top:
            break
        if before is not None and before[0] != amount:
            power = np.clip((off - before[1]) / math.log(amount / before[0]), 0.7, 2.5)
        before = amount, off
        amount = amount * math.exp(-off / power)
        amount = min(amount, top) if top > 0 else max(amount, top)
    return replace(make(amount), size=float(reached.mean()), size_se=_error(reached))


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values)))
