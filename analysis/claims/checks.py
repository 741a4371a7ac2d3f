"""Checks of an audit: what was given, to whom, and what was measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pandas as pd

from analysis.claims.answers import BOTULINUM, tidy, tidy_name
from analysis.claims.arms import Arms
from analysis.claims.columns import filled, find_column, names_of
from analysis.claims.exposure import ExposureColumn, find_exposure
from analysis.claims.hosts import find_host, same_host
from analysis.claims.model import Claim
from analysis.claims.needs import Needs, Requirement
from analysis.claims.windows import Windows, find_windows
from analysis.errors import listed
from analysis.study import Study
from analysis.taxa.panels import load_panels
from analysis.validation import scaled_reason

Status = Literal["met", "partly", "missing", "unknown"]

_BLANK = re.compile(
    r"\b(?:blanks?|ntc|no template|negative(?: control)?|neg ctrl|extraction (?:control|blank)|"
    r"pcr (?:control|water)|water control|kit control|reagent control|control blank|empty|buffer control)\b"
)
_NAMED = 0.5  # share of the reads that must have a name
_BLANK_ID = re.compile(
    r"(?<![a-z])(?:blank|ntc|negctrl|neg ctrl|negcontrol|neg control|negative control)(?![a-z])"
)
_KIND_COLUMNS = re.compile(
    r"^(?:sample ?type|samp type|type|sample or control|control|controls?|control type|env material|"
    r"(?:qiita )?empo \d|is ?neg|neg|description|sample ?kind|material)$"
)
# Roles that answer for a field, where the field is not found under its own name.
_BY_ROLE = {
    "subject": {"host_subject_id", "subject", "subject_id"},
    "cluster": {"cage_id", "cage"},
    "time": {"time", "day", "days", "study_day", "sampling_day", "days_since_first_injection"},
}


@dataclass(frozen=True)
class Found:
    """What a check found: the last five entries of an `AuditRow`."""

    status: Status
    found: str
    where: str = ""
    gap: str = ""
    to_do: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """A study, a claim and what was worked out about both."""

    study: Study
    claim: Claim
    needs: Needs
    arms: Arms | None
    exposure: str | None
    assume: tuple[str, ...]

    @property
    def usable(self) -> Study:
        """The study with its arms where there are any."""
        return self.study if self.arms is None else self.arms.study

    @property
    def two_arms(self) -> bool:
        """Whether there is a treated and an untreated arm."""
        return self.arms is not None and not self.arms.why_none

    @cached_property
    def columns(self) -> tuple[ExposureColumn, ...]:
        """The columns that tell, or could tell, of botulinum toxin."""
        return find_exposure(self.study.metadata)

    @cached_property
    def windows(self) -> Windows | None:
        """The samples of before and after; None where the times are all blank."""
        time = self.study.roles.time
        if time is not None and self.study.metadata[time].isna().all():
            return None
        return find_windows(self.usable, self.claim)


def exposure(case: Case) -> Found:
    """Look for who was given botulinum toxin, or what stands in for it."""
    if case.exposure is not None:
        return _stand_in(case)
    telling = [column for column in case.columns if column.n_exposed]
    asking = [column for column in case.columns if column.asks != "could mention"]
    sure = [column for column in telling if column.asks != "could mention"]
    if telling:
        found = "; ".join(
            f"{column.column}: {column.n_exposed} samples exposed, {column.n_unexposed} not, "
            f"{column.n_unknown} unknown ({column.why})"
            for column in telling
        )
        where = ", ".join(column.column for column in telling)
        if sure:
            dose = any(re.search(r"unit|dose", tidy_name(column.column)) for column in sure)
            gap = "" if dose else "no column gives the dose"
            return Found("met", found, where, gap, "" if dose else "Record product, units, site and date.")
        gap = "mentioned where nobody was asked for it: who does not mention it may have had it"
        return Found("partly", found, where, gap, "Ask everyone for product, units, site and date.")
    if asking:
        where = ", ".join(column.column for column in asking)
        found = "; ".join(f"{column.column}: {column.why}" for column in asking)
        return Found(
            "missing",
            found,
            where,
            "nobody is known to have had it",
            "Enrol people or animals who are given it.",
        )
    could = ", ".join(column.column for column in case.columns)
    found = "no column tells" + (f"; could mention it but does not ask: {could}" if could else "")
    gap = f"nothing says who was given {BOTULINUM.name}"
    todo = "Add bont_product, bont_units, bont_site and bont_days_since for every sample."
    return Found("missing", found, could, gap, todo)


def _stand_in(case: Case) -> Found:
    text = f"stands in for {BOTULINUM.name}: {case.exposure} (a control, no evidence on Botox)"
    if case.two_arms:
        return Found("met", f"{text}; {case.arms.source}", str(case.study.roles.treatment))
    if case.arms.one_armed:
        return Found(
            "partly", f"{text}; {case.arms.why_none}", gap="that it was given is taken from the caller"
        )
    why = case.arms.why_none
    return Found("missing", text, gap=why, to_do="Name the column: study.with_roles(treatment=, reference=).")


def reference(case: Case) -> Found:
    """Look for an untreated arm."""
    arms = case.arms
    if not case.two_arms:
        to_do = "Name the untreated level: study.with_roles(treatment=, reference=)."
        if arms.one_armed:
            to_do = "Add subjects who are sampled on the same days and not treated."
        elif case.exposure is None and not arms.source:
            to_do = f"Record of everybody who was given {BOTULINUM.name} and who was not."
        return Found(
            "missing", "before and after only" if arms.one_armed else "none", gap=arms.why_none, to_do=to_do
        )
    counts = ", ".join(f"{level}: {n} {case.claim.subjects}" for level, n in arms.n_subjects.items())
    if case.study.roles.subject is None:
        counts = counts.replace(case.claim.subjects, "samples")
    how = "cross-over, each subject its own reference; " if arms.crossover else ""
    if arms.from_free_text:
        gap = "known from free text alone: who does not mention it may have had it"
        return Found(
            "partly", f"{how}{counts}", arms.source, gap, "Ask everyone for product, units and date."
        )
    return Found("met", f"{how}{counts}", arms.source)


def host(case: Case) -> Found:
    """Find out whose gut it is."""
    there, wanted = find_host(case.study), case.claim.host
    same = same_host(there, wanted)
    if same is None:
        to_do = "Add a column host (MIxS samp_taxon_id: 10090 mouse, 9606 human)."
        return Found("unknown", there.said or "nothing says", there.where, "the host is not named", to_do)
    if len(there.samples) > 1:
        gap = f"mixed hosts ({there.said}); the claim is about one, {wanted}"
        to_do = f"Keep the samples of one host: study.select(samples=...), {wanted} only."
        return Found("missing", there.said, there.where, gap, to_do)
    if not same:
        gap = f"the claim is about another host: {wanted}"
        to_do = (
            f"Use data of {case.claim.subjects}, or a claim about this host ({next(iter(there.samples))})."
        )
        return Found("missing", there.said, there.where, gap, to_do)
    if there.n_unknown:
        gap = f"{there.n_unknown} samples without a host"
        return Found("partly", there.said, there.where, gap, "Fill in the host of every sample.")
    status: Status = "met" if there.direct or wanted == "mouse" else "partly"
    gap = "" if status == "met" else "not said outright"
    return Found(status, there.said, there.where, gap, "" if status == "met" else "Add a column host.")


def reads(case: Case) -> Found:
    """See whether the table holds raw read counts."""
    to_do = "Get the table of raw counts from the authors or the archive."
    if case.study.kind != "counts":
        return Found("missing", "fractions", "table", "the read counts are not there", to_do)
    reason = scaled_reason(case.study.counts)
    if reason:
        return Found("missing", "whole numbers that are no counts", "table", reason, to_do)
    low, high = case.study.depths.min(), case.study.depths.max()
    even = f"every sample has {low:,} (rarefied)" if low == high else f"{low:,} to {high:,} reads a sample"
    return Found("met", f"counts; {even}", "table")


def depth(case: Case, one: Requirement) -> Found:
    """Count the samples that are deep enough."""
    if case.study.kind != "counts":
        return Found(
            "unknown", "fractions do not tell", "table", "the depth is not known", "Get the raw counts."
        )
    reached = case.study.depths >= one.number
    lost = int((~reached).sum())
    found = f"{int(reached.sum())} of {len(reached)} samples reach {one.number:,.0f} reads"
    if not lost:
        return Found("met", found, "table")
    gap = f"{lost} samples would be lost, or the rarest taxa be missed"
    to_do = (
        "Sequence them again, deeper." if reached.any() else "Sequence deeper, or get the unrarefied table."
    )
    return Found("partly" if reached.any() else "missing", found, "table", gap, to_do)


def taxonomy(case: Case) -> Found:
    """See whether the taxa are named down to the ranks of the panel."""
    names = case.study.taxonomy
    to_do = "Classify the sequences, and give taxonomy= to read_study."
    if names is None:
        return Found("missing", "none", "taxonomy", "the features have no names", to_do)
    panel = load_panels()[case.claim.endpoint.metric]
    ranks = sorted({taxon.rank for taxon in (*panel.up, *panel.down)}, key=list(names.columns).index)
    shares = case.study.counts.sum(axis=0)
    shares = shares / max(shares.sum(), 1)
    named = {rank: float(shares[(names[rank] != "").to_numpy()].sum()) for rank in ranks}
    found = ", ".join(f"{rank}: {share:.0%} of the reads named" for rank, share in named.items())
    worst = min(named.values())
    if worst == 0:
        empty = [rank for rank, share in named.items() if share == 0]
        return Found("missing", found, "taxonomy", f"no names at {listed(empty)}", to_do)
    if worst >= _NAMED:
        return Found("met", found, "taxonomy")
    return Found("partly", found, "taxonomy", "most reads have no name there", to_do)


def marker(case: Case) -> Found:
    """Look for the marker, by its name and the others it goes by."""
    name = case.claim.marker
    column = find_column(case.study.metadata, names_of(name, case.claim.fields.get(name)))
    to_do = f"Measure it: {case.claim.endpoint.assay}."
    if column is None:
        return Found("missing", "no such column", gap=f"there is no column {name!r}", to_do=to_do)
    values = case.study.metadata[column]
    there = filled(values)
    numbers = pd.to_numeric(values[there], errors="coerce")
    wrong = values[there][numbers.isna()].unique()
    if not there.any():
        return Found("missing", "the column is empty", column, "no value at all", to_do)
    if len(wrong):
        to_do = "Write numbers: half the detection limit for what was below it, nothing for unknown."
        return Found(
            "missing", f"no numbers: {listed(wrong, 3)}", column, "values that are no numbers", to_do
        )
    if case.claim.endpoint.log and (numbers <= 0).any():
        found = f"{int((numbers <= 0).sum())} values at or below 0"
        gap = "logarithms are compared, and these have none"
        return Found("missing", found, column, gap, "Write half the detection limit for them.")
    return how_full(there, column, to_do)


def column(case: Case, one: Requirement) -> Found:
    """Look for a column of the metadata, and count what is filled in."""
    key = one.id.partition(":")[2]
    names = names_of(key, case.claim.fields[key])
    column = find_column(case.study.metadata, names)
    if column is None:
        roles = [role for role, fields in _BY_ROLE.items() if fields.intersection(names)]
        column = next((getattr(case.study.roles, role) for role in roles), None)
    if column is None:
        return Found("missing", "no such column", gap="not recorded", to_do=f"Record {key}: {one.needed}.")
    return how_full(filled(case.study.metadata[column]), column, f"Fill in {column} where it is blank.")


def how_full(there: pd.Series, column: str, to_do: str, said: str = "") -> Found:
    """Count the samples that a column says something of."""
    n, blank = len(there), int((~there).sum())
    found = f"{said}; " * bool(said) + f"{n - blank} of {n} samples have a value"
    if not blank:
        return Found("met", found, column)
    return Found("partly" if blank < n else "missing", found, column, f"{blank} are blank", to_do)


def controls(case: Case) -> Found:
    """Look for extraction and PCR blanks among the samples."""
    study = case.study
    column = find_column(study.metadata, ["neg_cont_type"])
    if column is not None and filled(study.metadata[column]).any():
        return Found("met", f"{listed(study.metadata[column].dropna().unique(), 3)}", column)
    for column in study.metadata.columns:
        if _KIND_COLUMNS.match(tidy_name(column)) and not pd.api.types.is_numeric_dtype(
            study.metadata[column]
        ):
            values = study.metadata[column].dropna()
            n = int(values.isin([one for one in values.unique() if _BLANK.search(tidy(one))]).sum())
            if n:
                return Found("met", f"{n} samples are blanks", str(column))
    n = sum(bool(_BLANK_ID.search(re.sub(r"[^a-z]+", " ", name.casefold()))) for name in study.sample_ids)
    if n:
        return Found("met", f"{n} samples are blanks by their names", "sample ids")
    noted = [note for note in study.source.notes if _BLANK.search(tidy(note))]
    if noted:
        return Found("met", noted[0], "source notes")
    gap = "the table does not say whether there were blanks"
    return Found(
        "unknown", "no sample looks like a blank", "", gap, "Ask for the blanks, or run and keep them."
    )


def beyond(_case: Case, one: Requirement) -> Found:
    """Say that reads of 16S cannot answer."""
    return Found(
        "missing",
        "16S reads cannot show it",
        gap="needs another assay",
        to_do=f"Add the assay: {one.needed}.",
    )


def search(_case: Case) -> Found:
    """Say that a claim about what is known is not settled by samples."""
    gap = "it is about what is known, and a table of samples cannot say"
    return Found(
        "unknown", "not looked for in a table", gap=gap, to_do="Search the literature, and write down how."
    )
