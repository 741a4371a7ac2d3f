"""Lists of taxa fixed in advance, read from a file that says where each comes from and what it cannot say."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from os import PathLike
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from analysis.errors import Faults, ParameterError, ReadError, did_you_mean, nearest, one_fault
from analysis.paths import data_path
from analysis.records import read_toml
from analysis.taxonomy import RANKS

# key: whether it must be there
_PANEL_KEYS = {
    "title": True,
    "why": True,
    "registered": True,
    "sources": True,
    "limits": True,
    "up": True,
    "down": False,
}
_TAXON_KEYS = {"name": True, "rank": True, "also": False, "note": False}
_SOURCE_KEYS = {"citation": True, "doi": True}
_DOI = re.compile(r"^10\.\d{4,9}/\S+$")
_BRACKETED = re.compile(r"^\[(.+)\]$")
_SUFFIX = re.compile(r"(?:_[A-Z]{1,2})?(?:_\d{4,})?$")  # GTDB: Enterococcus_B; Greengenes2: ..._T_12345
_NUMERAL = re.compile(r"(?:clostridium|sedis)_[ivx]+$", re.IGNORECASE)  # RDP's clusters: Clostridium_XI


@dataclass(frozen=True)
class Taxon:
    """One taxon of a panel.

    Attributes
    ----------
    name, rank : str
        The taxon, at the only rank where it is looked for.
    also : tuple of str
        Other names of the same reads at that rank, in other databases or releases.
    note : str
        Why these names stand for it.
    """

    name: str
    rank: str
    also: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """A list of taxa fixed before the data were looked at.

    Attributes
    ----------
    id, title, why : str
        What it is and why it was chosen.
    registered : datetime.date
        The day it was fixed.
    sources : tuple of (str, str)
        Citation and DOI.
    limits : tuple of str
        What a score cannot say.
    up, down : tuple of Taxon
        Taxa that the source found raised and lowered; an empty `down` means: against all other taxa.
    """

    id: str
    title: str
    why: str
    registered: date
    sources: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    up: tuple[Taxon, ...]
    down: tuple[Taxon, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row a taxon: side, taxon, rank, also."""
        rows = [
            (side, taxon.name, taxon.rank, ", ".join(taxon.also))
            for side, taxa in (("up", self.up), ("down", self.down))
            for taxon in taxa
        ]
        return pd.DataFrame(rows, columns=["side", "taxon", "rank", "also"])

    def _repr_html_(self) -> str:
        return f"<p><b>{html.escape(self.title)}</b></p>{self.to_frame().to_html(index=False)}"


def load_panels(path: str | Path | None = None) -> Mapping[str, Panel]:
    """Read panels from a TOML file.

    Parameters
    ----------
    path : str or Path, optional
        A file of the user's own, laid out as the project's ``data/panels.toml``, which is the default.

    Returns
    -------
    mapping of str to Panel
        By id, in the order of the file.

    Raises
    ------
    ReadError
        Where the file cannot be read or is not laid out so; all faults at once.

    Examples
    --------
    >>> list(load_panels())
    ['gevers_axis', 'ppi', 'escherichia_shigella', 'infant_botulism']
    """
    if path is not None and not isinstance(path, str | PathLike):
        raise one_fault(
            ParameterError, "load_panels", f"a {type(path).__name__}", where="path=", expected="a file's path"
        )
    file = Path(path) if path is not None else data_path("panels.toml")
    content = read_toml(
        file, ReadError, "a TOML file of panels in UTF-8, laid out as the project's data/panels.toml"
    )
    faults = Faults(file.name, ReadError)
    for name, entry in content.items():
        _check_panel(name, entry, faults)
    if not content:
        faults.add("there is no panel", expected="at least one table such as [gevers_axis]")
    faults.raise_if_any()
    return MappingProxyType({name: _build_panel(name, entry) for name, entry in content.items()})


def comparable(name: str, rank: str) -> str:
    """Write a taxon's name so that the databases' spellings of it are equal.

    Examples
    --------
    >>> comparable("Escherichia/Shigella", "Genus"), comparable("Enterococcus_B", "Genus")
    ('escherichia shigella', 'enterococcus')
    >>> comparable("[Tissierellaceae]", "Family"), comparable("[Ruminococcus]", "Genus")
    ('tissierellaceae', '[ruminococcus]')
    """
    text = str(name).strip().strip('"')
    if RANKS.index(rank) < RANKS.index("Genus"):
        text = _BRACKETED.sub(r"\1", text)
    if not _NUMERAL.search(text):
        text = _SUFFIX.sub("", text)
    return re.sub(r"[\s/_-]+", " ", text).strip().casefold()


def _check_keys(entry: object, keys: Mapping[str, bool], where: str, faults: Faults) -> bool:
    """Note keys that are unknown or missing; return whether the entry is a table at all."""
    if not isinstance(entry, dict):
        faults.add(f"{entry!r} is not a table", where=where, expected=f"a table with {', '.join(keys)}")
        return False
    for key in entry:
        if key not in keys:
            near = nearest(key, list(keys))
            faults.add(
                f"unknown key {key!r}",
                where=where,
                expected=", ".join(keys),
                remedy=f"did you mean {near!r}?" if near else "remove it",
            )
    for key, needed in keys.items():
        if needed and key not in entry:
            faults.add(f"{key!r} is missing", where=where)
    return True


def _check_panel(name: str, entry: object, faults: Faults) -> None:
    """Note everything that is wrong with one panel of the file."""
    where = f"[{name}]"
    if not _check_keys(entry, _PANEL_KEYS, where, faults):
        return
    for key in ("title", "why"):
        _check_text(entry, key, where, faults)
    if "registered" in entry and type(entry["registered"]) is not date:
        faults.add(
            f"{entry['registered']!r} is not a day", where=f"{where} registered", expected="2026-11-22"
        )
    if not _all_text(entry.get("limits", ["-"])):
        faults.add("not a list of sentences", where=f"{where} limits", expected='["..."]')
    sources = entry.get("sources", [{"citation": "-", "doi": "10.0000/-"}])
    for place, source in enumerate(sources if isinstance(sources, list) and sources else [sources], start=1):
        spot = f"{where} sources, entry {place}"
        if _check_keys(source, _SOURCE_KEYS, spot, faults):
            _check_text(source, "citation", spot, faults)
            if "doi" in source and not _DOI.match(str(source["doi"])):
                faults.add(
                    f"{source['doi']!r} is not a DOI", where=spot, expected="10.1016/j.chom.2014.02.005"
                )
    seen: dict[tuple[str, str], str] = {}
    for side in ("up", "down"):
        if side in entry:
            _check_side(entry[side], f"{where} {side}", seen, faults)


def _check_side(side: object, where: str, seen: dict[tuple[str, str], str], faults: Faults) -> None:
    """Note what is wrong with the taxa of a side, and names that stand twice in the panel."""
    if not (isinstance(side, list) and side):
        faults.add("not a list of taxa", where=where, expected="tables such as [[gevers_axis.up]]")
        return
    for place, taxon in enumerate(side, start=1):
        spot = f"{where}, entry {place}"
        if not _check_keys(taxon, _TAXON_KEYS, spot, faults):
            continue
        for key in ("name", "note"):
            _check_text(taxon, key, spot, faults)
        rank = taxon.get("rank", RANKS[0])
        if rank not in RANKS:
            faults.add(f"{rank!r} is not a rank", where=spot, remedy=did_you_mean(rank, RANKS))
        also = taxon.get("also", [])
        if not _all_text(also):
            faults.add(f"also = {also!r}", where=spot, expected="a list of names")
        elif rank in RANKS:
            for name in (taxon.get("name", ""), *also):
                first = seen.setdefault((rank, comparable(name, rank)), spot)
                if first != spot:
                    faults.add(
                        f"{name!r} already counts in {first}",
                        where=spot,
                        expected="each name once in a panel",
                    )


def _check_text(entry: dict, key: str, where: str, faults: Faults) -> None:
    if key in entry and not (isinstance(entry[key], str) and entry[key].strip()):
        faults.add(f"{key} = {entry[key]!r}", where=where, expected="text that is not empty")


def _all_text(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) and value.strip() for value in values)


def _build_panel(name: str, entry: dict) -> Panel:
    sides = {
        side: tuple(
            Taxon(taxon["name"], taxon["rank"], tuple(taxon.get("also", ())), taxon.get("note", ""))
            for taxon in entry.get(side, ())
        )
        for side in ("up", "down")
    }
    return Panel(
        id=name,
        title=entry["title"],
        why=" ".join(entry["why"].split()),
        registered=entry["registered"],
        sources=tuple((source["citation"], source["doi"]) for source in entry["sources"]),
        limits=tuple(entry["limits"]),
        **sides,
    )
