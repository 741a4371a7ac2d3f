"""Text that is no table of abundances: told from one by its look, with the function that reads it."""

from __future__ import annotations

import re

from scipy import sparse

from analysis.errors import ReadError, listed, one_fault
from analysis.readers.headings import (
    FEATURE_NAMES,
    RANK_NAMES,
    SAMPLE_NAMES,
    folded,
    is_sample_heading,
    lineage_place,
    rank_places,
)
from analysis.readers.numbers import Grid
from analysis.readers.text import Layout, to_number

_EVERY_RANK = re.compile(r"(?:k|d)__[^|]+\|p__[^|]+")
_LOOKED_AT = 25  # lines
_ABUNDANCES = "a table of abundances"
_READ_DISTANCES = "readers.read_distances(path) reads it"
_ONE_RANK = (
    "keep the rows of one rank only (those that end in 's__...') and write them as a plain table; it holds "
    "percentages, so that richness and rarefaction are not available"
)


def refuse_phylip(content: bytes, subject: str) -> None:
    """Raise `ReadError` where the first line holds a single number, as PHYLIP distances begin."""
    if content[:100].split(b"\n", 1)[0].strip().isdigit():
        raise one_fault(
            ReadError,
            subject,
            "this looks like PHYLIP distances, as mothur writes them",
            expected=_ABUNDANCES,
            remedy=_READ_DISTANCES,
        )


def refuse_other_tables(layout: Layout, subject: str) -> None:
    """Raise `ReadError` for tables of something else: metadata, lineages, profiles of all ranks, sequences.

    Parameters
    ----------
    layout : Layout
        The table.
    subject : str
        The file's name.
    """
    start = [layout.cells(line) for _, line in layout.lines[:_LOOKED_AT]]
    what, remedy = _other_kind(layout.header, start)
    if what:
        raise one_fault(ReadError, subject, what, expected=_ABUNDANCES, remedy=remedy)


def refuse_headless(layout: Layout, grid: Grid, subject: str) -> None:
    """Raise `ReadError` where the first line holds an id and numbers, so that it is data and no header."""
    first, *others = layout.header
    known = first == "" or first.startswith("#") or folded(first) in FEATURE_NAMES | SAMPLE_NAMES
    numbers = [to_number(name) for name in others if name]
    if known or not numbers or None in numbers:
        return
    alike = _shape(first) in {_shape(name) for name in grid.text[0][:_LOOKED_AT]}
    if alike or len(set(numbers)) < len(numbers) or any(number % 1 for number in numbers):
        raise one_fault(
            ReadError,
            subject,
            f"the file seems to have no header line: its first line is {listed(layout.header, 4)}",
            expected="a first line that names the columns",
            remedy="add one; where the numbers are names indeed, begin it with '#OTU ID' or 'sample-id'",
        )


def _shape(name: str) -> str:
    return re.sub(r"\d+", "0", name.strip())


def refuse_distances(grid: Grid, subject: str) -> None:
    """Raise `ReadError` for a symmetric table with the same ids for rows and columns."""
    names = grid.text[0]
    if len(names) < 2 or names != grid.columns or grid.values.diagonal().any():
        return
    if abs(grid.values - sparse.csr_array(grid.values.T)).max() == 0:
        raise one_fault(
            ReadError,
            subject,
            f"this is a distance matrix of {len(names)} samples",
            expected=_ABUNDANCES,
            remedy=_READ_DISTANCES,
        )


def refuse_prose(grid: Grid, subject: str) -> None:
    """Raise `ReadError` where there is no column of numbers at all."""
    if not grid.columns:
        raise one_fault(
            ReadError,
            subject,
            "the file has no columns that could be numbers",
            expected=_ABUNDANCES,
            remedy="check that it is the right file",
        )


def _other_kind(header: list[str], rows: list[list[str]]) -> tuple[str, str]:
    """Say what the text is instead, and what to do; ("", "") where it may be abundances."""
    first, headings = header[0].casefold(), {folded(name) for name in header}
    beside = {0, lineage_place(header), *rank_places(header)}  # ids and lineages
    rest = [
        cell.strip() for cells in rows for k, cell in enumerate(cells) if k not in beside and cell.strip()
    ]
    words = sum(to_number(cell) is None for cell in rest)
    share = words / len(rest) if rest else 0.0
    every_rank = sum(bool(_EVERY_RANK.match(cells[0])) for cells in rows)
    ragged = sum(len(cells) != len(header) for cells in rows)
    lineages = lineage_place(header) is not None and (len(header) == 2 or headings & {"confidence", "size"})
    ranks = len(headings & RANK_NAMES)
    measured = any(
        k not in beside
        and folded(name) not in RANK_NAMES | {"confidence", "size", ""}
        and _holds_numbers(rows, k)
        for k, name in enumerate(header)
    )
    looks = {
        "this is a MetaPhlAn profile: shotgun data, with every rank in one table": (
            first == "clade_name" or every_rank > len(rows) / 2,
            _ONE_RANK,
        ),
        "these are sequences": (first.startswith((">", "@")), "give the table that was counted from them"),
        "this is a taxonomy, without abundances": (
            not measured and (lineages or ranks >= 3),
            "give the table first and this file as taxonomy=",
        ),
        "this is no table: most lines have another number of cells than the first": (
            ragged > len(rows) / 2,
            "check that it is the right file, and how its columns are separated",
        ),
        f"this looks like sample metadata: {words} of the first {len(rest)} cells are words": (
            share >= (0.25 if is_sample_heading(header[0]) else 0.4),
            "give the table first and this file as metadata=",
        ),
    }
    return next(((what, remedy) for what, (found, remedy) in looks.items() if found), ("", ""))


def _holds_numbers(rows: list[list[str]], column: int) -> bool:
    cells = [cells[column] for cells in rows if column < len(cells)]
    return bool(cells) and all(to_number(cell) is not None for cell in cells)
