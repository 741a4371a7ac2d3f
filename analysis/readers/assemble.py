"""`read_study`: a table, its metadata, its taxonomy and its tree, from files to one `Study`."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import Faults, IdError, ParameterError, TableError
from analysis.readers.delimited import Expected, Orientation
from analysis.readers.formats import read_table
from analysis.readers.lineages import taxonomy_from_frame, taxonomy_of_file
from analysis.readers.matching import Matched, check_drop, match_depths, match_features, match_samples
from analysis.readers.metadata import MetadataText, metadata_from_frame, metadata_of
from analysis.readers.opening import open_file
from analysis.readers.phylogeny import Phylogeny, fit_tree, phylogeny_from_skbio
from analysis.readers.raw import RawTable, as_error, raise_together
from analysis.readers.tree import phylogeny_of
from analysis.source import Source, SourceFile
from analysis.study import Study
from analysis.taxonomy import RANKS
from analysis.validation import check_abundances, check_ids, warn_if_scaled

if TYPE_CHECKING:
    from skbio import TreeNode

Pathlike = str | os.PathLike[str]


def read_study(
    path: Pathlike,
    metadata: Pathlike | pd.DataFrame | None = None,
    taxonomy: Pathlike | pd.DataFrame | None = None,
    tree: Pathlike | TreeNode | None = None,
    *,
    orientation: Orientation | None = None,
    drop: str | Collection[str] = (),
    id_column: str | None = None,
    label: str | None = None,
) -> Study:
    r"""Read an abundance table with what belongs to it; the format is found by content, not by name.

    Parameters
    ----------
    path : str or path-like
        The table: BIOM 1.0 (JSON) or 2.1 (HDF5), a classic QIIME table, TSV or CSV (also with semicolons,
        decimal commas or Latin-1), a QIIME 2 .qza, a mothur .shared, or a phyloseq object in .rds or .rda.
        Compressed or not.
    metadata : path or pandas.DataFrame, optional
        One row a sample, in any order. Without it, what the table's own file says about the samples.
    taxonomy : path or pandas.DataFrame, optional
        A lineage or a column a rank for each feature; lineages of other features are left aside. Without it,
        what the table's own file says.
    tree : path or skbio.TreeNode, optional
        A phylogeny whose tips are the features; a larger one is cut down to them.
    orientation : {"samples_as_rows", "features_as_rows"}, optional
        For text tables (and matrices in R files) in which nothing tells which is which.
    drop : str or collection of str
        What may be left out: "unmatched_samples" (without metadata, or metadata without a sample),
        "empty_samples" (no reads), "unmatched_features" (absent from the taxonomy or the tree). What goes is
        noted in ``study.source.notes``.
    id_column : str, optional
        The metadata column of sample ids, where it is not the first nor called "sample-id".
    label : str, optional
        Which of several tables in one file: a mothur label, or the name of an R object.

    Returns
    -------
    Study
        The samples in the table's order. ``source`` holds the format, the reader, checksums and notes.

    Raises
    ------
    ReadError
        Where a file is missing, damaged, unsafe, or not of a kind that is read here.
    TableError, IdError, MetadataError, TaxonomyError, TreeError
        Where the content is wrong or the parts do not fit. All faults of a file come in one error, which is
        of their common base `AnalysisError` where they differ in kind.
    ParameterError
        Where an argument is misspelled or missing.

    Warns
    -----
    ScaledCountsWarning
        Where whole numbers look like fractions that were scaled to a constant sum.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import analysis as an
    >>> with TemporaryDirectory() as folder:
    ...     table = Path(folder, "table.tsv")
    ...     _ = table.write_text("#OTU ID\ts1\ts2\na\t5\t0\nb\t1\t7\n")
    ...     study = an.read_study(table)
    >>> study.shape, study.source.format
    ((2, 2), 'QIIME classic table')
    """
    _check_kinds(path, metadata, taxonomy, tree)
    opened = open_file(path)
    allowed = check_drop(drop, opened.name)
    files = [SourceFile("table", opened.path, opened.sha256)]
    described = None if metadata is None else _Described(metadata, id_column, files)
    known = () if described is None else described.possible_ids()
    raw, reader = read_table(opened, Expected(orientation, known), label)
    counts = _checked(raw, opened.name)
    samples = pd.Index(raw.sample_ids, dtype=object)
    features = pd.Index(raw.feature_ids, dtype=object)
    frame = raw.metadata if described is None else described.frame(samples)
    lineages = _taxonomy(taxonomy, raw, files)
    phylogeny, tree_name = _phylogeny(tree, raw, files)

    matched, reads = Matched.everything(counts.shape), counts.sum(axis=0)
    if frame is not None:
        hint = "" if described is None else described.hint(samples, frame.index)
        match_samples(matched, samples, frame.index, allowed, opened.name, hint)
    match_depths(matched, counts.sum(axis=1), samples, allowed, opened.name)
    if lineages is not None:
        match_features(matched, reads, features, lineages.index, "taxonomy", allowed, opened.name)
    fitted = None
    if phylogeny is not None:
        fitted = fit_tree(phylogeny, raw.feature_ids, tree_name)
        match_features(matched, reads, features, fitted.tip_ids, "tree", allowed, opened.name)
        matched.notes += fitted.notes
    raise_together(opened.name, matched.errors)

    kept_samples, kept_features = samples[matched.samples], features[matched.features]
    parts = [part for part in (frame, lineages) if part is not None]
    notes = [*raw.notes, *(note for part in parts for note in part.attrs.get("notes", [])), *matched.notes]
    study = Study(
        matched.cut(counts),
        kept_samples,
        kept_features,
        None if frame is None else _in_order(frame, kept_samples),
        None if lineages is None else _in_order(lineages, kept_features),
        None if fitted is None else fitted.cut_to(kept_features).to_skbio(),
        Source(opened.name, raw.format, reader, tuple(files), notes=tuple(notes)),
    )
    if study.kind == "counts":
        warn_if_scaled(study.counts, opened.name)
    return study


def _check_kinds(path: object, metadata: object, taxonomy: object, tree: object) -> None:
    """Raise `ParameterError` for parts that are neither a path nor what is accepted in its place."""
    faults = Faults("read_study", ParameterError)
    given = {"path": path, "metadata": metadata, "taxonomy": taxonomy, "tree": tree}
    for part, value in given.items():
        in_memory = {"metadata": "pandas.DataFrame", "taxonomy": "pandas.DataFrame", "tree": "skbio.TreeNode"}
        if isinstance(value, str | os.PathLike):
            text = os.fspath(value)
            if not text:
                faults.add("the path is empty", where=f"{part}=", expected="the path of a file")
            elif re.match(r"[a-z]+://", str(text), re.IGNORECASE):
                faults.add(
                    f"this is an address on the web: {text}",
                    where=f"{part}=",
                    expected="the path of a file",
                    remedy="download the file and give its path",
                )
        elif not (
            (value is None and part != "path")
            or (part in ("metadata", "taxonomy") and isinstance(value, pd.DataFrame))
            or (part == "tree" and hasattr(value, "preorder"))
        ):
            other = f" or a {in_memory[part]}" if part in in_memory else ""
            faults.add(
                f"a {type(value).__name__} is not accepted",
                where=f"{part}=",
                expected=f"the path of a file{other}",
                remedy="Study.from_frame makes a study of a data frame" if part == "path" else "",
            )
    faults.raise_if_any()


class _Described:
    """The metadata that the caller gave: a file or a data frame."""

    def __init__(
        self, given: Pathlike | pd.DataFrame, id_column: str | None, files: list[SourceFile]
    ) -> None:
        self.id_column = id_column
        self.table: pd.DataFrame | MetadataText
        if isinstance(given, pd.DataFrame):
            self.table = given
        else:
            opened = open_file(given)
            files.append(SourceFile("metadata", opened.path, opened.sha256))
            self.table = metadata_of(opened)

    def possible_ids(self) -> Collection[str]:
        """Return what may be sample ids, to tell rows from columns before the table is read."""
        if isinstance(self.table, MetadataText):
            return self.table.possible_ids(self.id_column)
        return metadata_from_frame(self.table, self.id_column).index

    def frame(self, sample_ids: pd.Index) -> pd.DataFrame:
        """Return the metadata, indexed by the column that holds most of the table's ids."""
        if isinstance(self.table, MetadataText):
            return self.table.frame(self.id_column, sample_ids)
        return metadata_from_frame(self.table, self.id_column, sample_ids)

    def hint(self, sample_ids: pd.Index, found: pd.Index) -> str:
        """Name a better column of ids, where the one in use holds fewer of the table's."""
        if self.id_column is not None or not isinstance(self.table, MetadataText):
            return ""
        better, matching = self.table.best_match(sample_ids)
        if matching <= sample_ids.isin(found).sum():
            return ""
        return f"column {better!r} holds {matching} of the table's sample ids: say id_column={better!r}"


def _checked(raw: RawTable, subject: str) -> sparse.csr_array:
    """Return clean numbers, or raise everything that is wrong with the table's own file at once."""
    ids = Faults(subject, IdError)
    check_ids(raw.sample_ids, "sample", ids)
    check_ids(raw.feature_ids, "feature", ids)
    errors = as_error(subject, raw.faults) + as_error(subject, ids.found, IdError)
    counts = raw.counts
    try:
        counts, _ = check_abundances(raw.counts, raw.sample_ids, raw.feature_ids, subject)
    except TableError as error:
        errors.append(error)
    raise_together(subject, errors)
    return counts


def _taxonomy(
    given: Pathlike | pd.DataFrame | None, raw: RawTable, files: list[SourceFile]
) -> pd.DataFrame | None:
    if given is None:
        return raw.taxonomy
    if isinstance(given, pd.DataFrame):
        return taxonomy_from_frame(given)
    opened = open_file(given)
    files.append(SourceFile("taxonomy", opened.path, opened.sha256))
    is_rank = str(raw.label).casefold() in {rank.casefold() for rank in RANKS}
    return taxonomy_of_file(opened, raw.label if is_rank else None)


def _phylogeny(
    given: Pathlike | TreeNode | None, raw: RawTable, files: list[SourceFile]
) -> tuple[Phylogeny | None, str]:
    if given is None:
        return raw.phylogeny, "tree"
    if not isinstance(given, str | os.PathLike):
        return phylogeny_from_skbio(given), "tree"
    opened = open_file(given)
    files.append(SourceFile("tree", opened.path, opened.sha256))
    return phylogeny_of(opened), opened.name


def _in_order(frame: pd.DataFrame, ids: Sequence[str] | np.ndarray | pd.Index) -> pd.DataFrame:
    ordered = frame.loc[ids]
    ordered.attrs = {}
    return ordered
