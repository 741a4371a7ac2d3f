"""Files of public tables: found in a cache folder or downloaded into it, and never used unverified."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis import downloading
from analysis.datafile import DataFile
from analysis.downloading import DownloadFailed, Patience, split_address
from analysis.errors import Fault, ReadError
from analysis.paths import data_path

_VARIABLE = "ANALYSIS_DATA_DIR"
_ABSENT = "the file is not on this machine"
_REBUILD = "restore it with `git checkout -- data`, or rebuild the embedded files with `make data-embedded`"


class FetchError(ReadError):
    """A file of a public table is neither on this machine nor to be had from its address."""


@dataclass(frozen=True)
class Fetched:
    """What became of one dataset in `fetch_all`.

    Attributes
    ----------
    name : str
        The dataset.
    files, bytes : int
        How many files it has, and their size together.
    downloaded : int
        How many of them were not in the cache folder before.
    error : FetchError or None
        What failed; None where all its files are here and verified.
    """

    name: str
    files: int
    bytes: int
    downloaded: int
    error: FetchError | None = None

    def __str__(self) -> str:
        """Write it as one line."""
        files = f"{self.files} file" + ("s" if self.files != 1 else "")
        text = f"{self.name}: {files}, {self.bytes / 1e6:.1f} MB, {self.downloaded} downloaded"
        return f"{text}, {len(self.error.faults)} failed" if self.error else text


def cache_folder() -> Path:
    """Return the folder that downloaded tables are kept in.

    Returns
    -------
    pathlib.Path
        The environment variable ``ANALYSIS_DATA_DIR`` where it is set, else the platform's folder for caches.
        It may not be there yet.
    """
    given = os.environ.get(_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("botox-gut-evidence"))


def place(file: DataFile) -> Path:
    """Return where a file is, or is to be: in the cache folder, or in the project where it has no address.

    Parameters
    ----------
    file : DataFile
        An entry of the catalogue.

    Raises
    ------
    FetchError
        Where the path of a file to be downloaded leads out of the cache folder.
    """
    if not file.url:
        return data_path() / file.path
    path = Path(file.path)
    if path.is_absolute() or path.drive or ".." in path.parts or not path.parts:
        raise FetchError(
            "place",
            Fault(
                "the path leads out of the cache folder",
                where=repr(file.path),
                expected="a path inside it, such as 'dataset/table.tsv'",
                remedy="correct it in the catalogue",
            ),
        )
    return cache_folder() / path


def located(file: DataFile, *, download: bool = True, patience: Patience | None = None) -> Path:
    """Return the path of a file whose checksum was verified just now, downloading it where need be.

    Parameters
    ----------
    file : DataFile
        An entry of the catalogue.
    download : bool
        Whether it may be downloaded. A file in the cache folder that is not the one expected is replaced
        then, once a good one is here.
    patience : Patience, optional
        Timeouts and retries.

    Returns
    -------
    pathlib.Path
        A file of exactly the size and checksum that the catalogue gives.

    Raises
    ------
    FetchError
        Where it is not here and cannot be had; the message says how to put it in its place by hand.
    """
    return located_all([file], file.path, download=download, patience=patience)[0]


def located_all(
    files: Iterable[DataFile],
    subject: str = "public tables",
    *,
    download: bool = True,
    patience: Patience | None = None,
) -> tuple[Path, ...]:
    """Return the paths of several files; see `located`.

    Parameters
    ----------
    files : iterable of DataFile
        Entries of the catalogue.
    subject : str
        What they belong to, for the message.
    download, patience
        As in `located`.

    Returns
    -------
    tuple of pathlib.Path
        In the order of the files.

    Raises
    ------
    FetchError
        With all the files that cannot be had. A server that cannot be reached is asked for one file only.
    """
    files = tuple(files)
    results = _locate(files, patience or Patience(), set(), download=download)
    faults = [result for result in results if isinstance(result, Fault)]
    if faults:
        raise FetchError(subject, *faults)
    return tuple(results)


def fetch_all(
    datasets: Mapping[str, Sequence[DataFile]], *, patience: Patience | None = None
) -> Iterator[Fetched]:
    """Download every file of every dataset that is not in the cache folder, and verify them all.

    Parameters
    ----------
    datasets : mapping of str to sequence of DataFile
        The files of each dataset by its name.
    patience : Patience, optional
        Timeouts and retries.

    Yields
    ------
    Fetched
        One for each dataset, as soon as it is done. A dataset that fails does not stop the others.
    """
    silent: set[str] = set()
    for name, files in datasets.items():
        before = _locate(files, Patience(), silent, download=False)
        after = _locate(files, patience or Patience(), silent, download=True)
        faults = [result for result in after if isinstance(result, Fault)]
        new = sum(
            isinstance(old, Fault) and isinstance(now, Path) for old, now in zip(before, after, strict=True)
        )
        error = FetchError(name, *faults) if faults else None
        yield Fetched(name, len(files), sum(file.bytes for file in files), new, error)


def _locate(
    files: Sequence[DataFile], patience: Patience, silent: set[str], *, download: bool
) -> list[Path | Fault]:
    """Locate each file; `silent` holds the servers that cannot be reached, and grows."""
    results: list[Path | Fault] = []
    for file in files:
        try:
            results.append(_locate_one(file, patience, silent, download=download))
        except FetchError as error:
            results += error.faults
    return results


def _locate_one(file: DataFile, patience: Patience, silent: set[str], *, download: bool) -> Path | Fault:
    path = place(file)
    wrong = _compared(file, path)
    if not wrong:
        return path
    if not file.url:
        return Fault(wrong, where=path.name, expected=_expected(file), remedy=_REBUILD)
    if not download:
        return _fault(file, path, wrong, "download it (`make data` downloads all)")
    failure = _try_download(file, path, patience, silent)
    if not failure:
        return path
    what = failure.what if wrong == _ABSENT else f"{failure.what}; {wrong}"
    if failure.kind == "local":
        remedy = f"see that {path} can be written, or set {_VARIABLE} to a folder that can be"
        return Fault(what, where=file.url, expected=_expected(file), remedy=remedy)
    return _fault(file, path, what, "try again later")


def _try_download(file: DataFile, path: Path, patience: Patience, silent: set[str]) -> DownloadFailed | None:
    _, host = split_address(file.url)
    if host in silent:
        return DownloadFailed(f"not tried, as {host} could not be reached just before", "unreachable")
    try:
        downloading.download(file, path, patience)
    except DownloadFailed as failure:
        if failure.kind == "unreachable":
            silent.add(host)
        return failure
    return None


def _compared(file: DataFile, path: Path) -> str:
    """Compare a file with what the catalogue says; "" where it is the one."""
    try:
        with path.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            if size == file.bytes:
                checksum = hashlib.file_digest(opened, "sha256").hexdigest()
                if checksum == file.sha256:
                    return ""
                return f"the file on this machine is another one: sha256 {checksum}"
            return f"the file on this machine is another one: {size:,} bytes"
    except FileNotFoundError:
        return _ABSENT
    except OSError as error:
        return f"the file on this machine cannot be read: {error.strerror or error}"


def _expected(file: DataFile) -> str:
    return f"{file.bytes:,} bytes, sha256 {file.sha256}"


def _fault(file: DataFile, path: Path, what: str, remedy: str) -> Fault:
    by_hand = f"save the file of this address as {path}, or set {_VARIABLE} to a folder that has {file.path}"
    return Fault(what, where=file.url, expected=_expected(file), remedy=f"{remedy}; or {by_hand}")
