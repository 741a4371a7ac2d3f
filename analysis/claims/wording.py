"""The sentences of a verdict."""

from __future__ import annotations

import math

from analysis.claims.model import Claim
from analysis.claims.tested import Estimate

NO_EVIDENCE = "Control with {}, no evidence on Botox: "
SIMULATED = "Simulated data, not measured: "


def mark(line: str, exposure: str | None, *, simulated: bool = False) -> str:
    """Put before a line what it must not be taken for."""
    front = SIMULATED if simulated else ""
    return front + (NO_EVIDENCE.format(exposure) if exposure else "") + line


def p_text(p: float) -> str:
    """Write a p value, with its sign."""
    if math.isnan(p):
        return "p not known"
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def amount_text(size: float, unit: str) -> str:
    """Write a size with its unit as a reader says it."""
    if unit == "ratio":
        return f"a factor of {size:.3g}"
    if unit == "omega squared":
        return f"{size:.1%} of the variance"
    return f"a correlation of {size:.2g}" if unit == "correlation" else f"{size:.3g} {unit}"


def sentence(claim: Claim, outcome: str, found: Estimate | None, exposure: str | None) -> str:
    """Say in a sentence or two what a study says about a claim.

    Parameters
    ----------
    claim : Claim
        What was asked.
    outcome : str
        Of the verdict.
    found : Estimate or None
        The numbers, where there are any.
    exposure : str or None
        What stood in for botulinum toxin.
    """
    what = exposure or "botulinum toxin"
    if found is None:
        return f"These data cannot test whether {_claimed(claim, what)}."
    return f"{_measured(claim, found, what)} {_meaning(claim, outcome, what)}"


def _claimed(claim: Claim, what: str) -> str:
    name = claim.endpoint.name if claim.endpoint else ""
    if claim.endpoint is None:
        return f"the following holds: {claim.statement.rstrip('.')}"
    if claim.kind == "association":
        return f"the changes go together: {name}"
    verb = {"lower": "falls", "higher": "rises", "differs": "changes"}[claim.effect.direction]
    return f"{name} {verb} with {what}"


def _measured(claim: Claim, found: Estimate, what: str) -> str:
    who = f"{found.n_treated} treated and {found.n_reference} untreated {claim.subjects}"
    if found.within_subjects:
        who = f"{found.n_treated} {claim.subjects}, each under both conditions"
    p = p_text(found.p_value)
    if claim.kind == "community":
        limit = "" if math.isnan(found.high) else f", at most {max(found.high, 0):.1%} with 95 % confidence"
        explained = f"{what} explained {max(found.estimate, 0):.1%} of the variance of {found.name}"
        return f"{'In' if found.within_subjects else 'Between'} {who}, {explained} ({p}{limit})."
    interval = f"95 % interval {found.low:.3g} to {found.high:.3g}"
    if claim.kind == "association":
        return f"In {who} the correlation was {found.estimate:.2f} ({interval}, {p})."
    if found.unit == "ratio":
        return f"In {who}, {found.name} was {found.estimate:.3g} times as high with {what} ({interval}, {p})."
    if found.estimate == 0:
        return f"In {who}, {found.name} was the same with {what} ({interval}, {p})."
    higher = "higher" if found.estimate > 0 else "lower"
    percent = "" if math.isnan(found.percent) else f", {abs(found.percent):.2g} %"
    return (
        f"In {who}, {found.name} was {abs(found.estimate):.3g} {found.unit} {higher} with {what}{percent} "
        f"({interval}, {p})."
    )


def _meaning(claim: Claim, outcome: str, what: str) -> str:
    claimed = _claimed(claim, what)
    return {
        "supported": f"This supports the claim that {claimed}.",
        "opposite": f"This is the opposite of the claim that {claimed}.",
        "refuted": f"An effect large enough to matter is ruled out: this refutes the claim that {claimed}.",
        "inconclusive": f"This neither supports nor refutes the claim that {claimed}.",
    }[outcome]
