"""What a claim is: a sentence of an article, turned into a question that data could answer."""

from __future__ import annotations

import datetime as dt
import html
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.errors import ParameterError, one_fault

Host = Literal["mouse", "human"]
Kind = Literal["alpha", "community", "panel", "marker", "association", "knowledge"]
Scale = Literal["percent", "omega_squared", "log_ratio", "ratio", "own", "correlation"]


@dataclass(frozen=True)
class Article:
    """What makes the claims.

    Attributes
    ----------
    title, address : str
        Its title, and where it stands.
    read_on : datetime.date
        The day it was read.
    paragraphs : int
        How many it has, titles not counted.
    """

    title: str
    address: str
    read_on: dt.date
    paragraphs: int


@dataclass(frozen=True)
class Source:
    """Where a statement comes from.

    Attributes
    ----------
    citation : str
        Authors, year, title or a short description.
    address : str
        DOI or public address.
    """

    citation: str
    address: str


@dataclass(frozen=True)
class Finding:
    """Something that is known, and how directly it bears on the claim.

    Attributes
    ----------
    finding : str
        In a sentence.
    source : str
        Key of a source of the file.
    direct : {"direct", "indirect", "other exposure", "method", "search"}
        "direct": this exposure, this host, this endpoint. "indirect": one of these differs. "other exposure":
        toxin by another route, or another drug. "method": how to measure or how noisy it is. "search": what
        was looked for and not found.
    """

    finding: str
    source: str
    direct: Literal["direct", "indirect", "other exposure", "method", "search"]


@dataclass(frozen=True)
class Field:
    """A column that the metadata needs.

    Attributes
    ----------
    what : str
        What stands in it.
    why : str
        What goes wrong without it.
    format : str
        Units or allowed values.
    mixs : str or None
        Name of the term in MIxS 7 (MIMARKS survey, human-gut); None: there is none.
    also : tuple of str
        Other names it goes by.
    level : {"subject", "sample", "study"}
        What has one value of it.
    """

    what: str
    why: str
    format: str
    level: Literal["subject", "sample", "study"]
    mixs: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exposure:
    """What is given, where and how often.

    Attributes
    ----------
    product, site, reason : str
        Which product, where it is injected, and why this dose.
    units : float
        Units a session.
    units_per_kg : float
        Units for each kilogram of body weight.
    sessions : int
        How often it is given.
    """

    product: str
    units: float
    units_per_kg: float
    site: str
    sessions: int
    reason: str


@dataclass(frozen=True)
class Endpoint:
    """What is measured and how noisy it is without treatment.

    Attributes
    ----------
    name : str
        In words.
    metric : str
        "shannon", "braycurtis", the name of a panel, or the metadata column of a marker.
    unit : str
        Of the metric.
    assay : str
        How it is measured.
    noise : str
        Where mean, SD and ICC come from.
    log : bool
        Whether logarithms are compared; mean and SD are then those of the logarithm.
    pilot : str or None
        Pilot that mean and SD come from where they are not given, and that studies are simulated from.
    mean, sd : float or None
        Of single samples without treatment.
    icc, cluster_icc : float
        Shares of the variance that lie between subjects (within cages) and between cages.
    partner : str or None
        For an association: the other measure, a metadata column.
    reliability, partner_reliability : float or None
        For an association: share of the variance of each measure's seen change (one sample before, one
        after) that is true change.
    """

    name: str
    metric: str
    unit: str
    assay: str
    noise: str
    log: bool = False
    pilot: str | None = None
    mean: float | None = None
    sd: float | None = None
    icc: float = 0.5
    cluster_icc: float = 0.0
    partner: str | None = None
    reliability: float | None = None
    partner_reliability: float | None = None


@dataclass(frozen=True)
class Effect:
    """How large an effect the claim speaks of, and what would be too small to matter.

    Attributes
    ----------
    direction : {"lower", "higher", "differs"}
        What the article says happens to the treated.
    scale : {"percent", "omega_squared", "log_ratio", "ratio", "own", "correlation"}
        Of `smallest` and `margin`: percent of the mean, omega squared, natural log of a ratio, ratio of
        geometric means, the metric's own unit, or a correlation.
    smallest : float
        The smallest effect of interest, without a sign ("ratio": above 1).
    margin : float
        An effect below this is too small to matter: the margin of the equivalence test.
    why_smallest, why_margin : str
        The reasons.
    """

    direction: Literal["lower", "higher", "differs"]
    scale: Scale
    smallest: float
    margin: float
    why_smallest: str
    why_margin: str


@dataclass(frozen=True)
class Trial:
    """The experiment that would answer.

    Attributes
    ----------
    population, comparator, blinding : str
        Who takes part, what the others get, who does not know.
    baseline_days, follow_up_days : tuple of int
        Days of the samples that the test uses, from the first injection (day 0; a sample of that day comes
        before it).
    other_days : tuple of int
        Further samples, not in the primary test.
    window : int
        How many days a sample may be off.
    cluster_size : int
        Animals a cage (1: housed singly, or people).
    dropout : float
        Share lost before the end.
    alpha, power : float
        Of the two-sided test; the power also of the equivalence test where there is no effect.
    why_days : str
        The reason for the days.
    """

    population: str
    comparator: str
    blinding: str
    baseline_days: tuple[int, ...]
    follow_up_days: tuple[int, ...]
    why_days: str
    window: int = 3
    other_days: tuple[int, ...] = ()
    cluster_size: int = 1
    dropout: float = 0.1
    alpha: float = 0.05
    power: float = 0.9


@dataclass(frozen=True)
class Depth:
    """How deep to sequence.

    Attributes
    ----------
    proportion : float
        The rarest share of reads that must be seen.
    confidence : float
        With which probability, in one sample.
    min_reads : int
        Reads that count as seen.
    reason : str
        Why this share.
    """

    proportion: float
    confidence: float
    min_reads: int
    reason: str


@dataclass(frozen=True)
class Beyond:
    """What 16S reads cannot show, and the assay that could.

    Attributes
    ----------
    what, assay : str
        The gap, and what fills it.
    """

    what: str
    assay: str


@dataclass(frozen=True)
class Claim:
    """One claim about one host.

    Attributes
    ----------
    id : str
        Its key in the file.
    statement, question : str
        What is claimed, and the question that data could answer (the estimand).
    paragraph : int
        Of the article, titles not counted.
    kind : {"alpha", "community", "panel", "marker", "association", "knowledge"}
        What kind of test it needs; "knowledge": none, it speaks of what is known.
    host : {"mouse", "human"}
        Whose gut.
    supports, refutes : str
        What would count for it and against it.
    evidence : tuple of Finding
        What is known so far.
    not_traceable : str or None
        What the article leaves open and nobody could find.
    exposure, endpoint, effect, trial, depth
        None for a claim of kind "knowledge".
    test : str
        The test in words.
    confounders, metadata : tuple of str
        Keys of `fields`: to be recorded because they also move the endpoint, and what else is needed.
    beyond_16s : tuple of Beyond
        What 16S cannot answer.
    fields : dict of str to Field
        The columns named above.
    sources : dict of str to Source
        The sources named in `evidence`.
    article : Article
        Where it is claimed.
    topic : str or None
        What it is about, in a few words. Claims of one topic ask the same of mice and of people.

    Examples
    --------
    >>> import analysis as an
    >>> claim = an.load_claims()["diversity_falls_mice"]
    >>> claim.host, claim.kind, claim.testable
    ('mouse', 'alpha', True)
    >>> claim.statement
    'Mice given Botox end up with a less diverse community of gut microbes.'
    """

    id: str
    statement: str
    question: str
    paragraph: int
    kind: Kind
    host: Host
    supports: str
    refutes: str
    evidence: tuple[Finding, ...]
    fields: dict[str, Field]
    sources: dict[str, Source]
    article: Article
    not_traceable: str | None = None
    exposure: Exposure | None = None
    endpoint: Endpoint | None = None
    effect: Effect | None = None
    trial: Trial | None = None
    depth: Depth | None = None
    test: str | None = None
    confounders: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    beyond_16s: tuple[Beyond, ...] = ()
    topic: str | None = None

    @property
    def marker(self) -> str | None:
        """The metadata column that its marker stands in; None where it has none."""
        if self.endpoint is None or self.kind not in ("marker", "association"):
            return None
        return self.endpoint.metric if self.kind == "marker" else self.endpoint.partner

    @property
    def heading(self) -> str:
        """What it is about, in a few words; the whole statement where the file gives no topic."""
        return self.topic or self.statement

    @property
    def testable(self) -> bool:
        """Whether samples could settle it; a claim about what is known needs a search, not samples."""
        return self.kind != "knowledge"

    @property
    def subjects(self) -> str:
        """What the subjects are called: "mice" or "people"."""
        return {"mouse": "mice", "human": "people"}[self.host]

    def to_frame(self) -> pd.DataFrame:
        """Return the evidence found so far, a row a finding."""
        rows = [
            {
                "finding": one.finding,
                "direct": one.direct,
                "citation": self.sources[one.source].citation,
                "address": self.sources[one.source].address,
            }
            for one in self.evidence
        ]
        return pd.DataFrame(rows, columns=["finding", "direct", "citation", "address"])

    def _repr_html_(self) -> str:
        lines = {
            "claim": self.statement,
            "question": self.question,
            "speaks for it": self.supports,
            "speaks against it": self.refutes,
            "not traceable": self.not_traceable or "",
        }
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(key)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for key, text in lines.items()
            if text
        )
        return f"<table><tbody>{rows}</tbody></table>"


def check_claim(claim: object, where: str) -> None:
    """Refuse what is no claim."""
    if not isinstance(claim, Claim):
        raise one_fault(
            ParameterError,
            where,
            f"claim is a {type(claim).__name__}",
            expected="a Claim",
            remedy="give one of analysis.load_claims(), such as load_claims()['diversity_falls_mice']",
        )
