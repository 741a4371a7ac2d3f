"""Columns of metadata: whole numbers, numbers or words, with missing values told apart from words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from analysis.errors import Fault, listed
from analysis.readers.text import COMMA_NUMBER, NUMBER

_BLANK = {"", "na", "n/a", "#n/a", "nan", "null"}
_WORDS = {
    "missing", "not applicable", "not collected", "not provided", "restricted access", "not available",
    "unknown", "unspecified", "none", "-", "?", ".",
}  # fmt: skip
_WHOLE = re.compile(r"[+-]?\d+")
_LEADING_ZERO = re.compile(r"[+-]?0\d")
_LONGEST = 19  # digits that Python is asked to turn into a number
_LARGEST = 2**53
_NAMED = 5


def typed_column(
    name: str, cells: list[str], line_numbers: Sequence[int], declared: str | None = None
) -> tuple[np.ndarray, list[str], list[Fault]]:
    """Decide what a column of text holds.

    Parameters
    ----------
    name : str
        The column's name, for notes and faults.
    cells : list of str
        Its cells, stripped.
    line_numbers : sequence of int
        Where each cell stands in the file.
    declared : {"numeric", "categorical"}, optional
        What the file's row of types says.

    Returns
    -------
    values : numpy.ndarray
        int64, float64 (NaN where missing), or object: text as written (NaN where missing).
    notes : list of str
        Words that were taken as missing.
    faults : list of Fault
        Cells that are no numbers in a column declared numeric.
    """
    blank = {""} if declared == "categorical" else _BLANK
    present = [cell for cell in cells if cell.casefold() not in blank]
    others = {cell for cell in set(present) if not (NUMBER.fullmatch(cell) or COMMA_NUMBER.fullmatch(cell))}
    words = {cell for cell in others if cell.casefold() in _WORDS or cell.casefold().startswith("missing:")}
    wrong = others - words
    faults: list[Fault] = []
    if declared == "numeric" and wrong:
        places = [(line, cell) for line, cell in zip(line_numbers, cells, strict=True) if cell in wrong]
        faults.append(
            Fault(
                f"{len(places)} cell(s) are no numbers: "
                + "; ".join(f"line {line}: {cell!r}" for line, cell in places[:_NAMED]),
                where=f"column {name!r}, declared numeric in the row of types",
                expected="numbers or empty cells",
                remedy="correct the cells, or declare the column categorical",
            )
        )
    names_with_zeros = declared is None and any(_LEADING_ZERO.match(cell) for cell in present)
    has_numbers = any(cell not in others for cell in present)
    if declared == "categorical" or wrong or names_with_zeros or not has_numbers:
        values = np.array([np.nan if cell.casefold() in blank else cell for cell in cells], dtype=object)
        return (values if present else np.full(len(cells), np.nan)), [], faults
    notes = []
    if words:
        number = sum(cell in words for cell in cells)
        taken = listed(sorted(words))
        notes.append(f"metadata column {name!r}: {number} cell(s) taken as missing: {taken}")
    missing = blank | {word.casefold() for word in words}
    return _numbers([None if cell.casefold() in missing else cell for cell in cells], cells), notes, faults


def _numbers(texts: list[str | None], cells: list[str]) -> np.ndarray:
    """Turn numbers into the narrowest type that holds them; ids too long for a number stay text."""
    if all(text is not None and _WHOLE.fullmatch(text) for text in texts):
        whole = [int(text) for text in texts if text is not None and len(text) <= _LONGEST]
        if len(whole) == len(texts) and all(abs(number) <= _LARGEST for number in whole):
            return np.array(whole, dtype=np.int64)
        return np.array(cells, dtype=object)
    decimals = [np.nan if text is None else float(text.replace(",", ".")) for text in texts]
    return np.array(decimals, dtype=np.float64)
