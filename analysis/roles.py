"""What the columns of the metadata mean in a design: who was sampled, when, and what was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from analysis.errors import Faults, RoleError, did_you_mean, listed


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


def check_roles(roles: Roles, metadata: pd.DataFrame, subject: str) -> None:
    """Raise `RoleError` where roles name columns, levels or times that do not exist."""
    faults = Faults(subject, RoleError)
    columns = list(metadata.columns)
    for role in ("subject", "time", "treatment", "cluster"):
        name = getattr(roles, role)
        if name is not None and name not in columns:
            faults.add(f"there is no column {name!r}", where=f"{role}=", remedy=did_you_mean(name, columns))
    if roles.reference is not None:
        if roles.treatment is None:
            faults.add("a reference needs a treatment", where="reference=", remedy="give treatment= as well")
        elif roles.treatment in columns:
            levels = sorted({str(v) for v in metadata[roles.treatment].dropna()})
            if roles.reference not in levels:
                faults.add(
                    f"no sample has {roles.treatment} = {roles.reference!r}",
                    where="reference=",
                    remedy=did_you_mean(roles.reference, levels),
                )
    for role in ("baseline", "follow_up"):
        times = getattr(roles, role)
        if times and roles.time is None:
            faults.add(f"{role} times need a time column", where=f"{role}=", remedy="give time= as well")
        elif times and roles.time in columns:
            present = metadata[roles.time].dropna()
            unknown = [value for value in times if not (present == value).any()]
            if unknown:
                there = [str(v) for v in sorted(present.unique(), key=_sort_key)]
                faults.add(
                    f"no sample has {roles.time} = {listed(unknown)}",
                    where=f"{role}=",
                    remedy=did_you_mean(unknown[0], there),
                )
    both = set(roles.baseline) & set(roles.follow_up)
    if both:
        faults.add(f"{listed(both)} is both baseline and follow-up", where="baseline=, follow_up=")
    faults.raise_if_any()


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
