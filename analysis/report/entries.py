"""What the reference describes: every public name of the library, and what users are given by them.

Nothing is listed by hand. What users import comes from `analysis.__all__` and the packages in it, classes
that no user makes from the annotations of what does, and the groups from the folders of the library.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import analysis
from analysis.errors import AnalysisError, AnalysisWarning
from analysis.report.signatures import PROPERTIES, function_of, signature_of, written

# Along the flow: what a group is called, and the modules and packages that it is made of.
GROUPS = {
    "Read": ("readers", "study", "catalogue", "roles", "source"),
    "Diversity": ("diversity",),
    "Compare": ("comparison",),
    "Taxa": ("taxa",),
    "Noise": ("pilots",),
    "Plan": ("planning", "planner", "designs"),
    "Claims": ("claims",),
    "Pictures": ("plots",),
    "Errors": ("errors",),
}
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Entry:
    """One thing that the reference describes.

    Attributes
    ----------
    thing : object
        A function, a class, or a method or property of one.
    name : str
        What users know it by: "permanova", "plots.ordination", "Permanova".
    anchor : str
        Its id on the page: "permanova", "ordination", "Study.select".
    group : str
        Of `GROUPS`.
    public : bool
        Whether users find it in `analysis`; otherwise they are given it.
    also : tuple of str
        Further names that it has in `analysis`.
    """

    thing: Any
    name: str
    anchor: str
    group: str
    public: bool = True
    also: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where it is described."""
        return f"{page_of(self.group)}#{self.anchor}"

    @property
    def path(self) -> str:
        """Where it is defined, in full."""
        return f"{self.thing.__module__}.{self.thing.__qualname__}"

    @property
    def bases(self) -> list[str]:
        """The classes of this library that a class is built on."""
        bases = getattr(self.thing, "__bases__", ())
        return [one.__name__ for one in bases if _ours(one) and not one.__name__.startswith("_")]

    @property
    def members(self) -> list[Entry]:
        """The public methods and properties of a class; those of a public base are described there."""
        found: dict[str, Entry] = {}
        for one in getattr(self.thing, "__mro__", ()):
            if _ours(one) and (one is self.thing or one.__name__.startswith("_")):
                for name, thing in vars(one).items():
                    if _is_member(name, thing) and name not in found:
                        anchor = f"{self.anchor}.{name}"
                        found[name] = replace(self, thing=thing, name=name, anchor=anchor, also=())
        return list(found.values())

    @property
    def own_names(self) -> set[str]:
        """Names that in its docstring mean a parameter or a field."""
        signature = signature_of(self.thing)
        fields = vars(self.thing).get("__annotations__", {}) if inspect.isclass(self.thing) else {}
        return {*fields, *(signature.parameters if signature else ())}

    @property
    def signature(self) -> str:
        """How it is called; empty for a class that users do not make, or make without arguments."""
        if inspect.isclass(self.thing) and not (self.public and self.own_names):
            return ""
        return written(self.thing, f"an.{self.name}" if "." not in self.anchor else self.anchor)


def all_entries() -> list[Entry]:
    """Find what users find in `analysis`, each thing once, and what they are given."""
    for module in walk_packages(analysis.__path__, "analysis."):  # errors are known once they are imported
        if not module.name.endswith("__main__"):
            import_module(module.name)
    names: dict[Any, list[str]] = {}
    for name, thing in public_names(analysis):
        names.setdefault(thing, []).append(name)
    public = [
        Entry(thing, name, thing.__name__, _group(thing), also=tuple(also))
        for thing, (name, *also) in names.items()
    ]
    return public + list(_given(public))


def public_names(module: ModuleType, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the names in a module's ``__all__`` and in those of the packages named there, which come last."""
    packages = []
    for name in module.__all__:
        thing = getattr(module, name)
        if isinstance(thing, ModuleType):
            packages.append((name, thing))
        else:
            yield f"{before}{name}", thing
    for name, thing in packages:
        yield from public_names(thing, f"{before}{name}.")


def in_order(entries: list[Entry], group: str) -> list[Entry]:
    """Return the entries of a group: what users call, each followed by the classes that it leads to."""
    here = [entry for entry in entries if entry.group == group]
    given = {entry.thing: entry for entry in here if not entry.public}
    ordered = []

    def put(entry: Entry) -> None:
        ordered.append(entry)
        for named in _mentioned(entry.thing):
            for one in (named, *_built_on(named)):
                if one in given:
                    put(given.pop(one))

    for entry in sorted((one for one in here if one.public), key=lambda one: ("." in one.name, one.name)):
        put(entry)
    return ordered + list(given.values())


def page_of(group: str) -> str:
    """Return the file that describes a group."""
    return f"api_{group.lower()}.html"


def introduction(group: str) -> str:
    """Return what the packages of a group say of themselves, in a sentence each."""
    modules = [sys.modules[f"analysis.{name}"] for name in GROUPS[group]]
    packages = [one for one in modules if hasattr(one, "__path__")] or modules
    return " ".join(inspect.getdoc(one).partition("\n\n")[0].replace("\n", " ") for one in packages)


def _given(public: list[Entry]) -> Iterator[Entry]:
    """Yield every error, the classes that annotations of public things lead to, and those built on these."""
    seen = {entry.thing for entry in public}
    found = [one for base in (AnalysisError, AnalysisWarning) for one in _built_on(base) if one not in seen]
    queue = [*seen, *found]
    seen.update(found)
    while queue:
        named = _mentioned(queue.pop())
        new = [one for base in named for one in (base, *_built_on(base)) if one not in seen]
        new = list(dict.fromkeys(new))
        seen.update(new)
        queue += new
        found += new
    anchors = [entry.anchor for entry in public] + [one.__name__ for one in found]
    for one in sorted(found, key=lambda one: (one.__name__, one.__module__)):
        name = one.__name__
        anchor = name if anchors.count(name) == 1 else f"{one.__module__.split('.')[1]}-{name}"
        yield Entry(one, name, anchor, _group(one), public=False)


def _built_on(base: type) -> Iterator[type]:
    """Yield the classes that are built on one: of results, what some endpoints give in its place."""
    for one in base.__subclasses__():
        if _ours(one) and not one.__name__.startswith("_"):
            yield one
            yield from _built_on(one)


def _mentioned(thing: Any) -> list[type]:
    """Return the classes of this library in a function's annotations, or in those of a class's members."""
    members = (
        [one for name, one in vars(thing).items() if _is_member(name, one)] if inspect.isclass(thing) else []
    )
    annotations = [
        str(annotation)
        for one in (thing, *members)
        for annotation in getattr(function_of(one), "__annotations__", {}).values()
    ]
    known = vars(sys.modules[thing.__module__])
    named = [known.get(word) for word in sorted(set(_NAME.findall(" ".join(annotations))))]
    return [one for one in named if inspect.isclass(one) and _ours(one)]


def _group(thing: Any) -> str:
    if inspect.isclass(thing) and issubclass(thing, AnalysisError | AnalysisWarning):
        return "Errors"
    part = thing.__module__.split(".")[1]
    return next(group for group, parts in GROUPS.items() if part in parts)


def _ours(thing: type) -> bool:
    return thing.__module__.startswith("analysis.")


def _is_member(name: str, thing: Any) -> bool:
    kinds = (classmethod, staticmethod, *PROPERTIES)
    return not name.startswith("_") and (inspect.isfunction(thing) or isinstance(thing, kinds))
