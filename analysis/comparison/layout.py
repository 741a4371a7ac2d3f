"""The design of a comparison of two arms: samples, subjects and the units that were treated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from analysis.roles import Roles

Kind = Literal["parallel", "paired", "cluster", "blocked"]

WHERE = "compare_means"  # how the messages name the call


@dataclass(frozen=True, eq=False)
class Layout:
    """Checked samples of two arms.

    Attributes
    ----------
    samples : pandas.DataFrame
        One row a sample: value, arm (1: the level compared, 0: the reference), subject, cluster (where given)
        and follow_up (False: a baseline sample).
    kind : {"parallel", "paired", "cluster", "blocked"}
        Where the treatment varies: between subjects, within a subject, between clusters, or between the
        subjects of one cluster.
    reference, level : str
        The two levels of the treatment.
    baseline : pandas.Series or None
        Mean baseline value of each subject, indexed by subject; None where no baseline was named.
    roles : Roles
        Column names, for the messages.
    notes : tuple of str
        What was left out or averaged.
    """

    samples: pd.DataFrame
    kind: Kind
    reference: str
    level: str
    baseline: pd.Series | None
    roles: Roles
    notes: tuple[str, ...] = ()

    @property
    def clustered(self) -> bool:
        """Whether cages or the like are known."""
        return "cluster" in self.samples

    @cached_property
    def after(self) -> pd.DataFrame:
        """The samples taken under treatment: all but those of the baseline."""
        return self.samples[self.samples["follow_up"]]

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """One row a subject, samples averaged: value, arm, n_samples; cluster and baseline where known."""
        table = _averaged(self.after, "subject")
        if self.baseline is not None:
            table["baseline"] = self.baseline.reindex(table.index)
        return table

    @cached_property
    def units(self) -> pd.DataFrame:
        """One row a unit, subjects averaged where whole clusters were treated; columns as in `subjects`."""
        return _averaged(self.subjects, "cluster") if self.kind == "cluster" else self.subjects

    def differences(self) -> pd.DataFrame:
        """Return, for each subject that has both, its mean under the level less that under the reference."""
        means = self.after.pivot_table(values="value", index="subject", columns="arm").dropna()
        table = pd.DataFrame({"value": means[1] - means[0]})
        if self.clustered:
            table["cluster"] = self.after.groupby("subject")["cluster"].first()
        return table

    def with_values(self, values: np.ndarray) -> Layout:
        """Return the same design with other values of its samples, as a simulation needs."""
        samples = self.samples.assign(value=values)
        before = samples[~samples["follow_up"]]
        baseline = self.baseline if before.empty else _averaged(before, "subject")["value"]
        return replace(self, samples=samples, baseline=baseline)

    def per_arm(self, column: str) -> dict[str, int]:
        """Count the distinct subjects or clusters that were sampled under treatment in each arm."""
        counts = self.after.groupby("arm")[column].nunique()
        return {self.reference: int(counts.get(0, 0)), self.level: int(counts.get(1, 0))}


def _averaged(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Average the rows of each unit, in the order of their names; what is constant in it is taken over."""
    names, first, codes = np.unique(table[unit].to_numpy(), return_index=True, return_inverse=True)
    rows = np.bincount(codes)
    samples = rows if "n_samples" not in table else np.bincount(codes, table["n_samples"]).astype(int)
    columns = {"value": np.bincount(codes, table["value"]) / rows, "n_samples": samples}
    columns |= {name: table[name].to_numpy()[first] for name in ("arm", "cluster") if name in table}
    if "baseline" in table:
        columns["baseline"] = np.bincount(codes, table["baseline"]) / rows
    return pd.DataFrame(columns, index=pd.Index(names, name=unit))
