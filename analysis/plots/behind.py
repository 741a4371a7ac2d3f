"""The numbers behind a picture: kept by the function that draws it, had again as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DIGITS = 9  # of the largest number of a column; further ones differ between builds of NumPy
_kept: WeakKeyDictionary[Axes, tuple[pd.DataFrame, str]] = WeakKeyDictionary()


def keep_numbers(ax: Axes, table: pd.DataFrame, what: str) -> None:
    """Remember what was drawn on axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where it was drawn.
    table : pandas.DataFrame
        The numbers, without an index that matters.
    what : str
        What a reader who cannot see the picture has to know of it: what is drawn against what, and how.
        Without a full stop.
    """
    _kept[ax] = (table.copy(), what)


def names_in(levels: Iterable[object], most: int = 9) -> str:
    """Write names out for the description of a picture; many are counted.

    Examples
    --------
    >>> names_in(["before", "after"])
    'before; after'
    """
    names = [" ".join(str(level).split()) for level in levels]
    return "; ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def numbers_of(figure: Figure) -> str | None:
    """Return what was drawn as CSV; its first line, after "# ", says what the picture is.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        With axes that functions of `analysis.plots` drew on.

    Returns
    -------
    str or None
        None where no axes have numbers that were kept. Where several have, a column "panel" numbers them.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> keep_numbers(figure.add_subplot(), pd.DataFrame({"day": [0, 7]}), "A line over days")
    >>> print(numbers_of(figure))
    # A line over days
    day
    0
    7
    """
    drawn = [_kept[ax] for ax in figure.axes if ax in _kept]
    if not drawn:
        return None
    tables = [table for table, _ in drawn]
    if len(drawn) > 1:
        tables = [table.assign(panel=place) for place, table in enumerate(tables, start=1)]
    what = "; ".join(dict.fromkeys(what for _, what in drawn))
    return f"# {what}\n" + _rounded(pd.concat(tables)).to_csv(index=False, lineterminator="\n")


def give_numbers() -> None:
    """Make IPython add the numbers, as text/csv, to each picture that it shows.

    `analysis.notebooks.run_notebook` asks for it, so that the report can offer the numbers of every picture.
    Notebooks that people run by themselves are left alone.
    """
    from IPython import get_ipython
    from IPython.core.formatters import BaseFormatter
    from matplotlib.figure import Figure
    from traitlets import Unicode

    class CsvFormatter(BaseFormatter):
        format_type = Unicode("text/csv")

        # Not registered for the type: matplotlib's inline backend takes such entries out.
        def __call__(self, shown: object) -> str | None:
            return numbers_of(shown) if isinstance(shown, Figure) else None

    get_ipython().display_formatter.formatters["text/csv"] = CsvFormatter()


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Round fractions to as many places as the largest number of their column bears."""
    table = table.copy()
    for name in table.select_dtypes("floating"):
        largest = table[name].abs().replace(np.inf, np.nan).max()
        if largest > 0:
            table[name] = table[name].round(_DIGITS - 1 - int(np.floor(np.log10(largest))))
    return table
