"""Are groups spread equally? PERMDISP, beside PERMANOVA, under the same permutations.

PERMANOVA also answers to a difference in spread, above all with unequal group sizes: this tells them apart.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from analysis.comparison.label_plan import TIE, LabelPlan, centred

_STEPS = 1_000  # of the search for a spatial median
_STILL = 1e-10  # relative change of the weights at which the search ends
_AXIS = 1.5e-8  # an axis with less than this share of the largest eigenvalue is rounding
_ROUNDING = 1e-13  # squares below this share of the largest are rounding


class Dispersion(NamedTuple):
    """Result of `permdisp`.

    Attributes
    ----------
    distances : numpy.ndarray, shape (n_samples,)
        From each sample to the centre of its group.
    pseudo_f : float
        Of an analysis of variance of these distances.
    p_value : float
        Under the plan's permutations; NaN where the distances do not vary within any group.
    """

    distances: np.ndarray
    pseudo_f: float
    p_value: float


def permdisp(
    distances: np.ndarray, plan: LabelPlan, centre: Literal["median", "centroid"] = "median"
) -> Dispersion:
    """Test whether groups are spread equally around their centres.

    Parameters
    ----------
    distances : numpy.ndarray, shape (n_samples, n_samples)
        Distances, samples in the order of the plan.
    plan : LabelPlan
        A design with categories and without covariates.
    centre : {"median", "centroid"}, default "median"
        The point with the smallest sum of distances, or the mean.

    Returns
    -------
    Dispersion
        Distances to the centres, F and p.

    Notes
    -----
    The method of Anderson [1]_ as vegan's ``betadisper`` and ``permutest`` have it. All principal coordinates
    are used, those of negative eigenvalues with a centre of their own. What is exchanged are the residuals of
    the distances from their group means. Arrangements that only rename the groups count as observed.

    References
    ----------
    .. [1] Anderson MJ (2006). Distance-based tests for homogeneity of multivariate dispersions. Biometrics
       62:245-253. doi:10.1111/j.1541-0420.2005.00440.x
    """
    groups = plan.units.codes[plan.units.of_sample]
    to_centre = distances_to_centre(distances, groups, centre)
    means = np.bincount(groups, weights=to_centre) / np.bincount(groups)
    residuals = to_centre - means[groups]
    within = float(np.square(residuals).sum())
    among = float(np.square(means[groups] - to_centre.mean()).sum())
    nothing = _ROUNDING * float(np.square(to_centre).sum())
    if within <= nothing:
        return Dispersion(to_centre, np.inf if among > nothing else np.nan, np.nan)
    observed = among / plan.df / (within / plan.df_residual)
    reached = plan.shares_of_values(residuals) >= among / (among + within) - TIE  # F rises with the share
    return Dispersion(to_centre, observed, float((reached | plan.tied).mean()))


def distances_to_centre(
    distances: np.ndarray, groups: np.ndarray, centre: Literal["median", "centroid"] = "median"
) -> np.ndarray:
    """Compute the distance of each sample from the centre of its group.

    Parameters
    ----------
    distances : numpy.ndarray, shape (n_samples, n_samples)
        Distances of any kind; those that no Euclidean space holds give imaginary axes, whose squares count
        negatively.
    groups : numpy.ndarray of int, shape (n_samples,)
        Group numbers from 0.
    centre : {"median", "centroid"}, default "median"
        The kind of centre.

    Returns
    -------
    numpy.ndarray, shape (n_samples,)
        Distances; 0 where the imaginary part is the larger.
    """
    inner = centred(np.square(distances))
    if centre == "centroid":
        parts = [(inner, 1.0)]
    else:
        values, vectors = np.linalg.eigh(inner)
        real, imaginary = (sign * values > _AXIS * values[-1] for sign in (1, -1))
        parts = [
            ((vectors[:, axes] * np.abs(values[axes])) @ vectors[:, axes].T, sign)
            for axes, sign in ((real, 1.0), (imaginary, -1.0))
        ]
    squared = np.zeros(len(inner))
    for group in range(groups.max() + 1):
        members = np.flatnonzero(groups == group)
        for part, sign in parts:
            own = part[np.ix_(members, members)]
            weights = _median_weights(own) if centre == "median" else np.full(len(own), 1 / len(own))
            squared[members] += sign * _squared_to_point(own, weights)
    squared[squared < _ROUNDING * np.diag(inner).max()] = 0
    return np.sqrt(squared)


def _squared_to_point(inner: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Square the distances to a weighted mean of the points, known by their inner products."""
    image = inner @ weights
    return np.diag(inner) - 2 * image + weights @ image


def _median_weights(inner: np.ndarray) -> np.ndarray:
    """Write the spatial median as a weighted mean of the points.

    Notes
    -----
    If the median is one of the points, it is the one with the smallest sum of distances, and the unit vectors
    from it to the others add up to at most the number of points there. Otherwise Weiszfeld's iteration, begun
    at the mean, finds it. On a line the median of an even number of points is any place between the middle
    two: here halfway, so that it does not depend on the order of the points.
    """
    n = len(inner)
    lengths = np.diag(inner)
    gaps = lengths[:, None] + lengths - 2 * inner
    gaps = np.sqrt(np.where(gaps > _ROUNDING * gaps.max(), gaps, 0))
    scale = gaps.max()
    weights = np.full(n, 1 / n)
    if scale == 0 or n <= 2:
        return weights
    sums = gaps.sum(axis=0)
    nearest = int(sums.argmin())
    away = gaps[nearest] > TIE * scale
    pull = np.where(away, 1 / np.where(away, gaps[nearest], 1), 0)
    from_nearest = inner - inner[nearest] - inner[:, [nearest]] + inner[nearest, nearest]
    if pull @ from_nearest @ pull <= (n - away.sum()) ** 2 * (1 + TIE):
        places = (sums <= sums[nearest] * (1 + TIE)) / (gaps == 0).sum(axis=0)
        return places / places.sum()
    for _ in range(_STEPS):
        before = weights
        weights = 1 / np.sqrt(np.maximum(_squared_to_point(inner, before), (TIE * scale) ** 2))
        weights /= weights.sum()
        if np.abs(weights - before).max() <= _STILL / n:
            break
    return weights
