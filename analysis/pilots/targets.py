"""The figures by which simulated tables are held against the real one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse, special
from scipy.spatial.distance import pdist

from analysis.pilots.plans import Plan

MOST_COMPARED = 400  # samples whose distances are looked at; of larger tables an even selection

# Largest relative difference from the real figure with which a target is met.
TOLERANCES = {
    "shannon_median": 0.02,
    "shannon_sd": 0.15,
    "bray_curtis_mean": 0.03,
    "bray_curtis_sd": 0.20,
    "richness_mean": 0.10,
    "subject_gap": 0.15,
    "cluster_gap": 0.15,
    "stratum_gap": 0.15,
}
LEAST_RANK_CORRELATION = 0.95
_UNITS = 200  # outermost units (vendors, cages, subjects) over which simulated figures are averaged
_COMMON = 0.05  # prevalence of the taxa whose order is compared


@dataclass(frozen=True)
class Pairs:
    """Every two samples of a plan, by the innermost unit that they share.

    Attributes
    ----------
    plan : Plan
        The samples.
    """

    plan: Plan

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        """Pairs (in the order of `pdist`) that share a subject, a cluster, a stratum or nothing ("none")."""
        first, second = np.triu_indices(len(self.plan), k=1)
        masks = {}
        left = np.ones(len(first), dtype=bool)
        for level in ("subject", "cluster", "stratum"):
            codes = self.plan.codes(level)
            same = (codes[first] == codes[second]) & left
            if codes.max() > 0 and same.any():
                masks[level] = same
                left &= ~same
        return masks | {"none": left}

    @property
    def levels(self) -> list[str]:
        """Levels at which samples are repeated, innermost first."""
        return [level for level in self.masks if level != "none"]

    def tables_for(self, n_samples: int) -> int:
        """Return how many tables hold `n_samples` samples and enough of the outermost units."""
        outermost = self.levels[-1] if self.levels else "subject"
        n_units = len(np.unique(self.plan.codes(outermost)))
        return max(2, round(n_samples / len(self.plan)), -(-_UNITS // n_units))

    def gaps(self, distances: np.ndarray) -> dict[str, float]:
        """Return, for each level, how much nearer its samples are than those of the next wider level."""
        names = list(self.masks)
        means = [distances[self.masks[name]].mean() for name in names]
        return {f"{name}_gap": means[i + 1] - means[i] for i, name in enumerate(names[:-1])}

    def likeness(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Return, for each level, the correlation between values of one unit; columns are taken one by one.

        Notes
        -----
        One less the ratio of two semivariances, that of pairs which share the unit and of pairs which share
        none: unlike a correlation about the mean, it is not drawn down where there are few units.
        """
        values = np.asarray(values, dtype=float)
        first, second = np.triu_indices(len(self.plan), k=1)
        spread = {}
        for name, mask in self.masks.items():
            i, j = first[mask], second[mask]
            if len(i) > 20_000:
                keep = np.linspace(0, len(i) - 1, 20_000).astype(int)
                i, j = i[keep], j[keep]
            spread[name] = ((values[i] - values[j]) ** 2).mean(axis=0)
        widest = np.maximum(spread.pop("none"), 1e-12)
        return {name: 1 - value / widest for name, value in spread.items()}


def figures_of(counts: np.ndarray, pairs: Pairs) -> dict[str, float]:
    """Compute the figures of one table in which every sample has about the same number of reads.

    Parameters
    ----------
    counts : numpy.ndarray, shape (n_samples, n_taxa)
        Reads.
    pairs : Pairs
        Of the same samples.

    Returns
    -------
    dict
        Median and SD of Shannon (nats), mean and SD of Bray-Curtis between subjects, mean and SD of the
        observed richness, the gaps in Bray-Curtis and the correlations of Shannon within units.
    """
    counts = np.asarray(counts, dtype=np.float64)
    shannon = shannon_of(counts)
    richness = (counts > 0).sum(axis=1)
    chosen = compared(len(counts))
    # Taxa of no sample cost time and change nothing.
    part = counts[chosen]
    distances = pdist(part[:, part.any(axis=0)], "braycurtis")
    near = pairs if len(chosen) == len(counts) else Pairs(_subset(pairs.plan, chosen))
    between = ~near.masks["subject"] if "subject" in near.masks else slice(None)
    return {
        "shannon_median": float(np.median(shannon)),
        "shannon_sd": float(shannon.std(ddof=1)),
        "bray_curtis_mean": float(distances[between].mean()),
        "bray_curtis_sd": float(distances[between].std(ddof=1)),
        "richness_mean": float(richness.mean()),
        "richness_sd": float(richness.std(ddof=1)),
        **near.gaps(distances),
        **{f"shannon_{level}_icc": float(value) for level, value in pairs.likeness(shannon).items()},
    }


def shannon_of(counts: np.ndarray) -> np.ndarray:
    """Return the Shannon index (nats) of each row of a dense table of reads."""
    counts = np.ascontiguousarray(counts, dtype=np.float32)
    total = counts.sum(axis=1, dtype=np.float64)
    logs = np.log(np.maximum(counts, 1))
    return np.log(total) - np.einsum("ij,ij->i", counts, logs, dtype=np.float64) / total


def compared(n_samples: int) -> np.ndarray:
    """Return the rows whose distances are looked at."""
    return np.unique(np.linspace(0, n_samples - 1, min(n_samples, MOST_COMPARED)).round().astype(int))


def _subset(plan: Plan, rows: np.ndarray) -> Plan:
    return Plan(*(getattr(plan, name)[rows] for name in ("stratum", "cluster", "subject", "arm", "time")))


def rarefied(counts: sparse.csr_array, depth: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `depth` reads of each sample without replacement, as a dense table."""
    out = np.zeros(counts.shape, dtype=np.int32)
    for row in range(counts.shape[0]):
        span = slice(counts.indptr[row], counts.indptr[row + 1])
        drawn = rng.multivariate_hypergeometric(counts.data[span], depth, method="marginals")
        out[row, counts.indices[span]] = drawn
    return out


def expected_prevalence(counts: np.ndarray, depths: np.ndarray, depth: int) -> np.ndarray:
    """Return the share of samples in which each taxon would be seen at a depth, over all rarefactions.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (n_samples, n_taxa)
        Reads.
    depths : numpy.ndarray, shape (n_samples,)
        Reads of the whole sample, at least `depth`.
    depth : int
        Reads drawn.
    """
    total = depths[:, None].astype(float)
    left = total - counts
    log_missed = (
        special.gammaln(left + 1)
        - special.gammaln(np.maximum(left - depth, 0) + 1)
        - special.gammaln(total + 1)
        + special.gammaln(total - depth + 1)
    )
    return 1 - np.where(left >= depth, np.exp(log_missed), 0.0).mean(axis=0)


def prevalence_of(counts: sparse.csr_array, depths: np.ndarray, depth: int) -> np.ndarray:
    """Return what `expected_prevalence` does, a block of taxa at a time."""
    columns = sparse.csc_array(counts)
    out = np.empty(counts.shape[1])
    for start in range(0, counts.shape[1], 2_000):
        block = columns[:, start : start + 2_000].toarray()
        out[start : start + 2_000] = expected_prevalence(block, depths, depth)
    return out


def fit_table(
    real: dict[str, float], simulated: list[dict[str, float]], prevalence: np.ndarray, seen: np.ndarray
) -> pd.DataFrame:
    """Hold simulated figures against the real ones.

    Parameters
    ----------
    real : dict
        From `figures_of`.
    simulated : list of dict
        The same figures of each simulated table.
    prevalence, seen : numpy.ndarray, shape (n_taxa,)
        Share of samples with the taxon, real and simulated.

    Returns
    -------
    pandas.DataFrame
        Index: target. Columns: real, simulated (mean over the tables), se (its Monte Carlo error), difference
        (relative to the real figure), tolerance (nan: shown, not a target), met.
    """
    rows = {}
    for name, value in real.items():
        values = np.array([figures[name] for figures in simulated])
        mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
        difference = mean / value - 1 if value else float("nan")
        tolerance = TOLERANCES.get(name, float("nan"))
        rows[name] = (value, mean, error, difference, tolerance, not abs(difference) > tolerance)
    common = prevalence >= _COMMON
    rank = float(pd.Series(prevalence[common]).corr(pd.Series(seen[common]), method="spearman"))
    least = LEAST_RANK_CORRELATION
    rows["prevalence_rank_correlation"] = (1.0, rank, 0.0, rank - 1, 1 - least, rank > least)
    columns = ["real", "simulated", "se", "difference", "tolerance", "met"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("target")
