"""What columns are called: the headings of ids, lineages and ranks that tools of the field write."""

from __future__ import annotations

import re
from functools import lru_cache

from analysis.taxonomy import RANKS

_OTHER = re.compile("[^0-9a-z]")

SURE_SAMPLE_NAMES = {"sampleid", "samplename", "sampleidentifier"}
SAMPLE_NAMES = SURE_SAMPLE_NAMES | {"sample", "samples", "id"}
FEATURE_NAMES = {
    "otuid",
    "featureid",
    "feature",
    "otu",
    "asv",
    "asvid",
    "zotu",
    "zotuid",
    "taxon",
    "taxonomy",
}
LINEAGE_NAMES = {
    "taxonomy", "taxonomies", "taxon", "taxa", "lineage", "consensuslineage",
    "taxonomicassignment",
}  # fmt: skip
RANK_NAMES = {rank.casefold() for rank in RANKS} | {
    "kingdom",
    "superkingdom",
    *(f"rank{k}" for k in range(1, 8)),
}


@lru_cache(maxsize=4_096, typed=True)  # a hostile header holds the same few names a million times
def folded(name: object) -> str:
    """Return a heading in lower case, with letters and digits only.

    Examples
    --------
    >>> folded("#Sample ID"), folded("Consensus Lineage")
    ('sampleid', 'consensuslineage')
    """
    return _OTHER.sub("", str(name).casefold())


def is_sample_heading(name: str) -> bool:
    """Say whether a heading names sample ids."""
    return folded(name) in SAMPLE_NAMES


def lineage_place(header: list[str]) -> int | None:
    """Find the column that holds lineages: the last one called so, and never the first column."""
    return next((k for k in range(len(header) - 1, 0, -1) if folded(header[k]) in LINEAGE_NAMES), None)


def rank_places(header: list[str]) -> list[int]:
    """Find the columns that hold a rank each: three at least, or none."""
    places = [k for k, name in enumerate(header) if k and folded(name) in RANK_NAMES]
    return places if len(places) >= 3 else []
