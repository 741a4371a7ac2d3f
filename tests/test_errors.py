"""Errors list every fault, pickle, and name what is near."""

import pickle

import pytest

from analysis.errors import AnalysisError, Fault, Faults, IdError, did_you_mean, listed, nearest


def test_all_faults_stand_in_one_message():
    faults = Faults("mice.tsv", IdError)
    faults.add("first", where="line 2", expected="a number", remedy="mend it")
    faults.add("second")
    with pytest.raises(IdError) as caught:
        faults.raise_if_any()
    text = str(caught.value)
    assert text.startswith("mice.tsv: 2 faults")
    assert all(
        part in text for part in ("line 2: first", "expected: a number", "to do: mend it", "2. second")
    )
    assert [fault.what for fault in caught.value.faults] == ["first", "second"]


def test_no_fault_raises_nothing():
    Faults("mice.tsv").raise_if_any()


def test_errors_are_value_errors_and_survive_pickling():
    error = IdError("mice.tsv", Fault("what", remedy="do"))
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(error, ValueError)
    assert isinstance(again, IdError)
    assert str(again) == str(error)


def test_every_error_of_the_package_has_the_same_base():
    from analysis import errors

    classes = [c for c in vars(errors).values() if isinstance(c, type) and c.__name__.endswith("Error")]
    assert len(classes) > 5
    assert all(issubclass(c, AnalysisError) for c in classes)


def test_nearest_ignores_case_and_gives_up_where_nothing_is_near():
    assert nearest("TREATMENT", ["day", "treatment"]) == "treatment"
    assert nearest("zzz", ["day", "treatment"]) is None
    assert did_you_mean("zzz", []) == "There are none"


def test_listed_counts_the_rest():
    assert listed(range(7)) == "'0', '1', '2', '3', '4' and 2 more"
