"""Pictures of a table: how deep, and which taxa."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import ParameterError, one_fault
from analysis.plots.behind import keep_numbers, names_in
from analysis.plots.style import (
    COLOURS,
    OTHER,
    aligned,
    colour,
    legend,
    name_places,
    new_axes,
    ordered,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.study import Study


def depth_histogram(study: Study, depth: int | None = None, ax: Axes | None = None) -> Axes:
    """Show how many reads the samples have.

    Parameters
    ----------
    study : Study
        Read counts.
    depth : int, optional
        A rarefaction depth to mark, with the number of samples that do not reach it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import analysis as an
    >>> ax = an.plots.depth_histogram(an.load_dataset("turnbaugh_mice"), depth=1000)
    >>> ax.get_legend().get_texts()[0].get_text()
    '1,000 reads: 2 of 139 samples have fewer'
    """
    ax = new_axes(ax)
    depths = study.depths.to_numpy(dtype=float)
    low, high = depths.min(), depths.max()
    logarithmic = low > 0 and high / low > 20
    edges = np.geomspace(low, high, 25) if logarithmic else np.linspace(low, max(high, low + 1), 25)
    ax.hist(depths, bins=edges, color=COLOURS[0], edgecolor="white")
    if logarithmic:
        ax.set_xscale("log")
    if depth is not None:
        short = int((depths < depth).sum())
        label = f"{depth:,} reads: {short} of {len(depths)} samples have fewer"
        ax.axvline(depth, color=COLOURS[5], linestyle="--", label=label)
        legend(ax, below=True)
    ax.set(
        xlabel="Reads per sample" if study.kind == "counts" else "Sum of the fractions of a sample",
        ylabel="Number of samples",
    )
    table = study.depths.rename("reads").rename_axis("sample_id").reset_index()
    keep_numbers(ax, table, f"Histogram of {ax.get_xlabel().lower()}")
    return ax


def taxa_bars(
    study: Study,
    rank: str,
    groups: pd.Series | None = None,
    top: int = 7,
    order: list[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Stack the mean fractions of the most abundant taxa.

    Parameters
    ----------
    study : Study
        With a taxonomy.
    rank : str
        The rank shown, for example "Phylum".
    groups : pandas.Series, optional
        One bar a group (the mean of its samples' fractions) and not one a sample.
    top : int
        How many taxa to name, at most eight; the rest is "other".
    order : list of str, optional
        Bars from left to right.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        Where `top` is more than there are colours, or `order` does not name each bar once.
    TaxonomyError
        Where there is no taxonomy, or no such rank in it.
    MetadataError
        Where a sample has no group.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> ax = an.plots.taxa_bars(study, "Phylum", groups=study.metadata["diet"], top=3)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['Firmicutes', 'Bacteroidetes', 'Proteobacteria', 'other']
    """
    if not 1 <= top <= len(COLOURS):
        raise one_fault(
            ParameterError, "taxa_bars", f"top={top} taxa", expected=f"1 to {len(COLOURS)}, one colour each"
        )
    ax = new_axes(ax)
    fractions = study.collapse(rank).to_frame()
    fractions = fractions.div(fractions.sum(axis=1), axis=0)
    if groups is not None:
        fractions = fractions.groupby(aligned(groups, fractions.index)).mean()
    fractions = fractions.loc[ordered(list(fractions.index), order)]
    named = list(fractions.mean().sort_values(ascending=False, kind="stable").index[:top])
    shown = fractions[named].assign(other=1 - fractions[named].sum(axis=1))
    bottom = np.zeros(len(shown))
    for place, name in enumerate(shown.columns):
        shade = OTHER if name == "other" else colour(place)
        height = shown[name].to_numpy()
        ax.bar(
            range(len(shown)),
            height,
            bottom=bottom,
            color=shade,
            edgecolor="white",
            linewidth=0.4,
            label=name,
        )
        bottom += height
    name_places(ax, [str(name) for name in shown.index])
    ax.set(xlabel="", ylabel="Mean fraction" if groups is not None else "Fraction", ylim=(0, 1))
    table = shown.set_axis([str(name).replace("\n", ", ") for name in shown.index]).rename_axis("bar")
    what = f"Stacked bars of the fractions of {names_in(shown.columns)}"
    keep_numbers(ax, table.reset_index(), what)
    legend(ax)
    return ax
