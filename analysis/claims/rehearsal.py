"""The dress rehearsal: how often each verdict comes out of simulated trials whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from analysis.arguments import check_count
from analysis.claims.auditing import Audit, audit
from analysis.claims.model import Claim
from analysis.claims.needs import data_needed
from analysis.claims.trial import Trial, prepare_trial, simulate_trial
from analysis.claims.verdict import Outcome, judge
from analysis.errors import Faults, ParameterError
from analysis.pilots.shipped import load_pilot
from analysis.planning.checkpoint import opened
from analysis.planning.replicates import run_blocks
from analysis.planning.results import monte_carlo_error
from analysis.study import Study

OUTCOMES: tuple[str, ...] = get_args(Outcome)
_BLOCK = 25  # trials that go to a process together
_SHOWN_FROM = 50  # trials a truth from which progress is shown


@dataclass(frozen=True)
class Rehearsal:
    """Operating characteristics of a claim's protocol, by simulation.

    Attributes
    ----------
    claim : Claim
        What was asked.
    n_per_arm : int
        Subjects enrolled in each arm.
    n_trials : int
        Simulated trials for each truth.
    counts : dict of float to dict of str to int
        Trials by truth (multiple of the smallest effect of interest) and outcome.
    """

    claim: Claim
    n_per_arm: int
    n_trials: int
    counts: dict[float, dict[str, int]]

    def to_frame(self) -> pd.DataFrame:
        """Return a row a truth and outcome: truth, outcome, trials, rate and its Monte Carlo error."""
        rows = [
            {
                "truth": truth,
                "outcome": outcome,
                "trials": found.get(outcome, 0),
                "rate": found.get(outcome, 0) / self.n_trials,
                "rate_se": monte_carlo_error(found.get(outcome, 0), self.n_trials),
            }
            for truth, found in self.counts.items()
            for outcome in OUTCOMES
        ]
        return pd.DataFrame(rows)

    def rate(self, truth: float, outcome: str) -> float:
        """Return how often an outcome came under a truth."""
        return self.counts[truth].get(outcome, 0) / self.n_trials

    def _repr_html_(self) -> str:
        table = self.to_frame().pivot_table("rate", "truth", "outcome")[list(OUTCOMES)]
        return table.to_html(float_format="{:.3f}".format)


def rehearse(
    claim: Claim,
    n_trials: int = 100,
    truths: Sequence[float] = (0.0, 0.5, 1.0, 2.0),
    *,
    n_per_arm: int | None = None,
    permutations: int = 999,
    seed: int = 0,
    n_jobs: int = 1,
    checkpoint: str | Path | None = None,
) -> Rehearsal:
    """Simulate the trial that a protocol asks for, many times, and count the verdicts.

    Parameters
    ----------
    claim : Claim
        Of any kind but "knowledge".
    n_trials : int
        Trials for each truth.
    truths : sequence of float
        True effects as multiples of the smallest of interest, in the claimed direction; 0: none.
    n_per_arm : int, optional
        By default what the protocol asks for.
    permutations : int
        Of PERMANOVA, in each trial.
    seed, n_jobs : int
        Results are the same for every `n_jobs` and backend; see `power_curve` for a Dask cluster.
    checkpoint : str or pathlib.Path, optional
        A file in which each block of 25 trials is kept as soon as it is done. Called again in the same way
        with the same file, only those that are missing are simulated; the result is the same.

    Returns
    -------
    Rehearsal

    Raises
    ------
    ParameterError
        For a claim that no trial would settle, and impossible numbers; all faults at once.

    Notes
    -----
    Diversity and compositions are drawn from the claim's pilot, panels, markers and correlations from normal
    parts of cage, subject and sample. Each trial is then judged as `evaluate` would judge a real one; trials
    of one protocol have the same sheet, so that one audit serves several of them.

    Examples
    --------
    >>> import analysis as an
    >>> claim = an.load_claims()["diversity_falls_mice"]
    >>> rehearsal = an.claims.rehearse(claim, n_trials=2, truths=[0.0])
    >>> rehearsal.counts
    {0.0: {'refuted': 2}}
    """
    faults = Faults("rehearse", ParameterError)
    check_count(faults, "n_trials", n_trials, 1, "trials for each truth")
    faults.raise_if_any()
    needed = data_needed(claim)  # says so where no trial would settle it, and keeps what the workers need
    told = {"claim": claim, "n_trials": n_trials, "truths": list(truths), "n_per_arm": n_per_arm}
    pilot = getattr(claim.endpoint, "pilot", None)  # a claim of what is known has no endpoint
    told |= {"permutations": permutations, "seed": seed, "plan": needed.plan}
    told |= {"pilot": load_pilot(pilot) if pilot else None}
    counts = {}
    with opened(checkpoint, {"function": "rehearse"} | told) as done:
        seeds = np.random.SeedSequence(seed).spawn(len(truths))
        for place, (truth, spawned) in enumerate(zip(truths, seeds, strict=True)):
            parts = run_blocks(
                partial(_judge, prepare_trial(claim, truth, n_per_arm), permutations),
                n_trials,
                spawned,
                block=_BLOCK,
                n_jobs=n_jobs,
                describe=f"{claim.id}, truth {truth:g}" if n_trials >= _SHOWN_FROM else "",
                found=done,
                named=f"truth {place}, block",
            )
            counts[float(truth)] = dict(sum(map(Counter, parts), Counter()))
    return Rehearsal(claim, n_per_arm or needed.plan.n_per_arm, n_trials, counts)


def _judge(trial: Trial, permutations: int, rng: np.random.Generator, n_trials: int) -> Counter[str]:
    """Simulate and judge a few trials; their sheets differ in what was measured only: one audit serves."""
    outcomes: Counter[str] = Counter()
    found: Audit | None = None
    for seed in rng.bit_generator.seed_seq.spawn(n_trials):
        study = simulate_trial(trial, seed)
        found = audit(study, trial.claim) if found is None else _of_the_same_sheet(found, study)
        outcomes[judge(study, found, 0, permutations).outcome] += 1
    return outcomes


def _of_the_same_sheet(found: Audit, study: Study) -> Audit:
    """Return an audit with the arms of another study of the same protocol."""
    before = found.arms.study
    made = before.metadata.columns.difference(study.metadata.columns)
    metadata = study.metadata.assign(**{name: before.metadata[name].to_numpy() for name in made})
    arms = replace(found.arms, study=replace(study, metadata=metadata, roles=before.roles))
    return replace(found, arms=arms)
