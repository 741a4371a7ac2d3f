"""The packed pieces of an HDF5 dataset, unpacked once before the HDF5 library is let near them.

The library takes it on trust that a piece unpacks to its full size. One that is shorter, by damage or by
design, makes it read past the end of its memory: the process dies, or other memory turns up among the counts.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

from analysis.errors import ReadError, one_fault

if TYPE_CHECKING:
    import h5py

_DEFLATE, _SHUFFLE, _FLETCHER, _LZF = 1, 2, 3, 32_000  # the numbers under which HDF5 knows them
_PLACE = 16  # bytes that say where a string stands in its heap, and how long it is
_CHECKSUM = 4  # bytes that Fletcher's adds
_MAX_RATIO, _SMALL = 1_100, 64 * 2**20  # as for whole files: see opening.read_within_limit


def check_chunks(dataset: h5py.Dataset, subject: str) -> None:
    """Raise `ReadError` where a piece of a dataset does not unpack to its full size.

    Parameters
    ----------
    dataset : h5py.Dataset
        Any dataset; one that is stored whole passes.
    subject : str
        The file's name, for messages.
    """
    if dataset.chunks is None:
        return
    plan = dataset.id.get_create_plist()
    filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
    strange = set(filters) - {_DEFLATE, _SHUFFLE, _FLETCHER, _LZF}
    if strange:
        raise _wrong(dataset, subject, f"the values are packed by HDF5 filter {min(strange)}", "gzip or lzf")
    width = _PLACE if dataset.dtype.kind == "O" else dataset.id.get_type().get_size()
    size = math.prod(dataset.chunks) * width
    pieces: list[h5py.h5d.StoreInfo] = []
    dataset.id.chunk_iter(pieces.append)
    for piece in pieces:
        if size > max(_SMALL, piece.size * _MAX_RATIO):
            raise _wrong(dataset, subject, f"a piece of {piece.size:,} bytes is said to hold {size:,}")
        mask, content = dataset.id.read_direct_chunk(piece.chunk_offset)
        used = [one for k, one in enumerate(filters) if not mask >> k & 1]
        found = _unpacked_size(content, used, size)
        if found != size:
            raise _wrong(dataset, subject, f"a piece unpacks to {found:,} bytes or more and not to {size:,}")


def _unpacked_size(content: bytes, filters: list[int], size: int) -> int:
    """Return how many bytes a piece unpacks to; what is far over the size wanted is not counted out."""
    for one in reversed(filters):  # they were applied in order
        if one == _FLETCHER:
            content = content[:-_CHECKSUM]
        elif one == _DEFLATE:
            try:
                content = zlib.decompressobj().decompress(content, size + 1)
            except zlib.error:
                return 0
        elif one == _LZF:
            return _lzf_size(content)  # only shuffling, which keeps the size, comes before it
    return len(content)


def _lzf_size(content: bytes) -> int:
    """Add up the runs of an LZF stream: so many bytes as they are, or so many from further up."""
    place, size = 0, 0
    while place < len(content):
        control = content[place]
        if control < 32:
            place += control + 2
            size += control + 1
            continue
        length = control >> 5
        if length == 7:
            place += 1
            length += content[place] if place < len(content) else 0
        place += 2
        size += length + 2
    return size if place == len(content) else 0


def _wrong(dataset: h5py.Dataset, subject: str, what: str, expected: str = "whole pieces") -> ReadError:
    return one_fault(
        ReadError,
        subject,
        f"the HDF5 file is truncated or damaged: {what}",
        where=dataset.name,
        expected=expected,
        remedy="download or copy it again; or write it again with biom-format",
    )
