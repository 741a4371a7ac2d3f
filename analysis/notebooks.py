"""Run notebooks in a fresh kernel, and say where two runs of one notebook differ."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from analysis.errors import AnalysisError, one_fault
from analysis.outputs import how_pictures_differ, how_text_differs

if TYPE_CHECKING:
    from nbformat import NotebookNode

_ANSI = re.compile(r"\x1b\[[0-9;]*m")  # the colours of a traceback
_LANGUAGE = {
    "name": "python",
    "pygments_lexer": "ipython3",
    "file_extension": ".py",
    "mimetype": "text/x-python",
}
_WITH_NUMBERS = "--IPKernelApp.exec_lines=__import__('analysis.plots.behind').plots.behind.give_numbers()"


class NotebookError(AnalysisError):
    """A notebook that does not run to its end."""


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook.

    Raises
    ------
    NotebookError
        Where the file is none.
    """
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, KeyError, AttributeError) as error:  # whatever a damaged file makes of it
        raise one_fault(
            NotebookError, path.name, f"cannot be read: {error}"[:300], remedy="take the committed file again"
        ) from error


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that hold code, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def run_notebook(path: Path, on_cell: Callable[[], None] | None = None, timeout: int = 600) -> NotebookNode:
    """Run a notebook from a fresh kernel, in its own folder, and return it with its outputs.

    Parameters
    ----------
    path : pathlib.Path
        The notebook; the file itself is not changed.
    on_cell : callable, optional
        Called after each code cell, for a progress bar.
    timeout : int
        Seconds that a cell may take.

    Returns
    -------
    nbformat.NotebookNode
        The executed notebook, without anything that changes from run to run or machine to machine. Beside
        each picture stand, as text/csv, the numbers that it was drawn from: viewers of notebooks show the
        picture, the report offers both, and two runs are compared by both.

    Raises
    ------
    NotebookError
        Where a cell fails: which, and the error.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = read_notebook(path)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # when the kernel flushes what it prints depends on the machine's load
        extra_arguments=["--log-level=ERROR", _WITH_NUMBERS],
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_executed=(lambda **_: on_cell()) if on_cell else None,
    )
    try:
        with _settings_of_nobody() as settings:
            client.execute(env=os.environ | settings)
    except CellExecutionError as error:
        raise _failed(path, _ANSI.sub("", f"{error.ename}: {error.evalue}")) from error
    except CellTimeoutError as error:
        raise _failed(path, f"a cell took more than {timeout} s") from error
    return tidy(notebook)


@contextmanager
def _settings_of_nobody() -> Iterator[dict[str, str]]:
    """Give environment variables that keep a user's own settings of IPython and matplotlib out of a run."""
    import matplotlib as mpl

    with TemporaryDirectory() as folder:
        yield {"IPYTHONDIR": folder, "MATPLOTLIBRC": str(Path(mpl.get_data_path()) / "matplotlibrc")}


def _failed(path: Path, what: str) -> AnalysisError:
    remedy = "open it with `jupyter lab` and run it to the cell that fails"
    return one_fault(NotebookError, path.name, what, remedy=remedy)


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Remove what differs between runs and machines: versions, timings, trust marks; in place."""
    notebook.metadata = type(notebook.metadata)(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info=dict(_LANGUAGE),
    )
    for cell in notebook.cells:
        cell.metadata = type(cell.metadata)({k: v for k, v in cell.metadata.items() if k in {"tags", "alt"}})
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = type(output.metadata)()
    return notebook


@dataclass(frozen=True)
class Difference:
    """One output of one cell that two runs do not share.

    Attributes
    ----------
    cell : int
        Which code cell, counted from 1; 0 for the notebook as a whole.
    kind : str
        What differs: "code", "outputs", "stdout", or a media type such as "text/html" or "image/png".
    how : str
        The first number, line or picture that differs, with both values.
    """

    cell: int
    kind: str
    how: str

    def __str__(self) -> str:
        """Write it as one line."""
        return f"cell {self.cell}, {self.kind}: {self.how}" if self.cell else f"{self.kind}: {self.how}"


def differences(
    committed: NotebookNode, fresh: NotebookNode, *, numbers: float = 0.0, pixels: float = 1e-3
) -> list[Difference]:
    """List where the outputs of two runs of a notebook differ.

    Parameters
    ----------
    committed, fresh : nbformat.NotebookNode
        The same notebook, run twice.
    numbers : float
        Relative difference that numbers in text and tables may have; 0: all must agree to the letter.
    pixels : float
        Mean difference that pictures may have, of 1; see `analysis.outputs.how_pictures_differ`.

    Returns
    -------
    list of Difference
        Empty where the runs agree.
    """
    # All cells: an output below an empty one is made by nothing.
    old, new = ([cell for cell in one.cells if cell.cell_type == "code"] for one in (committed, fresh))
    if [cell.source for cell in old] != [cell.source for cell in new]:
        return [Difference(0, "code", "the cells are not the same")]
    found = []
    for number, (before, after) in enumerate(zip(old, new, strict=True), start=1):
        if before.execution_count != after.execution_count:
            how = f"{before.execution_count} became {after.execution_count}"
            found.append(Difference(number, "execution count", how))
        if len(before.outputs) != len(after.outputs):
            how = f"{len(before.outputs)} became {len(after.outputs)}"
            found.append(Difference(number, "outputs", how))
            continue
        for one, other in zip(before.outputs, after.outputs, strict=True):
            first, second = _contents(one), _contents(other)
            for kind in sorted(first.keys() | second.keys()):
                how = _how_differs(kind, first.get(kind), second.get(kind), numbers, pixels)
                if how:
                    found.append(Difference(number, kind, how))
    return found


def _contents(output: NotebookNode) -> dict[str, str]:
    if output.output_type == "stream":
        return {output.name: output.text}
    return {
        kind: json.dumps(value, sort_keys=True) if isinstance(value, dict) else "".join(value)
        for kind, value in output.get("data", {}).items()
    }


def _how_differs(
    kind: str, first: str | None, second: str | None, numbers: float, pixels: float
) -> str | None:
    if first is None or second is None:
        return "is new" if first is None else "is gone"
    if kind == "image/png":
        return how_pictures_differ(first, second, pixels)
    return how_text_differs(first, second, numbers)
