"""Lineages as Greengenes, SILVA, RDP and mothur write them, brought to one table of seven ranks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import TaxonomyError, did_you_mean, one_fault

RANKS = ("Domain", "Phylum", "Class", "Order", "Family", "Genus", "Species")

_BY_LETTER = dict(zip("dpcofgs", RANKS, strict=True)) | {"k": "Domain"}
_PREFIX = re.compile(r"^(?:([dkpcofgs])__|D_(\d+)__)", re.IGNORECASE)
_CONFIDENCE = re.compile(r"\(\d+(?:\.\d+)?\)$")
_UNKNOWN = re.compile(
    r"^(?:|\?|_+|na|nan|none|null|unknown|unassigned|unclassified|no[ _]?hit|ambiguous[_ ]taxa"
    r"|.*[_ ]unclassified|unclassified[_ ].*)$",
    re.IGNORECASE,
)
_LINEAGE_COLUMNS = ("taxon", "taxonomy", "lineage", "consensus lineage", "consensuslineage")
_ALIASES = {"kingdom": "Domain", "superkingdom": "Domain"} | {rank.casefold(): rank for rank in RANKS}


def parse_lineage(text: str) -> tuple[str, ...]:
    """Split one lineage into the seven ranks; "" where a rank is unknown.

    Parameters
    ----------
    text : str
        For example ``"k__Bacteria; p__Firmicutes"`` (Greengenes), ``"d__Bacteria;p__Bacillota"`` or
        ``"D_0__Bacteria;D_1__Firmicutes"`` (SILVA), ``"Bacteria;Firmicutes"`` (RDP) or
        ``"Bacteria(100);Firmicutes(98);"`` (mothur).

    Returns
    -------
    tuple of str, length 7
        Names for `RANKS`, without prefixes and confidences. What a database calls unclassified is "".

    Examples
    --------
    >>> parse_lineage("k__Bacteria; p__Firmicutes; c__; o__; f__; g__; s__")[:3]
    ('Bacteria', 'Firmicutes', '')
    >>> parse_lineage("Bacteria(100);Firmicutes(98);Firmicutes_unclassified(98);")[:3]
    ('Bacteria', 'Firmicutes', '')
    """
    fields = [_CONFIDENCE.sub("", field.strip().strip('"')) for field in re.split(r"[;|]", str(text))]
    if fields and fields[0].casefold() == "root":
        fields = fields[1:]
    found = dict.fromkeys(RANKS, "")
    for place, field in enumerate(fields):
        prefix = _PREFIX.match(field)
        name = field[prefix.end() :].strip() if prefix else field
        if prefix and prefix[1]:
            rank = _BY_LETTER[prefix[1].lower()]
        else:
            place = int(prefix[2]) if prefix else place  # noqa: PLW2901
            if place >= len(RANKS):
                continue
            rank = RANKS[place]
        if not _UNKNOWN.match(name):
            found[rank] = name
    return tuple(found.values())


def taxonomy_table(lineages: Iterable[str], feature_ids: Sequence[str]) -> pd.DataFrame:
    """Parse a lineage for each feature.

    Parameters
    ----------
    lineages : iterable of str, length n_features
        One lineage a feature, in the order of the ids.
    feature_ids : sequence of str, length n_features
        Feature ids, the index of the result.

    Returns
    -------
    pandas.DataFrame, shape (n_features, 7)
        Columns `RANKS`; "" where a rank is unknown.
    """
    cache: dict[str, tuple[str, ...]] = {}
    rows = []
    for lineage in lineages:
        if lineage not in cache:
            cache[lineage] = parse_lineage(lineage)
        rows.append(cache[lineage])
    return pd.DataFrame(rows, index=pd.Index(feature_ids, name="feature_id"), columns=list(RANKS), dtype=str)


def taxonomy_from_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Bring a table with a column a rank (as phyloseq's ``tax_table``) to the seven ranks.

    Parameters
    ----------
    table : pandas.DataFrame
        Index: feature ids. Columns named by rank (Kingdom or Domain, Phylum, ...) or Rank1 to Rank7.

    Raises
    ------
    TaxonomyError
        Where no column is a rank, or two columns are the same.
    """
    result = pd.DataFrame("", index=pd.Index(table.index, name="feature_id"), columns=list(RANKS), dtype=str)
    used: dict[str, object] = {}
    for place, column in enumerate(table.columns):
        rank = _rank_of_column(column)
        if rank is None:
            continue
        if rank in used:
            raise one_fault(
                TaxonomyError,
                "taxonomy",
                f"columns {str(used[rank])!r} and {str(column)!r} are both {rank}",
                expected="one column for each rank",
                remedy="drop or rename one of them",
            )
        used[rank] = column
        codes, names = pd.factorize(table.iloc[:, place], use_na_sentinel=False)
        result[rank] = np.array(["" if pd.isna(n) else _clean_name(n) for n in names], dtype=object)[codes]
    if not used:
        raise one_fault(
            TaxonomyError,
            "taxonomy",
            f"no column is a rank: {', '.join(map(str, table.columns))}",
            expected=f"columns named {', '.join(RANKS)} (or Rank1 to Rank7)",
            remedy="rename the columns, or give lineages such as 'k__Bacteria; p__Firmicutes'",
        )
    return result


def to_ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Bring a table with a column a rank, or else with a column of lineages, to the seven ranks.

    Parameters
    ----------
    table : pandas.DataFrame, shape (n_features, n_columns)
        Index: feature ids. Columns named by rank in any case, or one named Taxon, Taxonomy or Lineage.

    Returns
    -------
    pandas.DataFrame, shape (n_features, 7)
        Columns `RANKS`, "" where a rank is unknown; the same object where the table is so already.

    Raises
    ------
    TaxonomyError
        Where there are neither ranks nor lineages.
    """
    lineages = [i for i, c in enumerate(table.columns) if str(c).strip().casefold() in _LINEAGE_COLUMNS]
    if not lineages or any(_rank_of_column(column) for column in table.columns):
        ranks = taxonomy_from_columns(table)
        as_is = list(table.columns) == list(RANKS) and ranks.astype(object).equals(table.astype(object))
        return table if as_is else ranks
    texts = ["" if pd.isna(text) else str(text) for text in table.iloc[:, lineages[0]]]
    if any(texts) and not any(mark in text for text in texts for mark in (";", "|", "__")):
        raise one_fault(
            TaxonomyError,
            "taxonomy",
            f"column {str(table.columns[lineages[0]])!r} holds names and no lineages",
            expected="lineages such as 'Bacteria;Firmicutes;Clostridia'",
            remedy="name the column by the rank of the names, for example Genus",
        )
    return taxonomy_table(texts, table.index)


def _rank_of_column(column: object) -> str | None:
    name = str(column).strip().casefold()
    numbered = re.fullmatch(r"rank[_ ]?([1-7])", name)
    return RANKS[int(numbered[1]) - 1] if numbered else _ALIASES.get(name)


def _clean_name(value: object) -> str:
    text = _CONFIDENCE.sub("", str(value).strip())
    prefix = _PREFIX.match(text)
    name = text[prefix.end() :].strip() if prefix else text
    return "" if _UNKNOWN.match(name) else name


def find_rank(rank: str) -> str:
    """Return the rank by its proper name, whatever its case ("kingdom" is Domain).

    Raises
    ------
    TaxonomyError
        Where there is no such rank.
    """
    found = _ALIASES.get(str(rank).strip().casefold())
    if found is None:
        raise one_fault(
            TaxonomyError, "rank", f"{rank!r} is not a taxonomic rank", remedy=did_you_mean(rank, RANKS)
        )
    return found


def collapse_features(taxonomy: pd.DataFrame, rank: str) -> tuple[sparse.csr_array, pd.DataFrame]:
    """Group features that share their lineage down to a rank.

    Parameters
    ----------
    taxonomy : pandas.DataFrame, shape (n_features, 7)
        A table as `taxonomy_table` gives it.
    rank : str
        One of `RANKS`.

    Returns
    -------
    membership : scipy.sparse.csr_array, shape (n_features, n_groups)
        1 where a feature belongs to a group: ``counts @ membership`` adds the features up.
    groups : pandas.DataFrame, shape (n_groups, 7)
        The groups' taxonomy; the index holds their names.
    """
    kept = list(RANKS[: RANKS.index(find_rank(rank)) + 1])
    lineages = pd.MultiIndex.from_frame(taxonomy[kept])
    codes, unique = pd.factorize(lineages, sort=True)
    groups = pd.DataFrame(list(unique), columns=kept).reindex(columns=list(RANKS), fill_value="").astype(str)
    names = [_group_name(row) for row in groups[kept].itertuples(index=False, name=None)]
    repeated = pd.Series(names).duplicated(keep=False)
    groups.index = pd.Index(
        [
            ";".join(row) if again else name
            for name, again, row in zip(
                names, repeated, groups[kept].itertuples(index=False, name=None), strict=True
            )
        ],
        name="feature_id",
    )
    size = (len(taxonomy), len(groups))
    ones = np.ones(len(taxonomy), dtype=np.int64)
    return sparse.csr_array((ones, (np.arange(len(taxonomy)), codes)), shape=size), groups


def _group_name(lineage: tuple[str, ...]) -> str:
    if lineage[-1]:
        return lineage[-1]
    known = [name for name in lineage if name]
    return f"{known[-1]} (unclassified)" if known else "Unclassified"
