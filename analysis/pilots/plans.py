"""Who is sampled when, and who shares a cage: the rows of a simulated table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.arguments import check_count
from analysis.designs import Design
from analysis.errors import Faults, ParameterError

LEVELS = ("stratum", "cluster", "subject", "sample")


@dataclass(frozen=True, eq=False)
class Plan:
    """The samples of a study, each with the units it belongs to.

    Attributes
    ----------
    stratum, cluster, subject : numpy.ndarray of int, shape (n_samples,)
        Codes from 0; subjects nest in clusters (cages), clusters in strata (vendors, sites).
    arm : numpy.ndarray of int, shape (n_samples,)
        0 for the reference arm, 1 for the treated one.
    time : numpy.ndarray of int, shape (n_samples,)
        0 and below before the treatment began, above 0 after.
    """

    stratum: np.ndarray
    cluster: np.ndarray
    subject: np.ndarray
    arm: np.ndarray
    time: np.ndarray

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def treated(self) -> np.ndarray:
        """Whether the treatment has reached the sample."""
        return (self.arm == 1) & (self.time > 0)

    def codes(self, level: str) -> np.ndarray:
        """Return the unit of each sample at a level; at "sample", its own number."""
        return np.arange(len(self)) if level == "sample" else getattr(self, level)

    def metadata(self) -> pd.DataFrame:
        """Return the columns subject, cage, arm and time, as a simulated study carries them."""
        return pd.DataFrame(
            {
                "subject": [f"subject_{code + 1}" for code in self.subject],
                "cage": [f"cage_{code + 1}" for code in self.cluster],
                "arm": np.where(self.arm == 1, "treated", "reference"),
                "time": self.time,
            }
        )


def plan_arms(n_subjects: Sequence[int], times: Sequence[int] = (1,), cluster_size: int = 1) -> Plan:
    """Lay out arms of subjects, each sampled at the same times.

    Parameters
    ----------
    n_subjects : sequence of int
        Subjects of the reference arm and, where there is one, of the treated arm.
    times : sequence of int
        Sampling times; those above 0 are after the treatment began.
    cluster_size : int
        Subjects that share a cage. No cage holds both arms; the last of an arm may be less full.

    Raises
    ------
    ParameterError
        Where a number is not whole or below 1; all faults at once.

    Examples
    --------
    >>> plan_arms([2, 2], times=(0, 1), cluster_size=2).cluster.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    faults = Faults("plan", ParameterError)
    for size in n_subjects:
        check_count(faults, "n_subjects", size, 1, "subjects an arm")
    check_count(faults, "samples_per_subject", len(times), 1, "samples a subject")
    check_count(faults, "cluster_size", cluster_size, 1, "subjects a cage")
    faults.raise_if_any()
    cages = [np.arange(size) // cluster_size for size in n_subjects]
    return _plan(cages, [0, 1][: len(cages)], times, share_cages=False)


def plan_of(design: Design) -> Plan:
    """Lay out the samples that a design analyses.

    Parameters
    ----------
    design : Design
        Baselines are at times ..., -1, 0 and follow-ups at 1, 2, ... Those lost to the follow-up are left
        out, spread evenly over the cages.
    """
    cages = []
    for arm, kept in enumerate(design.n_analysed):
        sizes = design.cage_sizes(arm)
        everyone = np.repeat(np.arange(len(sizes)), sizes)
        cages.append(everyone[np.linspace(0, len(everyone) - 1, kept).round().astype(int)])
    times = [*range(1 - design.baseline, 1), *range(1, design.follow_up + 1)]
    # A design names the treated arm first; a paired one has no other.
    return _plan(cages[::-1], [1] if design.paired else [0, 1], times, share_cages=design.within_cluster)


def _plan(cages: list[np.ndarray], arms: list[int], times: Sequence[int], *, share_cages: bool) -> Plan:
    offset = 0
    cluster_of = []
    for codes in cages:
        cluster_of.append(codes + offset)
        offset += 0 if share_cages else int(codes.max()) + 1
    cluster = np.concatenate(cluster_of)
    arm = np.repeat(arms, [len(codes) for codes in cages])
    subject = np.repeat(np.arange(len(arm)), len(times))
    return Plan(
        stratum=np.zeros(len(subject), dtype=int),
        cluster=cluster[subject],
        subject=subject,
        arm=arm[subject],
        time=np.tile(np.asarray(times, dtype=int), len(arm)),
    )
