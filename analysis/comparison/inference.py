"""From an estimate to p values and intervals, by Student's t or by rearranging the labels of whole units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from scipy import stats

from analysis.errors import DesignError, one_fault

Alternative = Literal["two-sided", "less", "greater"]

_LEVERAGE = 1e-9  # a unit that leaves less than this of its own residual decides the fit


class Pivot(Protocol):
    """What every method hands back: an estimate that any hypothetical difference can be held against."""

    estimate: float
    standard_error: float
    df: float | None

    def p_value(self, difference: float, alternative: Alternative) -> float:
        """Return the p value of "the true difference is this one"."""

    def interval(self, alpha: float, alternative: Alternative) -> tuple[float, float]:
        """Return the differences whose p value is above alpha."""


@dataclass(frozen=True)
class StudentT:
    """An estimate whose error follows Student's t distribution."""

    estimate: float
    standard_error: float
    df: float

    def p_value(self, difference: float, alternative: Alternative) -> float:
        """Return the p value of "the true difference is this one"."""
        t = (self.estimate - difference) / self.standard_error
        if alternative == "two-sided":
            return float(2 * stats.t.sf(abs(t), self.df))
        return float(stats.t.sf(t, self.df) if alternative == "greater" else stats.t.cdf(t, self.df))

    def interval(self, alpha: float, alternative: Alternative) -> tuple[float, float]:
        """Return the differences whose p value is above alpha."""
        tail = alpha / 2 if alternative == "two-sided" else alpha
        reach = float(stats.t.isf(tail, self.df)) * self.standard_error
        low = -np.inf if alternative == "less" else self.estimate - reach
        high = np.inf if alternative == "greater" else self.estimate + reach
        return low, high


@dataclass(frozen=True, eq=False)
class Rearrangement:
    """An estimate whose error is judged by rearranging the arms of whole units.

    Attributes
    ----------
    y : numpy.ndarray, shape (n_units,)
        The outcome of each unit.
    covariates : numpy.ndarray, shape (n_units, q)
        What is taken out first; the constant at least.
    labels : numpy.ndarray, shape (n_arrangements, n_units)
        1 for the level compared and 0 for the reference; the first row is what was done.

    Notes
    -----
    The statistic is the t of the arm in a least-squares fit with the covariates. Under a hypothetical
    difference d the outcomes less d for each treated unit are exchangeable. For arrangement k the statistic
    is proportional to ``u_k - d v_k``: residual arms times residual outcomes, and times the arms as they
    were. As v_0 is the largest of the v, each arrangement overtakes the observed one at a single d. So p is a
    staircase in d, and the ends of the interval are steps of it, found by sorting.
    """

    y: np.ndarray
    covariates: np.ndarray
    labels: np.ndarray
    df: None = None

    @cached_property
    def _scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Return u and v."""
        basis = np.linalg.qr(self.covariates)[0]
        arms = self.labels.astype(float)
        arms = arms - arms @ basis @ basis.T
        lengths = np.linalg.norm(arms, axis=1)
        flat = lengths < 1e-9 * np.sqrt(arms.shape[1])  # an arrangement the covariates explain says nothing
        unit = np.divide(arms, lengths[:, None], out=np.zeros_like(arms), where=~flat[:, None])
        if flat[0]:
            raise one_fault(DesignError, "comparison", "the covariates leave nothing of the treatment")
        return unit @ self.y, unit @ arms[0]

    @cached_property
    def estimate(self) -> float:
        """Difference between the arms by least squares."""
        u, v = self._scores
        return float(u[0] / v[0])

    @cached_property
    def standard_error(self) -> float:
        """Standard error of that least-squares fit; the p value and interval do not rest on it."""
        x = np.column_stack([self.covariates, self.labels[0]])
        return ols(self.y, x).standard_error

    @cached_property
    def _steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the d at which each arrangement overtakes the observed one, as it is and sign turned."""
        u, v = self._scores
        return _ratio(u[0] - u, v[0] - v, v[0]), _ratio(u[0] + u, v[0] + v, v[0])

    def p_value(self, difference: float, alternative: Alternative) -> float:
        """Return the p value of "the true difference is this one"."""
        below, above = self._envelopes(alternative)
        slack = 1e-9 * (abs(self.estimate) + abs(difference) + float(np.std(self.y)))
        as_extreme = (below <= difference + slack) & (above >= difference - slack)
        return float(as_extreme.mean())

    def interval(self, alpha: float, alternative: Alternative) -> tuple[float, float]:
        """Return the differences whose p value is above alpha."""
        below, above = self._envelopes(alternative)
        allowed = int(np.floor(alpha * len(below) + 1e-9))
        return float(np.sort(below)[allowed]), float(-np.sort(-above)[allowed])

    def _envelopes(self, alternative: Alternative) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each arrangement, the range of d at which it is as extreme as the observed one."""
        same, turned = self._steps
        never = np.full(len(same), np.inf)
        if alternative == "greater":
            return np.where(np.isnan(same), -np.inf, same), never
        if alternative == "less":
            return -never, np.where(np.isnan(same), np.inf, same)
        always = np.isnan(same) | np.isnan(turned)
        return (
            np.where(always, -np.inf, np.fmin(same, turned)),
            np.where(always, np.inf, np.fmax(same, turned)),
        )


def ols(y: np.ndarray, x: np.ndarray) -> StudentT:
    """Return the last coefficient of a least-squares fit with its standard error and residual df."""
    (n, p), weights, basis = x.shape, *_weights(x)
    rest = y - basis @ (basis.T @ y)
    variance = float(rest @ rest) / (n - p)
    return StudentT(float(weights @ y), float(np.sqrt(variance * (weights @ weights))), n - p)


def ols_unpooled(y: np.ndarray, x: np.ndarray) -> StudentT:
    """Return the coefficient of the arm (last column of 0 and 1), each arm with a spread of its own.

    Notes
    -----
    The standard error is HC2: squared residuals over 1 less their leverage. The degrees of freedom are
    Satterthwaite's for that variance, as Bell and McCaffrey's [1]_ with the spread of each arm put in.
    Without covariates both are Welch's.

    References
    ----------
    .. [1] Imbens GW, Kolesar M (2016) Robust standard errors in small samples: some practical advice. Review
       of Economics and Statistics 98:701-712. doi:10.1162/REST_a_00552
    """
    weights, basis = _weights(x)
    free = 1 - (basis**2).sum(axis=1)
    if free.min() < _LEVERAGE:
        raise one_fault(
            DesignError,
            "comparison",
            "one unit alone decides a coefficient",
            expected="at least 2 units in each arm, none with a baseline far from all others",
            remedy="use more units, or leave the baseline out",
        )
    rest = y - basis @ (basis.T @ y)
    squares = rest**2 / free
    arm = x[:, -1] == 1
    spread = np.where(arm, squares[arm].mean(), squares[~arm].mean())
    # The variance estimate is a quadratic form in the residuals. Its matrix, a diagonal and a low-rank part,
    # gives the degrees of freedom: trace squared over the sum of squares.
    scale = weights / np.sqrt(free)
    diagonal = scale**2 * spread
    spread_basis = spread[:, None] * basis
    sides = scale[:, None] * np.column_stack([basis, spread_basis])
    p = basis.shape[1]
    core = np.block([[basis.T @ spread_basis, -np.eye(p)], [-np.eye(p), np.zeros((p, p))]])
    inner = core @ (sides.T @ sides)
    trace = diagonal.sum() + np.trace(inner)
    total = (
        diagonal @ diagonal
        + 2 * np.einsum("i,ij,jk,ik", diagonal, sides, core, sides)
        + np.sum(inner * inner.T)
    )
    df = trace**2 / total if total > 0 else 1.0  # all values alike: no spread, and no test
    return StudentT(float(weights @ y), float(np.sqrt(weights**2 @ squares)), float(df))


def _weights(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights that make the last coefficient from the outcomes, and an orthonormal basis of x."""
    n, p = x.shape
    if np.linalg.matrix_rank(x) < p or n <= p:
        raise one_fault(
            DesignError,
            "comparison",
            f"{n} units cannot carry {p} coefficients",
            expected="more units than coefficients, and a treatment that the covariates do not explain",
            remedy="use more units, or leave the baseline out",
        )
    basis, triangle = np.linalg.qr(x)
    return basis[:, -1] / triangle[-1, -1], basis


def _ratio(top: np.ndarray, bottom: np.ndarray, scale: float) -> np.ndarray:
    """Divide; where the bottom is 0 the arrangement is the observed one (NaN: equally extreme at every d)."""
    null = bottom <= 1e-9 * scale
    return np.where(null, np.nan, top / np.where(null, 1.0, bottom))
