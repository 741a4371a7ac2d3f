"""Simulated experiments in blocks of fixed size, each with its own random numbers, on any number of cores.

With ``n_jobs`` they run on the cores of one machine, else wherever joblib is told to run them, as here::

    client = distributed.Client("scheduler:8786")
    with joblib.parallel_config(backend="dask"):
        ...

Results are the same for every backend, number of jobs and order in which the blocks are done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import TypeVar

import numpy as np

from analysis.planning.spreading import spread
from analysis.threads import one_thread

Block = TypeVar("Block")
Task = TypeVar("Task")


def run_blocks(
    work: Callable[[np.random.Generator, int], Block],
    n_sim: int,
    seed: np.random.SeedSequence,
    *,
    block: int,
    n_jobs: int = 1,
    describe: str = "",
    found: MutableMapping[str, Block] | None = None,
    named: str = "block",
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
    n_jobs, describe
        As in `run_missing`.
    found : mutable mapping, optional
        Blocks done before, to which the others are added; a checkpoint.
    named : str
        What their keys begin with; the number follows.

    Returns
    -------
    list
        What `work` returned, in order.
    """
    sizes = [min(block, n_sim - start) for start in range(0, n_sim, block)]
    tasks = dict(enumerate(zip(seed.spawn(len(sizes)), sizes, strict=True)))
    tasks = {f"{named} {number}": task for number, task in tasks.items()}
    return run_missing(partial(_block, work), tasks, found, n_jobs=n_jobs, describe=describe)


def run_missing(
    work: Callable[[Task], Block],
    tasks: Mapping[str, Task],
    found: MutableMapping[str, Block] | None = None,
    *,
    n_jobs: int = 1,
    describe: str = "",
) -> list[Block]:
    """Run the tasks that have no result yet.

    Parameters
    ----------
    work : callable
        Takes a task; a module-level function or a partial of one.
    tasks : mapping
        By name.
    found : mutable mapping, optional
        Results by name, to which each new one is added as soon as it is there.
    n_jobs : int
        Processes, as in joblib (-1: one a core); each is held to one thread. 1 leaves it to the caller's
        `joblib.parallel_config`, see `spread`.
    describe : str
        Title of a progress bar; "" for none.

    Returns
    -------
    list
        The results of all `tasks`, in order.
    """
    found = {} if found is None else found
    missing = [name for name in tasks if name not in found]
    with one_thread:
        results = spread(work, [tasks[name] for name in missing], n_jobs)
        if describe:
            from tqdm import tqdm

            results = tqdm(results, total=len(tasks), initial=len(tasks) - len(missing), desc=describe)
        for place, result in results:
            found[missing[place]] = result
    return [found[name] for name in tasks]


def _block(
    work: Callable[[np.random.Generator, int], Block], task: tuple[np.random.SeedSequence, int]
) -> Block:
    seed, size = task
    return work(np.random.default_rng(seed), size)
