"""Bytes from disk: read once, hashed, unpacked within a limit, and told apart by their content."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from analysis.errors import AnalysisError, ReadError, did_you_mean, nearest, one_fault

MAX_UNPACKED = 2 * 2**30
"""Bytes that one file may unpack to. A larger one is refused before it fills the memory."""

_NOTHING = b"\0 \t\r\n"
_CHUNK = 2**20
_MAX_RATIO = (
    1_100  # deflate cannot shrink by more; bzip2 and xz can, so that a small file stays small in memory
)
_SMALL = 64 * 2**20
_FEW_LINES, _LINES_A_BYTE = 50_000, 16  # each line takes a hundred bytes of memory, however short it is

FileKind = Literal["hdf5", "zip", "json", "r", "newick", "excel", "text", "binary"]

_PACKERS: dict[bytes, tuple[str, Callable[[IO[bytes]], IO[bytes]]]] = {
    b"\x1f\x8b": ("gzip", lambda raw: gzip.GzipFile(fileobj=raw)),  # type: ignore[dict-item,return-value]
    b"BZh": ("bzip2", bz2.BZ2File),  # type: ignore[dict-item]
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),  # type: ignore[dict-item]
}
_STARTS: dict[FileKind, tuple[bytes, ...]] = {
    "hdf5": (b"\x89HDF\r\n\x1a\n",),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
    "r": (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"X\n\x00", b"A\n2\n", b"A\n3\n"),
    "excel": (b"\xd0\xcf\x11\xe0",),
    "text": (b"\xff\xfe", b"\xfe\xff"),  # UTF-16
}


@dataclass(frozen=True)
class Opened:
    """A file's content with its origin.

    Attributes
    ----------
    path : str
        The path as it was given.
    content : bytes
        The bytes, unpacked where the file was compressed.
    sha256 : str
        The checksum of the bytes on disk.
    packing : str
        "gzip", "bzip2", "xz" or "".
    kind : str
        What the content is; see `sniff`.
    packed_size : int
        Bytes of the content before it was unpacked; its own size where it was not packed.
    """

    path: str
    content: bytes
    sha256: str
    packing: str
    kind: FileKind
    packed_size: int = 0

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    def named(self, format_name: str) -> str:
        """Add the compression to a format's name."""
        return f"{format_name}, {self.packing}" if self.packing else format_name


def open_file(path: str | os.PathLike[str]) -> Opened:
    """Read a file whole, unpack it and find out what it is.

    Parameters
    ----------
    path : str or path-like
        Where it is.

    Returns
    -------
    Opened
        Its content and checksum.

    Raises
    ------
    ReadError
        Where it does not exist, cannot be read, is empty, is damaged, or unpacks to more than `MAX_UNPACKED`.
    """
    place = Path(path)
    name = place.name or str(place)
    raw = _read_bytes(place, name)
    content, packing = _unpacked(raw, name)
    if not content[:4_096].strip(_NOTHING) and not content.strip(_NOTHING):
        raise one_fault(
            ReadError, name, "the file is empty", remedy="check that the export or download finished"
        )
    return Opened(str(path), content, hashlib.sha256(raw).hexdigest(), packing, sniff(content), len(raw))


def sniff(content: bytes) -> FileKind:
    """Tell what unpacked bytes are by how they begin.

    Returns
    -------
    str
        "hdf5", "zip", "json", "r" (a serialised R object), "newick", "excel" (its old binary form), "text",
        or "binary" for anything that is not text.

    Examples
    --------
    >>> sniff(b'{"id": null, "format": "Biological Observation Matrix 1.0.0"}'), sniff(b"((a:1,b:2):1,c:1);")
    ('json', 'newick')
    """
    for kind, starts in _STARTS.items():
        if content.startswith(starts):
            return kind
    if b"\0" in content[:65_536]:
        return "binary"
    start = content[:1_000].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return "json" if start in (b"{", b"[") else "newick" if start == b"(" else "text"


def read_within_limit(stream: IO[bytes], packed_size: int, subject: str, what: str) -> bytes:
    """Read a decompressing stream, and stop where it grows past the limits.

    Parameters
    ----------
    stream : binary stream
        Yields unpacked bytes.
    packed_size : int
        Bytes before unpacking: a small file that unpacks to over a thousand times its size is refused too.
    subject, what : str
        For the message: the file, and the part that is unpacked.

    Raises
    ------
    ReadError
        Where it unpacks to more than the limits, or to many lines that must all be the same.
    """
    allowed = min(MAX_UNPACKED, max(_SMALL, packed_size * _MAX_RATIO))
    most_lines = max(_FEW_LINES, packed_size * _LINES_A_BYTE)
    unpacked, lines = io.BytesIO(), 0  # which hands over its bytes without a copy
    while chunk := stream.read(_CHUNK):
        lines += chunk.count(b"\n")
        if lines > most_lines:
            raise one_fault(
                ReadError,
                subject,
                f"{what} unpacks to more than {most_lines:,} lines, from {packed_size:,} bytes",
                expected=f"lines that differ, as in a table: at most {_LINES_A_BYTE} to a packed byte",
                remedy="it looks like a damaged file or a decompression bomb; unpack and check it outside",
            )
        if unpacked.tell() + len(chunk) > allowed:
            raise one_fault(
                ReadError,
                subject,
                f"{what} unpacks to more than {allowed:,} bytes",
                expected=f"at most {MAX_UNPACKED:,} bytes, and no more than {_MAX_RATIO:,} times the packed "
                "size",
                remedy="it looks like a damaged file or a decompression bomb; unpack and check it outside",
            )
        unpacked.write(chunk)
    return unpacked.getvalue()


def _read_bytes(place: Path, name: str) -> bytes:
    if place.is_dir():
        inside = sorted(entry.name for entry in place.iterdir() if entry.is_file())
        raise one_fault(
            ReadError,
            name,
            "this is a folder, not a file",
            remedy="give one of its files; " + did_you_mean(name, inside),
        )
    if not place.exists():
        there = []
        if place.parent.is_dir():
            there = sorted(entry.name for entry in place.parent.iterdir() if entry.is_file())
        near = nearest(name, there)
        raise one_fault(
            ReadError,
            name,
            f"there is no such file: {place}",
            remedy=f"did you mean {near!r}?" if near else "check the path and the working directory",
        )
    if not place.is_file():
        raise one_fault(ReadError, name, "this is not a regular file (a pipe or a device)")
    try:
        if place.stat().st_size > MAX_UNPACKED:
            raise one_fault(
                ReadError,
                name,
                f"the file holds {place.stat().st_size:,} bytes",
                expected=f"at most {MAX_UNPACKED:,}",
                remedy="give the feature table, not the sequences; or raise "
                "analysis.readers.opening.MAX_UNPACKED",
            )
        return place.read_bytes()
    except OSError as error:
        raise one_fault(ReadError, name, f"the file cannot be read: {error.strerror or error}") from error


def _unpacked(raw: bytes, name: str) -> tuple[bytes, str]:
    for magic, (packing, opener) in _PACKERS.items():
        if not raw.startswith(magic):
            continue
        try:
            with opener(io.BytesIO(raw)) as stream:
                content = read_within_limit(stream, len(raw), name, "the file")
        except EOFError as error:
            raise one_fault(
                ReadError,
                name,
                f"the {packing} file is truncated: it ends before its last block",
                remedy="download or copy it again",
            ) from error
        except (OSError, zlib.error, lzma.LZMAError, ValueError) as error:
            raise_own(error)
            raise one_fault(
                ReadError,
                name,
                f"the {packing} file is damaged: {error}",
                remedy="download or copy it again",
            ) from error
        if content.startswith(tuple(_PACKERS)):
            raise one_fault(
                ReadError, name, "the file is compressed twice", remedy="unpack it once, then read it"
            )
        return content, packing
    return raw, ""


def raise_own(error: Exception) -> None:
    """Pass on an error of this package, which is a `ValueError` too, instead of wrapping it again."""
    if isinstance(error, AnalysisError):
        raise error
