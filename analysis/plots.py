"""Pictures of tables and of their diversity; each function draws on one matplotlib axes and returns it.

Colours are those of Okabe and Ito, which people with any common form of colour blindness can tell apart;
groups also differ in marker or line style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import MetadataError, ParameterError, listed, one_fault

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.beta import Ordination
    from analysis.study import Study

#: Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), black last and grey kept for "other".
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
OTHER = "#B5B5B5"
_MARKERS = "osD^vPX*"
_LINES = ("-", "--", "-.", ":")
_LABELS = {
    "observed_features": "Observed features",
    "shannon": "Shannon index (nats)",
    "simpson": "Simpson index",
    "inv_simpson": "Inverse Simpson index",
    "pielou_e": "Pielou evenness",
    "chao1": "Chao1 richness",
    "ace": "ACE richness",
    "faith_pd": "Faith's phylogenetic diversity",
}


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
    """
    ax = _axes(ax)
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
        _legend(ax, below=True)
    ax.set(xlabel="Reads per sample", ylabel="Number of samples")
    return ax


def rarefaction_curves(curves: pd.DataFrame, groups: pd.Series | None = None, ax: Axes | None = None) -> Axes:
    """Draw one rarefaction curve a sample.

    Parameters
    ----------
    curves : pandas.DataFrame
        As `rarefaction_curve` gives it: columns sample_id, depth, metric, value.
    groups : pandas.Series, optional
        A group for each sample id, shown by colour and line style.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    names = pd.Index(curves["sample_id"].unique())
    groups = pd.Series("", index=names) if groups is None else _aligned(groups, names)
    levels = _levels(groups)
    drawn: set[str] = set()
    for sample, curve in curves.groupby("sample_id", sort=False):
        place = levels.index(groups[sample])
        ax.plot(
            curve["depth"],
            curve["value"],
            color=_colour(place),
            linestyle=_LINES[place % len(_LINES)],
            linewidth=1,
            alpha=0.8,
            label=groups[sample] if groups[sample] not in drawn else None,
        )
        drawn.add(groups[sample])
    metric = str(curves["metric"].iloc[0])
    ax.set(xlabel="Reads drawn", ylabel=metric_label(metric))
    _legend(ax)
    return ax


def alpha_by_group(
    values: pd.Series, groups: pd.Series, order: list[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Show every sample's diversity by group, over a box of median and quartiles.

    Parameters
    ----------
    values : pandas.Series
        One number a sample, indexed by sample id.
    groups : pandas.Series
        The group of each sample id.
    order : list of str, optional
        Groups from left to right; sorted by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    groups = _aligned(groups, values.index)
    levels = _ordered(_levels(groups), order)
    for place, level in enumerate(levels):
        member = values[groups == level].dropna().to_numpy(dtype=float)
        ax.boxplot(
            member,
            positions=[place],
            widths=0.6,
            showfliers=False,
            medianprops={"color": "black"},
            manage_ticks=False,
        )
        ax.plot(
            place + _spread(len(member)),
            member,
            _MARKERS[place % len(_MARKERS)],
            color=_colour(place),
            markersize=4,
            alpha=0.75,
        )
    counts = [f"{level}\n(n = {int((groups == level).sum())})" for level in levels]
    crowded = len(levels) > 5
    ax.set_xticks(
        range(len(levels)), counts, rotation=45 if crowded else 0, ha="right" if crowded else "center"
    )
    ax.set(xlabel="", ylabel=metric_label(values.name), xlim=(-0.6, len(levels) - 0.4))
    return ax


def alpha_over_time(
    values: pd.Series,
    time: pd.Series,
    subject: pd.Series,
    groups: pd.Series | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw each subject's diversity over time as a thin line, and each group's mean as a thick one.

    Parameters
    ----------
    values : pandas.Series
        One number a sample, indexed by sample id.
    time, subject : pandas.Series
        When each sample was taken (a number) and from whom, by sample id.
    groups : pandas.Series, optional
        The group of each sample id. Samples with no group are left out of the means and drawn grey.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax)
    frame = pd.DataFrame(
        {
            "value": values,
            "time": pd.to_numeric(_aligned(time, values.index, text=False)),
            "subject": _aligned(subject, values.index),
            "group": "all samples" if groups is None else _aligned(groups, values.index),
        }
    ).sort_values("time", kind="stable")
    levels = _levels(frame["group"])
    for (_, group), rows in frame.groupby(["subject", "group"], sort=True):
        place = levels.index(group)
        ax.plot(rows["time"], rows["value"], color=_colour(place), linewidth=0.7, alpha=0.45)
    for place, level in enumerate(levels):
        mean = frame[frame["group"] == level].groupby("time")["value"].mean()
        ax.plot(
            mean.index,
            mean,
            color=_colour(place),
            linewidth=2.5,
            linestyle=_LINES[place % len(_LINES)],
            marker=_MARKERS[place % len(_MARKERS)],
            markersize=5,
            label=f"{level} (mean)",
        )
    ax.set(xlabel=str(time.name), ylabel=metric_label(values.name))
    _legend(ax, below=True)
    return ax


def ordination(
    result: Ordination, groups: pd.Series, ellipses: bool = True, level: float = 0.68, ax: Axes | None = None
) -> Axes:
    """Plot samples on the first two principal coordinates, with an ellipse around each group.

    Parameters
    ----------
    result : Ordination
        As `pcoa` gives it.
    groups : pandas.Series
        The group of each sample id, shown by colour and marker.
    ellipses : bool
        Draw, for groups of four samples or more, the ellipse that holds `level` of a normal distribution with
        the group's mean and covariance. It describes the samples; it is no test.
    level : float
        The share that an ellipse holds, between 0 and 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.patches import Ellipse

    if not 0 < level < 1:
        raise one_fault(
            ParameterError, "ordination", f"level={level} is not a share", expected="0 < level < 1"
        )
    ax = _axes(ax)
    points = result.coordinates.iloc[:, :2]
    groups = _aligned(groups, points.index)
    for place, name in enumerate(_levels(groups)):
        member = points[groups == name].to_numpy()
        ax.scatter(
            *member.T,
            s=28,
            color=_colour(place),
            marker=_MARKERS[place % len(_MARKERS)],
            edgecolor="white",
            linewidth=0.4,
            label=f"{name} (n = {len(member)})",
        )
        if ellipses and len(member) >= 4:
            values, vectors = np.linalg.eigh(np.cov(member.T))
            # A chi-square of two degrees of freedom holds `level` within -2 log(1 - level).
            width, height = 2 * np.sqrt(np.maximum(values, 0) * -2 * np.log(1 - level))
            angle = np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0]))
            ax.add_patch(
                Ellipse(member.mean(axis=0), width, height, angle=angle, fill=False, color=_colour(place))
            )
    explained = result.proportion_explained
    ax.set(
        xlabel=f"Axis 1 ({explained.iloc[0]:.0%} of variation)",
        ylabel=f"Axis 2 ({explained.iloc[1]:.0%} of variation)",
    )
    ax.autoscale_view()
    _legend(ax)
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
    """
    if not 1 <= top <= len(COLOURS):
        raise one_fault(
            ParameterError, "taxa_bars", f"top={top} taxa", expected=f"1 to {len(COLOURS)}, one colour each"
        )
    ax = _axes(ax)
    fractions = study.collapse(rank).to_frame()
    fractions = fractions.div(fractions.sum(axis=1), axis=0)
    if groups is not None:
        fractions = fractions.groupby(_aligned(groups, fractions.index)).mean()
    fractions = fractions.loc[_ordered(list(fractions.index), order)]
    named = list(fractions.mean().sort_values(ascending=False, kind="stable").index[:top])
    shown = fractions[named].assign(other=1 - fractions[named].sum(axis=1))
    bottom = np.zeros(len(shown))
    for place, name in enumerate(shown.columns):
        colour = OTHER if name == "other" else _colour(place)
        height = shown[name].to_numpy()
        ax.bar(
            range(len(shown)),
            height,
            bottom=bottom,
            color=colour,
            edgecolor="white",
            linewidth=0.4,
            label=name,
        )
        bottom += height
    crowded = len(shown) > 5
    ax.set_xticks(
        range(len(shown)), shown.index, rotation=45 if crowded else 0, ha="right" if crowded else "center"
    )
    ax.set(xlabel="", ylabel="Mean fraction" if groups is not None else "Fraction", ylim=(0, 1))
    _legend(ax)
    return ax


def metric_label(metric: object) -> str:
    """Return a metric's name as an axis shows it."""
    name = str(metric)
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _axes(ax: Axes | None) -> Axes:
    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _aligned(groups: pd.Series, ids: pd.Index, *, text: bool = True) -> pd.Series:
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


def _levels(groups: pd.Series) -> list[str]:
    levels = sorted(groups.unique())
    try:
        return sorted(levels, key=float)
    except ValueError:
        return levels


def _ordered(levels: list[str], order: list[str] | None) -> list[str]:
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


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _spread(number: int) -> np.ndarray:
    """Return sideways offsets that keep points apart, the same on every run."""
    golden = (np.sqrt(5) - 1) / 2
    return 0.44 * ((np.arange(number) * golden) % 1 - 0.5)


def _legend(ax: Axes, *, below: bool = False) -> None:
    labels = [label for label in ax.get_legend_handles_labels()[1] if label]
    if not labels:
        return
    if below:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=min(3, len(labels)), frameon=False)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
