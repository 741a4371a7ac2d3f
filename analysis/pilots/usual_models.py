"""The usual models of a table of reads, fitted and simulated beside the pilot's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.pilots.samples import prepared
from analysis.pilots.targets import Pairs, figures_of, fit_table, prevalence_of, rarefied, shannon_of
from analysis.study import Study

_SAMPLES = 1_000  # simulated for each model
_EXPONENT_SD = 0.15  # of the log of a person's own exponent
_SMALLEST = 1e-4  # dispersion of a taxon that varies no more than its reads

Draw = Callable[[np.random.Generator], np.ndarray]


def compare_models(
    study: Study, depth: int | None = None, stratum: str | None = None, seed: int = 0
) -> pd.DataFrame:
    """Simulate a table's own plan from three usual models and hold each against the table.

    Parameters
    ----------
    study, depth, stratum, seed
        As for `fit_pilot`.

    Returns
    -------
    pandas.DataFrame
        Rows: model and target. Columns: those of `fit_table`.

    Notes
    -----
    "dirichlet_multinomial": one concentration for all taxa; with repeated samples a subject's composition is
    drawn around the mean and its samples around the subject's. "gamma": each taxon has a dispersion of its
    own, by moments (negative binomial reads), divided over subject and sample. "gamma_exponent": the same,
    each composition raised to an exponent with a log SD of .15, divided over subject and sample as Shannon
    is. None of them has cages; all taxa of the table are kept.
    """
    counts, depths, _, depth, plan = prepared(study, depth, stratum, study.source.name)
    table = rarefied(counts, depth, np.random.default_rng(seed))
    kept = table.any(axis=0)
    prevalence = prevalence_of(counts, depths, depth)[kept]
    table = table[:, kept]
    pairs = Pairs(plan)
    real = figures_of(table, pairs)
    frames = {}
    for name, draw in usual_models(table, depth, pairs).items():
        rng = np.random.default_rng(seed + 1)
        figures, seen = [], np.zeros(table.shape[1])
        n_tables = max(2, round(_SAMPLES / len(plan)))
        for _ in range(n_tables):
            drawn = draw(rng)
            figures.append(figures_of(drawn, pairs))
            seen += (drawn > 0).mean(axis=0) / n_tables
        frames[name] = fit_table(real, figures, prevalence, seen)
    return pd.concat(frames, names=["model"])


def usual_models(table: np.ndarray, depth: int, pairs: Pairs) -> dict[str, Draw]:
    """Fit the three models of `compare_models`; each draws a table of the same plan.

    Parameters
    ----------
    table : numpy.ndarray of int, shape (n_samples, n_taxa)
        Reads, `depth` in each sample.
    depth : int
        Reads a sample.
    pairs : Pairs
        Of its samples.
    """
    plan = pairs.plan
    mean = table.mean(axis=0) / depth
    variance = table.var(axis=0, ddof=1) / depth**2
    repeated = "subject" in pairs.levels
    held = _held(pairs.likeness(table / depth), repeated, table.shape[1])
    shannon_held = float(_held(pairs.likeness(shannon_of(table)), repeated, 1)[0])
    spread = mean * (1 - mean)
    theta = float((variance - spread / depth).sum() / (spread * (1 - 1 / depth)).sum())
    theta_between = theta * float(np.average(held, weights=variance))
    theta_within = (theta - theta_between) / (1 - theta_between)
    dispersion = np.maximum((variance - mean / depth) / mean**2, _SMALLEST)
    between = (1 + dispersion) ** held - 1
    within = (1 + dispersion) ** (1 - held) - 1

    def reads(shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.multinomial(depth, shares / shares.sum(axis=1, keepdims=True))

    def dirichlet(rng: np.random.Generator) -> np.ndarray:
        shares = _dirichlet(np.tile(mean, (plan.subject.max() + 1, 1)), theta_between, rng)[plan.subject]
        return reads(_dirichlet(shares, theta_within, rng), rng)

    def gamma_shares(rng: np.random.Generator) -> np.ndarray:
        subject = _gamma(between, plan.subject.max() + 1, rng)[plan.subject]
        shares = mean * subject * _gamma(within, len(plan), rng) + 1e-300
        return shares / shares.sum(axis=1, keepdims=True)

    def with_exponent(rng: np.random.Generator) -> np.ndarray:
        person = np.sqrt(shannon_held) * rng.standard_normal(plan.subject.max() + 1)[plan.subject]
        sample = np.sqrt(1 - shannon_held) * rng.standard_normal(len(plan))
        exponent = np.exp(_EXPONENT_SD * (person + sample))[:, None]
        return reads(gamma_shares(rng) ** exponent, rng)

    return {
        "dirichlet_multinomial": dirichlet,
        "gamma": lambda rng: reads(gamma_shares(rng), rng),
        "gamma_exponent": with_exponent,
    }


def _held(likeness: dict[str, np.ndarray], repeated: bool, size: int) -> np.ndarray:
    """Return the share of variance that is the subject's: all of it where nothing is repeated."""
    if not repeated:
        return np.ones(size)
    return np.clip(np.atleast_1d(likeness["subject"]), 0.0, 0.99)


def _gamma(dispersion: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw factors of mean 1 with a variance for each taxon."""
    some = np.maximum(dispersion, _SMALLEST)
    return rng.gamma(1 / some, some, size=(n, len(some)))


def _dirichlet(mean: np.ndarray, theta: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a composition around each row, theta being the share of the largest possible variance."""
    if theta <= 0:
        return mean
    drawn = rng.gamma(np.maximum(mean * (1 / theta - 1), 1e-12)) + 1e-300
    return drawn / drawn.sum(axis=1, keepdims=True)
