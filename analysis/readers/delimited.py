"""Classic QIIME tables and plain TSV or CSV tables of abundances."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.errors import Fault, ParameterError, ReadError, did_you_mean, listed, one_fault
from analysis.readers.headings import FEATURE_NAMES, folded, is_sample_heading, lineage_place, rank_places
from analysis.readers.mistaken import (
    refuse_distances,
    refuse_headless,
    refuse_other_tables,
    refuse_phylip,
    refuse_prose,
)
from analysis.readers.numbers import read_numbers
from analysis.readers.opening import Opened
from analysis.readers.raw import RawTable
from analysis.readers.text import Layout, lay_out
from analysis.taxonomy import taxonomy_from_columns, taxonomy_table

Orientation = Literal["samples_as_rows", "features_as_rows"]
ORIENTATIONS = ("samples_as_rows", "features_as_rows")

_NAMED = 5


@dataclass(frozen=True)
class Expected:
    """What the caller of `read_study` knows about a text table.

    Attributes
    ----------
    orientation : str or None
        "samples_as_rows", "features_as_rows", or None to find out.
    sample_ids : collection of str
        The ids of the metadata, which tell rows from columns; empty where there is none.
    """

    orientation: str | None = None
    sample_ids: Collection[str] = ()


def read_delimited(opened: Opened, expected: Expected) -> RawTable:
    """Read a table of abundances from text.

    Parameters
    ----------
    opened : Opened
        The file.
    expected : Expected
        The orientation, or the sample ids that tell it.

    Returns
    -------
    RawTable
        Samples as rows, with the taxonomy column where there is one.

    Raises
    ------
    ReadError
        Where the text is something else (metadata, distances, a MetaPhlAn profile, sequences), or nothing
        tells whether samples are rows or columns.
    """
    refuse_phylip(opened.content, opened.name)
    layout = lay_out(opened.content, opened.name)
    refuse_other_tables(layout, opened.name)
    lineages = lineage_place(layout.header)
    nameless = {k for k in range(1, len(layout.header)) if layout.header[k] == ""}
    ranks = [] if lineages else rank_places(layout.header)
    has_lineages = bool(lineages or ranks)
    aside = [k for k, name in enumerate(layout.header) if k and has_lineages and folded(name) == "confidence"]
    text_columns = sorted({0, *nameless, *ranks, *aside} | ({lineages} if lineages else set()))
    grid = read_numbers(layout, text_columns)
    refuse_headless(layout, grid, opened.name)
    refuse_distances(grid, opened.name)
    refuse_prose(grid, opened.name)
    rows, names = grid.text[0], grid.columns
    classic = bool(layout.comments) or layout.header[0].startswith("#") or has_lineages
    raw = RawTable(
        grid.values,
        rows,
        names,
        opened.named("QIIME classic table" if classic else "text table"),
        faults=grid.faults,
        notes=[*layout.notes, *grid.notes],
    )
    unnamed = [k for k, cells in zip(text_columns, grid.text, strict=True) if k in nameless and any(cells)]
    if unnamed:
        places = ", ".join(str(k + 1) for k in unnamed[:_NAMED])
        raw.faults.append(Fault("a name is missing in the header", where=f"column(s) {places}"))
    if aside:
        raw.notes.append("the column of the lineages' confidence was left aside")
    orientation = _orientation(layout, raw, expected, has_lineages, opened.name)
    if orientation == "features_as_rows":
        raw = raw.transposed()
        if lineages is not None:
            raw.taxonomy = taxonomy_table(grid.text[text_columns.index(lineages)], rows)
        elif ranks:
            columns = {layout.header[k]: grid.text[text_columns.index(k)] for k in ranks}
            raw.taxonomy = taxonomy_from_columns(pd.DataFrame(columns, index=rows))
    return raw


def settle_orientation(
    row_ids: Collection[str], column_ids: Collection[str], expected: Expected, subject: str
) -> Orientation | None:
    """Find the orientation from what the caller said or from the sample ids; None where neither tells.

    Raises
    ------
    ParameterError
        Where `orientation` is misspelled.
    """
    if expected.orientation is not None:
        if expected.orientation not in ORIENTATIONS:
            raise one_fault(
                ParameterError,
                subject,
                f"orientation={expected.orientation!r} is not known",
                remedy=did_you_mean(expected.orientation, ORIENTATIONS),
            )
        return expected.orientation  # type: ignore[return-value]
    known = set(expected.sample_ids)
    in_rows, in_columns = len(known.intersection(row_ids)), len(known.intersection(column_ids))
    if in_rows == in_columns:
        return None
    return "samples_as_rows" if in_rows > in_columns else "features_as_rows"


def ask_for_orientation(row_ids: list[str], column_ids: list[str], subject: str) -> ReadError:
    """Build the error that asks the user which way round a table is."""
    return one_fault(
        ReadError,
        subject,
        f"nothing in the file tells samples from features: {len(row_ids)} rows ({listed(row_ids, 3)}) and "
        f"{len(column_ids)} columns ({listed(column_ids, 3)})",
        expected="metadata whose ids are the rows or the columns, or a first heading such as '#OTU ID'",
        remedy="give metadata=, or say orientation='samples_as_rows' or orientation='features_as_rows'",
    )


def _orientation(
    layout: Layout, raw: RawTable, expected: Expected, has_lineages: bool, subject: str
) -> Orientation:
    rows, columns = raw.sample_ids, raw.feature_ids
    settled = settle_orientation(rows, columns, expected, subject)
    if settled == "samples_as_rows" and has_lineages:
        raise one_fault(
            ParameterError,
            subject,
            "the rows have lineages, and samples have none",
            expected="orientation='features_as_rows'",
            remedy="leave the argument out; or check that the metadata's ids are those of samples",
        )
    heading = layout.header[0]
    if settled == "samples_as_rows" and expected.orientation is None and folded(heading) in FEATURE_NAMES:
        raise one_fault(
            ReadError,
            subject,
            f"the first heading is {heading!r}, yet the metadata's ids are those of rows: {listed(rows, 3)}",
            expected="metadata whose ids are the table's columns",
            remedy="give the metadata of the samples; or, where the rows are samples, say "
            "orientation='samples_as_rows'",
        )
    if settled:
        return settled
    if has_lineages or folded(heading) in FEATURE_NAMES:
        return "features_as_rows"
    if is_sample_heading(heading):
        return "samples_as_rows"
    if np.mean([";" in name and "__" in name for name in rows] or [0]) > 0.5:
        return "features_as_rows"  # rows named by lineages
    asked = ask_for_orientation(rows, columns, subject)
    raise ReadError(subject, *asked.faults, *raw.faults)
