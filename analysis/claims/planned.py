"""The trial that a claim asks for: its design, endpoint and effect in the terms of the power calculations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy import stats

from analysis.claims.model import Claim
from analysis.claims.searched import searched_size
from analysis.designs import Design
from analysis.errors import ParameterError, one_fault
from analysis.pilots.shipped import load_pilot
from analysis.planning.community import CommunityEndpoint
from analysis.planning.detection import detection_depth
from analysis.planning.endpoints import CorrelationEndpoint, MeanEndpoint
from analysis.planning.power import power, sample_size
from analysis.planning.results import Power, SampleSize

_PLANS: dict[tuple, Planned] = {}  # by all that enters a plan: a claim is asked for its plan many times


@dataclass(frozen=True)
class Planned:
    """The trial of a claim, with its numbers.

    Attributes
    ----------
    design : Design
        With the number of subjects that both tests need.
    endpoint : MeanEndpoint, CommunityEndpoint or CorrelationEndpoint
        What is compared.
    effect : float
        The smallest effect of interest, signed, in the endpoint's unit.
    margin : float
        Of the equivalence test, above 0, in the endpoint's unit.
    to_show : SampleSize
        For the effect to be found with the power that was asked for.
    to_refute : SampleSize
        For an effect of the margin to be ruled out with that power where there is none.
    power : Power or SampleSize
        To find the smallest effect of interest, with the number in `design`; for a composition with that in
        `to_show`, which is no larger.
    n_per_arm, total, cages, samples : int
        Subjects enrolled in an arm and in all, cages, and samples of the primary test.
    n_to_show, n_to_refute : int
        Subjects an arm that each of the two tests needs.
    """

    design: Design
    endpoint: MeanEndpoint | CommunityEndpoint | CorrelationEndpoint
    effect: float
    margin: float
    to_show: SampleSize
    to_refute: SampleSize
    power: Power | SampleSize
    n_per_arm: int
    total: int
    cages: int
    samples: int
    n_to_show: int
    n_to_refute: int


def trial_design(claim: Claim, n_per_arm: int = 20) -> Design:
    """Return the design of the claim's primary test.

    A composition is compared between the arms after the treatment, without the baseline: see `evaluate`.
    Correlations are between the units that vary independently, cages where animals share them.
    """
    trial = claim.trial
    return Design(
        n_per_arm,
        baseline=0 if claim.kind == "community" else len(trial.baseline_days),
        follow_up=len(trial.follow_up_days),
        cluster_size=1 if claim.kind == "association" else trial.cluster_size,
        dropout=trial.dropout,
        alpha=trial.alpha,
    )


def trial_endpoint(claim: Claim) -> MeanEndpoint | CommunityEndpoint | CorrelationEndpoint:
    """Return what the claim's trial measures, with its noise."""
    given = claim.endpoint
    if claim.kind == "community":
        return CommunityEndpoint(load_pilot(given.pilot), given.metric, icc=given.icc + given.cluster_icc)
    if claim.kind == "association":
        return CorrelationEndpoint(given.reliability, given.partner_reliability)
    mean, sd = given.mean, given.sd
    if mean is None or sd is None:
        shannon = load_pilot(given.pilot).shannon
        mean = shannon["mean"] if mean is None else mean
        sd = shannon["sd"] if sd is None else sd
    signed = given.log or claim.kind == "panel"
    return MeanEndpoint(mean, sd, given.icc, given.cluster_icc, lowest=None if signed else 0.0)


def asked_depth(claim: Claim) -> int:
    """Return the reads a sample that the claim's rarest taxon of interest asks for."""
    asked = claim.depth
    return detection_depth(asked.proportion, asked.confidence, asked.min_reads)


def in_own_unit(claim: Claim, size: float, endpoint: object) -> float:
    """Return a size of the claim's scale in the endpoint's unit, without a sign."""
    if claim.effect.scale == "percent":
        return abs(endpoint.percent(size))  # type: ignore[attr-defined]
    return math.log(size) if claim.effect.scale == "ratio" else size


def sign_of(claim: Claim) -> int:
    """Return -1 for a claim that something falls, else 1."""
    return -1 if claim.effect.direction == "lower" else 1


def planned(claim: Claim) -> Planned:
    """Work out the trial that a claim asks for.

    Parameters
    ----------
    claim : Claim
        Of any kind but "knowledge".

    Raises
    ------
    ParameterError
        Where the claim speaks of what is known, and no trial would settle it.

    Notes
    -----
    The number of subjects is the larger of two: to find the smallest effect of interest, and to rule out an
    effect of the margin where there is none, both with the power of the claim. For a composition both are
    searched by simulation, see `searched_size`.
    """
    if not claim.testable:
        raise one_fault(
            ParameterError,
            claim.id,
            "it speaks of what is known, and no trial would settle it",
            remedy="claim.testable says which claims samples could settle",
        )
    enters = (claim.kind, claim.host, claim.endpoint, claim.effect, claim.trial)
    if enters not in _PLANS:
        _PLANS[enters] = _work_out(claim)
    return _PLANS[enters]


def _work_out(claim: Claim) -> Planned:
    design, endpoint, target = trial_design(claim), trial_endpoint(claim), claim.trial.power
    effect = sign_of(claim) * in_own_unit(claim, claim.effect.smallest, endpoint)
    margin = in_own_unit(claim, claim.effect.margin, endpoint)
    simulated = claim.kind == "community"
    find = searched_size if simulated else sample_size
    to_show = find(design, endpoint, effect, target)
    if claim.kind == "association":
        to_refute = _uncorrelated(design, endpoint, margin, target)
    else:
        to_refute = find(design, endpoint, 0.0, target, margin=margin)
    n = max(to_show.n_per_arm, to_refute.n_per_arm)
    design = design.resized(n)
    as_searched = simulated or n == to_show.n_per_arm
    reached = to_show if as_searched else power(design, endpoint, effect)
    animals = claim.trial.cluster_size if claim.kind == "association" else 1
    subjects = n * animals
    total = design.total * animals
    stools = len(claim.trial.baseline_days) + len(claim.trial.follow_up_days)
    cages = design.total if claim.kind == "association" else design.n_cages
    return Planned(
        design,
        endpoint,
        effect,
        margin,
        to_show,
        to_refute,
        reached,
        n_per_arm=subjects,
        total=total,
        cages=cages,
        samples=total * stools,
        n_to_show=to_show.n_per_arm * animals,
        n_to_refute=to_refute.n_per_arm * animals,
    )


def _uncorrelated(design: Design, endpoint: CorrelationEndpoint, margin: float, target: float) -> SampleSize:
    """Return the size at which a correlation of `margin` is ruled out where there is none, by Fisher's z.

    The margin shrinks with the noise as a true correlation does. Fisher's z of a partial correlation has the
    variance 1 / (n - arms - 2) (Fisher 1924, Metron 3:329-332).
    """
    seen = abs(endpoint.seen(margin, design.baseline, design.follow_up))
    needed = (stats.norm.isf(design.alpha) + stats.norm.isf((1 - target) / 2)) / math.atanh(seen)
    units = needed**2 + len(design.n_enrolled) + 2
    n = math.ceil(units / len(design.n_enrolled))
    while min(design.resized(n).n_analysed) * len(design.n_enrolled) < units:
        n += 1
    reached = power(design.resized(n), endpoint, 0.0)
    return replace(
        SampleSize.at(reached, target),
        power=target,
        margin=margin,
        test="equivalence of the correlation of changes (Fisher's z)",
        type_i=design.alpha,
    )
