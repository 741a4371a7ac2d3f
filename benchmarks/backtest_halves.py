"""One cohort of bench_backtest.py: split, power predicted from one half and observed in the other."""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from backtest_cohorts import Cohort
from scipy import stats
from scipy.spatial.distance import pdist, squareform

import analysis as an
from analysis.pilots import fit_pilot
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.effects import Effect
from analysis.pilots.model import Pilot
from analysis.pilots.plans import plan_arms
from analysis.pilots.simulator import Simulator
from analysis.pilots.targets import rarefied
from analysis.planning.designed_permanova import DesignedPermanova
from analysis.planning.results import SizeWarning

ALPHA = 0.05
MAX_TAXA = 300
_PER_ARM, _ROUNDS = 60, 4  # of the simulated studies on which an effect is scaled
_SCALES = np.array([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0])  # looked at in turn until the effect is reached
_IDEAL = 4_000  # simulated cohorts behind an ideal gap
_BLOCK = 50  # experiments tested at once
_TIMES = 5  # t tests for each PERMANOVA: they cost nothing


def measure(cohort: Cohort, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Bray-Curtis distances and Shannon of all samples, rarefied to one depth."""
    table = rarefied(cohort.study.counts, cohort.depth, np.random.default_rng(seed))
    table = table[:, table.any(axis=0)].astype(float)
    shannon = an.alpha_diversity(cohort.study, metrics=["shannon"], depth=cohort.depth, iterations=10)
    return squareform(pdist(table, "braycurtis")), shannon["shannon"].to_numpy()


def omega_squared(squared: np.ndarray, treated: np.ndarray, subject: np.ndarray) -> float:
    """Estimate the omega squared between two equal arms from squared distances between different subjects.

    Notes
    -----
    With w the mean squared distance within arms and b that between them it is ``(b - w) / (b + w)``, whatever
    the numbers of subjects; see `composition_shift` for what is meant.
    """
    low, high = np.flatnonzero(~treated), np.flatnonzero(treated)
    within = np.mean([squared[np.ix_(g, g)].sum() / (len(g) * (len(g) - 1)) for g in (low, high)])
    others = subject[low][:, None] != subject[high]
    between = squared[np.ix_(low, high)][others].mean()
    return float((between - within) / (between + within))


def draw(rng: np.random.Generator, cohort: Cohort, rows: np.ndarray, n: int) -> np.ndarray:
    """Draw n subjects of each arm without replacement, nobody in both; the reference comes first."""
    treated = rng.permutation(rows[cohort.treated[rows]])[:n]
    others = rows[~cohort.treated[rows] & ~np.isin(cohort.subject[rows], cohort.subject[treated])]
    return np.concatenate([rng.permutation(others)[:n], treated])


def fold_changes(cohort: Cohort, rows: np.ndarray, pilot: Pilot) -> np.ndarray:
    """Estimate the log fold change of each of the pilot's taxa; 0 for columns of several rare taxa."""
    columns = np.flatnonzero(pilot.taxa["members"].to_numpy() == 1)
    features = cohort.study.feature_ids.get_indexer(pilot.taxa.index[columns])
    counts = cohort.study.counts[rows][:, features].toarray()
    shares = counts / np.asarray(cohort.study.depths)[rows][:, None]
    treated = cohort.treated[rows]
    half_a_read = 0.5 / cohort.depth
    fold = np.zeros(len(pilot))
    means = [shares[arm].mean(axis=0) + half_a_read for arm in (treated, ~treated)]
    fold[columns] = np.log(means[0] / means[1])
    return fold


def scaled(pilot: Pilot, fold: np.ndarray, wanted: float, seed: int) -> tuple[Effect | float, float]:
    """Scale fold changes to an omega squared; return the effect and what was reached, at most the largest."""
    if wanted <= 0:
        return 0.0, 0.0
    plan = plan_arms([_PER_ARM, _PER_ARM])

    def make(scale: float) -> Effect:
        return Effect("composition", f"fold changes to the power {scale:.3g}", log_fold=scale * fold)

    def reached(scale: float) -> float:
        tables = Simulator(pilot, plan, make(scale)).batch(np.random.default_rng(seed), _ROUNDS)
        squared = np.square(bray_curtis_batch(tables).astype(float))
        return float(np.mean([omega_squared(one, plan.arm == 1, plan.subject) for one in squared]))

    low, at_low = 0.0, reached(0.0)
    best = (at_low, low)
    for scale in _SCALES:
        found = reached(scale)
        best = max(best, (found, scale))
        if found >= wanted:
            break
        low, at_low = scale, found
    else:
        return make(best[1]), best[0]
    high, at_high = scale, found
    for _ in range(4):
        middle = low + (high - low) * np.clip((wanted - at_low) / (at_high - at_low), 0.1, 0.9)
        found = reached(middle)
        if found < wanted:
            low, at_low = middle, found
        else:
            high, at_high = middle, found
    best = min(((at_low, low), (at_high, high)), key=lambda pair: abs(pair[0] - wanted))
    return make(best[1]), best[0]


def pooled(values: np.ndarray, treated: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of the reference arm, the pooled SD and the difference of the means."""
    low, high = values[~treated], values[treated]
    squares = (len(low) - 1) * low.var(ddof=1) + (len(high) - 1) * high.var(ddof=1)
    return low.mean(), float(np.sqrt(squares / (len(values) - 2))), high.mean() - low.mean()


def predict_community(
    cohort: Cohort, distances: np.ndarray, rows: np.ndarray, n_sim: int, permutations: int, seed: int
) -> pd.DataFrame:
    """Predict the power of PERMANOVA from one half, at each number of subjects."""
    treated = cohort.treated[rows]
    wanted = omega_squared(np.square(distances[np.ix_(rows, rows)]), treated, cohort.subject[rows])
    found = []
    for arm, sign in ((~treated, 1), (treated, -1)):
        chosen = np.zeros(len(cohort.treated), dtype=bool)
        chosen[rows[arm]] = True
        pilot = fit_pilot(
            cohort.study.select(samples=chosen), cohort.depth, MAX_TAXA, name=cohort.name, seed=seed
        )
        effect, reached = scaled(pilot, sign * fold_changes(cohort, rows, pilot), wanted, seed)
        for n in cohort.sizes:
            with warnings.catch_warnings():
                # Type I errors are written down, over all splits; 100 simulations alone stray.
                warnings.simplefilter("ignore", SizeWarning)
                power = an.power(
                    an.Design(n_per_arm=n, baseline=0),
                    an.CommunityEndpoint(pilot),
                    effect,
                    n_sim=n_sim,
                    permutations=permutations,
                    seed=seed,
                )
            told = (n, power.power, power.type_i, wanted, reached, "reference" if sign > 0 else "treated")
            found.append(told)
    return pd.DataFrame(found, columns=["n_per_arm", "predicted", "type_i", "effect", "reached", "pilot"])


def observe_community(
    cohort: Cohort,
    distances: np.ndarray,
    rows: np.ndarray,
    n: int,
    draws: int,
    permutations: int,
    rng: np.random.Generator,
) -> float:
    """Return how often PERMANOVA rejects in experiments drawn from the other half."""
    test = DesignedPermanova.of(
        an.Design(n_per_arm=n, baseline=0), permutations, seed=int(rng.integers(2**31))
    )
    hits = 0
    for start in range(0, draws, _BLOCK):
        chosen = [draw(rng, cohort, rows, n) for _ in range(min(_BLOCK, draws - start))]
        examined = test.examine_distances(np.array([distances[np.ix_(one, one)] for one in chosen]))
        hits += int((examined.p <= ALPHA).sum())
    return hits / draws


def observe_shannon(
    cohort: Cohort, shannon: np.ndarray, rows: np.ndarray, n: int, draws: int, rng: np.random.Generator
) -> float:
    """Return how often the t test rejects in experiments drawn from the other half."""
    drawn = np.array([draw(rng, cohort, rows, n) for _ in range(draws)])
    p = stats.ttest_ind(shannon[drawn[:, :n]], shannon[drawn[:, n:]], axis=1).pvalue
    return float((p <= ALPHA).mean())


def one_half(
    cohort: Cohort,
    distances: np.ndarray,
    shannon: np.ndarray,
    fit: np.ndarray,
    held: np.ndarray,
    seed: int,
    options: argparse.Namespace,
) -> pd.DataFrame:
    """Predict from the rows `fit` what is observed in the rows `held`; a row a cell."""
    rng = np.random.default_rng(seed)
    mean, sd, effect = pooled(shannon[fit], cohort.treated[fit])
    endpoint = an.MeanEndpoint(mean=mean, sd=sd, lowest=None)
    rows = []
    for n in cohort.mean_sizes:
        power = an.power(an.Design(n_per_arm=n, baseline=0), endpoint, effect)
        observed = observe_shannon(cohort, shannon, held, n, _TIMES * options.draws, rng)
        figures = (power.power, power.type_i, effect / sd, effect / sd)
        rows.append(("shannon", n, *figures, observed, np.nan, np.nan))
    found = predict_community(cohort, distances, fit, options.simulations, options.permutations, seed)
    for n, part in found.groupby("n_per_arm"):
        observed = observe_community(cohort, distances, held, n, options.draws, options.permutations, rng)
        figures = part[["predicted", "type_i", "effect", "reached"]].mean()
        rows.append(("community", n, *figures, observed, *part["predicted"]))
    columns = ["endpoint", "n_per_arm", "predicted", "type_i", "effect", "reached", "observed"]
    return pd.DataFrame(rows, columns=[*columns, "from_reference", "from_treated"])


def one_split(
    cohort: Cohort, distances: np.ndarray, shannon: np.ndarray, split: int, options: argparse.Namespace
) -> pd.DataFrame:
    """Split a cohort once and let each half predict the other: what one has too much the other lacks."""
    seed = options.seed + 1_000 * split
    units = np.random.default_rng(seed).permutation(np.unique(cohort.unit))
    first = np.isin(cohort.unit, units[: len(units) // 2])
    halves = np.flatnonzero(first), np.flatnonzero(~first)
    both = [
        one_half(cohort, distances, shannon, fit, held, seed + place + 1, options)
        for place, (fit, held) in enumerate((halves, halves[::-1]))
    ]
    smallest = (
        min(int(cohort.treated[h].sum()) for h in halves),
        min(int((~cohort.treated[h]).sum()) for h in halves),
    )
    return pd.concat(both).assign(split=split, in_half=min(smallest))


def ideal_gap(cohort: Cohort, shannon: np.ndarray, n: int, seed: int) -> float:
    """Back-test normal values of the same numbers, spread and effect: what halves alone make of the gap."""
    _, sd, effect = pooled(shannon, cohort.treated)
    rng = np.random.default_rng(seed)
    sizes = [int((cohort.treated == arm).sum()) for arm in (False, True)]
    low, high = (rng.standard_normal((_IDEAL, size)) for size in sizes)
    # The cohort is what it is: each simulated one has its very mean and SD.
    low, high = (
        (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=1, keepdims=True) for x in (low, high)
    )
    high += effect / sd
    half = [size // 2 for size in sizes]
    fit = low[:, : half[0]], high[:, : half[1]]
    difference = fit[1].mean(axis=1) - fit[0].mean(axis=1)
    squares = sum((len(x[0]) - 1) * x.var(axis=1, ddof=1) for x in fit)
    spread = np.sqrt(squares / (sum(half) - 2))
    shift = np.abs(difference / spread) * np.sqrt(n / 2)
    limit = stats.t.isf(ALPHA / 2, 2 * n - 2)
    predicted = stats.nct.sf(limit, 2 * n - 2, shift) + stats.nct.cdf(-limit, 2 * n - 2, shift)
    p = stats.ttest_ind(low[:, half[0] : half[0] + n], high[:, half[1] : half[1] + n], axis=1).pvalue
    return float(predicted.mean() - (p <= ALPHA).mean())
