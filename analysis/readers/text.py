"""Text tables of any habit: encoding, line ends, comments, separator, quotes, decimal commas."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field

from analysis.errors import Fault, ReadError, one_fault

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")

_SEPARATORS = ("\t", ";", ",")  # in this order: lineages hold semicolons, decimal numbers commas
_LOOKED_AT = 25  # lines that decide on the separator
_JOINED = 20  # lines that one quoted cell may run over
_NAMED = 3
_WIDE = 10_000  # columns
_WIDEST = 5_000_000  # more are a packed file of separators, each of which would take memory as a cell


@dataclass
class Layout:
    """A text table cut into a header and lines.

    Attributes
    ----------
    separator : str
        What stands between cells.
    header : list of str
        Column names.
    header_line : int
        Number of the header's line, from 1.
    lines : list of (int, str)
        The other lines that are not blank, with their numbers; a quoted cell may hold line ends.
    comments : list of (int, str)
        Lines before the header that begin with "#" and are not it.
    notes : list of str
        What was unusual: another encoding, an unnamed first column.
    """

    separator: str
    header: list[str]
    header_line: int
    lines: list[tuple[int, str]]
    comments: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def cells(self, line: str) -> list[str]:
        """Cut one of the lines into cells."""
        return split_cells(line, self.separator)


def decode(content: bytes, subject: str) -> tuple[str, str]:
    """Turn bytes into text with plain line ends.

    Returns
    -------
    text : str
        Without byte order mark; line ends are newlines whatever the system that wrote them.
    encoding : str
        "utf-8", "utf-16", "cp1252" or "latin-1": the last two where the bytes are not UTF-8.

    Raises
    ------
    ReadError
        Where the bytes are not text.
    """
    encodings = (
        ["utf-16"] if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp1252", "latin-1"]
    )
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text, encoding.removesuffix("-sig")
    raise one_fault(
        ReadError,
        subject,
        "the file is neither text nor a format that is read here",
        expected="BIOM, a tab- or comma-separated table, QIIME 2 .qza, mothur .shared, phyloseq .rds or .rda",
        remedy="check that it is the right file and that the download finished",
    )


def split_cells(line: str, separator: str) -> list[str]:
    r"""Cut a line into cells; quotes around a cell are taken off, doubled quotes inside are one.

    Examples
    --------
    >>> split_cells("a\t\"b;c\"\t5' end", "\t")
    ['a', 'b;c', "5' end"]
    """
    if '"' not in line:
        return line.split(separator)
    if line.count('"') % 2:
        return line.split(separator)  # a stray quote (5" pipe) is a character like any other
    try:
        return next(csv.reader([line], delimiter=separator))
    except (csv.Error, StopIteration):  # a cell over the csv module's limit of 131,072 characters
        return line.split(separator)


def lay_out(content: bytes, subject: str, *, headless: bool = False) -> Layout:
    """Find the header, the separator and the lines of a text table.

    Parameters
    ----------
    content : bytes
        The file.
    subject : str
        Its name, for messages.
    headless : bool
        The file has no header: all lines are data, and the header is empty.

    Returns
    -------
    Layout
        The table's parts. The header is the first "#" line before the data that has as many cells as the data
        (or one less, as R writes it), and otherwise the first line that is no comment.

    Raises
    ------
    ReadError
        Where the content is no text, or no separator cuts it into columns.
    """
    text, encoding = decode(content, subject)
    numbered = _joined([(i, line) for i, line in enumerate(text.split("\n"), start=1) if line.strip()])
    if not numbered:
        raise one_fault(ReadError, subject, "the file holds blank lines only")
    _refuse_endless(numbered[:_LOOKED_AT], subject)
    first = next((k for k, (_, line) in enumerate(numbered) if not line.startswith("#")), len(numbered))
    above, body = numbered[:first], numbered[first:]
    separator = _find_separator(above, body)
    if separator is None:
        raise one_fault(
            ReadError,
            subject,
            f"no tab, comma or semicolon cuts the lines into columns; the first is {numbered[0][1][:60]!r}",
            expected="a table with one separator throughout",
            remedy="save it as tab-separated text",
        )
    notes = [] if encoding in ("utf-8", "utf-16") else [f"text is not UTF-8 and was read as {encoding}"]
    if headless:
        return Layout(separator, [], 0, body, above, notes)
    width = len(split_cells(body[0][1], separator)) if body else 0
    sizes = [len(split_cells(line, separator)) for _, line in above]
    marked = [k for size in (width, width - 1) for k in range(first) if sizes[k] == size]
    if marked:
        place = marked[0]
        header_line, header = above[place]
        rest = [*above[place + 1 :], *body]
        comments = above[:place]
    elif body:
        (header_line, header), rest, comments = body[0], body[1:], above
    else:  # nothing but "#" lines: a header without data
        (header_line, header), rest, comments = above[-1], [], above[:-1]
    names = [name.strip() for name in split_cells(header, separator)]
    _refuse_repeats(names, header_line, subject)
    layout = Layout(separator, names, header_line, rest, comments, notes)
    _name_row_names(layout)
    return layout


def to_number(text: str) -> float | None:
    """Read one cell as a number, with a decimal point or comma; None where it is no number.

    Examples
    --------
    >>> to_number("1e3"), to_number("0,25"), to_number("1_000")
    (1000.0, 0.25, None)
    """
    text = text.strip()
    if NUMBER.fullmatch(text):
        return float(text)
    if COMMA_NUMBER.fullmatch(text):
        return float(text.replace(",", "."))
    return None


def ragged_fault(wrong: list[tuple[int, int]], width: int) -> Fault:
    """Describe lines with too few or too many cells.

    Parameters
    ----------
    wrong : list of (int, int)
        Line number and number of cells of each.
    width : int
        The number of cells of the header.
    """
    sizes = Counter(cells for _, cells in wrong)
    named = ", ".join(f"line {line} has {cells}" for line, cells in wrong[:_NAMED])
    rest = f", and {len(wrong) - _NAMED} more lines" if len(wrong) > _NAMED else ""
    remedy = "mend these lines: a separator is missing, or stands inside a cell that is not quoted"
    if len(sizes) == 1 and len(wrong) > _NAMED:
        remedy = "check the header, for all these lines agree: it may have a name too many or too few"
    return Fault(
        f"{len(wrong)} line(s) do not have as many cells as the header: {named}{rest}",
        expected=f"{width} cells in each line",
        remedy=remedy,
    )


def remarks_note(lines: list[int]) -> list[str]:
    """Note the lines below the header that were passed over as comments; no note where there are none."""
    if not lines:
        return []
    named = ", ".join(map(str, lines[:_NAMED])) + (", ..." if len(lines) > _NAMED else "")
    return [f"{len(lines)} line(s) that begin with '#' were taken as comments: line(s) {named}"]


def _joined(numbered: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Put lines together where a quoted cell runs over line ends; a quote never closed stays as it is."""
    if not any(line.count('"') % 2 for _, line in numbered):
        return numbered
    result, place = [], 0
    while place < len(numbered):
        number, line = numbered[place]
        place += 1
        if line.count('"') % 2 and re.search(r'(?:^|[\t;,])"[^"]*$', line):
            for ahead in range(place, min(place + _JOINED, len(numbered))):
                if numbered[ahead][1].count('"') % 2:
                    line = "\n".join([line, *(text for _, text in numbered[place : ahead + 1])])
                    place = ahead + 1
                    break
        result.append((number, line))
    return result


def _refuse_endless(numbered: list[tuple[int, str]], subject: str) -> None:
    """Refuse a line of more columns than any table has, before it is cut."""
    for number, line in numbered:
        columns = 1 + (max(map(line.count, _SEPARATORS)) if len(line) > _WIDEST else 0)
        if columns > _WIDEST:
            raise one_fault(
                ReadError,
                subject,
                f"the line has {columns:,} columns",
                where=f"line {number}",
                expected=f"at most {_WIDEST:,}",
                remedy="check that it is the right file; give a large table as BIOM, or features as rows",
            )


def _refuse_repeats(names: list[str], line: int, subject: str) -> None:
    """Refuse a very wide header of few names at once: what looks at each of them would take minutes."""
    if len(names) > _WIDE and (different := len(set(names))) < len(names) / 2:
        raise one_fault(
            ReadError,
            subject,
            f"the header has {len(names):,} columns and only {different:,} different names",
            where=f"line {line}",
            expected="a name of its own for each column",
            remedy="check that it is the right file, and how its columns are separated",
        )


def _find_separator(above: list[tuple[int, str]], body: list[tuple[int, str]]) -> str | None:
    """Choose the separator that cuts header and lines into the same number of cells, two at least."""
    lines = [line for _, line in body[:_LOOKED_AT]] or [line for _, line in above[-1:]]
    steady, longest = [], {}
    for separator in _SEPARATORS:
        first, *rest = (len(split_cells(line, separator)) for line in lines)
        width = rest[-1] if rest else first
        if first in (width, width - 1) and first > 1 and all(cells == width for cells in rest):
            steady.append(separator)
        longest[separator] = sorted([first, *rest])[len(lines) // 2]
        for _, line in above:  # a header behind "#" settles it
            if width > 1 and len(split_cells(line, separator)) in (width, max(width - 1, 2)):
                return separator
    if steady:
        return "," if steady == [";", ","] and lines[0].count(",") > lines[0].count(";") else steady[0]
    best = max(longest, key=lambda separator: longest[separator])
    return best if longest[best] > 1 else None


def _name_row_names(layout: Layout) -> None:
    """Settle a header that is one name short (R's row names) or lines that end with a separator."""
    if not layout.lines:
        return
    cells = layout.cells(layout.lines[0][1])
    if len(cells) != len(layout.header) + 1:
        return
    if cells[-1].strip() == "":
        layout.header.append("")
        return
    layout.header.insert(0, "")
    layout.notes.append("the header is one name short: the first column was taken as row names")
