"""Which reader a table asks for, by what its bytes are."""

from __future__ import annotations

from dataclasses import replace

from analysis.errors import Faults, ParameterError, ReadError, TableError, one_fault
from analysis.readers.archive import EXCEL_REMEDY, read_artifact
from analysis.readers.biom_hdf5 import read_biom_hdf5
from analysis.readers.biom_json import read_biom_json
from analysis.readers.delimited import Expected, read_delimited
from analysis.readers.mothur import is_shared, read_shared
from analysis.readers.opening import Opened, sniff
from analysis.readers.phyloseq import read_r
from analysis.readers.raw import RawTable

_COUNT_TYPES = ("FeatureTable[Frequency]", "FeatureTable[RelativeFrequency]")
_MISTAKEN = {
    "newick": ("this is a tree", "give the table first and this file as tree="),
    "excel": ("this is an Excel workbook", EXCEL_REMEDY),
    "binary": ("the file is no text and no format that is read here", "check that it is the right file"),
}


def read_table(opened: Opened, expected: Expected, label: str | None) -> tuple[RawTable, str]:
    """Read a table with the reader that its content asks for.

    Parameters
    ----------
    opened : Opened
        The file.
    expected : Expected
        What the caller knows of its orientation.
    label : str or None
        Which of several tables in the file.

    Returns
    -------
    raw : RawTable
        The table.
    reader : str
        The function that read it.

    Raises
    ------
    ReadError, TableError, ParameterError
        Where it is no table, an artifact without reads, or a choice was given that its format does not have.
    """
    if opened.kind == "zip":
        artifact = read_artifact(opened, "FeatureTable")
        if artifact.type not in _COUNT_TYPES:
            raise one_fault(
                TableError,
                opened.name,
                f"the artifact is of type {artifact.type}, which holds no reads",
                expected=" or ".join(_COUNT_TYPES),
                remedy="give the table of frequencies that it was made from",
            )
        inner = replace(opened, content=artifact.content, kind=sniff(artifact.content))
        raw, reader = read_table(inner, expected, label)
        return replace(raw, format=f"QIIME 2 {artifact.type}, {raw.format}"), reader
    if opened.kind == "text" and is_shared(opened.content):
        _refuse_choices(opened, orientation=expected.orientation)
        return read_shared(opened, label), _named(read_shared)
    if opened.kind == "text":
        _refuse_choices(opened, label=label)
        return read_delimited(opened, expected), _named(read_delimited)
    if opened.kind == "r":
        return read_r(opened, expected, label), _named(read_r)
    if opened.kind in ("hdf5", "json"):
        _refuse_choices(opened, orientation=expected.orientation, label=label)
        read = read_biom_hdf5 if opened.kind == "hdf5" else read_biom_json
        return read(opened), _named(read)
    what, remedy = _MISTAKEN[opened.kind]
    raise one_fault(
        ReadError,
        opened.name,
        what,
        expected="BIOM, a tab- or comma-separated table, QIIME 2 .qza, mothur .shared, phyloseq .rds or .rda",
        remedy=remedy,
    )


def _refuse_choices(opened: Opened, **given: str | None) -> None:
    """Refuse arguments that a format has no use for, instead of passing over them."""
    why = {
        "orientation": "this format says itself which are the samples",
        "label": "this file holds one table only",
    }
    faults = Faults(opened.name, ParameterError)
    for argument, value in given.items():
        if value is not None:
            faults.add(why[argument], where=f"{argument}={value!r}", remedy="leave it out")
    faults.raise_if_any()


def _named(read: object) -> str:
    return f"{read.__module__}.{read.__qualname__}"  # type: ignore[attr-defined]
