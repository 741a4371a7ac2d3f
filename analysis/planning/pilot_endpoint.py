"""What endpoints that are simulated from a pilot have in common."""

from __future__ import annotations

from dataclasses import replace

from analysis.arguments import check_count, check_number
from analysis.designs import Design
from analysis.errors import AnalysisError, Faults
from analysis.pilots.model import Pilot
from analysis.pilots.plans import Plan, plan_of
from analysis.pilots.simulator import check_askable
from analysis.study import Study

_FEWEST_REFITS = 10  # their spread is known within a quarter
_SECONDS_A_CELL = 1.2e-7  # of drawing and comparing one taxon of one sample
_SHOWN_FROM = 4.0  # seconds from which progress is shown


def check_pilot(faults: Faults, pilot: object) -> bool:
    """Add a fault unless a pilot is one; say whether it is."""
    if isinstance(pilot, Pilot):
        return True
    faults.add(
        f"pilot is a {type(pilot).__name__}",
        expected="a Pilot",
        remedy="fit_pilot(study) makes one of a table, load_pilot('sze_baxter') loads one",
    )
    return False


def check_icc(faults: Faults, icc: float | None) -> None:
    """Add a fault for an ICC that does not exist."""
    if icc is not None:
        check_number(
            faults,
            "icc",
            icc,
            lambda share: 0 <= share <= 1,
            "a share from 0 to 1, the part of the variance that belongs to the subject",
        )


def check_resamples(faults: Faults, pilot: object, resamples: int, study: Study | None) -> None:
    """Add faults for refits that cannot be made."""
    if study is not None and not isinstance(study, Study):
        faults.add(
            f"study is a {type(study).__name__}",
            expected="the Study that the pilot was fitted to, or None",
            remedy="analysis.load_dataset or analysis.read_study reads one",
        )
    if not check_count(faults, "resamples", resamples, 0, "refits of the pilot"):
        return
    if 0 < resamples < _FEWEST_REFITS:
        faults.add(f"resamples={resamples}", expected=f"0, or {_FEWEST_REFITS} or more: better 20")
    if study is not None and not resamples:
        faults.add("study= without resamples=", remedy="resamples=20, or leave study out")
    if resamples and isinstance(pilot, Pilot) and "plan" not in pilot.source:
        faults.add(
            f"resamples={resamples}: {pilot.name} does not say which samples belong to whom",
            expected="a pilot of fit_pilot or load_pilot",
            remedy="resamples=0",
        )


def check_simulable(faults: Faults, pilot: Pilot, plan: Plan, depth: int | None, icc: float | None) -> None:
    """Add what a pilot cannot say of a plan to the faults."""
    try:
        check_askable(pilot, plan, depth, icc)
    except AnalysisError as error:
        faults.found.extend(error.faults)


def compared(design: Design, *, baseline: bool) -> Plan:
    """Lay out the samples that a test looks at, the baseline ones only where they enter."""
    return plan_of(design if baseline else replace(design, baseline=0, model=None))


def progress_title(title: str, plan: Plan, pilot: Pilot, n_sim: int) -> str:
    """Return the title of a progress bar, or "" where the work is over in a few seconds."""
    seconds = _SECONDS_A_CELL * len(plan) * len(pilot) * n_sim
    return title if seconds >= _SHOWN_FROM else ""
