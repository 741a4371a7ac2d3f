"""Sample metadata: ids kept as text, numbers recognised, one row a sample."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import Fault, IdError, MetadataError, ReadError, did_you_mean, listed, one_fault
from analysis.readers.columns import typed_column
from analysis.readers.headings import FEATURE_NAMES, SURE_SAMPLE_NAMES, folded, is_sample_heading
from analysis.readers.opening import Opened, open_file
from analysis.readers.raw import as_error, raise_together
from analysis.readers.text import Layout, lay_out, ragged_fault, remarks_note
from analysis.validation import find_duplicates

_NAMED = 5


def read_metadata(path: str | os.PathLike[str], id_column: str | None = None) -> pd.DataFrame:
    r"""Read sample metadata from text.

    Parameters
    ----------
    path : str or path-like
        A tab-, comma- or semicolon-separated file, compressed or not, with one row a sample. A QIIME 2 row
        of types ("#q2:types") is obeyed; shorter lines that begin with "#" are comments, and noted.
    id_column : str, optional
        The column of sample ids. Without it, one named like "sample-id" or "#SampleID", or the first.

    Returns
    -------
    pandas.DataFrame, shape (n_samples, n_columns)
        Indexed by sample id, always text. Columns of numbers are int64 or float64; the others are text as
        written, without white space around it. What was unusual is listed in ``.attrs["notes"]``.

    Raises
    ------
    ReadError, MetadataError, IdError
        Where the file is damaged, lines are ragged, columns or ids are repeated, ids are empty, or a column
        that is declared numeric is not; all faults at once.

    Notes
    -----
    Empty cells, NA and NaN are missing everywhere. Words such as "missing", "not applicable" or "Restricted
    access" are missing only in columns that hold numbers otherwise, and are noted; elsewhere they are a
    category, as the file says. Numbers with leading zeros stay text, for they are names.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import analysis as an
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "samples.csv")
    ...     _ = path.write_text("sample-id,diet,day\nS1,chow,0\nS2,,7\n", encoding="utf-8")
    ...     found = an.readers.read_metadata(path)
    >>> found["day"].tolist(), found["diet"].isna().tolist()
    ([0, 7], [False, True])
    """
    return metadata_of(open_file(path)).frame(id_column)


@dataclass(frozen=True)
class MetadataText:
    """A metadata file cut into columns of text, before one of them is taken as the sample ids.

    Attributes
    ----------
    name : str
        The file's name.
    header : list of str
        Column names, each once.
    columns : list of list of str
        The cells of each column, stripped.
    line_numbers : list of int
        Where each row stands in the file.
    declared : dict of int to str
        What the row of types says of each column.
    faults : list of Fault
        Lines of another length and repeated names.
    notes : list of str
        What was unusual.
    """

    name: str
    header: list[str]
    columns: list[list[str]]
    line_numbers: list[int]
    declared: dict[int, str]
    faults: list[Fault]
    notes: list[str]

    def possible_ids(self, id_column: str | None = None) -> set[str]:
        """Return the cells of every column that may hold the sample ids."""
        return {cell for k in self._id_choices(id_column) for cell in self.columns[k]}

    def best_match(self, wanted: Collection[str]) -> tuple[str, int]:
        """Name the column that holds most of the wanted ids, with their number."""
        known = set(wanted)
        matches = [len(known.intersection(cells)) for cells in self.columns]
        best = int(np.argmax(matches))
        return self.header[best], matches[best]

    def frame(self, id_column: str | None = None, wanted: Collection[str] = ()) -> pd.DataFrame:
        """Build the metadata, indexed by sample id.

        Parameters
        ----------
        id_column : str, optional
            The column of ids.
        wanted : collection of str
            The table's sample ids, which decide between columns that may hold the ids.
        """
        known = set(wanted)
        choices = self._id_choices(id_column)
        place = choices[int(np.argmax([len(known.intersection(self.columns[k])) for k in choices]))]
        ids = self.columns[place]
        notes = list(self.notes)
        if place:
            notes.append(f"samples are named by the metadata column {self.header[place]!r}")
        faults, table = list(self.faults), {}
        for k, name in enumerate(self.header):
            if k != place:
                table[name], more_notes, more_faults = typed_column(
                    name, self.columns[k], self.line_numbers, self.declared.get(k)
                )
                notes += more_notes
                faults += more_faults
        remedy = "merge or rename these rows; or name another column with id_column="
        best, matching = self.best_match(known)
        if id_column is None and matching > len(known.intersection(ids)):
            remedy = f"column {best!r} holds {matching} of the table's sample ids: say id_column={best!r}"
        errors = as_error(self.name, faults, MetadataError)
        errors += as_error(self.name, _id_faults(ids, self.line_numbers, remedy), IdError)
        raise_together(self.name, errors)
        return metadata_frame(table, ids, notes)

    def _id_choices(self, id_column: str | None) -> list[int]:
        """Return the places of the columns that may hold the ids, the likeliest first."""
        if id_column is not None:
            if id_column not in self.header:
                raise no_id_column(id_column, self.header, self.name)
            return [self.header.index(id_column)]
        sure = [k for k, name in enumerate(self.header) if k and folded(name) in SURE_SAMPLE_NAMES]
        return [0, *sure] if is_sample_heading(self.header[0]) else [*sure, 0]


def metadata_of(opened: Opened) -> MetadataText:
    """Cut an opened metadata file into columns; what is wrong with its lines is kept for `frame` to raise."""
    if opened.kind not in ("text", "newick"):
        excel = opened.kind == "excel" or b"xl/" in opened.content[:4_096] + opened.content[-65_536:]
        raise one_fault(
            ReadError,
            opened.name,
            "this is an Excel workbook" if excel else "this is no text table",
            expected="sample metadata as tab- or comma-separated text",
            remedy="save the sheet as tab-separated text (.tsv)" if excel else "give the metadata as a .tsv",
        )
    layout = lay_out(opened.content, opened.name)
    _refuse_taxonomy(list(layout.header), opened.name)
    declared, rows, remarks = _rows(layout)
    width = len(layout.header)
    faults = []
    wrong = [(number, len(cells)) for number, cells in rows if len(cells) != width]
    if wrong:
        faults.append(ragged_fault(wrong, width))
    rows = [(number, cells) for number, cells in rows if len(cells) == width]
    columns = [[cells[k].strip() for _, cells in rows] for k in range(width)]
    notes = [*layout.notes, *remarks]
    padded = sum(cell != cell.strip() for _, cells in rows for cell in cells)
    if padded:
        notes.append(f"white space around {padded} metadata cell(s) was taken off")
    header = [name or f"unnamed_{k + 1}" for k, name in enumerate(layout.header)]
    if width > 1 and layout.header[-1] == "" and not any(columns[-1]):  # lines that end with a separator
        del header[-1], columns[-1]
    repeated = find_duplicates(header)
    if repeated:
        faults.append(
            Fault(
                f"{len(repeated)} column name(s) stand more than once: {listed(repeated)}",
                expected="each once",
            )
        )
    return MetadataText(opened.name, header, columns, [number for number, _ in rows], declared, faults, notes)


def _refuse_taxonomy(headings: list[object], subject: str) -> None:
    """Raise `MetadataError` where the headings are those of a taxonomy: features and their lineages."""
    first, *others = [folded(heading) for heading in headings]
    if is_sample_heading(first) or "taxon" not in others:
        return
    if first in FEATURE_NAMES or "confidence" in others:
        raise one_fault(
            MetadataError,
            subject,
            f"this is a taxonomy of features: its columns are {listed(headings)}",
            expected="sample metadata, one row a sample",
            remedy="give it as taxonomy=",
        )


def metadata_from_frame(
    frame: pd.DataFrame, id_column: str | None = None, wanted: Collection[str] = ()
) -> pd.DataFrame:
    """Bring a data frame to the form of `read_metadata`: ids as text in the index, columns as they are."""
    subject = "metadata"
    _refuse_taxonomy([frame.index.name or "", *frame.columns], subject)
    if id_column is not None:
        if id_column not in frame.columns:
            raise no_id_column(id_column, list(map(str, frame.columns)), subject)
        choices = {id_column: id_texts(frame[id_column])}
    else:
        choices = {None: id_texts(frame.index)} | {
            c: id_texts(frame[c]) for c in frame.columns if folded(c) in SURE_SAMPLE_NAMES
        }
    known = set(wanted)
    best = max(choices, key=lambda name: len(known.intersection(choices[name])))
    result = frame.copy() if best is None else frame.drop(columns=[best])
    result.index = pd.Index(choices[best], name="sample_id", dtype=object)
    faults = _id_faults(choices[best], range(1, len(frame) + 1), "merge or rename these rows")
    raise_together(subject, as_error(subject, faults, IdError))
    return result


def metadata_frame(table: dict[str, np.ndarray], ids: list[str], notes: list[str]) -> pd.DataFrame:
    """Put columns together under their ids, with notes in ``.attrs``."""
    frame = pd.DataFrame(table, index=pd.Index(ids, name="sample_id", dtype=object))
    frame.attrs["notes"] = notes
    return frame


def typed_frame(columns: dict[str, list[str]], ids: list[str]) -> pd.DataFrame:
    """Build metadata from columns of text that a table's own file carries, with numbers recognised."""
    notes: list[str] = []
    table = {}
    for name, cells in columns.items():
        table[name], more, _ = typed_column(name, [cell.strip() for cell in cells], range(len(cells)))
        notes += more
    return metadata_frame(table, ids, notes)


def id_texts(values: Iterable[object]) -> list[str]:
    """Write ids as text; 1.0, which pandas makes of a column of whole numbers with gaps, is "1"."""
    return [
        str(int(value))
        if isinstance(value, float | np.floating) and value.is_integer()
        else str(value).strip()
        for value in values
    ]


def no_id_column(id_column: str, header: list[str], subject: str) -> MetadataError:
    """Build the error for a column of ids that does not exist."""
    return one_fault(
        MetadataError,
        subject,
        f"there is no column {id_column!r}",
        where="id_column=",
        remedy=did_you_mean(id_column, header),
    )


def _rows(layout: Layout) -> tuple[dict[int, str], list[tuple[int, list[str]]], list[str]]:
    """Take the row of types, the comments and the rows without any entry out of the lines."""
    declared: dict[int, str] = {}
    rows = []
    comments: list[int] = []
    for number, line in layout.lines:
        cells = layout.cells(line)
        if cells[0].strip().casefold() == "#q2:types":
            declared = {k: cell.strip().casefold() for k, cell in enumerate(cells) if k and cell.strip()}
        elif line.startswith("#") and (
            len(cells) != len(layout.header) or not any(map(str.strip, cells[1:]))
        ):
            comments.append(number)
        elif any(cell.strip() for cell in cells):
            rows.append((number, cells))
    return declared, rows, remarks_note(comments)


def _id_faults(ids: list[str], line_numbers: Collection[int], remedy: str) -> list[Fault]:
    faults = []
    repeated = find_duplicates([name for name in ids if name])
    if repeated:
        faults.append(
            Fault(
                f"{len(repeated)} sample id(s) stand more than once: {listed(repeated)}",
                expected="one row for each sample",
                remedy=remedy,
            )
        )
    blank = [line for line, name in zip(line_numbers, ids, strict=True) if name == ""]
    if blank:
        lines = ", ".join(map(str, blank[:_NAMED])) + (", ..." if len(blank) > _NAMED else "")
        faults.append(
            Fault(
                f"{len(blank)} row(s) have no sample id",
                where=f"line(s) {lines}",
                expected="an id in each row",
                remedy="fill them in or delete these rows",
            )
        )
    return faults
