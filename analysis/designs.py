"""What an experiment looks like: animals or people, cages, samples, losses, and the test it ends in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np
import pandas as pd

from analysis.arguments import check_choice, check_count, check_number
from analysis.errors import DesignError, Faults

Model = Literal["pooled", "welch", "change", "ancova"]
Direction = Literal["less", "greater"]

_MODELS = ("pooled", "welch", "change", "ancova")


@dataclass(frozen=True)
class Design:
    """An experiment with a treated and a reference arm, or with one arm measured before and after.

    Parameters
    ----------
    n_per_arm : int
        Animals or people enrolled in the treated arm (and, with ``ratio=1``, in the reference arm).
    baseline, follow_up : int
        Samples a subject before the treatment (0: none) and after it (1 or more); each phase is averaged.
    cluster_size : int
        Animals a cage; 1 for people and for animals housed singly.
    dropout : float
        Share of those enrolled who are lost before the follow-up, 0 or more and below 1.
    sides : {1, 2}
        One- or two-sided test. With a margin: 2 tests equivalence, 1 non-inferiority.
    alpha : float
        Size of the test; in an equivalence test that of each of its two one-sided tests.
    ratio : float
        Subjects of the reference arm for each treated one.
    paired : bool
        One arm, each subject compared with itself: before against after.
    within_cluster : bool
        Animals of both arms share every cage. False: a cage is treated as a whole, and is then the unit.
    model : {"pooled", "welch", "change", "ancova"}, optional
        The test of the means: two-sample t of the follow-up with pooled or with separate variances, of the
        change from the baseline, or analysis of covariance with the baseline. By default "ancova" where there
        is a baseline, else "pooled"; ``paired=True`` is always the t test of each subject's change.
    alternative : {"less", "greater"}, optional
        What a one-sided test looks for: that the treated are lower, or higher. By default the direction of
        the effect.

    Raises
    ------
    DesignError
        For impossible values and combinations, all of them at once.

    Notes
    -----
    The last four are given by name. Cages hold at most `cluster_size` animals, and animals are spread over
    them as evenly as can be: 20 animals in cages of up to 3 make 7 cages, six of 3 and one of 2. Of n
    enrolled in an arm, ``floor(n * (1 - dropout))`` are analysed; who is lost is left to chance, so that
    cages become uneven.

    Examples
    --------
    >>> import analysis as an
    >>> design = an.Design(n_per_arm=20, cluster_size=3, dropout=0.1)
    >>> design.total, design.n_analysed, design.n_cages
    (40, (18, 18), 14)
    """

    n_per_arm: int = 20
    baseline: int = 1
    follow_up: int = 1
    cluster_size: int = 1
    dropout: float = 0.0
    sides: Literal[1, 2] = 2
    alpha: float = 0.05
    ratio: float = field(default=1.0, kw_only=True)
    paired: bool = field(default=False, kw_only=True)
    within_cluster: bool = field(default=False, kw_only=True)
    model: Model | None = field(default=None, kw_only=True)
    alternative: Direction | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check each value, and how they fit together."""
        faults = Faults("Design", DesignError)
        counts = {
            "n_per_arm": (2, "animals or people", "a single subject shows no variation between subjects"),
            "baseline": (0, "samples a subject before the treatment", ""),
            "follow_up": (1, "samples a subject after it began", ""),
            "cluster_size": (1, "animals a cage", ""),
        }
        sound = True
        for name, (least, of_what, remedy) in counts.items():
            if check_count(faults, name, getattr(self, name), least, of_what, remedy):
                object.__setattr__(self, name, int(getattr(self, name)))
            else:
                sound = False
        share = "a share of those enrolled, 0 or more and below 1"
        sound &= check_number(faults, "dropout", self.dropout, lambda x: 0 <= x < 1, share)
        check_number(faults, "alpha", self.alpha, lambda x: 0 < x <= 0.5, "above 0 and at most 0.5")
        sound &= check_number(faults, "ratio", self.ratio, lambda x: x > 0, "a number above 0")
        check_choice(faults, "sides", self.sides, (1, 2))
        check_choice(faults, "model", self.model, (None, *_MODELS))
        check_choice(faults, "alternative", self.alternative, (None, "less", "greater"))
        if sound:
            self._check_fit(faults)
        faults.raise_if_any()

    def _check_fit(self, faults: Faults) -> None:
        """Note what cannot go together."""
        if self.alternative and self.sides == 2:
            faults.add(
                f"alternative={self.alternative!r} with sides=2",
                remedy="a test in one direction has sides=1",
            )
        if self.baseline == 0 and (self.paired or self.model in ("change", "ancova")):
            why = "paired=True" if self.paired else f"model={self.model!r}"
            faults.add(f"{why} with baseline=0", expected="a baseline of at least 1 sample")
        if self.paired and self.model not in (None, "change"):
            faults.add(
                f"model={self.model!r} with paired=True",
                remedy="leave model out: the change of each subject is tested",
            )
        if self.paired and self.ratio != 1:
            faults.add(f"ratio={self.ratio:g} with paired=True", remedy="leave ratio out: there is one arm")
        if self.within_cluster:
            self._check_blocks(faults)
        if min(self.n_enrolled) < 2:
            faults.add(
                f"ratio={self.ratio:g} leaves {min(self.n_enrolled)} subject(s) in the reference arm",
                expected="2 or more in each arm",
            )
        elif min(self.n_analysed) < 2:
            faults.add(
                f"dropout={self.dropout:g} leaves {min(self.n_analysed)} of {min(self.n_enrolled)} in an arm",
                expected="2 or more in each arm",
                remedy="enrol more",
            )

    def _check_blocks(self, faults: Faults) -> None:
        if self.cluster_size % 2:
            faults.add(
                f"within_cluster=True with cluster_size={self.cluster_size}",
                expected="an even number of animals a cage, half of them in each arm",
            )
        if self.ratio != 1 or self.paired or self.model == "welch":
            faults.add(
                "within_cluster=True with ratio, paired=True or model='welch'",
                remedy="arms that share cages are equal in number and tested against the spread within cages",
            )

    @property
    def test(self) -> str:
        """What the experiment ends in: "paired", "pooled", "welch", "change" or "ancova"."""
        if self.paired:
            return "paired"
        return self.model or ("ancova" if self.baseline else "pooled")

    @property
    def uses_baseline(self) -> bool:
        """Whether the test looks at the baseline samples."""
        return self.test in ("paired", "change", "ancova")

    @property
    def caged(self) -> bool:
        """Whether whole cages are the units of the test."""
        return self.cluster_size > 1 and not self.within_cluster

    @property
    def n_reference(self) -> int:
        """Subjects enrolled in the reference arm; 0 where each subject is its own."""
        # Halves go up, so that an odd number of treated never leaves the arms short.
        return 0 if self.paired else math.floor(self.ratio * self.n_per_arm + 0.5)

    @property
    def n_enrolled(self) -> tuple[int, ...]:
        """Subjects enrolled, by arm, the treated first."""
        return (self.n_per_arm,) if self.paired else (self.n_per_arm, self.n_reference)

    @property
    def n_analysed(self) -> tuple[int, ...]:
        """Subjects left after the losses, by arm."""
        # The small number keeps 20 * (1 - 0.1) from becoming 17 through rounding.
        return tuple(math.floor(n * (1 - self.dropout) + 1e-9) for n in self.n_enrolled)

    @property
    def total(self) -> int:
        """Subjects enrolled in all."""
        return sum(self.n_enrolled)

    @property
    def n_cages(self) -> int:
        """Cages in all; as many as subjects where each is housed alone."""
        return self.cages(0) if self.within_cluster else sum(map(self.cages, range(len(self.n_enrolled))))

    @property
    def step(self) -> int:
        """Subjects of an arm that fill one more cage."""
        return self.cluster_size // 2 if self.within_cluster else self.cluster_size

    def cages(self, arm: int) -> int:
        """Return the number of cages that one arm (0: treated, 1: reference) is spread over."""
        return -(-self.n_enrolled[arm] // self.step)

    def cage_sizes(self, arm: int) -> np.ndarray:
        """Return the animals of one arm in each of its cages at the start, spread as evenly as can be.

        Parameters
        ----------
        arm : int
            0 for the treated, 1 for the reference.

        Returns
        -------
        numpy.ndarray of int, shape (n_cages,)
            For arms that share cages, the animals of this arm in each.
        """
        n, cages = self.n_enrolled[arm], self.cages(arm)
        return np.full(cages, n // cages) + (np.arange(cages) < n % cages)

    def resized(self, n_per_arm: int) -> Design:
        """Return the same design with another number of subjects."""
        return replace(self, n_per_arm=n_per_arm)

    def notes(self) -> tuple[str, ...]:
        """Say what the numbers alone do not show."""
        notes = []
        uneven = [n for n in self.n_enrolled if n % self.step]
        if uneven:
            arm = self.n_enrolled.index(uneven[0])
            notes.append(
                f"{uneven[0]} is no multiple of {self.step}: the {self.cages(arm)} cages hold "
                f"{uneven[0] // self.cages(arm)} to {-(-uneven[0] // self.cages(arm))} animals"
                + (" of each arm" if self.within_cluster else "")
            )
        if self.dropout and min(self.n_analysed) < min(self.n_enrolled):
            left = " and ".join(f"{a} of {n}" for a, n in zip(self.n_analysed, self.n_enrolled, strict=True))
            notes.append(f"analysed after losses: {left}")
        if self.baseline and not self.uses_baseline:
            notes.append(f"the {self.test} t test does not use the baseline samples")
        return tuple(notes)

    def to_frame(self) -> pd.DataFrame:
        """Return the design as one row."""
        row = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return pd.DataFrame([row | {"test": self.test, "total": self.total, "n_cages": self.n_cages}])

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False)
