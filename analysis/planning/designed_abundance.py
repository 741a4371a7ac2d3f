"""The differential abundance that a design ends in, for many simulated tables at once where that can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats

from analysis.designs import Design
from analysis.pilots.plans import Plan
from analysis.planning.pilot_endpoint import compared
from analysis.study import Study
from analysis.taxa.abundance import adjust, differential_abundance
from analysis.taxa.scoring import HALF_A_READ

_CONSTANT = 1e-12  # standard error, relative to the effect, of a taxon that never varies


@dataclass(frozen=True, eq=False)
class DesignedAbundance:
    """`differential_abundance` for one design, made once and run on any number of simulated tables.

    Attributes
    ----------
    plan : Plan
        The samples that have to be drawn.
    taxa : tuple of str
        Columns of the tables.
    method, min_prevalence, fdr, pseudocount
        As in `differential_abundance`.
    baseline : int
        Samples of each subject before the treatment that enter.
    grouped : bool
        Whether units tested share a cage, or several samples a subject: a mixed model is then fitted.

    Notes
    -----
    With ``method="clr"`` and a baseline that the design uses, the changes of subjects are compared; otherwise
    samples after the treatment alone. Without groups, "clr" is Welch's t-test of centred log-ratios, or of
    their changes, and all taxa of all tables are computed together, to the same p-values. All else goes
    through `differential_abundance`, table by table.
    """

    plan: Plan
    taxa: tuple[str, ...]
    method: str
    min_prevalence: float
    fdr: str
    baseline: int
    grouped: bool
    pseudocount: float | None = None

    @classmethod
    def of(
        cls,
        design: Design,
        taxa: tuple[str, ...],
        method: str,
        min_prevalence: float,
        fdr: str,
        pseudocount: float | None = None,
    ) -> DesignedAbundance:
        """Make the test of a design."""
        baseline = design.baseline if design.uses_baseline and method == "clr" else 0
        plan = compared(design, baseline=baseline > 0)
        shared = len(np.unique(plan.cluster)) < len(np.unique(plan.subject))
        grouped = shared or (not baseline and design.follow_up > 1)
        return cls(plan, taxa, method, min_prevalence, fdr, baseline, grouped, pseudocount)

    @property
    def together(self) -> bool:
        """Whether tables are tested together."""
        return self.method == "clr" and not self.grouped

    @property
    def words(self) -> str:
        """What is compared, in words."""
        what = "changes from the baseline" if self.baseline else "arms after the treatment"
        added = "" if self.pseudocount is None else f" with {self.pseudocount:g} added"
        return f"differential abundance by {self.method}{added}, {what}, q-values by {self.fdr}"

    def q_values(self, tables: np.ndarray) -> np.ndarray:
        """Test experiments.

        Parameters
        ----------
        tables : numpy.ndarray of uint16, shape (n_experiments, n_samples, n_taxa)
            Reads, samples in the order of the plan.

        Returns
        -------
        numpy.ndarray, shape (n_experiments, n_taxa)
            NaN where a taxon was too rare to be tested, or nothing could be estimated.
        """
        if not self.together:
            return np.array([self._one(table) for table in tables])
        return np.array([adjust(p, self.fdr) for p in self._welch(tables)])

    def _welch(self, tables: np.ndarray) -> np.ndarray:
        """Return the p-values of Welch's test of centred log-ratios, shape (n_experiments, n_taxa)."""
        prevalence = (tables > 0).mean(axis=1)
        tested = (prevalence >= self.min_prevalence) & (prevalence > 0)
        logs = np.log(tables + (HALF_A_READ if self.pseudocount is None else self.pseudocount))
        centre = (logs * tested[:, None, :]).sum(axis=2) / tested.sum(axis=1)[:, None]
        ratios = logs - centre[:, :, None]
        arm = self.plan.arm
        if self.baseline:
            each = len(arm) // len(np.unique(self.plan.subject))
            ratios = ratios.reshape(len(tables), -1, each, ratios.shape[2])
            before, after = ratios[:, :, : self.baseline], ratios[:, :, self.baseline :]
            ratios, arm = after.mean(axis=2) - before.mean(axis=2), arm[::each]
        groups = [ratios[:, arm == code] for code in (0, 1)]
        sizes = [group.shape[1] for group in groups]
        effect = groups[1].mean(axis=1) - groups[0].mean(axis=1)
        squares = [group.var(axis=1, ddof=1) / size for group, size in zip(groups, sizes, strict=True)]
        total = squares[0] + squares[1]
        error = np.sqrt(total)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = sum(square**2 / (size - 1) for square, size in zip(squares, sizes, strict=True))
            p = 2 * stats.t.sf(np.abs(effect / error), total**2 / spread)
        varies = error > _CONSTANT * np.maximum(1.0, np.abs(effect))
        return np.where(tested & varies, p, np.nan)

    def _one(self, table: np.ndarray) -> np.ndarray:
        """Return the q-values that `differential_abundance` gives for one table."""
        found = differential_abundance(
            self.study(table),
            method=self.method,
            min_prevalence=self.min_prevalence,
            fdr=self.fdr,
            pseudocount=self.pseudocount,
        ).table
        return found.set_index("feature")["q_value"].reindex(list(self.taxa)).to_numpy(dtype=float)

    def study(self, table: np.ndarray) -> Study:
        """Return one simulated table as a study with its roles."""
        names = [f"s{number:05d}" for number in range(len(table))]
        metadata = self.plan.metadata().set_axis(names, axis=0)
        counts = sparse.csr_array(table.astype(np.int64))
        study = Study(counts, names, pd.Index(self.taxa), metadata)
        roles = {"subject": "subject", "time": "time", "treatment": "arm", "reference": "reference"}
        if len(np.unique(self.plan.cluster)) < len(np.unique(self.plan.subject)):
            roles["cluster"] = "cage"
        times = np.unique(self.plan.time)
        return study.with_roles(
            **roles, baseline=times[times <= 0].tolist(), follow_up=times[times > 0].tolist()
        )
