"""Arrays of numbers from a .npz file, with sizes checked before memory is taken; nothing is unpickled."""

from __future__ import annotations

import io
import math
import re
import zipfile

import numpy as np

from analysis.errors import ReadError, one_fault
from analysis.readers.archive import ZIP_ERRORS, read_entry, safe_entries
from analysis.readers.opening import Opened, raise_own

# magic, version 1.0 or 2.0, and the header as numpy.save writes it; other types than numbers are not read
_HEADER = re.compile(
    rb"\x93NUMPY(?:\x01\x00(?:..)|\x02\x00(?:....))"
    rb"\{'descr': '([<>|][fiu][1248])', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \} *\n",
    re.DOTALL,
)


def read_arrays(opened: Opened, expected: str) -> dict[str, np.ndarray]:
    """Read every array of an .npz file.

    Parameters
    ----------
    opened : Opened
        The file.
    expected : str
        What the file should have been, for the messages.

    Returns
    -------
    dict of str to numpy.ndarray
        By name, without the ".npy".

    Raises
    ------
    ReadError
        Where it is no zip file, is damaged or unsafe, or holds something else than arrays of numbers: pickled
        objects, or sizes that the bytes do not fill.
    """
    if opened.kind != "zip":
        raise one_fault(ReadError, opened.name, "this is no .npz file", expected=expected)
    try:
        with zipfile.ZipFile(io.BytesIO(opened.content)) as archive:
            entries = safe_entries(archive, opened.name)
            contents = {path: read_entry(archive, entry, opened.name) for path, entry in entries.items()}
    except (*ZIP_ERRORS, ValueError) as error:
        raise_own(error)
        raise one_fault(
            ReadError,
            opened.name,
            f"the .npz file is damaged: {error}",
            expected=expected,
            remedy="download or copy it again",
        ) from error
    return {
        path.removesuffix(".npy"): _array(content, path, opened.name) for path, content in contents.items()
    }


def _array(content: bytes, path: str, subject: str) -> np.ndarray:
    header = _HEADER.match(content)
    if header:
        kind, columns_first, sizes = header.groups()
        shape = tuple(int(size) for size in sizes.replace(b",", b" ").split())
        if math.prod(shape) * np.dtype(kind.decode()).itemsize == len(content) - header.end():
            values = np.frombuffer(content, np.dtype(kind.decode()), offset=header.end())
            return values.reshape(shape, order="F" if columns_first == b"True" else "C")
    raise one_fault(
        ReadError,
        subject,
        "this is no array of numbers, or another size than its bytes have",
        where=path,
        expected="numbers as numpy.save writes them; pickled objects are never read",
    )
