"""Finished parts of a long calculation in a file, so that one that was killed goes on where it was.

The file is text: a line of JSON that says what is calculated, then one for each part that is done. A line is
on the disk before the next is begun, and floats are written so that they are read back to the last bit. Each
carries a checksum, so that what was changed or damaged is not taken for a result.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError, Faults, ParameterError, ReadError, one_fault

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two processes apart
    fcntl = None  # type: ignore[assignment]

Part = TypeVar("Part")

_BEGINS = b'{"checkpoint": '
_ENTER = ("numpy", "scipy", "scikit-bio", "statsmodels", "pandas")  # whose version may change a result
_SPELLED = 200  # characters of a setting that are written out; longer ones are hashed


class Checkpoint(UserDict[str, Any]):
    """Finished parts by name; each that is added is written to the file at once.

    Parameters
    ----------
    file : binary file
        Open for writing, at its end.
    done : mapping
        Parts found in it.
    """

    def __init__(self, file: BinaryIO, done: Mapping[str, Any]) -> None:
        super().__init__()
        self.data.update(done)
        self._file = file

    def __setitem__(self, name: str, value: Any) -> None:
        value = json.loads(_line(value))  # as one that goes on will find it
        _write(self._file, _line({"part": name, "value": value, "check": _check(name, value)}))
        self.data[name] = value


@contextmanager
def opened(
    path: str | Path | None, settings: Mapping[str, object]
) -> Iterator[MutableMapping[str, Any] | None]:
    """Open a checkpoint, or make one.

    Parameters
    ----------
    path : str, pathlib.Path or None
        Of the file; None: nothing is kept.
    settings : mapping
        All that determines the results, by name. Dataclasses are taken apart; what is long is hashed. The
        versions of the libraries are added.

    Yields
    ------
    Checkpoint or None
        What is in the file. Parts that are added to it must be JSON: text, numbers, None, lists, dicts.

    Raises
    ------
    ParameterError
        Where the file belongs to other settings or versions (with each that differs), is in use by another
        process, or cannot be written.
    ReadError
        Where it does not begin as a checkpoint does, or is damaged.
    """
    if path is None:
        yield None
        return
    if not isinstance(path, str | os.PathLike):
        raise one_fault(
            ParameterError, "checkpoint", f"checkpoint is a {type(path).__name__}", expected="a path, or None"
        )
    path = Path(path)
    header = {"checkpoint": 1, "of": _described(settings)}
    with _locked(path) as file:
        text = file.read()
        # A line that was being written when the process was killed is not whole: it is made again.
        whole, torn = text[: text.rfind(b"\n") + 1], text[text.rfind(b"\n") + 1 :]
        lines = whole.splitlines()
        if lines:
            _check_header(path, lines[0], header)
        elif not _line(header).startswith(torn):  # somebody's file: it is not ours to write over
            raise _unfit(
                path, "it does not begin as a checkpoint does", "give a path where there is no file yet"
            )
        done = dict(_parts(path, lines[1:]))
        file.seek(len(whole))
        file.truncate()
        if not lines:
            _write(file, _line(header))
        yield Checkpoint(file, done)


def once(parts: MutableMapping[str, Any] | None, name: str, compute: Callable[[], Part]) -> Part:
    """Return a part, computed only where it is not there yet.

    Parameters
    ----------
    parts : mutable mapping or None
        A checkpoint; None: compute.
    name : str
        Of the part.
    compute : callable
        Returns it.
    """
    if parts is None:
        return compute()
    if name not in parts:
        parts[name] = compute()
    return parts[name]


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a file for one calculation alone; the lock goes with the process, however it ends."""
    where, expected = f"checkpoint={str(path)!r}", "a file that can be written, in a folder that exists"
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        told = getattr(error, "strerror", None) or str(error)
        raise one_fault(ParameterError, where, told, expected=expected) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise one_fault(ParameterError, where, "it is a device or a pipe", expected=expected)
        try:
            # flock, which belongs to this opening of the file: lockf would go as soon as anybody in this
            # process closes the file, and keeps no two threads apart.
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise one_fault(
                ParameterError,
                path.name,
                "another calculation is using this checkpoint",
                remedy="wait until it is done, or give another path",
            ) from error
        yield file


def _check_header(path: Path, line: bytes, header: dict[str, Any]) -> None:
    """Refuse what is no checkpoint, or one of another calculation."""
    try:
        kept = json.loads(line)["of"] if line.startswith(_BEGINS) else None
    except (ValueError, KeyError, RecursionError):
        kept = None
    if not isinstance(kept, dict):
        raise _unfit(path, "it does not begin as a checkpoint does", "give a path where there is no file yet")
    now = json.loads(_line(header))["of"]
    faults = Faults(path.name, ParameterError)
    for name in dict.fromkeys((*kept, *now)):
        before, asked = (json.dumps(of.get(name)) for of in (kept, now))
        if before != asked:
            faults.add(
                f"{name} is {before} in the file, {asked} here",
                remedy="ask as before, or give another path; or delete the file, and all is calculated anew",
            )
    faults.raise_if_any()


def _parts(path: Path, lines: list[bytes]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, start=2):
        try:
            part = json.loads(line)
            name, value, check = part["part"], part["value"], part["check"]
            sound = isinstance(name, str) and check == _check(name, value)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _damaged(path, number) from error
        if not sound:
            raise _damaged(path, number)
        yield name, value


def _damaged(path: Path, number: int) -> AnalysisError:
    remedy = "delete that line, and its part is made again"
    return _unfit(path, f"line {number} is damaged, or was changed", remedy)


def _check(name: str, value: object) -> int:
    """Return the checksum of a part, from which a change is seen; it keeps no secret."""
    return zlib.crc32(_line([name, value]))


def _unfit(path: Path, what: str, remedy: str) -> AnalysisError:
    return one_fault(ReadError, path.name, what, expected="a file written by checkpoint=", remedy=remedy)


def _write(file: BinaryIO, line: bytes) -> None:
    file.write(line)
    file.flush()
    os.fsync(file.fileno())


def _line(value: object) -> bytes:
    return json.dumps(value, default=_plain_number).encode() + b"\n"


def _plain_number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a checkpoint keeps no {type(value).__name__}")


def _described(settings: Mapping[str, object]) -> dict[str, object]:
    """Write settings down: short ones as they are, long ones as a hash."""
    from analysis import __version__

    described: dict[str, object] = {"analysis": __version__}
    described |= {name: metadata.version(name) for name in _ENTER}
    for name, value in settings.items():
        described[name] = _short(value)
        if is_dataclass(value):
            described[name] = type(value).__name__
            described |= {
                f"{name}.{field.name}": _short(getattr(value, field.name)) for field in fields(value)
            }
    return described


def content(value: object) -> str:
    """Return a hash of what a value holds: the same in every process, whatever the value has cached.

    Parameters
    ----------
    value : object
        Dataclasses, mappings, sequences, arrays, frames and sparse tables are taken apart.
    """
    from joblib import hash as joblib_hash

    return joblib_hash(_plain(value))


def _short(value: object) -> object:
    plain = _plain(value)
    try:
        if len(json.dumps(plain)) <= _SPELLED:
            return plain
    except TypeError:  # it holds arrays
        pass
    return f"{getattr(value, 'name', type(value).__name__)}, content {content(plain)}"


def _plain(value: Any) -> Any:
    """Return the content of a value, without what it has cached and how it is laid out in memory."""
    if is_dataclass(value):
        value = {"type": type(value).__name__} | {
            part.name: getattr(value, part.name) for part in fields(value)
        }
    elif isinstance(value, pd.DataFrame):
        value = {"index": value.index, **value.to_dict("list")}
    elif hasattr(value, "tocoo"):  # sparse
        coo = value.tocoo()
        value = [coo.shape, coo.row, coo.col, coo.data]
    elif isinstance(value, pd.Series | pd.Index | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float | str | np.ndarray) else str(value)
