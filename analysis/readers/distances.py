"""Distance matrices: QIIME 2 artifacts, square text tables, mothur's lower triangles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import Fault, IdError, ReadError, listed, one_fault
from analysis.readers.archive import read_artifact
from analysis.readers.numbers import read_numbers
from analysis.readers.opening import Opened, open_file
from analysis.readers.raw import as_error, raise_together
from analysis.readers.text import decode, lay_out
from analysis.validation import find_duplicates

if TYPE_CHECKING:
    from skbio import DistanceMatrix

_MOST = 20_000  # samples: a matrix of this size takes 3.2 GB
_NAMED = 5
_ROUNDING = 1e-9


def read_distances(path: str | os.PathLike[str]) -> DistanceMatrix:
    r"""Read a matrix of distances between samples.

    Parameters
    ----------
    path : str or path-like
        A .qza of type DistanceMatrix, a square text table with ids in the first row and column, or a PHYLIP
        file as mothur writes it (square or lower triangle). Compressed or not.

    Returns
    -------
    skbio.DistanceMatrix
        Symmetric, with zeros on the diagonal; the ids are text. Its attribute ``notes`` lists what was passed
        over or unusual in a text table: comments above and below the header, an encoding other than UTF-8.

    Raises
    ------
    ReadError, IdError
        Where the file is damaged or of another type, or the numbers are no distances: negative, missing, not
        symmetric, other than 0 on the diagonal; all faults at once.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import analysis as an
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "distances.csv")
    ...     _ = path.write_text(",S1,S2\nS1,0,0.4\nS2,0.4,0\n", encoding="utf-8")
    ...     found = an.readers.read_distances(path)
    >>> found.ids, float(found["S1", "S2"])
    (('S1', 'S2'), 0.4)
    """
    opened = open_file(path)
    content = opened.content
    if opened.kind == "zip":
        content = read_artifact(opened, "DistanceMatrix").content
    elif opened.kind != "text":
        raise one_fault(
            ReadError,
            opened.name,
            "this is no distance matrix",
            expected="a .qza of type DistanceMatrix, a square text table or a PHYLIP file",
        )
    first = content[:100].split(b"\n", 1)[0].strip()
    if first.isdigit():
        ids, values, faults = _phylip(content, int(first), opened.name)
        notes: list[str] = []
    else:
        ids, values, faults, notes = _square(content, opened)
    matrix = _checked(ids, values, faults, opened.name)
    matrix.notes = notes
    return matrix


def _checked(ids: list[str], values: np.ndarray, faults: list[Fault], subject: str) -> DistanceMatrix:
    if not ids:
        faults.append(Fault("there are no distances", expected="a line for each sample"))
    if not faults:
        faults += _value_faults(ids, values)
    id_faults = []
    repeated = find_duplicates(ids)
    if repeated:
        id_faults.append(Fault(f"{len(repeated)} sample id(s) stand more than once: {listed(repeated)}"))
    raise_together(subject, as_error(subject, faults, ReadError) + as_error(subject, id_faults, IdError))
    from skbio import DistanceMatrix

    symmetric = (values + values.T) / 2  # takes off what rounding to a few decimals may have left
    return DistanceMatrix(symmetric, ids)


def _value_faults(ids: list[str], values: np.ndarray) -> list[Fault]:
    def places(mask: np.ndarray) -> str:
        found = np.argwhere(mask)
        named = "; ".join(f"{ids[i]!r} to {ids[j]!r}: {values[i, j]:g}" for i, j in found[:_NAMED])
        return f"{len(found)} distance(s): {named}"

    faults = []
    with np.errstate(invalid="ignore"):
        for mask, what, expected in (
            (~np.isfinite(values), "missing or infinite", "a number for each pair"),
            (values < 0, "negative", "distances of 0 or more"),
            (
                np.abs(np.diag(np.diag(values))) > _ROUNDING,
                "from a sample to itself not 0",
                "0 on the diagonal",
            ),
            (np.abs(values - values.T) > _ROUNDING, "not the same both ways", "a symmetric matrix"),
        ):
            if mask.any():
                faults.append(Fault(f"{what}: {places(mask)}", expected=expected))
    return faults


def _square(content: bytes, opened: Opened) -> tuple[list[str], np.ndarray, list[Fault], list[str]]:
    """Read a table with the ids in its first row and column."""
    layout = lay_out(content, opened.name)
    grid = read_numbers(layout, [0, *(k for k, name in enumerate(layout.header) if k and not name)])
    ids, faults = grid.text[0], grid.faults
    above = [f"comment in line {number}: {line.strip('# ')}" for number, line in layout.comments]
    notes = [*above, *layout.notes, *grid.notes]
    if not faults and ids != grid.columns:
        only_rows, only_columns = set(ids) - set(grid.columns), set(grid.columns) - set(ids)
        what = f"{len(ids)} rows and {len(grid.columns)} columns"
        if only_rows or only_columns:
            what += f"; ids in one of them only: {listed(sorted(only_rows | only_columns))}"
        else:
            what += ", in another order"
        faults = [
            Fault(
                f"the ids of rows and columns differ: {what}",
                expected="a square table, with the same ids in the same order",
                remedy="a table of abundances is read by read_study(path)",
            )
        ]
    if faults:
        return ids, np.empty((0, 0)), faults, notes
    return ids, grid.values.toarray(), faults, notes


def _phylip(content: bytes, size: int, subject: str) -> tuple[list[str], np.ndarray, list[Fault]]:
    """Read PHYLIP: the number of samples, then for each its name and its distances to those before."""
    text, _ = decode(content, subject)
    numbered = [(k, line.split()) for k, line in enumerate(text.split("\n"), start=1) if line.strip()][1:]
    if not 0 < size == len(numbered) <= _MOST:
        raise one_fault(
            ReadError,
            subject,
            f"the first line says {size:,} samples and {len(numbered):,} follow",
            expected=f"a line for each sample, and at most {_MOST:,}",
            remedy="the file is truncated: copy it again",
        )
    ids = [cells[0] for _, cells in numbered]
    square = len(numbered[0][1]) > 1
    widths = [size if square else row for row in range(size)]
    wrong = [
        f"line {line} has {len(cells) - 1} distances, {width} expected"
        for (line, cells), width in zip(numbered, widths, strict=True)
        if len(cells) - 1 != width
    ]
    if wrong:  # before room is made for a matrix: a short file may speak of 20,000 samples
        return ids, np.empty((0, 0)), _wrong_lines(wrong)
    values = np.zeros((size, size))
    for row, (line, cells) in enumerate(numbered):
        try:
            values[row, : widths[row]] = [float(cell) for cell in cells[1:]]
        except ValueError as error:
            wrong.append(f"line {line}: {error}")
    if not square:
        values += values.T
    return ids, values, _wrong_lines(wrong)


def _wrong_lines(wrong: list[str]) -> list[Fault]:
    if not wrong:
        return []
    more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    what = f"{len(wrong)} line(s) are wrong: {'; '.join(wrong[:_NAMED])}{more}"
    return [Fault(what, expected="PHYLIP distances")]
