"""The engine of PERMANOVA: one design's arrangements as columns, shared by any number of distance matrices.

Labels become columns that are orthonormal once the covariates are taken out. The sum of squares that each
arrangement explains is then a quadratic form, and all of them together are one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.comparison.permutation import Arrangements, Units, arrange

TIE = 1e-10  # shares of the sum of squares that differ by less are ties; rounding is some 1e-14
_NOTHING = 1e-13  # a residual share below rounding
_CHUNK = 2**21  # bytes of columns made at a time
_KEPT = 2**27  # bytes of columns kept for the next study
_RANK = 1e-9  # what is left of a column after the covariates, relative to the column, that counts as nothing


@dataclass(frozen=True, eq=False)
class LabelPlan:
    """All arrangements of one design, ready to be tested against distance matrices of that design.

    Attributes
    ----------
    units : Units
        What is exchanged.
    labels : numpy.ndarray of int, shape (n_arrangements, n_units)
        The level of each unit in each arrangement; the first row is the observed one.
    exact : bool
        Whether these are all the arrangements there are.
    nuisance : numpy.ndarray, shape (n_samples, rank)
        Orthonormal basis of the mean and the covariates.

    Notes
    -----
    Covariates stay with their samples while the factor's labels move. Where the labels were assigned at
    random this is the randomisation test of the adjusted statistic, and exact. Where they were only observed
    it is the method of Draper and Stoneman, approximate as all others are [1]_ [2]_; unlike those that
    exchange residuals it serves whole plots of unequal sizes. ``benchmarks/bench_null_size.py`` measures it.

    References
    ----------
    .. [1] Anderson MJ, Robinson J (2001). Permutation tests for linear models. Aust N Z J Stat 43:75-88.
       doi:10.1111/1467-842X.00156
    .. [2] Winkler AM et al. (2014). Permutation inference for the general linear model. NeuroImage
       92:381-397. doi:10.1016/j.neuroimage.2014.01.060
    """

    units: Units
    labels: np.ndarray
    exact: bool
    nuisance: np.ndarray

    @classmethod
    def build(
        cls, units: Units, permutations: int = 999, seed: int = 0, covariates: np.ndarray | None = None
    ) -> LabelPlan:
        """Draw or enumerate the arrangements of a design.

        Parameters
        ----------
        units : Units
            The design.
        permutations : int, default 999
            How many arrangements to draw where there are too many to enumerate.
        seed : int, default 0
            Start of the random draws.
        covariates : numpy.ndarray, shape (n_samples, n_columns), optional
            What is taken out first, without the column of ones.
        """
        return cls.of(units, arrange(units, permutations, seed), covariates)

    @classmethod
    def of(cls, units: Units, arrangements: Arrangements, covariates: np.ndarray | None = None) -> LabelPlan:
        """Make the plan of given arrangements; arguments as in `build`."""
        ones = np.ones((len(units.of_sample), 1))
        columns = ones if covariates is None else np.hstack([ones, covariates])
        return cls(units, arrangements.labels, arrangements.exact, orthonormal(columns))

    @cached_property
    def df(self) -> int:
        """Return the degrees of freedom that the factor has beside the covariates."""
        gram = self._gram(self._indicators(slice(0, 1)))[0]
        return int((np.linalg.eigvalsh(gram) > self._floor).sum())

    @property
    def df_residual(self) -> int:
        """Return the degrees of freedom left over."""
        return len(self.units.of_sample) - self.nuisance.shape[1] - self.df

    @cached_property
    def tied(self) -> np.ndarray:
        """Mark the arrangements that fit any data exactly as the observed one does, shape (n_arrangements,).

        Notes
        -----
        They span the same space once the covariates are out. Without covariates these are the arrangements
        that only rename the levels; with them there can be more.
        """
        first = next(self._chunks())[1][:, :, 0]
        image = first * self.units.sizes - (first @ self._nuisance_sums) @ self._nuisance_sums.T
        overlap = np.zeros(len(self.labels))
        for rows, columns in self._chunks():
            overlap[rows] = np.square(np.tensordot(image, columns, axes=(1, 1))).sum(axis=(0, 1))
        return overlap >= self.df - _RANK

    def shares(self, squared: np.ndarray) -> np.ndarray:
        """Compute the share of the sum of squares that each arrangement explains.

        Parameters
        ----------
        squared : numpy.ndarray, shape (n_samples, n_samples)
            Squared distances.

        Returns
        -------
        numpy.ndarray, shape (n_arrangements,)
            Of what the covariates leave; the observed one first.
        """
        left, total = self._residual(squared)
        shares = np.empty(len(self.labels))
        for rows, columns in self._chunks():
            image = left @ columns
            shares[rows] = sum(
                np.einsum("up,up->p", one, of_one) for one, of_one in zip(columns, image, strict=True)
            )
        shares /= total
        return shares

    def shares_of_values(self, values: np.ndarray) -> np.ndarray:
        """Compute the same for one number per sample instead of distances, shape (n_arrangements,)."""
        left = values - self.nuisance @ (self.nuisance.T @ values)
        sums = np.bincount(self.units.of_sample, weights=left, minlength=len(self.units.codes))
        shares = np.empty(len(self.labels))
        for rows, columns in self._chunks():
            shares[rows] = np.square(np.tensordot(sums, columns, axes=(0, 1))).sum(axis=0)
        return shares / np.square(left).sum()

    def pseudo_f(self, shares: np.ndarray) -> np.ndarray:
        """Turn explained shares into pseudo-F: infinite where nothing is left."""
        left = 1 - shares
        left[np.abs(left) < _NOTHING] = 0
        with np.errstate(divide="ignore"):
            return shares / self.df / (left / self.df_residual)

    @cached_property
    def _floor(self) -> float:
        return _RANK * float(self.units.sizes.sum())

    @cached_property
    def _nuisance_sums(self) -> np.ndarray:
        """Sum the nuisance basis over the samples of each unit, shape (n_units, rank)."""
        sums = np.zeros((len(self.units.codes), self.nuisance.shape[1]))
        np.add.at(sums, self.units.of_sample, self.nuisance)
        return sums

    def _residual(self, squared: np.ndarray) -> tuple[np.ndarray, float]:
        """Take the covariates out and add up what belongs to one unit; the total is in the same measure."""
        n_samples, n_units = len(squared), len(self.units.codes)
        if self.nuisance.shape[1] == 1:
            # columns are centred, so that distances need not be: only the factor -1/2 differs, and it cancels
            left, total = squared, -float(squared.sum()) / n_samples
        else:
            basis = self.nuisance
            left = centred(squared)
            crossed = left @ basis
            left -= crossed @ basis.T
            left -= basis @ (crossed.T - (basis.T @ crossed) @ basis.T)
            total = float(np.trace(left))
        if n_units < n_samples or (self.units.of_sample != np.arange(n_samples)).any():
            membership = np.zeros((n_samples, n_units))
            membership[np.arange(n_samples), self.units.of_sample] = 1
            left = membership.T @ left @ membership
        return left, total

    def _indicators(self, rows: slice) -> np.ndarray:
        """Write labels as columns, shape (q, n_units, n_rows): the values, or all levels but the last."""
        labels = self.labels[rows].T
        levels = self.units.levels
        if self.units.numeric:
            values = (levels - levels.mean()) / levels.std()
            return values[labels][None]
        return (labels[None] == np.arange(len(levels) - 1)[:, None, None]).astype(np.float64)

    def _gram(self, columns: np.ndarray) -> np.ndarray:
        """Multiply the columns of each arrangement with each other, without the nuisance, shape (n, q, q)."""
        # a unit has one level, so that the columns themselves never overlap
        norms = np.einsum("u,qup->pq", self.units.sizes.astype(float), np.square(columns))
        overlap = np.tensordot(self._nuisance_sums, columns, axes=(0, 1))
        return norms[:, :, None] * np.eye(len(columns)) - np.einsum("cip,cjp->pij", overlap, overlap)

    def _chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        yield from self._kept_chunks or self._made_chunks()

    @cached_property
    def _kept_chunks(self) -> list[tuple[slice, np.ndarray]]:
        return list(self._made_chunks()) if self._row_bytes * len(self.labels) <= _KEPT else []

    @property
    def _row_bytes(self) -> int:
        columns = 1 if self.units.numeric else len(self.units.levels) - 1
        return 8 * columns * len(self.units.codes)

    def _made_chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Make the columns centred, and orthonormal given the nuisance; directions lost in it become zero."""
        weights = self.units.sizes / self.units.sizes.sum()
        step = max(1, _CHUNK // self._row_bytes)
        for start in range(0, len(self.labels), step):
            rows = slice(start, start + step)
            columns = self._indicators(rows)
            values, vectors = np.linalg.eigh(self._gram(columns))
            kept = values > self._floor
            scale = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1)), 0)
            columns -= np.einsum("u,qup->qp", weights, columns)[:, None, :]
            yield rows, np.ascontiguousarray(np.einsum("iup,pij->jup", columns, vectors * scale[:, None, :]))


def pseudo_f_many(squared: np.ndarray, plan: LabelPlan) -> np.ndarray:
    """Compute pseudo-F of every arrangement for many studies of one design.

    Parameters
    ----------
    squared : numpy.ndarray, shape (..., n_samples, n_samples)
        Squared distances of each study, samples in the order of the plan.
    plan : LabelPlan
        The design.

    Returns
    -------
    numpy.ndarray, shape (..., n_arrangements)
        The observed arrangement first.
    """
    return plan.pseudo_f(shares_many(squared, plan))


def shares_many(squared: np.ndarray, plan: LabelPlan) -> np.ndarray:
    """Compute explained shares for many studies of one design; arguments and shape as in `pseudo_f_many`."""
    studies = squared.reshape(-1, *squared.shape[-2:])
    shares = np.empty((len(studies), len(plan.labels)))
    for number, study in enumerate(studies):
        shares[number] = plan.shares(study)
    return shares.reshape(*squared.shape[:-2], len(plan.labels))


def p_values(shares: np.ndarray) -> np.ndarray:
    """Compute p from explained shares, shape (..., n_arrangements): how many reach the first, it included.

    Notes
    -----
    Pseudo-F rises with the share. Arrangements that are equal in exact arithmetic differ by rounding: a share
    within 1e-10 of the observed one counts as reaching it.
    """
    return (shares >= shares[..., :1] - TIE).mean(axis=-1)


def centred(squared: np.ndarray) -> np.ndarray:
    """Turn squared distances into Gower's centred inner products, shape (n, n)."""
    gower = squared * -0.5
    means = gower.mean(axis=0)
    gower -= means
    gower -= (means - means.mean())[:, None]
    return gower


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """Find an orthonormal basis of the space that columns span, shape (n, rank)."""
    lengths = np.linalg.norm(columns, axis=0)
    basis, sizes, _ = np.linalg.svd(columns / np.where(lengths > 0, lengths, 1), full_matrices=False)
    return basis[:, sizes > _RANK * sizes[0]]
