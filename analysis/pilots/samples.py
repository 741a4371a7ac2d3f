"""Which samples and taxa of a table a pilot is fitted to, and which units the samples belong to."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import DesignError, Faults, ParameterError, TableError, did_you_mean, one_fault
from analysis.pilots.plans import Plan
from analysis.pilots.simulator import require_repeats
from analysis.study import Study

_FEWEST = 8  # samples
_FEWEST_SUBJECTS = 4
_SHALLOW = 0.05  # share of the samples that the default depth leaves out
_NAMED_SHARES = (0.75, 0.6, 0.45, 0.3)  # of the columns; the others stand for several rare taxa each
_COMMON = 0.05  # prevalence of a taxon that has a column of its own, where there is room
_WEIGHTY = 5e-4  # mean share of one that comes first
_POOLED_PREVALENCE = 0.15  # of a column of rare taxa, where there is room


def prepared(
    study: Study, depth: int | None, stratum: str | None, name: str
) -> tuple[sparse.csr_array, np.ndarray, np.ndarray, int, Plan]:
    """Choose the samples that a pilot is fitted to.

    Returns
    -------
    counts : scipy.sparse.csr_array
        Reads of the samples that are deep enough.
    depths, all_depths : numpy.ndarray
        Reads of each of them, and of the shallow ones too.
    depth : int
        Reads at which tables are compared.
    plan : Plan
        Their units.
    """
    counts, metadata = _chosen_samples(study, depth, name)
    depths = counts.sum(axis=1)
    if depth is None:
        depth = int(np.quantile(depths, _SHALLOW))
    deep = np.flatnonzero(depths >= max(depth, 1))
    plan = _plan_of(study, metadata.iloc[deep], stratum, name)
    _check_size(plan, depth, len(depths), name)
    return counts[deep], depths[deep], depths, depth, plan


def _chosen_samples(study: Study, depth: int | None, name: str) -> tuple[sparse.csr_array, pd.DataFrame]:
    counts, metadata, roles = study.counts, study.metadata, study.roles
    if study.kind == "fractions":
        if depth is None:
            raise one_fault(
                TableError,
                name,
                "the table holds fractions, not reads",
                expected="reads: what is sampling and what is the gut cannot be told apart without them",
                remedy="give the reads, or depth=: each share then counts as that many of `depth` reads",
            )
        shares = counts / counts.sum(axis=1)[:, None]
        counts = _as_reads(shares.toarray(), depth)
    if roles.treatment is not None and roles.reference is not None:
        keep = (metadata[roles.treatment].astype(str) == roles.reference).to_numpy()
        if roles.time is not None and roles.baseline:
            keep = keep | metadata[roles.time].isin(list(roles.baseline)).to_numpy()
        counts, metadata = counts[np.flatnonzero(keep)], metadata[keep]
    return counts, metadata


def _as_reads(shares: np.ndarray, depth: int) -> sparse.csr_array:
    reads = np.rint(shares * depth).astype(np.int64)
    # Rounding leaves sums a few reads off; the largest taxon takes them up.
    reads[np.arange(len(reads)), reads.argmax(axis=1)] += depth - reads.sum(axis=1)
    return sparse.csr_array(reads)


def _plan_of(study: Study, metadata: pd.DataFrame, stratum: str | None, name: str) -> Plan:
    """Code the units of each sample; refuse units that do not nest."""
    roles = study.roles
    faults = Faults(name, DesignError)
    columns = {"stratum": stratum, "cluster": roles.cluster, "subject": roles.subject}
    codes: dict[str, np.ndarray] = {}
    above = np.zeros(len(metadata), dtype=int)
    for level, column in columns.items():
        if column is None:
            codes[level] = np.arange(len(metadata)) if level == "subject" else above
            continue
        if column not in metadata.columns:
            faults.add(
                f"there is no column {column!r}",
                where=f"{level}=",
                remedy=did_you_mean(column, list(metadata.columns)),
            )
            continue
        values = metadata[column]
        if values.isna().any():
            faults.add(
                f"{int(values.isna().sum())} samples have no value",
                where=f"{level} {column!r}",
                remedy="study.select(samples=...) those that have",
            )
            continue
        found = pd.factorize(values.astype(str))[0]
        if level == "subject":
            split = pd.Series(above).groupby(found).nunique()
            if (split > 1).any():
                faults.add(
                    f"{int((split > 1).sum())} subjects stand in several clusters or strata",
                    where=f"subject {column!r}",
                    expected="each subject in one",
                    remedy="make ids of animals unique across cages, or leave the cluster role out",
                )
        else:  # cage 1 of one vendor is not cage 1 of another
            found = pd.factorize(pd.MultiIndex.from_arrays([above, found]))[0]
        codes[level] = above = found
    faults.raise_if_any()
    if roles.cluster is None:
        # Without cages each subject is a cage of its own.
        codes["cluster"] = codes["subject"]
    none = np.zeros(len(metadata), dtype=int)
    return Plan(codes["stratum"], codes["cluster"], codes["subject"], none, none)


def _check_size(plan: Plan, depth: int, n_samples: int, name: str) -> None:
    n_subjects = len(np.unique(plan.subject))
    require_repeats(n_subjects, len(plan), name)
    if len(plan) < _FEWEST or n_subjects < _FEWEST_SUBJECTS:
        raise one_fault(
            DesignError,
            name,
            f"{len(plan)} of {n_samples} samples, of {n_subjects} subjects, have {depth:,} reads",
            expected=f"at least {_FEWEST} samples of {_FEWEST_SUBJECTS} subjects (40 tell an SD within 11 %)",
            remedy="a smaller depth=, or a larger table",
        )


def choose_columns(prevalence: np.ndarray, mean_share: np.ndarray, max_taxa: int) -> np.ndarray:
    """Return the column of each taxon (-1: never seen): one each for the common, shared for the rare."""
    if max_taxa < 20:
        raise one_fault(
            ParameterError, "fit_pilot", f"{max_taxa!r}", where="max_taxa=", expected="at least 20"
        )
    order = np.argsort(-prevalence, kind="stable")
    order = order[prevalence[order] > 0]
    column = np.full(len(prevalence), -1)
    if len(order) <= max_taxa:
        column[order] = np.arange(len(order))
        return column
    # A taxon that fills the few guts it is found in must not share a column: they would seem alike.
    weighty = mean_share[order] >= _WEIGHTY
    order = np.concatenate([order[weighty], order[~weighty]])
    common = int(((prevalence >= _COMMON) | (mean_share >= _WEIGHTY)).sum())
    plans = [
        _split(prevalence[order], min(common, int(max_taxa * share)), max_taxa) for share in _NAMED_SHARES
    ]
    _, named, shared = min(plans)
    rare = order[named:][np.argsort(-prevalence[order[named:]], kind="stable")]
    column[order[:named]] = np.arange(named)
    # Dealt out like cards, there and back, so that every column gets as much.
    lap, seat = np.divmod(np.arange(len(rare)), shared)
    column[rare] = named + np.where(lap % 2 == 0, seat, shared - 1 - seat)
    return column


def _split(prevalence: np.ndarray, named: int, max_taxa: int) -> tuple[float, int, int]:
    """Return the richness lost when rare taxa meet in a column, and the columns of each kind."""
    rest = float(prevalence[named:].sum())
    shared = int(min(max_taxa - named, np.ceil(rest / _POOLED_PREVALENCE), len(prevalence) - named))
    each = rest / shared
    return round(rest - shared * -np.expm1(-each), 1), named, shared
