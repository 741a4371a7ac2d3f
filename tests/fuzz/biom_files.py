"""BIOM 2.1 files written without the biom-format library, so that any part of them can be made hostile."""

from __future__ import annotations

from collections.abc import Callable

import h5py
import numpy as np

COUNTS = np.array([[5, 0, 2, 0], [1, 7, 0, 0], [0, 3, 3, 9]])
SAMPLES = ["s1", "s2", "s3"]
FEATURES = ["a", "b", "c", "d"]
LINEAGES = [["k__Bacteria", "p__Firmicutes"], ["k__Bacteria", "p__"], ["k__Archaea", ""], ["", ""]]


def biom_hdf5(change: Callable[[h5py.File], None] = lambda file: None) -> bytes:
    """Return the bytes of a small BIOM 2.1 table, after a function has changed the open file."""
    with h5py.File("table.biom", "w", driver="core", backing_store=False) as file:
        _write(file)
        change(file)
        file.flush()
        return file.id.get_file_image()


def _write(file: h5py.File) -> None:
    file.attrs.update({"id": "No Table ID", "type": "OTU table", "format-url": "http://biom-format.org"})
    file.attrs.update({"generated-by": "tests", "creation-date": "2026-01-01T00:00:00"})
    file.attrs["format-version"] = (2, 1)
    file.attrs["shape"] = COUNTS.T.shape
    file.attrs["nnz"] = np.count_nonzero(COUNTS)
    text = h5py.string_dtype()
    for axis, ids, counts in (("sample", SAMPLES, COUNTS), ("observation", FEATURES, COUNTS.T)):
        rows, columns = np.nonzero(counts)
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(ids)))])
        group = file.create_group(axis)
        group.create_dataset("ids", data=ids, dtype=text)
        for key in ("matrix", "metadata", "group-metadata"):
            group.create_group(key)
        parts = {"data": counts[rows, columns].astype(float), "indices": columns, "indptr": starts}
        for key, values in parts.items():
            kind = "f8" if key == "data" else "i4"
            group.create_dataset(f"matrix/{key}", data=values.astype(kind), compression="gzip")
    file["sample/metadata"].create_dataset("arm", data=["drug", "none", "drug"], dtype=text)
    file["observation/metadata"].create_dataset("taxonomy", data=LINEAGES, dtype=text)
