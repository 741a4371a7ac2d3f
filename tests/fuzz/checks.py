"""What must hold for whatever a reader returns, however its file was damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError, ReadError
from analysis.study import Study
from analysis.taxonomy import RANKS


def check_result(result: object) -> None:
    """Raise `AssertionError` where the result of a reader is not what it promises."""
    from skbio import DistanceMatrix, TreeNode

    assert result is not None
    if isinstance(result, Study):
        check_study(result)
    elif isinstance(result, DistanceMatrix):
        values = np.asarray(result.data)
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert (values == values.T).all()
        assert len(set(result.ids)) == len(result.ids) > 0
    elif isinstance(result, TreeNode):
        check_tree(result)
    elif isinstance(result, pd.Series):
        assert result.dtype == np.float64
        assert result.index.is_unique
        check_texts(result.index)
    elif isinstance(result, pd.DataFrame):
        check_texts(result.index)
        assert result.index.is_unique
        assert result.columns.is_unique
        if list(result.columns) == list(RANKS):
            check_texts(result.to_numpy().ravel())


def check_study(study: Study) -> None:
    """Hold a study to what it says of itself, and to what it checks when it is made anew."""
    counts = study.counts
    assert counts.shape == (len(study.sample_ids), len(study.feature_ids)) == study.shape
    assert min(counts.shape) > 0
    assert counts.dtype == (np.int64 if study.kind == "counts" else np.float64)
    assert (counts.data > 0).all()
    assert np.isfinite(counts.data).all()
    assert counts.indptr[0] == 0
    assert counts.indptr[-1] == len(counts.indices) == len(counts.data)
    assert (np.diff(counts.indptr) >= 0).all()
    assert len(counts.indices) == 0 or 0 <= counts.indices.min() <= counts.indices.max() < counts.shape[1]
    assert counts.has_canonical_format
    for ids in (study.sample_ids, study.feature_ids):
        assert ids.is_unique
        check_texts(ids)
        assert all(name.strip() for name in ids)
    assert study.metadata.index.equals(study.sample_ids)
    assert study.metadata.columns.is_unique
    if study.taxonomy is not None:
        assert study.taxonomy.index.equals(study.feature_ids)
        assert list(study.taxonomy.columns) == list(RANKS)
        check_texts(study.taxonomy.to_numpy().ravel())
    if study.tree is not None:
        check_tree(study.tree)
        assert set(study.feature_ids) <= {tip.name for tip in study.tree.tips()}
    again = replace(study)  # every check of `Study` runs once more
    assert again.kind == study.kind
    assert (again.counts != counts).nnz == 0
    assert study.source.format
    assert repr(study)


def check_tree(tree: object) -> None:
    """Check that lengths are numbers and every node is linked both ways."""
    nodes = list(tree.preorder())
    assert len(nodes) > 1
    assert all(node.length is None or np.isfinite(node.length) for node in nodes)
    assert all(child.parent is node for node in nodes for child in node.children)


def check_texts(values: object) -> None:
    """Check that ids and names are texts that can be written to a file."""
    for value in values:
        assert isinstance(value, str)
        value.encode("utf-8")


def refused(
    read: Callable[[Path], object], path: Path, content: bytes, error: type[AnalysisError] = ReadError
) -> str:
    """Write and read a file that must be refused; return the message."""
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read(path)
    return str(caught.value)
