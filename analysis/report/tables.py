"""Tables and code that are wider than a phone: in boxes of their own, numbers to the right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?\s?%?|NaN|nan|")


def boxed(html: str) -> str:
    """Let wide parts of a page scroll by themselves, by keyboard too, and line up columns of numbers.

    Parameters
    ----------
    html : str
        The body of a page.

    Returns
    -------
    str

    Examples
    --------
    >>> boxed("<table><tbody><tr><td>a</td><td>7</td></tr></tbody></table>")
    '<div aria-label="Table" class="wide" role="group" tabindex="0"><table><tbody><tr><td>a</td><td
    class="number">7</td></tr></tbody></table></div>'
    """
    from bs4 import BeautifulSoup

    page = BeautifulSoup(html, "html.parser")
    for style in page.select("style"):  # pandas writes one for each table
        style.decompose()
    for table in page.select("table"):
        _line_up(table)
        table.wrap(_box(page))
    for block in page.select("pre"):
        block["tabindex"] = "0"
    return str(page)


def _box(page: BeautifulSoup) -> Tag:
    return page.new_tag(
        "div", attrs={"aria-label": "Table", "class": "wide", "role": "group", "tabindex": "0"}
    )


def _line_up(table: Tag) -> None:
    """Mark the cells of columns that hold nothing but numbers."""
    del table["border"]
    for row in table.select("tr[style]"):
        del row["style"]
    for heading in table.select("thead th:empty"):
        heading.name = "td"  # a heading that says nothing
    rows = [row.find_all(["td", "th"]) for row in table.select("tr")]
    width = max((len(row) for row in rows), default=0)
    rows = [row for row in rows if len(row) == width]
    for column in zip(*rows, strict=True):
        cells = [cell for cell in column if cell.name == "td"]
        texts = [cell.get_text().strip() for cell in cells]
        if any(texts) and all(_NUMBER.fullmatch(text) for text in texts):
            for cell in column:
                cell["class"] = [*cell.get("class", []), "number"]
