"""The heaps in which HDF5 keeps strings, checked before the HDF5 library sees them.

The library walks such a heap object by object and trusts their sizes: one damaged byte can keep it in one
place for ever, in C, where no timeout of Python reaches it.
"""

from __future__ import annotations

import struct

from analysis.errors import ReadError, one_fault

_SIGNATURE = b"GCOL\x01"  # with the only version there is
_HEADER = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<H6xQ")


def check_heaps(content: bytes, subject: str) -> None:
    """Raise `ReadError` where a heap of an HDF5 file could not be walked to its end.

    Parameters
    ----------
    content : bytes
        The file.
    subject : str
        Its name, for messages.
    """
    if _field_sizes(content) != (8, 8):
        raise _damaged(subject, "addresses and lengths are not of 8 bytes", 0)
    place = content.find(_SIGNATURE)
    while place >= 0:
        fault = _walk(content, place)
        if fault:
            raise _damaged(subject, fault, place)
        place = content.find(_SIGNATURE, place + 1)


def _field_sizes(content: bytes) -> tuple[int, int]:
    """Return the sizes of addresses and lengths, which stand elsewhere in newer superblocks."""
    if len(content) < 16:
        return 0, 0
    return (content[13], content[14]) if content[8] < 2 else (content[9], content[10])


def _walk(content: bytes, start: int) -> str:
    """Walk a heap as the library does; return what is wrong, or ""."""
    if start + _HEADER.size > len(content):
        return "a heap of strings is cut off"
    size = _HEADER.unpack_from(content, start)[2]
    end = start + size
    if end > len(content):
        return "a heap of strings reaches over the end of the file"
    place, last = start + _HEADER.size, end - _OBJECT.size
    unpack = _OBJECT.unpack_from
    while place <= last:
        index, length = unpack(content, place)
        needed = 16 + (length + 7 & -8) if index else length  # index 0: the room that is left
        if not 16 <= needed <= end - place:
            return "the sizes of strings do not add up"
        place += needed
    return ""


def _damaged(subject: str, what: str, place: int) -> ReadError:
    return one_fault(
        ReadError,
        subject,
        f"the HDF5 file is truncated or damaged: {what}",
        where=f"byte {place:,}",
        remedy="download or copy it again",
    )
