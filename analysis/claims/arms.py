"""Who was treated and who was not: two arms, taken from a study's roles or from what its metadata say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.claims.answers import BOTULINUM, is_missing, read_answer, tidy
from analysis.claims.columns import filled
from analysis.claims.exposure import ExposureColumn, find_exposure
from analysis.claims.model import Claim
from analysis.errors import ParameterError, listed, one_fault
from analysis.study import Study


@dataclass(frozen=True)
class Arms:
    """The two arms of a study.

    Attributes
    ----------
    study : Study
        Its treatment has two levels, its reference is the untreated one; samples in neither arm have none.
        The study as it came where no arms were found.
    treated, reference : str
        The two levels; "" where no arms were found.
    source : str
        Which columns they were taken from.
    n_subjects : dict of str to int
        Subjects (samples, where no subjects are named) in each arm.
    crossover : bool
        Whether subjects have both conditions, in orders that differ.
    one_armed : bool
        Whether everybody was treated, so that there is only before and after.
    why_none : str
        Why there are no two arms; "" where there are.
    from_free_text : bool
        Whether all the treated, or all the untreated, are known only from text that nobody asked for: who
        does not mention the toxin may have had it.
    shared_cages : bool
        Whether any cage (the study's cluster) holds both arms; of a cross-over, both at one time.
    """

    study: Study
    treated: str = ""
    reference: str = ""
    source: str = ""
    n_subjects: dict[str, int] | None = None
    crossover: bool = False
    one_armed: bool = False
    why_none: str = ""
    from_free_text: bool = False
    shared_cages: bool = False


@dataclass(frozen=True)
class _Given:
    """Which samples were taken under the treatment: True, False, missing; and what the two are called."""

    exposed: pd.Series
    treated: str
    reference: str
    source: str
    from_free_text: bool = False


def find_arms(study: Study, claim: Claim, exposure: str | None = None) -> Arms:
    """Find the treated and the untreated arm.

    Parameters
    ----------
    study : Study
        Roles treatment and reference where they are set; the subject and the time tell a cross-over from a
        treatment that everybody got in the end.
    claim : Claim
        What is asked; its host names the subjects in messages.
    exposure : str, optional
        What stands in for botulinum toxin: a level of the treatment column, or a word for all its levels but
        the reference. By default only botulinum toxin counts: the treatment column where it means that, else
        the columns that `find_exposure` finds.

    Returns
    -------
    Arms

    Raises
    ------
    ParameterError
        Where `exposure` names the reference level, or botulinum toxin itself.

    Notes
    -----
    A subject that was untreated first and treated later belongs to the treated arm with all its samples:
    those from before are its baseline. A cross-over has subjects of both orders. Where everybody was treated
    in the end, there is no untreated arm, however many untreated samples there are. Subjects that had both
    at one time are no cross-over: their ids are used in both arms, and no arms are made of them.
    """
    given = _botulinum(study) if exposure is None else _stand_in(study, exposure)
    if isinstance(given, Arms):
        return given
    return _laid_out(study, given, claim.subjects)


def _botulinum(study: Study) -> _Given | Arms:
    """Read botulinum toxin off the treatment column, or off the columns that tell of it."""
    role = study.roles.treatment
    if role is not None:
        found = find_exposure(study.metadata[[role]])
        if found and found[0].asks != "could mention" and found[0].n_exposed:
            return _from_role(study, role)
    found = find_exposure(study.metadata)
    telling = [one for one in found if one.n_exposed or one.n_unexposed]
    # Days since the injection are counted for a placebo too: they decide where nothing else does.
    telling = [one for one in telling if not one.counts_days] or telling
    n_exposed = sum(one.n_exposed for one in telling)
    if not n_exposed:
        return Arms(study, why_none=_why_nobody(study, found))
    yes = np.logical_or.reduce([one.exposed.fillna(False).to_numpy(bool) for one in telling])
    no = np.logical_or.reduce([(~one.exposed).fillna(False).to_numpy(bool) for one in telling])
    exposed = pd.Series(pd.NA, index=study.sample_ids, dtype="boolean")
    exposed[no] = False
    exposed[yes] = True  # who says yes anywhere had it, whatever another question says
    several = "columns" if len(telling) > 1 else "column"
    source = f"{several} {listed(one.column for one in telling)}"
    if (yes & no).any():
        source += f" (of two answers that differ, in {int((yes & no).sum())} samples, yes was taken)"
    asked = [one.exposed for one in telling if one.asks != "could mention"]
    free = not all(any((one == given).fillna(False).any() for one in asked) for given in (True, False))
    return _Given(exposed, BOTULINUM.name, "untreated", source, free)


def _from_role(study: Study, role: str) -> _Given:
    """Read botulinum toxin off the treatment column; where a reference is named, only that is untreated."""
    values = study.metadata[role]
    exposed = find_exposure(study.metadata[[role]])[0].exposed.copy()
    reference = study.roles.reference
    if reference is not None:
        same = (values.astype(str) == reference).to_numpy()
        exposed[~same & (exposed == False).fillna(False).to_numpy(bool)] = pd.NA  # noqa: E712
        exposed[same] = False
    yes, no = (values[(exposed == one).fillna(False)].astype(str).unique() for one in (True, False))
    treated = yes[0] if len(yes) == 1 else BOTULINUM.name
    untreated = reference or (no[0] if len(no) == 1 else "untreated")
    return _Given(exposed, treated, untreated, f"the treatment column {role!r}")


def _why_nobody(study: Study, found: Sequence[ExposureColumn]) -> str:
    role = study.roles.treatment
    asked = [one for one in found if one.asks != "could mention"]
    if asked:
        why = f"nobody was given {BOTULINUM.name} according to {listed(one.column for one in asked)}"
    else:
        why = f"no column tells who was given {BOTULINUM.name}"
    unsure = [one for one in found if one.asks == "could mention" and "may mean" in one.why]
    if unsure:
        why += f" (column {unsure[0].column!r}: {unsure[0].why}; write out which)"
    if role is not None and role not in {one.column for one in found}:
        why += f"; the treatment {role!r} is something else"
    return why


def _stand_in(study: Study, exposure: str) -> _Given | Arms:
    """Take the treatment column as it is, one level or all but the reference."""
    role, reference = study.roles.treatment, study.roles.reference
    wanted = tidy(exposure)
    if read_answer(exposure, BOTULINUM, asked=False):
        raise one_fault(
            ParameterError,
            "exposure",
            f"{exposure!r} is {BOTULINUM.name} itself",
            expected="something else that stands in for it, such as 'antibiotics'",
            remedy="leave exposure= out: botulinum toxin is what is looked for then",
        )
    if role is None:
        everyone = study.roles.subject is not None and study.roles.time is not None
        why = (
            f"no column has the role treatment: everybody counts as given {exposure}, so there is only "
            "before and after"
            if everyone
            else "no column has the role treatment"
        )
        return Arms(study, treated=exposure if everyone else "", one_armed=everyone, why_none=why)
    levels = study.metadata[role].astype(object)
    text = levels.where(levels.notna() & ~levels.map(_blank), None).map(str, na_action="ignore")
    present = sorted(text.dropna().unique())
    _refuse(study, exposure, wanted, present)
    if reference is None and len(present) > 1:
        why = f"no level of {role!r} is named as the untreated one ({listed(present)}): set reference="
        return Arms(study, why_none=why)
    named = [one for one in present if tidy(one) == wanted and one != reference]
    chosen = named or [one for one in present if one != reference]
    exposed = pd.Series(pd.NA, index=study.sample_ids, dtype="boolean")
    exposed[(text == reference).to_numpy()] = False
    exposed[text.isin(chosen).to_numpy()] = True
    treated = chosen[0] if len(chosen) == 1 else exposure
    source = f"the treatment column {role!r}: {listed(chosen)}"
    source += f" against {reference!r}" if reference is not None else ""
    return _Given(exposed, treated, str(reference), source)


def _refuse(study: Study, exposure: str, wanted: str, present: Sequence[str]) -> None:
    """Raise where the stand-in is the reference, or the levels are botulinum toxin."""
    role, reference = study.roles.treatment, study.roles.reference
    if (
        reference is not None
        and wanted == tidy(reference)
        and sum(tidy(one) == wanted for one in present) == 1
    ):
        others = [one for one in present if one != reference]
        raise one_fault(
            ParameterError,
            study.source.name,
            f"exposure={exposure!r} is the reference level of {role!r}",
            expected="what the others were given",
            remedy=f"one of {listed(others)}, or a word for all of them",
        )
    toxin = [one for one in present if read_answer(one, BOTULINUM, asked=False)]
    if toxin:
        raise one_fault(
            ParameterError,
            study.source.name,
            f"column {role!r} holds {BOTULINUM.name}: {listed(toxin)}",
            where=f"exposure={exposure!r}",
            remedy="leave exposure= out, or leave these samples out with study.select(samples=...)",
        )


def _blank(value: object) -> bool:
    return tidy(value) != "none" and is_missing(value)


def _laid_out(study: Study, given: _Given, subjects: str) -> Arms:
    """Give each sample its arm, as the order of treated and untreated samples within subjects asks."""
    exposed = given.exposed
    base = Arms(study, given.treated, given.reference, given.source, from_free_text=given.from_free_text)
    if not exposed.fillna(False).any():
        return replace(base, treated="", reference="", why_none=f"nobody was treated ({given.source})")
    if study.roles.subject is None:
        return _checked(base, _named(exposed, given), crossover=False)
    who = study.metadata[study.roles.subject].astype(object).where(lambda one: one.notna(), None)
    table = pd.DataFrame({"who": who.to_numpy(), "exposed": exposed.to_numpy()}, index=study.sample_ids)
    known = table.dropna()
    seen = known.groupby("who")["exposed"].agg(["any", "all"])
    both = seen.index[seen["any"] & ~seen["all"]]
    order = _order(study)
    why = _why_no_order(study, known, both, subjects) if len(both) else ""
    if why:
        return replace(base, treated="", reference="", why_none=why)
    if len(both) and _crossed(known, order, both):
        return _checked(base, _named(exposed, given), crossover=True)
    table["time"] = 0.0 if order is None else order.fillna(np.inf).to_numpy()
    left = _left_early(table, both)
    ever = table["who"].map(seen["any"]).astype("boolean")
    unsure = table["who"].isin(left.union(_blank_at_the_end(table))) & ~ever.fillna(True)
    ever[unsure.to_numpy(bool)] = pd.NA
    if seen["any"].drop(left).all() and len(seen) == table["who"].nunique():
        more = f", {len(left)} others were sampled only before that" if len(left) else ""
        n = len(seen) - len(left)
        why = f"all {n} {subjects} were treated{more} ({given.source}): there is only before and after"
        return replace(base, reference="", one_armed=True, why_none=why)
    return _checked(base, _named(ever, given), crossover=False)


def _why_no_order(study: Study, known: pd.DataFrame, both: pd.Index, subjects: str) -> str:
    """Say why it cannot be told which of both conditions a subject had first; "" where it can."""
    number = known["who"].nunique()
    twice = _both_at_once(study, known)
    if twice:
        return (
            f"ids are not unique across arms: {len(twice)} of {number} {subjects} ({listed(twice, 3)}) have "
            "treated and untreated samples of one time; give each its own id (in a cross-over, count days "
            "from the start of the study)"
        )
    if _order(study) is None:
        return (
            f"{len(both)} of {number} {subjects} have treated and untreated samples, and no time "
            "tells in which order: name time= (numbers of days, or dates)"
        )
    return ""


def _both_at_once(study: Study, known: pd.DataFrame) -> list:
    """Return subjects that have treated and untreated samples of one and the same time."""
    if study.roles.time is None:
        return []
    times = study.metadata[study.roles.time].reindex(known.index)
    conditions = (
        known.assign(time=times.to_numpy()).groupby(["who", "time"], observed=True)["exposed"].nunique()
    )
    return sorted(conditions.index[conditions > 1].get_level_values("who").unique(), key=str)


def _left_early(table: pd.DataFrame, both: pd.Index) -> pd.Index:
    """Return subjects of which there are only samples from before anybody's treatment began.

    Where treated subjects have untreated samples too, treatment begins within the study, and such a subject
    may have been treated after its last sample: it is no untreated one.
    """
    known = table.dropna()
    if not len(both):
        return both
    began = known.loc[known["exposed"].astype(bool) & known["who"].isin(both), "time"].min()
    last = known.groupby("who")["time"].max()
    return last.index[last < began]


def _order(study: Study) -> pd.Series | None:
    """Return numbers that put the samples in the order of time; None where times cannot be ordered."""
    roles = study.roles
    if roles.time is None:
        return None
    times = study.metadata[roles.time]
    if pd.api.types.is_numeric_dtype(times):
        return times.astype(float)
    if roles.baseline and roles.follow_up:
        return times.map(dict.fromkeys(roles.baseline, 0.0) | dict.fromkeys(roles.follow_up, 1.0)).astype(
            float
        )
    dates = pd.to_datetime(times, errors="coerce", format="ISO8601")
    return None if (dates.isna() & times.notna()).any() else dates.map(pd.Timestamp.toordinal, "ignore")


def _crossed(known: pd.DataFrame, order: pd.Series, both: pd.Index) -> bool:
    """Say whether subjects with both conditions had them in orders that differ, some of them at one time."""
    table = known[known["who"].isin(both)].assign(time=order.reindex(known.index)).dropna()
    table = table.sort_values("time", kind="stable")
    patterns = set()
    for _, one in table.groupby("who")["exposed"]:
        values = one.to_numpy(bool)
        changes = np.flatnonzero(np.diff(values.astype(int))) + 1
        patterns.add(tuple(values[np.r_[0, changes]]))
    back = any(True in p and False in p[p.index(True) :] for p in patterns)
    at_once = len(table.drop_duplicates(["time", "exposed"])) > table["time"].nunique()
    return len(patterns) > 1 and back and at_once


def _blank_at_the_end(table: pd.DataFrame) -> pd.Index:
    """Return subjects whose last sample does not say whether they had been treated by then."""
    last = table[table["time"] == table.groupby("who")["time"].transform("max")]
    blank = last["exposed"].isna().groupby(last["who"]).all()
    return blank.index[blank]


def _named(exposed: pd.Series, given: _Given) -> pd.Series:
    names = exposed.map({True: given.treated, False: given.reference}, na_action="ignore")
    return names.astype(object).where(exposed.notna().to_numpy(), None)


def _checked(base: Arms, arm: pd.Series, *, crossover: bool) -> Arms:
    """Write the arms into the study, unless its treatment column says the same already, and count."""
    study, column = base.study, base.study.roles.treatment
    own = None if column is None else study.metadata[column].astype(object).map(str, na_action="ignore")
    if own is None or own.where(own.notna(), "").tolist() != arm.where(arm.notna(), "").tolist():
        column = "arm" if "arm" not in study.metadata else "arm_2"
        while column in study.metadata:
            column += "_"
        study = replace(study, metadata=study.metadata.assign(**{column: arm.to_numpy(dtype=object)}))
    missing = [level for level in (base.treated, base.reference) if not (arm == level).any()]
    who = pd.Series(study.sample_ids, index=study.sample_ids)
    if study.roles.subject is not None:
        who = study.metadata[study.roles.subject]
    counts = {
        level: int(who[(arm == level).to_numpy()].nunique()) for level in (base.treated, base.reference)
    }
    if missing:
        untreated = missing == [base.reference]
        why = "nobody is known to be untreated" if untreated else "nobody is known to be treated"
        return Arms(base.study, source=base.source, n_subjects=counts, why_none=f"{why} ({base.source})")
    study = study.with_roles(treatment=column, reference=base.reference)
    shared = bool(cages_of_both(study, per_time=crossover))
    return replace(base, study=study, n_subjects=counts, crossover=crossover, shared_cages=shared)


def cages_of_both(study: Study, *, per_time: bool = False) -> int:
    """Count the cages that hold subjects of both arms.

    Parameters
    ----------
    study : Study
        With two levels of treatment.
    per_time : bool
        Whether they have to hold them at one time, as in a cross-over.

    Returns
    -------
    int
        0 where no cages are named.
    """
    roles = study.roles
    if roles.cluster is None or roles.treatment is None:
        return 0
    there = study.metadata[filled(study.metadata[roles.cluster]).to_numpy()]
    by = [roles.cluster, roles.time] if per_time and roles.time is not None else [roles.cluster]
    arms = there.groupby(by, observed=True)[roles.treatment].nunique()
    return int(arms[arms > 1].index.get_level_values(0).nunique())
