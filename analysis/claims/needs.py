"""What data would settle a claim: the requirements one by one, with numbers."""

from __future__ import annotations

import html
from dataclasses import dataclass

import pandas as pd

from analysis.claims.model import Claim, check_claim
from analysis.claims.planned import Planned, asked_depth, planned


@dataclass(frozen=True)
class Requirement:
    """One thing that the data must have.

    Attributes
    ----------
    id : str
        Short name, the same in needs and audit; a column's own name after "field:", an assay's after
        "beyond:".
    what, needed, why : str
        What it is, how much or which of it, and what goes wrong without it.
    number : float or None
        Where the need is a number.
    essential : bool
        Whether the claim cannot be tested at all without it.
    mixs : str or None
        The MIxS term.
    """

    id: str
    what: str
    needed: str
    why: str
    number: float | None = None
    essential: bool = False
    mixs: str | None = None


@dataclass(frozen=True)
class Needs:
    """What data would settle a claim.

    Attributes
    ----------
    claim : Claim
        The claim.
    requirements : tuple of Requirement
        What the data must have.
    plan : Planned or None
        The trial with its numbers; None for a claim about what is known.
    depth : int or None
        Reads a sample.
    """

    claim: Claim
    requirements: tuple[Requirement, ...]
    plan: Planned | None
    depth: int | None

    def to_frame(self) -> pd.DataFrame:
        """Return a row a requirement: what, needed, number, essential, why and mixs; index: the id."""
        columns = ["what", "needed", "number", "essential", "why", "mixs"]
        rows = {one.id: [getattr(one, name) for name in columns] for one in self.requirements}
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("requirement")

    @property
    def costs(self) -> dict[str, float]:
        """What drives the cost: subjects, cages, samples, reads in millions, injections, days."""
        if self.plan is None:
            return {}
        trial = self.claim.trial
        days = [*trial.baseline_days, *trial.follow_up_days, *trial.other_days]
        samples = self.plan.total * len(set(days))
        reads = samples * self.depth if self.claim.kind != "marker" else 0
        return {
            self.claim.subjects: self.plan.total,
            "cages": self.plan.cages if self.claim.host == "mouse" else 0,
            "samples": samples,
            "million_reads": round(reads / 1e6, 1),
            "injections": self.plan.total * self.claim.exposure.sessions,
            "days": max(days) - min(days) + 1,
        }

    @property
    def text(self) -> str:
        """What data would settle the claim, in sentences."""
        if self.plan is None:
            return f"{self.claim.statement} {self.claim.question}"
        plan, trial = self.plan, self.claim.trial
        where = f" in {plan.cages} cages" if self.claim.host == "mouse" else ""
        return (
            f"{self.claim.question} {plan.total} {self.claim.subjects}{where}, half of them given "
            f"{self.claim.exposure.product}, {plan.n_per_arm} an arm, sampled on days "
            f"{_days(trial.baseline_days)} (baseline) and {_days(trial.follow_up_days)}, at least "
            f"{self.depth:,} reads a sample. {plan.n_to_show} an arm find "
            f"{size_text(self.claim, self.claim.effect.smallest)} with a probability of {trial.power:.0%}. "
            f"To rule out {size_text(self.claim, self.claim.effect.margin)} where there is no effect takes "
            f"{plan.n_to_refute}."
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.text)}</p>" + self.to_frame().to_html(na_rep="")


def size_text(claim: Claim, size: float) -> str:
    """Write a size of the claim's scale in words."""
    what = claim.endpoint.name
    return {
        "percent": f"a change of {size:g} % in {what}",
        "own": f"a change of {size:g} {claim.endpoint.unit} in {what}",
        "ratio": f"a {size:g}-fold change in {what}",
        "log_ratio": f"a change of {size:g} in the log-ratio of {what}",
        "omega_squared": f"arms that explain {size:.1%} of the variance of {what}",
        "correlation": f"a correlation of {size:g} between the changes",
    }[claim.effect.scale]


def data_needed(claim: Claim) -> Needs:
    """List what data would settle a claim, with the numbers that power calculations give.

    Parameters
    ----------
    claim : Claim
        From `load_claims`.

    Returns
    -------
    Needs
        ``.to_frame()`` is a table of the requirements, ``.text`` says it in sentences, ``.costs`` what drives
        the cost. A claim about what is known needs a search: its list says so.

    Raises
    ------
    ParameterError
        Where `claim` is no claim.

    Examples
    --------
    >>> import analysis as an
    >>> needs = an.data_needed(an.load_claims()["diversity_falls_mice"])
    >>> needs.to_frame().loc["reads", "needed"]
    'raw read counts'
    """
    check_claim(claim, "data_needed")
    if not claim.testable:
        search = Requirement("search", "a search of the literature", claim.question, claim.supports)
        return Needs(claim, (search, *_beyond(claim)), None, None)
    plan = planned(claim)
    depth = asked_depth(claim)
    found = [*_exposure(claim), *_table(claim, depth), *_design(claim, plan), *_columns(claim)]
    return Needs(claim, (*found, *_beyond(claim)), plan, depth)


def _exposure(claim: Claim) -> list[Requirement]:
    exposure, trial = claim.exposure, claim.trial
    return [
        Requirement(
            "exposure",
            "who was given botulinum toxin",
            f"{exposure.product}, {exposure.units:g} units ({exposure.units_per_kg:.2g} units/kg) into "
            f"{exposure.site}, {exposure.sessions} session(s)",
            "without it nothing can be said about Botox at all",
            essential=True,
            mixs="chem_administration, perturbation (neither has a place for the dose)",
        ),
        Requirement(
            "reference",
            "an untreated arm",
            trial.comparator,
            "time, diet and handling change guts too: before against after alone cannot tell them apart",
            essential=True,
        ),
        Requirement(
            "host",
            "the right host",
            claim.host,
            "what holds in mice need not hold in people, nor the other way",
            essential=True,
            mixs="samp_taxon_id",
        ),
    ]


def _table(claim: Claim, depth: int) -> list[Requirement]:
    """Return what is needed of the reads, or of the marker."""
    needs = []
    if claim.marker:
        needs.append(
            Requirement(
                "marker",
                claim.endpoint.name if claim.kind == "marker" else claim.marker,
                f"a column {claim.marker}: {claim.endpoint.assay}",
                "it is what the claim is about",
                essential=True,
            )
        )
    if claim.kind == "marker":
        return needs
    needs += [
        Requirement(
            "reads",
            "a table of reads",
            "raw read counts",
            "fractions and scaled counts hide how deep a sample was read, and diversity depends on it",
            essential=True,
        ),
        Requirement(
            "depth",
            "reads a sample",
            f"at least {depth:,} in each sample",
            claim.depth.reason,
            float(depth),
            mixs="lib_reads_seqd",
        ),
    ]
    if claim.kind == "panel":
        needs.append(
            Requirement(
                "taxonomy",
                "names of the taxa",
                "a taxonomy down to the ranks of the panel",
                "the panel is a list of names",
                essential=True,
            )
        )
    return needs


def _design(claim: Claim, plan: Planned) -> list[Requirement]:
    trial = claim.trial
    needs = [
        Requirement(
            "subject",
            f"which of the {claim.subjects} a sample is from",
            "an id for each",
            "samples of one subject are one answer, not several",
            essential=True,
            mixs="host_subject_id",
        )
    ]
    if claim.host == "mouse":
        needs.append(
            Requirement(
                "cage",
                "which cage",
                f"an id for each; at most {trial.cluster_size} a cage, both arms in cages of their own",
                "cage mates share microbes: the cage is the unit, and without it the test rejects too often",
            )
        )
    needs += [
        Requirement(
            "baseline",
            "samples before the treatment",
            f"days {_days(trial.baseline_days)}, within {trial.window} day(s)",
            "it takes away what subjects differ by, and shows whether the arms were alike",
            float(len(trial.baseline_days)),
        ),
        Requirement(
            "follow_up",
            "samples while the toxin works",
            f"days {_days(trial.follow_up_days)}, within {trial.window} day(s)",
            trial.why_days,
            float(len(trial.follow_up_days)),
            essential=True,
        ),
        Requirement(
            "assignment",
            "arms assigned by chance",
            f"randomised{'' if claim.host == 'human' else ' by whole cages'}; {trial.blinding}",
            "those who ask for the treatment differ from those who do not",
        ),
        Requirement(
            "size",
            f"{claim.subjects} an arm",
            f"{plan.n_per_arm} an arm, {plan.total} in all",
            f"to find {size_text(claim, claim.effect.smallest)} with a probability of {trial.power:.0%}",
            float(plan.n_per_arm),
        ),
        Requirement(
            "controls",
            "negative controls",
            "extraction blanks and PCR blanks in every batch, arms spread over batches",
            "reagents carry bacteria of their own",
            mixs="neg_cont_type",
        ),
    ]
    return needs


def _columns(claim: Claim) -> list[Requirement]:
    """Return the columns of the metadata, confounders among them."""
    return [
        Requirement(f"field:{key}", field.what, field.format, field.why, mixs=field.mixs)
        for key, field in claim.fields.items()
    ]


def _beyond(claim: Claim) -> list[Requirement]:
    return [
        Requirement(f"beyond:{number}", one.what, one.assay, "16S reads cannot show it")
        for number, one in enumerate(claim.beyond_16s, start=1)
    ]


def _days(days: tuple[int, ...]) -> str:
    return ", ".join(map(str, days))
