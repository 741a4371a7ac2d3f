"""Tasks spread over cores or machines, by whatever backend of joblib the caller has set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from analysis.threads import one_thread

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(
    work: Callable[[Task], Result], tasks: Sequence[Task], n_jobs: int = 1
) -> Iterator[tuple[int, Result]]:
    """Run tasks and yield the place and the result of each, as they are done.

    Parameters
    ----------
    work : callable
        A module-level function or a partial of one. What is large and common to all tasks belongs in it.
    tasks : sequence
        What `work` is called with, one after the other.
    n_jobs : int
        Processes, as in joblib (-1: one a core). With 1, as many as the caller's `joblib.parallel_config`
        says: one where it says nothing, all workers of a Dask cluster.

    Yields
    ------
    int, object
        Place in `tasks`, and what `work` returned.

    Notes
    -----
    The backend is that of the caller's `joblib.parallel_config`, loky where none was set. A task runs with
    one thread of BLAS, and what it would spread itself runs where it is. From a multiprocessing pool results
    come all at once, at the end.
    """
    from joblib import Parallel, delayed, effective_n_jobs
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    asked = None if n_jobs == 1 else n_jobs  # None: as the caller's parallel_config says
    if hasattr(backend, "client"):
        yield from _on_dask(backend, work, tasks, asked)
    elif effective_n_jobs(asked) == 1:
        for place, task in enumerate(tasks):
            yield place, _alone(work, task)
    else:
        order = "generator_unordered" if backend.supports_return_generator else "list"
        yield from Parallel(n_jobs=asked, return_as=order)(
            delayed(_placed)(work, place, task) for place, task in enumerate(tasks)
        )


def _on_dask(
    backend: Any, work: Callable[[Task], Result], tasks: Sequence[Task], n_jobs: int | None
) -> Iterator[tuple[int, Result]]:
    """Give the tasks to the cluster of joblib's Dask backend.

    Notes
    -----
    Not by `joblib.Parallel`: it scatters large arguments, which are lost with the worker that holds them,
    sends all else again with each task, and waits for ever on a task that no worker can load. Here `work` is
    the result of a task of its own: a worker fetches it once, and the cluster makes it again where it was
    lost.
    """
    from distributed import as_completed

    backend.effective_n_jobs(n_jobs)  # joblib's words where there is no worker
    client = backend.client
    shared = client.submit(_itself, work, pure=False)
    futures = client.map(_with_shared, tasks, shared=shared, pure=False, **backend.submit_kwargs)
    places = {future.key: place for place, future in enumerate(futures)}
    try:
        with backend.retrieval_context():  # inside a task of the cluster, makes room for others
            for future in as_completed(futures):
                yield places[future.key], future.result()
                future.release()
    finally:
        client.cancel([shared, *futures])


def _itself(work: Result) -> Result:
    return work


def _with_shared(task: Task, shared: Callable[[Task], Result]) -> Result:
    return _alone(shared, task)


def _placed(work: Callable[[Task], Result], place: int, task: Task) -> tuple[int, Result]:
    return place, _alone(work, task)


def _alone(work: Callable[[Task], Result], task: Task) -> Result:
    """Run one task in one thread."""
    from joblib import parallel_config

    with one_thread, parallel_config(backend="sequential", n_jobs=1):
        return work(task)
