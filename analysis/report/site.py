"""The pages of the report: from executed notebooks, claims, catalogue, committed figures and docstrings."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import __version__
from analysis.paths import data_path
from analysis.report.figures import Figure, take_figures
from analysis.report.front import claims_table, front_figures
from analysis.report.methods import (
    default_seeds,
    findings_sources,
    package_versions,
    report_record,
    result_files,
    table_files,
)
from analysis.report.reference import Reference, page_of
from analysis.report.tables import boxed

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_FOOTER = "botox-gut-evidence {version}. No public table shown here is evidence about Botox."
_DARK = "@media screen and (prefers-color-scheme: dark) {{\n{}\n}}\n"


def write_site(notebooks: dict[str, NotebookNode], folder: Path) -> Path:
    """Write the front page, a page for each notebook, the planner, the reference and the methods.

    Parameters
    ----------
    notebooks : dict of str to nbformat.NotebookNode
        Executed notebooks by name, in reading order.
    folder : pathlib.Path
        Where the pages go; pictures go into its ``figures``, their numbers into its ``data``.

    Returns
    -------
    pathlib.Path
        The front page, ``index.html``.
    """
    from analysis.planner import planner_page

    folder.mkdir(parents=True, exist_ok=True)
    for made in ("figures", "data"):
        shutil.rmtree(folder / made, ignore_errors=True)
        (folder / made).mkdir()
    shutil.copytree(data_path("results"), folder / "data" / "results")
    (folder / "provenance.json").write_text(report_record(notebooks), encoding="utf-8")
    (folder / "style.css").write_text(_style(), encoding="utf-8")
    links, reference = _links(list(notebooks)), Reference()
    for name, notebook in notebooks.items():
        _write_chapter(name, notebook, folder, links, reference)
    planner_page(folder / "planner.html", links=links)
    _write_reference(reference, folder, links)
    figures = front_figures()
    for one in figures:
        one.write(folder)
    chapters = [(f"{name}.html", title_of(notebook)) for name, notebook in notebooks.items()]
    _write(folder / "index.html", links, claims=claims_table(), figures=figures, chapters=chapters)
    _write(
        folder / "methods.html",
        links,
        seeds=default_seeds(),
        packages=package_versions(),
        results=result_files(),
        datasets=table_files(),
        sources=findings_sources(),
    )
    return folder / "index.html"


def title_of(notebook: NotebookNode) -> str:
    """Return the first heading of a notebook."""
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("# "):
                return line[2:].strip()
    return "Untitled"


def _links(names: list[str]) -> list[tuple[str, str]]:
    """Return address and short name of every page, in reading order."""
    short = [(f"{name}.html", name.replace("_", " ", 1).replace("_", " ")) for name in names]
    short = [(address, f"{text[:3]}{text[3:4].upper()}{text[4:]}") for address, text in short]
    further = [("planner.html", "Planner"), ("api.html", "Reference"), ("methods.html", "Methods")]
    return [("index.html", "Front page"), *short, *further]


def _write_reference(reference: Reference, folder: Path, links: list[tuple[str, str]]) -> None:
    groups = reference.pages()
    _write(folder / "api.html", links, groups=groups)
    for group, content in groups.items():
        _write(folder / page_of(group), links, template="api_group.html.j2", here="api.html", **content)


def _write_chapter(
    name: str, notebook: NotebookNode, folder: Path, links: list[tuple[str, str]], reference: Reference
) -> None:
    notebook, figures = take_figures(name, notebook)
    for one in figures:
        one.write(folder)
    body = _linked(_body(notebook, figures), {address.removesuffix(".html") for address, _ in links})
    here = [address for address, _ in links].index(f"{name}.html")
    _write(
        folder / f"{name}.html",
        links,
        template="chapter_page.html.j2",
        title=title_of(notebook),
        body=reference.linked(body),
        before=links[here - 1],
        after=links[here + 1],
    )


def _body(notebook: NotebookNode, figures: list[Figure]) -> str:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="chapter",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_anchor_links=True,
        language_code="en",
    )
    html, _ = exporter.from_notebook_node(notebook, resources={"figures": figures})
    return boxed(html)


def _linked(html: str, pages: set[str]) -> str:
    """Let links to notebooks lead to their pages; of one without a page, the text stays."""

    def page(found: re.Match[str]) -> str:
        name, anchor, text = found.groups()
        return f'<a href="{name}.html{anchor or ""}">{text}</a>' if name in pages else text

    return re.sub(r'<a href="(?:[^":]*/)?(\w+)\.ipynb(#[^"]*)?">(.*?)</a>', page, html, flags=re.DOTALL)


def _write(path: Path, links: list[tuple[str, str]], template: str = "", **content: Any) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from nbconvert.filters import markdown2html

    environment = Environment(
        loader=FileSystemLoader([_TEMPLATES, _TEMPLATES / "chapter"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["markdown2html"] = lambda text: Markup(markdown2html(text))  # noqa: S704  # our own
    if "body" in content:
        content["body"] = Markup(content["body"])  # noqa: S704  # from the project's own notebooks
    content = {"here": path.name, "footer": _FOOTER.format(version=__version__)} | content
    page = environment.get_template(template or f"{path.stem.replace('index', 'front')}.html.j2")
    html = page.render(links=links, **content)
    path.write_text(html, encoding="utf-8")


def _style() -> str:
    """Return the site's style, with the colours of code for light and for dark."""
    from pygments.formatters import HtmlFormatter

    # Of the styles of Pygments, these two have a contrast of 4.5 or more in every colour, on our backgrounds.
    light, dark = (
        HtmlFormatter(style=name, nobackground=True).get_style_defs(".highlight")
        for name in ("xcode", "monokai")
    )
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    return f"{style}\n{light}\n{_DARK.format(dark)}"
