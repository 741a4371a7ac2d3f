"""What the page of methods lists: software, seeds, results and their commands, tables, sources."""

from __future__ import annotations

import hashlib
import inspect
import platform
import re
import subprocess
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import analysis
from analysis.catalogue import Dataset, read_catalogue
from analysis.claims.model import Source
from analysis.claims.reading import load_claims
from analysis.paths import data_path
from analysis.provenance import AT_THE_RUN, as_json, read_records, sha256_of, versions

if TYPE_CHECKING:
    from nbformat import NotebookNode

_UNKNOWN = "not recorded"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def package_versions() -> list[tuple[str, str]]:
    """Return name and version of Python, this library and every package that it asks for.

    They are those of the machine that wrote the page; ``requirements.lock`` pins them all.
    """
    content = tomllib.loads((data_path().parent / "pyproject.toml").read_text(encoding="utf-8"))
    names = sorted(_NAME.match(entry).group() for entry in content["project"]["dependencies"])
    own = [("Python", platform.python_version()), ("analysis (this library)", analysis.__version__)]
    return own + [(name, found) for name in names if (found := _version(name))]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def default_seeds() -> list[tuple[str, int]]:
    """Return the functions of the library that draw random numbers, and the seed that each has by default."""
    found = []
    for name in analysis.__all__:
        public = getattr(analysis, name)
        if callable(public):
            seed = inspect.signature(public).parameters.get("seed")
            if seed is not None:
                found.append((name, seed.default))
    return found


@dataclass(frozen=True)
class ResultFile:
    """A committed file of results, as the page of methods shows its record.

    Attributes
    ----------
    name, record : str
        The file, and the JSON beside it.
    command, versions, seed, repeats : str
        In words; "not recorded" where the record does not know, "none" where nothing was drawn.
    inputs : list of tuple of str
        Name and sha256 of each file that it was worked out from.
    afterwards : bool
        Whether the record was written later than the file.
    simulated : bool
        Whether its figures are those of simulated studies.
    """

    name: str
    record: str
    command: str
    versions: str
    seed: str
    repeats: str
    inputs: list[tuple[str, str]]
    afterwards: bool
    simulated: bool


def result_files() -> list[ResultFile]:
    """Return each committed file of results that has a record, and what the record says."""
    return [_told(name, record) for name, record in read_records().items() if record is not None]


def _told(name: str, record: dict[str, Any]) -> ResultFile:
    repeats = record["replicates"]
    told = [f"{what} {_listed(count)}" for what, count in (repeats or {}).items()]
    used = [f"{name} {one}" for name, one in (record["versions"] or {}).items()]
    missing = _UNKNOWN if record["simulated"] else "none"
    return ResultFile(
        name=name,
        record=Path(name).with_suffix(".json").name,
        command=record["command"],
        versions=", ".join(used) or _UNKNOWN,
        seed=missing if record["seed"] is None else str(record["seed"]),
        repeats=", ".join(told) or (_UNKNOWN if repeats is None else "none"),
        inputs=[(one["name"], one["sha256"] or _UNKNOWN) for one in record["inputs"]],
        afterwards=record["recorded"] != AT_THE_RUN,
        simulated=record["simulated"],
    )


def _listed(count: int | list[int]) -> str:
    return " or ".join(f"{one:,}" for one in (count if isinstance(count, list) else [count]))


def report_record(notebooks: dict[str, NotebookNode]) -> str:
    """Return what the report was made from, as JSON: the same bytes for the same inputs, without any time.

    Parameters
    ----------
    notebooks : dict of str to nbformat.NotebookNode
        By name, as they were run. Where a run gives what is committed, their checksums are those of the
        committed files.
    """
    import nbformat

    embedded = [path for path in sorted(data_path("embedded").iterdir()) if path.is_file()]
    ran = {
        f"{name}.ipynb": nbformat.writes(notebook).rstrip("\n") + "\n" for name, notebook in notebooks.items()
    }
    record = {
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
        "inputs": [{"name": f"embedded/{path.name}", "sha256": sha256_of(path)} for path in embedded],
        "notebooks": [
            {"name": name, "sha256": hashlib.sha256(text.encode()).hexdigest()} for name, text in ran.items()
        ],
        "seeds": dict(default_seeds()),
    }
    return as_json(record)


def _commit() -> str | None:
    """Return the commit, "-dirty" after it where files differ from it; None outside of a clone."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        ran = subprocess.run(  # noqa: S603  # a fixed command
            command, cwd=data_path().parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return ran.stdout.strip()


def table_files() -> list[Dataset]:
    """Return the public tables of the project's catalogue."""
    return list(read_catalogue().values())


def findings_sources() -> list[Source]:
    """Return every source that a claim's evidence names, each once."""
    return list({source: None for claim in load_claims().values() for source in claim.sources.values()})
