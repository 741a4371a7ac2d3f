"""Pictures of claims: the evidence for them, what tables lack, when to sample, and what a trial would say."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import ParameterError, did_you_mean, one_fault
from analysis.plots.behind import keep_numbers
from analysis.plots.style import COLOURS, MARKERS, OTHER, colour, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.claims.model import Claim
    from analysis.claims.rehearsal import Rehearsal

_DIRECT = ("direct", "indirect", "other exposure", "search", "method")
_OUTCOMES = {  # outcome: colour, hatch: told apart without colour too
    "supported": (COLOURS[5], "///"),
    "opposite": (COLOURS[3], "xxx"),
    "inconclusive": (OTHER, ""),
    "refuted": (COLOURS[0], "\\\\\\"),
    "untestable": ("white", "..."),
}


def evidence_map(claims: Mapping[str, Claim], ax: Axes | None = None) -> Axes:
    """Show how many findings there are on each claim, by how directly they bear on it.

    Parameters
    ----------
    claims : mapping of str to Claim
        From `load_claims`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import analysis as an
    >>> ax = an.plots.evidence_map(an.load_claims())
    >>> ax.get_xlabel()
    'Findings, by how directly they bear on the claim'
    """
    ax = new_axes(ax, height=1.4 + 0.36 * len(claims))
    counted = []
    for place, claim in enumerate(claims.values()):
        found = [finding.direct for finding in claim.evidence]
        for column, direct in enumerate(_DIRECT):
            number = found.count(direct)
            counted.append((claim.id, direct, number))
            ax.scatter(
                column, place, s=60 + 60 * number if number else 12, color=colour(0) if number else OTHER
            )
            if number:
                ax.text(column, place, str(number), color="white", ha="center", va="center", fontsize=9)
    keep_numbers(
        ax,
        pd.DataFrame(counted, columns=["claim", "directness", "findings"]),
        "Number of findings on each claim, by how directly they bear on it",
    )
    _claim_rows(ax, list(claims))
    names = (
        "this very\nquestion",
        "one part\ndiffers",
        "another\nexposure",
        "looked for,\nnot found",
        "how to\nmeasure",
    )
    ax.set_xticks(range(len(_DIRECT)), names)
    ax.set(xlim=(-0.5, len(_DIRECT) - 0.5), xlabel="Findings, by how directly they bear on the claim")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    return ax


def gap_matrix(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Show how many essential requirements each public table lacks for each claim.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a claim and dataset: columns claim, dataset and essential_missing (how many).
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Darker cells lack more; 0 would mean that the claim can be tested.

    Raises
    ------
    ParameterError
        Where the table lacks a column.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> row = {"claim": "diversity_falls_mice", "dataset": "turnbaugh_mice", "essential_missing": 3}
    >>> audits = pd.DataFrame([row])
    >>> ax = an.plots.gap_matrix(audits)
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['turnbaugh mice']
    """
    _need(table, ("claim", "dataset", "essential_missing"), "gap_matrix")
    order = {name: table[name].drop_duplicates().tolist() for name in ("claim", "dataset")}
    grid = table.pivot_table("essential_missing", "claim", "dataset", sort=False)
    grid = grid.loc[order["claim"], order["dataset"]]
    ax = new_axes(ax, height=2.2 + 0.34 * len(grid), width=3.6 + 0.24 * grid.shape[1])
    ax.imshow(grid, cmap="cividis_r", vmin=0, vmax=max(6, grid.max().max()), aspect="auto")
    for (row, column), number in np.ndenumerate(grid.to_numpy()):
        shade = "white" if number > 3 else "black"
        ax.text(column, row, f"{number:.0f}", ha="center", va="center", color=shade, fontsize=9)
    _claim_rows(ax, list(grid.index))
    ax.set_xticks(range(grid.shape[1]), [name.replace("_", " ") for name in grid.columns], rotation=90)
    ax.tick_params(length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_xlabel("Essential requirements that the table lacks (0: the claim could be tested)")
    keep_numbers(
        ax,
        table[["claim", "dataset", "essential_missing"]],
        "How many essential requirements each public table lacks for each claim, as a grid of numbers",
    )
    return ax


def sampling_calendar(claims: Mapping[str, Claim], ax: Axes | None = None) -> Axes:
    """Show on which days each claim asks for samples, from the first injection on.

    Parameters
    ----------
    claims : mapping of str to Claim
        Those of kind "knowledge" are left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import analysis as an
    >>> ax = an.plots.sampling_calendar(an.load_claims())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['baseline', 'primary test', 'secondary']
    """
    tested = {name: claim for name, claim in claims.items() if claim.testable}
    ax = new_axes(ax, height=1.6 + 0.32 * len(tested))
    kinds = {"baseline_days": "baseline", "follow_up_days": "primary test", "other_days": "secondary"}
    days_of = [
        (name, label, day)
        for name, claim in tested.items()
        for days, label in kinds.items()
        for day in getattr(claim.trial, days)
    ]
    keep_numbers(
        ax,
        pd.DataFrame(days_of, columns=["claim", "sample", "day"]),
        "The days on which each claim asks for samples, from the first injection on",
    )
    for place, (days, label) in enumerate(kinds.items()):
        dots = [(day, row) for row, claim in enumerate(tested.values()) for day in getattr(claim.trial, days)]
        if dots:
            ax.scatter(
                *zip(*dots, strict=True), marker=MARKERS[place], color=colour(place), label=label, zorder=2
            )
    ax.axvline(0, color="black", linewidth=0.8, linestyle=":", zorder=1)
    ax.set_xlabel("Day (dotted line: first injection)")
    _claim_rows(ax, list(tested))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    legend(ax, below=True, gap=0.6 / (1 + 0.3 * len(tested)))
    return ax


def verdict_rates(rehearsed: pd.DataFrame | Rehearsal, ax: Axes | None = None) -> Axes:
    r"""Show how often each verdict came out of simulated trials, by the true effect.

    Parameters
    ----------
    rehearsed : pandas.DataFrame or Rehearsal
        Columns truth (a multiple of the smallest effect of interest), outcome and rate; of one claim.
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
    >>> rates = pd.DataFrame({"truth": [0, 1], "outcome": ["refuted", "supported"], "rate": [0.82, 0.84]})
    >>> ax = an.plots.verdict_rates(rates)
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['no effect', 'the smallest\nof interest']
    """
    table = rehearsed if isinstance(rehearsed, pd.DataFrame) else rehearsed.to_frame()
    _need(table, ("truth", "outcome", "rate"), "verdict_rates")
    truths = sorted(table["truth"].unique())
    ax = new_axes(ax, height=1.6 + 0.5 * len(truths))
    shown = [name for name in ("claim", "n_per_arm", "truth", "outcome", "rate", "rate_se") if name in table]
    keep_numbers(ax, table[shown], "Share of simulated trials with each verdict, a bar for each true effect")
    left = np.zeros(len(truths))
    for outcome, (shade, hatch) in _OUTCOMES.items():
        rates = (
            table[table["outcome"] == outcome].set_index("truth")["rate"].reindex(truths).fillna(0).to_numpy()
        )
        if rates.any():
            bars = ax.barh(
                range(len(truths)),
                rates,
                left=left,
                color=shade,
                hatch=hatch,
                edgecolor="black",
                label=outcome,
            )
            for bar, rate in zip(bars, rates, strict=True):
                if rate >= 0.06:
                    _label_bar(ax, bar, f"{rate:.0%}")
        left += rates
    ax.set_yticks(range(len(truths)), [_truth_name(truth) for truth in truths])
    ax.invert_yaxis()
    ax.set(xlabel="Share of simulated trials", xlim=(0, 1))
    legend(ax, below=True, gap=0.24)
    return ax


def _label_bar(ax: Axes, bar: object, text: str) -> None:
    x = bar.get_x() + bar.get_width() / 2  # type: ignore[attr-defined]
    y = bar.get_y() + bar.get_height() / 2  # type: ignore[attr-defined]
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
    ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=box)


def _truth_name(truth: float) -> str:
    names = {0: "no effect", 0.5: "half the smallest\nof interest", 1: "the smallest\nof interest"}
    return names.get(truth, f"{truth:g} times the smallest\nof interest")


def _claim_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), [fill(name.replace("_", " "), 34) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)


def _need(table: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    for column in columns:
        if column not in table:
            remedy = did_you_mean(column, list(table.columns))
            raise one_fault(ParameterError, where, f"the table has no column {column!r}", remedy=remedy)
