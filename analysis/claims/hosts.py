"""Whose microbes a study is about, as far as its source and its metadata say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from analysis.claims.answers import is_missing, tidy
from analysis.claims.columns import plain_name
from analysis.study import Study

# Columns that name the host, the most direct first.
_COLUMNS = (
    "hostscientificname", "hosttaxid", "hostspecies", "hosttaxonid", "hostcommonname", "host", "species",
    "hostspeciesname", "commonname", "scientificname", "organism", "samptaxonid", "taxonid", "taxid",
)  # fmt: skip
_SPECIES = {
    "mouse": r"\b(?:mouse|mice|mus musculus|m\. musculus|murine|c57bl\S*|balb\S*|10090|10088|10092|410661)\b",
    "human": r"\b(?:humans?|homo sapiens|h\. sapiens|9606|408170|408172|people|persons?|patients?)\b",
    "rat": r"\b(?:rats?|rattus|10116|10114)\b",
    "another animal": r"\b(?:pigs?|sus scrofa|dogs?|canis|cats?|felis|cows?|bos taurus|cattle|chickens?|"
    r"gallus|macaques?|monkeys?|baboons?|zebrafish|danio|hamsters?|rabbits?|sheep|ovis|horses?|equus|fish|ferrets?)\b",
    "no host": r"\b(?:soil|water|freshwater|ocean|marine|sediment|environment\w*|mock)\b",
}
_NO_HOST = r"\b(?:blank|control|not applicable|synthetic|none)\b"
_HINTS = {"mouse": r"^(?:mouse|mice)", "human": r"^(?:patient|participant)"}


@dataclass(frozen=True)
class Host:
    """Which hosts the samples are from.

    Attributes
    ----------
    samples : dict of str to int
        Samples of each species; empty where nothing says.
    where, said : str
        The column or catalogue that says so, and how.
    direct : bool
        Whether it is said outright, and not only by the name of a column.
    n_unknown : int
        Samples of which nothing is said.
    """

    samples: dict[str, int]
    where: str = ""
    said: str = ""
    direct: bool = False
    n_unknown: int = 0


def find_host(study: Study) -> Host:
    """Find out whose microbes a study is about: the metadata first, then the catalogue, then column names."""
    by_name = {plain_name(column): column for column in reversed(study.metadata.columns)}
    for name in _COLUMNS:
        if name in by_name:
            species = study.metadata[by_name[name]].map(_species, na_action="ignore").dropna()
            if len(species):
                counts = species.value_counts()
                column = by_name[name]
                said = ", ".join(f"{kind}: {n} samples" for kind, n in counts.items())
                unknown = len(study.sample_ids) - len(species)
                return Host({str(k): int(n) for k, n in counts.items()}, column, said, True, unknown)
    known = _catalogued().get(study.source.name) if study.source.citation else None
    if known:
        return _from_catalogue(study, *known)
    for species, pattern in _HINTS.items():
        for name, column in by_name.items():
            if re.match(pattern, name) and study.metadata[column].notna().any():
                said = f"no column names the host; the column {column!r} speaks of it"
                return Host({species: len(study.sample_ids)}, column, said)
    return Host({})


def _from_catalogue(study: Study, species: str, samples: int) -> Host:
    kinds = [kind.strip() for kind in species.split(",")]
    if len(kinds) > 1 and len(study.sample_ids) < samples:  # some were chosen, perhaps those of one host
        return Host({}, "the catalogue", f"some of a table of {species}")
    return Host(dict.fromkeys(kinds, len(study.sample_ids)), "the catalogue", f"{species} (catalogue)", True)


@cache
def _catalogued() -> dict[str, tuple[str, int]]:
    from analysis.catalogue import read_catalogue

    return {name: (entry.species, entry.samples) for name, entry in read_catalogue().items()}


@cache
def _species(value: object) -> str | None:
    """Return the species that a value names, or None."""
    if is_missing(value) or re.search(_NO_HOST, tidy(value)):
        return None
    text = tidy(value).removesuffix(".0").removeprefix("ncbitaxon:")
    found = [name for name, pattern in _SPECIES.items() if re.search(pattern, text)]
    return found[0] if found else None


def same_host(host: Host, wanted: str) -> bool | None:
    """Say whether all samples are of the host wanted; None where nothing is known."""
    return set(host.samples) == {wanted} if host.samples else None
