"""BIOM 2.1 files in which one part is hostile: shapes, types, links, filters, references, virtual data."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from random import Random

import h5py
import numpy as np
from biom_files import biom_hdf5

_DATASETS = [
    "sample/ids", "sample/matrix/data", "sample/matrix/indices", "sample/matrix/indptr",
    "sample/metadata/arm",
    "observation/ids", "observation/matrix/data", "observation/metadata/taxonomy",
]  # fmt: skip
_GROUPS = ["sample", "observation", "sample/matrix", "sample/metadata", "observation/metadata"]
_TYPES = [
    "i1", "i8", "u8", "f2", "f4", "S0", "S5", "?", "c8", "V4", h5py.string_dtype(), h5py.ref_dtype,
    h5py.regionref_dtype,
    h5py.vlen_dtype(np.int32), h5py.enum_dtype({"a": 1}), np.dtype([("a", "i4"), ("b", "f8")]),
    np.dtype(("i4", (3,))),
    h5py.string_dtype("ascii", 1_000_000), h5py.opaque_dtype(np.dtype("M8[s]")), ">i4", np.dtype(("f8", (2,
    2))),
]  # fmt: skip
_SHAPES = [
    (), None, (0,), (1,), (2,), (3,), (4,), (5,), (3, 2), (4, 1), (4, 2, 2), (1, 1, 1, 1, 1), (10_000,), (4,
    0),
    (2**31,), (2**40,), (2**62,), (2**20, 2**20), (3, 2**33), (4, 2**33),
]  # fmt: skip
_NUMBERS = [-1, 0, 1, 3, 4, 5, 2**31 - 1, -(2**31), 2**62, np.nan, np.inf, -np.inf, 1e308, 0.5]


def hostile_hdf5(_content: bytes, rng: Random) -> bytes:
    """Write the table again with one or two hostile parts."""
    changes = [rng.choice(_CHANGES) for _ in range(rng.choice([1, 1, 2]))]

    def change(file: h5py.File) -> None:
        for one in changes:
            try:
                one(file, rng)
            except (AttributeError, TypeError, ValueError, OSError, LookupError, OverflowError, RuntimeError):
                continue  # what HDF5 itself does not write is no threat

    return biom_hdf5(change)


@cache
def _sound(path: str) -> np.ndarray:
    """Return the values of a sound table, as those of one that is hostile already are no good to read."""
    with h5py.File(h5py.h5f.open_file_image(biom_hdf5())) as file:
        return file[path][...]


def _other_type(file: h5py.File, rng: Random) -> None:
    path = rng.choice(_DATASETS)
    shape = file[path].shape
    del file[path]
    file.create_dataset(path, shape, rng.choice(_TYPES))


def _other_shape(file: h5py.File, rng: Random) -> None:
    path, shape = rng.choice(_DATASETS), rng.choice(_SHAPES)
    kind = file[path].dtype
    del file[path]
    if shape is None:
        file[path] = h5py.Empty("f8")
    elif shape == ():
        file[path] = rng.choice([1, "x", -1.5])
    else:
        chunks = tuple(min(max(n, 1), 64) for n in shape) if rng.random() < 0.5 else None
        squeeze = "gzip" if chunks and rng.random() < 0.5 else None
        file.create_dataset(path, shape, kind, chunks=chunks, compression=squeeze)


def _stretched(file: h5py.File, rng: Random) -> None:
    """Declare far more than is stored, in chunks that are large themselves."""
    path = rng.choice(_DATASETS)
    kind = file[path].dtype
    del file[path]
    made = file.create_dataset(path, (4,), kind, chunks=(rng.choice([4, 2**16, 2**22]),), maxshape=(None,))
    made.resize((rng.choice([10**6, 10**8, 2**40]),))


def _other_numbers(file: h5py.File, rng: Random) -> None:
    path = rng.choice([path for path in _DATASETS if "matrix" in path])
    values = _sound(path).astype(rng.choice(["f8", "i8"]))
    with np.errstate(invalid="ignore"):
        for _ in range(rng.randint(1, 3)):
            values[rng.randrange(len(values))] = np.float64(rng.choice(_NUMBERS)).astype(values.dtype)
    del file[path]
    file[path] = values


def _other_text(file: h5py.File, rng: Random) -> None:
    path = rng.choice(["sample/ids", "observation/ids", "sample/metadata/arm"])
    values = list(_sound(path))
    odd = [b"", b" ", b"\xff", b"\xed\xa0\x80", b"a\tb", b"\n", b"x" * 100_000, values[0], b"NA", b"1e999"]
    values[rng.randrange(len(values))] = rng.choice(odd)
    del file[path]
    file.create_dataset(
        path, data=values, dtype=rng.choice([h5py.string_dtype(), h5py.string_dtype("ascii")])
    )


def _linked(file: h5py.File, rng: Random) -> None:
    path = rng.choice(_DATASETS + _GROUPS)
    del file[path]
    target = rng.choice([path, "/", path.split("/")[0], "/sample/ids", "/nowhere"])
    file[path] = rng.choice([h5py.SoftLink(target), h5py.ExternalLink("other.h5", target)])


def _hard_loop(file: h5py.File, rng: Random) -> None:
    path = rng.choice(_GROUPS[2:])
    target = rng.choice(["/", "/sample", path.rsplit("/", 1)[0]])
    file[f"{path}/loop"] = file[target]


def _group_for_dataset(file: h5py.File, rng: Random) -> None:
    path = rng.choice(_DATASETS)
    del file[path]
    file.create_group(path)


def _dataset_for_group(file: h5py.File, rng: Random) -> None:
    path = rng.choice(_GROUPS)
    del file[path]
    file[path] = [1, 2, 3]


def _outside(file: h5py.File, rng: Random) -> None:
    path = rng.choice(_DATASETS)
    shape, kind = file[path].shape, rng.choice(["i4", "f8"])
    del file[path]
    if rng.random() < 0.5:
        file.create_dataset(path, shape, kind, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    else:
        layout = h5py.VirtualLayout(shape, kind)
        layout[...] = h5py.VirtualSource(rng.choice([".", "/etc/passwd"]), "sample/matrix/data", shape)
        file.create_virtual_dataset(path, layout)


def _filtered(file: h5py.File, rng: Random) -> None:
    path = rng.choice([path for path in _DATASETS if "matrix" in path])
    values = _sound(path)
    del file[path]
    ways = [
        {"compression": "lzf"}, {"fletcher32": True}, {"shuffle": True, "compression": "gzip"},
        {"scaleoffset": 2}, {"compression": "gzip", "compression_opts": 9},
    ]  # fmt: skip
    made = file.create_dataset(path, data=values, chunks=values.shape, **rng.choice(ways))
    if rng.random() < 0.5:
        made.id.write_direct_chunk((0,), rng.randbytes(rng.choice([0, 1, 100])), rng.choice([0, 1, 2**31]))


def _bomb(file: h5py.File, rng: Random) -> None:
    """Store much that is nothing but zeros."""
    path = rng.choice([path for path in _DATASETS if "matrix" in path])
    kind = file[path].dtype
    del file[path]
    made = file.create_dataset(path, (10**6,), kind, compression="gzip", chunks=(10**6,))
    made.id.write_direct_chunk((0,), _packed_zeros(10**6 * kind.itemsize))


@cache
def _packed_zeros(size: int) -> bytes:
    return zlib.compress(bytes(size))


def _attributes(file: h5py.File, rng: Random) -> None:
    for name in ("format-version", "shape", "nnz", "type"):
        if rng.random() < 0.6:
            odd = [(), [1], -1, "x", np.zeros((50, 50)), h5py.Empty("f8"), b"\xff", [2**62] * 2, np.nan]
            file.attrs[name] = rng.choice(odd)


def _more_metadata(file: h5py.File, rng: Random) -> None:
    axis, rows = rng.choice([("sample", 3), ("observation", 4)])
    name = rng.choice(
        ["x", "Kingdom", "Phylum", "taxonomy", "collapsed_ids", "ranks", "\U0001f600", "x" * 60_000]
    )
    group = file.require_group(rng.choice([f"{axis}/metadata", f"{axis}/group-metadata"]))
    shape = rng.choice([(rows,), (rows, 3), (rows, 0), (rows, 2, 2), (rows + 1,)])
    kind = rng.choice(_TYPES)
    if name in group:
        del group[name]
    group.create_dataset(name, shape, kind)


def _many(file: h5py.File, rng: Random) -> None:
    """Add more groups or datasets than any table has."""
    if rng.random() > 0.1:
        return
    for k in range(100):
        file["sample/metadata"].create_dataset(f"m{k}", data=[1, 2, 3])


_CHANGES: list[Callable[[h5py.File, Random], None]] = [
    _other_type, _other_shape, _stretched, _other_numbers, _other_text, _linked, _hard_loop,
    _group_for_dataset,
    _dataset_for_group, _outside, _filtered, _bomb, _attributes, _more_metadata, _many,
]  # fmt: skip
