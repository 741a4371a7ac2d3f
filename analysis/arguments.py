"""Check the numbers that a caller gives, and note every fault before any is raised."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real

from analysis.errors import Faults


def check_number(
    faults: Faults,
    name: str,
    value: object,
    holds: Callable[[float], bool],
    expected: str,
    remedy: str = "",
) -> bool:
    """Add a fault unless an argument is a finite number of the right size.

    Parameters
    ----------
    faults : Faults
        Where to note it.
    name : str
        The argument.
    value : object
        What was given.
    holds : callable
        Says of a finite number whether it will do.
    expected, remedy : str
        As in `Fault`.

    Returns
    -------
    bool
        Whether the value will do.

    Examples
    --------
    >>> from analysis.errors import ParameterError
    >>> faults = Faults("power", ParameterError)
    >>> check_number(faults, "alpha", 1.2, lambda x: 0 < x < 1, "a number between 0 and 1")
    False
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and holds(float(value)):
        return True
    faults.add(f"{name}={value!r}", expected=expected, remedy=remedy)
    return False


def check_count(faults: Faults, name: str, value: object, least: int, of_what: str, remedy: str = "") -> bool:
    """Add a fault unless an argument is a whole number of at least `least`; see `check_number`."""
    whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
    return check_number(
        faults,
        name,
        value,
        lambda number: bool(whole) and number >= least,
        f"a whole number of {of_what}, {least} or more",
        remedy,
    )


def check_choice(faults: Faults, name: str, value: object, choices: tuple[object, ...]) -> bool:
    """Add a fault unless an argument is one of the choices."""
    if any(value is choice or value == choice for choice in choices):
        return True
    faults.add(f"{name}={value!r}", expected="one of " + ", ".join(repr(choice) for choice in choices))
    return False
