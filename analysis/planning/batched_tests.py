"""The tests of means for many simulated experiments at once: what `compare_means` does to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.designs import Design
from analysis.planning.means import Rule


@dataclass(frozen=True)
class Measured:
    """Simulated experiments, one a row.

    Attributes
    ----------
    before, after : numpy.ndarray, shape (n_experiments, n_subjects)
        Average of each subject's samples in the phase; `before` is None without a baseline.
    arm : numpy.ndarray of float, shape (n_subjects,)
        1 for the treated, 0 for the reference.
    cage : numpy.ndarray of int, shape (n_subjects,)
        From 0 on; animals of one cage stand together.
    kept : numpy.ndarray of bool, shape (n_experiments, n_subjects)
        Who was not lost.
    """

    before: np.ndarray | None
    after: np.ndarray
    arm: np.ndarray
    cage: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class Fits:
    """Estimates of the difference, their standard errors and degrees of freedom, shape (n_experiments,)."""

    estimate: np.ndarray
    standard_error: np.ndarray
    df: np.ndarray

    def p_values(self, rule: Rule) -> np.ndarray:
        """Return the p value of the rule's null hypothesis; of equivalence, the larger of the two."""
        if rule.tail == "both":
            return 2 * stats.t.sf(np.abs(self.estimate) / self.standard_error, self.df)
        if rule.tail == "one":
            return stats.t.sf(rule.sign * (self.estimate - rule.null) / self.standard_error, self.df)
        room = rule.margin - np.abs(self.estimate)
        return stats.t.sf(room / self.standard_error, self.df)


def fit(design: Design, measured: Measured) -> Fits:
    """Run the test of a design on every experiment.

    Parameters
    ----------
    design : Design
        Says which test, and whether whole cages are the units.
    measured : Measured
        The experiments.

    Returns
    -------
    Fits
        NaN where an experiment lost too many units to be tested.
    """
    before, after, arm, kept, block = measured.before, measured.after, measured.arm, measured.kept, None
    if design.caged:
        starts = np.flatnonzero(np.r_[True, np.diff(measured.cage) != 0])
        count = np.add.reduceat(kept, starts, axis=1, dtype=float)
        after = _per_cage(after, kept, starts, count)
        before = _per_cage(before, kept, starts, count) if design.uses_baseline else None
        arm, kept = arm[starts], count > 0
    elif design.within_cluster:
        block = measured.cage
    if design.test in ("paired", "change"):
        after = after - before
    weight = kept.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        if design.test == "paired":
            return _one_sample(after, weight)
        if design.test == "welch":
            return _welch(after, arm, weight)
        return _least_squares(after, arm, weight, before if design.test == "ancova" else None, block)


def _per_cage(values: np.ndarray, kept: np.ndarray, starts: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Average the animals that each cage kept; 0 for an empty cage, which has no weight."""
    return np.add.reduceat(values * kept, starts, axis=1) / np.maximum(count, 1)


def _one_sample(change: np.ndarray, weight: np.ndarray) -> Fits:
    n = weight.sum(axis=1)
    mean = (weight * change).sum(axis=1) / n
    squares = (weight * (change - mean[:, None]) ** 2).sum(axis=1)
    return Fits(mean, np.sqrt(squares / (n - 1) / n), _enough(n - 1))


def _welch(y: np.ndarray, arm: np.ndarray, weight: np.ndarray) -> Fits:
    means, errors, free = [], [], []
    for side in (arm, 1 - arm):
        w = weight * side
        n = w.sum(axis=1)
        mean = (w * y).sum(axis=1) / n
        means.append(mean)
        errors.append((w * (y - mean[:, None]) ** 2).sum(axis=1) / (n - 1) / n)
        free.append(n - 1)
    variance = errors[0] + errors[1]
    df = variance**2 / (errors[0] ** 2 / free[0] + errors[1] ** 2 / free[1])
    return Fits(means[0] - means[1], np.sqrt(variance), _enough(df))


def _least_squares(
    y: np.ndarray, arm: np.ndarray, weight: np.ndarray, covariate: np.ndarray | None, block: np.ndarray | None
) -> Fits:
    """Regress on the arm, with a constant for all or for each block, and with a covariate or none."""
    treated = _centred(np.broadcast_to(arm, y.shape), weight, block)
    y = _centred(y, weight, block)
    constants = 1 if block is None else _occupied(weight, block)
    df = weight.sum(axis=1) - constants - 1
    if covariate is not None:
        x = _centred(covariate, weight, block)
        length = (x * x).sum(axis=1)
        y = y - ((x * y).sum(axis=1) / length)[:, None] * x
        treated = treated - ((x * treated).sum(axis=1) / length)[:, None] * x
        df = df - 1
    information = (treated * treated).sum(axis=1)
    estimate = (treated * y).sum(axis=1) / information
    squares = ((y - estimate[:, None] * treated) ** 2).sum(axis=1)
    return Fits(estimate, np.sqrt(squares / df / information), _enough(df))


def _centred(values: np.ndarray, weight: np.ndarray, block: np.ndarray | None) -> np.ndarray:
    """Subtract the mean, or each block's; those without weight become 0."""
    if block is None:
        mean = ((weight * values).sum(axis=1) / weight.sum(axis=1))[:, None]
    else:
        order = np.argsort(block, kind="stable")
        starts = np.searchsorted(block[order], np.arange(block.max() + 1))
        sums = np.add.reduceat((weight * values)[:, order], starts, axis=1)
        count = np.add.reduceat(weight[:, order], starts, axis=1)
        mean = (sums / np.maximum(count, 1))[:, block]
    return weight * (values - mean)


def _occupied(weight: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Count the blocks with anyone left, by experiment."""
    order = np.argsort(block, kind="stable")
    starts = np.searchsorted(block[order], np.arange(block.max() + 1))
    return (np.add.reduceat(weight[:, order], starts, axis=1) > 0).sum(axis=1)


def _enough(df: np.ndarray) -> np.ndarray:
    """Put NaN where no degree of freedom is left, so that no p value is given."""
    return np.where(df > 0, df, np.nan)
