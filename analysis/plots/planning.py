"""Pictures of plans: power, what it takes to reach it, and how a prediction of it came out."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import Faults, ParameterError, did_you_mean
from analysis.plots.behind import keep_numbers, names_in
from analysis.plots.style import LINES, MARKERS, colour, legend, metric_label, new_axes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

_NAMES = {
    "n_per_arm": "Subjects an arm",
    "n_exact": "Subjects an arm",
    "total": "Subjects in all",
    "depth": "Reads per sample",
    "icc": "Share of the variation that is the subject",
    "omega_squared": "Omega squared",
    "cluster_size": "Mice a cage",
}
_WIDE = 12  # from this ratio of the largest to the smallest value on, an axis is logarithmic


def power_curves(
    table: pd.DataFrame, x: str, by: str | None = None, target: float = 0.8, ax: Axes | None = None
) -> Axes:
    """Show power against anything, and below it how often the same test errs without an effect.

    Parameters
    ----------
    table : pandas.DataFrame
        As `power_curve` gives it: columns power, power_se and type_i, and those named here.
    x : str
        Column of numbers, for example "n_per_arm".
    by : str, optional
        Column that tells the lines apart; a line each.
    target : float
        Power that is wanted, drawn as a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        Where the table lacks a column, or has no rows.

    Notes
    -----
    Bars are three Monte Carlo errors each way; a closed form has none. The type I error is drawn hollow;
    where lines share it (one design, several effects), the last one's mark is on top.

    Examples
    --------
    >>> import analysis as an
    >>> shannon = an.MeanEndpoint(mean=3.576, sd=0.467)
    >>> table = an.power_curve(an.Design(), shannon, effects=[-0.2, -0.4], n_per_arm=[20, 40, 60])
    >>> ax = an.plots.power_curves(table, "n_per_arm", by="effect")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Subjects an arm', 'Power (hollow: type I error)')
    """
    _check("power_curves", table, [x, "power", "power_se", "type_i"], by)
    ax = new_axes(ax)
    for place, name, part in _lines(table, x, by):
        look = {"color": colour(place), "marker": MARKERS[place % len(MARKERS)]}
        ax.errorbar(
            part[x],
            part["power"],
            yerr=3 * part["power_se"],
            linestyle=LINES[place % len(LINES)],
            capsize=3,
            label=name,
            **look,
        )
        ax.plot(part[x], part["type_i"], linestyle=":", linewidth=0.8, markerfacecolor="white", **look)
    ax.axhline(target, color="black", linewidth=0.8, linestyle=":")
    _scale(ax, table, x=x)
    ax.set(xlabel=_name(x), ylabel="Power (hollow: type I error)", ylim=(0, 1.04))
    _keep(ax, table, [x, "power", "power_se", "type_i"], by, f"Power, and type I error, against {_name(x)}")
    legend(ax, below=True)
    return ax


def needed_curves(table: pd.DataFrame, x: str, y: str, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Show what is needed (subjects, reads) against what it is needed for.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a plan.
    x, y : str
        Columns of numbers.
    by : str, optional
        Column that tells the lines apart.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        Where the table lacks a column, or has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> plans = pd.DataFrame({"proportion": [1e-2, 1e-3, 1e-4]})
    >>> plans["depth"] = [an.detection_depth(share) for share in plans["proportion"]]
    >>> ax = an.plots.needed_curves(plans, "proportion", "depth")
    >>> ax.get_xscale(), ax.get_ylabel()
    ('log', 'Reads per sample')
    """
    _check("needed_curves", table, [x, y], by)
    ax = new_axes(ax)
    for place, name, part in _lines(table, x, by):
        ax.plot(
            part[x],
            part[y],
            color=colour(place),
            marker=MARKERS[place % len(MARKERS)],
            linestyle=LINES[place % len(LINES)],
            label=name,
        )
    _scale(ax, table, x=x, y=y)
    ax.set(xlabel=_name(x), ylabel=_name(y))
    _keep(ax, table, [x, y], by, f"{_name(y)} against {_name(x)}")
    legend(ax, below=True)
    return ax


def needed_by(
    table: pd.DataFrame, label: str, needed: str = "n_per_arm", by: str | None = None, ax: Axes | None = None
) -> Axes:
    """Compare what plans need: a line a plan, with the number beside each mark.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a mark.
    label : str
        Column that names the lines, shown from the top in the order of the table.
    needed : str
        Column of numbers, above 0.
    by : str, optional
        Column that tells the marks of one line apart.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        Where the table lacks a column, or has no rows.

    Notes
    -----
    Where two marks of a line lie close to each other, their numbers are written one above and one below it.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> shannon = an.MeanEndpoint(mean=3.576, sd=0.467, icc=0.6)
    >>> plans = pd.DataFrame({"plan": ["without a baseline", "with one"], "baseline": [0, 1]})
    >>> plans["n_per_arm"] = [
    ...     an.sample_size(an.Design(baseline=number), shannon, effect=-0.36).n_per_arm
    ...     for number in plans["baseline"]
    ... ]
    >>> ax = an.plots.needed_by(plans, "plan")
    >>> plans["n_per_arm"].tolist()
    [28, 19]
    """
    _check("needed_by", table, [label, needed], by)
    names = list(dict.fromkeys(table[label].astype(str)))
    height = 1.5 + (0.4 if by is None else 0.5) * len(names)
    ax = new_axes(ax, height)
    for place, name, part in _lines(table, needed, by):
        rows = [names.index(str(plan)) for plan in part[label]]
        ax.plot(
            part[needed],
            rows,
            MARKERS[place % len(MARKERS)],
            color=colour(place),
            label=name,
        )
        for value, row in zip(part[needed], rows, strict=True):
            ax.annotate(
                f"{value:,.0f}",
                (value, row),
                xytext=(0, 6 if place % 2 == 0 else -6),
                textcoords="offset points",
                ha="center",
                va="bottom" if place % 2 == 0 else "top",
                fontsize=8,  # black: amber numbers on white are hard to read
            )
    _scale(ax, table, x=needed)
    ax.set_yticks(range(len(names)), [fill(name, 34) for name in names])
    ax.set(xlabel=_name(needed), ylabel="", ylim=(len(names) - 0.4, -0.6))
    _keep(ax, table, [label, needed], by, f"{_name(needed)} that each plan needs")
    ax.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.margins(x=0.08)
    legend(ax, below=True)
    if by is not None:
        ax.get_legend().set_bbox_to_anchor((0.5, -0.55 / (height - 1)))  # as far below tall axes as below low
    return ax


def predicted_observed(table: pd.DataFrame, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Show predicted power against the share of real subsamples in which the test rejected.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a prediction; columns predicted, predicted_se, observed and observed_se.
    by : str, optional
        Column that tells the marks apart.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        Where the table lacks a column, or has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> row = {"predicted": 0.8, "predicted_se": 0.01, "observed": 0.77, "observed_se": 0.04}
    >>> ax = an.plots.predicted_observed(pd.DataFrame([row]))
    >>> ax.get_xlabel()
    'Power predicted (bars: one standard error)'
    """
    _check("predicted_observed", table, ["predicted", "predicted_se", "observed", "observed_se"], by)
    ax = new_axes(ax, height=5)
    ax.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
    for place, name, part in _lines(table, "predicted", by):
        ax.errorbar(
            part["predicted"],
            part["observed"],
            xerr=part["predicted_se"],
            yerr=part["observed_se"],
            fmt=MARKERS[place % len(MARKERS)],
            color=colour(place),
            elinewidth=0.8,
            label=name,
        )
    ax.set(
        xlabel="Power predicted (bars: one standard error)",
        ylabel="Share of real subsamples with p below .05",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )
    columns = ["predicted", "predicted_se", "observed", "observed_se"]
    _keep(ax, table, columns, by, "Observed against predicted power, beside the line where they are equal")
    legend(ax, below=True)
    return ax


def _check(function: str, table: pd.DataFrame, columns: list[str], by: str | None) -> None:
    """Refuse a table that lacks a column, or numbers, naming all that is wrong."""
    faults = Faults(function, ParameterError)
    there = list(table.columns)
    for column in [*columns, *([] if by is None else [by])]:
        if column not in table:
            faults.add(f"the table has no column {column!r}", remedy=did_you_mean(column, there))
    if not len(table):
        faults.add("the table has no rows", expected="a row a plan")
    faults.raise_if_any()


def _keep(ax: Axes, table: pd.DataFrame, columns: list[str], by: str | None, what: str) -> None:
    """Keep the columns that were drawn, and say which lines there are."""
    if by is not None:
        columns = [by, *columns]
        what = f"{what}, for each of {names_in(dict.fromkeys(table[by]))}"
    keep_numbers(ax, table[list(dict.fromkeys(columns))], what)


def _lines(table: pd.DataFrame, x: str, by: str | None) -> Iterator[tuple[int, str | None, pd.DataFrame]]:
    """Yield place, name and rows of each line, in the order of the table."""
    if by is None:
        yield 0, None, table.sort_values(x, kind="stable")
        return
    for place, name in enumerate(dict.fromkeys(table[by])):
        yield place, str(name), table[table[by] == name].sort_values(x, kind="stable")


def _scale(ax: Axes, table: pd.DataFrame, **axes: str) -> None:
    """Make an axis logarithmic where its values are, and write its numbers out."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for which, column in axes.items():
        values = table[column].to_numpy(dtype=float)
        low, high = np.nanmin(values), np.nanmax(values)
        if low > 0 and high / low >= _WIDE:
            getattr(ax, f"set_{which}scale")("log")
            axis = getattr(ax, f"{which}axis")
            steps = (1, 2, 5) if high / low < 60 else (1, 3) if high / low < 999 else (1,)
            axis.set_major_locator(LogLocator(subs=steps))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            axis.set_minor_formatter(NullFormatter())


def _name(column: str) -> str:
    if column in _NAMES:
        return _NAMES[column]
    return metric_label(column) if column.isidentifier() else column[:1].upper() + column[1:]
