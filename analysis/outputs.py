"""Say how two outputs of a notebook differ: text by its numbers, pictures by their pixels."""

from __future__ import annotations

import base64
import io
import re
from itertools import zip_longest

import numpy as np

# A number by itself: what stands inside a word, such as a checksum, must agree to the letter.
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])")
_SHOWN = 60  # letters of a line


def how_text_differs(first: str, second: str, rtol: float = 0.0) -> str | None:
    """Say where two texts begin to differ.

    Parameters
    ----------
    first, second : str
        Printed text, a table, HTML or CSV.
    rtol : float
        Relative difference that numbers may have; what is between them must agree to the letter. With 0,
        numbers must too.

    Returns
    -------
    str or None
        The first line that differs, with both numbers and their relative difference where only numbers
        differ; None where the texts agree.

    Examples
    --------
    >>> how_text_differs("p = 0.04", "p = 0.05")
    'line 1: 0.04 became 0.05 (relative difference 0.2)'
    >>> how_text_differs("p = 0.04", "p = 0.0400000000001", rtol=1e-9) is None
    True
    """
    if first == second:
        return None
    lines = zip_longest(first.splitlines(), second.splitlines())
    found = [
        (number, how)
        for number, (one, other) in enumerate(lines, start=1)
        if (how := _how_line_differs(one, other, rtol))
    ]
    if not found:  # ends of lines are letters too
        return None if rtol else "the ends of lines differ"
    number, how = found[0]
    return f"line {number}: {how}" + (f"; {len(found)} lines differ" if len(found) > 1 else "")


def _how_line_differs(first: str | None, second: str | None, rtol: float) -> str | None:
    if first == second:
        return None
    if first is None or second is None:
        return f"{_quoted(second)} is new" if first is None else f"{_quoted(first)} is gone"
    if _NUMBER.split(first) != _NUMBER.split(second):
        return f"{_quoted(first, second)} became {_quoted(second, first)}"
    for one, other in zip(_NUMBER.findall(first), _NUMBER.findall(second), strict=True):
        apart = 0.0 if one == other else _relative(float(one), float(other))
        if apart > rtol or (not rtol and one != other):
            return f"{one} became {other} (relative difference {apart:.2g})"
    return None


def _relative(first: float, second: float) -> float:
    return 0.0 if first == second else abs(first - second) / max(abs(first), abs(second))


def _quoted(text: str, other: str = "") -> str:
    """Return a line in quotes, a long one from shortly before where another line begins to differ."""
    start = next((n for n, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), 0)
    start = max(0, start - _SHOWN // 3) if len(text) > _SHOWN else 0
    part = text[start : start + _SHOWN]
    return repr(("..." if start else "") + part + ("..." if start + _SHOWN < len(text) else ""))


def how_pictures_differ(first: str, second: str, most: float = 0.0) -> str | None:
    """Say how two pictures differ, pixel by pixel; compression differs between builds and does not count.

    Parameters
    ----------
    first, second : str
        PNG files in base64.
    most : float
        Mean difference of the channels, which go from 0 to 1, that is let pass.

    Returns
    -------
    str or None
        Their sizes, or the mean and the largest difference; None where the pictures agree.
    """
    if first == second:
        return None
    one, other = _pixels(first), _pixels(second)
    if one is None or other is None:
        return f"the {'first' if one is None else 'second'} is no picture that can be read"
    if one.shape != other.shape:
        sizes = ["{1} x {0}".format(*picture.shape) for picture in (one, other)]
        return f"{sizes[0]} pixels became {sizes[1]}"
    apart = np.abs(one - other)
    if apart.mean() <= most:
        return None
    changed = int((apart > 0).any(axis=-1).sum())
    return f"{changed} pixels differ (of 1, by {apart.mean():.2g} on average, {apart.max():.2g} at most)"


def _pixels(data: str) -> np.ndarray | None:
    from matplotlib.image import imread

    try:
        return imread(io.BytesIO(base64.b64decode(data)), format="png").astype(float)
    except (OSError, SyntaxError, ValueError):  # as Pillow calls damage of each kind
        return None
