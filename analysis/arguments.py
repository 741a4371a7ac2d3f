"""Check the numbers that a caller gives, and note every fault before any is raised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Number, Real

import pandas as pd

from analysis.errors import Faults, ParameterError, one_fault


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
    if is_finite(value) and holds(float(value)):  # type: ignore[arg-type]
        return True
    faults.add(f"{name}={_shortened(value)}", expected=expected, remedy=remedy)
    return False


def is_finite(value: object) -> bool:
    """Say whether an argument is a finite number of any kind, and not True or False."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


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


def check_seed(faults: Faults, value: object) -> bool:
    """Add a fault unless a seed is a whole number of 0 or more."""
    if isinstance(value, Integral) and not isinstance(value, bool) and value >= 0:
        return True
    faults.add(f"seed={_shortened(value)}", expected="a whole number of 0 or more")
    return False


def check_choice(faults: Faults, name: str, value: object, choices: tuple[object, ...]) -> bool:
    """Add a fault unless an argument is one of the choices."""
    if is_one_of(value, choices):
        return True
    faults.add(
        f"{name}={_shortened(value)}", expected="one of " + ", ".join(repr(choice) for choice in choices)
    )
    return False


def is_one_of(value: object, choices: Iterable[object]) -> bool:
    """Say whether an argument of any type is one of the choices, which are text, numbers or None.

    Examples
    --------
    >>> is_one_of("less", ("less", None)), is_one_of(["less"], ("less", None))
    (True, False)
    """
    return (value is None or isinstance(value, str | Number)) and value in tuple(choices)


def check_flag(faults: Faults, name: str, value: object) -> bool:
    """Add a fault unless an argument is True or False."""
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's as well
        return True
    faults.add(f"{name}={_shortened(value)}", expected="True or False")
    return False


def as_texts(value: object, name: str, subject: str, expected: str) -> list[str]:
    """Return a name, or a flat sequence of names, as a list of text.

    Parameters
    ----------
    value : object
        What was given.
    name, subject : str
        The argument and the call, for the message.
    expected : str
        What would have been right.

    Raises
    ------
    ParameterError
        Where it is neither text nor an ordered collection of text.

    Examples
    --------
    >>> as_texts("shannon", "metrics", "alpha_diversity", "names"), as_texts(("a", "b"), "x", "y", "names")
    (['shannon'], ['a', 'b'])
    """
    if isinstance(value, str):
        return [value]
    ordered = isinstance(value, Iterable) and not isinstance(value, set | frozenset | Mapping | bytes)
    names = list(value) if ordered and getattr(value, "ndim", 1) == 1 else None
    if names is None or not all(isinstance(one, str) for one in names):
        raise one_fault(
            ParameterError, subject, f"{name}={_shortened(value)}", where=f"{name}=", expected=expected
        )
    return names


def _shortened(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def check_names(faults: Faults, given: Mapping[str, object]) -> None:
    """Add a fault for each column or level that is given as a list, a table or the like.

    Parameters
    ----------
    faults : Faults
        Where to note it.
    given : mapping of str to object
        By argument; "reference" is a level of the treatment, all others name a column.
    """
    for name, value in given.items():
        if not pd.api.types.is_scalar(value):
            faults.add(
                f"a {type(value).__name__}",
                where=f"{name}=",
                expected="one level of the treatment" if name == "reference" else "the name of one column",
            )
