"""Levels match as numbers or as text, and blank text is a gap."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from analysis.selection import find_gaps, match_level


@pytest.mark.parametrize(
    ("wanted", "levels", "found"),
    [
        (0, [0.0, 1.0], "0.0"),
        ("0", [0.0, 1.0], "0.0"),
        ("1e0", np.array([0.0, 1.0]), "1.0"),
        (np.float32(0.5), [0.5], "0.5"),
        (1.0, [0, 1], "1"),
        (0, ["0", "1"], "0"),
        ("0.0", ["0", "1"], None),
        (True, [False, True], "True"),
        (1, [False, True], None),
        (True, [0, 1], None),
        ("none", ["none", None, "high"], "none"),
        ("None", ["none"], None),
        (2, [0.0, np.nan], None),
        (None, [None, "a"], None),
        (float("nan"), [np.nan], None),
        (["a"], ["a"], None),
        ("2026-11-24", [date(2026, 11, 24)], "2026-11-24"),
    ],
)
def test_a_level_is_found_as_its_column_writes_it(wanted, levels, found):
    assert match_level(wanted, levels) == found


def test_every_column_type_finds_its_own_levels_as_text():
    for column in (
        pd.Series([0.0, 1.5]),
        pd.Series([1, 2], dtype="Int64"),
        pd.Series(["a", "b"], dtype="category"),
        pd.Series([True, False]),
        pd.Series([1, "b"], dtype=object),
    ):
        assert [match_level(level, column) for level in column] == list(column.astype(str))


def test_gaps_are_missing_values_and_blank_text():
    assert find_gaps(pd.Series(["a", "", " \t", None, np.nan])).tolist() == [False, True, True, True, True]
    assert find_gaps(pd.Series([0.0, np.nan])).tolist() == [False, True]
    assert find_gaps(pd.Series(["a", ""], dtype="category")).tolist() == [False, True]
    assert find_gaps(pd.Series([], dtype=object)).tolist() == []
