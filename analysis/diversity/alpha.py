"""Alpha diversity: how rich and how even each sample is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.arguments import check_flag
from analysis.diversity.draws import check_draws, deep_enough
from analysis.diversity.metrics import Metric, choose_metrics, refuse_empty, row_blocks
from analysis.diversity.rarefaction import rarefied_metrics
from analysis.diversity.richness import expected_richness
from analysis.errors import AnalysisWarning, Faults, ParameterError, listed, one_fault

if TYPE_CHECKING:
    from scipy import sparse

    from analysis.study import Study


def alpha_diversity(
    study: Study,
    metrics: str | Sequence[str] = ("observed_features", "shannon"),
    depth: int | None = None,
    iterations: int = 100,
    seed: int = 0,
    *,
    base: float | None = None,
    drop_shallow: bool = False,
    with_se: bool = False,
) -> pd.DataFrame:
    """Measure the diversity within each sample.

    Parameters
    ----------
    study : Study
        Read counts, or fractions for the metrics that do not depend on the number of reads.
    metrics : str or sequence of str
        Any of observed_features, shannon, simpson (Gini-Simpson, 1 - D), inv_simpson (1 / D),
        inv_simpson_unbiased (two reads drawn without replacement; mothur's invsimpson), pielou_e,
        berger_parker_d, chao1 (bias-corrected), ace, goods_coverage, faith_pd (up to the root), and hill_Q
        for a Hill number of any order Q >= 0, for example hill_0, hill_1, hill_2, hill_0.5, hill_inf.
    depth : int, optional
        Rarefy every sample to this many reads and average over the draws; no rarefaction where None.
    iterations : int
        Draws a sample; 1 gives the figures of ``rarefy(study, depth, seed)``. The mean of richness over draws
        has a closed form, used for any larger number.
    seed : int
        As for `rarefy`.
    base : float, optional
        Base of the logarithm in Shannon: nats where None, as in mothur and vegan; QIIME 2 prints base 2.
    drop_shallow : bool
        Leave out samples with fewer reads than `depth`.
    with_se : bool
        Add a column ``<metric>_se``: the Monte Carlo standard error of the mean over draws (0 where exact).

    Returns
    -------
    pandas.DataFrame, shape (n_samples, n_metrics)
        Indexed by sample id.

    Raises
    ------
    ParameterError
        For unknown metrics (with the nearest name) and impossible arguments.
    TableError
        Where samples have no reads, or fractions are given to a metric or to rarefaction that need counts.
    DepthError
        Where samples have fewer reads than `depth`; says which would go.
    TreeError
        Where Faith's PD cannot be had from the tree.

    Warns
    -----
    AnalysisWarning
        Where a metric is undefined (NaN) for some samples: evenness of a single feature, ACE where every rare
        feature has one read, inv_simpson_unbiased where every feature has. A mean over draws is NaN as soon
        as one draw is undefined.

    Notes
    -----
    Richness, Chao1, ACE and Faith's PD grow with the number of reads: compare samples at one `depth`.
    Chao1, ACE and coverage lean on features seen once, which denoisers such as DADA2 remove.

    scikit-bio gives an evenness of 1 to a sample of one feature, an infinite unbiased inverse Simpson where
    every feature has one read, and an error for an undefined ACE: here all three are NaN, with a warning.
    Everything else agrees to 1e-12. The table is never made dense.

    References
    ----------
    .. [1] Hurlbert SH (1971). Ecology 52:577-586. doi:10.2307/1934145 (expected richness)
    .. [2] Chao A (1984). Scand J Stat 11:265-270. https://www.jstor.org/stable/4615964 (Chao1)
    .. [3] Chao A, Lee S-M (1992). J Am Stat Assoc 87:210-217. doi:10.1080/01621459.1992.10475194 (ACE)
    .. [4] Faith DP (1992). Biol Conserv 61:1-10. doi:10.1016/0006-3207(92)91201-3
    .. [5] Hill MO (1973). Ecology 54:427-432. doi:10.2307/1934352
    .. [6] Good IJ (1953). Biometrika 40:237-264. doi:10.1093/biomet/40.3-4.237

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> table = pd.DataFrame([[5, 5, 0], [8, 1, 1]], index=["s1", "s2"], columns=["a", "b", "c"])
    >>> an.alpha_diversity(an.Study.from_frame(table), ["observed_features", "hill_2"])
               observed_features    hill_2
    sample_id
    s1                         2  2.000000
    s2                         3  1.515152
    """
    chosen = choose_metrics(metrics, study, base)
    faults = Faults("alpha_diversity", ParameterError)
    check_flag(faults, "with_se", with_se)
    faults.raise_if_any()
    if with_se and (depth is None or iterations == 1):
        raise one_fault(
            ParameterError,
            "with_se",
            "a standard error needs several draws",
            remedy="give depth= and iterations= of 2 or more, or leave with_se out",
        )
    if depth is None:
        refuse_empty(study)
        result = pd.DataFrame(_of_table(study.counts, chosen), index=study.sample_ids)
        _warn_undefined(result, study.source.name)
        return result
    check_draws(iterations, seed)
    study = deep_enough(study, depth, drop_shallow=drop_shallow)
    result, errors = _over_draws(study, depth, chosen, iterations, seed)
    _warn_undefined(result, study.source.name)
    return result.join(errors.add_suffix("_se")) if with_se else result


def _over_draws(
    study: Study, depth: int, metrics: Sequence[Metric], iterations: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Average over rarefactions, exactly where there is a closed form; return means and standard errors."""
    names = [metric.name for metric in metrics]
    mean = pd.DataFrame(index=study.sample_ids, columns=names, dtype=float)
    error = pd.DataFrame(0.0, index=study.sample_ids, columns=names)
    closed = [metric.name for metric in metrics if metric.is_richness and iterations > 1]
    drawn = [metric for metric in metrics if metric.name not in closed]
    if closed:
        rows = np.split(study.counts.data, study.counts.indptr[1:-1])
        expected = [expected_richness(reads, [depth])[0][0] for reads in rows]
        for name in closed:
            mean[name] = expected
    if drawn:
        means = rarefied_metrics(study, depth, drawn, iterations, seed)
        columns = [metric.name for metric in drawn]
        mean[columns], error[columns] = means.mean, means.se
    return mean, error


def _of_table(counts: sparse.csr_array, metrics: Sequence[Metric]) -> dict[str, np.ndarray]:
    """Apply metrics block by block, so that the working memory stays that of one block."""
    blocks: dict[str, list[np.ndarray]] = {metric.name: [] for metric in metrics}
    for block in row_blocks(counts):
        for metric in metrics:
            blocks[metric.name].append(metric.compute(block))
    return {name: np.concatenate(values) for name, values in blocks.items()}


def _warn_undefined(result: pd.DataFrame, subject: str) -> None:
    undefined = [
        f"{name} in {int(missing.sum())} ({listed(result.index[missing])})"
        for name, missing in result.isna().items()
        if missing.any()
    ]
    if undefined:
        warnings.warn(
            f"{subject}: undefined, and NaN, in some samples: {'; '.join(undefined)}. "
            "See the notes of alpha_diversity for when this happens",
            AnalysisWarning,
            stacklevel=3,
        )
