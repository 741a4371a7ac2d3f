"""What the front page shows: the claims at a glance, and three pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.claims.glance import by_topic, overview, topic_matrix
from analysis.claims.model import Article, Claim
from analysis.claims.needs import data_needed
from analysis.claims.reading import load_claims
from analysis.paths import data_path
from analysis.plots.behind import numbers_of
from analysis.report.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REHEARSED = "diversity_falls_mice"


@dataclass(frozen=True)
class ClaimsTable:
    """The claims as the front page lists them.

    Attributes
    ----------
    article : Article
        What makes them.
    rows : list of dict
        A topic each: claim, today ("yes", "no" or "unknown"), missing, mice and people (in all, or "").
    topics, testable, tested : int
        How many of the rows samples could test, how many claims that makes, with mice and people apart, and
        how many of these public tables can test today.
    """

    article: Article
    rows: list[dict[str, str]]
    topics: int
    testable: int
    tested: int


def claims_table() -> ClaimsTable:
    """Return the claims, whether they can be tested, what is missing and how many it takes.

    Without ``audit_matrix.csv`` nothing is known of public tables, and the table says so.
    """
    claims = load_claims()
    matrix = _results("audit_matrix")
    known = _unaudited(claims) if matrix is None else by_topic(claims, matrix)
    rows = [
        {"claim": topic, "today": today, "missing": missing, "mice": mice, "people": people}
        for topic, today, missing, mice, people in known.itertuples(index=False)
    ]
    return ClaimsTable(
        article=next(iter(claims.values())).article,
        rows=rows,
        topics=len({claim.heading for claim in claims.values() if claim.testable}),
        testable=sum(claim.testable for claim in claims.values()),
        tested=0 if matrix is None else int((overview(claims, matrix)["testable today"] == "yes").sum()),
    )


def front_figures() -> list[Figure]:
    """Draw what tables lack, what a trial takes, and what trials would say; those whose figures are there."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own settings would give other pictures
        drawn = [made for made in (_what_tables_lack(), _what_it_takes(), _what_trials_would_say()) if made]
        return [_figure(*made, label=f"Figure {place}") for place, made in enumerate(drawn, start=1)]


def _what_tables_lack() -> tuple[str, Axes, str] | None:
    from analysis import plots

    matrix = _results("audit_matrix")
    if matrix is None:
        return None
    none, unexposed = (matrix["essential_missing"] == 0).sum(), matrix["lacks"].str.contains("exposure")
    text = (
        f"{matrix['dataset'].nunique()} public tables held against {matrix['claim'].nunique()} claims. A "
        "cell is the number of essential things that a table lacks (of two claims, about mice and about "
        f"people, the one it comes closer to). It is zero in {none or 'none'} of {len(matrix)} audits; "
        "somebody known to have got botulinum toxin is missing in "
        f"{unexposed.sum() if not unexposed.all() else 'all of them'}."
    )
    return "what_tables_lack", plots.gap_matrix(topic_matrix(load_claims(), matrix)), text


def _what_it_takes() -> tuple[str, Axes, str]:
    from analysis import plots

    claims = load_claims()
    powers = sorted({claim.trial.power for claim in claims.values() if claim.testable})
    text = (
        "Mice or people in all, both arms together, that settle each claim: an effect of the smallest size "
        "of interest is found, and an effect that matters is ruled out where there is none, each with a "
        f"probability of {' or '.join(f'{100 * power:g} %' for power in powers)}."
    )
    return "what_it_takes", plots.needed_by(_sizes(claims), "claim", needed="total", by="host"), text


def _what_trials_would_say() -> tuple[str, Axes, str] | None:
    from analysis import plots

    rehearsed = _results("rehearsal")
    if rehearsed is None or _REHEARSED not in set(rehearsed["claim"]):
        return None
    one = rehearsed[rehearsed["claim"] == _REHEARSED]
    text = (
        f"Would the planned trial give the right answer? {one['n_trials'].max()} simulated trials at each "
        f"true effect, {one['n_per_arm'].max()} mice an arm (Monte Carlo error of a share: at most "
        f"{one['rate_se'].max():.2f}). The claim: {load_claims()[_REHEARSED].statement}"
    )
    return "what_trials_would_say", plots.verdict_rates(one), text


def _figure(name: str, ax: Axes, text: str, label: str) -> Figure:
    from matplotlib import pyplot as plt

    png = io.BytesIO()
    ax.figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
    csv = numbers_of(ax.figure)
    plt.close(ax.figure)
    what = csv.split("\n", 1)[0].removeprefix("# ")
    return Figure(f"front_{name}", label, text, alt=f"{what}. {text}", png=png.getvalue(), csv=csv)


def _sizes(claims: Mapping[str, Claim]) -> pd.DataFrame:
    """Return how many subjects each claim takes; the two hosts of one topic share a line."""
    rows = [
        (claim.heading, claim.subjects, data_needed(claim).plan.total)
        for claim in claims.values()
        if claim.testable
    ]
    return pd.DataFrame(rows, columns=["claim", "host", "total"])


def _unaudited(claims: Mapping[str, Claim]) -> pd.DataFrame:
    audits = pd.DataFrame(
        [(name, "", 1, "audits of public tables") for name, claim in claims.items() if claim.testable],
        columns=["claim", "dataset", "essential_missing", "lacks"],
    )
    return by_topic(claims, audits).replace({"testable today": {"no": "unknown"}})


def _results(name: str) -> pd.DataFrame | None:
    """Return a committed table of results, or None where it has not been made."""
    path = data_path(f"results/{name}.csv")
    return pd.read_csv(path, comment="#") if path.is_file() else None
