"""The preregistered test of each kind of claim: an estimate with intervals, and what it decides."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.claims.arms import Arms
from analysis.claims.measures import (
    Depths,
    alpha_values,
    at_depth,
    marker_values,
    panel_values,
    percent_of,
    unit_changes,
)
from analysis.claims.model import Claim
from analysis.claims.needs import Needs
from analysis.claims.windows import Windows
from analysis.comparison.association import correlate_changes
from analysis.comparison.means import MeanComparison, compare_means
from analysis.comparison.omega_limit import omega_squared_limit
from analysis.comparison.permanova import permanova
from analysis.diversity.beta import beta_diversity
from analysis.errors import DesignError, listed, one_fault
from analysis.study import Study

_UNEQUAL = 1.5  # times as many units in one arm as in the other, from which unequal spread misleads

Decision = Literal["supported", "opposite", "refuted", "inconclusive"]


@dataclass(frozen=True)
class Estimate:
    """What a test found.

    Attributes
    ----------
    name, unit : str
        What was estimated, and its unit.
    estimate, low, high : float
        Treated less reference (or a ratio, a share, a correlation) and its two-sided interval; low and high
        NaN where only a limit above is known.
    p_value, p_equivalence : float
        Of no effect, two-sided, and of an effect of the margin or more.
    margin, equivalence_low, equivalence_high : float
        The margin and the interval that must lie within it, in the same unit (a ratio: around 1).
    percent : float
        The estimate in percent of the reference arm's mean; NaN where that has no meaning.
    n_treated, n_reference : int
        Subjects that entered.
    unit_of_analysis, method : str
        What was counted as independent, and the test.
    within_subjects : bool
        Whether each subject had both conditions.
    """

    name: str
    unit: str
    estimate: float
    low: float
    high: float
    p_value: float
    p_equivalence: float
    margin: float
    equivalence_low: float
    equivalence_high: float
    percent: float
    n_treated: int
    n_reference: int
    unit_of_analysis: str
    method: str
    within_subjects: bool = False


@dataclass(frozen=True)
class Tested:
    """What a test found.

    Attributes
    ----------
    estimate : Estimate
        The numbers.
    decision : {"supported", "opposite", "refuted", "inconclusive"}
        What they decide by themselves.
    notes : tuple of str
        What entered and what was left out.
    weaknesses : tuple of str
        Why the test cannot be relied on here; any of them leaves the verdict inconclusive.
    """

    estimate: Estimate
    decision: Decision
    notes: tuple[str, ...]
    weaknesses: tuple[str, ...] = ()


def decide(
    claim: Claim, estimate: float, p_value: float, p_equivalence: float, null: float = 0.0
) -> Decision:
    """Apply the decision rule of the protocols.

    Parameters
    ----------
    claim : Claim
        Its direction and alpha.
    estimate, p_value, p_equivalence : float
        As in `Estimate`.
    null : float
        The estimate of no effect: 1 for a ratio.

    Notes
    -----
    An effect of the margin or more is ruled out: "refuted", even where a smaller one is seen. Else p at most
    alpha: "supported" in the claimed direction, "opposite" in the other. Else "inconclusive": p above alpha
    refutes nothing.
    """
    alpha = claim.trial.alpha
    if p_equivalence <= alpha:
        return "refuted"
    if not p_value <= alpha:
        return "inconclusive"
    wanted = {"lower": -1, "higher": 1, "differs": 0}[claim.effect.direction]
    return "supported" if wanted in (0, np.sign(estimate - null)) else "opposite"


@dataclass(frozen=True)
class _Case:
    """What a test is given: the study holds only samples that count, with their roles."""

    claim: Claim
    study: Study
    arms: Arms
    needs: Needs
    seed: int
    permutations: int


def run_test(
    claim: Claim, arms: Arms, windows: Windows, needs: Needs, seed: int, permutations: int
) -> Tested:
    """Run the test of a claim on a study whose arms are known."""
    kinds: dict[str, Callable[[_Case], Tested]] = {
        "alpha": _alpha,
        "panel": _panel,
        "marker": _marker,
        "community": _community,
        "association": _association,
    }
    return kinds[claim.kind](_Case(claim, _in_windows(arms, windows), arms, needs, seed, permutations))


def _in_windows(arms: Arms, windows: Windows) -> Study:
    """Keep the samples that count, with their roles."""
    study = arms.study
    if windows.follow_up:
        times = study.metadata[study.roles.time]
        study = study.select(samples=times.isin((*windows.baseline, *windows.follow_up)).to_numpy())
        baseline = () if arms.crossover else windows.baseline
        study = study.with_roles(baseline=baseline, follow_up=windows.follow_up)
    return study


def _alpha(case: _Case) -> Tested:
    found = at_depth(case.study, case.needs.depth or 1)
    values = alpha_values(found, case.claim.endpoint.metric, case.seed)
    return _means(case, values, found.study, found.notes)


def _panel(case: _Case) -> Tested:
    values, notes = panel_values(case.study, case.claim.endpoint.metric)
    return _means(case, values, case.study, notes)


def _marker(case: _Case) -> Tested:
    endpoint = case.claim.endpoint
    values, notes = marker_values(case.study, endpoint.metric, log=endpoint.log)
    return _means(case, values, case.study, notes)


def _means(case: _Case, values: pd.Series, study: Study, notes: tuple[str, ...]) -> Tested:
    """Compare the means of the arms; the margin in percent is of the reference arm's own mean."""
    claim, arms = case.claim, case.arms
    log, alpha = claim.endpoint.log, claim.trial.alpha
    mean = _reference_mean(values, study, arms)
    margin = claim.effect.margin
    if claim.effect.scale == "percent":
        margin = abs(mean) * margin / 100
    elif log:
        margin -= 1  # a ratio of 1.25 is a difference of 25 %
    found: MeanComparison = compare_means(
        values, study, margin=margin, level=arms.treated, conf_level=1 - alpha, log=log, missing="drop"
    )
    plain = claim.effect.scale in ("percent", "own")
    estimate = Estimate(
        claim.endpoint.name,
        "ratio" if log else claim.endpoint.unit,
        found.estimate,
        found.ci_low,
        found.ci_high,
        found.p_value,
        found.p_equivalence,
        claim.effect.margin if log else margin,
        found.equivalence_low,
        found.equivalence_high,
        percent_of(found.estimate, mean) if plain else math.nan,
        found.n_per_arm[found.level],
        found.n_per_arm[found.reference],
        found.unit,
        f"{found.method}: {found.why}",
        arms.crossover,
    )
    decision = decide(claim, found.estimate, found.p_value, found.p_equivalence, 1.0 if log else 0.0)
    cages = sorted(found.n_clusters.values())
    few = len(cages) == 2 and cages[0] == 2 and cages[1] >= 4
    weak = ("2 cages against many: no test can tell whether they are like the others",) if few else ()
    return Tested(estimate, decision, (*notes, *found.notes), weak)


def _reference_mean(values: pd.Series, study: Study, arms: Arms) -> float:
    """Return the mean of the untreated after the baseline."""
    metadata = study.metadata.loc[values.index]
    chosen = metadata[study.roles.treatment].astype(str) == arms.reference
    if study.roles.follow_up:
        chosen &= metadata[study.roles.time].isin(study.roles.follow_up)
    if not chosen.any():
        raise one_fault(
            DesignError,
            study.source.name,
            f"no sample of the untreated arm ({arms.reference!r}) was taken after the treatment",
            expected="both arms sampled at the follow-up",
        )
    return float(values[chosen.to_numpy()].mean())


def _community(case: _Case) -> Tested:
    """Compare compositions after the treatment by PERMANOVA, and limit omega squared from above."""
    claim, study, arms = case.claim, case.study, case.arms
    roles = study.roles
    after = study
    if roles.follow_up:
        after = study.select(samples=study.metadata[roles.time].isin(roles.follow_up).to_numpy())
    after = after.select(samples=after.metadata[roles.treatment].notna().to_numpy())
    found: Depths = at_depth(after, case.needs.depth or 1)
    after = found.study
    depth = None if found.even else found.depth
    distances = beta_diversity(after, claim.endpoint.metric, depth=depth, iterations=10, seed=case.seed)
    unit = roles.cluster or roles.subject
    _refuse_movers(after)
    if arms.crossover:
        # A subject's samples of one condition share a period, and are exchanged as a whole.
        both = after.metadata[[roles.subject, roles.treatment]].astype(str).agg(" / ".join, axis=1)
        plan = {"blocks": roles.subject} | ({"plots": both} if both.duplicated().any() else {})
    else:
        plan = {"plots": unit} if after.metadata[unit].duplicated().any() else {}
    alpha = claim.trial.alpha
    test = permanova(
        distances,
        after.metadata,
        roles.treatment,
        permutations=case.permutations,
        seed=case.seed,
        alpha=alpha,
        **plan,
    )
    treated = (after.metadata[roles.treatment].astype(str) == arms.treated).to_numpy()
    subjects = after.metadata[roles.subject]
    notes = list(found.notes)
    p_below, upper = math.nan, math.nan
    if arms.crossover:
        notes.append("each subject is in both arms: no limit above omega squared is given")
    else:
        limit = omega_squared_limit(
            distances.data, treated, after.metadata[unit].astype(str).to_numpy(), claim.effect.margin, alpha
        )
        p_below, upper = limit.p_below, limit.upper
    weak = []
    if test.dispersion_p is not None and test.dispersion_p <= alpha:
        units = after.metadata.groupby(unit)[roles.treatment].first().astype(str).value_counts()
        if units.max() > _UNEQUAL * units.min():
            weak.append("the arms differ in size and in spread, and PERMANOVA takes the one for a shift")
        notes.append("the arms also differ in spread (PERMDISP): a shift alone is not shown")
    estimate = Estimate(
        claim.endpoint.name,
        "omega squared",
        test.omega_squared,
        math.nan,
        upper,
        test.p_value,
        p_below,
        claim.effect.margin,
        math.nan,
        upper,
        math.nan,
        int(subjects[treated].nunique()),
        int(subjects[~treated].nunique()),
        "cluster" if roles.cluster else "subject",
        "PERMANOVA of the samples after the treatment",
        arms.crossover,
    )
    return Tested(estimate, decide(claim, 1.0, test.p_value, p_below), tuple(notes), tuple(weak))


def _refuse_movers(study: Study) -> None:
    """Refuse subjects that are in several cages: they would count as several."""
    roles = study.roles
    if roles.cluster is None:
        return
    homes = study.metadata.groupby(roles.subject)[roles.cluster].nunique()
    moved = homes.index[homes > 1]
    if len(moved):
        raise one_fault(
            DesignError,
            study.source.name,
            f"{len(moved)} subjects are in more than one {roles.cluster!r}: {listed(moved)}",
            expected="each subject in one cage",
        )


def _association(case: _Case) -> Tested:
    """Correlate the change of a diversity with that of a marker, arm means taken out."""
    claim, arms, endpoint = case.claim, case.arms, case.claim.endpoint
    found = at_depth(case.study, case.needs.depth or 1)
    roles = found.study.roles
    x = alpha_values(found, endpoint.metric, case.seed)
    y, notes = marker_values(found.study, endpoint.partner, log=endpoint.log)
    times = (roles.baseline, roles.follow_up)
    changes = [unit_changes(x, found.study, *times)]
    changes.append(unit_changes(y, found.study, *times, log=endpoint.log))
    unit = roles.cluster or roles.subject
    arm = found.study.metadata.groupby(unit)[roles.treatment].last()
    margin = abs(case.needs.plan.endpoint.seen(claim.effect.margin, *map(len, times)))
    test = correlate_changes(*changes, arm, margin, claim.trial.alpha)
    in_both = changes[0].index.intersection(changes[1].index)
    entered = found.study.metadata[found.study.metadata[unit].isin(in_both)]
    counts = entered.groupby(entered[roles.treatment].astype(str))[roles.subject].nunique()
    estimate = Estimate(
        endpoint.name,
        "correlation",
        test.estimate,
        test.ci_low,
        test.ci_high,
        test.p_value,
        test.p_equivalence,
        margin,
        test.equivalence_low,
        test.equivalence_high,
        math.nan,
        int(counts.get(arms.treated, 0)),
        int(counts.get(arms.reference, 0)),
        "cluster" if roles.cluster else "subject",
        "correlation of the changes, arm means taken out",
    )
    decision = decide(claim, test.estimate, test.p_value, test.p_equivalence)
    return Tested(estimate, decision, (*found.notes, *notes))
