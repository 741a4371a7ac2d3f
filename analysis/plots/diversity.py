"""Pictures of diversity: by depth, by group, over time, and between samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import MetadataError, ParameterError, listed, one_fault
from analysis.plots.behind import keep_numbers, names_in
from analysis.plots.style import (
    LINES,
    MARKERS,
    aligned,
    colour,
    legend,
    levels_of,
    metric_label,
    name_places,
    new_axes,
    ordered,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.diversity.beta import Ordination


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

    Raises
    ------
    ParameterError
        Where the curves are of several metrics.
    MetadataError
        Where a sample has no group.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> curves = an.rarefaction_curve(study.select(samples=study.sample_ids[:3]), depths=[1, 10, 100])
    >>> ax = an.plots.rarefaction_curves(curves)
    >>> len(ax.lines), ax.get_ylabel()
    (3, 'Observed features')
    """
    metrics = list(curves["metric"].unique())
    if len(metrics) != 1:
        what = f"the curves are of {len(metrics)} metrics: {listed(metrics)}"
        remedy = "draw one at a time: curves[curves['metric'] == 'shannon']"
        raise one_fault(ParameterError, "rarefaction_curves", what, remedy=remedy)
    ax = new_axes(ax)
    names = pd.Index(curves["sample_id"].unique())
    groups = pd.Series("", index=names) if groups is None else aligned(groups, names)
    levels = levels_of(groups)
    drawn: set[str] = set()
    for sample, curve in curves.groupby("sample_id", sort=False):
        place = levels.index(groups[sample])
        ax.plot(
            curve["depth"],
            curve["value"],
            color=colour(place),
            linestyle=LINES[place % len(LINES)],
            linewidth=1,
            alpha=0.8,
            label=groups[sample] if groups[sample] not in drawn else None,
        )
        drawn.add(groups[sample])
    ax.set(xlabel="Reads drawn", ylabel=metric_label(metrics[0]))
    table = curves.assign(group=curves["sample_id"].map(groups))
    keep_numbers(ax, table, f"{metric_label(metrics[0])} against the number of reads drawn, a line a sample")
    legend(ax)
    return ax


def alpha_by_group(
    values: pd.Series, groups: pd.Series, order: list[str] | None = None, ax: Axes | None = None
) -> Axes:
    r"""Show every sample's diversity by group, over a box of median and quartiles.

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

    Raises
    ------
    MetadataError
        Where a sample has no group.
    ParameterError
        Where `order` does not name each group once.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> shannon = an.alpha_diversity(study, "shannon")["shannon"]
    >>> ax = an.plots.alpha_by_group(shannon, study.metadata["diet"])
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['BK\n(n = 85)', 'Western\n(n = 54)']
    """
    ax = new_axes(ax)
    groups = aligned(groups, values.index)
    levels = ordered(levels_of(groups), order)
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
            MARKERS[place % len(MARKERS)],
            color=colour(place),
            markersize=4,
            alpha=0.75,
        )
    name_places(ax, [f"{level}\n(n = {int((groups == level).sum())})" for level in levels])
    ax.set(xlabel="", ylabel=metric_label(values.name), xlim=(-0.6, len(levels) - 0.4))
    table = pd.DataFrame({"group": groups, "value": values}).rename_axis("sample_id").reset_index()
    what = f"{metric_label(values.name)} of every sample over a box of median and quartiles, for each of"
    keep_numbers(ax, table, f"{what} {names_in(levels)}")
    return ax


def _spread(number: int) -> np.ndarray:
    """Return sideways offsets that keep points apart, the same on every run."""
    golden = (np.sqrt(5) - 1) / 2
    return 0.44 * ((np.arange(number) * golden) % 1 - 0.5)


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

    Raises
    ------
    MetadataError
        Where a sample has no time, subject or group, or a time is no number.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> shannon = an.alpha_diversity(study, "shannon")["shannon"]
    >>> mice = study.metadata
    >>> ax = an.plots.alpha_over_time(shannon, mice["day"], mice["mouseID"], mice["diet_group"])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('day', 'Shannon index')
    """
    ax = new_axes(ax)
    frame = pd.DataFrame(
        {
            "value": values,
            "time": _as_numbers(aligned(time, values.index, text=False)),
            "subject": aligned(subject, values.index),
            "group": "all samples" if groups is None else aligned(groups, values.index),
        }
    ).sort_values("time", kind="stable")
    levels = levels_of(frame["group"])
    for (_, group), rows in frame.groupby(["subject", "group"], sort=True):
        place = levels.index(group)
        ax.plot(rows["time"], rows["value"], color=colour(place), linewidth=0.7, alpha=0.45)
    for place, level in enumerate(levels):
        mean = frame[frame["group"] == level].groupby("time")["value"].mean()
        ax.plot(
            mean.index,
            mean,
            color=colour(place),
            linewidth=2.5,
            linestyle=LINES[place % len(LINES)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=5,
            label=f"{level} (mean)",
        )
    ax.set(xlabel=str(time.name), ylabel=metric_label(values.name))
    what = f"{metric_label(values.name)} over time, a thin line a subject and a thick one for the mean of"
    keep_numbers(ax, frame.rename_axis("sample_id").reset_index(), f"{what} {names_in(levels)}")
    legend(ax, below=True)
    return ax


def _as_numbers(time: pd.Series) -> pd.Series:
    try:
        return pd.to_numeric(time)
    except (TypeError, ValueError):
        raise one_fault(
            MetadataError,
            f"column {time.name!r}",
            f"the times are not numbers: {listed(time.unique())}",
            remedy="make them days since the start: (pd.to_datetime(dates) - start).dt.days",
        ) from None


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

    Raises
    ------
    ParameterError
        Where `level` is no share, or the samples are fewer than a plane takes.
    MetadataError
        Where a sample has no group.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> few = study.select(samples=study.sample_ids[:20])
    >>> ax = an.plots.ordination(an.pcoa(an.beta_diversity(few)), few.metadata["mouseID"])
    >>> ax.get_xlabel()
    'Axis 1 (29% of variation)'
    """
    from matplotlib.patches import Ellipse

    if not 0 < level < 1:
        raise one_fault(
            ParameterError, "ordination", f"level={level} is not a share", expected="0 < level < 1"
        )
    if result.coordinates.shape[1] < 2:
        what = f"{len(result.coordinates)} samples have a single axis, and a plane takes two"
        raise one_fault(ParameterError, "ordination", what, expected="three samples or more")
    ax = new_axes(ax)
    points = result.coordinates.iloc[:, :2]
    groups = aligned(groups, points.index)
    for place, name in enumerate(levels_of(groups)):
        member = points[groups == name].to_numpy()
        ax.scatter(
            *member.T,
            s=28,
            color=colour(place),
            marker=MARKERS[place % len(MARKERS)],
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
                Ellipse(member.mean(axis=0), width, height, angle=angle, fill=False, color=colour(place))
            )
    what = "Samples on the first two principal coordinates, marked by group:"
    table = points.set_axis(["axis_1", "axis_2"], axis=1).assign(group=groups)
    keep_numbers(ax, table.rename_axis("sample_id").reset_index(), f"{what} {names_in(levels_of(groups))}")
    explained = result.proportion_explained
    ax.set(
        xlabel=f"Axis 1 ({explained.iloc[0]:.0%} of variation)",
        ylabel=f"Axis 2 ({explained.iloc[1]:.0%} of variation)",
    )
    ax.autoscale_view()
    legend(ax)
    return ax
