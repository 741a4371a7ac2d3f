"""Simulated trials, as the protocol of a claim asks for them, with a known truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.claims.model import Claim
from analysis.claims.planned import Planned, asked_depth, in_own_unit, planned, sign_of
from analysis.designs import Design
from analysis.pilots.effects import Effect, composition_shift, shannon_change
from analysis.pilots.plans import Plan, plan_of
from analysis.pilots.shipped import load_pilot
from analysis.pilots.simulator import simulate_plan
from analysis.planning.endpoints import MeanEndpoint
from analysis.source import Source
from analysis.study import Study
from analysis.taxa.panels import load_panels
from analysis.taxonomy import RANKS

_TAXA = 60  # of the tables that are made to have a given Shannon
_IN_PANEL = 0.3  # share of reads that the panel's two sides have together
_DEPTH = 10_000
_DEPTH_SD = 0.3  # of the logarithm of the reads of a sample


@dataclass(frozen=True)
class Trial:
    """How to simulate the trial of a claim under one truth.

    Attributes
    ----------
    claim : Claim
        What is asked.
    truth : float
        The true effect as a multiple of the smallest of interest, in the claimed direction.
    plan : Plan
        Who is sampled when.
    days : dict of int to int
        Day of each time of the plan.
    effect : Effect or None
        What the treatment does to a simulated table; None for numbers that are drawn as such.
    """

    claim: Claim
    truth: float
    plan: Plan
    days: dict[int, int]
    effect: Effect | None


def prepare_trial(claim: Claim, truth: float, n_per_arm: int | None = None) -> Trial:
    """Lay out the trial of a claim and solve the effect that is put in.

    Parameters
    ----------
    claim : Claim
        Of any kind but "knowledge".
    truth : float
        The true effect as a multiple of the smallest of interest; 0: none.
    n_per_arm : int, optional
        Subjects enrolled in each arm; by default what the protocol asks for.
    """
    needed, trial = planned(claim), claim.trial
    design = Design(
        n_per_arm or needed.n_per_arm,
        baseline=len(trial.baseline_days),
        follow_up=len(trial.follow_up_days),
        cluster_size=trial.cluster_size,
        dropout=trial.dropout,
        alpha=trial.alpha,
    )
    before = [day for day, _ in zip(range(1 - design.baseline, 1), trial.baseline_days, strict=True)]
    after = range(1, design.follow_up + 1)
    days = dict(zip(before, sorted(trial.baseline_days), strict=True))
    days |= dict(zip(after, sorted(trial.follow_up_days), strict=True))
    return Trial(claim, truth, plan_of(design), days, _effect(claim, needed, truth))


def simulate_trial(trial: Trial, seed: int | np.random.SeedSequence) -> Study:
    """Draw one trial.

    Parameters
    ----------
    trial : Trial
        From `prepare_trial`.
    seed : int or numpy.random.SeedSequence
        The same seed gives the same trial.

    Returns
    -------
    Study
        With roles set and the columns that the protocol asks for; its source says "simulated". Tables have at
        least the reads that the protocol asks for, or the pilot's own where those are more.
    """
    rng = np.random.default_rng(seed)
    makers: dict[str, Callable[[Trial, np.random.Generator], Study]] = {
        "alpha": _from_pilot,
        "community": _from_pilot,
        "panel": _from_log_ratio,
        "marker": _from_marker,
        "association": _from_changes,
    }
    study = makers[trial.claim.kind](trial, rng)
    return _with_protocol_columns(study, trial)


def _effect(claim: Claim, needed: Planned, truth: float) -> Effect | None:
    if claim.kind not in ("alpha", "community") or truth == 0:
        return None
    pilot, size = load_pilot(claim.endpoint.pilot), truth * claim.effect.smallest
    depth = max(pilot.depth, asked_depth(claim))
    if claim.kind == "community":
        return composition_shift(pilot, size, claim.endpoint.metric, depth)
    percent = size if claim.effect.scale == "percent" else 100 * size / needed.endpoint.mean
    return shannon_change(pilot, sign_of(claim) * percent, depth=depth)


def _from_pilot(trial: Trial, rng: np.random.Generator) -> Study:
    endpoint = trial.claim.endpoint
    pilot = load_pilot(endpoint.pilot)
    icc = None if pilot.has_repeats else endpoint.icc + endpoint.cluster_icc
    depth = max(pilot.depth, asked_depth(trial.claim))
    seed = int(rng.integers(2**63))
    return simulate_plan(pilot, trial.plan, trial.effect, depth=depth, icc=icc, seed=seed)


def _from_log_ratio(trial: Trial, rng: np.random.Generator) -> Study:
    """Draw log-ratios of a panel, then reads of one taxon of each side and of all others."""
    claim, endpoint = trial.claim, planned(trial.claim).endpoint
    ratio = draw_numbers(trial.plan, endpoint, _true(trial, endpoint), rng)
    share = _IN_PANEL / (1 + np.exp(-ratio))
    shares = np.column_stack([share, _IN_PANEL - share, np.full(len(share), 1 - _IN_PANEL)])
    panel = load_panels()[claim.endpoint.metric]
    ranks = [rank.lower() for rank in RANKS]
    names = []
    for taxon in (panel.up[0], panel.down[0] if panel.down else None, None):
        row = dict.fromkeys(RANKS, "")
        if taxon is not None:
            row[RANKS[ranks.index(taxon.rank.lower())]] = taxon.name
        row[RANKS[0]] = "Bacteria"
        names.append(row)
    return _study(rng.multinomial(_depths(claim, len(shares), rng), shares), trial, pd.DataFrame(names))


def _from_marker(trial: Trial, rng: np.random.Generator) -> Study:
    claim, endpoint = trial.claim, planned(trial.claim).endpoint
    values = draw_numbers(trial.plan, endpoint, _true(trial, endpoint), rng)
    study = _study(_depths(claim, len(trial.plan), rng)[:, None], trial)
    return _with_column(study, claim.endpoint.metric, np.exp(values) if claim.endpoint.log else values)


def _from_changes(trial: Trial, rng: np.random.Generator) -> Study:
    """Draw a Shannon diversity and a marker whose true changes correlate between units."""
    claim, plan = trial.claim, trial.plan
    sides = []
    rho = sign_of(claim) * claim.effect.smallest * trial.truth
    unit = plan.cluster
    true = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=int(unit.max()) + 1)[unit]
    for number, reliability in enumerate((claim.endpoint.reliability, claim.endpoint.partner_reliability)):
        level = rng.standard_normal(int(unit.max()) + 1)[unit]
        # A change of variance 1 is this share of the variance of a difference of two single samples. Noise is
        # the unit's own, so that cage mates do not average it away.
        noise = np.sqrt((1 - reliability) / reliability / 2)
        times, time = np.unique(plan.time, return_inverse=True)
        own = rng.standard_normal((int(unit.max()) + 1, len(times)))[unit, time]
        sides.append(level + np.where(plan.time > 0, true[:, number], 0.0) + noise * own)
    shannon = 2.5 + 0.15 * sides[0]
    shares, reached = _shares_of_shannon()
    picked = np.array([np.interp(shannon, reached, shares[:, taxon]) for taxon in range(_TAXA)]).T
    shares = picked / picked.sum(axis=1, keepdims=True)
    study = _study(rng.multinomial(_depths(claim, len(shares), rng), shares), trial)
    values = 10 + sides[1]
    return _with_column(study, claim.endpoint.partner, np.exp(values / 10) if claim.endpoint.log else values)


def _shares_of_shannon() -> tuple[np.ndarray, np.ndarray]:
    """Return compositions of growing Shannon diversity, and that diversity."""
    steep = np.linspace(3, 0, 200)
    shares = np.arange(1, _TAXA + 1) ** -steep[:, None]
    shares /= shares.sum(axis=1, keepdims=True)
    return shares, -(shares * np.log(shares)).sum(axis=1)


def draw_numbers(plan: Plan, endpoint: MeanEndpoint, effect: float, rng: np.random.Generator) -> np.ndarray:
    """Draw one number a sample: the mean, parts of cage, subject and sample, and the effect on the treated.

    Returns
    -------
    numpy.ndarray, shape (n_samples,)
    """
    shares = (endpoint.cluster_icc, endpoint.icc, 1 - endpoint.cluster_icc - endpoint.icc)
    values = endpoint.mean + effect * plan.treated
    for level, share in zip(("cluster", "subject", "sample"), shares, strict=True):
        codes = plan.codes(level)
        parts = rng.standard_normal(int(codes.max()) + 1)[codes]
        values = values + endpoint.sd * np.sqrt(max(share, 0.0)) * parts
    return values


def _true(trial: Trial, endpoint: MeanEndpoint) -> float:
    smallest = in_own_unit(trial.claim, trial.claim.effect.smallest, endpoint)
    return sign_of(trial.claim) * trial.truth * smallest


def _depths(claim: Claim, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the reads of each sample, none below what the claim asks for."""
    least = asked_depth(claim)
    drawn = max(_DEPTH, 2 * least) * np.exp(_DEPTH_SD * rng.standard_normal(n_samples))
    return np.maximum(drawn, least).astype(int)


def _study(counts: np.ndarray, trial: Trial, names: pd.DataFrame | None = None) -> Study:
    """Make a study of a table whose samples follow the plan."""
    plan = trial.plan
    ids = [f"simulated_{number + 1}" for number in range(len(plan))]
    features = [f"taxon_{number + 1}" for number in range(counts.shape[1])]
    source = Source(name=f"simulated trial of {trial.claim.id}", format="simulated", reader="simulate_trial")
    taxonomy = None if names is None else names.set_axis(features, axis=0)
    metadata = plan.metadata().set_axis(ids, axis=0)
    return Study(sparse.csr_array(counts.astype(np.int64)), ids, features, metadata, taxonomy, source=source)


def _with_column(study: Study, name: str, values: np.ndarray) -> Study:
    return replace(study, metadata=study.metadata.assign(**{name: values}))


def _with_protocol_columns(study: Study, trial: Trial) -> Study:
    """Fill in the sample sheet as the protocol asks for it."""
    claim, plan = trial.claim, trial.plan
    metadata = study.metadata
    recorded = {key: "recorded" for key in claim.fields if key not in metadata.columns}
    given = plan.arm == 1
    metadata = metadata.assign(
        **recorded
        | {
            "time": [trial.days[time] for time in plan.time],
            "arm": np.where(given, claim.exposure.product, "vehicle"),
            "bont_units": np.where(given, claim.exposure.units, 0.0),
            "randomised": "yes",
            "host": claim.host,
        }
    )
    roles = {"subject": "subject", "time": "time", "treatment": "arm", "reference": "vehicle"}
    if claim.trial.cluster_size > 1:
        roles["cluster"] = "cage"
    else:
        metadata = metadata.drop(columns="cage") if claim.host == "human" else metadata
        roles |= {"cluster": "cage"} if claim.host == "mouse" else {}
    bare = replace(study, metadata=metadata, roles=type(study.roles)())
    before, after = ([d for t, d in trial.days.items() if (t > 0) == late] for late in (False, True))
    return bare.with_roles(**roles, baseline=before, follow_up=after)
