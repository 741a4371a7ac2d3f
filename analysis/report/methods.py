"""What the page of methods lists: software, seeds, results and their commands, tables, sources."""

from __future__ import annotations

import csv
import inspect
import platform
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import analysis
from analysis.catalogue import Dataset, read_catalogue
from analysis.claims.model import Source
from analysis.claims.reading import load_claims
from analysis.paths import data_path

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SAYS_HOW = ("command", "seed", "versions")  # columns of results that have no first line of their own


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


def result_files() -> list[tuple[str, str]]:
    """Return each committed file of results and how it was made, as the file itself says."""
    return [(path.name, _made_by(path)) for path in sorted(data_path("results").glob("*.csv"))]


def _made_by(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        first = file.readline().strip()
        if first.startswith("#"):
            return first.lstrip("# ")
        row = next(csv.DictReader(file, fieldnames=next(csv.reader([first]))), {})
    said = [f"{name}: {row[name]}" for name in _SAYS_HOW if name in row]
    return "; ".join(said) or "the file does not say; benchmarks/README.md names its script"


def table_files() -> list[Dataset]:
    """Return the public tables of the project's catalogue."""
    return list(read_catalogue().values())


def findings_sources() -> list[Source]:
    """Return every source that a claim's evidence names, each once."""
    return list(next(iter(load_claims().values())).sources.values())
