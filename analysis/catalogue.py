"""The public tables that are known by name: what they are, where they came from, and loading them."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pandas as pd

from analysis.errors import Faults, ParameterError, ReadError, did_you_mean, one_fault
from analysis.paths import data_path
from analysis.readers import read_study
from analysis.roles import Roles
from analysis.study import Study
from analysis.validation import Kind

_PARTS = ("table", "metadata", "taxonomy", "tree")
_REBUILD = "restore it with `git checkout -- data`, or rebuild the embedded files with `make data-embedded`"


@dataclass(frozen=True)
class DataFile:
    """One file of a dataset.

    Attributes
    ----------
    part : str
        "table", "metadata", "taxonomy" or "tree".
    path : pathlib.Path
        Where the file is.
    bytes : int
        Its size.
    sha256 : str
        The checksum of its bytes, in hexadecimal.
    """

    part: str
    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """What the catalogue says about one public table.

    Attributes
    ----------
    name, title, species : str
        The name to load it by, what it is, and whose microbes they are.
    kind : {"counts", "fractions"}
        Reads, or rows that sum to at most 1.
    samples, features : int
        The size of the table.
    design : str
        What was done to whom.
    citations : tuple of str
        The articles to cite, each with its DOI.
    origin, licence : str
        Where the numbers were taken from, and the licence of that source.
    checked : str
        What design and citations were compared with, and what could not be checked.
    files : tuple of DataFile
        Its files.
    roles : dict
        Arguments of `Study.with_roles`.
    """

    name: str
    title: str
    species: str
    kind: Kind
    samples: int
    features: int
    design: str
    citations: tuple[str, ...]
    origin: str
    licence: str
    checked: str
    files: tuple[DataFile, ...]
    roles: dict[str, object]

    @property
    def available(self) -> bool:
        """Whether all its files are on this machine."""
        return all(file.path.is_file() for file in self.files)


def read_catalogue(path: str | Path | None = None) -> dict[str, Dataset]:
    """Read the catalogue.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        A TOML file of the same shape as the project's own, which is the default. The paths of files in it are
        relative to its folder.

    Returns
    -------
    dict of str to Dataset
        In the order of the file.

    Raises
    ------
    ReadError
        Where the file is not TOML, or an entry lacks a key or has one that is not known; all faults at once.
    """
    path = data_path("catalogue.toml") if path is None else Path(path)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise one_fault(
            ReadError, path.name, str(error), expected="a TOML file, a table a dataset"
        ) from error
    faults = Faults(path.name, ReadError)
    for name, entry in entries.items():
        _check_entry(name, entry, faults)
    faults.raise_if_any()
    return {name: _make_dataset(name, entry, path.parent) for name, entry in entries.items()}


def _check_entry(name: str, entry: object, faults: Faults) -> None:
    if not isinstance(entry, dict):
        faults.add(f"{name!r} is outside any table", expected=f"a table [{name}] that describes a dataset")
        return
    needed = [field.name for field in fields(Dataset) if field.name not in ("name", "roles")]
    _compare_keys(entry, needed, ["roles"], f"[{name}]", faults)
    _compare_keys(entry.get("roles", {}), [], [f.name for f in fields(Roles)], f"[{name}.roles]", faults)
    for number, file in enumerate(entry.get("files", []), start=1):
        where = f"[{name}], file {number}"
        _compare_keys(file, [f.name for f in fields(DataFile)], [], where, faults)
        if file.get("part", "table") not in _PARTS:
            faults.add(f"{file['part']!r} is no part", where=where, remedy=did_you_mean(file["part"], _PARTS))


def _compare_keys(entry: dict, needed: list[str], optional: list[str], where: str, faults: Faults) -> None:
    for key in needed:
        if key not in entry:
            faults.add(f"the key {key!r} is missing", where=where, remedy=f"write {key} = ... in it")
    for key in entry:
        if key not in (*needed, *optional):
            faults.add(f"unknown key {key!r}", where=where, remedy=did_you_mean(key, [*needed, *optional]))


def _make_dataset(name: str, entry: dict, folder: Path) -> Dataset:
    files = tuple(DataFile(**{**file, "path": folder / file["path"]}) for file in entry["files"])
    given = entry | {"files": files, "citations": tuple(entry["citations"]), "roles": entry.get("roles", {})}
    return Dataset(name=name, **given)


def list_datasets() -> pd.DataFrame:
    """List the public tables that `load_dataset` knows.

    Returns
    -------
    pandas.DataFrame
        Index: the names. Columns: title, species, kind, samples, features, design, citation, origin, licence,
        and available (all files are on this machine).

    Examples
    --------
    >>> list_datasets()["samples"].to_dict()
    {'turnbaugh_mice': 139, 'global_patterns': 26, 'twins_genera': 154}
    """
    rows = {
        dataset.name: {
            "title": dataset.title,
            "species": dataset.species,
            "kind": dataset.kind,
            "samples": dataset.samples,
            "features": dataset.features,
            "design": dataset.design,
            "citation": " ".join(dataset.citations),
            "origin": dataset.origin,
            "licence": dataset.licence,
            "available": dataset.available,
        }
        for dataset in read_catalogue().values()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def load_dataset(name: str) -> Study:
    """Load a public table from the catalogue, with the meaning of its metadata columns set.

    Parameters
    ----------
    name : str
        One of the names in `list_datasets`.

    Returns
    -------
    Study
        With its roles set, and `Study.source` naming the files, their checksums and the articles to cite.

    Raises
    ------
    ParameterError
        Where there is no such dataset; the message names the nearest.
    ReadError
        Where files are missing or are not, byte for byte, what the catalogue says; all faults at once.

    Examples
    --------
    >>> study = load_dataset("turnbaugh_mice")
    >>> study.shape
    (139, 10172)
    >>> study.roles.subject
    'mouseID'
    """
    catalogue = read_catalogue()
    if name not in catalogue:
        raise one_fault(
            ParameterError,
            "load_dataset",
            f"there is no dataset {name!r}",
            remedy=did_you_mean(name, list(catalogue)),
        )
    return read_dataset(catalogue[name])


def read_dataset(dataset: Dataset) -> Study:
    """Check the files of a dataset and read them; see `load_dataset`.

    Parameters
    ----------
    dataset : Dataset
        An entry of `read_catalogue`.
    """
    check_files(dataset)
    paths = {file.part: file.path for file in dataset.files}
    study = read_study(paths.pop("table"), **paths)
    found = (*study.shape, study.kind)
    expected = (dataset.samples, dataset.features, dataset.kind)
    if found != expected:
        raise one_fault(
            ReadError,
            dataset.name,
            "the files hold {} samples x {} features of {}".format(*found),
            expected="{} x {} of {}, as the catalogue says".format(*expected),
            remedy="correct samples, features and kind in the catalogue, or its files",
        )
    citation = " ".join(dataset.citations)
    source = replace(study.source, name=dataset.name, citation=citation)
    return replace(study, source=source).with_roles(**dataset.roles)


def check_files(dataset: Dataset) -> None:
    """Compare the files of a dataset with their checksums.

    Raises
    ------
    ReadError
        Where a file is missing or was altered; all of them at once.
    """
    faults = Faults(dataset.name, ReadError)
    for file in dataset.files:
        if not file.path.is_file():
            faults.add(f"the {file.part} is not there", where=file.path.name, remedy=_REBUILD)
            continue
        content = file.path.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        if checksum != file.sha256:
            faults.add(
                f"the {file.part} was altered: {len(content):,} bytes, sha256 {checksum}",
                where=file.path.name,
                expected=f"{file.bytes:,} bytes, sha256 {file.sha256}",
                remedy=_REBUILD,
            )
    faults.raise_if_any()
