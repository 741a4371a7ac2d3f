"""Split distances into within-subject and between-subject parts; used by `variance_components`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import DesignError, ParameterError, one_fault

_EDGE = 1e-9  # how close a share may come to its limits before it is transformed


def split_distances(distances: np.ndarray, groups: list[pd.Series], conf_level: float) -> dict[str, object]:
    """Estimate variance components from distances between samples.

    Parameters
    ----------
    distances : numpy.ndarray, shape (n, n)
        Symmetric, in the order of the groups' rows.
    groups : list of pandas.Series, each of length n
        Outermost first: [subject] or [cluster, subject].
    conf_level : float
        Of the intervals.

    Returns
    -------
    dict
        Estimates and intervals under the names of `VarianceComponents`.

    Raises
    ------
    DesignError
        Where too few groups are there to leave one out, or subjects do not vary within.
    """
    codes = [pd.factorize(labels)[0] for labels in groups]
    subject = codes[-1]
    sizes = np.bincount(subject)
    # Sums of squared distances between all samples of one subject and all of another hold all that is needed.
    members = np.zeros((len(sizes), len(subject)))
    members[subject, np.arange(len(subject))] = 1.0
    blocks = members @ distances**2 @ members.T
    home = codes[0][np.unique(subject, return_index=True)[1]] if len(codes) == 2 else np.arange(len(sizes))
    units = np.unique(home)
    if len(units) < 3:
        raise one_fault(
            DesignError,
            "variance_components",
            f"{len(units)} {'clusters' if len(codes) == 2 else 'subjects'}: leaving one out leaves one",
            expected="at least 3, better 10 or more",
        )
    nested = len(codes) == 2
    full = _components(blocks, sizes, home if nested else None)
    if not full[-1] > 0:
        raise one_fault(
            DesignError,
            "variance_components",
            "all samples of a subject are at distance 0 from each other",
            expected="repeated samples that vary",
            remedy="check that samples were not copied",
        )
    left_out = []
    for unit in units:
        kept = home != unit
        if (sizes[kept] > 1).any():
            left_out.append(
                _components(blocks[np.ix_(kept, kept)], sizes[kept], home[kept] if nested else None)
            )
    names = ["sd_cluster", "sd_between", "sd_within"][-len(full) :]
    figures: dict[str, object] = {
        "pairs": _pairs(distances, codes),
        "method": f"sums of squared distances; intervals by leaving out each of {len(left_out)} "
        + ("clusters" if nested else "subjects"),
    }
    table = np.array(left_out)
    counts = [*([len(units)] if nested else []), len(sizes), len(subject)]
    intervals = _sd_intervals(full, table, counts, conf_level)
    for name, variance, interval in zip(names, full, intervals, strict=True):
        figures[name] = float(np.sqrt(max(variance, 0.0)))
        figures[f"{name}_interval"] = interval
    per_group = {"icc": len(subject) / len(sizes), "cluster_icc": len(subject) / len(units)}
    for column, name in ((-2, "icc"), (0, "cluster_icc")) if nested else ((-2, "icc"),):
        shares = table[:, column] / table.sum(axis=1)
        share = full[column] / full.sum()
        figures[name] = float(max(share, 0.0))
        figures[f"{name}_interval"] = _share_interval(share, shares, per_group[name], conf_level)
    return figures


def _components(blocks: np.ndarray, sizes: np.ndarray, home: np.ndarray | None) -> np.ndarray:
    """Equate sums of squares with their expectations; variances, outermost first, which may be negative."""
    n, n_subjects = sizes.sum(), len(sizes)
    total = blocks.sum() / n / 2
    within = (np.diag(blocks) / sizes).sum() / 2
    residual = within / (n - n_subjects)
    if home is None:
        between = (total - (n - 1) * residual) / (n - (sizes**2).sum() / n)
        return np.array([between, residual])
    names, cage = np.unique(home, return_inverse=True)
    cages = np.zeros((n_subjects, len(names)))
    cages[np.arange(n_subjects), cage] = 1.0
    cage_sizes = cages.T @ sizes
    in_cages = ((cages * (blocks @ cages)).sum(axis=0) / cage_sizes).sum() / 2
    subjects = (in_cages - (n - len(names)) * residual) / (n - (cages.T @ sizes**2 / cage_sizes).sum())
    rest = total - (n - 1) * residual - (n - (sizes**2).sum() / n) * subjects
    return np.array([rest / (n - (cage_sizes**2).sum() / n), subjects, residual])


def _pairs(distances: np.ndarray, codes: list[np.ndarray]) -> pd.DataFrame:
    """Describe the distances of each kind of pair: kind, mean, sd, n_pairs."""
    first, second = np.triu_indices(len(distances), k=1)
    values = distances[first, second]
    same_subject = codes[-1][first] == codes[-1][second]
    kinds = {"within_subject": same_subject, "between_subjects": ~same_subject}
    if len(codes) == 2:
        same_cage = codes[0][first] == codes[0][second]
        kinds["between_subjects_within_cluster"] = ~same_subject & same_cage
        kinds["between_clusters"] = ~same_cage
    rows = [
        (kind, values[mask].mean(), values[mask].std(ddof=1), int(mask.sum())) for kind, mask in kinds.items()
    ]
    return pd.DataFrame(rows, columns=["kind", "mean", "sd", "n_pairs"])


def _spread(left_out: np.ndarray, conf_level: float) -> float:
    """Half-width of a jackknife interval around the estimate."""
    m = len(left_out)
    error = np.sqrt((m - 1) / m * ((left_out - left_out.mean()) ** 2).sum())
    return float(stats.t.ppf((1 + conf_level) / 2, m - 1) * error)


def _share_interval(
    share: float, left_out: np.ndarray, per_group: float, conf_level: float
) -> tuple[float, float]:
    """Jackknife on Fisher's scale for an intraclass correlation of groups of this average size."""

    def stretch(x: np.ndarray | float) -> np.ndarray:
        x = np.clip(x, -1 / (per_group - 1) + _EDGE, 1 - _EDGE)
        return np.log((1 + (per_group - 1) * x) / (1 - x)) / 2

    centre = float(stretch(share))
    width = _spread(stretch(left_out), conf_level)
    growth = np.exp(2 * np.array([centre - width, centre + width]))
    low, high = np.clip((growth - 1) / (growth + per_group - 1), 0, 1)
    return float(low), float(high)


def _sd_intervals(
    full: np.ndarray, left_out: np.ndarray, counts: list[int], conf_level: float
) -> list[tuple[float, float]]:
    """Jackknife the logarithm of the variance of group means, then take the inner levels' part off again.

    The variance of means is positive even where the component itself comes out negative. `counts` are the
    numbers of groups at each level, outermost first, and of samples.
    """
    intervals = []
    for level in range(len(full)):
        per_sample = np.array(counts[level]) / np.array(counts[level + 1 :])
        part, parts = full[level + 1 :] @ per_sample, left_out[:, level + 1 :] @ per_sample
        means = np.maximum(np.r_[full[level] + part, left_out[:, level] + parts], np.finfo(float).tiny)
        width = _spread(np.log(means[1:]), conf_level)
        ends = means[0] * np.exp([-width, width]) - part
        intervals.append(tuple(np.sqrt(np.clip(ends, 0, None)).tolist()))
    return intervals


def check_distances(distances: object, covariates: object) -> np.ndarray:
    """Return a distance matrix as an array, or raise `ParameterError`."""
    if not (hasattr(distances, "ids") and hasattr(distances, "redundant_form")):
        raise one_fault(
            ParameterError,
            "variance_components",
            f"a {type(distances).__name__}",
            where="values=",
            expected="a Series of numbers by sample id, such as alpha['shannon'], or an skbio DistanceMatrix",
        )
    if covariates is not None:
        raise one_fault(
            ParameterError,
            "variance_components",
            "covariates are not taken out of distances",
            where="covariates=",
            remedy="split the samples of one arm or batch at a time",
        )
    return np.asarray(distances.redundant_form(), dtype=float)
