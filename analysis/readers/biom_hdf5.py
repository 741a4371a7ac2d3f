"""BIOM 2.1: a table as HDF5, read with h5py and checked before anything large is allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import ReadError, one_fault
from analysis.readers.hdf5_chunks import unpacked_pieces
from analysis.readers.hdf5_heaps import check_heaps, check_texts
from analysis.readers.headings import LINEAGE_NAMES, RANK_NAMES, folded
from analysis.readers.metadata import typed_frame
from analysis.readers.opening import MAX_UNPACKED, Opened, raise_own
from analysis.readers.raw import RawTable
from analysis.taxonomy import taxonomy_from_columns, taxonomy_table

if TYPE_CHECKING:
    import h5py

_MAX_RATIO = 1_100  # as much as deflate can shrink
_ROOM = 2**20  # a dataset this small is read whatever its storage says
_TAXPASTA_RANKS = ("superkingdom", "phylum", "class", "order", "family", "genus", "species")


def read_biom_hdf5(opened: Opened) -> RawTable:
    """Read BIOM 2.x HDF5.

    Parameters
    ----------
    opened : Opened
        A file of the kind "hdf5".

    Returns
    -------
    RawTable
        Samples as rows; taxonomy and sample metadata where the file has them.

    Raises
    ------
    ReadError
        Where the file is truncated or damaged, is no BIOM table, links to other files, declares more data
        than it can hold, or its indices do not fit the table.

    Notes
    -----
    Only ids and matrix are needed; files without a type or without groups for metadata (as taxpasta writes
    them) are read. The matrix is taken from ``sample/matrix``, with samples as rows; the second copy in
    ``observation/matrix`` and the attributes ``shape`` and ``nnz`` are not looked at, since sound files
    contradict themselves there (those of taxpasta do).
    """
    import h5py

    largest = check_heaps(opened.content, opened.name)
    try:
        handle = h5py.h5f.open_file_image(opened.content)
        with h5py.File(handle) as file:
            for path in _texts(file):
                check_texts(_dataset(file, path, opened.name), opened.content, largest, opened.name)
            return _read(file, opened)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError) as error:
        raise_own(error)
        raise one_fault(
            ReadError,
            opened.name,
            f"the HDF5 file is truncated or damaged: {str(error)[:200]}",
            remedy="download or copy it again",
        ) from error


def _read(file: h5py.File, opened: Opened) -> RawTable:
    name = opened.name
    sample_ids = _ids(file, "sample/ids", name)
    feature_ids = _ids(file, "observation/ids", name)
    shape = (len(sample_ids), len(feature_ids))
    if _has(file, "sample/matrix/data"):
        counts = _matrix(file, "sample/matrix", shape, name)
    else:
        counts = sparse.csr_array(_matrix(file, "observation/matrix", shape[::-1], name).T)
    return RawTable(
        counts,
        sample_ids,
        feature_ids,
        opened.named(f"BIOM {_version(file)} (HDF5)"),
        taxonomy=_taxonomy(file, feature_ids, name),
        metadata=_sample_metadata(file, sample_ids, name),
    )


def _version(file: h5py.File) -> str:
    """Return the version of BIOM that the file names; 2.1 where it names none in two whole numbers."""
    name = "format-version"
    about = file.attrs.get_id(name) if name in file.attrs else None
    if about is None or about.dtype.kind not in "iu" or about.shape != (2,):
        return "2.1"
    return ".".join(map(str, file.attrs[name]))


def _texts(file: h5py.File) -> list[str]:
    """Return the paths of what may be read as strings, where it is there."""
    import h5py

    paths = ["sample/ids", "observation/ids", "observation/group-metadata/ranks"]
    for path in ("sample/metadata", "observation/metadata"):
        group = _node(file, path)
        paths += [f"{path}/{key}" for key in group] if isinstance(group, h5py.Group) else []
    return [path for path in paths if _has(file, path)]


def _node(file: h5py.File, path: str) -> h5py.Group | h5py.Dataset | None:
    """Return what is at a path of the file itself; None where nothing is, or only a soft or external link.

    A link is asked for its kind before anything follows it: `in` and `get` of h5py open the other file.
    """
    import h5py

    node: object = file
    for part in path.split("/"):
        name = part.encode()
        if not isinstance(node, h5py.Group) or not node.id.links.exists(name):
            return None
        if node.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
            return None
        node = node[part]
    return node  # type: ignore[return-value]


def _has(file: h5py.File, path: str) -> bool:
    """Say whether a dataset is at a path of the file itself."""
    import h5py

    return isinstance(_node(file, path), h5py.Dataset)


def _dataset(file: h5py.File, path: str, name: str) -> h5py.Dataset:
    """Return a dataset whose size agrees with what the file can hold."""
    if not _has(file, path):
        raise one_fault(
            ReadError,
            name,
            f"this HDF5 file has no dataset {path!r}",
            expected="a BIOM 2.1 table",
            remedy="give a BIOM table; other HDF5 files (AnnData, Seurat, FASTA5) are not read",
        )
    found = file[path]
    if found.shape is None or found.external or found.is_virtual:
        raise one_fault(ReadError, name, "the data are not in the file itself", where=path)
    size = found.size * max(found.dtype.itemsize, 1)
    stored = found.id.get_storage_size()
    if size > MAX_UNPACKED or (size > _ROOM and size > stored * _MAX_RATIO):
        raise one_fault(
            ReadError,
            name,
            f"the dataset declares {found.shape} values and stores {stored:,} bytes",
            where=path,
            expected="values that the file holds",
            remedy="it looks like a damaged file or a decompression bomb; download or copy it again",
        )
    import h5py

    plain = found.dtype.kind in "biufS" or h5py.check_string_dtype(found.dtype) is not None
    if not plain or found.dtype.subdtype is not None:
        raise one_fault(
            ReadError,
            name,
            f"the values are of type {found.dtype}",
            where=path,
            expected="numbers or text, one in each place",
        )
    for _ in unpacked_pieces(found, name):
        pass  # the library may have those that unpack
    return found


def _strings(dataset: h5py.Dataset) -> np.ndarray:
    """Return the values as text, whether stored at fixed or variable length, or as numbers."""
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is not None:
        return dataset.asstr()[...]
    return dataset[...].astype(str)


def _ids(file: h5py.File, path: str, name: str) -> list[str]:
    dataset = _dataset(file, path, name)
    if dataset.ndim != 1:
        raise one_fault(
            ReadError, name, f"the ids have {dataset.ndim} dimensions", where=path, expected="one"
        )
    values = dataset[...]
    if values.dtype.kind not in "OS":
        return values.astype(str).tolist()
    return b"\0".join(values.tolist()).decode("utf-8").split("\0") if len(values) else []


def _matrix(file: h5py.File, path: str, shape: tuple[int, int], name: str) -> sparse.csr_array:
    """Read a compressed sparse matrix after checking that its indices fit the table."""
    parts = {key: _dataset(file, f"{path}/{key}", name) for key in ("data", "indices", "indptr")}
    for key, dataset in parts.items():
        if dataset.ndim != 1 or dataset.dtype.kind not in "iuf":
            raise one_fault(
                ReadError, name, f"{dataset.dtype} values", where=f"{path}/{key}", expected="numbers"
            )
    if parts["indptr"].shape[0] != shape[0] + 1 or parts["data"].shape != parts["indices"].shape:
        raise one_fault(
            ReadError,
            name,
            f"{parts['data'].shape[0]:,} values, {parts['indices'].shape[0]:,} indices and "
            f"{parts['indptr'].shape[0]:,} row starts for a table of {shape[0]:,} x {shape[1]:,}",
            where=path,
            expected="as many values as indices, and a row start more than there are rows",
            remedy="the file is damaged; download it again or write it again with biom-format",
        )
    data, indices, indptr = (parts[key][...] for key in ("data", "indices", "indptr"))
    in_order = indptr[0] == 0 and indptr[-1] == len(data) and (np.diff(indptr.astype(np.float64)) >= 0).all()
    in_range = len(indices) == 0 or (indices.min() >= 0 and indices.max() < shape[1])
    whole = all(part.dtype.kind in "iu" for part in (indices, indptr)) and not np.isnan(indptr).any()
    if shape[0] and not (in_order and in_range and whole):
        raise one_fault(
            ReadError,
            name,
            "the positions of the values do not fit the table",
            where=path,
            expected=f"columns from 0 to {shape[1] - 1} and row starts that never fall, from 0 to "
            f"{len(data)}",
            remedy="the file is damaged; download it again or write it again with biom-format",
        )
    if not shape[0]:
        return sparse.csr_array(shape, dtype=np.float64)
    native = data.dtype.newbyteorder("=") if data.dtype.kind in "iu" else np.float64  # as SciPy needs them
    table = sparse.csr_array(
        (data.astype(native, copy=False), indices.astype(np.int64), indptr.astype(np.int64)), shape=shape
    )
    stored = table.nnz
    table.sum_duplicates()
    if table.nnz != stored:
        raise one_fault(
            ReadError, name, f"{stored - table.nnz} cell(s) stand more than once", where=path, expected="once"
        )
    return table


def _taxonomy(file: h5py.File, feature_ids: list[str], name: str) -> pd.DataFrame | None:
    """Make a taxonomy of the features' metadata: a lineage each, or a dataset a rank."""
    found = _group_datasets(file, "observation/metadata", len(feature_ids), name)
    lineage = next((dataset for key, dataset in found.items() if folded(key) in LINEAGE_NAMES), None)
    if lineage is not None:
        ranked = _ranked(file, lineage, feature_ids, name)
        return taxonomy_table(_joined(lineage), feature_ids) if ranked is None else ranked
    ranks = {key: _joined(dataset) for key, dataset in found.items() if folded(key) in RANK_NAMES}
    return taxonomy_from_columns(pd.DataFrame(ranks, index=feature_ids)) if ranks else None


def _ranked(file: h5py.File, lineage: h5py.Dataset, feature_ids: list[str], name: str) -> pd.DataFrame | None:
    """Read lineages of many levels whose names taxpasta writes in a group of their own."""
    path = "observation/group-metadata/ranks"
    if not _has(file, path) or lineage.ndim != 2:
        return None
    text = _strings(_dataset(file, path, name)).ravel()
    ranks = [rank.strip().casefold() for rank in text[0].split(";")] if len(text) == 1 else []
    if len(ranks) != lineage.shape[1]:
        return None
    places = {rank: ranks.index(rank) for rank in _TAXPASTA_RANKS if rank in ranks}
    if not places:
        return None
    levels = _strings(lineage)
    table = pd.DataFrame({rank: levels[:, place] for rank, place in places.items()}, index=feature_ids)
    return taxonomy_from_columns(table)


def _sample_metadata(file: h5py.File, sample_ids: list[str], name: str) -> pd.DataFrame | None:
    found = _group_datasets(file, "sample/metadata", len(sample_ids), name)
    columns = {key: _joined(dataset) for key, dataset in found.items()}
    return typed_frame(columns, sample_ids) if columns else None


def _joined(dataset: h5py.Dataset) -> list[str]:
    """Return a text for each row; several values in a row, as lineages have, stand between semicolons."""
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is None:
        rows = dataset[...].astype(str).astype(bytes).tolist()
    else:
        rows = dataset[...].tolist()
    if dataset.ndim == 2:
        rows = [b"; ".join(row) for row in rows]
    return [row.decode("utf-8") for row in rows]


def _group_datasets(file: h5py.File, path: str, length: int, name: str) -> dict[str, h5py.Dataset]:
    """Return the datasets of a metadata group, which must have a value for each row, by name."""
    import h5py

    group = _node(file, path)
    if not isinstance(group, h5py.Group) or not length:
        return {}
    found = {}
    for key in group:
        if _has(file, f"{path}/{key}"):
            dataset = _dataset(file, f"{path}/{key}", name)
            if dataset.ndim not in (1, 2) or dataset.shape[0] != length:
                raise one_fault(
                    ReadError,
                    name,
                    f"{dataset.shape} values for {length} rows",
                    where=f"{path}/{key}",
                    expected="a value for each row",
                    remedy="the file is damaged; download it again or write it again with biom-format",
                )
            found[key] = dataset
    return found
