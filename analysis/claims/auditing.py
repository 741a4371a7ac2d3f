"""The audit: what a study has of what a claim needs, what is missing, and what to do about it."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import get_args

import pandas as pd

from analysis.claims import checks, design_checks
from analysis.claims.arms import Arms, find_arms
from analysis.claims.checks import Case, Found, Status
from analysis.claims.columns import find_column, names_of
from analysis.claims.model import Claim
from analysis.claims.needs import Requirement, data_needed
from analysis.errors import Faults, ParameterError, did_you_mean
from analysis.study import Study

ASSUMPTIONS = ("randomised", "housed_alone")
_CHECKS: dict[str, Callable[[Case], Found]] = {
    "exposure": checks.exposure,
    "reference": checks.reference,
    "host": checks.host,
    "marker": checks.marker,
    "reads": checks.reads,
    "taxonomy": checks.taxonomy,
    "controls": checks.controls,
    "search": checks.search,
    "subject": design_checks.subject,
    "cage": design_checks.cage,
    "baseline": design_checks.baseline,
    "follow_up": design_checks.follow_up,
    "assignment": design_checks.assignment,
    "size": design_checks.size,
}
_CHECKS_OF_ONE: dict[str, Callable[[Case, Requirement], Found]] = {
    "depth": checks.depth,
    "field": checks.column,
    "beyond": checks.beyond,
}


@dataclass(frozen=True)
class AuditRow:
    """One requirement, held against a study.

    Attributes
    ----------
    id, what, needed : str
        The requirement, as in `data_needed`.
    status : {"met", "partly", "missing", "unknown"}
        "unknown": the data do not say.
    found, where : str
        What there is, and in which column or part of the study.
    gap : str
        What is lacking; "" where nothing is.
    to_do : str
        What would close the gap.
    essential : bool
        Whether the claim cannot be tested at all without it.
    """

    id: str
    what: str
    needed: str
    status: Status
    found: str
    where: str
    gap: str
    to_do: str
    essential: bool


@dataclass(frozen=True)
class Audit:
    """What a study has of what a claim needs.

    Attributes
    ----------
    claim : Claim
        The claim.
    study_name : str
        The study.
    rows : tuple of AuditRow
        One a requirement, in the order of `data_needed`.
    arms : Arms or None
        Treated and untreated; None for a claim about what is known.
    exposure : str or None
        What stands in for botulinum toxin; None: botulinum toxin itself was looked for.
    assume : tuple of str
        What the caller vouches for.
    """

    claim: Claim
    study_name: str
    rows: tuple[AuditRow, ...]
    arms: Arms | None
    exposure: str | None
    assume: tuple[str, ...]

    @property
    def blocking(self) -> tuple[AuditRow, ...]:
        """The requirements without which nothing can be tested, and that are missing."""
        return tuple(row for row in self.rows if row.essential and row.status == "missing")

    @property
    def counts(self) -> dict[str, int]:
        """How many requirements have each status."""
        found = Counter(row.status for row in self.rows)
        return {status: found.get(status, 0) for status in get_args(Status)}

    def row(self, name: str) -> AuditRow:
        """Return the row of a requirement.

        Parameters
        ----------
        name : str
            Its id.

        Raises
        ------
        ParameterError
            Where the claim has no such requirement; the message names the nearest.
        """
        rows = {row.id: row for row in self.rows}
        if name not in rows:
            faults = Faults(f"audit of {self.claim.id}", ParameterError)
            faults.add(f"there is no requirement {name!r}", remedy=did_you_mean(name, list(rows)))
            faults.raise_if_any()
        return rows[name]

    def to_frame(self) -> pd.DataFrame:
        """Return a row a requirement: what, needed, status, found, where, gap, to_do, essential."""
        columns = [entry.name for entry in fields(AuditRow)][1:]
        rows = {row.id: [getattr(row, name) for name in columns] for row in self.rows}
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("requirement")

    def _repr_html_(self) -> str:
        stands_in = f", {self.exposure} in place of botulinum toxin" if self.exposure else ""
        counted = ", ".join(f"{n} {status}" for status, n in self.counts.items())
        head = f"{self.study_name} for {self.claim.id}{stands_in}: {counted}"
        table = self.to_frame()[["status", "what", "found", "gap", "to_do"]]
        return f"<p>{html.escape(head)}</p>{table.to_html()}"


def audit(study: Study, claim: Claim, *, exposure: str | None = None, assume: Sequence[str] = ()) -> Audit:
    """Hold a study against what a claim needs, requirement by requirement.

    Parameters
    ----------
    study : Study
        With its roles set, as far as it has columns for them.
    claim : Claim
        From `load_claims`.
    exposure : str, optional
        Something else in the treatment column that stands in for botulinum toxin, as a control: see
        `find_arms`. By default only botulinum toxin counts.
    assume : sequence of {"randomised", "housed_alone"}
        What the caller vouches for where the data do not say; the rows say so.

    Returns
    -------
    Audit
        ``.to_frame()`` is the table, ``.blocking`` what keeps the claim from being tested.

    Raises
    ------
    ParameterError
        Where the study is no study, the claim no claim, or something is assumed that is not known; all faults
        at once.

    Examples
    --------
    >>> import analysis as an
    >>> found = an.audit(an.load_dataset("turnbaugh_mice"), an.load_claims()["diversity_falls_mice"])
    >>> found.row("subject").status, found.row("exposure").status
    ('met', 'missing')
    """
    assume = (assume,) if isinstance(assume, str) else assume
    _check(study, claim, exposure, assume)
    needs = data_needed(claim)
    arms = None
    if claim.testable:
        arms = find_arms(_with_marker(study, claim), claim, exposure)
    case = Case(study, claim, needs, arms, exposure, tuple(assume))
    rows = tuple(_row(case, one) for one in needs.requirements)
    return Audit(claim, study.source.name, rows, arms, exposure, tuple(assume))


def _row(case: Case, one: Requirement) -> AuditRow:
    kind = one.id.split(":")[0]
    found = _CHECKS[kind](case) if kind in _CHECKS else _CHECKS_OF_ONE[kind](case, one)
    to_do = found.to_do or ("Nothing." if found.status == "met" else "Record it for every sample.")
    return AuditRow(
        one.id, one.what, one.needed, found.status, found.found, found.where, found.gap, to_do, one.essential
    )


def _with_marker(study: Study, claim: Claim) -> Study:
    """Give the marker the name that the claim calls it by, where the study has it under another."""
    wanted = claim.marker
    if wanted is None or wanted in study.metadata:
        return study
    column = find_column(study.metadata, names_of(wanted, claim.fields.get(wanted)))
    if column is None:
        return study
    return replace(study, metadata=study.metadata.assign(**{wanted: study.metadata[column]}))


def _check(study: object, claim: object, exposure: object, assume: object) -> None:
    faults = Faults("audit", ParameterError)
    if not isinstance(study, Study):
        remedy = "analysis.read_study(path, metadata=...) makes one"
        faults.add(f"study is a {type(study).__name__}", expected="a Study", remedy=remedy)
    if not isinstance(claim, Claim):
        remedy = "give one of analysis.load_claims(), such as load_claims()['diversity_falls_mice']"
        faults.add(f"claim is a {type(claim).__name__}", expected="a Claim", remedy=remedy)
    if exposure is not None and not (isinstance(exposure, str) and exposure.strip()):
        expected = "None, or what stands in for botulinum toxin, such as 'antibiotics'"
        faults.add(f"exposure={exposure!r}", expected=expected)
    if not isinstance(assume, Sequence | set | frozenset):
        faults.add(f"assume={assume!r}", expected="a list of what the caller vouches for")
    else:
        for name in assume:
            if name not in ASSUMPTIONS:
                faults.add(f"assume: {name!r}", remedy=did_you_mean(name, ASSUMPTIONS))
    faults.raise_if_any()
