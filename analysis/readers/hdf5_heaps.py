"""The heaps in which HDF5 keeps strings, checked before the HDF5 library sees them.

The library walks such a heap object by object and trusts their sizes: one damaged byte can keep it in one
place for ever, in C, where no timeout of Python reaches it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import ReadError, one_fault
from analysis.readers.hdf5_chunks import PLACE, unpacked_pieces

if TYPE_CHECKING:
    import h5py

_SMALL = 64 * 2**20  # bytes of strings that are read whatever they are
_SIGNATURE = b"GCOL\x01"  # with the only version there is
_HEADER = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<H6xQ")


def check_heaps(content: bytes, subject: str) -> int:
    """Raise `ReadError` where a heap of an HDF5 file could not be walked to its end.

    Parameters
    ----------
    content : bytes
        The file.
    subject : str
        Its name, for messages.

    Returns
    -------
    int
        The bytes of the largest string.
    """
    if _field_sizes(content) != (8, 8):
        raise _damaged(subject, "addresses and lengths are not of 8 bytes", 0)
    largest = 0
    place = content.find(_SIGNATURE)
    while place >= 0:
        fault, longest = _walk(content, place)
        if fault:
            raise _damaged(subject, fault, place)
        largest = max(largest, longest)
        place = content.find(_SIGNATURE, place + 1)
    return largest


def check_texts(dataset: h5py.Dataset, content: bytes, largest: int, subject: str) -> None:
    """Raise `ReadError` where strings are said to be longer than any, or take more than their file holds.

    Parameters
    ----------
    dataset : h5py.Dataset
        Strings of variable length, or anything else, which passes.
    content : bytes
        The file.
    largest : int
        What `check_heaps` returned.
    subject : str
        The file's name, for messages.

    Notes
    -----
    The library takes memory for a string before it looks whether the heap holds one of that length. And many
    places may share one long string, so that a small file fills any memory.
    """
    if dataset.dtype.kind != "O":
        return
    start = dataset.id.get_offset()
    places = list(unpacked_pieces(dataset, subject))
    if dataset.chunks is None and start is not None:
        places = [(content[start : start + PLACE * dataset.size], 0)]
    elif dataset.chunks is None and dataset.id.get_storage_size():
        raise _damaged(subject, f"the strings of {dataset.name} stand in its header", 0)
    lengths = np.concatenate([np.empty(0, "<u4"), *(_lengths(*one) for one in places)])
    if lengths.max(initial=0) > largest:
        what = (
            f"a string of {dataset.name} is said to take {lengths.max():,} bytes, and the longest {largest:,}"
        )
        raise _damaged(subject, what, start or 0)
    if lengths.sum(dtype=np.int64) > max(_SMALL, len(content)):
        raise one_fault(
            ReadError,
            subject,
            f"the strings take {lengths.sum(dtype=np.int64):,} bytes, and the whole file {len(content):,}",
            where=dataset.name,
            expected="each string stored once for each place where it stands",
            remedy="it looks like a damaged file or a decompression bomb; download or copy it again",
        )


def _lengths(places: bytes, shuffled: int) -> np.ndarray:
    """Return how long strings are said to be: the first four bytes of each place."""
    values = np.frombuffer(places, np.uint8)
    if shuffled > 1:
        whole = len(values) // shuffled * shuffled
        values = np.concatenate([values[:whole].reshape(shuffled, -1).T.ravel(), values[whole:]])
    return np.ascontiguousarray(values.reshape(-1, PLACE)[:, :4]).view("<u4").ravel()


def _field_sizes(content: bytes) -> tuple[int, int]:
    """Return the sizes of addresses and lengths, which stand elsewhere in newer superblocks."""
    if len(content) < 16:
        return 0, 0
    return (content[13], content[14]) if content[8] < 2 else (content[9], content[10])


def _walk(content: bytes, start: int) -> tuple[str, int]:
    """Walk a heap as the library does; return what is wrong, or "", and the size of the largest string."""
    if start + _HEADER.size > len(content):
        return "a heap of strings is cut off", 0
    size = _HEADER.unpack_from(content, start)[2]
    end = start + size
    if end > len(content):
        return "a heap of strings reaches over the end of the file", 0
    largest = 0
    place, last = start + _HEADER.size, end - _OBJECT.size
    unpack = _OBJECT.unpack_from
    while place <= last:
        index, length = unpack(content, place)
        needed = 16 + (length + 7 & -8) if index else length  # index 0: the room that is left
        if not 16 <= needed <= end - place:
            return "the sizes of strings do not add up", 0
        if index:
            largest = max(largest, length)
        place += needed
    return "", largest


def _damaged(subject: str, what: str, place: int) -> ReadError:
    return one_fault(
        ReadError,
        subject,
        f"the HDF5 file is truncated or damaged: {what}",
        where=f"byte {place:,}",
        remedy="download or copy it again",
    )
