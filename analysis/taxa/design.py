"""Read from the metadata who was given what, and refuse designs that cannot answer a comparison of arms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.arguments import check_names
from analysis.comparison.arms import after_baseline
from analysis.errors import (
    DesignError,
    Faults,
    MetadataError,
    ParameterError,
    TableError,
    did_you_mean,
    listed,
    one_fault,
)
from analysis.selection import find_gaps, match_level
from analysis.study import Study
from analysis.taxa.layout import Changes, Layout, constant_within, containment

CALL = "differential_abundance"

_DROP = "missing='drop' leaves them out and lists them"


def lay_out(
    study: Study,
    treatment: str | None,
    reference: object,
    covariates: Sequence[str],
    subject: str | None,
    cluster: str | None,
    compare: str,
    missing: str,
) -> Layout:
    """Read the design of a comparison from the metadata and the roles, or refuse it.

    Parameters
    ----------
    study, treatment, reference, covariates, subject, cluster, compare, missing
        As for `analysis.taxa.abundance.differential_abundance`.

    Raises
    ------
    MetadataError, ParameterError, DesignError, TableError
        Where columns or values are missing, or the design cannot answer.
    """
    roles, where = study.roles, f"{CALL}, {study.source.name}"
    faults = Faults(where, ParameterError)
    named = {"treatment": treatment, "reference": reference, "subject": subject, "cluster": cluster}
    check_names(faults, named)
    faults.raise_if_any()
    treatment = treatment or roles.treatment
    subject, cluster = subject or roles.subject, cluster or roles.cluster
    if reference is None and treatment == roles.treatment:
        reference = roles.reference
    time = roles.time if roles.baseline and compare != "level" else None
    used = [name for name in dict.fromkeys([cluster, subject, time, *covariates]) if name]
    _check_columns(study, treatment, covariates, used, where)
    metadata = study.metadata.loc[sorted(study.sample_ids)]
    metadata = _without_gaps(metadata, used, missing, where)
    after = _periods(study, metadata, treatment, subject, compare, where)
    metadata, after = _complete(metadata, treatment, subject, after, missing, where)
    _check_reads(study, metadata, where)
    if (found := match_level(reference, metadata[treatment])) is not None:
        reference = found
    arms, arm = _arms(metadata[treatment].map(str), reference, f"{where}, {treatment!r}")
    described = _as_covariates(metadata, covariates, where)
    groups = _groups(metadata, cluster, subject, treatment, arm, covariates, where)
    left_out = tuple(study.sample_ids.difference(metadata.index))
    layout = Layout(metadata.index, arms, arm, described, groups, left_out=left_out)
    if after is not None:
        layout = _with_changes(layout, metadata, subject, cluster, after, where)
    _check_layout(layout if layout.changes is None else layout.changes.layout, where)
    return layout


def _check_columns(
    study: Study, treatment: str | None, covariates: Sequence[str], used: list[str], where: str
) -> None:
    """Refuse columns that do not exist, and covariates that are the treatment."""
    columns = list(study.metadata.columns)
    faults = Faults(where, MetadataError)
    if treatment is None:
        faults.add(
            "no column says what was given",
            where="treatment=",
            remedy=f"name it, here or in study.with_roles(treatment=...). Columns: {listed(columns, 20)}",
        )
    for name in [treatment, *used]:
        if name is not None and name not in columns:
            faults.add(f"there is no column {name!r}", remedy=did_you_mean(name, columns))
    if treatment in covariates:
        faults.add(f"the treatment {treatment!r} is among the covariates", where="covariates=")
    faults.raise_if_any()


def _without_gaps(metadata: pd.DataFrame, used: list[str], missing: str, where: str) -> pd.DataFrame:
    """Return the samples that have all values; refuse those that have not, unless they may be dropped."""
    faults = Faults(where, MetadataError)
    gaps = pd.Series(False, index=metadata.index)
    for name in used:
        absent = find_gaps(metadata[name])
        gaps |= absent
        if absent.any():
            faults.add(
                f"{absent.sum()} of {len(metadata)} samples have no value: {listed(metadata.index[absent])}",
                where=f"column {name!r}",
                remedy=f"fill them in; {_DROP}",
            )
    if missing == "raise":
        faults.raise_if_any()
    return metadata[~gaps]


def _check_reads(study: Study, metadata: pd.DataFrame, where: str) -> None:
    depths = study.depths[metadata.index]
    empty = depths.index[depths == 0]
    if len(empty):
        raise one_fault(
            TableError,
            where,
            f"{len(empty)} sample(s) have no reads: {listed(empty)}",
            remedy="leave them out: study.select(samples=study.depths > 0)",
        )


def _periods(
    study: Study, metadata: pd.DataFrame, treatment: str, subject: str | None, compare: str, where: str
) -> pd.Series | None:
    """Return 0 for baseline, 1 for follow-up and NaN for neither, or None where levels are compared."""
    roles = study.roles
    after = pd.Series(np.nan, index=metadata.index)
    if roles.baseline:
        times = metadata[roles.time]
        after[times.isin(roles.baseline)] = 0.0
        after[after_baseline(times, roles, where)] = 1.0
    both = bool((after == 0).any() and (after == 1).any())
    if compare == "level" or (compare == "auto" and not both):
        return None
    if not both:
        raise one_fault(
            DesignError,
            where,
            "a change was asked for, but there are no samples of both baseline and follow-up",
            remedy="say which times are which: study.with_roles(time=, baseline=, follow_up=)",
        )
    if subject is None:
        raise one_fault(
            DesignError,
            where,
            f"{int((after == 0).sum())} baseline samples are in the table, and no column says whose they are",
            expected="a subject, so that each change is taken within one",
            remedy="study.with_roles(subject=...), or keep the follow-up only with study.select(samples=...)",
        )
    later = metadata[(after == 1) & metadata[treatment].notna()]
    if not constant_within(later[treatment].map(str), later[subject].map(str)):
        if compare == "auto":
            return None  # the treatment changes within subjects: its levels already are the comparison
        raise one_fault(
            DesignError,
            where,
            f"{treatment!r} changes within values of {subject!r} at follow-up",
            expected="for a change from baseline, one arm for each subject",
            remedy="compare='level' compares the treatment's own levels within subjects",
        )
    return after


def _complete(
    metadata: pd.DataFrame,
    treatment: str,
    subject: str | None,
    after: pd.Series | None,
    missing: str,
    where: str,
) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Return samples whose treatment is known, and for changes those of subjects seen in both periods.

    What the treatment column says at baseline is not read: it may be "none" for all.
    """
    if after is None:
        return _without_gaps(metadata, [treatment], missing, where), None
    metadata, after = metadata[after.notna()], after.dropna()
    late = _without_gaps(metadata[after == 1], [treatment], missing, where)
    names = metadata[subject].map(str)
    given = late.groupby(late[subject].map(str))[treatment].first()
    both = names.isin(names[after == 0]) & names.isin(given.index)
    lacking = sorted(set(names[~both]))
    if lacking and missing == "raise":
        raise one_fault(
            DesignError,
            where,
            f"{len(lacking)} of {names.nunique()} values of {subject!r} lack a baseline or a follow-up: "
            f"{listed(lacking)}",
            expected="samples of both for each",
            remedy=_DROP,
        )
    kept = both & ((after == 0) | metadata.index.isin(late.index))
    metadata = metadata[kept].copy()
    metadata[treatment] = names[kept].map(given)
    return metadata, after[kept].to_numpy(float)


def _arms(levels: pd.Series, reference: object, where: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the arms, the reference first, and each sample's place among them."""
    there = sorted(levels.unique())
    if len(there) < 2:
        raise one_fault(
            DesignError,
            where,
            f"all {len(levels)} samples have the same value: {listed(there)}",
            expected="a treated and a reference arm",
            remedy="bring in the other arm; before against after in one arm is compare='level'",
        )
    if reference is None or str(reference) not in there:
        raise one_fault(
            ParameterError,
            where,
            "no reference arm was named" if reference is None else f"no sample has {str(reference)!r}",
            remedy=f"give reference=. There are: {listed(there, 12)}"
            if reference is None
            else did_you_mean(reference, there),
        )
    arms = (str(reference), *(level for level in there if level != str(reference)))
    few = [arm for arm in arms if (levels == arm).sum() < 2]
    if few:
        raise one_fault(
            DesignError,
            where,
            f"{len(few)} of {len(arms)} arms have a single sample: {listed(few)}",
            expected="two samples or more in each arm",
            remedy="leave them out with study.select, or give a column with fewer levels",
        )
    return arms, levels.map({arm: place for place, arm in enumerate(arms)}).to_numpy()


def _as_covariates(metadata: pd.DataFrame, names: Sequence[str], where: str) -> pd.DataFrame:
    """Return numbers as floats and all else as categories; refuse what does not vary."""
    faults = Faults(where, DesignError)
    result = pd.DataFrame(index=metadata.index)
    for name in dict.fromkeys(names):
        column = metadata[name]
        if len(column.unique()) < 2:
            faults.add(f"{name!r} has one value only", where="covariates=", remedy="leave it out")
        number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        result[name] = column.astype(float) if number else pd.Categorical(column.map(str))
    faults.raise_if_any()
    return result


def _groups(
    metadata: pd.DataFrame,
    cluster: str | None,
    subject: str | None,
    treatment: str,
    arm: np.ndarray,
    covariates: Sequence[str],
    where: str,
) -> dict[str, np.ndarray]:
    """Return the groupings that several samples share and that are no covariates, outermost first."""
    codes = {
        name: pd.factorize(metadata[name].map(str))[0]
        for name in dict.fromkeys([cluster, subject])
        if name is not None and name not in covariates
    }
    if subject in codes and not constant_within(arm, codes[subject]):
        # Subjects may answer to the treatment differently: their samples under one treatment belong together.
        codes[f"{subject} x {treatment}"] = pd.factorize(codes[subject] * (arm.max() + 1) + arm)[0]
    if cluster in codes and subject in codes and cluster != subject:
        torn = metadata.groupby(metadata[subject].map(str))[cluster].nunique()
        if (torn > 1).any():
            raise one_fault(
                DesignError,
                where,
                f"{(torn > 1).sum()} value(s) of {subject!r} are in more than one {cluster!r}: "
                f"{listed(torn.index[torn > 1])}",
                expected=f"each {subject!r} in one {cluster!r}",
                remedy="give subjects of different cages different names, or drop one of the two roles",
            )
        if len(np.unique(codes[cluster])) == len(np.unique(codes[subject])):  # one subject a cage: the same
            del codes[cluster]
    return {name: values for name, values in codes.items() if len(np.unique(values)) < len(values)}


def _with_changes(
    layout: Layout, metadata: pd.DataFrame, subject: str, cluster: str | None, after: np.ndarray, where: str
) -> Layout:
    """Add the subjects' changes to a layout of samples."""
    codes, names = pd.factorize(metadata[subject].map(str), sort=True)
    member = (codes == np.arange(len(names))[:, None]).astype(float)
    late, early = member * after, member * (1 - after)
    weights = late / late.sum(axis=1, keepdims=True) - early / early.sum(axis=1, keepdims=True)
    first = np.array([np.flatnonzero(codes == k)[0] for k in range(len(names))])
    faults = Faults(where, DesignError)
    covariates = layout.covariates.iloc[first].set_axis(names)
    for name in covariates:
        column = layout.covariates[name]
        if constant_within(column.to_numpy(), codes):
            continue
        if isinstance(column.dtype, pd.CategoricalDtype):
            faults.add(
                f"the category {name!r} changes within values of {subject!r}",
                where="covariates=",
                expected="categories that stay the same, or numbers, whose change is then adjusted for",
            )
        else:
            covariates[name] = weights @ column.to_numpy()
    faults.raise_if_any()
    groups = {} if cluster not in layout.groups else {cluster: layout.groups[cluster][first]}
    groups = {name: values for name, values in groups.items() if len(np.unique(values)) < len(values)}
    rows = Layout(names, layout.arms, layout.arm[first], covariates, groups)
    changes = Changes(subject, codes, after, weights, rows)
    return Layout(
        layout.row_ids, layout.arms, layout.arm, layout.covariates, layout.groups, changes, layout.left_out
    )


def _check_layout(layout: Layout, where: str) -> None:
    """Refuse designs without replication or with effects that cannot be told apart."""
    faults = Faults(where, DesignError)
    name, codes = layout.units()
    units = [len(np.unique(codes[layout.arm == k])) for k in range(len(layout.arms))]
    few = [f"{arm} ({n})" for arm, n in zip(layout.arms, units, strict=True) if n < 2]
    if few:
        faults.add(
            f"the treatment is given to whole values of {name!r}, and {', '.join(few)} has too few",
            expected=f"two values of {name!r} or more in each arm: one cannot be told from the treatment",
        )
    x, _ = layout.design
    if np.linalg.matrix_rank(x) < x.shape[1]:
        names = [str(column) for column in layout.covariates]
        faults.add(
            f"treatment and covariates ({listed(names, 8)}) cannot be told apart",
            expected="no covariate that follows from the treatment or from other covariates",
            remedy="leave out the covariate that has one value in each arm, or a column that repeats another",
        )
    elif containment(layout).min() < 1:
        faults.add(
            f"{layout.counted()} leave nothing to estimate the noise from, with {x.shape[1]} fixed effects",
            expected="more units than effects",
            remedy="leave out covariates, or use more units",
        )
    faults.raise_if_any()
