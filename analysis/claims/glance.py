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
    "marker": "the marker",
}
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
        is missing (in the nearest table), n an arm, and animals or people (in all).

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
        row = {"claim": claim.statement, "host": claim.host}
        if claim.testable:
            nearest = _nearest(matrix, name)
            needs = data_needed(claim)
            row |= {
                "testable today": "yes" if nearest["essential_missing"] == 0 else "no",
                "nearest table": nearest["dataset"],
                "what is missing": _in_words(nearest["lacks"]),
                "n an arm": f"{needs.plan.n_per_arm}",
                "animals or people": f"{needs.plan.total} {claim.subjects}",
            }
        else:
            row |= {"testable today": "no", "nearest table": "", "what is missing": _SEARCH}
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis("id")


def _nearest(matrix: pd.DataFrame, name: str) -> pd.Series:
    """Return the audit of the table that lacks least; the first of equals."""
    audits = matrix[matrix["claim"] == name]
    if audits.empty:
        known = matrix["claim"].unique().tolist()
        remedy = did_you_mean(name, known)
        raise one_fault(ParameterError, "overview", f"no audit of {name!r}", where="matrix", remedy=remedy)
    return audits.loc[audits["essential_missing"].idxmin()]


def _in_words(lacks: object) -> str:
    """Write out what is missing; without anyone treated there is no untreated arm to speak of."""
    if not isinstance(lacks, str):
        return ""
    ids = lacks.split("; ")
    if "exposure" in ids and "reference" in ids:
        ids.remove("reference")
    return ", ".join(_LACKS.get(one, one.replace("_", " ")) for one in ids)
