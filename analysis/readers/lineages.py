"""Taxonomies from files: QIIME 2 artifacts, tables of lineages, mothur .cons.taxonomy, a column a rank."""

from __future__ import annotations

import os
import re

import pandas as pd

from analysis.errors import Fault, IdError, ReadError, TaxonomyError, listed, one_fault
from analysis.readers.archive import read_artifact
from analysis.readers.headings import LINEAGE_NAMES, RANK_NAMES, folded, lineage_place
from analysis.readers.metadata import id_texts
from analysis.readers.opening import Opened, open_file
from analysis.readers.raw import as_error, raise_together
from analysis.readers.text import Layout, lay_out, ragged_fault, remarks_note, to_number
from analysis.taxonomy import RANKS, find_rank, parse_lineage, taxonomy_from_columns, taxonomy_table
from analysis.validation import find_duplicates

RDP_RANKS: dict[str, str | None] = {rank.casefold(): rank for rank in RANKS} | {
    "kingdom": "Domain",
    **dict.fromkeys(
        ("rootrank", "norank", "subclass", "suborder", "subfamily", "subphylum", "superorder", "strain")
    ),
}
_PREFIXED = re.compile(r"[dk]__|D_0__")
_SINTAX = re.compile(r"[dk]:[^,:]+(?:,[pcofgs]:|$)")
_DOMAINS = {"bacteria", "archaea", "eukaryota", "eukarya", "fungi", "viruses", ""}


def read_taxonomy(path: str | os.PathLike[str], rank: str | None = None) -> pd.DataFrame:
    r"""Read the taxonomy of features.

    Parameters
    ----------
    path : str or path-like
        A .qza of type FeatureData[Taxonomy], a mothur .cons.taxonomy, or a text table with lineages (a column
        "Taxon" or "taxonomy", or two columns without heading) or with a column a rank, or what the RDP
        Classifier writes as fixrank or allrank, or SINTAX as tabbedout. Compressed or not.
    rank : str, optional
        The rank of the names, where a file gives one name a feature instead of a lineage ("Family").

    Returns
    -------
    pandas.DataFrame, shape (n_features, 7)
        Indexed by feature id; the columns are the seven ranks, "" where a rank is unknown. Names are taken
        whatever the classifier's confidence in them: filter beforehand. Comments below the header are listed
        in ``.attrs["notes"]``.

    Raises
    ------
    ReadError, TaxonomyError, IdError
        Where the file is damaged or of another kind, has no lineages, or repeats an id.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import analysis as an
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "taxonomy.csv")
    ...     _ = path.write_text("id,Taxon\nf1,k__Bacteria; p__Firmicutes\n", encoding="utf-8")
    ...     found = an.readers.read_taxonomy(path)
    >>> found.loc["f1", ["Domain", "Phylum", "Class"]].tolist()
    ['Bacteria', 'Firmicutes', '']
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
    if _is_fixed_rank(layout):
        return _from_fixed_ranks(content, opened.name)
    if _is_headless(layout):
        layout = lay_out(content, opened.name, headless=True)
        if not layout.lines:
            raise one_fault(
                TaxonomyError,
                opened.name,
                "all lines begin with '#', so that all are comments",
                expected="a lineage for each feature",
                remedy="take the '#' off the lines that are none",
            )
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
        texts = [_from_sintax(cells[place]) for cells in kept]
        table = _from_lineages(texts, ids, rank, opened.name)
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


def _is_fixed_rank(layout: Layout) -> bool:
    """Say whether lines are the RDP Classifier's: an id, its strand, and names with rank and confidence."""
    first = [layout.header] + [layout.cells(line) for _, line in layout.lines[:1]]
    return any(_assigned(_triplets(cells)) for cells in first)


def _assigned(triplets: list[tuple[str, str, str]]) -> bool:
    """Say whether there are names, each with a rank and a confidence."""
    return bool(triplets) and all(
        folded(rank) in RDP_RANKS and to_number(score) is not None for _, rank, score in triplets
    )


def _triplets(cells: list[str]) -> list[tuple[str, str, str]]:
    """Cut the cells behind id and strand into names, ranks and confidences; none where they are no such."""
    given = [cell.strip().strip('"') for cell in cells[1:]]
    while given and given[-1] == "":
        given.pop()
    if given and given[0] in ("", "-", "+"):  # the strand; some versions leave it out
        given = given[1:]
    if not given or len(given) % 3:
        return []
    return list(zip(given[::3], given[1::3], given[2::3], strict=True))


def _from_fixed_ranks(content: bytes, subject: str) -> pd.DataFrame:
    """Read the RDP Classifier's assignments; ranks beside the seven (suborder, subclass) are left aside."""
    layout = lay_out(content, subject, headless=True)
    wrong, rows, ids = [], [], []
    for number, line in layout.lines:
        cells = layout.cells(line)
        triplets = _triplets(cells)
        if not _assigned(triplets):
            wrong.append(number)
            continue
        ids.append(cells[0].strip())
        found = {RDP_RANKS[folded(rank)]: name for name, rank, _ in triplets}
        rows.append([found.get(rank, "") for rank in RANKS])
    faults = []
    if wrong:
        faults.append(
            Fault(
                f"{len(wrong)} line(s) are cut off or of another kind: line(s) {listed(wrong)}",
                expected="id, strand, and then a name, a rank and a confidence for each rank, between tabs",
                remedy="run the classifier again with --format fixrank or allrank",
            )
        )
    raise_together(
        subject, as_error(subject, faults, TaxonomyError) + as_error(subject, _id_faults(ids), IdError)
    )
    table = taxonomy_from_columns(pd.DataFrame(rows, columns=list(RANKS), index=ids))
    notes = [f"comment in line {number}: {line.strip('# ')}" for number, line in layout.comments]
    table.attrs["notes"] = [
        *notes,
        "all names were taken, whatever the RDP Classifier's confidence in them",
    ]
    return table


def _is_headless(layout: Layout) -> bool:
    """Say whether what was taken for the header is a feature's own lineage."""
    second = layout.header[1] if len(layout.header) > 1 else ""
    if folded(second) in LINEAGE_NAMES:
        return False
    return ";" in second or bool(_PREFIXED.match(second) or _SINTAX.match(second))


def _from_sintax(text: str) -> str:
    """Write a SINTAX lineage, "d:Bacteria(1.00),p:Firmicutes(0.98)", with prefixes and semicolons."""
    if not _SINTAX.match(text):
        return text
    return ";".join(re.sub(r"^([a-z]):", r"\1__", part) for part in text.split(","))


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
