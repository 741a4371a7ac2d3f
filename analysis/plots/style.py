"""What all pictures share: colours, markers, labels, legends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from analysis.errors import MetadataError, ParameterError, listed, one_fault

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe & Ito's palette (https://jfly.uni-koeln.de/color/) without its yellow, which white paper swallows.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
OTHER = "#B5B5B5"
MARKERS = "osD^vPX<"  # eight, and seven colours: no two of the first 56 groups share both
LINES = ("-", "--", "-.", ":")
_WIDTH_IN_LETTERS = 64  # what fits side by side under axes of the default size
_LABELS = {
    "observed_features": "Observed features",
    "shannon": "Shannon index",
    "simpson": "Simpson index",
    "inv_simpson": "Inverse Simpson index",
    "pielou_e": "Pielou evenness",
    "chao1": "Chao1 richness",
    "ace": "ACE richness",
    "faith_pd": "Faith's phylogenetic diversity",
}


def metric_label(metric: object) -> str:
    """Return a metric's name as an axis shows it."""
    name = str(metric)
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def new_axes(ax: Axes | None, height: float = 4, width: float = 7) -> Axes:
    """Return the axes given, or those of a new figure (inches), without the upper and right frame."""
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def aligned(groups: pd.Series, ids: pd.Index, *, text: bool = True) -> pd.Series:
    """Match groups to samples by id; a sample without one is refused."""
    matched = groups.reindex(ids)
    missing = ids[matched.isna()]
    if len(missing):
        raise one_fault(
            MetadataError,
            f"column {groups.name!r}",
            f"{len(missing)} sample(s) have no value: {listed(missing)}",
            remedy="study.select(samples=...) those that have one",
        )
    return matched.astype(str) if text else matched


def levels_of(groups: pd.Series) -> list[str]:
    """Sort group names as people do: day 9 before day 10, mouse M2 before M11."""
    levels = list(groups.unique())
    try:
        return sorted(levels, key=float)
    except ValueError:
        return sorted(levels, key=lambda name: [_sortable(part) for part in re.split(r"(\d+)", name)])


def _sortable(part: str) -> tuple[int, int, str]:
    return (0, int(part), "") if part.isdigit() else (1, 0, part)


def ordered(levels: list[str], order: list[str] | None) -> list[str]:
    """Return the groups in the order asked for, which must name each of them once."""
    if order is None:
        return levels
    wrong = set(map(str, order)) ^ set(levels)
    if wrong:
        raise one_fault(
            ParameterError,
            "order",
            f"does not fit the groups: {listed(sorted(wrong))}",
            expected=listed(levels, 12),
        )
    return [str(level) for level in order]


def colour(place: int) -> str:
    """Return the colour of the group at a place."""
    return COLOURS[place % len(COLOURS)]


def legend(ax: Axes, *, below: bool = False, gap: float = 0.16) -> None:
    """Put a legend beside the axes, or below (by a share of their height), where anything has a label."""
    labels = [label for label in ax.get_legend_handles_labels()[1] if label]
    if not labels:
        return
    if below:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -gap), ncols=min(3, len(labels)), frameon=False)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)


def name_places(ax: Axes, names: list[str]) -> None:
    """Label the places 0, 1, ... below an axis; turned where they would run into each other."""
    width = max(len(line) for name in names for line in name.split("\n"))
    if width * len(names) <= _WIDTH_IN_LETTERS:
        ax.set_xticks(range(len(names)), names)
    else:
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
