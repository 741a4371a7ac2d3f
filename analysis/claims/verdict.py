"""The verdict: what a study says about a claim, with the numbers and the reasons."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import pandas as pd
from scipy import stats

from analysis.arguments import check_count
from analysis.claims.auditing import Audit, audit
from analysis.claims.measures import alpha_values, at_depth, unit_changes
from analysis.claims.model import Claim
from analysis.claims.needs import Needs, data_needed
from analysis.claims.tested import Estimate, Tested, run_test
from analysis.claims.windows import Windows, find_windows
from analysis.claims.wording import amount_text, mark, p_text, sentence
from analysis.errors import AnalysisError, Faults, ParameterError
from analysis.study import Study

Outcome = Literal["supported", "opposite", "refuted", "inconclusive", "untestable"]


@dataclass(frozen=True)
class Verdict:
    """What a study says about a claim.

    Attributes
    ----------
    outcome : {"supported", "opposite", "refuted", "inconclusive", "untestable"}
        "supported": an effect in the claimed direction is shown. "opposite": one in the other direction.
        "refuted": an effect as large as the margin is ruled out. "inconclusive": neither. "untestable": the
        data cannot answer.
    reasons : tuple of str
        Why, a sentence each.
    estimates : tuple of Estimate
        The numbers; empty where nothing could be tested.
    text : str
        The verdict in sentences that can be printed.
    claim : Claim
        What was asked.
    audit : Audit
        What the study has and lacks.
    exposure : str or None
        What stood in for botulinum toxin; None: botulinum toxin itself was asked for.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    text: str
    claim: Claim
    audit: Audit
    exposure: str | None

    def to_frame(self) -> pd.DataFrame:
        """Return one row an estimate (one without numbers where there is none): claim, exposure, outcome."""
        first = {
            "claim": self.claim.id,
            "exposure": self.exposure or "botulinum toxin",
            "outcome": self.outcome,
        }
        names = [entry.name for entry in fields(Estimate)]
        rows = [first | {name: getattr(one, name) for name in names} for one in self.estimates]
        return pd.DataFrame(rows or [first | dict.fromkeys(names)])

    def _repr_html_(self) -> str:
        reasons = "".join(f"<li>{html.escape(one)}</li>" for one in self.reasons)
        head = mark(f"{self.claim.id}: {self.outcome}", self.exposure)
        return f"<p><b>{html.escape(head)}</b></p><p>{html.escape(self.text)}</p><ul>{reasons}</ul>"


def evaluate(
    study: Study,
    claim: Claim,
    exposure: str | None = None,
    *,
    assume: Sequence[str] = (),
    seed: int = 0,
    permutations: int = 9_999,
) -> Verdict:
    """Audit a study against a claim and, if the data allow, run the preregistered test.

    Parameters
    ----------
    study : Study
        With the roles subject, time, treatment, reference and, for mice, cluster, as far as there are any.
    claim : Claim
        From `load_claims`.
    exposure : str, optional
        Something else that the treatment column holds ("antibiotics", or one of its levels): the same
        protocol then runs on it as a control, and every line says that it is no evidence on Botox. By default
        only botulinum toxin counts.
    assume : sequence of {"randomised", "housed_alone"}
        What the caller vouches for and the data do not say; the verdict names it.
    seed, permutations : int
        For rarefaction and PERMANOVA.

    Returns
    -------
    Verdict

    Raises
    ------
    ParameterError
        For arguments of the wrong kind.

    Notes
    -----
    Two-sided tests at the claim's alpha; the unit is the cage where cages are known, else the subject.

    - A number a sample (diversity, panel, marker): `compare_means` with the baseline as covariate where there
      is one, and two one-sided tests against the margin. A margin in percent is of the reference arm's mean.
    - A composition: PERMANOVA of the samples after the treatment, whole units exchanged; an upper limit of
      omega squared by the jackknife over units is held against the margin (`omega_squared_limit`).
    - An association: correlation of the changes between units, arm means taken out.

    The margin decides first: an effect as large as that ruled out means "refuted". Then p. What weakens a
    study takes verdicts away. Where the test uses no baseline (none is there, or a composition is compared),
    assignment by chance must be known: those who ask for a treatment differ from those who do not. No verdict
    but inconclusive comes from mice of unknown cages, from 2 cages against many, from arms that the data say
    were chosen or that are known from free text only, and from arms that differ in both size and spread of
    their compositions. Nothing is refuted by cages that hold both arms, or by days on which the toxin does
    not work.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> verdict = an.evaluate(study, an.load_claims()["diversity_falls_mice"])
    >>> verdict.outcome
    'untestable'
    >>> verdict.reasons
    ('Who was given botulinum toxin: nothing says who was given botulinum toxin.',)
    """
    faults = Faults("evaluate", ParameterError)
    check_count(faults, "permutations", permutations, 99, "arrangements")
    check_count(faults, "seed", seed, 0, "the seed")
    faults.raise_if_any()
    return judge(study, audit(study, claim, exposure=exposure, assume=assume), seed, permutations)


def judge(study: Study, found: Audit, seed: int, permutations: int) -> Verdict:
    """Run the test that an audit allows, and give the verdict; see `evaluate`."""
    claim = found.claim
    case = _Case(study, claim, found, found.exposure)
    if not claim.testable:
        return case.untestable(f"It speaks of what is known: {claim.question}")
    if found.blocking:
        return case.untestable(*_lacks(found))
    needs = data_needed(claim)
    windows = find_windows(found.arms.study, claim)
    if windows.why_none:
        return case.untestable(f"No follow-up: {windows.why_none}")
    adjusted = windows.baseline and claim.kind != "community"  # a composition is compared after it only
    if not (adjusted or found.arms.crossover or _by_chance(found)):
        before = "No sample before the treatment" if not windows.baseline else "The test uses no baseline"
        return case.untestable(
            f"{before}, and nothing says that chance decided who got it: those who ask for a treatment "
            "differ from those who do not"
        )
    try:
        tested = run_test(claim, found.arms, windows, needs, seed, permutations)
    except AnalysisError as error:
        return case.untestable(*(_first_up(fault.what) for fault in error.faults))
    return case.decided(tested, needs, windows)


class _Case:
    """Gathers what a verdict is made of."""

    def __init__(self, study: Study, claim: Claim, found: Audit, exposure: str | None) -> None:
        self.study, self.claim, self.found, self.exposure = study, claim, found, exposure

    def verdict(self, outcome: Outcome, reasons: Sequence[str], estimates: tuple[Estimate, ...]) -> Verdict:
        """Put it together, every line marked where it is no evidence on Botox."""
        simulated = self.study.source.format == "simulated"
        lines = tuple(mark(one, self.exposure, simulated=simulated) for one in reasons)
        text = sentence(self.claim, outcome, estimates[0] if estimates else None, self.exposure)
        if outcome == "untestable":
            text = " ".join((text, *reasons))
        text = mark(text, self.exposure, simulated=simulated)
        return Verdict(outcome, lines, estimates, text, self.claim, self.found, self.exposure)

    def untestable(self, *reasons: str) -> Verdict:
        """Say why nothing was tested; of one treated arm, what before and after still show."""
        more = [one if one.endswith(".") else f"{one}." for one in reasons]
        arms = self.found.arms
        if arms is not None and arms.one_armed and self.claim.kind == "alpha":
            more += _before_after(self.claim, arms.study)
        return self.verdict("untestable", more, ())

    def decided(self, tested: Tested, needs: Needs, windows: Windows) -> Verdict:
        """Take away what the study is too weak for, and give the reasons."""
        estimate, decision = tested.estimate, tested.decision
        units = {"cluster": "cages"}.get(estimate.unit_of_analysis, self.claim.subjects)
        reasons = [
            _why(self.claim, estimate, decision),
            f"Counted as independent: {units}. Test: {estimate.method}.",
        ]
        weak = [*tested.weaknesses, *self._weaknesses(decision, windows)]
        if weak and decision != "inconclusive":
            reasons.append(f"By itself the test would say {decision}; but see what follows.")
            decision = "inconclusive"
        reasons += [f"{_first_up(one)}." for one in weak]
        lost = math.floor(needs.plan.n_per_arm * self.claim.trial.dropout) + 1
        if min(estimate.n_treated, estimate.n_reference) < needs.plan.n_per_arm - lost:
            reasons.append(
                f"{estimate.n_treated} treated and {estimate.n_reference} untreated {self.claim.subjects}; "
                f"the protocol asks for {needs.plan.n_per_arm} an arm."
            )
        if not (windows.baseline or self.found.arms.crossover):
            reasons.append("Compared after the treatment only: there is no sample from before.")
        if self.found.arms.crossover:
            reasons.append("Each subject had both conditions: compared within subjects, as a cross-over.")
        said = "Taken from the caller and not from the data:"
        reasons += [f"{said} {name.replace('_', ' ')}." for name in self.found.assume]
        if self.found.row("assignment").status == "unknown" and not self.found.arms.crossover:
            reasons.append(
                "Nothing says whether chance decided who was treated; the baseline is adjusted for."
            )
        reasons += [f"{_first_up(one)}." for one in (windows.said, *tested.notes)]
        return self.verdict(decision, reasons, (estimate,))

    def _weaknesses(self, decision: Outcome, windows: Windows) -> list[str]:
        """Say what about the study leaves any verdict open."""
        arms, weak = self.found.arms, []
        if self.claim.host == "mouse" and self.found.row("cage").status == "missing":
            weak.append(
                "cages are unknown, and mice of one cage are not independent: such a test rejects too often"
            )
        assignment = self.found.row("assignment")
        if assignment.status == "missing" and not arms.crossover:
            weak.append(f"the data say that chance did not decide who was treated ({assignment.found})")
        if arms.from_free_text:
            weak.append("who was treated is known from free text only")
        if arms.shared_cages and decision == "refuted":
            weak.append("cages hold both arms: cage mates share microbes, which hides an effect")
        if self.exposure is None and decision == "refuted" and not windows.near_follow_up:
            weak.append(
                "the samples are not from the days, counted from the injection, on which the toxin works"
            )
        return weak


def _lacks(found: Audit) -> list[str]:
    """Say what keeps the claim from being tested; without an exposure there are no arms to speak of."""
    rows = {row.id: row for row in found.blocking}
    if "exposure" in rows:
        rows.pop("reference", None)
    what = found.exposure or "botulinum toxin"
    told = (f"{row.what}: {row.gap or row.found}" for row in rows.values())
    return [_first_up(one.replace("botulinum toxin", what)) for one in told]


def _by_chance(found: Audit) -> bool:
    return found.row("assignment").status in ("met", "partly")


def _why(claim: Claim, estimate: Estimate, decision: Outcome) -> str:
    """Return the sentence that leads from the numbers to the decision."""
    alpha = claim.trial.alpha
    p, ruled_out = p_text(estimate.p_value), p_text(estimate.p_equivalence)
    margin = amount_text(estimate.margin, estimate.unit)
    either = claim.effect.direction == "differs"
    shown = "A difference is shown" if either else "The difference is in the claimed direction"
    return {
        "supported": f"{shown} with {p} (at most {alpha:g}).",
        "opposite": f"The difference is against the claimed direction with {p} (at most {alpha:g}).",
        "refuted": f"An effect of {margin} or more is ruled out ({ruled_out}); no effect at all: {p}.",
        "inconclusive": f"No effect is shown ({p}), and none of {margin} or more is ruled out ({ruled_out}).",
    }[decision]


def _before_after(claim: Claim, study: Study) -> list[str]:
    """Describe the change of those who were all treated, and what it cannot show."""
    windows = find_windows(study, claim)
    if not (windows.baseline and windows.follow_up):
        return []
    needs = data_needed(claim)
    times = study.metadata[study.roles.time].isin((*windows.baseline, *windows.follow_up))
    try:
        found = at_depth(study.select(samples=times.to_numpy()), needs.depth or 1)
        values = alpha_values(found, claim.endpoint.metric, seed=0)
    except AnalysisError:
        return []
    change = unit_changes(values, found.study, windows.baseline, windows.follow_up)
    if len(change) < 3:
        return [f"Only {len(change)} {claim.subjects} have samples before and after."]
    low, high = stats.t.interval(0.95, len(change) - 1, change.mean(), stats.sem(change))
    unit = "cages" if study.roles.cluster else claim.subjects
    changed = (
        f"Before against after in {len(change)} {unit}, {claim.endpoint.name} changed by "
        f"{change.mean():+.3g} {claim.endpoint.unit} (95 % interval {low:.3g} to {high:.3g})."
    )
    limits = (
        "It shows that something changed. Without an untreated arm it cannot show what did: time, diet, "
        "handling and the batch changed as well."
    )
    return [changed, limits]


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
