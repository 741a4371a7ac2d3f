"""Simulated experiments for tests of means: normal parts of cage, subject and sample, then the test."""

from __future__ import annotations

from functools import partial

import numpy as np

from analysis.designs import Design
from analysis.planning.batched_tests import Measured, fit
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.means import Rule
from analysis.planning.replicates import run_blocks

_BLOCK = 500  # experiments drawn together
_NUMBERS = 4_000_000  # sample values held at a time


def simulate_means(
    design: Design, endpoint: MeanEndpoint, effect: float, rng: np.random.Generator, n_sim: int
) -> Measured:
    """Draw experiments, sample by sample.

    Parameters
    ----------
    design : Design
        How many of what.
    endpoint : MeanEndpoint
        Mean and variance components.
    effect : float
        Added to every treated subject's follow-up.
    rng : numpy.random.Generator
        Source of randomness.
    n_sim : int
        Experiments.

    Returns
    -------
    Measured
        Each subject's averages. Those lost are drawn too and marked.
    """
    sizes = [design.cage_sizes(arm) for arm in range(len(design.n_enrolled))]
    arm = np.repeat([1.0, 0.0][: len(sizes)], design.n_enrolled)
    offsets = [0, 0 if design.within_cluster else len(sizes[0])]
    cage = np.concatenate([np.repeat(np.arange(len(s)), s) + o for s, o in zip(sizes, offsets, strict=False)])
    cage_part = endpoint.sd**2 * endpoint.cluster_icc
    subject_part = endpoint.sd**2 * endpoint.icc
    sample_sd = np.sqrt(endpoint.sd**2 * max(1 - endpoint.icc - endpoint.cluster_icc, 0.0))

    def part(variance: float, number: int) -> np.ndarray:
        return (
            np.sqrt(variance) * rng.standard_normal((n_sim, number))
            if variance > 0
            else np.zeros((1, number))
        )

    n_cages = int(cage.max()) + 1
    lasting = part(cage_part * endpoint.cluster_stability, n_cages)[:, cage]
    lasting = lasting + part(subject_part * endpoint.subject_stability, len(arm)) + endpoint.mean

    def phase(samples: int) -> np.ndarray:
        passing = part(cage_part * (1 - endpoint.cluster_stability), n_cages)[:, cage]
        passing = passing + part(subject_part * (1 - endpoint.subject_stability), len(arm))
        noise = rng.standard_normal((n_sim, len(arm), samples)).mean(axis=2)
        return lasting + passing + sample_sd * noise

    return Measured(
        before=phase(design.baseline) if design.baseline else None,
        after=phase(design.follow_up) + effect * arm,
        arm=arm,
        cage=cage,
        kept=_survivors(design, rng, n_sim),
    )


def _survivors(design: Design, rng: np.random.Generator, n_sim: int) -> np.ndarray:
    """Choose at random who stays, the same number in every experiment."""
    kept = []
    for enrolled, left in zip(design.n_enrolled, design.n_analysed, strict=True):
        if left == enrolled:
            kept.append(np.ones((n_sim, enrolled), dtype=bool))
        else:
            order = rng.random((n_sim, enrolled)).argsort(axis=1)
            kept.append(order.argsort(axis=1) < left)
    return np.concatenate(kept, axis=1)


def count_rejections(
    design: Design,
    endpoint: MeanEndpoint,
    effect: float,
    rule: Rule,
    n_sim: int,
    seed: np.random.SeedSequence,
    n_jobs: int = 1,
) -> int:
    """Count the simulated experiments whose test rejects; those too reduced to be tested do not.

    Parameters
    ----------
    design, endpoint, effect
        As in `simulate_means`.
    rule : Rule
        When the test rejects.
    n_sim : int
        Experiments.
    seed : numpy.random.SeedSequence
        Spawned for each block.
    n_jobs : int
        Processes; the count does not depend on it.
    """
    values = design.total * (design.baseline + design.follow_up)
    block = max(1, min(_BLOCK, _NUMBERS // values))
    work = partial(_count_block, design, endpoint, effect, rule)
    return sum(run_blocks(work, n_sim, seed, block=block, n_jobs=n_jobs))


def _count_block(
    design: Design, endpoint: MeanEndpoint, effect: float, rule: Rule, rng: np.random.Generator, n_sim: int
) -> int:
    p = fit(design, simulate_means(design, endpoint, effect, rng, n_sim)).p_values(rule)
    return int((p <= rule.alpha).sum())  # NaN is no rejection
