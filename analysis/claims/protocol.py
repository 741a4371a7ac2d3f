"""A protocol to register, a sample sheet to fill in, and what its columns mean."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import analysis
from analysis.claims.model import Claim
from analysis.claims.needs import Needs, data_needed, size_text
from analysis.errors import ParameterError, one_fault

_VERBS = {"lower": "lowers", "higher": "raises", "differs": "changes"}
_STORMS = "STORMS"  # Mirzayi et al. 2021, doi:10.1038/s41591-021-01552-x
_ARRIVE = "ARRIVE 2.0 Essential 10"  # Percie du Sert et al. 2020, doi:10.1371/journal.pbio.3000410
_LEFT = "to be completed by the investigators"

# Item, and where the protocol answers it. Topics of STORMS are named, not numbered.
_ITEMS: dict[str, tuple[tuple[str, str], ...]] = {
    _STORMS: (
        ("study design", "Design"),
        ("hypotheses", "The claim and the hypothesis"),
        ("participants and eligibility", "Design: Who"),
        ("geographic location, dates", _LEFT),
        ("antibiotics usage", "sample sheet: antibiotic_last_days"),
        ("sample size", "Sample size"),
        ("longitudinal sampling", "Design: calendar"),
        ("ethics", _LEFT),
        ("specimen collection and storage", "sample sheet; " + _LEFT),
        ("DNA extraction, primers, sequencing", _LEFT),
        ("negative and positive controls", "Measurement: Controls"),
        ("batch effects", "Measurement: Controls"),
        ("confounders", "Measurement; sample sheet"),
        ("bioinformatics", _LEFT),
        ("statistical methods, missing data, multiplicity", "Analysis"),
        ("software and reproducibility", "Analysis: Primary test"),
        ("access to raw data and metadata", "sample sheet, dictionary; " + _LEFT),
    ),
    _ARRIVE: (
        ("1 study design", "Design"),
        ("2 sample size", "Sample size"),
        ("3 inclusion and exclusion criteria", "Design: Who; Analysis: Missing samples"),
        ("4 randomisation", "Design: Assignment"),
        ("5 blinding", "Design: Blinding"),
        ("6 outcome measures", "Measurement"),
        ("7 statistical methods", "Analysis"),
        ("8 experimental animals", "Design: Who; " + _LEFT),
        ("9 experimental procedures", "Design: Treatment, Sampling"),
        ("10 results", "Analysis: Decision; " + _LEFT),
    ),
}
# Columns that every sample sheet begins with: name, meaning, format, MIxS term.
_FIRST = (
    ("sample_id", "one id for each sample", "text, unique", "samp_name"),
    ("subject", "who was sampled", "text", "host_subject_id"),
    ("cage", "the cage at the time of sampling", "text, unique in the study", ""),
    ("arm", "what was given; filled in when the blind is lifted", "the product, or the comparator", ""),
    ("day", "days from the first injection", "whole number; 0 is before the injection of that day", ""),
    ("batch", "extraction and sequencing batch", "text", ""),
)


@dataclass(frozen=True)
class ProtocolFiles:
    """The files of a protocol.

    Attributes
    ----------
    protocol, sample_sheet, dictionary, checklist : pathlib.Path
        Markdown, and three tables of tab-separated values.
    """

    protocol: Path
    sample_sheet: Path
    dictionary: Path
    checklist: Path


def write_protocol(claim: Claim, folder: str | Path) -> ProtocolFiles:
    """Write a protocol to preregister, with the sample sheet that goes with it.

    Parameters
    ----------
    claim : Claim
        Of any kind but "knowledge".
    folder : str or pathlib.Path
        Made if it is not there. Files that are there already are not overwritten.

    Returns
    -------
    ProtocolFiles
        ``protocol.md``; ``samples.tsv``, one row a sample, to be filled in; ``dictionary.tsv``, what its
        columns mean, in which units, with their MIxS names; ``checklist.tsv``, the STORMS (people) or ARRIVE
        (animals) items that are covered.

    Raises
    ------
    ParameterError
        Where no trial would settle the claim, or one of the files is there already.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import analysis as an
    >>> with TemporaryDirectory() as folder:
    ...     files = an.write_protocol(an.load_claims()["diversity_falls_mice"], folder)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['checklist.tsv', 'dictionary.tsv', 'protocol.md', 'samples.tsv']
    """
    needs = data_needed(claim)
    if Path(folder).is_file():
        raise one_fault(ParameterError, str(folder), "it is a file", expected="a folder, or nothing yet")
    if needs.plan is None:
        raise one_fault(
            ParameterError,
            claim.id,
            "it speaks of what is known, and no trial would settle it",
            remedy="data_needed(claim) says what to search for",
        )
    folder = Path(folder)
    names = ("protocol.md", "samples.tsv", "dictionary.tsv", "checklist.tsv")
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise one_fault(
            ParameterError,
            str(folder),
            f"there is already {', '.join(there)}",
            remedy="choose another folder, or move the files away: a protocol is not overwritten",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise one_fault(
            ParameterError, str(folder), f"cannot be made: {error.strerror}", remedy="choose another folder"
        ) from error
    files = ProtocolFiles(*(folder / name for name in names))
    files.protocol.write_text(protocol_text(claim, needs), encoding="utf-8")
    dictionary = _dictionary(claim)
    columns = [row[0] for row in dictionary]
    _write(files.sample_sheet, columns, _samples(claim, needs, columns))
    _write(files.dictionary, ["column", "meaning", "format", "mixs"], dictionary)
    guideline = guideline_of(claim)
    rows = [(guideline, item, where) for item, where in _ITEMS[guideline]]
    _write(files.checklist, ["guideline", "item", "where"], rows)
    return files


def guideline_of(claim: Claim) -> str:
    """Return the reporting guideline for the claim's host."""
    return _STORMS if claim.host == "human" else _ARRIVE


def protocol_text(claim: Claim, needs: Needs) -> str:
    """Return the protocol as Markdown."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Plain Markdown: nothing in it is HTML that would need escaping.
    loader = PackageLoader("analysis", "templates")
    environment = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    return environment.get_template("protocol.md.j2").render(
        claim=claim,
        needs=needs,
        plan=needs.plan,
        version=analysis.__version__,
        verb=_VERBS[claim.effect.direction],
        smallest=size_text(claim, claim.effect.smallest),
        margin=size_text(claim, claim.effect.margin),
        calendar=_calendar(claim),
        guideline=guideline_of(claim),
    )


def _calendar(claim: Claim) -> list[tuple[int, str]]:
    trial = claim.trial
    uses = dict.fromkeys(trial.other_days, "secondary analyses")
    uses |= dict.fromkeys(trial.baseline_days, "baseline of the primary test")
    uses |= dict.fromkeys(trial.follow_up_days, "primary test")
    return sorted(uses.items())


def _dictionary(claim: Claim) -> list[tuple[str, str, str, str]]:
    """Return a row a column of the sample sheet: name, meaning, format, MIxS term."""
    first = [row for row in _FIRST if row[0] != "cage" or claim.host == "mouse"]
    if claim.marker:
        first.append(
            (claim.marker, claim.endpoint.name, f"{claim.endpoint.unit}: {claim.endpoint.assay}", "")
        )
    named = {row[0] for row in first}
    rest = [(k, f.what, f.format, f.mixs or "") for k, f in claim.fields.items() if k not in named]
    return first + rest


def _samples(claim: Claim, needs: Needs, columns: Sequence[str]) -> list[list[object]]:
    """Return a row a planned sample; what is not known yet is left blank."""
    rows = []
    size = claim.trial.cluster_size
    for number in range(needs.plan.total):
        subject = f"{'M' if claim.host == 'mouse' else 'P'}{number + 1:04d}"
        for day, _ in _calendar(claim):
            known = {"sample_id": f"{subject}_D{day}", "subject": subject, "day": day}
            if claim.host == "mouse":
                known["cage"] = f"C{number // size + 1:04d}"
            rows.append([known.get(column, "") for column in columns])
    return rows


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
