"""How large the effect of a treatment on a composition can still be: omega squared with a limit above."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import DesignError, one_fault


@dataclass(frozen=True)
class OmegaSquared:
    """PERMANOVA's omega squared of two arms.

    Attributes
    ----------
    estimate, standard_error : float
        Omega squared, and its standard error, see `omega_squared_limit`.
    upper : float
        One-sided limit: the share of variance is below it with the confidence asked for.
    p_below : float
        Of a share of `margin` or more: small means that it is ruled out.
    n_units : tuple of int
        Units of the two arms, the reference first.
    """

    estimate: float
    standard_error: float
    upper: float
    p_below: float
    n_units: tuple[int, int]


def omega_squared_limit(
    distances: np.ndarray, treated: np.ndarray, units: np.ndarray, margin: float, alpha: float = 0.05
) -> OmegaSquared:
    """Estimate omega squared between two arms, with an upper limit.

    Parameters
    ----------
    distances : numpy.ndarray, shape (n_samples, n_samples)
        Between samples.
    treated : numpy.ndarray of bool, shape (n_samples,)
        The arm of each sample; all samples of a unit are of one arm.
    units : numpy.ndarray, shape (n_samples,)
        Subject or cage: what varies independently.
    margin : float
        Share of variance to be ruled out.
    alpha : float
        1 minus the confidence of the limit.

    Returns
    -------
    OmegaSquared

    Raises
    ------
    DesignError
        With fewer than 3 units in an arm.

    Notes
    -----
    With b the mean squared distance between samples of the two arms and w that between samples of different
    units of one arm (the mean of both arms), ``(b - w) / (b + w)`` estimates the omega squared of single
    samples of two arms of equal size, whatever the sizes and repeats at hand. With equal arms and one sample
    a unit it is PERMANOVA's ``(SS_between - MS_within) / (SS_total + MS_within)`` [1]_.

    Its error is the larger of two: the delete-one jackknife over the units of each arm [2]_ (no unit enters
    twice, which would put two samples at distance 0), and the error it would have if the true share were the
    margin, since the jackknife's is too small where the estimate happens to be. The limit is that of t with
    twice the smaller arm's units less 2 degrees of freedom. How often it wrongly rules out the margin is
    measured in tests and in the dress rehearsal.

    References
    ----------
    .. [1] Anderson MJ (2001) A new method for non-parametric multivariate analysis of variance. Austral
       Ecology 26:32-46. doi:10.1111/j.1442-9993.2001.01070.pp.x
    .. [2] Efron B, Stein C (1981) The jackknife estimate of variance. Annals of Statistics 9:586-596.
       doi:10.1214/aos/1176345462
    """
    _, codes = np.unique(units, return_inverse=True)
    member = np.eye(codes.max() + 1)[codes]
    size = member.sum(axis=0)
    mean = member.T @ np.square(distances) @ member / np.outer(size, size)  # between units
    arm = (member.T @ treated) > 0
    n_units = (int((~arm).sum()), int(arm.sum()))
    if min(n_units) < 3:
        raise one_fault(
            DesignError,
            "omega_squared_limit",
            f"{n_units[0]} and {n_units[1]} units in the arms",
            expected="3 or more in each: the spread within an arm must be known",
        )
    estimate, variance, within = _estimate(mean, arm)
    error = math.sqrt(max(variance, _variance_at(margin, mean, arm, within)))
    df = 2 * min(n_units) - 2
    upper = estimate + stats.t.isf(alpha, df) * error
    p_below = float(stats.t.sf((margin - estimate) / error, df)) if error > 0 else float(estimate >= margin)
    return OmegaSquared(float(estimate), error, float(upper), p_below, n_units)


def _estimate(mean: np.ndarray, arm: np.ndarray) -> tuple[float, float, float]:
    """Return omega squared, its jackknife variance, and the mean squared distance within arms."""
    apart = mean - np.diag(np.diag(mean))
    same = arm[:, None] == arm
    own = (apart * same).sum(axis=1)  # to the other units of the arm
    other = (apart * ~same).sum(axis=1)
    n = np.array([(~arm).sum(), arm.sum()])
    inside = np.array([own[~arm].sum(), own[arm].sum()])
    within_arm = inside / (n * (n - 1))
    across = other[arm].sum()
    between, within = across / n.prod(), within_arm.mean()
    variance = 0.0
    for side in (0, 1):
        chosen = arm == side
        left_within = (inside[side] - 2 * own[chosen]) / ((n[side] - 1) * (n[side] - 2))
        left_w = (left_within + within_arm[1 - side]) / 2
        left_b = (across - other[chosen]) / ((n[side] - 1) * n[1 - side])
        left = (left_b - left_w) / (left_b + left_w)
        variance += (n[side] - 1) * left.var()
    return (between - within) / (between + within), variance, within


def _variance_at(margin: float, mean: np.ndarray, arm: np.ndarray, within: float) -> float:
    """Return the variance that omega squared would have if it were the margin.

    With d the distance of the arms' centroids and C the covariance of their difference, S_1 / n_1 + S_2 / n_2
    with S the covariance of units within an arm, the estimate of d^2 has the variance 4 d' C d + 2 tr(C^2).
    d' S d is taken as d^2 tr(S^2) / tr(S): the effect points as a typical difference between units does.
    """
    distance = 2 * within * margin / (1 - margin)
    along, roots = 0.0, 0.0
    for side in (0, 1):
        chosen = arm == side
        trace, trace_squared = _spread(mean[np.ix_(chosen, chosen)])
        along += trace_squared / trace / chosen.sum()
        roots += math.sqrt(trace_squared) / chosen.sum()  # tr(S_1 S_2) is at most the product of the roots
    return (4 * distance * along + 2 * roots**2) * ((1 - margin) ** 2 / (2 * within)) ** 2


def _spread(mean: np.ndarray) -> tuple[float, float]:
    """Return tr(S) and tr(S^2) of the covariance of the units of one arm."""
    n = len(mean)
    half = np.diag(mean) / 2
    squared = mean - half[:, None] - half  # between the centroids of units
    centring = np.eye(n) - 1 / n
    gower = -centring @ squared @ centring / 2
    trace = np.trace(gower) / (n - 1)
    return trace, max((gower**2).sum() / (n - 1) ** 2 - trace**2 / (n - 1), trace**2 / (n - 1) ** 2)
