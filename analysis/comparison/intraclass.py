"""Intraclass correlation and standard deviations of nested random intercepts, with intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import optimize, stats

from analysis.comparison.mixed import NestedModel
from analysis.errors import DesignError, one_fault

_WHERE = "variance_components"
_RATIOS = (1e-9, 1e9)  # variances over the residual variance are searched in this range


def split_values(
    values: np.ndarray, fixed: np.ndarray, groups: list[pd.Series], conf_level: float
) -> dict[str, object]:
    """Estimate variance components from one number a sample.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        The numbers.
    fixed : numpy.ndarray, shape (n, p)
        The constant and covariates.
    groups : list of pandas.Series, each of length n
        Outermost first: [subject] or [cluster, subject].
    conf_level : float
        Of the intervals.

    Returns
    -------
    dict
        Estimates and intervals under the names of `VarianceComponents`.

    Raises
    ------
    DesignError
        Where nothing is left to vary within or between subjects.
    """
    model = NestedModel(values, fixed, *groups)
    squares, df = model.within_squares()
    if df < 1 or squares <= 1e-20 * float(values @ values):
        raise one_fault(
            DesignError,
            _WHERE,
            "the samples of a subject do not differ" if df else "nothing is left within subjects",
            expected="repeated samples that vary",
            remedy="check that the values are those of single samples and not of subjects",
        )
    if len(groups) == 1:
        return _one_way(model, conf_level)
    cages = pd.get_dummies(groups[0], dtype=float).to_numpy()
    within_cages = NestedModel(values, _independent(np.column_stack([cages, fixed])), groups[1])
    return _one_way(within_cages, conf_level) | _nested(model, conf_level)


def _one_way(model: NestedModel, conf_level: float) -> dict[str, object]:
    """Estimate one random factor by REML, with intervals from F and chi-squared."""
    fitted = model.fit()
    between, within = float(fitted.group_variances[0]), fitted.residual_variance
    squares, df = model.within_squares()
    free = model.n - model.p - df  # of the groups' means
    if free < 1:
        raise one_fault(
            DesignError,
            _WHERE,
            "the covariates explain all differences between subjects",
            remedy="leave out covariates that are constant within subjects",
        )
    tail = (1 - conf_level) / 2

    def added(ratio: float) -> float:
        """Weighted sum of squares of the groups' means, at a ratio of variances; falls as the ratio rises."""
        return model.residual_squares([ratio])[0] - squares

    def end(level: float) -> float:
        """Find the ratio at which the F test would just reject."""
        bound = float(stats.f.ppf(level, free, df)) * free * squares / df
        low, high = np.log(_RATIOS)
        if added(_RATIOS[0]) <= bound:
            return 0.0
        return float(np.exp(optimize.brentq(lambda log_ratio: added(np.exp(log_ratio)) - bound, low, high)))

    low, high = end(1 - tail), end(tail)
    bounds = zip((low, high), stats.chi2.ppf((1 - tail, tail), free), strict=True)
    return {
        "icc": between / (between + within),
        "icc_interval": (low / (1 + low), high / (1 + high)),
        "sd_between": float(np.sqrt(between)),
        "sd_between_interval": tuple(float(np.sqrt(r * added(r) / bound)) for r, bound in bounds),
        "sd_within": float(np.sqrt(within)),
        "sd_within_interval": tuple(np.sqrt(squares / stats.chi2.ppf((1 - tail, tail), df)).tolist()),
        "method": "REML; intervals from F and chi-squared",
    }


def _nested(model: NestedModel, conf_level: float) -> dict[str, object]:
    """Estimate cages and the subjects in them by REML, with profile intervals of what concerns the cages."""
    fitted = model.fit()
    variances = np.array([*fitted.group_variances, fitted.residual_variance])
    shares = (variances / variances.sum()).tolist()
    deviations = np.sqrt(variances).tolist()
    beyond = fitted.deviance + float(stats.chi2.ppf(conf_level, 1))
    return {
        "icc": shares[1],
        "icc_interval": _profile(lambda x: _share_deviance(model, 1, x) - beyond, shares[1], 1.0),
        "cluster_icc": shares[0],
        "cluster_icc_interval": _profile(lambda x: _share_deviance(model, 0, x) - beyond, shares[0], 1.0),
        "sd_between": deviations[1],
        "sd_within": deviations[2],
        "sd_cluster": deviations[0],
        "sd_cluster_interval": _profile(
            lambda x: _sd_deviance(model, x, variances) - beyond, deviations[0], np.inf
        ),
        "method": "REML; intervals of sd_between and sd_within from F and chi-squared with cages taken out, "
        "the others by profile likelihood",
    }


def _independent(x: np.ndarray) -> np.ndarray:
    """Drop columns that are sums of earlier ones."""
    triangle = np.abs(np.diag(np.linalg.qr(x / np.linalg.norm(x, axis=0))[1]))
    return x[:, triangle > 1e-9]


def _profile(excess: Callable[[float], float], best: float, most: float) -> tuple[float, float]:
    """Find the values on either side of the best at which the deviance rises to its bound."""
    low = 0.0 if best == 0 or excess(0.0) <= 0 else float(optimize.brentq(excess, 0.0, best, xtol=1e-7))
    if most == 1.0:
        high = most - 1e-7
        return low, most if excess(high) <= 0 else float(optimize.brentq(excess, best, high, xtol=1e-7))
    high = 2 * best or 1e-3
    while excess(high) <= 0:
        high *= 2
    return low, float(optimize.brentq(excess, best, high, xtol=1e-7))


def _share_deviance(model: NestedModel, which: int, share: float) -> float:
    """Deviance at a share of the cage (0) or the subject (1), over all splits of the rest."""

    def at(split: float) -> float:
        rest = 1 - share
        ratios = np.empty(2)
        ratios[which] = share / (rest * (1 - split))
        ratios[1 - which] = split / (1 - split)
        return model.deviance(ratios)

    grid = np.array([0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1 - 1e-7])
    heights = [at(split) for split in grid]
    lowest = int(np.argmin(heights))
    bounds = (grid[max(lowest - 1, 0)], grid[min(lowest + 1, len(grid) - 1)])
    found = optimize.minimize_scalar(at, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    return min(float(found.fun), heights[lowest])


def _sd_deviance(model: NestedModel, sd: float, variances: np.ndarray) -> float:
    """Deviance at a standard deviation of cages, over the variances of subjects and samples."""

    def at(free: np.ndarray) -> float:
        within = float(np.exp(free[0]))
        return model.deviance([sd**2 / within, free[1] ** 2], within)

    start = [np.log(variances[2]), np.sqrt(variances[1] / variances[2]) + 0.1]
    options = {"xatol": 1e-6, "fatol": 1e-8}
    return float(optimize.minimize(at, start, method="Nelder-Mead", options=options).fun)
