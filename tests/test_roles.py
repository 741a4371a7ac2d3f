"""Roles change together: values of a column go with it, None unsets, text meets numbers."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import RoleError
from analysis.roles import KEPT, Roles, change_roles, check_roles

METADATA = pd.DataFrame(
    {"mouse": ["m1", "m2"], "day": [0, 7], "week": ["0", "1"], "abx": ["drug", "none"], "diet": ["a", "b"]}
)
ROLES = Roles("mouse", "day", "abx", "none", None, (0,), (7,))


def changed(**given):
    return change_roles(ROLES, given, METADATA)


def test_a_new_time_column_drops_the_old_ones_values():
    roles = changed(time="week")
    assert (roles.time, roles.baseline, roles.follow_up) == ("week", (), ())
    assert (roles.treatment, roles.reference) == ("abx", "none")
    check_roles(roles, METADATA, "t")
    assert changed(time="week", baseline="0").baseline == ("0",)


def test_the_same_time_column_keeps_its_values():
    assert changed(time="day") == ROLES
    assert changed(time=KEPT) == ROLES


def test_a_new_treatment_drops_the_old_ones_reference():
    assert changed(treatment="diet").reference is None
    assert changed(treatment="diet", reference="b").reference == "b"
    assert changed(treatment="abx") == ROLES


@pytest.mark.parametrize(
    ("dose", "given", "kept"),
    [
        ([0.0, 1.0], 0, "0.0"),
        ([0.0, 1.0], "0", "0.0"),
        ([0, 1], 0.0, "0"),
        ([0.5, np.nan], 0.5, "0.5"),
        ([False, True], False, "False"),
        (["0", "1"], 0, "0"),
    ],
)
def test_a_reference_is_written_as_its_column_writes_it(dose, given, kept):
    metadata = pd.DataFrame({"dose": dose})
    roles = change_roles(Roles(), {"treatment": "dose", "reference": given}, metadata)
    check_roles(roles, metadata, "t")
    assert roles.reference == kept


def test_text_does_not_compare_as_a_number():
    metadata = pd.DataFrame({"dose": ["0", "1"]})
    roles = change_roles(Roles(), {"treatment": "dose", "reference": "0.0"}, metadata)
    with pytest.raises(RoleError, match=r"no sample has dose = '0\.0'"):
        check_roles(roles, metadata, "t")


def test_columns_are_named_by_scalars():
    with pytest.raises(RoleError) as caught:
        changed(subject=["mouse"], reference=["none", "drug"])
    assert len(caught.value.faults) == 2


def test_none_unsets():
    assert changed(subject=None).subject is None
    assert changed(reference=None).reference is None
    assert changed(time=None) == Roles("mouse", None, "abx", "none")
    assert changed(baseline=None).baseline == changed(baseline=()).baseline == ()


def test_times_given_as_text_match_numbers_by_value():
    assert changed(baseline="0", follow_up=["7.0"]) == ROLES
    assert changed(baseline="soon").baseline == ("soon",)
    assert changed(time="week", baseline="0").baseline == ("0",)


@pytest.mark.parametrize("times", [{0, 7}, [[0, 7]], [np.array([0])], {"day": 0}])
def test_times_that_are_no_single_values_are_refused(times):
    with pytest.raises(RoleError, match="is no time"):
        check_roles(changed(baseline=times), METADATA, "t")
