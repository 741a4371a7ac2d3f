"""Tables of mothur: .shared, with its label, group and number of OTUs before the counts."""

from __future__ import annotations

from dataclasses import replace

from analysis.errors import ParameterError, ReadError, did_you_mean, listed, one_fault
from analysis.readers.numbers import read_numbers
from analysis.readers.opening import Opened
from analysis.readers.raw import RawTable
from analysis.readers.text import lay_out

_HEADER = (
    b"label\tGroup\tnumOtus",
    b"label\tgroup\tnumOtus",
    b"label\tGroup\tnumASVs",
    b"label\tGroup\tnumPhylos",
)


def is_shared(content: bytes) -> bool:
    """Say whether the content begins as a mothur .shared file does."""
    return content.removeprefix(b"\xef\xbb\xbf").startswith(_HEADER)


def read_shared(opened: Opened, label: str | None = None) -> RawTable:
    """Read a mothur .shared table.

    Parameters
    ----------
    opened : Opened
        The file.
    label : str, optional
        Which of the distance levels, where the file holds several ("0.03").

    Returns
    -------
    RawTable
        Groups as samples, OTUs as features; `label` is set.

    Raises
    ------
    ReadError
        Where the header has no OTUs.
    ParameterError
        Where the file holds several labels and none was chosen, or not the one asked for.
    """
    layout = lay_out(opened.content, opened.name)
    if len(layout.header) < 4:
        raise one_fault(
            ReadError,
            opened.name,
            f"the header has {len(layout.header)} columns",
            expected="label, Group, numOtus and a column for each OTU",
        )
    labels = list(dict.fromkeys(line.split("\t", 1)[0].strip() for _, line in layout.lines))
    chosen = _choose(labels, label, opened.name)
    if len(labels) > 1:
        kept = [(number, line) for number, line in layout.lines if line.split("\t", 1)[0].strip() == chosen]
        layout = replace(layout, lines=kept)
    blank = [k for k, name in enumerate(layout.header) if name == ""]
    grid = read_numbers(layout, [0, 1, 2, *blank])
    raw = RawTable(
        grid.values,
        grid.text[1],
        grid.columns,
        opened.named("mothur shared"),
        label=chosen,
        faults=grid.faults,
        notes=[*layout.notes, *grid.notes],
    )
    if len(labels) > 1:
        raw.notes.append(f"label {chosen} of {listed(labels)}")
    return raw


def _choose(labels: list[str], label: str | None, subject: str) -> str | None:
    if label is not None and str(label) not in labels:
        raise one_fault(
            ParameterError, subject, f"there is no label {label!r}", remedy=did_you_mean(label, labels)
        )
    if label is None and len(labels) > 1:
        raise one_fault(
            ParameterError,
            subject,
            f"the file holds {len(labels)} tables, one a label: {listed(labels, 20)}",
            remedy=f"choose one: read_study(..., label={labels[-1]!r})",
        )
    return str(label) if label is not None else (labels[0] if labels else None)
