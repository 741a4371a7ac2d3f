"""Where figures came from: a record beside each file of results, with versions, checksums and seeds."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis import __version__
from analysis.catalogue import read_catalogue
from analysis.fetching import cache_folder
from analysis.paths import data_path

if TYPE_CHECKING:
    from analysis.claims.model import Claim

#: The packages whose versions can change a figure.
PACKAGES = ("numpy", "scipy", "pandas", "scikit-bio", "statsmodels", "matplotlib")
_CLAIMS = "claims.toml"
_ABOUT = ("article", "evidence", "sources", "topic")  # of a claim: no figure is made from these
AT_THE_RUN = "at the run"
AFTERWARDS = "afterwards, from the file's first line"
_KEYS = ("file", "sha256", "recorded", "command", "versions", "inputs", "seed", "replicates", "simulated")


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python, of this library and of packages; those not here are left out."""
    found = {"python": platform.python_version(), "analysis": __version__}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def made_with() -> dict[str, str]:
    """Return what outputs may depend on: versions without the patch of Python, and the kind of machine."""
    python = ".".join(platform.python_version_tuple()[:2])
    return versions() | {"python": python, "machine": f"{platform.system()} {platform.machine()}"}


def sha256_of(path: Path) -> str:
    """Return the checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inputs_of(names: Iterable[str], folder: Path | None = None) -> list[dict[str, str | None]]:
    """Return the files that figures are worked out from, with their checksums.

    Parameters
    ----------
    names : iterable of str
        Datasets of the catalogue, which stand for all their files, or single files: their paths in the folder
        of public tables, or in the project's data folder, such as "pilots/schubert_mice.npz".
    folder : pathlib.Path, optional
        The folder of public tables; by default the one that `load_dataset` reads from.

    Returns
    -------
    list of dict
        name and sha256: of the file that is here; otherwise as the catalogue says, or None. Of the claims
        also the checksum of their numbers and names, as the words of that file change more often.
    """
    catalogue = read_catalogue()
    files = [
        path
        for name in names
        for path in ([file.path for file in catalogue[name].files] if name in catalogue else [name])
    ]
    found = [{"name": name, "sha256": _checksum(name, folder)} for name in sorted(set(files))]
    return [one | ({"numbers": _claims_numbers()} if one["name"] == _CLAIMS else {}) for one in found]


def _claims_numbers() -> str:
    """Return the checksum of what figures take from the claims."""
    from analysis.claims.reading import load_claims

    numbers = {name: _without_prose(asdict(claim)) for name, claim in load_claims().items()}
    return hashlib.sha256(as_json(numbers).encode()).hexdigest()


def _without_prose(value: Any) -> Any:
    """Keep numbers, and texts without a blank, which are names."""
    if isinstance(value, Mapping):
        return {key: _without_prose(one) for key, one in value.items() if key not in _ABOUT}
    if isinstance(value, list | tuple):
        return [_without_prose(one) for one in value]
    return value if isinstance(value, int | float) or (isinstance(value, str) and " " not in value) else None


def _checksum(name: str, folder: Path | None = None) -> str | None:
    for path in (data_path(name), (folder or cache_folder()) / name):
        if path.is_file():
            return sha256_of(path)
    known = {file.path: file.sha256 for one in read_catalogue().values() for file in one.files}
    return known.get(name)


def claims_inputs(claims: Iterable[Claim]) -> list[str]:
    """Return the files that the plans of claims are worked out from: their own, and their pilots."""
    pilots = {one.endpoint.pilot for one in claims if one.endpoint and one.endpoint.pilot}
    return ["claims.toml", *(f"pilots/{name}.npz" for name in sorted(pilots))]


def write_results(
    path: Path,
    table: pd.DataFrame,
    command: str,
    *,
    inputs: Iterable[str] = (),
    folder: Path | None = None,
    seed: int | None = None,
    replicates: Mapping[str, int] | None = None,
    simulated: bool = False,
    kind: str | None = None,
    **options: Any,
) -> None:
    """Write a table of results as CSV, and what it was made from beside it as JSON.

    Parameters
    ----------
    path : pathlib.Path
        The CSV file; the record has the same name and the ending json.
    table : pandas.DataFrame
        The results.
    command : str
        What makes them again, without anything of this machine.
    inputs, folder
        See `inputs_of`.
    seed : int, optional
        Of all that was drawn.
    replicates : mapping of str to int, optional
        How often, such as ``{"n_sim": 500, "permutations": 999}``.
    simulated : bool
        Whether the figures are those of simulated studies; otherwise they are derived from public tables, or
        in closed form.
    kind : str, optional
        What the first line calls them; by default "simulated" or "derived figures".
    **options
        Of `pandas.DataFrame.to_csv`.
    """
    record = {
        "recorded": AT_THE_RUN,
        "command": command,
        "versions": versions(),
        "inputs": inputs_of(inputs, folder),
        "seed": seed,
        "replicates": dict(replicates or {}),
        "simulated": simulated,
    }
    first = f"# {kind or ('simulated' if simulated else 'derived figures')}; {_said(record)}"
    text = table.to_csv(index=False, lineterminator="\n", **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{first}\n{text}", encoding="utf-8")
    write_record(path, **record)


def _said(record: Mapping[str, Any]) -> str:
    """Return what the first line of a file says of its record."""
    used = record["versions"]
    drawn = dict(record["replicates"]) | ({} if record["seed"] is None else {"seed": record["seed"]})
    says = [
        f"made by {record['command']}",
        f"version {used['analysis']}, Python {used['python']}, numpy {used['numpy']}, scipy {used['scipy']}",
        ", ".join(f"{name}={value}" for name, value in drawn.items()),
        "" if record["simulated"] else "nothing here is about botulinum toxin",
    ]
    return "; ".join(filter(None, says))


def write_record(path: Path, **record: Any) -> None:
    """Write the record of a file of results beside it, with the file's name and checksum first."""
    text = as_json({"file": path.name, "sha256": sha256_of(path), **record})
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def read_records(folder: Path | None = None) -> dict[str, dict[str, Any] | None]:
    """Return the record of each CSV file of a folder, by default the committed results.

    Returns
    -------
    dict of str to dict or None
        By the file's name, those that only a record speaks of included. None: it has no record, or one that
        cannot be read.
    """
    folder = folder or data_path("results")
    stems = sorted({path.stem for ending in ("csv", "json") for path in folder.glob(f"*.{ending}")})
    return {f"{stem}.csv": _read_record(folder / f"{stem}.json") for stem in stems}


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.keys() >= set(_KEYS) else None


def agrees(record: Mapping[str, Any], path: Path) -> bool:
    """Say whether a record that was written at the run is what the first line of its file says."""
    if record["recorded"] != AT_THE_RUN:
        return True
    with path.open(encoding="utf-8") as file:
        first = file.readline().rstrip("\n")
    return first.startswith("# ") and first.endswith(f"; {_said(record)}")


def out_of_date(record: Mapping[str, Any]) -> list[str]:
    """Return the inputs of a file of results that are no longer those it was made from.

    Public tables are compared by the catalogue, so none needs to be on this machine. A further file of a
    source that the catalogue names is taken as it was; a name that nothing is known of counts as changed. Of
    the claims, numbers and names count.
    """
    known = {file.path: file.sha256 for one in read_catalogue().values() for file in one.files}
    sources, changed = {_source_of(path) for path in known}, []
    for one in record["inputs"]:
        own = data_path(one["name"])
        if "numbers" in one:
            same = one["numbers"] == _claims_numbers()
        elif own.is_file():
            same = one["sha256"] == sha256_of(own)
        elif one["name"] in known:
            same = one["sha256"] == known[one["name"]]
        else:
            same = _source_of(one["name"]) in sources
        if not same:
            changed.append(one["name"])
    return changed


def _source_of(path: str) -> str:
    """Return the folder that the files of one source lie in."""
    return path.partition("/")[0]


def as_json(content: object) -> str:
    """Return JSON as records are written: the same bytes for the same content."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
