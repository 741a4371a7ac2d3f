"""Metadata columns found by name, however it is spelt, and how much stands in them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from analysis.claims.answers import is_missing
from analysis.claims.model import Field

_MARKS = str.maketrans("", "", "_-. :/()[]'\"")


def plain_name(name: object) -> str:
    """Write a name without case, blanks and marks.

    Examples
    --------
    >>> plain_name("Host_Subject-ID")
    'hostsubjectid'
    """
    return str(name).casefold().translate(_MARKS)


def find_column(metadata: pd.DataFrame, names: Iterable[object]) -> str | None:
    """Return the column that goes by the first of the names that is there; None where none is."""
    there = {plain_name(column): column for column in reversed(metadata.columns)}
    for name in names:
        if plain_name(name) in there:
            return there[plain_name(name)]
    return None


def names_of(key: str, field: Field | None) -> list[str]:
    """Return the names that a field goes by: its key, its MIxS term, and others."""
    if field is None:
        return [key]
    return [key, *(name.strip() for name in (field.mixs or "").split(",") if name.strip()), *field.also]


def filled(values: pd.Series) -> pd.Series:
    """Say which values of a column say something: not blank, "unknown", "not provided" and the like."""
    return values.notna() & ~values.isin([one for one in values.dropna().unique() if is_missing(one)])
