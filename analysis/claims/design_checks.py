"""Checks of an audit: subjects, cages, times, chance and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.claims.answers import tidy, tidy_name
from analysis.claims.arms import cages_of_both
from analysis.claims.checks import Case, Found, how_full
from analysis.claims.columns import filled, find_column
from analysis.claims.model import Claim
from analysis.errors import listed
from analysis.study import Study

_VOUCHED = "taken from the caller, not from the data"
_SUBJECTS = (
    "host_subject_id", "subject_id", "subject", "mouse_id", "mouse", "animal_id", "animal", "participant_id",
    "participant", "patient_id", "patient", "individual", "person", "host_id",
)  # fmt: skip
_CAGES = ("cage_id", "cage", "cage_number", "unique_cage", "housing", "box", "isolator")
_TIMES = (
    "day", "days", "time", "timepoint", "time_point", "week", "study_day", "experiment_day", "date",
    "collection_date",
)  # fmt: skip
_RANDOM = re.compile(r"\brandomi[sz]|\brandomly (?:assign|allocat)|\brandom (?:assign|allocat|group|arm)")
_ASSIGNED = re.compile(
    r"^(?:(?:group|arm|treatment|study) )?(?:allocat(?:ion|ed)|assign(?:ment|ed))(?: by| method)?$"
)
_NOT_BY_CHANCE = re.compile(
    r"^(?:no|n|false|0|never)$|\b(?:not|non|self|own|observational|convenience|chosen|choice|clinician)\b"
)
_BY_CHANCE = re.compile(r"\brandom|\bby chance\b|\bcoin\b|\blottery\b|\bblocked?\b|\bminimi[sz]ation\b")


def subject(case: Case) -> Found:
    """See which subject each sample is from."""
    study, who = case.study, case.study.roles.subject
    if who is None:
        found, to_do = _unnamed(
            study, "subject", _SUBJECTS, "no column looks like it", "Add an id of the subject to each sample."
        )
        return Found("missing", found, "", "no column has the role subject", to_do)
    there = filled(study.metadata[who])
    counts = study.metadata.loc[there, who].value_counts()
    found = f"{len(counts)} {case.claim.subjects}"
    if len(counts):
        found += f", {counts.min()} to {counts.max()} samples each"
    if there.all():
        return Found("met", found, who)
    gap = f"{int((~there).sum())} samples without a subject"
    return Found(
        "partly" if there.any() else "missing", found, who, gap, "Fill in the subject, or leave them out."
    )


def _unnamed(study: Study, role: str, names: Sequence[str], nothing: str, to_do: str) -> tuple[str, str]:
    """Say which column looks as if it had a role that is not set, and what to do."""
    near = find_column(study.metadata, names)
    if near is None:
        return nothing, to_do
    return f"column {near!r} looks like it", f"Name it: study.with_roles({role}={near!r})."


def cage(case: Case) -> Found:
    """See which animals share cages, and whether arms do."""
    study, roles = case.usable, case.study.roles
    if roles.cluster is None:
        if "housed_alone" in case.assume:
            return Found("partly", f"housed alone: {_VOUCHED}", "", "the data do not say", "Record the cage.")
        found, to_do = _unnamed(
            study, "cluster", _CAGES, "no column names cages", "Ask the authors which mice shared cages."
        )
        return Found("missing", found, "", "cages are not known", to_do)
    cages = study.metadata[roles.cluster]
    there = filled(cages)
    if not there.any():
        return Found(
            "missing", "the column is empty", roles.cluster, "cages are not known", "Record the cage."
        )
    found, gaps = [f"{cages[there].nunique()} cages"], []
    if roles.subject is not None:
        most = study.metadata[there].groupby(roles.cluster)[roles.subject].nunique().max()
        found.append(f"at most {most} a cage")
        if most > case.claim.trial.cluster_size:
            gaps.append(f"up to {most} a cage, {case.claim.trial.cluster_size} are planned")
    if not there.all():
        gaps.append(f"{int((~there).sum())} samples without a cage")
    if case.two_arms and case.arms.crossover and case.arms.shared_cages:
        mixed = cages_of_both(study, per_time=True)
        found.append(f"{mixed} hold both arms at one time")
        gaps.append(
            f"{mixed} cages hold both arms at one time: the untreated share the microbes of the treated"
        )
    if case.two_arms and not case.arms.crossover:
        arms = (
            study.metadata[there]
            .groupby(roles.cluster)[study.roles.treatment]
            .agg(lambda arm: tuple(arm.dropna().unique()))
        )
        mixed = cages_of_both(study)
        found.append(f"{mixed} hold both arms" if mixed else "no cage holds both arms")
        if mixed:
            gaps.append(f"{mixed} cages hold both arms: the untreated share the microbes of the treated")
        few = arms[arms.map(len) == 1].map(lambda one: one[0]).value_counts()
        if not mixed and len(few) and few.min() < 2:
            gaps.append(f"one cage in arm {few.idxmin()!r}: cage and treatment cannot be told apart")
    text = ", ".join(found)
    if gaps:
        return Found(
            "partly",
            text,
            roles.cluster,
            "; ".join(gaps),
            "Spread each arm over many small cages of its own.",
        )
    return Found("met", text, roles.cluster)


def baseline(case: Case) -> Found:
    """Look for samples from before the treatment."""
    time, windows = case.study.roles.time, case.windows
    if windows is None or time is None:
        return _untimed(case, essential=False)
    before = windows.baseline or _before(case.study, case.claim)
    if not before:
        gap = (
            windows.why_none
            if "no numbers" in windows.why_none
            else f"no sample of days {_days(case.claim, 0)}"
        )
        return Found("missing", _range(case.study), time, gap, "Sample before the first injection.")
    return _timed(
        case, before, 0, windows.planned_baseline or _covers(before, case.claim.trial.baseline_days, case)
    )


def follow_up(case: Case) -> Found:
    """Look for samples from while the toxin works."""
    time, windows = case.study.roles.time, case.windows
    if windows is None or time is None:
        return _untimed(case, essential=True)
    if windows.why_none:
        times = case.study.metadata[time]
        to_do = "Sample on those days."
        if not pd.api.types.is_numeric_dtype(times):
            dates = pd.to_datetime(times.dropna(), errors="coerce", format="ISO8601").notna().all()
            to_do = (
                "These are dates: give the date of the first injection, and count days from it."
                if dates
                else "Write days from the first injection, or name baseline= and follow_up= in with_roles."
            )
        return Found("missing", _range(case.study), time, windows.why_none, to_do)
    return _timed(case, windows.follow_up, 1, windows.planned_follow_up)


def _untimed(case: Case, *, essential: bool) -> Found:
    time = case.study.roles.time
    if time is not None:
        gap = "no sample has a time"
        return Found("missing", "the column is empty", time, gap, "Record the day of every sample.")
    near = find_column(case.study.metadata, _TIMES)
    found = f"no column has the role time{f'; {near!r} looks like it' if near else ''}"
    to_do = f"Name it: study.with_roles(time={near!r})." if near else "Record the day of every sample."
    gap = "nothing says when the samples were taken"
    return Found("unknown" if essential else "missing", found, "", gap, to_do)


def _timed(case: Case, times: tuple, after: int, planned: bool) -> Found:
    """Describe the samples of a window, and hold them against the plan."""
    roles, claim = case.study.roles, case.claim
    chosen = case.study.metadata[roles.time].isin(times)
    shown = ", ".join(
        f"{one:g}" if isinstance(one, int | float | np.number) else str(one) for one in times[:12]
    )
    more = f" and {len(times) - 12} more" if len(times) > 12 else ""
    found = f"{int(chosen.sum())} samples, times {shown}{more}"
    own = roles.follow_up if after else roles.baseline
    if own:
        found += " (the study's own)"
    gaps = []
    if roles.subject is not None:
        everyone = case.study.metadata[roles.subject].dropna().nunique()
        those = case.study.metadata.loc[chosen, roles.subject].dropna().nunique()
        found += f", {those} of {everyone} {claim.subjects}"
        if those < everyone:
            gaps.append(f"{everyone - those} {claim.subjects} have none")
    if not planned:
        gaps.append(f"not all of days {_days(claim, after)} within {claim.trial.window}")
    if gaps:
        return Found(
            "partly", found, roles.time, "; ".join(gaps), "Sample every subject on the planned days."
        )
    return Found("met", found, roles.time)


def _before(study: Study, claim: Claim) -> tuple:
    """Return times near the planned baseline, where there is no follow-up to go with them."""
    times = study.metadata[study.roles.time]
    if not pd.api.types.is_numeric_dtype(times):
        return ()
    days = np.sort(times.dropna().unique())
    wanted, window = claim.trial.baseline_days, claim.trial.window
    return tuple(day for day in days if day <= 0 and any(abs(day - one) <= window for one in wanted))


def _covers(times: tuple, wanted: tuple[int, ...], case: Case) -> bool:
    numeric = pd.api.types.is_numeric_dtype(case.study.metadata[case.study.roles.time])
    near = case.claim.trial.window
    return numeric and all(any(abs(day - one) <= near for day in times) for one in wanted)


def _range(study: Study) -> str:
    times = study.metadata[study.roles.time].dropna()
    if pd.api.types.is_numeric_dtype(times):
        return f"times from {times.min():g} to {times.max():g}"
    return f"times {listed(times.unique(), 3)}"


def _days(claim: Claim, after: int) -> str:
    return ", ".join(map(str, claim.trial.follow_up_days if after else claim.trial.baseline_days))


def assignment(case: Case) -> Found:
    """See whether chance decided who was treated."""
    for name in case.study.metadata.columns:
        called, values = tidy_name(name), case.study.metadata[name]
        randomised = bool(_RANDOM.search(called))
        there = filled(values) if randomised or _ASSIGNED.search(called) else None
        if there is None or not there.any():
            continue
        said = [tidy(value).removesuffix(".0") for value in values[there].unique()]
        if any(_NOT_BY_CHANCE.search(value) for value in said):
            to_do = "Assign by chance; what is not by chance cannot show a cause."
            return Found("missing", listed(said, 3), name, "not assigned by chance", to_do)
        # a column of that name answers yes, or names the groups or the days; other columns must say it
        if randomised or all(_BY_CHANCE.search(value) for value in said):
            return how_full(there, name, f"Fill in {name} where it is blank.", listed(said, 3))
    if "randomised" in case.assume:
        gap = "the data do not say"
        return Found("partly", f"randomised: {_VOUCHED}", "", gap, "Record how the arms were assigned.")
    gap = "those who ask for a treatment differ from those who do not"
    return Found(
        "unknown", "nothing says how the arms were assigned", "", gap, "Record how the arms were assigned."
    )


def size(case: Case) -> Found:
    """Count who is in each arm, against the plan."""
    plan, claim = case.needs.plan, case.claim
    wanted = math.floor(plan.n_per_arm * (1 - claim.trial.dropout) + 1e-9)  # as in Design.n_analysed
    who = claim.subjects
    if not case.two_arms:
        gap = f"{plan.n_per_arm} an arm"
        return Found("missing", "no two arms", "", gap, f"Enrol {plan.n_per_arm} {who} an arm.")
    study = case.usable
    frame = _after(case)
    counts, cages = {}, {}
    for level in (case.arms.treated, case.arms.reference):
        part = frame[(frame[study.roles.treatment] == level).to_numpy()]
        counts[level] = int(part[study.roles.subject].nunique()) if study.roles.subject else len(part)
        cages[level] = int(part[study.roles.cluster].nunique()) if study.roles.cluster else 0
    found = (
        ", ".join(f"{level}: {n}" for level, n in counts.items())
        + f" {who if study.roles.subject else 'samples'}"
    )
    if claim.host == "mouse":
        in_cages = ", ".join(str(n) for n in cages.values())
        found += f" in {in_cages} cages" if study.roles.cluster else ", cages unknown"
    lacking = {level: max(wanted - n, 0) for level, n in counts.items()}
    gaps = [f"{n} lacking in arm {level!r}" for level, n in lacking.items() if n]
    needed_cages = math.ceil(plan.cages / 2 * (1 - claim.trial.dropout)) if claim.host == "mouse" else 0
    if study.roles.cluster and min(cages.values()) < needed_cages:
        gaps.append(f"cages: {min(cages.values())} in the smaller arm, {needed_cages} needed")
    if not gaps:
        return Found("met", found, "the arms")
    gap = f"{'; '.join(gaps)} (of {plan.n_per_arm} enrolled, {wanted} are to remain)"
    to_do = f"Enrol {plan.n_per_arm} {who} an arm."
    return Found("partly" if min(counts.values()) else "missing", found, "the arms", gap, to_do)


def _after(case: Case) -> pd.DataFrame:
    """Return the metadata of samples that were taken after the treatment and hold reads."""
    study, windows = case.usable, case.windows
    keep = (study.depths > 0).to_numpy()
    if windows is not None and windows.follow_up:
        keep = keep & study.metadata[study.roles.time].isin(windows.follow_up).to_numpy()
    return study.metadata[keep]
