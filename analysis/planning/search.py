"""Find where a simulated power curve crosses a target, with few evaluations and an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import special

_ROUNDS = 4  # evaluations after the crossing is bracketed
_BEYOND = 1.3  # how far past the bracket the line is believed
_APART = 1.12  # factor between points; in subjects a quarter
_NEAR = 0.35  # of the target: farther points say little about the slope there
_Z95 = 1.959963984540054

Simulate = Callable[[float], tuple[int, int]]


@dataclass
class Crossing:
    """Simulated points of a power curve and the probit line through those near the target.

    Attributes
    ----------
    target : float
        The power looked for.
    points : dict of float to (int, int)
        Rejections and simulated experiments at each x.
    """

    target: float
    points: dict[float, tuple[int, int]] = field(default_factory=dict)

    def share(self, x: float) -> float:
        """Return the simulated power at x."""
        hits, n_sim = self.points[x]
        return hits / n_sim

    @property
    def below(self) -> float | None:
        """The largest x that falls short of the target."""
        return max((x for x in self.points if self.share(x) < self.target), default=None)

    @property
    def above(self) -> float | None:
        """The smallest x that reaches it."""
        return min((x for x in self.points if self.share(x) >= self.target), default=None)

    def fit(self) -> tuple[float, float, float]:
        """Return x at the crossing and its 95 % interval.

        Notes
        -----
        The power of most tests is close to ``Phi(a + b x)`` where x is the effect or the square root of the
        number of subjects. The line is fitted by maximum likelihood to all points near the target (at least
        the three nearest); the interval is Fieller's, so that it is wide where the slope is poorly known.
        """
        ordered = sorted(self.points, key=lambda x: abs(self.share(x) - self.target))
        near = [x for i, x in enumerate(ordered) if i < 3 or abs(self.share(x) - self.target) <= _NEAR]
        x = np.array(near)
        hits, n_sim = np.array([self.points[value] for value in near], dtype=float).T
        coefficients, covariance = _probit(x, hits, n_sim)
        level = special.ndtri(self.target)
        a, b = coefficients[0] - level, coefficients[1]
        # Fieller: all x at which a + b x is within 1.96 standard errors of 0.
        v_aa, v_ab, v_bb = covariance[0, 0], covariance[0, 1], covariance[1, 1]
        quadratic = (b**2 - _Z95**2 * v_bb, 2 * (a * b - _Z95**2 * v_ab), a**2 - _Z95**2 * v_aa)
        root = -a / b
        spread = quadratic[1] ** 2 - 4 * quadratic[0] * quadratic[2]
        if b <= 0 or quadratic[0] <= 0 or spread < 0:
            return root, -math.inf, math.inf
        low, high = sorted(
            (-quadratic[1] + sign * math.sqrt(spread)) / (2 * quadratic[0]) for sign in (-1, 1)
        )
        return root, low, high


def find_crossing(
    simulate: Simulate,
    target: float,
    start: float,
    least: float,
    most: float,
    at_zero: float,
    settle: Callable[[float], float] = float,
) -> Crossing:
    """Evaluate a rising power curve at a few places around the point where it crosses the target.

    Parameters
    ----------
    simulate : callable
        Takes x and returns rejections and the number of simulated experiments.
    target : float
        The power looked for.
    start, least, most : float
        Where to begin, and the ends of the search.
    at_zero : float
        Power at x = 0 (the size of the test), which says how far to step.
    settle : callable
        Takes x to the nearest value that can be simulated.

    Returns
    -------
    Crossing
        Its `below` is None where `least` already reaches the target, its `above` where `most` does not.
    """
    crossing = Crossing(target)
    least, most = settle(least), settle(most)
    x = min(max(settle(start), least), most)
    while True:
        crossing.points[x] = simulate(x)
        if (crossing.above is None and x == most) or (crossing.below is None and x == least):
            return crossing
        if crossing.above is not None and crossing.below is not None:
            break
        factor = _factor(crossing.points[x], target, at_zero)
        further = x * factor
        while (x := min(max(settle(further), least), most)) in crossing.points:
            further *= factor  # the grid is coarser than the step
    for _ in range(_ROUNDS):
        reach = sorted((crossing.below, crossing.above))
        root = min(max(crossing.fit()[0], reach[0] / _BEYOND), reach[1] * _BEYOND)
        # At the crossing first, then to both sides of it: the slope needs points that stand apart.
        wanted = [min(max(settle(root * apart), least), most) for apart in (1, 1 / _APART, _APART)]
        fresh = [value for value in wanted if value not in crossing.points]
        if not fresh:
            break
        crossing.points[fresh[0]] = simulate(fresh[0])
    return crossing


def _factor(point: tuple[int, int], target: float, at_zero: float) -> float:
    """Return how far to go: to where a probit line through (0, at_zero) and this point crosses the target."""
    hits, n_sim = point
    here = special.ndtri((hits + 0.5) / (n_sim + 1)) - special.ndtri(at_zero)
    there = special.ndtri(target) - special.ndtri(at_zero)
    factor = there / here if here > 0 else 2.0
    # A little beyond the line, so that the other side of the target is reached.
    return min(max(factor, 1.0) * 1.1, 2.0) if hits < target * n_sim else max(min(factor, 1.0) / 1.1, 0.5)


def _probit(x: np.ndarray, hits: np.ndarray, n_sim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit Phi(a + b x) to proportions by Fisher scoring; return the coefficients and their covariance."""
    design = np.column_stack([np.ones_like(x), x])
    share = (hits + 0.5) / (n_sim + 1)  # keeps a line finite that runs through 0 or 1
    working, weights = special.ndtri(share), n_sim
    for _ in range(50):
        information = design.T @ (weights[:, None] * design)
        coefficients = np.linalg.solve(information, design.T @ (weights * working))
        line = np.clip(design @ coefficients, -5, 5)
        fitted = special.ndtr(line)
        density = np.exp(-(line**2) / 2) / math.sqrt(2 * math.pi)
        weights = n_sim * density**2 / (fitted * (1 - fitted))
        moved = line + (share - fitted) / density
        if np.allclose(moved, working, atol=1e-9):
            break
        working = moved
    return coefficients, np.linalg.inv(information)
