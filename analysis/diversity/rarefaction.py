"""Rarefaction: what a sample would have shown with fewer reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.diversity.draws import (
    check_draws,
    deep_enough,
    draws_of_sample,
    is_whole,
    open_streams,
    rarefied_tables,
    refuse_fractions,
)
from analysis.diversity.metrics import Metric, choose_metrics, refuse_empty
from analysis.diversity.richness import expected_richness
from analysis.errors import DepthError, Faults, ParameterError, one_fault
from analysis.study import check_study

if TYPE_CHECKING:
    from analysis.study import Study

_CURVE_POINTS = 24


def rarefy(study: Study, depth: int, seed: int = 0, drop_shallow: bool = False) -> Study:
    """Draw the same number of reads from every sample, once.

    Parameters
    ----------
    study : Study
        Read counts.
    depth : int
        Reads to draw from each sample, without replacement.
    seed : int
        Each sample has its own random stream, made of the seed, the depth and the sample's id: what is drawn
        does not depend on which other samples or features there are, or on their order.
    drop_shallow : bool
        Leave out samples of fewer reads; the source notes how many.

    Returns
    -------
    Study
        Every sample sums to `depth`. All features stay, also those that were not drawn.

    Raises
    ------
    DepthError
        Where samples have fewer reads than `depth` (and `drop_shallow` is False), or all of them do.
    TableError
        Where the study holds fractions.
    ParameterError
        Where `depth` or `seed` is no whole number in range.

    Notes
    -----
    One draw throws reads away at random. To compare samples, prefer the mean over many draws:
    ``alpha_diversity(study, depth=...)`` and ``beta_diversity(study, depth=...)``.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> table = pd.DataFrame([[50, 30, 20], [5, 0, 5]], index=["s1", "s2"], columns=["a", "b", "c"])
    >>> an.rarefy(an.Study.from_frame(table), depth=10).depths.tolist()
    [10, 10]
    """
    check_study(study, "rarefy")
    check_draws(1, seed)
    study = deep_enough(study, depth, drop_shallow=drop_shallow)
    counts = next(rarefied_tables(study, depth, iterations=1, seed=seed))
    note = f"rarefied to {depth} reads a sample (one draw, seed {seed})"
    return replace(study, counts=counts, source=study.source.noting(note))


def rarefaction_curve(
    study: Study,
    metric: str | Sequence[str] = "observed_features",
    depths: Sequence[int] | None = None,
    iterations: int = 10,
    seed: int = 0,
    *,
    base: float | None = None,
) -> pd.DataFrame:
    """Follow a metric from few reads to all of them, sample by sample.

    Parameters
    ----------
    study : Study
        Read counts.
    metric : str or sequence of str
        Any metric of `alpha_diversity`.
    depths : sequence of int, optional
        Numbers of reads. By default 24 depths, evenly spaced on a log scale from 1 to the deepest sample, and
        each sample's own number of reads as the end of its curve.
    iterations : int
        Draws a depth. Richness needs none: its expectation has a closed form [1]_, used whatever this is.
    seed : int
        As for `rarefy`.
    base : float, optional
        Base of the logarithm in Shannon; nats where None.

    Returns
    -------
    pandas.DataFrame
        Columns sample_id, depth, metric, value, sd, se. A sample has rows up to its own number of reads. `sd`
        is the standard deviation between single draws (vegan's ``rarefy`` calls it "se"), NaN from one draw;
        `se` is the Monte Carlo standard error of `value`, 0 where that is exact. A value is NaN where the
        metric is undefined in one of the draws, as the evenness of a single feature is.

    Raises
    ------
    DepthError
        Where no sample reaches one of the `depths`.
    TableError, ParameterError, TreeError
        As for `alpha_diversity`.

    References
    ----------
    .. [1] Hurlbert SH (1971). Ecology 52:577-586. doi:10.2307/1934145

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> curve = an.rarefaction_curve(study.select(samples=study.sample_ids[:1]), depths=[1, 100])
    >>> curve[["depth", "value", "se"]].round(1).to_numpy().tolist()
    [[1.0, 1.0, 0.0], [100.0, 56.5, 0.0]]
    """
    metrics = choose_metrics(metric, study, base)
    refuse_fractions(study)
    refuse_empty(study)
    check_draws(iterations, seed)
    reached = _depths_of_samples(depths, study)
    frames = []
    for entry in metrics:
        if entry.is_richness:
            frames += _exact_curves(study, entry, reached)
    drawn = [entry for entry in metrics if not entry.is_richness]
    for depth in np.unique(np.concatenate(reached)) if drawn else ():
        deep = study.select(samples=np.array([depth in own for own in reached]))
        means = rarefied_metrics(deep, int(depth), drawn, iterations, seed)
        for place, entry in enumerate(drawn):
            values = (means.mean[:, place], means.sd[:, place], means.se[:, place])
            frames.append(_tidy(deep.sample_ids, depth, entry.name, *values))
    curve = pd.concat(frames, ignore_index=True)
    sample = study.sample_ids.get_indexer(curve["sample_id"])
    turn = pd.Index([entry.name for entry in metrics]).get_indexer(curve["metric"])
    return curve.iloc[np.lexsort((curve["depth"], sample, turn))].reset_index(drop=True)


def _depths_of_samples(depths: Sequence[int] | None, study: Study) -> list[np.ndarray]:
    """Return the depths at which each sample is measured, in ascending order."""
    reads = study.depths.to_numpy()
    if depths is None:
        ladder = np.unique(np.geomspace(1, reads.max(), _CURVE_POINTS).round().astype(int))
        return [np.append(ladder[ladder < own], own) for own in reads]
    faults = Faults("depths", ParameterError)
    if not isinstance(depths, Sequence | np.ndarray | pd.Series | pd.Index) or isinstance(depths, str):
        expected = "a list of whole numbers, such as [100, 1000]"
        faults.add(f"a {type(depths).__name__} is no list of depths", expected=expected)
        faults.raise_if_any()
    for depth in depths:
        if not is_whole(depth) or depth < 1:
            faults.add(f"{depth!r} is no number of reads", expected="whole numbers of 1 or more")
    if not len(depths):
        faults.add("no depth was given", remedy="name some, or leave depths out for the default")
    faults.raise_if_any()
    ladder = np.unique(depths)
    beyond = [f"{depth:,}" for depth in ladder[ladder > reads.max()]]
    if beyond:
        raise one_fault(
            DepthError,
            study.source.name,
            f"no sample has {' or '.join(beyond)} reads",
            expected=f"depths up to {reads.max():,}, the deepest sample",
        )
    return [ladder[ladder <= own] for own in reads]


def _exact_curves(study: Study, entry: Metric, reached: list[np.ndarray]) -> list[pd.DataFrame]:
    counts = study.counts
    frames = []
    for sample, depths, start, stop in zip(
        study.sample_ids, reached, counts.indptr[:-1], counts.indptr[1:], strict=True
    ):
        mean, sd = expected_richness(counts.data[start:stop], depths)
        frames.append(_tidy(sample, depths, entry.name, mean, sd, 0.0))
    return frames


def _tidy(
    samples: object, depth: object, metric: str, value: np.ndarray, sd: np.ndarray, se: object
) -> pd.DataFrame:
    columns = {"sample_id": samples, "depth": depth, "metric": metric, "value": value, "sd": sd, "se": se}
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class MeansOverDraws:
    """Metrics averaged over repeated rarefactions.

    Attributes
    ----------
    mean : numpy.ndarray, shape (n_samples, n_metrics)
        Means over the draws.
    sd : numpy.ndarray, shape (n_samples, n_metrics)
        Standard deviations between single draws; NaN from one draw.
    se : numpy.ndarray, shape (n_samples, n_metrics)
        Monte Carlo standard errors of the means; NaN from one draw.
    """

    mean: np.ndarray
    sd: np.ndarray
    se: np.ndarray


def rarefied_metrics(
    study: Study, depth: int, metrics: Sequence[Metric], iterations: int, seed: int
) -> MeansOverDraws:
    """Average metrics over repeated rarefactions.

    Parameters
    ----------
    study : Study
        Read counts; every sample reaches `depth`.
    depth : int
        Reads a draw.
    metrics : sequence of Metric
        From `analysis.diversity.metrics.choose_metrics`.
    iterations : int
        Draws a sample.
    seed : int
        As for `rarefy`.

    Returns
    -------
    MeansOverDraws
        With rows as the study's samples and columns as the metrics.
    """
    mean, sd = np.empty((2, study.shape[0], len(metrics)))
    for row, stream in enumerate(open_streams(study, depth, seed)):
        values = np.concatenate(
            [
                np.column_stack([metric.compute(table) for metric in metrics]).astype(float)
                for table in draws_of_sample(stream, depth, iterations, study.shape[1])
            ]
        )
        mean[row] = values.mean(axis=0)
        sd[row] = values.std(axis=0, ddof=1) if iterations > 1 else np.nan
    return MeansOverDraws(mean, sd, sd / np.sqrt(iterations))
