"""The public tables that are known by name: what they are, where they came from, and loading them."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pandas as pd

from analysis.datafile import DataFile
from analysis.errors import Faults, ParameterError, ReadError, did_you_mean, one_fault
from analysis.paths import data_path
from analysis.preparation import check_steps, compare_keys, metadata_of_first_rows, prepare
from analysis.readers import read_study
from analysis.records import read_toml
from analysis.roles import Roles
from analysis.study import Study
from analysis.validation import Kind

_VARIABLE = "ANALYSIS_CATALOGUE"
_PARTS = ("table", "metadata", "taxonomy", "tree")
_READING = ("orientation", "drop", "id_column", "label", "repeated")
_OPTIONAL = ("checked", "roles", "reading", "steps")


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
        The size of the table, after its clean-up.
    design : str
        What was done to whom.
    citations : tuple of str
        The articles to cite, each with its DOI where that is known.
    origin, licence : str
        Where the numbers were taken from, and the licence of that source; "none stated" where there is none.
    files : tuple of DataFile
        Its files.
    checked : str
        What design and citations were compared with, and what could not be checked.
    roles : dict
        Arguments of `Study.with_roles`.
    reading : dict
        Arguments of `read_study`; and ``repeated = "first"`` to keep the first of a sample's metadata rows.
    steps : tuple of dict
        The clean-up; see `analysis.preparation`.
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
    files: tuple[DataFile, ...]
    checked: str = ""
    roles: dict[str, object] | None = None
    reading: dict[str, object] | None = None
    steps: tuple[dict[str, object], ...] = ()

    @property
    def available(self) -> bool:
        """Whether files of the right size are on this machine; their checksums are not looked at."""
        from analysis.fetching import place

        paths = ((place(file), file.bytes) for file in self.files)
        return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def read_catalogue(path: str | Path | None = None) -> dict[str, Dataset]:
    """Read the catalogue.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        A TOML file of the same shape as the project's own, which is the default. The paths of its files are
        relative to its folder; those of files with an address, to the cache folder.

    Returns
    -------
    dict of str to Dataset
        In the order of the file.

    Raises
    ------
    ReadError
        Where the file is not TOML, or an entry lacks a key or has one that is not known; all faults at once.
    """
    own = path is None
    path = data_path("catalogue.toml") if path is None else Path(path)
    entries = read_toml(path, ReadError, "a TOML file, a table a dataset")
    faults = Faults(path.name, ReadError)
    for name, entry in entries.items():
        _check_entry(name, entry, faults)
    faults.raise_if_any()
    folder = None if own else path.parent.absolute()
    return {name: _make_dataset(name, entry, folder) for name, entry in entries.items()}


def known_datasets(catalogue: str | Path | None = None) -> dict[str, Dataset]:
    """Return the project's catalogue with those of the user.

    Parameters
    ----------
    catalogue : str or pathlib.Path, optional
        A catalogue of your own. Without it, the files that the environment variable ``ANALYSIS_CATALOGUE``
        names, with the separator of ``PATH`` between them.

    Returns
    -------
    dict of str to Dataset
        The project's first.

    Raises
    ------
    ReadError
        Where a catalogue cannot be read, or a name is in two of them.
    """
    given = os.environ.get(_VARIABLE, "").split(os.pathsep) if catalogue is None else [str(catalogue)]
    known = read_catalogue()
    for path in filter(None, given):
        more = read_catalogue(path)
        faults = Faults(Path(path).name, ReadError)
        for name in sorted(known.keys() & more.keys()):
            faults.add(f"{name!r} is in another catalogue already", remedy="give it another name")
        faults.raise_if_any()
        known |= more
    return known


def _check_entry(name: str, entry: object, faults: Faults) -> None:
    if not isinstance(entry, dict):
        faults.add(f"{name!r} is outside any table", expected=f"a table [{name}] that describes a dataset")
        return
    needed = [field.name for field in fields(Dataset) if field.name not in ("name", *_OPTIONAL)]
    compare_keys(entry, needed, list(_OPTIONAL), f"[{name}]", faults)
    _check_types(name, entry, faults)
    roles, reading = entry.get("roles", {}), entry.get("reading", {})
    if isinstance(roles, dict):
        compare_keys(roles, [], [field.name for field in fields(Roles)], f"[{name}.roles]", faults)
    if isinstance(reading, dict):
        compare_keys(reading, [], list(_READING), f"[{name}.reading]", faults)
        if reading.get("repeated", "first") != "first":
            faults.add("repeated is unknown", where=f"[{name}.reading]", expected='repeated = "first"')
    check_steps(entry.get("steps", []), f"[{name}]", faults)
    files = entry.get("files", [])
    for number, file in enumerate(files if isinstance(files, list) else [], start=1):
        _check_file(file, f"[{name}], file {number}", faults)


_TYPES = {
    **dict.fromkeys(("title", "species", "design", "origin", "licence", "checked"), str),
    **dict.fromkeys(("samples", "features"), int),
    **dict.fromkeys(("citations", "files"), list),
    **dict.fromkeys(("roles", "reading"), dict),
}
_CALLED = {str: "text in quotes", int: "a whole number", list: "a list", dict: "a table"}


def _check_types(name: str, entry: dict, faults: Faults) -> None:
    for key, kind in _TYPES.items():
        if key in entry and (not isinstance(entry[key], kind) or isinstance(entry[key], bool)):
            faults.add(f"{key} = {entry[key]!r}", where=f"[{name}]", expected=_CALLED[kind])
    if entry.get("kind", "counts") not in ("counts", "fractions"):
        faults.add(f"kind = {entry['kind']!r}", where=f"[{name}]", expected='"counts" or "fractions"')
    files = entry.get("files")
    if isinstance(files, list) and [f.get("part") for f in files if isinstance(f, dict)].count("table") != 1:
        faults.add("there must be one file of part table", where=f"[{name}]")


def _check_file(file: object, where: str, faults: Faults) -> None:
    if not isinstance(file, dict):
        faults.add(f"{file!r} is no table", where=where, expected="part, path, bytes, sha256 and perhaps url")
        return
    needed = [field.name for field in fields(DataFile) if field.name != "url"]
    compare_keys(file, needed, ["url"], where, faults)
    part = file.get("part", "table")
    if part not in _PARTS:
        faults.add(f"{part!r} is no part", where=where, remedy=did_you_mean(part, _PARTS))
    for key in ("path", "sha256", "url"):
        if not isinstance(file.get(key, ""), str):
            faults.add(f"{key} = {file[key]!r}", where=where, expected="text in quotes")
    if not isinstance(file.get("bytes", 0), int):
        faults.add(f"bytes = {file['bytes']!r}", where=where, expected="a whole number")
    if str(file.get("url", "") or "https://").split("//")[0] != "https:":
        faults.add(f"url = {file['url']!r}", where=where, expected="an address that begins with https://")


def _make_dataset(name: str, entry: dict, folder: Path | None) -> Dataset:
    files = tuple(DataFile(**file) for file in entry["files"])
    if folder is not None:  # a user's own: files without an address lie beside the catalogue
        files = tuple(f if f.url else replace(f, path=str(folder / f.path)) for f in files)
    tuples = {"files": files, "citations": tuple(entry["citations"]), "steps": tuple(entry.get("steps", ()))}
    return Dataset(name=name, **(entry | tuples))


def list_datasets(catalogue: str | Path | None = None) -> pd.DataFrame:
    """List the public tables that `load_dataset` knows.

    Parameters
    ----------
    catalogue : str or pathlib.Path, optional
        A catalogue of your own, listed after the project's: a TOML file of the same shape. Without it, those
        that the environment variable ``ANALYSIS_CATALOGUE`` names, with the separator of ``PATH`` between.

    Returns
    -------
    pandas.DataFrame
        Index: the names. Columns: title, species, kind, samples, features, design, citation, origin, licence,
        megabytes (of its files), and available (all files are on this machine; otherwise `load_dataset`
        downloads them).

    Raises
    ------
    ReadError
        Where a catalogue cannot be read, or a name is in two of them.

    Examples
    --------
    >>> import analysis as an
    >>> an.list_datasets().loc["turnbaugh_mice", ["samples", "features"]].tolist()
    [139, 10172]
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
            "megabytes": round(sum(file.bytes for file in dataset.files) / 1e6, 2),
            "available": dataset.available,
        }
        for dataset in known_datasets(catalogue).values()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def load_dataset(name: str, catalogue: str | Path | None = None) -> Study:
    """Load a public table from the catalogue, cleaned and with the meaning of its metadata columns set.

    Parameters
    ----------
    name : str
        One of the names in `list_datasets`.
    catalogue : str or pathlib.Path, optional
        A catalogue of your own, as of `list_datasets`.

    Returns
    -------
    Study
        With its roles set, and `Study.source` naming the files, their checksums, each step of the clean-up
        and the articles to cite.

    Raises
    ------
    ParameterError
        Where there is no such dataset; the message names the nearest.
    ReadError
        Where files are not here and cannot be downloaded, or are not, byte for byte, what the catalogue says;
        all faults at once.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> study.shape
    (139, 10172)
    >>> study.roles.subject
    'mouseID'
    """
    known = known_datasets(catalogue)
    if name not in known:
        raise one_fault(
            ParameterError,
            "load_dataset",
            f"there is no dataset {name!r}",
            remedy=did_you_mean(name, list(known)),
        )
    return read_dataset(known[name])


def read_dataset(dataset: Dataset) -> Study:
    """Verify the files of a dataset, read, clean and check them; see `load_dataset`.

    Parameters
    ----------
    dataset : Dataset
        An entry of `read_catalogue`.
    """
    from analysis.fetching import located_all

    found = located_all(dataset.files, dataset.name)
    paths = {file.part: path for file, path in zip(dataset.files, found, strict=True)}
    study = _read(paths, dict(dataset.reading or {}))
    source = replace(study.source, name=dataset.name, citation=" ".join(dataset.citations))
    study = prepare(replace(study, source=source), dataset.steps)
    size = (*study.shape, study.kind)
    expected = (dataset.samples, dataset.features, dataset.kind)
    if size != expected:
        raise one_fault(
            ReadError,
            dataset.name,
            "the files hold {} samples x {} features of {}".format(*size),
            expected="{} x {} of {}, as the catalogue says".format(*expected),
            remedy="correct samples, features and kind in the catalogue, or its files",
        )
    return study.with_roles(**(dataset.roles or {}))


def _read(paths: dict[str, Path], reading: dict) -> Study:
    """Read the files; `repeated` is no argument of `read_study` and done here."""
    if reading.pop("repeated", None) is None:
        return read_study(paths.pop("table"), **paths, **reading)
    metadata, told = metadata_of_first_rows(paths.pop("metadata"), reading.pop("id_column", None))
    study = read_study(paths.pop("table"), metadata, **paths, **reading)
    table, *others = study.source.files
    return replace(study, source=replace(study.source, files=(table, told, *others)))
