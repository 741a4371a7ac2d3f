"""The numbers that a claim's test compares, taken from a study as the protocol says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.diversity.alpha import alpha_diversity
from analysis.errors import DesignError, MetadataError, one_fault
from analysis.study import Study
from analysis.taxa.scoring import panel_scores

_REACHED = 0.9  # share of the samples that must reach a depth for it to be used
_SHALLOW = (500, 100)  # samples with fewer reads are left out: 500, or 100 where too many would go


@dataclass(frozen=True)
class Depths:
    """At which depth samples are compared.

    Attributes
    ----------
    depth : int
        Reads that each sample is rarefied to.
    study : Study
        Without the samples that have fewer.
    notes : tuple of str
        What was left out, and why the depth is not the planned one.
    even : bool
        Whether every sample has exactly that many reads: nothing has to be drawn.
    """

    depth: int
    study: Study
    notes: tuple[str, ...]
    even: bool


def at_depth(study: Study, planned_depth: int) -> Depths:
    """Choose the depth at which the samples are compared.

    Parameters
    ----------
    study : Study
        Read counts.
    planned_depth : int
        Used where at least nine in ten samples reach it; else that of the shallowest sample with 500 reads
        (100, where nine in ten have no 500): subjects count for more than reads.

    Raises
    ------
    DesignError
        Where more than one in ten samples has fewer than 100 reads.
    """
    depths = study.depths.to_numpy()
    notes = []
    least = next((floor for floor in _SHALLOW if (depths >= floor).mean() >= _REACHED), None)
    if (depths == depths[0]).all() and depths[0] >= _SHALLOW[-1]:
        depth = int(depths[0])
    elif (depths >= planned_depth).mean() >= _REACHED:
        depth = planned_depth
    elif least is not None:
        depth = int(depths[depths >= least].min())
    else:
        raise one_fault(
            DesignError,
            study.source.name,
            f"{(depths < _SHALLOW[-1]).mean():.0%} of the samples have fewer than {_SHALLOW[-1]} reads",
            expected=f"at least {_SHALLOW[-1]} reads in nine of ten samples",
            remedy="leave shallow samples out before the evaluation",
        )
    if depth < planned_depth:
        notes.append(f"compared at {depth:,} reads a sample, not at the planned {planned_depth:,}")
    enough = depths >= depth
    if not enough.all():
        notes.append(f"{(~enough).sum()} of {len(enough)} samples have fewer reads and are left out")
        study = study.select(samples=enough)
    return Depths(depth, study, tuple(notes), bool((depths[enough] == depth).all()))


def alpha_values(found: Depths, metric: str, seed: int) -> pd.Series:
    """Return an alpha diversity at the chosen depth, averaged over draws where there is anything to draw."""
    depth = None if found.even else found.depth
    return alpha_diversity(found.study, [metric], depth=depth, seed=seed)[metric]


def panel_values(study: Study, panel: str) -> tuple[pd.Series, tuple[str, ...]]:
    """Return the log-ratio of a panel, and notes on samples that have none."""
    scores = panel_scores(study, panel)
    values = scores.scores["log_ratio"]
    gone = int(values.isna().sum())
    notes = (f"{gone} of {len(values)} samples have no log-ratio and are left out",) if gone else ()
    return values.dropna(), notes


def marker_values(study: Study, column: str, *, log: bool) -> tuple[pd.Series, tuple[str, ...]]:
    """Return a column of numbers, and notes on samples without one.

    Raises
    ------
    MetadataError
        Where the column holds text, or numbers that have no logarithm.
    """
    raw = study.metadata[column]
    values = pd.to_numeric(raw, errors="coerce")
    wrong = raw[values.isna() & raw.notna() & (raw.astype(str).str.strip() != "")]
    if len(wrong) or (log and (values <= 0).any()):
        strange = wrong.unique()[:3].tolist() if len(wrong) else values[values <= 0].unique()[:3].tolist()
        raise one_fault(
            MetadataError,
            study.source.name,
            f"{strange}",
            where=f"column {column!r}",
            expected="numbers" + (" above 0: they are compared by their logarithm" if log else ""),
            remedy="put half the detection limit for what was below it; leave unknown values blank",
        )
    gone = int(values.isna().sum())
    notes = (f"{gone} of {len(values)} samples have no {column} and are left out",) if gone else ()
    return values.dropna().astype(float), notes


def unit_changes(
    values: pd.Series, study: Study, baseline: tuple, follow_up: tuple, *, log: bool = False
) -> pd.Series:
    """Return the change of each unit, mean after less mean before.

    Parameters
    ----------
    values : pandas.Series
        One number a sample.
    study : Study
        Roles subject, time and, where animals share cages, cluster: the cage is then the unit.
    baseline, follow_up : tuple
        Values of the time column.
    log : bool
        Take logarithms first.

    Returns
    -------
    pandas.Series
        Indexed by unit; units without both are left out.
    """
    unit = study.roles.cluster or study.roles.subject
    table = study.metadata.loc[values.index, [study.roles.subject, study.roles.time]].astype(object)
    frame = pd.DataFrame(
        {
            "value": np.log(values) if log else values,
            "subject": table[study.roles.subject],
            "unit": study.metadata.loc[values.index, unit].astype(object),
            "time": table[study.roles.time],
        }
    )
    changes = []
    for times in (baseline, follow_up):
        part = frame[frame["time"].isin(times)]
        changes.append(part.groupby(["unit", "subject"])["value"].mean())
    both = (changes[1] - changes[0]).dropna()
    return both.groupby("unit").mean()


def percent_of(value: float, mean: float) -> float:
    """Return a difference in percent of a mean; NaN where the mean is 0."""
    return 100 * value / mean if mean else math.nan
