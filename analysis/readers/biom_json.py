"""BIOM 1.0 (and 0.9): a table as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import Fault, ReadError, one_fault
from analysis.readers.headings import LINEAGE_NAMES, RANK_NAMES, folded
from analysis.readers.metadata import typed_frame
from analysis.readers.opening import Opened
from analysis.readers.raw import RawTable
from analysis.taxonomy import taxonomy_from_columns, taxonomy_table


def read_biom_json(opened: Opened) -> RawTable:
    """Read BIOM 1.0 JSON, sparse or dense.

    Parameters
    ----------
    opened : Opened
        A file of the kind "json".

    Returns
    -------
    RawTable
        Samples as rows; taxonomy and sample metadata where the file has them.

    Raises
    ------
    ReadError
        Where the JSON is broken or no BIOM table, or its parts contradict each other.
    """
    try:
        return _table(_parsed(opened), opened)
    except RecursionError as error:
        raise one_fault(
            ReadError, opened.name, "the JSON is nested too deeply", expected="a BIOM table"
        ) from error


def _table(document: dict, opened: Opened) -> RawTable:
    """Make a table of a parsed document."""
    name = opened.name
    faults: list[Fault] = []
    rows, columns = _axis(document, "rows", faults), _axis(document, "columns", faults)
    if faults:
        raise ReadError(name, *faults)
    shape = (len(rows), len(columns))
    if document.get("shape") is not None and document["shape"] != list(shape):
        raise one_fault(
            ReadError,
            name,
            f"the file says it holds {str(document['shape'])[:40]}, and lists {list(shape)} rows and columns",
            expected="the same shape",
            remedy="write the file again with biom-format",
        )
    counts = _matrix(document, shape, name)
    version = str(document["format"]).rsplit(" ", 1)[-1].removeprefix("v")
    sample_ids = [str(entry["id"]) for entry in columns]
    feature_ids = [str(entry["id"]) for entry in rows]
    return RawTable(
        counts,
        sample_ids,
        feature_ids,
        opened.named(f"BIOM {version} (JSON)"),
        taxonomy=_taxonomy([entry.get("metadata") for entry in rows], feature_ids),
        metadata=_sample_metadata([entry.get("metadata") for entry in columns], sample_ids),
    )


def _taxonomy(metadata: Sequence[object], feature_ids: list[str]) -> pd.DataFrame | None:
    """Make a taxonomy of the features' own metadata: one lineage as a list or text, or an entry a rank."""
    entries = [entry if isinstance(entry, Mapping) else {} for entry in metadata]
    keys = dict.fromkeys(key for entry in entries for key in entry)
    lineage = next((key for key in keys if folded(key) in LINEAGE_NAMES), None)
    if lineage is not None:
        return taxonomy_table([_joined(entry.get(lineage)) for entry in entries], feature_ids)
    ranks = [key for key in keys if folded(key) in RANK_NAMES]
    if not ranks:
        return None
    table = pd.DataFrame(
        {key: [str(entry.get(key) or "") for entry in entries] for key in ranks}, index=feature_ids
    )
    return taxonomy_from_columns(table)


def _joined(value: object) -> str:
    """Write a lineage as one text, whether it came as a list of names or as text already."""
    if value is None:
        return ""
    return (
        "; ".join("" if part is None else str(part) for part in value)
        if isinstance(value, list)
        else str(value)
    )


def _parsed(opened: Opened) -> dict:
    try:
        document = json.loads(opened.content.decode("utf-8-sig"))
        if b"\\ud" in opened.content.lower():  # half a character, which JSON may name and no file can hold
            json.dumps(document, ensure_ascii=False).encode()
    except ValueError as error:  # JSONDecodeError, UnicodeError, numbers of thousands of digits
        raise one_fault(
            ReadError,
            opened.name,
            f"the JSON is broken or truncated: {str(error)[:200]}",
            remedy="download or copy it again",
        ) from error
    if (
        not isinstance(document, dict)
        or "biological observation matrix" not in str(document.get("format")).casefold()
    ):
        raise one_fault(
            ReadError,
            opened.name,
            "this JSON file is no BIOM table",
            expected='"format": "Biological Observation Matrix 1.0.0"',
            remedy="give a BIOM file or a text table",
        )
    return document


def _axis(document: dict, key: str, faults: list[Fault]) -> list[dict]:
    """Return the entries of one axis; each must be an object with an id."""
    entries = document.get(key)
    if not isinstance(entries, list):
        faults.append(Fault(f"there is no list {key!r}", expected="one entry for each"))
        return []
    wrong = [
        k
        for k, entry in enumerate(entries)
        if not (isinstance(entry, dict) and isinstance(entry.get("id"), str | int | float))
    ]
    if wrong:
        faults.append(Fault(f"{len(wrong)} of the {key} have no id, the first at place {wrong[0] + 1}"))
    return entries


def _matrix(document: dict, shape: tuple[int, int], name: str) -> sparse.csr_array:
    """Build samples x features from sparse triplets or dense rows."""
    data, kind = document.get("data"), document.get("matrix_type")
    wrong = one_fault(
        ReadError,
        name,
        "the numbers are not as BIOM 1.0 writes them",
        where='"data"',
        expected="[row, column, number] for each, with rows and columns inside the table (or rows of "
        "numbers, dense)",
        remedy="write the file again with biom-format",
    )
    if not isinstance(data, list) or kind not in ("sparse", "dense"):
        raise wrong
    if not data:
        return sparse.csr_array((shape[1], shape[0]), dtype=np.float64)
    if set(map(type, data)) != {list} or not set(map(type, chain.from_iterable(data))) <= {int, float}:
        raise wrong  # before NumPy makes every cell as wide as the longest text
    try:
        values = np.array(data, dtype=np.float64)
    except (ValueError, OverflowError) as error:
        raise wrong from error
    if kind == "dense":
        if values.shape != shape:
            raise wrong
        return sparse.csr_array(values.T)
    if values.ndim != 2 or values.shape[1] != 3:
        raise wrong
    places = values[:, :2]
    inside = (places >= 0).all() and (places < np.array(shape)).all() and (places == np.floor(places)).all()
    if not inside:
        raise wrong
    features, samples = places.astype(np.int64).T
    return _without_repeats(values[:, 2], samples, features, (shape[1], shape[0]), name)


def _without_repeats(
    values: np.ndarray, samples: np.ndarray, features: np.ndarray, shape: tuple[int, int], name: str
) -> sparse.csr_array:
    cells = sparse.coo_array((values, (samples, features)), shape=shape)
    table = sparse.csr_array(cells)
    if table.nnz != len(values):
        raise one_fault(
            ReadError,
            name,
            f"{len(values) - table.nnz} cell(s) stand more than once",
            where='"data"',
            expected="each cell once",
            remedy="write the file again with biom-format",
        )
    return table


def _sample_metadata(metadata: list[object], sample_ids: list[str]) -> pd.DataFrame | None:
    entries = [entry if isinstance(entry, Mapping) else {} for entry in metadata]
    keys = dict.fromkeys(key for entry in entries for key in entry)
    if not keys:
        return None
    columns = {
        str(key): ["" if (value := entry.get(key)) is None else str(value) for entry in entries]
        for key in keys
    }
    return typed_frame(columns, sample_ids)
