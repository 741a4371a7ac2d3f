"""The planner as one page that needs nothing but itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from analysis import __version__
from analysis.planner.chart import ALT, LABELS, page_charts, planner_picture
from analysis.planner.grid import load_grid
from analysis.planner.protocol_text import LOOKED_UP, as_shown, protocol_text, words_of
from analysis.planner.settings import BEGIN, N_SIM, QUESTIONS

_TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
_ANSWER = "{n} {host} in each arm, {total} in all"
_ROUGHLY = " (95 % interval of the search: {low} to {high})"  # where the number is from simulation
_FIGURES = (
    ("cages", "cages"),
    ("stools", "stools"),
    ("reads", "reads"),
    ("reached", "power reached"),
    ("type_i", "type I error"),
)


def planner_page(path: str | Path, links: Sequence[tuple[str, str]] = ()) -> Path:
    """Write the planner as a page of its own.

    Parameters
    ----------
    path : str or pathlib.Path
        The file to write; about 1.5 MB, as its scripts are in it.
    links : sequence of (str, str)
        Address and name of the site's other pages, for the row of links at the top. The page's own address,
        the name of the file, is marked.

    Returns
    -------
    pathlib.Path
        The file.

    Notes
    -----
    The page asks for nothing over the network. With scripts off it shows the trial that it begins with.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> import analysis as an
    >>> page = an.planner.planner_page(Path(tempfile.mkdtemp()) / "planner.html")
    >>> "58 mice in each arm" in page.read_text(encoding="utf-8")
    True
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    path, grid = Path(path), load_grid()
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    shown = as_shown(BEGIN, grid.found(BEGIN))
    html = environment.get_template("planner.html.j2").render(
        links=list(links),
        here=path.name,
        style=Markup(_read("style.css")),  # noqa: S704  # the project's own files
        script=Markup(_read("planner.js")),  # noqa: S704
        bundle=Markup(_bundle()),  # noqa: S704
        data=Markup(_data()),  # noqa: S704
        figures=_FIGURES,
        shown=shown,
        answer=_ANSWER.format(host=BEGIN.host, **shown),
        protocol=protocol_text(BEGIN),
        picture=base64.b64encode(planner_picture()).decode(),
        alt=ALT,
        n_sim=N_SIM,
        provenance=grid.provenance,
        footer=f"botox-gut-evidence {__version__}. No public table shown here is evidence about Botox.",
    )
    path.write_text(html, encoding="utf-8")
    return path


def _data() -> str:
    """Return all that the page's script needs, as JSON that may stand in a script element."""
    specs = page_charts()
    for spec in specs:  # the grid is given once, and put in by the script
        next(entry for entry in spec["params"] if entry["name"] == "grid")["value"] = None
    content = {
        "specs": specs,
        "grid": load_grid().for_page(),
        "controls": list(LABELS),
        "words": {question.key: words_of(question) for question in QUESTIONS},
        "looked_up": LOOKED_UP,
        "figures": [name for name, _ in _FIGURES],
        "answer": _ANSWER,
        "roughly": _ROUGHLY,
        "alpha": f"{BEGIN.design().alpha:.3f}",
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _bundle() -> str:
    """Return Vega-Embed, Vega-Lite and Vega in one script."""
    import vl_convert

    return vl_convert.javascript_bundle().replace("</script", "<\\/script")
