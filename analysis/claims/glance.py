"""All claims at a glance: can they be tested today, what is missing, how many subjects would settle them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.claims.model import Claim
from analysis.claims.needs import data_needed
from analysis.errors import ParameterError, did_you_mean, one_fault

_LACKS = {
    "exposure": "anyone who got botulinum toxin",
    "reference": "an untreated arm",
    "host": "the right host",
    "reads": "raw counts",
    "taxonomy": "names of the taxa",
    "subject": "ids of the subjects",
    "follow_up": "samples while the toxin works",
}
_COLUMNS = [
    "claim",
    "host",
    "testable today",
    "nearest table",
    "what is missing",
    "n an arm",
    "animals or people",
]
_SEARCH = "no samples would settle it: a search of the literature"


def overview(claims: Mapping[str, Claim], matrix: pd.DataFrame) -> pd.DataFrame:
    """Say of each claim whether any public table can test it, what the nearest one lacks, and what it takes.

    Parameters
    ----------
    claims : mapping of str to Claim
        From `load_claims`.
    matrix : pandas.DataFrame
        Audits of public tables, as in ``data/results/audit_matrix.csv``: columns claim, dataset,
        essential_missing and lacks (ids of requirements, "; " between them).

    Returns
    -------
    pandas.DataFrame
        Index: the ids. Columns: claim (in words), host, testable today ("yes" or "no"), nearest table, what
        is missing (in the nearest table), n an arm, and animals or people (in all). `by_topic` shortens it.

    Raises
    ------
    ParameterError
        Where the matrix lacks a column or a claim.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> claims = an.load_claims()
    >>> audits = pd.DataFrame({"claim": list(claims), "dataset": "turnbaugh_mice", "essential_missing": 1})
    >>> table = an.claims.overview(claims, audits.assign(lacks="exposure"))
    >>> table.loc["diversity_falls_mice", ["testable today", "nearest table"]].tolist()
    ['no', 'turnbaugh_mice']
    """
    for column in ("claim", "dataset", "essential_missing", "lacks"):
        if column not in matrix:
            remedy = did_you_mean(column, list(matrix.columns))
            raise one_fault(
                ParameterError, "overview", f"no column {column!r}", where="matrix", remedy=remedy
            )
    rows = {}
    for name, claim in claims.items():
        row = {
            "claim": claim.statement,
            "host": claim.host,
            "testable today": "no",
            "what is missing": ", ".join(_missing(matrix, claim)),
        }
        if claim.testable:
            nearest, plan = _nearest(matrix, name), data_needed(claim).plan
            row |= {
                "testable today": "yes" if nearest["essential_missing"] == 0 else "no",
                "nearest table": nearest["dataset"],
                "n an arm": f"{plan.n_per_arm}",
                "animals or people": f"{plan.total} {claim.subjects}",
            }
        rows[name] = row
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS)
    return table.fillna("").rename_axis("id")


def by_topic(claims: Mapping[str, Claim], matrix: pd.DataFrame) -> pd.DataFrame:
    """Shorten the overview: what is claimed of mice and of people side by side.

    Parameters
    ----------
    claims, matrix
        As in `overview`.

    Returns
    -------
    pandas.DataFrame
        A row a topic, in the order of the claims. Columns: topic, testable today ("yes" if for either host,
        "no", or "not by samples"),
        what is missing (for either), mice and people (in all; "" where the claim is not made of them or no
        samples would settle it).

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> from analysis.paths import data_path
    >>> audits = pd.read_csv(data_path("results/audit_matrix.csv"), comment="#")
    >>> an.claims.by_topic(an.load_claims(), audits).loc[0, ["topic", "testable today", "mice"]].tolist()
    ['Diversity falls', 'no', '116']
    """
    table = overview(claims, matrix)
    topics = [claims[name].heading for name in table.index]
    rows = []
    for topic, part in table.groupby(topics, sort=False):
        missing = dict.fromkeys(word for name in part.index for word in _missing(matrix, claims[name]))
        counted = dict(text.split()[::-1] for text in part["animals or people"] if text)
        rows.append(
            {
                "topic": topic,
                "testable today": _answer(part, claims),
                "what is missing": ", ".join(missing),
            }
            | {host: counted.get(host, "") for host in ("mice", "people")}
        )
    return pd.DataFrame(rows)


def _answer(part: pd.DataFrame, claims: Mapping[str, Claim]) -> str:
    if not any(claims[name].testable for name in part.index):
        return "not by samples"
    return "yes" if (part["testable today"] == "yes").any() else "no"


def topic_matrix(claims: Mapping[str, Claim], matrix: pd.DataFrame) -> pd.DataFrame:
    """Shorten a matrix of audits: of the claims of one topic, the one that a table comes closer to.

    Parameters
    ----------
    claims, matrix
        As in `overview`.

    Returns
    -------
    pandas.DataFrame
        A row a topic and dataset: claim (the topic), dataset, essential_missing; for `plots.gap_matrix`.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> from analysis.paths import data_path
    >>> audits = pd.read_csv(data_path("results/audit_matrix.csv"), comment="#")
    >>> an.claims.topic_matrix(an.load_claims(), audits).loc[0, ["claim", "dataset"]].tolist()
    ['Diversity falls', 'turnbaugh_mice']
    """
    named = matrix.assign(claim=[claims[name].heading for name in matrix["claim"]])
    return named.groupby(["claim", "dataset"], sort=False, as_index=False)["essential_missing"].min()


def _nearest(matrix: pd.DataFrame, name: str) -> pd.Series:
    """Return the audit of the table that lacks least; the first of equals."""
    audits = matrix[matrix["claim"] == name]
    if audits.empty:
        known = matrix["claim"].unique().tolist()
        remedy = did_you_mean(name, known)
        raise one_fault(ParameterError, "overview", f"no audit of {name!r}", where="matrix", remedy=remedy)
    return audits.loc[audits["essential_missing"].idxmin()]


def _missing(matrix: pd.DataFrame, claim: Claim) -> list[str]:
    """Write out what the nearest table lacks; with nobody treated there is no untreated arm to speak of."""
    if not claim.testable:
        return [_SEARCH]
    lacks = _nearest(matrix, claim.id)["lacks"]
    ids = lacks.split("; ") if isinstance(lacks, str) else []
    if "exposure" in ids and "reference" in ids:
        ids.remove("reference")
    # An association is named after both of its sides: the diversity first, then the marker.
    words = _LACKS | {"marker": claim.endpoint.name.rpartition(" and ")[2]}
    return [words.get(one, one.replace("_", " ")) for one in ids]
