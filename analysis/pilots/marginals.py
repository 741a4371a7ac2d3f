"""How the share of each taxon varies from sample to sample, with the noise of sequencing taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

Z_MAX = 4.0
NODES = 65
Z_NODES = np.linspace(-Z_MAX, Z_MAX, NODES)
_RATES = 56  # points of the grid of shares
_ROUNDS = 300  # of expectation-maximisation
_UNSEEN = 0.02  # expected reads, at the deepest sample, of the least share told from absence


@dataclass(frozen=True)
class Marginals:
    """The fitted distribution of each taxon's share, and where each sample stands in it.

    Attributes
    ----------
    log_quantiles : numpy.ndarray, shape (n_taxa, n_nodes)
        Natural log of the share at each standard normal score of `Z_NODES`.
    scores : numpy.ndarray, shape (n_samples, n_taxa)
        Expected normal score of the sample given its reads. Their variance is below 1: reads blur the score.
    log_floor : float
        Log share below which a taxon counts as absent.
    """

    log_quantiles: np.ndarray
    scores: np.ndarray
    log_floor: float


def fit_marginals(counts: np.ndarray, depths: np.ndarray, rounds: int = _ROUNDS) -> Marginals:
    """Fit the distribution of every taxon's share without assuming its shape.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (n_samples, n_taxa)
        Reads.
    depths : numpy.ndarray, shape (n_samples,)
        Reads of the whole sample.
    rounds : int
        Rounds of expectation-maximisation from a flat start; stopping early keeps the result smooth.

    Returns
    -------
    Marginals

    Notes
    -----
    The reads of a taxon are taken as Poisson around depth times a share, and the shares as drawn from a
    distribution on a log-spaced grid, found by nonparametric maximum likelihood (Kiefer and Wolfowitz 1956,
    doi:10.1214/aoms/1177728066; Laird 1978, doi:10.1080/01621459.1978.10480103). Shares too small to be seen
    stand for absence, so that zero inflation needs no parameter of its own.
    """
    lowest = _UNSEEN / depths.max()
    grid = np.geomspace(lowest, 1.0, _RATES)
    log_rates = np.log(depths[:, None] * grid)
    rates = np.exp(log_rates)
    half = (np.log(grid[1]) - np.log(grid[0])) / 2
    edges = np.append(np.log(grid) - half, np.log(grid[-1]) + half)
    targets = special.ndtr(Z_NODES)
    n_samples, n_taxa = counts.shape
    quantiles = np.empty((n_taxa, NODES))
    scores = np.empty((n_samples, n_taxa))
    for taxon in range(n_taxa):
        reads = counts[:, taxon].astype(float)
        log_likelihood = reads[:, None] * log_rates - rates
        likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
        weights = _mixing_weights(likelihood, rounds)
        cumulative = np.append(0.0, np.cumsum(weights))
        cumulative /= cumulative[-1]
        quantiles[taxon] = np.interp(targets, cumulative, edges)
        posterior = likelihood * weights
        scores[:, taxon] = (posterior @ _mean_scores(cumulative)) / posterior.sum(axis=1)
    return Marginals(np.minimum(quantiles, 0.0), scores, float(np.log(5 * lowest)))


def _mixing_weights(likelihood: np.ndarray, rounds: int) -> np.ndarray:
    weights = np.full(likelihood.shape[1], 1 / likelihood.shape[1])
    transposed = np.ascontiguousarray(likelihood.T)
    for _ in range(rounds):
        weights = weights * (transposed @ (1 / (likelihood @ weights))) / len(likelihood)
    return weights


def _mean_scores(cumulative: np.ndarray) -> np.ndarray:
    """Return the mean of a standard normal between each two neighbouring quantiles."""
    bounds = special.ndtri(np.clip(cumulative, 1e-12, 1 - 1e-12))
    density = np.exp(-(bounds**2) / 2) / np.sqrt(2 * np.pi)
    density[[0, -1]] = 0.0
    return (density[:-1] - density[1:]) / np.maximum(np.diff(cumulative), 1e-15)


def adjust_quantiles(
    log_quantiles: np.ndarray, log_floor: float, *, shift: float, spread: float, exponent: float
) -> np.ndarray:
    """Move, widen and raise to a power the shares of the taxa.

    Parameters
    ----------
    log_quantiles : numpy.ndarray, shape (n_taxa, n_nodes)
        As in `Marginals`.
    log_floor : float
        Below it a share is left alone: absent stays absent.
    shift, spread : float
        The table is read at ``spread * z + shift``.
    exponent : float
        Power of the shares (before they are closed to 1 again).
    """
    place = np.clip((spread * Z_NODES + shift + Z_MAX) / (2 * Z_MAX) * (NODES - 1), 0, NODES - 1)
    left = np.minimum(place.astype(int), NODES - 2)
    part = place - left
    moved = log_quantiles[:, left] * (1 - part) + log_quantiles[:, left + 1] * part
    return np.where(moved > log_floor, np.maximum(exponent * moved, log_floor), moved)
