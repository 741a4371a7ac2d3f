"""What distances and the columns beside them must be before anything is tested on them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError, Faults, IdError, MetadataError, did_you_mean, listed, one_fault
from analysis.selection import find_gaps
from analysis.validation import check_ids

_ASYMMETRY = 1e-8  # of the largest distance


class DistanceError(AnalysisError):
    """A distance matrix is not square, symmetric, finite, non-negative or zero on its diagonal."""


def is_number(values: pd.Series) -> bool:
    """Say whether a column enters a model as a slope: numbers do, booleans and text are categories."""
    return bool(pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values))


def align(
    distances: Any, metadata: pd.DataFrame, given: dict[str, Any], subject: str
) -> tuple[np.ndarray, dict[str, pd.Series]]:
    """Check distances and metadata, and bring both into the order of the sample ids.

    Parameters
    ----------
    distances : skbio.DistanceMatrix, pandas.DataFrame or numpy.ndarray, shape (n_samples, n_samples)
        An array takes its ids from the rows of the metadata.
    metadata : pandas.DataFrame
        Indexed by sample id; rows without distances are not looked at.
    given : dict
        For each role (an argument's name) a column's name, or a value for each row of the metadata.
    subject : str
        The call, for the messages.

    Returns
    -------
    matrix : numpy.ndarray of float64, shape (n_samples, n_samples)
        Distances.
    columns : dict of str to pandas.Series
        For each role its values, without gaps.

    Raises
    ------
    DistanceError
        Where the matrix is not one of distances.
    IdError
        Where ids are repeated, or samples with distances have no metadata.
    MetadataError
        Where columns do not exist or lack values; all faults at once.
    """
    matrix, ids = _read_distances(distances)
    rows = pd.Index(metadata.index.astype(str), name=metadata.index.name)
    faults = Faults(subject, IdError)
    if ids is None:
        ids = rows
        if len(rows) != len(matrix):
            faults.add(
                f"{len(matrix)} samples have distances, {len(rows)} have metadata",
                expected="as many, in the same order, where the distances carry no ids",
                remedy="give a DistanceMatrix or DataFrame with ids",
            )
    check_ids(ids, "sample", faults)
    if not faults:
        check_ids(rows, "metadata", faults)
    missing = ids[~ids.isin(rows)]
    if len(missing) and not faults:
        faults.add(
            f"{len(missing)} of {len(ids)} samples with distances have no row in the metadata: "
            f"{listed(missing)}",
            remedy=f"add them, or filter the distances; {did_you_mean(missing[0], rows)}",
        )
    faults.raise_if_any()
    order = np.argsort(ids.to_numpy(dtype=object))
    faults = Faults(subject, MetadataError)
    at = rows.get_indexer(ids[order])
    columns = {role: _column(role, one, metadata, at, faults) for role, one in given.items()}
    faults.raise_if_any()
    return np.ascontiguousarray(matrix[np.ix_(order, order)]), columns


def _read_distances(distances: Any) -> tuple[np.ndarray, pd.Index | None]:
    faults = Faults("distances", DistanceError)
    ids = None
    values = distances
    if isinstance(distances, pd.DataFrame):
        ids = pd.Index(distances.index.astype(str))
        if not ids.equals(pd.Index(distances.columns.astype(str))):
            faults.add("rows and columns carry different ids", expected="the same ids in the same order")
    elif hasattr(distances, "ids"):
        ids = pd.Index([str(one) for one in distances.ids])
        values = distances.redundant_form() if hasattr(distances, "redundant_form") else distances.data
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise one_fault(
            DistanceError,
            "distances",
            f"a {type(distances).__name__} that holds no numbers",
            expected="distances",
        ) from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        faults.add(f"an array of shape {matrix.shape}", expected="a square matrix, samples x samples")
        faults.raise_if_any()
    names = range(len(matrix)) if ids is None else ids
    _check_numbers(matrix, names, faults)
    faults.raise_if_any()
    return matrix, ids


def _check_numbers(matrix: np.ndarray, names: Sequence[object], faults: Faults) -> None:
    def add(bad: np.ndarray, what: str, expected: str) -> None:
        if bad.any():
            row, column = np.argwhere(bad)[0]
            faults.add(
                f"{int(bad.sum())} entries are {what}",
                where=f"first at '{names[row]}', '{names[column]}' ({matrix[row, column]:g})",
                expected=expected,
            )

    finite = np.isfinite(matrix)
    add(~finite, "missing or infinite", "a finite distance for every pair")
    if not finite.all():
        return
    add(matrix < 0, "negative", "distances of 0 or more")
    tolerance = _ASYMMETRY * np.abs(matrix).max(initial=0)
    add(np.abs(matrix - matrix.T) > tolerance, "not the same both ways", "a symmetric matrix")
    add(np.diag(np.abs(np.diag(matrix)) > tolerance), "not 0 on the diagonal", "0 from a sample to itself")
    if not matrix.any():
        faults.add("all distances are 0", expected="samples that differ")


def _column(role: str, given: Any, metadata: pd.DataFrame, at: np.ndarray, faults: Faults) -> pd.Series:
    """Find a column, or make one of values, for the samples at these rows of the metadata."""
    where = f"{role.split(maxsplit=1)[0]}="
    if not isinstance(given, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        try:
            given = given if isinstance(given, str | Hashable) else np.asarray(given)
        except ValueError:  # lists of unequal length
            faults.add(
                f"a {type(given).__name__} of lists", where=where, expected="a column's name, or one column"
            )
            return pd.Series(dtype=object)
    if np.ndim(given) == 0:
        if not isinstance(given, Hashable) or given not in metadata.columns:
            faults.add(
                f"there is no column {given!r}",
                where=where,
                remedy=did_you_mean(given, list(metadata.columns)),
            )
            return pd.Series(dtype=object)
        column = metadata[given]
    elif np.ndim(given) > 1:
        faults.add(
            f"a table of shape {np.shape(given)}", where=where, expected="a column's name, or one column"
        )
        return pd.Series(dtype=object)
    else:
        column = given if isinstance(given, pd.Series) else pd.Series(np.asarray(given), name=role)
        column = column if column.name is not None else column.rename(role)
        if len(column) != len(metadata):
            faults.add(f"{len(column)} values", where=where, expected=f"one for each of {len(metadata)} rows")
            return column
        if not isinstance(given, pd.Series):
            column.index = metadata.index
        elif not (column.index.is_unique and column.index.isin(metadata.index).all()):
            faults.add("the index is not that of the metadata", where=where, expected="a value a sample id")
            return column
        column = column.reindex(metadata.index)
    column = column.iloc[at]
    missing = column.index[find_gaps(column)]
    if len(missing):
        faults.add(
            f"{len(missing)} of {len(column)} samples have no {str(column.name)!r}: {listed(missing)}",
            where=where,
            expected="a value for every sample",
            remedy="fill them in, or leave these samples out of the distances",
        )
    elif pd.api.types.is_numeric_dtype(column) and not np.isfinite(column.to_numpy(dtype=float)).all():
        faults.add(f"{str(column.name)!r} has infinite values", where=where, expected="finite numbers")
    return column
