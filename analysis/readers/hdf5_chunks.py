"""The packed pieces of an HDF5 dataset, unpacked once before the HDF5 library is let near them.

The library takes it on trust that a piece unpacks to its full size. One that is shorter, by damage or by
design, makes it read past the end of its memory: the process dies, or other memory turns up among the counts.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from analysis.errors import ReadError, one_fault

if TYPE_CHECKING:
    import h5py

_DEFLATE, _SHUFFLE, _FLETCHER, _LZF = 1, 2, 3, 32_000  # the numbers under which HDF5 knows them
PLACE = 16  # bytes that say where a string stands in its heap, and how long it is
_CHECKSUM = 4  # bytes that Fletcher's adds
_MAX_RATIO, _SMALL = 1_100, 64 * 2**20  # as for whole files: see opening.read_within_limit


def unpacked_pieces(dataset: h5py.Dataset, subject: str) -> Iterator[tuple[bytes, int]]:
    """Unpack the pieces of a dataset one by one.

    Parameters
    ----------
    dataset : h5py.Dataset
        Any dataset; one that is stored whole has no pieces.
    subject : str
        The file's name, for messages.

    Yields
    ------
    content : bytes
        All bytes of a piece.
    shuffled : int
        Above 0: values of so many bytes are shuffled, first all their first bytes, then the second ones.

    Raises
    ------
    ReadError
        Where a piece does not unpack to its full size.
    """
    if dataset.chunks is None:
        return
    width = PLACE if dataset.dtype.kind == "O" else dataset.id.get_type().get_size()
    plan = dataset.id.get_create_plist()
    steps = [plan.get_filter(k) for k in range(plan.get_nfilters())]
    filters = [step[0] for step in steps]
    values = next((step[2] for step in steps if step[0] == _SHUFFLE), ())
    grain = values[0] if values else width
    strange = set(filters) - {_DEFLATE, _SHUFFLE, _FLETCHER, _LZF}
    if strange:
        raise _wrong(dataset, subject, f"the values are packed by HDF5 filter {min(strange)}", "gzip or lzf")
    size = math.prod(dataset.chunks) * width
    pieces: list[h5py.h5d.StoreInfo] = []
    dataset.id.chunk_iter(pieces.append)
    for piece in pieces:
        if size > max(_SMALL, piece.size * _MAX_RATIO):
            raise _wrong(dataset, subject, f"a piece of {piece.size:,} bytes is said to hold {size:,}")
        mask, content = dataset.id.read_direct_chunk(piece.chunk_offset)
        used = [one for k, one in enumerate(filters) if not mask >> k & 1]
        content = _unpacked(content, used, size)
        if len(content) != size:
            what = f"a piece unpacks to {len(content):,} bytes or more and not to {size:,}"
            raise _wrong(dataset, subject, what)
        yield content, grain if _SHUFFLE in used else 0


def _unpacked(content: bytes, filters: list[int], size: int) -> bytes:
    """Take off packing and checksum; of a piece that is too long, not much more than the size wanted."""
    for one in reversed(filters):  # they were applied in order
        if one == _FLETCHER:
            content = content[:-_CHECKSUM]
        elif one == _DEFLATE:
            try:
                content = zlib.decompressobj().decompress(content, size + 1)
            except zlib.error:
                return b""
        elif one == _LZF:
            content = _unpacked_lzf(content, size)
    return content


def _unpacked_lzf(content: bytes, size: int) -> bytes:
    """Unpack an LZF stream: runs of bytes as they are, and runs from further up; b"" where it is cut."""
    place, found = 0, bytearray()
    while place < len(content) and len(found) <= size:
        control = content[place]
        if control < 32:
            found += content[place + 1 : place + control + 2]
            place += control + 2
            continue
        length, extra = control >> 5, control >> 5 == 7
        if place + 1 + extra >= len(content):
            return b""
        length += 2 + (content[place + 1] if extra else 0)
        start = len(found) - 1 - ((control & 31) << 8) - content[place + 1 + extra]
        if start < 0:
            return b""
        run = found[start : start + length]
        found += (run * (length // len(run) + 1))[:length]  # a run may repeat what it has just written
        place += 2 + extra
    return bytes(found)


def _wrong(dataset: h5py.Dataset, subject: str, what: str, expected: str = "whole pieces") -> ReadError:
    return one_fault(
        ReadError,
        subject,
        f"the HDF5 file is truncated or damaged: {what}",
        where=dataset.name,
        expected=expected,
        remedy="download or copy it again; or write it again with biom-format",
    )
