"""Linear mixed models with nested random intercepts, fitted by restricted maximum likelihood (REML)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

import numpy as np
import pandas as pd
from scipy import linalg, optimize

from analysis.errors import DesignError, one_fault

_STARTS = (0.0, 0.3, 1.0, 3.0)  # group SD over residual SD, from which each search sets out
_STEP = 1e-30  # imaginary: far below the last digit of anything real
_LARGEST_RATIO = 1e4  # of those SDs: beyond it the residuals are rounding


@dataclass(frozen=True)
class MixedFit:
    """A fitted model.

    Attributes
    ----------
    coefficients : numpy.ndarray, shape (p,)
        Fixed effects.
    covariance : numpy.ndarray, shape (p, p)
        Their covariance, the variance components taken as known.
    group_variances : numpy.ndarray, shape (n_groupings,)
        Variance of the random intercepts, outermost grouping first.
    residual_variance : float
        Variance within the innermost group.
    deviance : float
        Minus twice the restricted log-likelihood (what lme4 prints as the REML criterion).
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    group_variances: np.ndarray
    residual_variance: float
    deviance: float

    def contrast(self, weights: np.ndarray) -> tuple[float, float]:
        """Return a linear combination of the fixed effects and its standard error."""
        return float(weights @ self.coefficients), float(np.sqrt(weights @ self.covariance @ weights))


class NestedModel:
    """Fixed effects plus a random intercept for each level of groups that nest in each other.

    Parameters
    ----------
    y : numpy.ndarray, shape (n,)
        The outcome.
    x : numpy.ndarray, shape (n, p)
        Fixed effects, of full column rank and including the constant.
    *groups : sequence of labels, each of length n
        Outermost first: (cage, mouse). A label of an inner grouping belongs to one outer group only.

    Raises
    ------
    DesignError
        Where the groupings do not nest or the fixed effects leave nothing to estimate.

    Notes
    -----
    The covariance is proportional to ``V = I + sum_k r_k Z_k Z_k'`` with r_k the ratio of a group's variance
    to the residual's. Each level acts only through weighted group means: samples enter with weight 1; a group
    of summed weight w adds log(1 + r w) to the log-determinant and passes its mean up with weight
    w / (1 + r w). One evaluation costs O(n p^2), needs no matrix of size n and subtracts no large numbers.
    The search runs over the square roots of the ratios, which may be 0 [1]_.

    References
    ----------
    .. [1] Bates D et al. (2015) Fitting linear mixed-effects models using lme4. Journal of Statistical
       Software 67(1). doi:10.18637/jss.v067.i01
    """

    def __init__(self, y: np.ndarray, x: np.ndarray, *groups: Sequence[object]) -> None:
        self.n, self.p = x.shape
        codes = [pd.factorize(np.asarray(labels, dtype=object))[0] for labels in groups]
        _check_nested(codes)
        if np.linalg.matrix_rank(x) < self.p or self.n <= self.p:
            raise one_fault(
                DesignError,
                "mixed model",
                f"{self.p} fixed effects cannot be told apart in {self.n} samples",
                expected="more samples than fixed effects, and no effect that is a sum of others",
            )
        self._ols = np.linalg.lstsq(x, y, rcond=None)[0]
        order = np.lexsort(codes[::-1])  # members of a group stand together, at every level
        self._w = np.column_stack([x, y - x @ self._ols])[order]
        starts = [np.flatnonzero(np.r_[True, np.diff(code[order]) != 0]) for code in codes]
        # Where each group begins among the groups one level further in (for the innermost: among samples).
        self._starts = [np.searchsorted(inner, outer) for outer, inner in pairwise(starts)] + [starts[-1]]
        self.n_groups = [len(s) for s in starts]

    @cached_property
    def _innermost(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cross-products within the innermost groups, their means and sizes."""
        return _gather(self._w, np.ones(self.n), self._starts[-1])

    def within_squares(self) -> tuple[float, int]:
        """Return the residual sum of squares and its df where each innermost group has its own mean."""
        _, means, sizes = self._innermost
        deviations = self._w - np.repeat(means, sizes.astype(int), axis=0)
        x, y = deviations[:, :-1] / np.linalg.norm(self._w[:, :-1], axis=0), deviations[:, -1]
        coefficients, _, rank, _ = np.linalg.lstsq(x, y, rcond=1e-10)
        return float(((y - x @ coefficients) ** 2).sum()), self.n - self.n_groups[-1] - int(rank)

    def cross_products(self, ratios: Sequence[float]) -> tuple[np.ndarray, float]:
        """Return [X, y]' V^-1 [X, y], with y as residuals of least squares, and log det V.

        Parameters
        ----------
        ratios : sequence of float
            Variance of each grouping over the residual variance, outermost first.
        """
        within, means, weights = self._innermost
        total, log_det = within, 0.0
        for level in range(len(self._starts) - 1, -1, -1):
            growth = 1 + ratios[level] * weights
            log_det += np.log(growth).sum()
            weights = weights / growth
            if level:
                within, means, weights = _gather(means, weights, self._starts[level - 1])
                total = total + within
        return total + means.T @ (weights[:, None] * means), log_det

    def residual_squares(self, ratios: Sequence[float]) -> tuple[float, float]:
        """Return what generalised least squares leaves, y'Py, and log det V + log det X'V^-1X."""
        total, log_det = self.cross_products(ratios)
        factor = linalg.cholesky(total[:-1, :-1], lower=True)
        explained = linalg.solve_triangular(factor, total[:-1, -1], lower=True)
        squares = float(total[-1, -1] - explained @ explained)
        return max(squares, 0.0), float(log_det + 2 * np.log(np.diag(factor)).sum())

    def deviance(self, ratios: Sequence[float], residual_variance: float | None = None) -> float:
        """Minus twice the restricted log-likelihood; without a residual variance, at its best value."""
        squares, log_dets = self.residual_squares(ratios)
        free = self.n - self.p
        if residual_variance is None:
            residual_variance = max(squares, np.finfo(float).tiny) / free
        return log_dets + free * float(np.log(2 * np.pi * residual_variance)) + squares / residual_variance

    def fit(self) -> MixedFit:
        """Fit by REML; a component that would be negative is 0."""
        roots = self._best_roots()
        ratios = roots**2
        total, _ = self.cross_products(ratios)
        squares, _ = self.residual_squares(ratios)
        variance = squares / (self.n - self.p)
        inverse = np.linalg.inv(total[:-1, :-1])
        return MixedFit(
            coefficients=self._ols + inverse @ total[:-1, -1],
            covariance=variance * inverse,
            group_variances=variance * ratios,
            residual_variance=variance,
            deviance=self.deviance(ratios),
        )

    def _best_roots(self) -> np.ndarray:
        """Find the square roots of the variance ratios with the smallest deviance."""
        levels = len(self._starts)
        start = min(product(_STARTS, repeat=levels), key=lambda roots: self.deviance(np.square(roots)))
        # The even reflection of the deviance about 0 is smooth, so that 0 is an ordinary minimum.
        found = optimize.minimize(
            lambda roots: self.deviance(np.square(np.clip(roots, -_LARGEST_RATIO, _LARGEST_RATIO))),
            np.asarray(start) + 0.1,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 2_000, "maxfev": 4_000},
        )
        roots = np.abs(found.x)
        for level in range(levels):  # settle exactly on the boundary where that is no worse
            trial = roots.copy()
            trial[level] = 0.0
            if self.deviance(trial**2) <= self.deviance(roots**2) + 1e-9:
                roots = trial
        return self._sharpened(roots)

    def _sharpened(self, roots: np.ndarray) -> np.ndarray:
        """Move to where the slope of the deviance is 0, which lies near.

        About its minimum the deviance is flat: its values place the minimum to eight digits only, and which
        ones those are hangs on the last bit of every sum, so on the build of NumPy. The slope has them all.
        """
        inside = np.flatnonzero(roots > 0)
        if not len(inside) or roots.max() >= _LARGEST_RATIO:
            return roots

        def slope(moved: np.ndarray) -> np.ndarray:
            trial = roots.copy()
            trial[inside] = moved
            return self._slope(trial)[inside]

        found = optimize.root(slope, roots[inside], method="hybr", options={"xtol": 1e-14})
        near = np.allclose(found.x, roots[inside], rtol=1e-4, atol=1e-6)
        sharper = roots.copy()
        sharper[inside] = found.x
        # Where the deviance hardly depends on a root, its slope is rounding and leads anywhere.
        return sharper if near and self.deviance(sharper**2) <= self.deviance(roots**2) + 1e-9 else roots

    def _slope(self, roots: np.ndarray) -> np.ndarray:
        """Return the derivative of the deviance by each root, by complex steps, which round nothing off."""
        slopes = np.empty(len(roots))
        for level in range(len(roots)):
            moved = roots.astype(complex)
            moved[level] += _STEP * 1j
            total, log_det = self.cross_products(moved**2)
            inner, outer = total[:-1, :-1], total[:-1, -1]
            squares = total[-1, -1] - outer @ np.linalg.solve(inner, outer)
            sign, _ = np.linalg.slogdet(inner)
            raised = np.imag(log_det) + np.angle(sign) + (self.n - self.p) * np.angle(squares)
            slopes[level] = raised / _STEP
        return slopes


def _gather(
    means: np.ndarray, weights: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weighted cross-products within groups of rows, and the groups' means and summed weights."""
    sums = np.add.reduceat(weights, starts)
    group_means = np.add.reduceat(weights[:, None] * means, starts, axis=0) / sums[:, None]
    sizes = np.diff(np.r_[starts, len(weights)])
    deviations = means - np.repeat(group_means, sizes, axis=0)
    return deviations.T @ (weights[:, None] * deviations), group_means, sums


def _check_nested(codes: list[np.ndarray]) -> None:
    for outer, inner in pairwise(codes):
        pairs = np.unique(np.column_stack([inner, outer]), axis=0)
        if len(pairs) > len(np.unique(inner)):
            raise one_fault(
                DesignError,
                "mixed model",
                "an inner group belongs to more than one outer group",
                expected="groups that nest: each subject in one cage",
                remedy="give subjects of different cages different names",
            )
