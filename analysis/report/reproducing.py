"""Run the notebooks afresh and say, one by one, whether they give what is committed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.catalogue import read_catalogue
from analysis.errors import AnalysisError, ParameterError, did_you_mean, one_fault
from analysis.notebooks import Difference, NotebookError, code_cells, differences, read_notebook
from analysis.paths import data_path
from analysis.provenance import agrees, made_with, out_of_date, read_records, sha256_of
from analysis.report.running import MADE_WITH, find_notebooks, run_side_by_side

if TYPE_CHECKING:
    from nbformat import NotebookNode

NUMBERS, PIXELS = 1e-9, 1e-3  # what other versions may differ by
_LOADS = re.compile(r"load_dataset\(\"(\w+)\"")


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook, or one file of results.

    Attributes
    ----------
    name : str
        Of the notebook or the file.
    status : {"identical", "close", "different", "failed", "left out"}
        "close": not to the letter, but within what other versions may differ by.
    differences : tuple of Difference
        All that is not identical.
    reason : str
        Why it failed or was left out.
    """

    name: str
    status: str
    differences: tuple[Difference, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        """Write a line, or one for each difference."""
        if self.status == "different":
            return "\n".join(f"{self.name}: DIFFERENT, {one}" for one in self.differences)
        word = self.status.upper() if self.status == "failed" else self.status
        why = self.reason or "; ".join(map(str, self.differences))
        return f"{self.name}: {word}{f' ({why})' if why else ''}"


@dataclass(frozen=True)
class Reproduction:
    """What came of running everything afresh.

    Attributes
    ----------
    comparison : str
        Which comparison was used, and why.
    outcomes : tuple of Outcome
        The notebooks in reading order, then the files of results.
    """

    comparison: str
    outcomes: tuple[Outcome, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs; what was left out does not count."""
        return not any(one.status in ("different", "failed") for one in self.outcomes)

    def __str__(self) -> str:
        """Write the comparison, a line an outcome, and the end of it."""
        counts = {status: sum(one.status == status for one in self.outcomes) for status in _STATUSES}
        told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        return "\n".join([self.comparison, *map(str, self.outcomes), told])

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, for JSON."""
        return {"same": self.same, **asdict(self)}


_STATUSES = ("identical", "close", "different", "failed", "left out")


def reproduce(root: Path, full: bool = False, only: Iterable[str] = ()) -> Reproduction:
    """Run every notebook from a fresh start and compare it with the committed one.

    Parameters
    ----------
    root : pathlib.Path
        The clone of the project; nothing in it is changed.
    full : bool
        Download the public tables that the longer notebooks need. Otherwise those whose tables are not on
        this machine are left out, and the outcome says which tables are missing.
    only : iterable of str
        Names of notebooks, such as "03_diversity"; all by default.

    Returns
    -------
    Reproduction

    Notes
    -----
    With the versions that the committed notebooks were made with, text, tables and pictures must agree to the
    letter and to the pixel. With another Python, other packages or another kind of machine, numbers may
    differ by 1e-9 of their size and pictures by 0.001 of their range on average; all else must agree. Files
    of results are not worked out again: they must be those of their records, made from today's inputs.
    """
    chosen = _chosen(root, set(only))
    missing = {} if full else {path: _missing_tables(path) for path in chosen}
    running = run_side_by_side([path for path in chosen if not missing.get(path)])
    exact, comparison = _comparison(root)
    outcomes = []
    for path in chosen:
        if missing.get(path):
            reason = f"not on this machine: {', '.join(missing[path])}; --full downloads them"
            outcomes.append(Outcome(path.stem, "left out", reason=reason))
        elif isinstance(fresh := running[path], AnalysisError):
            outcomes.append(Outcome(path.stem, "failed", reason=str(fresh)))
        else:
            outcomes.append(_compare(path, fresh, exact=exact))
    return Reproduction(comparison, (*outcomes, *([] if only else results_as_recorded())))


def results_as_recorded() -> list[Outcome]:
    """Say of each committed file of results whether it is the one of its record, made from today's inputs."""
    outcomes = []
    for name, record in read_records().items():
        found, path = [], data_path(f"results/{name}")
        if record is None:
            found.append(Difference(0, "record", "there is none that can be read"))
        elif not path.is_file():
            found.append(Difference(0, "file", f"it is gone; make it again: {record['command']}"))
        else:
            now = sha256_of(path)
            if now != record["sha256"]:
                found.append(Difference(0, "file", f"sha256 {record['sha256']} became {now}"))
            elif not agrees(record, path):
                found.append(Difference(0, "record", "it does not say what the file's first line says"))
            changed = out_of_date(record)
            if changed:
                how = f"{', '.join(changed)} changed since; make it again: {record['command']}"
                found.append(Difference(0, "inputs", how))
        status = "different" if found else "identical"
        reason = "" if found else f"as recorded {record['recorded']}"
        outcomes.append(Outcome(f"data/results/{name}", status, tuple(found), reason))
    return outcomes


def _comparison(root: Path) -> tuple[bool, str]:
    """Return whether all must agree to the letter, and why."""
    path = root / "notebooks" / MADE_WITH
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    now = made_with()
    other = [f"{name} {before.get(name)}, here {now[name]}" for name in now if before.get(name) != now[name]]
    if not other:
        return (
            True,
            "Compared to the letter and to the pixel: the versions are those of the committed notebooks",
        )
    return False, (
        f"Compared to {NUMBERS:g} in numbers and {PIXELS:g} in pictures, else to the letter: committed with "
        f"{'; '.join(other)}"
    )


def _chosen(root: Path, only: set[str]) -> list[Path]:
    further = (root / "notebooks" / "extended").glob("[0-9]*.ipynb")
    paths = [*find_notebooks(root / "notebooks"), *sorted(further)]
    names = [path.stem for path in paths]
    for unknown in sorted(only - set(names)):
        raise one_fault(
            ParameterError,
            "reproduce",
            f"there is no notebook {unknown!r}",
            remedy=did_you_mean(unknown, names),
        )
    return [path for path in paths if not only or path.stem in only]


def _missing_tables(path: Path) -> list[str]:
    """Return the public tables that a notebook loads and that are not on this machine."""
    try:
        source = "".join(cell.source for cell in code_cells(read_notebook(path)))
    except NotebookError:  # its run says so
        return []
    known = read_catalogue()
    return sorted({name for name in _LOADS.findall(source) if name in known and not known[name].available})


def _compare(path: Path, fresh: NotebookNode, *, exact: bool) -> Outcome:
    committed = read_notebook(path)
    found = tuple(differences(committed, fresh, pixels=0.0))
    if not found:
        return Outcome(path.stem, "identical")
    if exact:
        return Outcome(path.stem, "different", found)
    far = tuple(differences(committed, fresh, numbers=NUMBERS, pixels=PIXELS))
    return Outcome(path.stem, "different", far) if far else Outcome(path.stem, "close", found)
