"""Run the notebooks and turn them into a small static site."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from analysis import __version__
from analysis.errors import ParameterError, one_fault
from analysis.notebooks import code_cells, run_notebook

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEMPLATES = Path(__file__).parent / "templates"
_CURRENT = ' aria-current="page"'
_FOOTER = "botox-gut-evidence {version}. No public table shown here is evidence about Botox."


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


def run_all(paths: list[Path]) -> list[NotebookNode]:
    """Run notebooks, as many at a time as there are processors, with a progress bar over their cells."""
    import nbformat
    from tqdm import tqdm

    total = sum(len(code_cells(nbformat.read(path, as_version=4))) for path in paths)
    workers = max(1, min(len(paths), os.cpu_count() or 1))
    with tqdm(total=total, desc="notebooks", unit="cell") as bar, ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda path: run_notebook(path, on_cell=bar.update), paths))


def write_site(notebooks: dict[str, NotebookNode], folder: Path) -> Path:
    """Write a page for each notebook; the first is also the front page.

    Parameters
    ----------
    notebooks : dict of str to nbformat.NotebookNode
        Executed notebooks by name, in reading order.
    folder : pathlib.Path
        Where the pages go.

    Returns
    -------
    pathlib.Path
        The front page, ``index.html``.
    """
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    page = Template((_TEMPLATES / "page.html").read_text(encoding="utf-8"))
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    style += HtmlFormatter(style="default").get_style_defs(".highlight")
    folder.mkdir(parents=True, exist_ok=True)
    names = ["index" if place == 0 else name for place, name in enumerate(notebooks)]
    titles = [title_of(notebook) for notebook in notebooks.values()]
    for name, title, notebook in zip(names, titles, notebooks.values(), strict=True):
        body, _ = exporter.from_notebook_node(notebook)
        links = "".join(
            f'<li><a href="{other}.html"{_CURRENT if other == name else ""}>{escape(text)}</a></li>'
            for other, text in zip(names, titles, strict=True)
        )
        for original, written in zip(notebooks, names, strict=True):
            body = body.replace(f'href="{original}.ipynb"', f'href="{written}.html"')
        html = page.substitute(
            title=escape(title),
            style=style,
            chapters=links,
            body=body,
            footer=escape(_FOOTER.format(version=__version__)),
        )
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder / "index.html"


def title_of(notebook: NotebookNode) -> str:
    """Return the first heading of a notebook."""
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("# "):
                return line[2:].strip()
    return "Untitled"


def make_report(root: Path, in_place: bool = False) -> Path:
    """Run every notebook of the project and write the report.

    Parameters
    ----------
    root : pathlib.Path
        The clone of the project.
    in_place : bool
        Also write the executed notebooks back to where they are committed.

    Returns
    -------
    pathlib.Path
        The report's front page.
    """
    import nbformat

    paths = find_notebooks(root / "notebooks")
    executed = run_all(paths)
    for path, notebook in zip(paths, executed, strict=True):
        if in_place:
            nbformat.write(notebook, path)
    site = {path.stem: notebook for path, notebook in zip(paths, executed, strict=True)}
    return write_site(site, root / "build" / "report")
