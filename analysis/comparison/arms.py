"""Read who was given what, when, and in which cage; refuse what no comparison could use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.comparison.layout import WHERE, Kind, Layout
from analysis.errors import (
    DesignError,
    Faults,
    IdError,
    ParameterError,
    RoleError,
    did_you_mean,
    listed,
    one_fault,
)
from analysis.roles import Roles, check_roles
from analysis.selection import find_gaps, match_level
from analysis.validation import check_unique

_FEW_CLUSTERS = 2  # of an arm; see the notes of compare_means


class _Gaps:
    """Missing pieces: refused together, or left out on request and noted."""

    def __init__(self, missing: str) -> None:
        self.drop = missing == "drop"
        self.faults = Faults(WHERE, DesignError)
        self.notes: list[str] = []

    def add(self, what: str, remedy: str = "") -> None:
        """Note one kind of gap."""
        if self.drop:
            self.notes.append(f"left out: {what}")
        else:
            also = f", or {remedy}" if remedy else ""
            self.faults.add(what, remedy=f"missing='drop' leaves them out and says so{also}")


def lay_out(
    values: pd.Series,
    metadata: pd.DataFrame,
    roles: Roles,
    *,
    level: object = None,
    baseline_values: pd.Series | None = None,
    method: str | None = None,
    missing: str = "raise",
    log: bool = False,
) -> Layout:
    """Check a comparison's samples and find out where its treatment varies.

    Parameters
    ----------
    values : pandas.Series, shape (n_samples,)
        One number a sample.
    metadata : pandas.DataFrame
        One row a sample; rows without a value are counted in the notes.
    roles : Roles
        Columns; the treatment and the reference at least.
    level : scalar, optional
        The level to compare with the reference; needed where there are several.
    baseline_values : pandas.Series, optional
        A baseline value for each subject, in place of baseline samples.
    method : str, optional
        The method that was asked for: some can use incomplete subjects.
    missing : {"raise", "drop"}
        What to do about gaps.
    log : bool
        Take logarithms of values and baselines.

    Raises
    ------
    DesignError
        On gaps, and on subjects or clusters that are in two places at once.
    IdError, ParameterError, RoleError
        On values and columns that do not fit.
    """
    gaps = _Gaps(missing)
    samples = _join(values, metadata, roles, gaps, log=log)
    samples = _phases(samples, roles, gaps)
    gaps.faults.raise_if_any()
    if (found := match_level(level, metadata[roles.treatment])) is not None:
        level = found
    samples, level_name = _two_arms(samples, roles, level, gaps)
    baseline = _baseline(samples, roles, baseline_values, gaps, log=log, keep=method == "mixed")
    kind: Kind = _kind(samples, roles, method, baseline is not None, gaps)
    gaps.faults.raise_if_any()
    samples = samples[samples["subject"].isin(_complete(samples, baseline, method))]
    layout = Layout(samples, kind, str(roles.reference), level_name, baseline, roles, tuple(gaps.notes))
    return replace(layout, notes=(*layout.notes, *_repeats(layout), *_few_clusters(layout)))


def _join(values: pd.Series, metadata: pd.DataFrame, roles: Roles, gaps: _Gaps, *, log: bool) -> pd.DataFrame:
    """Match values and metadata by sample id and take the columns that have a role."""
    if not isinstance(values, pd.Series) or not pd.api.types.is_numeric_dtype(values):
        raise one_fault(
            ParameterError,
            WHERE,
            f"a {type(values).__name__}" + (f" of {values.dtype}" if hasattr(values, "dtype") else ""),
            where="values=",
            expected="a Series of numbers indexed by sample id, such as alpha['shannon']",
        )
    check_roles(roles, metadata, WHERE)
    ids = pd.Index(values.index.astype(str))
    known = pd.Index(metadata.index.astype(str))
    check_unique(ids, "sample", f"{WHERE}: values")
    check_unique(known, "sample", f"{WHERE}: metadata")
    rows = known.get_indexer(ids)
    strangers = ids[rows < 0]
    if len(strangers):
        raise one_fault(
            IdError,
            WHERE,
            f"{len(strangers)} of {len(ids)} sample ids are not in the metadata: {listed(strangers)}",
            remedy=did_you_mean(strangers[0], known),
        )
    if len(known) > len(ids):
        gaps.notes.append(f"{len(known) - len(ids)} rows of the metadata have no value and play no part")
    samples = pd.DataFrame({"value": values.to_numpy(dtype=float, na_value=np.nan)}, index=ids)
    samples["value"] = _numbers(samples["value"], "values=", log=log)
    for role in ("treatment", "subject", "cluster", "time"):
        if (column := getattr(roles, role)) is not None:
            samples[role] = metadata[column].to_numpy()[rows]
    for role in ("treatment", "subject", "cluster"):
        if role in samples:
            missing = find_gaps(samples[role])
            samples[role] = samples[role].astype(str).astype(object).mask(missing, None)
    if "subject" not in samples:
        samples["subject"] = ids.to_numpy(dtype=object)
    return samples


def _numbers(values: pd.Series, where: str, *, log: bool) -> pd.Series:
    """Refuse infinite values, and those at or below 0 that have no logarithm; take logarithms where asked."""
    wrong = np.isinf(values)
    if wrong.any():
        raise one_fault(
            ParameterError, WHERE, f"{wrong.sum()} infinite: {listed(values.index[wrong])}", where=where
        )
    if not log:
        return values
    wrong = values <= 0
    if wrong.any():
        raise one_fault(
            ParameterError,
            WHERE,
            f"{wrong.sum()} at or below 0, which have no logarithm: {listed(values.index[wrong])}",
            where=f"{where} with log=True",
            expected="values above 0",
            remedy="use log=False, or add half the detection limit to all values before the call",
        )
    return np.log(values)


def _phases(samples: pd.DataFrame, roles: Roles, gaps: _Gaps) -> pd.DataFrame:
    """Mark baseline and follow-up samples, leave out other times, and collect missing entries."""
    timed = bool(roles.baseline or roles.follow_up)
    needed = [
        "value",
        "subject",
        *(["cluster"] if "cluster" in samples else []),
        *(["time"] if timed else []),
    ]
    for name in needed:
        absent = samples[name].isna()
        if absent.any():
            column = "values" if name == "value" else f"column {getattr(roles, name)!r}"
            gaps.add(
                f"{absent.sum()} of {len(samples)} samples without {column}: {listed(samples.index[absent])}"
            )
    samples = samples.dropna(subset=needed)
    before = samples["time"].isin(roles.baseline) if timed else pd.Series(False, index=samples.index)
    after = ~before
    if timed:
        after = after_baseline(samples["time"], roles, WHERE)
    other = ~(before | after)
    if other.any():
        gaps.notes.append(
            f"{other.sum()} samples of times that are neither baseline nor follow-up play no part"
        )
    # At baseline the column may still say "none" for everyone: only what was given afterwards counts.
    unknown = after & samples["treatment"].isna()
    if unknown.any():
        gaps.add(
            f"{unknown.sum()} samples without column {roles.treatment!r}: {listed(samples.index[unknown])}"
        )
    return samples.assign(follow_up=after)[(before | after) & ~unknown]


def after_baseline(times: pd.Series, roles: Roles, where: str) -> pd.Series:
    """Mark the follow-up: the times named so, or else all that are later than the last baseline.

    Raises
    ------
    RoleError
        Where no follow-up is named and the times are text, which has no order to go by.
    """
    if roles.follow_up:
        return times.isin(roles.follow_up)
    if not roles.baseline:
        return pd.Series(True, index=times.index)
    ordered = pd.api.types.is_numeric_dtype(times) or pd.api.types.is_datetime64_any_dtype(times)
    others = times[~times.isin(roles.baseline)].dropna().unique()
    if not ordered and len(others) > 1:
        raise one_fault(
            RoleError,
            where,
            f"the times in {roles.time!r} are text, so what comes after the baseline is not known",
            expected=f"numbers or dates; there are {listed(others)}",
            remedy="name the follow_up= times, or turn the column into numbers with pd.to_numeric",
        )
    return times > max(roles.baseline) if ordered else ~times.isin(roles.baseline)


def _two_arms(samples: pd.DataFrame, roles: Roles, level: object, gaps: _Gaps) -> tuple[pd.DataFrame, str]:
    """Keep the reference and one other level."""
    after = samples[samples["follow_up"]]
    counts = after["treatment"].value_counts().sort_index()
    others = [name for name in counts.index if name != roles.reference]
    table = ", ".join(f"{name!r} ({number} samples)" for name, number in counts.items()) or "none"
    faults = Faults(WHERE, DesignError)
    if roles.reference not in counts.index:
        faults.add(
            f"no usable sample has {roles.treatment} = {roles.reference!r}; there are {table}",
            where="reference=",
            remedy="choose a level that was sampled under treatment",
        )
    if not others:
        faults.add(
            f"{roles.treatment} has one level: {table}",
            expected="two arms to compare",
            remedy="include the samples of the other arm, or name another column",
        )
    elif level is None and len(others) > 1:
        faults.add(
            f"{roles.treatment} has {len(counts)} levels: {table}",
            expected="two arms, compared one pair at a time",
            remedy=f"name the one to compare with {roles.reference!r}: level={others[0]!r}",
        )
    elif level is not None and str(level) not in others:
        faults.add(f"{str(level)!r} is no other level", where="level=", remedy=did_you_mean(level, others))
    faults.raise_if_any()
    chosen = others[0] if level is None else str(level)
    pair = samples["treatment"].isin([roles.reference, chosen])
    kept = after["subject"][pair[samples["follow_up"]]].unique()
    if len(others) > 1:
        gaps.notes.append(f"{(~pair & samples['follow_up']).sum()} samples of other arms play no part")
    arm = (samples["treatment"] == chosen).astype(int)
    # Baseline samples follow their subject; a subject without follow-up is judged by what its baseline says.
    before = samples["subject"].isin(kept) | (pair & ~samples["subject"].isin(after["subject"]))
    return samples.assign(arm=arm)[pair.where(samples["follow_up"], before)], chosen


def _baseline(
    samples: pd.DataFrame,
    roles: Roles,
    baseline_values: pd.Series | None,
    gaps: _Gaps,
    *,
    log: bool,
    keep: bool,
) -> pd.Series | None:
    """Average the baseline of each subject, and find the subjects that lack a baseline or a follow-up."""
    if baseline_values is None and not roles.baseline:
        return None
    treated = pd.Index(samples.loc[samples["follow_up"], "subject"].unique())
    if baseline_values is not None:
        names = pd.Index(baseline_values.index.astype(str))
        check_unique(names, "subject", f"{WHERE}: baseline")
        baseline = pd.Series(baseline_values.to_numpy(dtype=float, na_value=np.nan), index=names).dropna()
        baseline = _numbers(baseline, "baseline=", log=log)
    else:
        before = samples[~samples["follow_up"]]
        baseline = before.groupby("subject")["value"].mean()
        gone = baseline.index.difference(treated)
        if len(gone):
            gaps.add(
                f"{len(gone)} of {len(baseline)} subjects have a baseline and no follow-up: {listed(gone)}"
            )
    without = treated.difference(baseline.index)
    if len(without) and keep:
        gaps.notes.append(f"{len(without)} of {len(treated)} subjects have no baseline and enter without it")
    elif len(without):
        gaps.add(
            f"{len(without)} of {len(treated)} subjects have no baseline: {listed(without)}",
            "method='mixed' can use them as they are" if baseline_values is None else "",
        )
    return baseline[baseline.index.isin(treated)]


def _complete(samples: pd.DataFrame, baseline: pd.Series | None, method: str | None) -> pd.Index:
    """List the subjects that a method can use; the others were refused or noted before."""
    after = samples[samples["follow_up"]]
    if method == "paired":
        both = _both_arms(after, "subject")
        return both.index[both]
    if baseline is not None and method != "mixed":
        return baseline.index
    return pd.Index(after["subject"].unique())


def _kind(samples: pd.DataFrame, roles: Roles, method: str | None, has_baseline: bool, gaps: _Gaps) -> Kind:
    """Find where the treatment varies; refuse what is neither one thing nor the other."""
    after = samples[samples["follow_up"]]
    both = _both_arms(after, "subject")
    if "cluster" in samples:
        homes = samples.groupby("subject")["cluster"].nunique()
        if (homes > 1).any():
            gaps.faults.add(
                f"{(homes > 1).sum()} subjects are in more than one {roles.cluster!r}: "
                f"{listed(homes.index[homes > 1])}",
                expected="each subject in one cluster",
                remedy="give different animals different names; leave out those that moved between cages",
            )
    if both.any():
        if has_baseline:
            gaps.faults.add(
                f"{both.sum()} subjects are in both arms after baseline: {listed(both.index[both])}",
                expected="one arm for each subject where a baseline is given",
                remedy="leave baseline= out to compare the two conditions within subjects, or mend the table",
            )
        elif not both.all() and method not in ("paired", "mixed"):
            gaps.faults.add(
                f"{both.sum()} of {len(both)} subjects are in both arms ({listed(both.index[both])}), the "
                "others in one",
                expected="all subjects in one arm, or all in both",
                remedy="mend the table; for a cross-over with gaps, method='paired' compares within subjects",
            )
        elif not both.all() and method == "paired":
            gaps.add(
                f"{(~both).sum()} of {len(both)} subjects were sampled in one condition only: "
                f"{listed(both.index[~both])}",
                "method='mixed' can use them as they are",
            )
        return "paired"
    if "cluster" not in samples:
        return "parallel"
    shared = _both_arms(after, "cluster")
    if shared.any() and not shared.all() and method != "blocked":
        gaps.faults.add(
            f"{shared.sum()} of {len(shared)} clusters hold both arms ({listed(shared.index[shared])}), the "
            "others one",
            expected="one arm in each cluster, or both arms in each",
            remedy="mend the table; for arms mixed on purpose, method='blocked' compares within clusters",
        )
    elif shared.any() and not shared.all():
        gaps.notes.append(f"{(~shared).sum()} of {len(shared)} clusters hold one arm and add nothing")
    return "blocked" if shared.any() else "cluster"


def _both_arms(samples: pd.DataFrame, unit: str) -> pd.Series:
    """Say of each unit whether it has samples in both arms."""
    shares = samples.groupby(unit)["arm"].mean()
    return (shares > 0) & (shares < 1)


def _few_clusters(layout: Layout) -> list[str]:
    """Say where one arm has so few treated clusters beside the other that no test can tell their spread."""
    if layout.kind != "cluster":
        return []
    few, many = sorted(layout.per_arm("cluster").values())
    if few != _FEW_CLUSTERS or many < 2 * few:
        return []
    note = f"{few} clusters in one arm against {many}: where those 2 are smaller or more variable, the test "
    return [note + "rejects too often, and no test of 2 clusters can tell"]


def _repeats(layout: Layout) -> list[str]:
    """Say which repeated samples stand for one subject."""
    sizes = layout.after.groupby(["subject", "arm"]).size()
    if sizes.max() == 1:
        return []
    subjects = layout.after["subject"].nunique()
    return [f"{sizes.sum()} samples come from {subjects} subjects: they are not independent"]
