"""The dress rehearsal: how often each verdict comes out of simulated trials whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
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
        Results are the same for every `n_jobs`.

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
    data_needed(claim)  # says so where no trial would settle the claim, and keeps what the workers need
    counts = {}
    for truth, spawned in zip(truths, np.random.SeedSequence(seed).spawn(len(truths)), strict=True):
        trial = prepare_trial(claim, truth, n_per_arm)
        work = partial(_judge, trial, permutations)
        title = f"{claim.id}, truth {truth:g}" if n_trials >= _SHOWN_FROM else ""
        parts = run_blocks(work, n_trials, spawned, block=_BLOCK, n_jobs=n_jobs, describe=title)
        counts[float(truth)] = dict(sum(parts, Counter()))
    return Rehearsal(claim, n_per_arm or data_needed(claim).plan.n_per_arm, n_trials, counts)


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
