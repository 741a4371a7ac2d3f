"""Pictures of noise: how far samples lie apart, and how often a test errs."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import ParameterError, did_you_mean, one_fault
from analysis.plots.behind import keep_numbers
from analysis.plots.style import MARKERS, aligned, colour, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from skbio import DistanceMatrix


def pairwise_distances(distances: DistanceMatrix, subject: pd.Series, ax: Axes | None = None) -> Axes:
    """Show how far apart two samples of one subject lie, and two samples of different subjects.

    Parameters
    ----------
    distances : skbio.DistanceMatrix
        Distances between samples.
    subject : pandas.Series
        Who each sample id is from.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MetadataError
        Where a sample has no subject.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> few = study.select(samples=study.sample_ids[:20])
    >>> ax = an.plots.pairwise_distances(an.beta_diversity(few), few.metadata["mouseID"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['same subject (mean 0.60, 94 pairs)', 'different subjects (mean 0.73, 96 pairs)']
    """
    ax = new_axes(ax)
    who = aligned(subject, pd.Index(distances.ids)).to_numpy()
    first, second = np.triu_indices(len(who), k=1)
    values = distances.data[first, second]
    same = who[first] == who[second]
    edges = np.linspace(0, max(1.0, values.max()), 41)
    bins = pd.DataFrame({"from": edges[:-1], "to": edges[1:]})
    for place, (name, kept) in enumerate({"same subject": same, "different subjects": ~same}.items()):
        bins[name], *_ = ax.hist(
            values[kept],
            bins=edges,
            density=True,
            histtype="stepfilled" if place == 0 else "step",
            alpha=0.6 if place == 0 else 1,
            linewidth=2,
            color=colour(place),
            label=f"{name} (mean {values[kept].mean():.2f}, {kept.sum():,} pairs)",
        )
    ax.set(xlabel="Distance between two samples", ylabel="Share of pairs (density)")
    keep_numbers(
        ax, bins, "Histograms of the distance between two samples, of the same subject and of different ones"
    )
    legend(ax, below=True)
    return ax


def error_rates(table: pd.DataFrame, label: str, nominal: float = 0.05, ax: Axes | None = None) -> Axes:
    """Show how often tests reject where there is nothing to find, with three Monte Carlo errors each way.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a test; columns `label`, rate (share of simulations rejected) and rate_se (its standard error).
    label : str
        The column that names the tests.
    nominal : float
        The rate that was promised, drawn as a line. A test that rejects more often than that, by more than
        three errors, is marked.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        Where the table lacks a column.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> tests = pd.DataFrame({"test": ["by cage", "by mouse"], "rate": [0.05, 0.19], "rate_se": 0.01})
    >>> ax = an.plots.error_rates(tests, "test")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['promised: 0.05', 'keeps the promise', 'too many']
    """
    for column in (label, "rate", "rate_se"):
        if column not in table:
            raise one_fault(
                ParameterError,
                "error_rates",
                f"the table has no column {column!r}",
                remedy=did_you_mean(column, list(table.columns)),
            )
    ax = new_axes(ax, height=1.5 + 0.4 * len(table))
    what = f"How often each test rejects where there is nothing to find, beside the {nominal:g} promised"
    keep_numbers(ax, table[[label, "rate", "rate_se"]], what)
    places = np.arange(len(table))
    too_many = (table["rate"] - 3 * table["rate_se"] > nominal).to_numpy()
    for place, (name, kept) in enumerate({"keeps the promise": ~too_many, "too many": too_many}.items()):
        if kept.any():
            ax.errorbar(
                table.loc[kept, "rate"],
                places[kept],
                xerr=3 * table.loc[kept, "rate_se"],
                fmt=MARKERS[place],
                color=colour(0 if place == 0 else 5),
                capsize=3,
                label=name,
            )
    ax.axvline(nominal, color="black", linewidth=0.8, linestyle=":", label=f"promised: {nominal:g}")
    ax.set_yticks(places, [fill(str(name), 30) for name in table[label]])
    ax.set(xlabel="False alarms (bars: three Monte Carlo errors)", ylabel="", ylim=(len(table) - 0.5, -0.5))
    ax.set_xlim(left=0)
    legend(ax, below=True, gap=max(0.16, 0.58 / (0.5 + 0.4 * len(table))))
    return ax
