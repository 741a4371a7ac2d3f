"""Docstrings as HTML: numpydoc's sections, and in them the markup of reStructuredText.

The sections are told apart by numpydoc's own parser, which statsmodels carries (numpydoc itself needs all of
Sphinx); what stands in them is read by docutils. Markup that docutils complains of is an error, not a page
with a hole in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser
from docutils.utils import new_document
from docutils.writers.html5_polyglot import HTMLTranslator, Writer
from markupsafe import Markup, escape
from statsmodels.tools.docstring import NumpyDocString

Link = Callable[[str], str | None]  # from a name to where it is described, if it is

_NOTHING = Markup("")
_LISTS = ("Parameters", "Attributes", "Returns", "Raises", "Warns")
_CITED = re.compile(r"\[(\d+)\]_")
_DOI = re.compile(r"\bdoi:(10\.\d{4,}/\S+?)(?=[.,;)]*(?:\s|$))")
_REFERENCE = re.compile(r"^\.\. \[(\d+)\] ", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_SETTINGS = get_default_settings(Parser, Writer)
_SETTINGS.report_level = 5  # it is raised instead
_SETTINGS.halt_level = 2  # a warning


@dataclass(frozen=True)
class Item:
    """A line of a list: a parameter, a result, an error.

    Attributes
    ----------
    name : str
        Empty where a result or an error has only a type.
    type : markupsafe.Markup
        As the docstring says it, with links.
    text : markupsafe.Markup
        What it is.
    """

    name: str
    type: Markup
    text: Markup


@dataclass(frozen=True)
class Section:
    """A section of a docstring: a list of items, or prose.

    Attributes
    ----------
    title : str
        Such as "Parameters".
    items : tuple of Item
        Empty where it is prose.
    body : markupsafe.Markup
        Empty where it is a list.
    """

    title: str
    items: tuple[Item, ...] = ()
    body: Markup = _NOTHING


@dataclass(frozen=True)
class Described:
    """What a docstring says.

    Attributes
    ----------
    summary : markupsafe.Markup
        Its first paragraph, without a paragraph's tags.
    more : markupsafe.Markup
        The prose that follows.
    sections : tuple of Section
        The rest, in numpydoc's order.
    """

    summary: Markup
    more: Markup
    sections: tuple[Section, ...]


def describe(docstring: str, anchor: str, link: Link) -> Described:
    """Turn a docstring into HTML.

    Parameters
    ----------
    docstring : str
        Without indentation, as `inspect.getdoc` gives it.
    anchor : str
        The id that its references are numbered under, and its name in complaints.
    link : callable
        Where a name in the text leads to, or None.

    Returns
    -------
    Described

    Raises
    ------
    docutils.utils.SystemMessage
        For markup that is not valid.

    Examples
    --------
    >>> found = describe("Sort `rows` by ``key``.", "sort", {"rows": "api.html#rows"}.get)
    >>> str(found.summary)
    'Sort <a href="api.html#rows"><code>rows</code></a> by <code>key</code>.'
    """
    parsed = NumpyDocString(docstring)

    def html(lines: list[str]) -> Markup:
        return to_html("\n".join(lines), anchor, link)

    def item(name: str, kind: str, lines: list[str]) -> Item:
        return Item(name, with_links(kind, link), html(lines))

    found = [Section(title, tuple(item(*one) for one in parsed[title])) for title in _LISTS if parsed[title]]
    found += [Section(title, body=html(parsed[title])) for title in ("Notes",) if parsed[title]]
    if parsed["See Also"]:
        found.append(Section("See also", tuple(_seen(parsed["See Also"], link, html))))
    if parsed["References"]:
        found.append(Section("References", body=_references("\n".join(parsed["References"]), anchor, link)))
    if parsed["Examples"]:
        found.append(Section("Examples", body=_examples("\n".join(parsed["Examples"]), anchor, link)))
    paragraphs = [*parsed["Summary"], "", *parsed["Extended Summary"]]
    first, _, rest = "\n".join(paragraphs).strip().partition("\n\n")
    return Described(bare(to_html(first, anchor, link)), to_html(rest, anchor, link), tuple(found))


def to_html(text: str, anchor: str, link: Link) -> Markup:
    """Turn reStructuredText into HTML; parameters as of `describe`."""
    if not text.strip():
        return _NOTHING
    text = _CITED.sub(rf"`[\1] <#{anchor}-\1>`__", text)
    text = _DOI.sub(r"`doi:\1 <https://doi.org/\1>`__", text)
    document = new_document(anchor, _SETTINGS)
    Parser().parse(text, document)
    writer = _Translator(document, link)
    document.walkabout(writer)
    return Markup("".join(writer.body).strip())  # noqa: S704  # docutils escapes what it writes


def bare(html: Markup) -> Markup:
    """Return a single paragraph without its tags."""
    return Markup(re.sub(r"\A<p>(.*)</p>\Z", r"\1", str(html), flags=re.DOTALL))  # noqa: S704


def with_links(text: str, link: Link) -> Markup:
    """Return plain text, such as a type, with links where a name in it has one."""
    words = (
        f'<a href="{address}">{escape(word)}</a>' if (address := link(word)) else str(escape(word))
        for word in re.split(rf"({_NAME.pattern})", text)
    )
    return Markup("".join(words))  # noqa: S704


def highlighted(code: str, lexer: str) -> Markup:
    """Return code in the site's colours; `lexer` is one of Pygments."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    html = highlight(code, get_lexer_by_name(lexer), HtmlFormatter(wrapcode=True))
    return Markup(html)  # noqa: S704  # Pygments escapes what it writes


def _seen(entries: list, link: Link, html: Callable[[list[str]], Markup]) -> list[Item]:
    """Return numpydoc's "See Also", one item an entry."""
    return [
        Item("", with_links(", ".join(name for name, _ in names), link), html(lines))
        for names, lines in entries
    ]


def _references(text: str, anchor: str, link: Link) -> Markup:
    """Return the numbered references as a list whose entries can be linked to."""
    _, *parts = _REFERENCE.split(text)
    entries = zip(parts[::2], parts[1::2], strict=True)
    items = (
        f'<li id="{anchor}-{number}" value="{number}">{bare(to_html(_flush(entry), anchor, link))}</li>'
        for number, entry in entries
    )
    return Markup(f"<ol>{''.join(items)}</ol>")  # noqa: S704


def _flush(text: str) -> str:
    """Return a reference on one line; its further lines are indented."""
    return " ".join(text.split())


def _examples(text: str, anchor: str, link: Link) -> Markup:
    """Return prose as prose, and what doctest runs in colours, in boxes that the keyboard can scroll."""
    parts = []
    for block in re.split(r"\n{2,}", text.strip()):
        if block.startswith(">>> "):
            code = str(highlighted(block, "pycon")).replace("<pre>", '<pre tabindex="0">', 1)
            parts.append(f'<div class="code">{code}</div>')
        else:
            parts.append(str(to_html(block, anchor, link)))
    return Markup("\n".join(parts))  # noqa: S704


class _Translator(HTMLTranslator):
    """Writes the few kinds of markup that docstrings use in the site's own way."""

    def visit_literal_block(self, node: nodes.literal_block) -> None:
        """Write code in a box that the keyboard can scroll."""
        self.body.append(self.starttag(node, "pre", "", CLASS="literal-block", tabindex="0"))

    def depart_literal_block(self, node: nodes.literal_block) -> None:  # noqa: ARG002
        """Close the box."""
        self.body.append("</pre>\n")

    def __init__(self, document: nodes.document, link: Link) -> None:
        super().__init__(document)
        self.link = link

    def visit_title_reference(self, node: nodes.title_reference) -> None:
        """Write `name` as code, with a link where it is described."""
        address = self.link(node.astext())
        self.body.append(f'<a href="{escape(address)}"><code>' if address else "<code>")
        self.context.append("</code></a>" if address else "</code>")

    def depart_title_reference(self, node: nodes.title_reference) -> None:  # noqa: ARG002
        """Close what was opened."""
        self.body.append(self.context.pop())

    def visit_literal(self, node: nodes.literal) -> None:
        """Write ``code`` as code that a narrow page may break."""
        self.body.append(f"<code>{escape(node.astext())}</code>")
        raise nodes.SkipNode

    def visit_reference(self, node: nodes.reference) -> None:
        """Write a link without docutils' classes."""
        self.body.append(f'<a href="{escape(node["refuri"])}">')
        self.context.append("</a>")

    def depart_reference(self, node: nodes.reference) -> None:  # noqa: ARG002
        """Close what was opened."""
        self.body.append(self.context.pop())
