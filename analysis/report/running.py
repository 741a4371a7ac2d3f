"""Find the notebooks, run them side by side, and have the pages written."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import ParameterError, one_fault
from analysis.notebooks import NotebookError, code_cells, read_notebook, run_notebook
from analysis.provenance import as_json, made_with
from analysis.report.site import write_site

if TYPE_CHECKING:
    from nbformat import NotebookNode

MADE_WITH = "made_with.json"  # beside the notebooks: what they were last run with


def find_notebooks(folder: Path) -> list[Path]:
    """Return the notebooks of a folder in the order of their numbers.

    Raises
    ------
    ParameterError
        Where there are none.
    """
    found = sorted(folder.glob("[0-9]*.ipynb"))
    if not found:
        raise one_fault(
            ParameterError,
            str(folder.name),
            "there are no notebooks here",
            expected="files named as 00_start_here.ipynb",
            remedy="run the command in a clone of the project",
        )
    return found


def run_side_by_side(paths: list[Path]) -> dict[Path, NotebookNode | NotebookError]:
    """Run notebooks, as many at a time as there are processors, with a progress bar over their cells.

    Parameters
    ----------
    paths : list of pathlib.Path
        The notebooks.

    Returns
    -------
    dict of pathlib.Path to nbformat.NotebookNode
        In the same order; the error in place of a notebook that fails.
    """
    from tqdm import tqdm

    if not paths:
        return {}
    cells = {path: _count_cells(path) for path in paths}
    workers = max(1, min(len(paths), os.cpu_count() or 1))
    with (
        tqdm(total=sum(cells.values()), desc="notebooks", unit="cell") as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        # The longest first, so that no processor is idle while it runs alone at the end.
        running = {
            path: pool.submit(run_notebook, path, on_cell=bar.update)
            for path in sorted(paths, key=cells.__getitem__, reverse=True)
        }
        return {path: _result(running[path]) for path in paths}


def _count_cells(path: Path) -> int:
    try:
        return len(code_cells(read_notebook(path)))
    except NotebookError:  # its run says so
        return 0


def _result(one: Future[NotebookNode]) -> NotebookNode | NotebookError:
    try:
        return one.result()
    except NotebookError as error:
        return error


def run_all(paths: list[Path]) -> list[NotebookNode]:
    """Run notebooks as `run_side_by_side` does; the first that fails raises its error.

    Parameters
    ----------
    paths : list of pathlib.Path
        The notebooks.

    Returns
    -------
    list of nbformat.NotebookNode
        In the same order.
    """
    ran = list(run_side_by_side(paths).values())
    for one in ran:
        if isinstance(one, NotebookError):
            raise one
    return ran


def make_report(root: Path, in_place: bool = False, full: bool = False) -> Path:
    """Run the notebooks of the project and write the report.

    Parameters
    ----------
    root : pathlib.Path
        The clone of the project.
    in_place : bool
        Also write the executed notebooks back to where they are committed.
    full : bool
        Also run those in ``notebooks/extended``, which download public tables unless they are on this
        machine. Otherwise their pages show them as committed.

    Returns
    -------
    pathlib.Path
        The report's front page.
    """
    import nbformat

    paths = find_notebooks(root / "notebooks")
    further = sorted((root / "notebooks" / "extended").glob("[0-9]*.ipynb"))
    chosen = [*paths, *(further if full else [])]
    executed = dict(zip(chosen, run_all(chosen), strict=True))
    if in_place:
        for path, notebook in executed.items():
            nbformat.write(notebook, path)
        (root / "notebooks" / MADE_WITH).write_text(as_json(made_with()), encoding="utf-8")
    site = {
        path.stem: executed[path] if path in executed else read_notebook(path) for path in [*paths, *further]
    }
    return write_site(site, root / "build" / "report")
