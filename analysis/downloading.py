"""Download one file: whole and checked, or not at all.

The bytes go to a part file beside the target, are counted and hashed on the way, and take the target's place
in one step once size and checksum are right. So a file under its own name is always a whole one.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import FileIO
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from analysis.datafile import DataFile

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted and so needs no lock
    fcntl = None

if TYPE_CHECKING:
    from requests import Response
    from tqdm import tqdm

_SHOWN = 1_000_000  # bytes from which a download shows its progress even where nobody may be watching
_CHUNK = 2**15
_ABANDONED = 86_400  # seconds after which a part file is given up where locks do not work
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses that may be gone at the next try


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to ask again.

    Attributes
    ----------
    tries : int
        How often a file is asked for at most.
    timeout : float
        Seconds without a byte after which a try is given up.
    pause : float
        Seconds before the second try; the pause doubles from try to try.
    longest_pause : float
        Seconds a pause lasts at most. A server that asks for a longer one is not asked again.
    slowest : float
        Bytes a second. A try may take `timeout` plus the file's size divided by this, all in all.
    """

    tries: int = 4
    timeout: float = 30.0
    pause: float = 1.0
    longest_pause: float = 60.0
    slowest: float = 10_000.0


class DownloadFailed(Exception):  # noqa: N818 (an outcome for the caller to word, never shown as it is)
    """A file could not be downloaded; nothing was left behind.

    Parameters
    ----------
    what : str
        What happened.
    kind : {"final", "passing", "unreachable", "local"}
        Asking again is of no use; it may help; the server did not answer at all; or the fault is with the
        folder on this machine.
    wait : float, optional
        Seconds that the server asked to wait.
    """

    def __init__(self, what: str, kind: str = "final", wait: float | None = None) -> None:
        super().__init__(what, kind, wait)
        self.what = what
        self.kind = kind
        self.wait = wait


def split_address(url: str) -> tuple[str, str]:
    """Return the scheme and the host of an address; "" for what it has not.

    Examples
    --------
    >>> split_address("https://example.org/mice.tsv")
    ('https', 'example.org')
    >>> split_address("mice.tsv")
    ('', '')
    """
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or ""
    except ValueError:  # a bracket that is not closed
        return "", ""


def download(file: DataFile, target: Path, patience: Patience) -> None:
    """Download a file and put it in its place, in one step.

    Parameters
    ----------
    file : DataFile
        Its address, size and checksum.
    target : pathlib.Path
        Where it is to be. What stands there is replaced by a good download only.
    patience : Patience
        Timeouts and retries.

    Raises
    ------
    DownloadFailed
        Where it could not be had; what stood at the target still does, and no part of a file is left.
    """
    scheme, host = split_address(file.url)
    if scheme not in {"http", "https"} or not host:
        raise DownloadFailed("this is no address of the form https://HOST/PATH")
    for number in range(1, patience.tries + 1):
        try:
            with PartFile(file, target) as part:
                _receive(file, part, patience)
                part.keep()
        except DownloadFailed as failure:
            pause = patience.pause * 2 ** (number - 1) if failure.wait is None else failure.wait
            if failure.kind not in {"passing", "unreachable"}:
                raise
            if number == patience.tries or (failure.wait or 0) > patience.longest_pause:
                tries = "1 try" if number == 1 else f"{number} tries"
                raise DownloadFailed(f"{failure.what} ({tries})", failure.kind) from failure
        else:
            return
        time.sleep(min(pause, patience.longest_pause))


class PartFile:
    """A file on its way: written beside its target, and gone at the end unless kept.

    It is locked while it is written, so that others can tell it from one whose writer was killed.

    Parameters
    ----------
    file : DataFile
        The size and the checksum that it must have in the end.
    target : pathlib.Path
        The place it is to take.
    """

    def __init__(self, file: DataFile, target: Path) -> None:
        self._file = file
        self._target = target
        self._count = 0
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        with _locally("the folder cannot be written to"):
            self._target.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(self._target.parent)
            self._path, self._open = _new_part(self._target)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        with suppress(OSError):  # gone to its place, or left for the next download in this folder to remove
            self._path.unlink()

    def write(self, chunk: bytes) -> int:
        """Take the next bytes; more than the file should have are refused."""
        self._count += len(chunk)
        if self._count > self._file.bytes:
            raise DownloadFailed(f"more than the expected {self._file.bytes:,} bytes came")
        self._hash.update(chunk)
        with _locally("the file cannot be written"):
            self._store(chunk)
        return len(chunk)

    def _store(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._open.write(rest) :]

    def flush(self) -> None:
        """Do nothing, after each chunk of pooch's: nothing is buffered."""

    def keep(self) -> None:
        """Check the file and put it in its target's place."""
        if self._count < self._file.bytes:
            raise DownloadFailed(f"only {self._count:,} bytes came", "passing")
        if self._hash.hexdigest() != self._file.sha256:
            raise DownloadFailed(f"the file that came is another one: sha256 {self._hash.hexdigest()}")
        with _locally("the file cannot be written"):
            os.fsync(self._open.fileno())  # or a power cut may leave an empty file under the right name
            if not fcntl:
                self._open.close()
            self._path.replace(self._target)


@contextmanager
def _locally(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadFailed(f"{what}: {error.strerror or error}", "local") from error


def _new_part(target: Path) -> tuple[Path, FileIO]:
    while True:
        path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
        opened = path.open("xb", buffering=0)  # with the rights that the umask gives, unlike tempfile's
        if _lock(opened.fileno(), wait=True) is None or os.fstat(opened.fileno()).st_nlink:
            return path, opened
        opened.close()  # another process took it for abandoned between the two lines above


def _remove_abandoned(folder: Path) -> None:
    for path in folder.glob(f".*.{'[0-9a-f]' * 16}.part"):
        try:
            with path.open("r+b") as opened:
                locked = _lock(opened.fileno(), wait=False)
                old = time.time() - path.stat().st_mtime > _ABANDONED
                if fcntl and (locked or (locked is None and old)):
                    path.unlink()
            if not fcntl:
                path.unlink()
        except OSError:
            continue  # in use, gone by now, or not ours to delete: harmless under its name


def _lock(descriptor: int, *, wait: bool) -> bool | None:
    """Lock an open file; False where another holds it, None where this file system has no locks."""
    if not fcntl:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _receive(file: DataFile, part: PartFile, patience: Patience) -> None:
    """Ask the server once and write what it sends."""
    import pooch
    import requests

    answers: list[Response] = []
    timers: list[Timer] = []
    cut_off = Event()

    def look_at(answer: Response, **_: object) -> None:
        answers.append(answer)
        _check_redirect(answer)
        if not answer.is_redirect:
            longest = patience.timeout + file.bytes / patience.slowest
            timers.append(Timer(longest, _cut_off, [answer, cut_off]))
            timers[-1].daemon = True
            timers[-1].start()

    bar = _progress_bar(file)
    get = pooch.HTTPDownloader(
        progressbar=bar,
        chunk_size=_CHUNK,
        timeout=patience.timeout,
        headers={
            "User-Agent": f"botox-gut-evidence (pooch {pooch.__version__})",
            "Accept-Encoding": "identity",  # the bytes as they are: packed on the way, they cannot be counted
        },
        hooks={"response": look_at},
    )
    try:
        get(file.url, part, None)
    except requests.HTTPError as error:
        raise _refusal(error.response, patience) from error
    except (requests.RequestException, OSError, ValueError) as error:
        if cut_off.is_set():
            raise DownloadFailed(f"less than {patience.slowest:,.0f} bytes a second came") from error
        raise _broken(error, file.url, answered=bool(answers)) from error
    finally:
        for timer in timers:
            timer.cancel()
        for answer in answers:
            answer.close()
        if bar:
            bar.close()


def _progress_bar(file: DataFile) -> tqdm | bool:
    from tqdm import tqdm

    watched = sys.stderr is not None and sys.stderr.isatty()
    if not file.bytes or not (file.bytes > _SHOWN or watched):
        return False
    name = file.path.rpartition("/")[2]
    return tqdm(total=file.bytes, unit="B", unit_scale=True, desc=name, leave=False, ncols=79)


def _check_redirect(answer: Response) -> None:
    if not answer.is_redirect:
        return
    before, _ = split_address(answer.url)
    after, _ = split_address(answer.headers["location"])
    if after not in {before, "https", ""}:  # "": the same as before
        raise DownloadFailed(f"the server sends the reader on from {before} to {after}")


def _cut_off(answer: Response, flag: Event) -> None:
    """End a download that drips: each byte is within the timeout, but the file would take hours."""
    flag.set()
    with suppress(AttributeError, OSError, RuntimeError, ValueError):  # it may be over by now
        answer.raw.shutdown()


def _refusal(answer: Response, patience: Patience) -> DownloadFailed:
    what = f"the server answered {answer.status_code} {answer.reason or ''}".rstrip()
    if answer.status_code not in _PASSING:
        return DownloadFailed(what)
    wait = _retry_after(answer.headers.get("retry-after", ""))
    if wait is not None and wait > patience.longest_pause:
        what += f" and asks to wait {wait:,.0f} seconds"
    return DownloadFailed(what, "passing", wait)


def _retry_after(text: str) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110, 10.2.3), as seconds from now."""
    if text.strip().isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _broken(error: Exception, url: str, *, answered: bool) -> DownloadFailed:
    """Word what went wrong on the way."""
    import requests

    _, host = split_address(url)
    if isinstance(error, requests.exceptions.SSLError):
        return DownloadFailed(f"no safe connection to {host}: {error}")
    if isinstance(error, requests.TooManyRedirects):
        return DownloadFailed(f"{host} sends the reader in a circle")
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL):
        return DownloadFailed(f"the address cannot be asked for: {error}")
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return DownloadFailed(f"{host} did not answer in time", "passing" if answered else "unreachable")
    if answered:
        return DownloadFailed("the connection broke before the file was whole", "passing")
    return DownloadFailed(f"{host} cannot be reached from this machine", "unreachable")
