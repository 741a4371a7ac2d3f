"""Frozen dataclasses from the tables of a TOML file, with every fault of the file in one message."""

from __future__ import annotations

import datetime as dt
import tomllib
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from analysis.errors import AnalysisError, Faults, did_you_mean, one_fault, shortened

_DEEPEST = 50
_TOO_DEEP = "tables or lists are nested too deeply"
_IN_WORDS = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dt.date: "a date such as 2026-11-24",
}


def read_toml(
    path: str | Path, error: type[AnalysisError], expected: str = "a TOML file in UTF-8"
) -> dict[str, Any]:
    """Read a TOML file, or say in which line it is none.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    error : type
        Raised where it cannot be read.
    expected : str
        What the file should have been, for the message.
    """
    if not isinstance(path, str | Path):
        raise one_fault(error, repr(path), f"a {type(path).__name__}", expected="the path of a TOML file")
    path = Path(path)
    if path.exists() and not path.is_file():
        raise one_fault(error, path.name, "it is a folder, a device or a pipe", expected=expected)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError as cause:
        raise one_fault(error, path.name, _TOO_DEEP, expected=expected) from cause
    except (OSError, ValueError) as cause:  # no text, no TOML, or a number of thousands of digits
        raise one_fault(error, path.name, f"cannot be read: {cause}", expected=expected) from cause
    what = _unreasonable(content)
    if what:
        raise one_fault(error, path.name, what, expected=expected)
    return content


def _unreasonable(content: object) -> str:
    """Say what in a document Python holds and cannot write in a message: deep nesting, endless numbers."""
    stack = [(content, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > _DEEPEST:
            return _TOO_DEEP
        if isinstance(value, dict | list):
            stack += ((one, depth + 1) for one in (value.values() if isinstance(value, dict) else value))
        elif isinstance(value, int) and abs(value) >= 2**63:
            return f"a whole number is too large for TOML: {shortened(hex(value), 40)}"
    return ""


def make(record: type, entry: object, where: str, faults: Faults, **known: Any) -> Any | None:
    """Make a dataclass from a TOML table, noting what does not fit.

    Parameters
    ----------
    record : type
        A dataclass. Its fields are str, int, float, bool, a date, a Literal, another dataclass, a tuple or a
        dict of one of these, or one of these or None. A field without a default must be given.
    entry : object
        What stands in the file; a dict, or the fault is noted.
    where : str
        The table's name, for messages.
    faults : Faults
        Takes what is wrong.
    **known
        Fields that do not come from the table.

    Returns
    -------
    object or None
        None where anything was wrong.
    """
    if not isinstance(entry, dict):
        faults.add(f"{entry!r} is no table", where=where, expected=f"a table with {_keys(record)}")
        return None
    before = len(faults.found)
    hints = typing.get_type_hints(record)
    own = [field for field in fields(record) if field.name not in known]
    names = [field.name for field in own]
    for key in entry:
        if key not in names:
            faults.add(f"unknown key {key!r}", where=where, remedy=did_you_mean(key, names))
    values = dict(known)
    for field in own:
        if field.name in entry:
            place = f"{where}, {field.name}"
            values[field.name] = _value(hints[field.name], entry[field.name], place, faults)
        elif field.default is MISSING and field.default_factory is MISSING:
            faults.add(f"the key {field.name!r} is missing", where=where, remedy=f"write {field.name} = ...")
    return record(**values) if len(faults.found) == before else None


def _value(hint: Any, given: object, where: str, faults: Faults) -> Any:
    """Return the value as the type asks, or note that it is none."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        hint = next(one for one in inner if one is not type(None))
        return _value(hint, given, where, faults)
    if origin is typing.Literal:
        if given not in inner:
            faults.add(f"{given!r}", where=where, remedy=did_you_mean(given, [str(one) for one in inner]))
    elif origin in (tuple, dict):
        return _several(origin, inner, given, where, faults)
    elif is_dataclass(hint):
        return make(hint, given, where, faults)
    elif hint is not Any:
        return _plain(hint, given, where, faults)
    return given


def _several(origin: type, inner: tuple, given: object, where: str, faults: Faults) -> tuple | dict:
    """Return a list as a tuple, or a table as a dict, each value as the type asks."""
    if not isinstance(given, list if origin is tuple else dict):
        expected = "a list in square brackets" if origin is tuple else "a table"
        faults.add(f"{given!r}", where=where, expected=expected)
        return origin()
    if origin is tuple:
        return tuple(_value(inner[0], one, f"{where} {n}", faults) for n, one in enumerate(given, start=1))
    return {key: _value(inner[1], one, f"{where}.{key}", faults) for key, one in given.items()}


def _plain(hint: type, given: object, where: str, faults: Faults) -> Any:
    if hint is float and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if not isinstance(given, hint) or (hint is not bool and isinstance(given, bool)):
        faults.add(f"{given!r}", where=where, expected=_IN_WORDS[hint])
    elif isinstance(given, str):
        given = " ".join(filter(None, map(str.strip, given.split("\n"))))  # prose runs over several lines
        if not given:
            faults.add("it is empty", where=where, expected="text; leave the key out where there is nothing")
    return given


def _keys(record: type) -> str:
    return ", ".join(field.name for field in fields(record))
