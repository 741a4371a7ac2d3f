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
    ``(SS_between - MS_within) / (SS_total + MS_within)``, sums of squares from squared distances as in
    PERMANOVA [1]_. Its error is the larger of two: the delete-one jackknife over the units of each arm [2]_
    (no unit enters twice, which would put two samples at distance 0), and the error it would have if the true
    share were the margin, since the jackknife's is too small where the estimate happens to be. The limit is
    that of t with ``n_units - 2`` degrees of freedom. The estimate is skewed to the right, so the limit is on
    the safe side; how often it wrongly rules out the margin is measured in the dress rehearsal.

    References
    ----------
    .. [1] Anderson MJ (2001) A new method for non-parametric multivariate analysis of variance. Austral
       Ecology 26:32-46. doi:10.1111/j.1442-9993.2001.01070.pp.x
    .. [2] Efron B, Stein C (1981) The jackknife estimate of variance. Annals of Statistics 9:586-596.
       doi:10.1214/aos/1176345462
    """
    _, codes = np.unique(units, return_inverse=True)
    member = np.eye(codes.max() + 1)[codes]
    between = member.T @ np.square(distances) @ member  # summed over the pairs of samples of two units
    size = member.sum(axis=0)
    arm = (member.T @ treated) > 0
    n_units = (int((~arm).sum()), int(arm.sum()))
    if min(n_units) < 3:
        raise one_fault(
            DesignError,
            "omega_squared_limit",
            f"{n_units[0]} and {n_units[1]} units in the arms",
            expected="3 or more in each: the spread within an arm must be known",
        )
    estimate, mean_square = _omega_squared(between, size, arm)
    at_margin = _variance_at(margin, between, size, arm, mean_square)
    error = math.sqrt(max(_jackknife(between, size, arm), at_margin))
    df = sum(n_units) - 2
    upper = estimate + stats.t.isf(alpha, df) * error
    p_below = float(stats.t.sf((margin - estimate) / error, df)) if error > 0 else float(estimate >= margin)
    return OmegaSquared(float(estimate), error, float(upper), p_below, n_units)


def _omega_squared(between: np.ndarray, size: np.ndarray, arm: np.ndarray) -> tuple[float, float]:
    """Return omega squared and the mean square within arms."""
    within = sum(between[np.ix_(arm == s, arm == s)].sum() / (2 * size[arm == s].sum()) for s in (0, 1))
    mean_square = within / (size.sum() - 2)
    total = between.sum() / (2 * size.sum())
    return (total - within - mean_square) / (total + mean_square), mean_square


def _jackknife(between: np.ndarray, size: np.ndarray, arm: np.ndarray) -> float:
    """Return the variance of omega squared, leaving out each unit of each arm in turn."""
    same = arm[:, None] == arm
    own = np.diag(between)
    of_arm = np.array([between[np.ix_(arm == s, arm == s)].sum() for s in (0, 1)])
    in_arm = np.array([size[arm == s].sum() for s in (0, 1)])
    side = arm.astype(int)
    left = size.sum() - size
    total = (between.sum() - 2 * between.sum(axis=1) + own) / (2 * left)
    within = (of_arm[side] - 2 * (between * same).sum(axis=1) + own) / (2 * (in_arm[side] - size))
    within += of_arm[1 - side] / (2 * in_arm[1 - side])
    mean_square = within / (left - 2)
    found = (total - within - mean_square) / (total + mean_square)
    parts = [found[arm == s] for s in (0, 1)]
    return sum((len(part) - 1) * part.var() for part in parts)


def _variance_at(
    margin: float, between: np.ndarray, size: np.ndarray, arm: np.ndarray, mean_square: float
) -> float:
    """Return the variance that omega squared would have if it were the margin.

    With d the distance of the arms' centroids and S the covariance of units within arms, the estimate of d^2
    has the variance 4 d' S d h + 2 tr(S^2) h^2, h = 1 / n_1 + 1 / n_2, and d' S d is taken as d^2 tr(S^2) /
    tr(S): the direction of the effect is that of a typical difference between units.
    """
    mean = between / np.outer(size, size)
    own = np.diag(mean) / 2
    squared = mean - own[:, None] - own  # between the centroids of units
    centring = np.eye(len(arm))
    for side in (False, True):
        centring[np.ix_(arm == side, arm == side)] -= 1 / (arm == side).sum()
    gower = -centring @ squared @ centring / 2
    df = len(arm) - 2
    trace = np.trace(gower) / df
    trace_squared = max((gower**2).sum() / df**2 - trace**2 / df, 0.0)
    share = size[arm].sum() / size.sum()
    balance = share * (1 - share)
    distance = mean_square * margin / (1 - margin) / balance
    h = 1 / arm.sum() + 1 / (~arm).sum()
    of_distance = 4 * distance * trace_squared / trace * h + 2 * trace_squared * h**2
    return of_distance * (balance * (1 - margin) ** 2 / mean_square) ** 2
