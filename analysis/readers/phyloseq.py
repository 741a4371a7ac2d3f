"""R files: phyloseq objects (.rds, .rda, .RData) and plain count matrices, read through the package rdata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import ParameterError, ReadError, did_you_mean, listed, one_fault
from analysis.readers.delimited import Expected, ask_for_orientation, settle_orientation
from analysis.readers.metadata import metadata_frame
from analysis.readers.opening import Opened, raise_own
from analysis.readers.phylogeny import Phylogeny
from analysis.readers.raw import RawTable
from analysis.readers.robjects import RValue, parse_r
from analysis.taxonomy import taxonomy_from_columns

if TYPE_CHECKING:
    from collections.abc import Callable

_WRITE = "sep = '\\t', quote = FALSE, col.names = NA)"
_THEN = "then read_study('table.tsv', metadata='samples.tsv')"
_EXPORT = (
    f"in R: write.table(otu_table(x), 'table.tsv', {_WRITE}; "
    f"write.table(sample_data(x), 'samples.tsv', {_WRITE}; {_THEN}"
)
_EXPORT_MR = (
    f"in R: write.table(metagenomeSeq::MRcounts(x), 'table.tsv', {_WRITE}; "
    f"write.table(Biobase::pData(x), 'samples.tsv', {_WRITE}; {_THEN}"
)
_EXPORT_SE = (
    f"in R: write.table(assay(x), 'table.tsv', {_WRITE}; "
    f"write.table(colData(x), 'samples.tsv', {_WRITE}; {_THEN}"
)
_DROP_SEQUENCES = "in R, save it without them: x@refseq <- NULL; saveRDS(x, 'without_sequences.rds')"
_UNREADABLE = {  # class names that stand in the stream: found before rdata, slow on some of them, is asked
    b"MRexperiment": ("a metagenomeSeq object (MRexperiment)", _EXPORT_MR),
    b"DNAStringSet": ("reference sequences (a DNAStringSet)", _DROP_SEQUENCES),
    b"SummarizedExperiment": ("a SummarizedExperiment", _EXPORT_SE),
}


def read_r(opened: Opened, expected: Expected, label: str | None = None) -> RawTable:
    """Read a phyloseq object, or a matrix of counts, from a file that R saved.

    Parameters
    ----------
    opened : Opened
        A file of the kind "r".
    expected : Expected
        Tells the orientation of a plain matrix.
    label : str, optional
        Which object, where the file holds several tables.

    Returns
    -------
    RawTable
        Samples as rows whatever ``taxa_are_rows`` says, with sample data, taxonomy and tree.

    Raises
    ------
    ReadError
        Where the file is damaged, or holds objects that are not read here; the message says how to export
        them.
    ParameterError
        Where it holds several tables and none was chosen.
    """
    name = opened.name
    for marker, (what, remedy) in _UNREADABLE.items():
        if marker in opened.content:
            raise one_fault(
                ReadError, name, f"the R file holds {what}, which is not read here", remedy=remedy
            )
    try:
        objects = parse_r(opened.content)
        tables = {key: value for key, value in objects.items() if _reader_of(value)}
        chosen = _choose(tables, objects, label, name)
        raw = _reader_of(tables[chosen])(tables[chosen], opened, expected)  # type: ignore[misc]
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        NotImplementedError,
        RecursionError,
        TypeError,
        UnboundLocalError,  # a bug of rdata's, on references that it has not met yet
        ValueError,
    ) as error:
        raise_own(error)
        raise one_fault(
            ReadError,
            name,
            f"the R file is damaged or holds something that rdata cannot read: "
            f"{type(error).__name__} {str(error)[:200]}",
            remedy=f"export the table as text; {_EXPORT}",
        ) from error
    if len(tables) > 1:
        raw.notes.append(f"object {chosen!r} of {listed(tables)}")
    return raw


def _choose(tables: dict, objects: dict, label: str | None, name: str) -> str:
    if label is not None and set(tables) == {""}:
        raise one_fault(
            ParameterError,
            name,
            "this file holds one table only",
            where=f"label={label!r}",
            remedy="leave it out",
        )
    if label is not None and label not in tables:
        raise one_fault(
            ParameterError,
            name,
            f"there is no table {label!r} in the file",
            remedy=did_you_mean(label, list(tables)),
        )
    if not tables:
        kinds = [
            f"{key or 'the object'} ({', '.join(value.classes) or value.kind})"
            for key, value in objects.items()
        ]
        raise one_fault(
            ReadError,
            name,
            f"the R file holds no phyloseq object and no matrix of numbers: {listed(kinds, 8)}",
            expected="a phyloseq object, an otu_table or a matrix with row and column names",
            remedy=_EXPORT,
        )
    if label is None and len(tables) > 1:
        raise one_fault(
            ParameterError,
            name,
            f"the R file holds {len(tables)} tables: {listed(tables, 12)}",
            remedy=f"choose one: read_study(..., label={next(iter(tables))!r})",
        )
    return label if label is not None else next(iter(tables))


def _reader_of(value: RValue) -> Callable[[RValue, Opened, Expected], RawTable] | None:
    """Say what reads an object: a phyloseq, an otu_table, or a matrix of numbers."""
    if "phyloseq" in value.classes and "otu_table" in value.attributes:
        return _from_phyloseq
    if "otu_table" in value.classes:
        return _from_otu_table
    if value.is_number_matrix:
        return _from_matrix
    return None


def _from_otu_table(value: RValue, opened: Opened, expected: Expected) -> RawTable:
    if expected.orientation is not None:
        raise one_fault(
            ParameterError,
            opened.name,
            "the object says itself which are the samples (taxa_are_rows)",
            where=f"orientation={expected.orientation!r}",
            remedy="leave it out",
        )
    counts, row_ids, column_ids = value.matrix()
    raw = RawTable(sparse.csr_array(counts), row_ids, column_ids, opened.named("R otu_table"))
    return raw.transposed() if value.attributes["taxa_are_rows"].vector()[0] == "TRUE" else raw


def _from_matrix(value: RValue, opened: Opened, expected: Expected) -> RawTable:
    counts, row_ids, column_ids = value.matrix()
    orientation = settle_orientation(row_ids, column_ids, expected, opened.name)
    if orientation is None:
        raise ask_for_orientation(row_ids, column_ids, opened.name)
    raw = RawTable(sparse.csr_array(counts), row_ids, column_ids, opened.named("R matrix"))
    return raw if orientation == "samples_as_rows" else raw.transposed()


def _from_phyloseq(value: RValue, opened: Opened, expected: Expected) -> RawTable:
    parts = value.attributes
    raw = _from_otu_table(parts["otu_table"], opened, expected)
    raw.format = opened.named("R phyloseq")
    taxa, samples, tree = (parts.get(key) for key in ("tax_table", "sam_data", "phy_tree"))
    if taxa is not None and taxa.dim:
        ranks, feature_ids, names = taxa.matrix()
        frame = pd.DataFrame(ranks, index=feature_ids, columns=names).fillna("").astype(str)
        raw.taxonomy = taxonomy_from_columns(frame)
    if samples is not None and samples.names:
        raw.metadata = _sample_data(samples)
    if tree is not None and "edge" in tree.names:
        raw.phylogeny = _tree(tree)
    return raw


def _sample_data(value: RValue) -> pd.DataFrame:
    """Build metadata from a data frame; factors and logicals become text."""
    table = {}
    for name, column in zip(value.names, value.items(), strict=True):
        values = column.vector()
        if values.dtype == object:
            missing = np.array([v is None for v in values])
            values = np.where(missing, np.nan, values) if not missing.all() else np.full(len(values), np.nan)
        table[name] = values.astype(np.int64) if values.dtype.kind == "i" else values
    return metadata_frame(table, value.row_names(), [])


def _tree(value: RValue) -> Phylogeny:
    """Turn the edge matrix of ape (tips numbered first, then the root) into nodes after their parents."""
    parts = dict(zip(value.names, value.items(), strict=True))
    edges = np.asarray(parts["edge"].vector()).reshape(2, -1).astype(np.int64)
    tips = list(parts["tip.label"].vector())
    n = len(tips) + int(parts["Nnode"].vector()[0])
    if edges.shape[1] != n - 1 or edges.min() < 1 or edges.max() > n or len(set(edges[1].tolist())) != n - 1:
        message = "the edges of the tree contradict its numbers of tips and nodes"
        raise ValueError(message)
    inner = list(parts["node.label"].vector()) if "node.label" in parts else [None] * (n - len(tips))
    labels = [*tips, *(name or None for name in inner)]
    given = (
        np.asarray(parts["edge.length"].vector(), dtype=float)
        if "edge.length" in parts
        else np.full(n - 1, np.nan)
    )
    children: dict[int, list[int]] = {}
    length = np.full(n + 1, np.nan)
    for parent, child, branch in zip(*edges.tolist(), given, strict=True):
        children.setdefault(parent, []).append(child)
        length[child] = branch
    root = len(tips) + 1
    order, parents, stack = [], [], [(root, -1)]
    while stack:
        node, parent = stack.pop()
        parents.append(parent)
        stack += [(child, len(order)) for child in reversed(children.get(node, []))]
        order.append(node)
    if len(order) != n:
        message = "the edges of the tree do not reach every node"
        raise ValueError(message)
    return Phylogeny(np.array(parents), [labels[node - 1] for node in order], length[order])
