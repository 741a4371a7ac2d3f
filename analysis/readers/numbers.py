"""The numeric part of a text table, read line by line into a sparse array, with every bad cell noted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from analysis.errors import Fault, listed
from analysis.readers.text import COMMA_NUMBER, THOUSANDS, Layout, ragged_fault, remarks_note, to_number

_NAMED = 5


@dataclass
class Grid:
    """A table of numbers with text columns beside it.

    Attributes
    ----------
    values : scipy.sparse.csr_array, shape (n_lines, n_numeric_columns)
        The numbers; a cell that is no number is 0 here and a fault below.
    columns : list of str
        Names of the numeric columns.
    text : list of list of str
        The text columns, in the order in which they were asked for, stripped.
    line_numbers : list of int
        Where each row stands in the file.
    faults : list of Fault
        Lines of another length and cells that are no numbers, all of them counted and the first ones named.
    notes : list of str
        Comments below the header: lines that begin with "#" and have another length than the table.
    """

    values: sparse.csr_array
    columns: list[str]
    text: list[list[str]]
    line_numbers: list[int]
    faults: list[Fault]
    notes: list[str]


@dataclass
class _Bad:
    """What went wrong so far, kept small however large the file."""

    ragged: list[tuple[int, int]] = field(default_factory=list)
    cells: list[tuple[int, int, str]] = field(default_factory=list)
    total: int = 0
    by_column: dict[int, int] = field(default_factory=dict)
    commas: int = 0
    thousands: int = 0
    points: bool = False

    def cell(self, line: int, column: int, text: str) -> None:
        self.total += 1
        self.by_column[column] = self.by_column.get(column, 0) + 1
        if self.by_column[column] <= _NAMED:
            self.cells.append((line, column, text))


def read_numbers(layout: Layout, text_columns: list[int]) -> Grid:
    """Read all columns but some as numbers.

    Parameters
    ----------
    layout : Layout
        The table.
    text_columns : list of int
        Positions of the columns that hold text: ids, lineages.

    Returns
    -------
    Grid
        Numbers, text and faults. Nothing is raised here, so that the caller can add the faults that it finds.

    Notes
    -----
    Most cells of such tables are "0". Lines without quotes are searched for single zeros as bytes, and only
    the other cells are converted, which reads some 50 million cells a second.
    """
    width = len(layout.header)
    aside = set(text_columns)
    lead = next((k for k in range(width) if k not in aside), width)
    tail = next((k for k in range(width) if width - 1 - k not in aside), 0)
    quick = lead + tail == len(text_columns)  # the text stands on the outside
    numeric = np.setdiff1d(np.arange(width), text_columns)
    bad = _Bad()
    texts, rows, numbers, line_numbers = [], [], [], []
    comments: list[int] = []
    for number, line in layout.lines:
        row = _quick_row(line, layout.separator, width, lead, tail, bad) if quick else None
        if row is None:
            cells = layout.cells(line)
            if len(cells) != width:
                if line.startswith("#"):
                    comments.append(number)
                else:
                    bad.ragged.append((number, len(cells)))
                continue
            row = [cells[k].strip() for k in text_columns], *_slow_values(cells, numeric, number, bad)
        texts.append(row[0])
        rows.append(row[1])
        numbers.append(row[2])
        line_numbers.append(number)
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    values = sparse.csr_array(
        (
            np.concatenate(numbers) if numbers else np.empty(0),
            np.concatenate(rows) if rows else np.empty(0, dtype=np.int64),
            indptr,
        ),
        shape=(len(rows), len(numeric)),
    )
    names = [layout.header[k] for k in numeric]
    columns_of_text = [list(column) for column in zip(*texts, strict=True)] or [[] for _ in text_columns]
    return Grid(
        values, names, columns_of_text, line_numbers, _faults(bad, layout, len(rows)), remarks_note(comments)
    )


def _quick_row(
    line: str, separator: str, width: int, lead: int, tail: int, bad: _Bad
) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """Read a line of plain numbers between text cells; None where it is anything else."""
    if '"' in line or line.count(separator) != width - 1 or lead + tail >= width:
        return None
    *text, rest = line.split(separator, lead)
    if tail:
        rest, *end = rest.rsplit(separator, tail)
        text += end
    if "_" in rest or not rest.isascii():  # float() would take 1_000 for a number
        return None
    found = _quick_values(rest.encode("ascii"), separator)
    if found is None:
        return None
    bad.points = bad.points or "." in rest
    return [cell.strip() for cell in text], *found


def _quick_values(numbers: bytes, separator: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Read the cells that are not a bare zero; None where one of them is no plain number."""
    characters = np.frombuffer(numbers, dtype=np.uint8)
    cuts = np.flatnonzero(characters == ord(separator))
    starts = np.concatenate([[0], cuts + 1])
    ends = np.concatenate([cuts, [len(characters)]])
    zero = ends - starts == 1
    zero[zero] = characters[starts[zero]] == ord("0")
    columns = np.flatnonzero(~zero)
    try:
        values = [
            float(numbers[start:end]) for start, end in zip(starts[columns], ends[columns], strict=True)
        ]
    except ValueError:
        return None
    return columns, np.array(values, dtype=np.float64)


def _slow_values(
    cells: list[str], numeric: np.ndarray, line: int, bad: _Bad
) -> tuple[np.ndarray, np.ndarray]:
    columns, values = [], []
    for place, column in enumerate(numeric):
        text = cells[column].strip()
        if text == "0":
            continue
        value = to_number(text)
        if value is None:
            bad.cell(line, int(column), text)
            continue
        if COMMA_NUMBER.fullmatch(text):
            bad.commas += 1
            bad.thousands += THOUSANDS.fullmatch(text) is not None
        elif "." in text:
            bad.points = True
        columns.append(place)
        values.append(value)
    return np.array(columns, dtype=np.int64), np.array(values, dtype=np.float64)


def _faults(bad: _Bad, layout: Layout, n_rows: int) -> list[Fault]:
    faults = []
    if bad.ragged:
        faults.append(ragged_fault(bad.ragged, len(layout.header)))
    whole = [column for column, number in bad.by_column.items() if number == n_rows and n_rows > 1]
    if whole:
        example = next(text for _, column, text in bad.cells if column == whole[0])
        faults.append(
            Fault(
                f"{len(whole)} column(s) hold text in every line: {listed(layout.header[k] for k in whole)}; "
                f"for example {example!r}",
                expected="numbers only, beside the ids and a taxonomy column",
                remedy="leave these columns out; what describes samples goes to metadata=",
            )
        )
    single = sorted((line, column, text) for line, column, text in bad.cells if column not in whole)
    total = bad.total - sum(bad.by_column[column] for column in whole)
    if total:
        named = "; ".join(
            f"line {line}, column {layout.header[column]!r}: " + (repr(text[:40]) if text else "empty")
            for line, column, text in single[:_NAMED]
        )
        rest = f"; and {total - _NAMED} more" if total > _NAMED else ""
        faults.append(
            Fault(
                f"{total} cell(s) are no numbers: {named}{rest}",
                expected="a number in every cell",
                remedy="write 0 where a feature was not seen",
            )
        )
    if bad.commas and bad.points:
        faults.append(
            Fault(
                f"{bad.commas} number(s) have a comma and others a decimal point",
                expected="one decimal sign throughout the file",
                remedy="write all numbers with a decimal point and without separators of thousands",
            )
        )
    elif bad.commas and bad.commas == bad.thousands:
        faults.append(
            Fault(
                f"{bad.commas} number(s) such as '1,234' may be thousands or fractions",
                expected="numbers that can be read in one way only",
                remedy="write them without separators of thousands, or with more decimals",
            )
        )
    return faults
