"""Taxonomies from files: QIIME 2 artifacts, tables of lineages, mothur .cons.taxonomy, a column a rank."""

from __future__ import annotations

import os

import pandas as pd

from analysis.errors import Fault, IdError, ReadError, TaxonomyError, listed, one_fault
from analysis.readers.archive import read_artifact
from analysis.readers.headings import LINEAGE_NAMES, RANK_NAMES, folded, lineage_place
from analysis.readers.metadata import id_texts
from analysis.readers.opening import Opened, open_file
from analysis.readers.raw import as_error, raise_together
from analysis.readers.text import Layout, lay_out, ragged_fault, remarks_note
from analysis.taxonomy import RANKS, find_rank, parse_lineage, taxonomy_from_columns, taxonomy_table
from analysis.validation import find_duplicates

_DOMAINS = {"bacteria", "archaea", "eukaryota", "eukarya", "fungi", "viruses", ""}


def read_taxonomy(path: str | os.PathLike[str], rank: str | None = None) -> pd.DataFrame:
    """Read the taxonomy of features.

    Parameters
    ----------
    path : str or path-like
        A .qza of type FeatureData[Taxonomy], a mothur .cons.taxonomy, or a text table with lineages (a column
        "Taxon" or "taxonomy", or two columns without heading) or with a column a rank. Compressed or not.
    rank : str, optional
        The rank of the names, where a file gives one name a feature instead of a lineage ("Family").

    Returns
    -------
    pandas.DataFrame, shape (n_features, 7)
        Indexed by feature id; the columns are the seven ranks, "" where a rank is unknown. Comments below the
        header are listed in ``.attrs["notes"]``.

    Raises
    ------
    ReadError, TaxonomyError, IdError
        Where the file is damaged or of another kind, has no lineages, or repeats an id.
    """
    return taxonomy_of_file(open_file(path), rank)


def taxonomy_of_file(opened: Opened, rank: str | None = None) -> pd.DataFrame:
    """Read a taxonomy from an opened file; see `read_taxonomy`."""
    content = opened.content
    if opened.kind == "zip":
        content = read_artifact(opened, "FeatureData[Taxonomy]").content
    elif opened.kind != "text":
        raise one_fault(
            ReadError,
            opened.name,
            "this is no taxonomy",
            expected="a .qza of type FeatureData[Taxonomy], a mothur .cons.taxonomy or a text table",
        )
    layout = lay_out(content, opened.name)
    if _is_headless(layout):
        layout = lay_out(content, opened.name, headless=True)
        layout.header = ["id", "taxonomy", *[""] * (len(layout.cells(layout.lines[0][1])) - 2)]
    faults: list[Fault] = []
    width = len(layout.header)
    rows = [(number, layout.cells(line)) for number, line in layout.lines]
    other = [(number, len(cells)) for number, cells in rows if len(cells) != width]
    remarks = {number for number, line in layout.lines if line.startswith("#")}
    wrong = [(number, length) for number, length in other if number not in remarks]
    notes = remarks_note([number for number, _ in other if number in remarks])
    if wrong:
        faults.append(ragged_fault(wrong, width))
    kept = [[cell.strip() for cell in cells] for _, cells in rows if len(cells) == width]
    ids = [cells[0] for cells in kept]
    errors = as_error(opened.name, faults, TaxonomyError) + as_error(opened.name, _id_faults(ids), IdError)
    raise_together(opened.name, errors)
    place = lineage_place(layout.header)
    if place is not None:
        table = _from_lineages([cells[place] for cells in kept], ids, rank, opened.name)
    else:
        table = _from_ranks(pd.DataFrame(kept, columns=layout.header, index=ids), opened.name)
    table.attrs["notes"] = notes
    return table


def taxonomy_from_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Bring a data frame, with a column of lineages or a column a rank, to the seven ranks."""
    subject = "taxonomy"
    ids = id_texts(frame.index)
    raise_together(subject, as_error(subject, _id_faults(ids), IdError))
    lineage = next((c for c in frame.columns if folded(c) in LINEAGE_NAMES), None)
    if lineage is not None:
        return _from_lineages(["" if pd.isna(v) else str(v) for v in frame[lineage]], ids, None, subject)
    return _from_ranks(frame.set_axis(ids, axis=0).fillna("").astype(str), subject)


def _from_lineages(lineages: list[str], ids: list[str], rank: str | None, subject: str) -> pd.DataFrame:
    """Parse lineages; names without a lineage go to the rank that the caller named."""
    table = taxonomy_table(lineages, ids)
    ranked = any(mark in lineage for lineage in lineages for mark in (";", "|", "__"))
    if ranked or set(table["Domain"].str.casefold()) <= _DOMAINS:
        return table
    if rank is None:
        raise one_fault(
            TaxonomyError,
            subject,
            f"each feature has one name and no lineage: {listed(dict.fromkeys(lineages), 3)}",
            expected="lineages such as 'Bacteria;Firmicutes;Clostridia'",
            remedy="say the rank of the names: taxonomy=readers.read_taxonomy(path, rank='Family')",
        )
    rank = find_rank(rank)
    names = [parse_lineage(lineage)[0] for lineage in lineages]
    return table.assign(**{"Domain": "", rank: names}).astype(str)


def _from_ranks(frame: pd.DataFrame, subject: str) -> pd.DataFrame:
    if not any(folded(column) in RANK_NAMES for column in frame.columns):
        raise one_fault(
            TaxonomyError,
            subject,
            f"no column holds lineages or a rank: {listed(frame.columns, 12)}",
            expected=f"a column 'Taxon' or 'taxonomy', or columns named {', '.join(RANKS)}",
            remedy="rename the columns",
        )
    return taxonomy_from_columns(frame)


def _is_headless(layout: Layout) -> bool:
    """Say whether what was taken for the header is a feature's own lineage."""
    second = layout.header[1] if len(layout.header) > 1 else ""
    return ";" in second and folded(second) not in LINEAGE_NAMES


def _id_faults(ids: list[str]) -> list[Fault]:
    repeated = find_duplicates(ids)
    if not repeated:
        return []
    return [
        Fault(
            f"{len(repeated)} feature id(s) stand more than once: {listed(repeated)}",
            expected="one lineage for each feature",
            remedy="keep one row for each",
        )
    ]
