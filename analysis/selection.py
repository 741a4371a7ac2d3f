"""Find what a caller names: samples and features by id or mask, levels of a column, and the gaps in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

from analysis.errors import IdError, ParameterError, did_you_mean, listed, one_fault
from analysis.validation import check_unique


def find_positions(wanted: object, ids: pd.Index, subject: str) -> np.ndarray:
    """Turn ids or a mask into row numbers.

    Parameters
    ----------
    wanted : str, iterable of ids, or boolean Series or array
        What to keep.
    ids : pandas.Index of str
        What there is.
    subject : str
        The table, for the messages.

    Raises
    ------
    ParameterError
        Where it is neither, or has no order (a set).
    IdError
        Where an id does not exist or a mask does not fit.
    """
    if isinstance(wanted, str):
        wanted = [wanted]
    unordered = isinstance(wanted, set | frozenset | Mapping | pd.DataFrame)
    if unordered or not isinstance(wanted, Iterable) or getattr(wanted, "ndim", 1) != 1:
        raise one_fault(
            ParameterError,
            subject,
            f"a {type(wanted).__name__} does not say which {ids.name}s to keep",
            expected="a list of ids in the order wanted, or a boolean Series or array",
            remedy=f"for positions give study.{ids.name}s[start:stop]; put a set in order with sorted(...)",
        )
    values = wanted if isinstance(wanted, pd.Series) else pd.Series(list(wanted), dtype=object)
    flags = [isinstance(value, bool | np.bool_) for value in values]
    if any(flags) and all(flag or pd.isna(value) for flag, value in zip(flags, values, strict=True)):
        return _masked(values, isinstance(wanted, pd.Series), ids, subject)
    names = pd.Index([str(value) for value in values], dtype=object)
    check_unique(names, str(ids.name).removesuffix("_id"), subject)
    found = ids.get_indexer(names)
    unknown = names[found < 0]
    if len(unknown):
        raise one_fault(
            IdError,
            subject,
            f"{len(unknown)} {ids.name}(s) do not exist: {listed(unknown)}",
            remedy=did_you_mean(unknown[0], ids),
        )
    return found


def _masked(mask: pd.Series, by_index: bool, ids: pd.Index, subject: str) -> np.ndarray:
    size, missing = len(mask), int(mask.isna().sum())
    if by_index:
        named = mask.set_axis([str(i) for i in mask.index])
        mask = named.reindex(ids) if named.index.is_unique else mask.iloc[:0]
    if len(mask) != len(ids) or mask.isna().any():
        raise one_fault(
            IdError,
            subject,
            f"a mask of {size} values does not fit {len(ids)} ids"
            + (f": {missing} value(s) are missing" if missing else ""),
            expected=f"one True or False for each {ids.name}",
        )
    return np.flatnonzero(mask.to_numpy(dtype=bool))


def match_level(wanted: object, levels: Iterable[object]) -> str | None:
    """Find the level of a column that a value stands for.

    Numbers compare as numbers, so that 0, 0.0 and "0" all name the level 0.0; text compares as it is written.

    Parameters
    ----------
    wanted : scalar
        What the caller gave.
    levels : iterable of scalars
        The column's values; gaps are passed over.

    Returns
    -------
    str or None
        The level as text, in the way that the whole column turns into text; None where there is none.

    Examples
    --------
    >>> match_level(0, [0.0, 1.0]), match_level("none", ["none", "high"]), match_level(2, [0.0, 1.0])
    ('0.0', 'none', None)
    >>> match_level("1.0", ["1", "2"]) is None
    True
    """
    if not pd.api.types.is_scalar(wanted) or pd.isna(wanted):
        return None
    there = list(pd.unique(pd.Series(list(levels), dtype=object).dropna()))
    for level in there:
        if str(level) == str(wanted):
            return str(level)
    number = _as_number(wanted)
    if number is not None:
        for level in there:
            if not isinstance(level, str | bool | np.bool_) and _as_number(level) == number:
                return str(level)
    return None


def _as_number(value: object) -> float | None:
    """Read a number, or text that is one; booleans, dates and other text are none."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, str | Real | Decimal):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def find_gaps(column: pd.Series) -> pd.Series:
    """Mark missing values and blank text, which says no more than a missing value does.

    Examples
    --------
    >>> find_gaps(pd.Series(["a", " ", "", None])).tolist()
    [False, True, True, True]
    """
    missing = column.isna()
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return missing
    return missing | (column.astype(str).str.strip() == "")
