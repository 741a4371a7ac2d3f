"""The PERMANOVA that a design ends in: what is compared, what is exchanged, what a baseline does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.comparison.dispersion import permdisp
from analysis.comparison.label_plan import LabelPlan, p_values, shares_many
from analysis.comparison.permutation import Units, check_reach, exchangeable_units
from analysis.designs import Design
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.plans import Plan
from analysis.planning.pilot_endpoint import compared

_DISPERSION_EVERY = 4  # experiments; PERMDISP costs as much as PERMANOVA itself


@dataclass(frozen=True)
class Examined:
    """What the test says of several experiments.

    Attributes
    ----------
    p : numpy.ndarray, shape (n_experiments,)
        Of PERMANOVA.
    omega_squared : numpy.ndarray, shape (n_experiments,)
        Seen in the samples (or subjects) compared.
    dispersion_p : numpy.ndarray, shape (at most n_experiments,)
        Of PERMDISP to centroids, for some of the experiments; empty where it was not asked for.
    """

    p: np.ndarray
    omega_squared: np.ndarray
    dispersion_p: np.ndarray


@dataclass(frozen=True, eq=False)
class DesignedPermanova:
    """PERMANOVA of one design, made once and run on any number of simulated tables.

    Attributes
    ----------
    plan : Plan
        The samples that have to be drawn.
    labels : LabelPlan
        Arrangements of the labels of samples, or of subjects where baselines enter.
    words : str
        What is compared.
    baseline : int
        Samples before the treatment that enter as each subject's own; 0: none.
    centring : numpy.ndarray, shape (n_subjects, n_subjects), or None
        Weights of inner products between subjects from which the slope on the baseline is taken; None with a
        baseline: the slope is 1.

    Notes
    -----
    *Two arms, no baseline* (or ``model="pooled"``): all samples after the treatment, arms compared. A
    subject with several samples is exchanged as a whole, a cage that is treated as a whole likewise, and
    subjects that share cages with the other arm within their cage. p is that of ``permanova(distances,
    metadata, "arm", plots=..., blocks=...)``.

    *Two arms with a baseline*: each subject is one point among the principal coordinates, the mean of its
    samples after the treatment less b times the mean of those before, with ``b = 1`` for ``model="change"``.
    Otherwise b is the slope of the units' means after on those before, one for all axes: the analysis of
    covariance. It is found without a look at the arms, so that the test stays exact. Points are never
    written out: their squared distances follow from those of the samples.

    *One arm, before against after* (``paired=True``): the samples of a subject (or of a cage) before and
    after trade places as wholes. Whatever else changes with time is then taken for the treatment.
    """

    plan: Plan
    labels: LabelPlan
    words: str
    baseline: int = 0
    centring: np.ndarray | None = None

    @classmethod
    def of(cls, design: Design, permutations: int = 999, seed: int = 0) -> DesignedPermanova:
        """Make the test of a design.

        Raises
        ------
        DesignError
            Where no arrangement could reach alpha.
        """
        adjusted = design.uses_baseline and not design.paired
        plan = compared(design, baseline=design.uses_baseline)
        units = _units(design, plan, adjusted=adjusted)
        check_reach(units, units.smallest_p, design.alpha)
        labels = LabelPlan.build(units, permutations, seed)
        labels.tied  # noqa: B018  # columns are made here once, and go to all processes with the plan
        if not adjusted:
            words = "before against after" if design.paired else "arms after the treatment"
            return cls(plan, labels, f"PERMANOVA of Bray-Curtis distances, {words}")
        words = "changes from the baseline" if design.test == "change" else "arms after the treatment"
        words += "" if design.test == "change" else ", adjusted for the baseline"
        centring = None if design.test == "change" else _centring(units)
        return cls(plan, labels, f"PERMANOVA of Bray-Curtis distances, {words}", design.baseline, centring)

    def examine(self, tables: np.ndarray, *, dispersion: bool = False) -> Examined:
        """Test experiments.

        Parameters
        ----------
        tables : numpy.ndarray of uint16, shape (n_experiments, n_samples, n_taxa)
            Reads, samples in the order of the plan.
        dispersion : bool
            Run PERMDISP on every fourth experiment as well, where samples are compared.
        """
        return self.examine_distances(bray_curtis_batch(tables), dispersion=dispersion)

    def examine_distances(self, distances: np.ndarray, *, dispersion: bool = False) -> Examined:
        """Test experiments known by their distances, shape (n_experiments, n_samples, n_samples)."""
        squared = np.square(distances, dtype=np.float64)
        if self.baseline:
            squared = adjusted_squares(
                squared, len(self.labels.units.of_sample), self.baseline, self.centring
            )
        shares = shares_many(squared, self.labels)
        left = (1 - shares[:, 0]) / self.labels.df_residual
        spread = np.empty(0)
        if dispersion and not self.baseline:
            some = distances[::_DISPERSION_EVERY].astype(np.float64)
            spread = np.array([permdisp(one, self.labels, "centroid").p_value for one in some])
        omega = (shares[:, 0] - self.labels.df * left) / (1 + left)
        return Examined(p_values(shares), omega, spread)


def adjusted_squares(
    squared: np.ndarray, n_subjects: int, baseline: int, centring: np.ndarray | None
) -> np.ndarray:
    """Compute squared distances between subjects' means after, less b times their means before.

    Parameters
    ----------
    squared : numpy.ndarray, shape (..., n_samples, n_samples)
        Squared distances; samples of a subject stand together, those of the baseline first.
    n_subjects, baseline : int
        Subjects, and samples of each before the treatment.
    centring : numpy.ndarray, shape (n_subjects, n_subjects), or None
        See `DesignedPermanova`.

    Returns
    -------
    numpy.ndarray, shape (..., n_subjects, n_subjects)

    Notes
    -----
    With ``K = -D**2 / 2`` the inner products of weighted sums of samples are the same weighted sums of K, but
    for terms of one subject alone, which cancel in squared distances. Where distances are not Euclidean a
    square may be negative; PERMANOVA takes it as it is.
    """
    shape = squared.shape[:-2]
    each = squared.shape[-1] // n_subjects
    inner = squared.reshape(*shape, n_subjects, each, n_subjects, each) * -0.5
    before, after = slice(None, baseline), slice(baseline, None)
    late, mixed, early = (
        inner[..., :, rows, :, columns].mean(axis=(-3, -1))
        for rows, columns in ((after, after), (after, before), (before, before))
    )
    slope = np.ones(shape)
    if centring is not None:
        slope = (mixed * centring).sum(axis=(-2, -1)) / (early * centring).sum(axis=(-2, -1))
    slope = slope[..., None, None]
    points = late - slope * (mixed + np.swapaxes(mixed, -1, -2)) + slope**2 * early
    lengths = np.einsum("...ii->...i", points)
    return lengths[..., :, None] + lengths[..., None, :] - 2 * points


def _units(design: Design, plan: Plan, *, adjusted: bool) -> Units:
    """Find what is exchanged: samples, subjects or cages, freely or within cages or subjects."""
    table = plan.metadata()
    if design.paired:
        whole = "cage" if design.cluster_size > 1 else "subject"
        phase = pd.Series(np.where(plan.time > 0, "after", "before"), name="time")
        plots = (table[whole] + " " + phase).rename(f"{whole} and time")
        return exchangeable_units(phase, blocks=table[whole], plots=plots)
    if adjusted:
        table = table.drop_duplicates("subject").reset_index(drop=True)
    several = len(table) > table["subject"].nunique()
    return exchangeable_units(
        table["arm"],
        blocks=table["cage"] if design.within_cluster else None,
        plots=table["cage"] if design.caged else table["subject"] if several or adjusted else None,
    )


def _centring(units: Units) -> np.ndarray:
    """Weigh pairs of subjects so that inner products add up over the units' means, centred in each block."""
    n_units = len(units.codes)
    means = np.zeros((n_units, len(units.of_sample)))
    means[units.of_sample, np.arange(len(units.of_sample))] = 1 / units.sizes[units.of_sample]
    same = units.blocks[:, None] == units.blocks
    centred = means - (same / same.sum(axis=1, keepdims=True)) @ means
    return centred.T @ centred
