"""The pages of the reference, and the way from a name to where it is described."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

from markupsafe import Markup

from analysis.report.docstrings import Described, bare, describe, highlighted, to_html
from analysis.report.entries import GROUPS, Entry, all_entries, in_order, introduction, page_of
from analysis.report.signatures import function_of

_SIGNED = re.compile(r'<span class="(n|nb|ne)">(\w+)</span>')
_CALLED = re.compile(
    r'<span class="n">an</span><span class="o">\.</span>'
    r'((?:<span class="n">\w+</span><span class="o">\.</span>)?<span class="n">\w+</span>)'
)
_TAG = re.compile(r"<[^>]+>")


class Reference:
    """All that is described, and where.

    Examples
    --------
    >>> reference = Reference()
    >>> reference.link("an.permanova"), reference.link("Study.select"), reference.link("numpy")
    ('api_compare.html#permanova', 'api_read.html#Study.select', None)
    """

    def __init__(self) -> None:
        self.entries = all_entries()
        self._addresses: dict[str, str] = {}
        for entry in self.entries:
            for name in (entry.name, entry.anchor, *entry.also, entry.path):
                self._addresses.setdefault(name, entry.address)
            for member in entry.members:
                self._addresses.setdefault(member.anchor, member.address)

    def link(self, name: str) -> str | None:
        """Return the address of a name, as users or docstrings write it; None where there is none."""
        short = re.sub(r"^(?:an|analysis)\.", "", name)
        owner = short.rpartition(".")[0]  # fields are described with their class
        tried = (short, name, owner if owner[:1].isupper() else "")
        return next((self._addresses[one] for one in tried if one in self._addresses), None)

    def pages(self) -> dict[str, dict[str, Any]]:
        """Return what the pages of the groups show, by the group's name."""
        return {
            group: {
                "group": group,
                "about": bare(to_html(introduction(group), group, self.link)),
                "entries": [self._shown(entry) for entry in in_order(self.entries, group)],
                "pages": [(name, page_of(name)) for name in GROUPS],
            }
            for group in GROUPS
        }

    def linked(self, html: str) -> str:
        """Let names in highlighted code, such as ``an.permanova``, lead to their entries."""

        def one(found: re.Match[str]) -> str:
            address = self.link(_TAG.sub("", found.group()))
            return f'<a href="{address}">{found.group()}</a>' if address else found.group()

        return _CALLED.sub(one, html)

    def _shown(self, entry: Entry, owner: Entry | None = None) -> dict[str, Any]:
        text = self._described(entry, owner)
        return {
            "name": entry.name,
            "anchor": entry.anchor,
            "address": entry.address,
            "public": entry.public,
            "origin": self._origin(entry),
            "signature": self._signature(entry),
            "text": text,
            "summary": text.summary,
            "members": [self._shown(member, entry) for member in entry.members],
        }

    def _origin(self, entry: Entry) -> Markup:
        """Say of a class what it is built on and where it comes from."""
        said = [Markup("Also <code>an.{}</code>.").format(name) for name in entry.also]
        for base in getattr(entry, "bases", ()):
            address = self.link(base)
            said.append(Markup('Built on <a href="{}"><code>{}</code></a>.').format(address, base))
        if not entry.public and "." not in entry.anchor:
            said.append(Markup("In <code>{}</code>.").format(entry.thing.__module__))
        return Markup(" ").join(said)

    def _described(self, entry: Entry, owner: Entry | None) -> Described:
        own = entry.own_names | (owner.own_names if owner else set())

        def link(name: str) -> str | None:
            inside = self._addresses.get(f"{(owner or entry).anchor}.{name}")
            return inside or (None if name in own else self._resolved(name, entry))

        return describe(inspect.getdoc(entry.thing) or "", entry.anchor, link)

    def _signature(self, entry: Entry) -> Markup:
        def linked(found: re.Match[str]) -> str:
            kind, name = found.groups()
            address = self._resolved(name, entry) if name[0].isupper() else None
            span = f'<span class="{kind}">{name}</span>'
            return span if address in {None, entry.address} else f'<a href="{address}">{span}</a>'

        if not entry.signature:
            return Markup("")
        html = _SIGNED.sub(linked, str(highlighted(entry.signature, "python")))
        return Markup(html)  # noqa: S704  # Pygments escaped it

    def _resolved(self, name: str, entry: Entry) -> str | None:
        """Return where a name leads that is used in an entry's module."""
        meant = vars(sys.modules[function_of(entry.thing).__module__]).get(name)
        path = f"{meant.__module__}.{name}" if inspect.isclass(meant) else ""
        return self._addresses.get(path) or self.link(name)
