"""Which samples were taken before the treatment, and which while it works."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.claims.model import Claim
from analysis.errors import listed
from analysis.study import Study


@dataclass(frozen=True)
class Windows:
    """The times of a study that count for a claim.

    Attributes
    ----------
    baseline, follow_up : tuple
        Values of the time column; both empty where the study has no times: all samples then count.
    planned_baseline, planned_follow_up : bool
        Whether the samples cover the days that the claim asks for.
    near_follow_up : bool
        Whether any follow-up falls on days that the claim asks for.
    said : str
        Which samples were taken, in words.
    why_none : str
        Why no follow-up could be told apart; "" where it could.
    """

    baseline: tuple = ()
    follow_up: tuple = ()
    planned_baseline: bool = False
    planned_follow_up: bool = False
    near_follow_up: bool = False
    said: str = ""
    why_none: str = ""


def find_windows(study: Study, claim: Claim) -> Windows:
    """Find the baseline and follow-up samples that a claim's test uses.

    Parameters
    ----------
    study : Study
        Times that the roles name as baseline and follow-up are taken as they are; else the time column holds
        days from the first injection.
    claim : Claim
        Its days and their window.
    """
    roles, trial = study.roles, claim.trial
    if roles.time is None:
        return Windows(said="no time is named: every sample counts as taken after the treatment")
    times = study.metadata[roles.time]
    numeric = pd.api.types.is_numeric_dtype(times)
    if roles.baseline or roles.follow_up:
        after = roles.follow_up
        if not after and numeric:
            later = times[times > max(roles.baseline)].dropna()
            after = tuple(sorted(later.unique().tolist()))
        if not after:
            return Windows(roles.baseline, why_none="the follow-up times are not named: set follow_up=")
        if numeric and roles.baseline and max(roles.baseline) >= min(after):
            return Windows(why_none=f"the baseline ({_listed(roles.baseline)}) is not before the follow-up")
        days = numeric and _covered(trial.follow_up_days, after, trial.window)
        near = numeric and any(_near(day, trial.follow_up_days, trial.window) for day in after)
        near = near and all(day <= 0 for day in roles.baseline)
        before = numeric and _covered(trial.baseline_days, roles.baseline, trial.window)
        said = f"the study's own times: {_listed(roles.baseline)} before, {_listed(after)} after"
        return Windows(roles.baseline, after, before, days, near, said)
    if not numeric:
        strange = times.dropna().unique()
        return Windows(
            why_none=f"the times in {roles.time!r} are no numbers of days ({listed(strange, most=3)}): turn "
            "them into days from the first injection, or name baseline= and follow_up= times"
        )
    return _by_day(times.dropna(), claim)


def _by_day(times: pd.Series, claim: Claim) -> Windows:
    """Take the samples near the days that the claim asks for."""
    trial = claim.trial
    there = np.sort(times.unique())
    if not len(there):
        return Windows(why_none=f"no sample has a time in {times.name!r}")
    before = [day for day in there if day <= 0 and _near(day, trial.baseline_days, trial.window)]
    after = [day for day in there if day > 0 and _near(day, trial.follow_up_days, trial.window)]
    if not after:
        wanted = ", ".join(map(str, trial.follow_up_days))
        return Windows(
            why_none=f"no sample within {trial.window} day(s) of day {wanted}; {times.name!r} runs from "
            f"{there.min():g} to {there.max():g}"
        )
    return Windows(
        tuple(before),
        tuple(after),
        _covered(trial.baseline_days, before, trial.window),
        _covered(trial.follow_up_days, after, trial.window),
        near_follow_up=True,
        said=f"days {_listed(before)} before, {_listed(after)} after",
    )


def _near(day: float, wanted: tuple[int, ...], window: int) -> bool:
    return any(abs(day - one) <= window for one in wanted)


def _covered(wanted: tuple[int, ...], there: object, window: int) -> bool:
    """Say whether each wanted day has a sample within the window."""
    return all(any(abs(day - one) <= window for day in there) for one in wanted)  # type: ignore[attr-defined]


def _listed(times: object) -> str:
    return ", ".join(f"{one:g}" if isinstance(one, int | float) else str(one) for one in times) or "none"  # type: ignore[attr-defined]
