"""Simulated experiments in blocks of fixed size, each with its own random numbers, on any number of cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

Block = TypeVar("Block")


def run_blocks(
    work: Callable[[np.random.Generator, int], Block],
    n_sim: int,
    seed: np.random.SeedSequence,
    *,
    block: int,
    n_jobs: int = 1,
    describe: str = "",
) -> list[Block]:
    """Run simulated experiments block by block.

    Parameters
    ----------
    work : callable
        Takes a generator and a number of experiments; a module-level function or a partial of one.
    n_sim : int
        Experiments in all.
    seed : numpy.random.SeedSequence
        Spawns one child a block.
    block : int
        Experiments a block. As it does not depend on `n_jobs`, neither do the results.
    n_jobs : int
        Processes, as in joblib (-1: one a core); each is held to one thread.
    describe : str
        Title of a progress bar; "" for none.

    Returns
    -------
    list
        What `work` returned, in order.
    """
    sizes = [min(block, n_sim - start) for start in range(0, n_sim, block)]
    jobs = list(zip(seed.spawn(len(sizes)), sizes, strict=True))
    results = _stream(work, jobs, n_jobs)
    if describe:
        from tqdm import tqdm

        results = tqdm(results, total=len(jobs), desc=describe)
    return list(results)


def _stream(
    work: Callable[[np.random.Generator, int], Block],
    jobs: list[tuple[np.random.SeedSequence, int]],
    n_jobs: int,
) -> Iterator[Block]:
    if n_jobs == 1 or len(jobs) == 1:
        return (_one(work, seed, size) for seed, size in jobs)
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        return Parallel(n_jobs=n_jobs, return_as="generator")(delayed(_one)(work, *job) for job in jobs)


def _one(work: Callable[[np.random.Generator, int], Block], seed: np.random.SeedSequence, size: int) -> Block:
    return work(np.random.default_rng(seed), size)
