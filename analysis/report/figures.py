"""Pictures of executed notebooks, with a caption, alternative text and the numbers behind them.

The caption is the prose that follows a picture: the paragraph "What it shows." moves under it. The numbers,
and what the picture is, come from the function that drew it (`analysis.plots.behind`), as a text/csv beside
the picture. Where prose does not follow at once, what the picture is makes the caption; where a picture was
drawn by other means and has no numbers, the heading above it does.
"""

from __future__ import annotations

import base64
import re
import struct
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

_EXPLAINS = re.compile(r"\*\*What it \w+\.\*\*\s+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_MARKUP = re.compile(r"\[([^]]*)\]\([^)]*\)|[*`]+|(?<!\w)_+|_+(?!\w)")
_PLANNER = re.compile(r"\bplanner_(?:chart|picture)\(")


@dataclass(frozen=True)
class Figure:
    """A picture of the site.

    Attributes
    ----------
    name : str
        Of its files, without ending.
    label : str
        Such as "Figure 3.4".
    caption : str
        What it shows, as Markdown.
    alt : str
        What it shows, in plain words, for those who do not see it.
    png : bytes
        The picture.
    csv : str or None
        The numbers; None for a picture that no function of `analysis.plots` drew.
    planner : bool
        Whether it is a still of the planner, which has a page.
    """

    name: str
    label: str
    caption: str
    alt: str
    png: bytes
    csv: str | None = None
    planner: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the head of the file says."""
        return struct.unpack(">II", self.png[16:24])

    def write(self, folder: Path) -> None:
        """Write the picture and its numbers into ``figures`` and ``data``, which must be there."""
        (folder / "figures" / f"{self.name}.png").write_bytes(self.png)
        if self.csv is not None:
            (folder / "data" / f"{self.name}.csv").write_text(self.csv, encoding="utf-8")


def take_figures(name: str, notebook: NotebookNode) -> tuple[NotebookNode, list[Figure]]:
    """Take the pictures out of an executed notebook.

    Parameters
    ----------
    name : str
        Of the notebook, such as "03_diversity".
    notebook : nbformat.NotebookNode
        Executed; it is not changed.

    Returns
    -------
    notebook : nbformat.NotebookNode
        A copy: the metadata of an output with a picture holds its place in the list ("figure"), and the
        paragraphs that became captions are gone.
    figures : list of Figure
        In order.
    """
    notebook = deepcopy(notebook)
    number = name.partition("_")[0].lstrip("0") or "0"
    figures: list[Figure] = []
    heading = name
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            heading = _last_heading(cell.source) or heading
        shown = [one for one in cell.get("outputs", []) if "image/png" in one.get("data", {})]
        following = notebook.cells[place + 1] if place + 1 < len(notebook.cells) else None
        for output in shown:
            prose = _take_caption(following) if output is shown[-1] else ""
            output.metadata["figure"] = len(figures)
            count = len(figures) + 1
            one = _figure(f"{name}_{count}", f"Figure {number}.{count}", output, prose, heading)
            figures.append(replace(one, planner=bool(_PLANNER.search(cell.source))))
    return notebook, figures


def _figure(name: str, label: str, output: NotebookNode, prose: str, heading: str) -> Figure:
    csv = output.data.get("text/csv")
    what = csv.split("\n", 1)[0].removeprefix("# ") + "." if csv else ""
    first = plain(_SENTENCE.split(prose)[0])
    return Figure(
        name=name,
        label=label,
        caption=prose or what or heading,
        alt=" ".join(filter(None, [what, first])) or heading,
        png=base64.b64decode(output.data["image/png"]),
        csv=csv,
    )


def plain(markdown: str) -> str:
    """Return Markdown prose without its marks, on one line.

    Examples
    --------
    >>> plain("**Less** fibre, [more](03_diversity.ipynb) `shannon` in mouse_id")
    'Less fibre, more shannon in mouse_id'
    """
    return " ".join(_MARKUP.sub(r"\1", markdown).split())


def _last_heading(markdown: str) -> str | None:
    found = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return plain(found[-1]) if found else None


def _take_caption(cell: NotebookNode | None) -> str:
    """Remove the paragraph that explains a picture from the cell below it, and return it without its lead."""
    if cell is None or cell.cell_type != "markdown" or not (lead := _EXPLAINS.match(cell.source)):
        return ""
    paragraph, _, rest = cell.source.partition("\n\n")
    cell.source = rest
    return paragraph[lead.end() :]
