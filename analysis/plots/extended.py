"""A picture of estimates: one a line, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING

import pandas as pd

from analysis.errors import Faults, ParameterError, did_you_mean
from analysis.plots.behind import keep_numbers
from analysis.plots.style import LINES, MARKERS, colour, legend, levels_of, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def intervals(
    table: pd.DataFrame,
    label: str,
    estimate: str = "estimate",
    low: str = "low",
    high: str = "high",
    by: str | None = None,
    marks: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show estimates with their intervals, a line each (a forest plot).

    Parameters
    ----------
    table : pandas.DataFrame
        A row an estimate.
    label : str
        Column that names the lines, shown from the top in the order of the table. Lines of one name share a
        place.
    estimate, low, high : str
        Columns of numbers, in one unit. Where `low` or `high` is missing, the estimate stands alone.
    by : str, optional
        Column that tells the marks apart.
    marks : mapping of str to float, optional
        Values to draw as vertical lines, by name, beside the one at 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        Where the table has no such columns, or no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> cohorts = pd.DataFrame({"cohort": ["A", "B"], "estimate": [-0.2, 0.1]})
    >>> cohorts = cohorts.assign(low=cohorts["estimate"] - 0.3, high=cohorts["estimate"] + 0.3)
    >>> ax = an.plots.intervals(cohorts, "cohort", marks={"smallest of interest": -0.4})
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['A', 'B']
    """
    faults = Faults("intervals", ParameterError)
    for column in dict.fromkeys([label, estimate, low, high, *([] if by is None else [by])]):
        if column not in table:
            remedy = did_you_mean(column, list(table.columns))
            faults.add(f"the table has no column {column!r}", remedy=remedy)
    if table.empty:
        faults.add("the table has no rows", expected="a row an estimate")
    faults.raise_if_any()
    names = list(dict.fromkeys(table[label].astype(str)))
    columns = list(dict.fromkeys([label, *([] if by is None else [by]), estimate, low, high]))
    ax = new_axes(ax, height=1.3 + 0.32 * len(names))
    groups = pd.Series("", index=table.index) if by is None else table[by].astype(str)
    levels = levels_of(groups)
    together = table.groupby(table[label].astype(str)).size().max() > 1
    step = 0.5 / len(levels) if together else 0.0  # marks of one line stand one below the other
    for place, group in enumerate(levels):
        part = table[groups == group]
        shift = step * (place - (len(levels) - 1) / 2)
        rows = [names.index(str(name)) + shift for name in part[label]]
        look = {"color": colour(place)}
        ax.hlines(rows, part[low], part[high], linewidth=1.8, **look)
        mark = MARKERS[place % len(MARKERS)]
        ax.plot(part[estimate], rows, mark, markersize=6, label=group or None, **look)
    ax.axvline(0, color="black", linewidth=0.8)
    for place, (name, value) in enumerate((marks or {}).items(), start=1):
        ax.axvline(value, color="black", linewidth=1, linestyle=LINES[place % len(LINES)], label=name)
    ax.set_yticks(range(len(names)), [fill(name, 44) for name in names])
    ax.set(xlabel=estimate.replace("_", " ").capitalize(), ylabel="", ylim=(len(names) - 0.4, -0.6))
    keep_numbers(ax, table[columns], f"Estimates of {ax.get_xlabel()} with their intervals, a line each")
    ax.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)
    legend(ax, below=True, gap=0.55 / (0.3 + 0.32 * len(names)))  # as far below tall axes as below low
    return ax
