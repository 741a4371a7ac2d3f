"""What the columns of the metadata mean in a design: who was sampled, when, and what was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pandas as pd

from analysis.arguments import check_names
from analysis.errors import Faults, RoleError, did_you_mean, listed
from analysis.selection import match_level

COLUMN_ROLES = ("subject", "time", "treatment", "cluster")
TIMED = ("baseline", "follow_up")  # roles that are values of the time column


class Kept:
    """The type of `KEPT`, the default of arguments for which None has a meaning of its own."""

    def __repr__(self) -> str:
        return "KEPT"


KEPT: Final = Kept()


@dataclass(frozen=True)
class Roles:
    """What the columns of the metadata mean in the design.

    Attributes
    ----------
    subject, time, treatment, cluster : str or None
        Columns: who was sampled, when, what was given, and what is shared (a cage, a household).
    reference : str or None
        The level of the treatment that the others are compared with.
    baseline, follow_up : tuple
        Values of the time column taken before and after the treatment began.
    """

    subject: str | None = None
    time: str | None = None
    treatment: str | None = None
    reference: str | None = None
    cluster: str | None = None
    baseline: tuple = ()
    follow_up: tuple = ()

    def described(self) -> dict[str, str]:
        """Return the roles that are set, as text."""
        given = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {
            name: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in given.items()
            if value not in (None, ())
        }


def change_roles(roles: Roles, given: dict[str, object], metadata: pd.DataFrame) -> Roles:
    """Return the roles with some of them changed; None unsets, `KEPT` leaves as it was.

    A new time column drops the baseline and follow-up that were values of the old one, a new treatment
    column drops the reference, unless they are given as well. A time given as text becomes a number where
    the time column holds numbers, and a reference is written as its column writes it (see `match_level`).

    Raises
    ------
    RoleError
        Where a column is named by something that is no name.
    """
    changed = {role: value for role, value in given.items() if value is not KEPT}
    faults = Faults("roles", RoleError)
    check_names(faults, {role: changed.get(role) for role in (*COLUMN_ROLES, "reference")})
    faults.raise_if_any()
    if changed.get("time", roles.time) != roles.time:
        changed = {"baseline": (), "follow_up": ()} | changed
    if changed.get("treatment", roles.treatment) != roles.treatment:
        changed = {"reference": None} | changed
    columns = list(metadata.columns)
    treatment = changed.get("treatment", roles.treatment)
    if (wanted := changed.get("reference")) is not None:
        found = match_level(wanted, metadata[treatment]) if treatment in columns else None
        changed["reference"] = str(wanted) if found is None else found
    time = changed.get("time", roles.time)
    numeric = time in columns and pd.api.types.is_numeric_dtype(metadata[time])
    for role in set(TIMED) & changed.keys():
        times = as_tuple(changed[role])
        changed[role] = tuple(map(_number, times)) if numeric else times
    return replace(roles, **changed)  # type: ignore[arg-type]


def _number(value: object) -> object:
    """Read text that is a number as one; anything else stays."""
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


def check_roles(roles: Roles, metadata: pd.DataFrame, subject: str) -> None:
    """Raise `RoleError` where roles name columns, levels or times that do not exist."""
    faults = Faults(subject, RoleError)
    columns = list(metadata.columns)
    for role in COLUMN_ROLES:
        name = getattr(roles, role)
        if name is not None and name not in columns:
            faults.add(f"there is no column {name!r}", where=f"{role}=", remedy=did_you_mean(name, columns))
    if roles.reference is not None:
        if roles.treatment is None:
            faults.add("a reference needs a treatment", where="reference=", remedy="give treatment= as well")
        elif roles.treatment in columns:
            levels = sorted({str(v) for v in metadata[roles.treatment].dropna()})
            if match_level(roles.reference, metadata[roles.treatment]) is None:
                faults.add(
                    f"no sample has {roles.treatment} = {roles.reference!r}",
                    where="reference=",
                    remedy=did_you_mean(roles.reference, levels),
                )
    for role in TIMED:
        _check_times(roles, role, metadata, faults)
    both = [value for value in roles.baseline if pd.api.types.is_scalar(value) and value in roles.follow_up]
    if both:
        faults.add(f"{listed(both)} is both baseline and follow-up", where="baseline=, follow_up=")
    faults.raise_if_any()


def _check_times(roles: Roles, role: str, metadata: pd.DataFrame, faults: Faults) -> None:
    """Note times of the baseline or follow-up that are no values of the time column."""
    times = getattr(roles, role)
    several = [value for value in times if not pd.api.types.is_scalar(value)]
    if several:
        faults.add(
            f"{type(several[0]).__name__} {several[0]!r} is no time",
            where=f"{role}=",
            expected="one value of the time column, or a flat list of them",
        )
        return
    if times and roles.time is None:
        faults.add(f"{role} times need a time column", where=f"{role}=", remedy="give time= as well")
    elif times and roles.time in list(metadata.columns):
        present = metadata[roles.time].dropna()
        unknown = [value for value in times if not (present == value).any()]
        if unknown:
            there = [str(v) for v in sorted(present.unique(), key=_sort_key)]
            faults.add(
                f"no sample has {roles.time} = {listed(unknown)}",
                where=f"{role}=",
                remedy=did_you_mean(unknown[0], there),
            )


def _sort_key(value: object) -> tuple[int, float, str]:
    number = isinstance(value, int | float | np.number)
    return (0, float(value), "") if number else (1, 0.0, str(value))  # type: ignore[arg-type]


def as_tuple(value: object) -> tuple:
    """Return one value or several as a tuple; None is none."""
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray | pd.Series | pd.Index | range):
        return (value,)
    return tuple(value)
