"""One thread a calculation: how a sum of floats is split among threads shows in its last bits."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator
from types import TracebackType


class _OneThread(ContextDecorator):
    """Holds BLAS to one thread, in this process, until the last that asked for it has left.

    Notes
    -----
    The limit is the process's own. Several threads may hold it at once, as those of joblib's threading
    backend or of a Dask worker do: none may lift it while another still computes. OpenMP is left alone: its
    limit is of one thread only, and nothing that is simulated sums by it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._holders == 0:
                import scipy.linalg  # noqa: F401  # SciPy brings a BLAS of its own; unloaded it has no limit
                from threadpoolctl import threadpool_limits

                self._limits = threadpool_limits(limits=1, user_api="blas")
            self._holders += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._limits.restore_original_limits()


one_thread = _OneThread()
