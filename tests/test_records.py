"""Dataclasses from TOML tables, with every fault noted."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from analysis.errors import Faults, ReadError
from analysis.records import make, read_toml


@dataclass(frozen=True)
class Inner:
    """A table in a table."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class Outer:
    """One field of each kind."""

    id: str
    text: str
    number: float
    count: int
    sure: bool
    day: dt.date
    kind: Literal["red", "green"]
    inner: Inner
    several: tuple[int, ...] = ()
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = field(default_factory=dict)
    anything: dict[str, dict[str, Any]] = field(default_factory=dict)
    maybe: str | None = None
    table: Inner | None = None


GOOD = {
    "text": " two\n  lines \n",
    "number": 3,
    "count": 2,
    "sure": True,
    "day": dt.date(2026, 11, 24),
    "kind": "red",
    "inner": {"name": "a"},
}


def made(**changes):
    faults = Faults("file.toml", ReadError)
    record = make(Outer, GOOD | changes, "[outer]", faults, id="known")
    return record, [str(fault) for fault in faults.found]


def test_a_good_table_becomes_a_record():
    record, faults = made(
        several=[1, 2],
        many=[{"name": "b", "weight": 2}],
        named={"x": {"name": "c"}},
        anything={"y": {"z": 1}},
    )
    assert not faults
    assert record == Outer(
        "known", "two lines", 3.0, 2, True, dt.date(2026, 11, 24), "red", Inner("a"),
        (1, 2), (Inner("b", 2.0),), {"x": Inner("c")}, {"y": {"z": 1}},
    )  # fmt: skip
    assert isinstance(record.number, float)
    assert record.maybe is record.table is None


def test_optional_tables_are_made_too():
    record, faults = made(maybe="here", table={"name": "t"})
    assert not faults
    assert (record.maybe, record.table) == ("here", Inner("t"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": 3}, "[outer], text: 3\n     expected: text in quotes"),
        ({"text": " \n "}, "[outer], text: it is empty"),
        ({"number": "3"}, "expected: a number"),
        ({"number": True}, "expected: a number"),
        ({"count": 2.0}, "expected: a whole number"),
        ({"count": False}, "expected: a whole number"),
        ({"sure": 1}, "expected: true or false"),
        ({"day": "2026-11-24"}, "expected: a date such as"),
        ({"kind": "gren"}, "did you mean 'green'?"),
        ({"kind": ["red"]}, "[outer], kind: ['red']"),
        ({"inner": 5}, "[outer], inner: 5 is no table"),
        ({"inner": {}}, "[outer], inner: the key 'name' is missing"),
        ({"inner": {"name": "a", "wieght": 1}}, "did you mean 'weight'?"),
        ({"several": 1}, "expected: a list in square brackets"),
        ({"several": [1, "x"]}, "[outer], several 2: 'x'"),
        ({"many": [{"name": "b"}, {"name": 1}]}, "[outer], many 2, name: 1"),
        ({"named": []}, "expected: a table"),
        ({"named": {"x": {"name": 0}}}, "[outer], named.x, name: 0"),
        ({"anything": {"y": 3}}, "[outer], anything.y: 3"),
        ({"table": "t"}, "[outer], table: 't' is no table"),
        ({"maybe": 1}, "[outer], maybe: 1"),
        ({"id": "x"}, "unknown key 'id'"),
    ],
)
def test_each_fault_is_noted(changes, said):
    record, faults = made(**changes)
    assert record is None
    assert said in "\n".join(faults)
    assert len(faults) == 1


def test_all_faults_are_noted_and_earlier_ones_do_no_harm():
    record, faults = made(text=1, number="x", kind="blue", inner={"name": 2})
    assert record is None
    assert len(faults) == 4
    noted = Faults("file.toml", ReadError)
    noted.add("something before")
    assert make(Inner, {"name": "a"}, "[inner]", noted) == Inner("a")


def test_no_table_at_all():
    faults = Faults("file.toml", ReadError)
    assert make(Inner, 3, "[inner]", faults) is None
    assert "a table with name, weight" in str(faults.found[0])


def test_a_file_that_is_no_toml_says_where(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("a = 1\nb = \n", encoding="utf-8")
    with pytest.raises(ReadError, match="line 2"):
        read_toml(path, ReadError)
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(ReadError, match=r"broken\.toml"):
        read_toml(path, ReadError)
    path.write_text("a = 1", encoding="utf-8")
    assert read_toml(str(path), ReadError) == {"a": 1}
