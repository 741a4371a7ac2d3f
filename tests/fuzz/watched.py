"""Reading in worker processes, so that a hang, a flood of memory or a crash is a finding and no more.

A worker reads one damaged file after the other. It holds itself to a limit of time (of its processor, so that
a busy machine does not matter) and of memory; its parent notices where it dies or falls silent, notes the
file that it was reading, and goes on behind it with a new worker.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

SECONDS = 2.0
MEGABYTES = 500
LONGEST_MESSAGE = 20_000  # letters of an error
_ROOM = 3 * MEGABYTES  # of address space: a net under the limit, which counts the memory in use
_SILENCE = 180.0  # seconds until a worker is given up
_PRELOAD = ["fuzzing", "checks", "skbio", "rdata", "yaml", "statsmodels.api"]


@dataclass(frozen=True)
class Finding:
    """A file that was not read as it should be.

    Attributes
    ----------
    name, seed, number
        What `fuzzing.damaged` needs to make it again.
    what : str
        What happened.
    """

    name: str
    seed: int
    number: int
    what: str

    def __str__(self) -> str:
        return f"damaged({self.name!r}, {self.seed}, {self.number}): {self.what}"


class TooLongError(BaseException):
    """Raised by the alarm; no `Exception`, so that no reader takes it for damage."""


def read_damaged(
    name: str, seed: int, numbers: range, folder: Path, workers: int = 2
) -> tuple[list[Finding], Counter[str]]:
    """Make and read damaged files of one format.

    Parameters
    ----------
    name : str
        The format.
    seed : int
        The run.
    numbers : range
        Which files of it.
    folder : Path
        Where they are written, one after the other.
    workers : int
        How many processes share the work.

    Returns
    -------
    findings : list of Finding
        What was not as it should be.
    outcomes : Counter of str
        How many files were "read", "refused", or a finding.
    """
    share = -(-len(numbers) // workers)
    parts = [numbers[start : start + share] for start in range(0, len(numbers), share)]
    outcomes: Counter[str] = Counter()
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(lambda part: _supervise(name, seed, part, folder, outcomes), parts))
    return [finding for findings in done for finding in findings], outcomes


def _supervise(name: str, seed: int, part: range, folder: Path, outcomes: Counter[str]) -> list[Finding]:
    """Have a worker read files, and a new one go on where it ends too soon."""
    findings = []
    context = multiprocessing.get_context("forkserver")  # imports the heavy libraries once, for all workers
    context.set_forkserver_preload(_PRELOAD)
    while part:
        receive, send = context.Pipe(duplex=False)
        place = folder / f"from-{part.start}"
        place.mkdir()
        worker = context.Process(target=_work, args=(name, seed, part, place, send), daemon=True)
        worker.start()
        send.close()  # the worker's end closes with it
        for number in part:
            outcome = _heard(receive)
            outcomes[outcome if outcome in ("read", "refused") else "found"] += 1
            part = part[1:]
            if outcome not in ("read", "refused"):
                findings.append(Finding(name, seed, number, outcome))
                break
        worker.kill()
        worker.join()
    return findings


def _heard(receive: Connection) -> str:
    try:
        return receive.recv() if receive.poll(_SILENCE) else f"no answer in {_SILENCE:g} s"
    except EOFError:
        return "the process died"


def _work(name: str, seed: int, part: range, folder: Path, send: Connection) -> None:
    """Make, write and read one file after the other; tell the outcome of each."""
    from fuzzing import damaged
    from sound_files import TABLE

    warnings.simplefilter("ignore")
    path, beside = folder / "damaged", folder / "sound.tsv"
    beside.write_text(TABLE)
    for number in part:
        path.write_bytes(damaged(name, seed, number))
        send.send(outcome_of(name, path, beside))


def in_a_child(call: Callable[[], str]) -> str:
    """Return what a call says in a child of this process, whose limits die with it."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(send, "w") as told:
            told.write(call())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as told:
        outcome = told.read()
    os.waitpid(child, 0)
    return outcome or "the process died"


def _stop(*_: object) -> None:
    raise TooLongError


def outcome_of(name: str, path: Path, beside: Path) -> str:
    """Read one file and say how it went: "read", "refused", or what was wrong with that."""
    from checks import check_result
    from sound_files import FORMATS

    from analysis.errors import AnalysisError

    signal.signal(signal.SIGPROF, _stop)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of this file alone
    before = _memory()
    room = int((before["VmSize"] + _ROOM) * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        try:
            result = FORMATS[name].read(path, beside)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        check_result(result)
        outcome = "read"
    except AnalysisError as error:
        outcome = _judged(error)
    except TooLongError as error:
        outcome = f"more than {SECONDS:g} s, in {_where(error)}"
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what the fuzzer looks for
        outcome = f"{type(error).__name__}: {str(error)[:200]}, in {_where(error)}"
    grown = _memory()["VmHWM"] - before["VmRSS"]
    return f"{grown:,.0f} MB ({outcome})" if grown > MEGABYTES else outcome


def _judged(error: Exception) -> str:
    """Say "refused", unless the error's message or its cause is none for a user."""
    text = str(error)
    if len(text) > LONGEST_MESSAGE:
        return f"an error of {len(text):,} letters"
    if not text.startswith(f"{error.subject}: ") or not error.faults:
        return f"an error without a subject or a fault: {text[:200]}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return f"memory ran out before the file was refused, in {_where(cause)}"
        cause = cause.__cause__ or cause.__context__
    return "refused"


def _where(error: BaseException) -> str:
    """Name the innermost line of this project that an error went through."""
    place, trace = "an unknown place", error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if "site-packages" not in file.parts and file.name != "watched.py":
            place = f"{file.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _memory() -> dict[str, float]:
    """Return the address space, the memory in use and its peak, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.endswith(" kB")}
