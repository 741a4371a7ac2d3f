"""What the planner can be set to, and the noise that each endpoint is supposed to have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from analysis.claims.model import Claim
from analysis.claims.planned import trial_endpoint
from analysis.claims.reading import load_claims
from analysis.designs import Design
from analysis.errors import Faults, ParameterError, did_you_mean
from analysis.planning.community import CommunityEndpoint
from analysis.planning.detection import detection_depth
from analysis.planning.endpoints import MeanEndpoint

#: The controls, in the order in which the grid is laid out, the last changing fastest.
CONTROLS = ("effect", "baseline", "follow_up", "cage", "dropout", "power")
N_SIM, PERMUTATIONS, SEED = 500, 999, 0  # of what has no closed form


@dataclass(frozen=True)
class Axis:
    """The even steps of one control.

    Attributes
    ----------
    first, step : float
        The lowest value, and what lies between two; `step` is 1 where there is only one value.
    count : int
        How many values there are.
    """

    first: float
    step: float = 1
    count: int = 1

    @property
    def values(self) -> list[float]:
        """The values, without the dust of binary fractions."""
        return [round(self.first + self.step * place, 6) for place in range(self.count)]

    def place(self, value: float) -> int | None:
        """Return which value this is, counted from 0; None where it is none of them."""
        place = round((value - self.first) / self.step)
        return place if 0 <= place < self.count and math.isclose(self.values[place], value) else None


@dataclass(frozen=True)
class Question:
    """One host and one endpoint: the controls, and the claim whose noise is supposed.

    Attributes
    ----------
    host : {"mice", "people"}
        Who is studied.
    endpoint : {"shannon", "panel", "composition"}
        What is measured.
    axes : dict of str to Axis
        The steps of each control. Effects are a fall in percent (Shannon), a factor by which the ratio rises
        (panel), an omega squared (composition); dropout and power are in percent.
    claim_id : str
        The claim in data/claims.toml. How the variance splits into cages, subjects and single stools is known
        much less well than the SD: its ``endpoint.noise`` says from what.
    """

    host: str
    endpoint: str
    axes: dict[str, Axis]
    claim_id: str

    @property
    def key(self) -> str:
        """Name of the question in the page."""
        return f"{self.host} {self.endpoint}"

    @property
    def simulated(self) -> bool:
        """Whether the numbers are from simulation."""
        return self.endpoint == "composition"

    @property
    def claim(self) -> Claim:
        """The claim."""
        return _claims()[self.claim_id]

    @property
    def noise(self) -> MeanEndpoint | CommunityEndpoint:
        """The endpoint with its noise, which is that of the claim's trial."""
        return _noise(self.claim_id)

    @property
    def reads(self) -> int:
        """Reads that each stool needs."""
        depth = self.claim.depth
        return detection_depth(depth.proportion, depth.confidence, depth.min_reads)

    def settings(self) -> Iterator[Setting]:
        """Go through all settings, the last control changing fastest."""
        for values in product(*(self.axes[name].values for name in CONTROLS)):
            yield Setting(self.host, self.endpoint, *values)


@lru_cache(maxsize=1)
def _claims() -> dict[str, Claim]:
    return load_claims()


@lru_cache
def _noise(claim_id: str) -> MeanEndpoint | CommunityEndpoint:
    return trial_endpoint(_claims()[claim_id])


@dataclass(frozen=True)
class Setting:
    """One position of all the controls.

    Parameters
    ----------
    host : {"mice", "people"}
        Who is studied.
    endpoint : {"shannon", "panel", "composition"}
        What is measured.
    effect : float
        Shannon: a fall in percent. Panel: the factor by which the ratio rises. Composition: omega squared.
    baseline, follow_up : int
        Stools a subject before and after.
    cage : int
        Animals a cage; 1 for people.
    dropout, power : float
        In percent.

    Raises
    ------
    ParameterError
        For a position that the planner does not have, with the steps that it has; all faults at once.

    Examples
    --------
    >>> import analysis as an
    >>> trial = {"baseline": 2, "follow_up": 2, "cage": 2, "dropout": 10, "power": 80}
    >>> setting = an.planner.Setting("mice", "shannon", effect=5, **trial)
    >>> setting.design().cluster_size, round(setting.effect_size(), 4)
    (2, -0.1478)
    """

    host: str
    endpoint: str
    effect: float
    baseline: int
    follow_up: int
    cage: int
    dropout: float
    power: float

    def __post_init__(self) -> None:
        """Check each value against the steps of its control."""
        faults = Faults("Setting", ParameterError)
        found = [q for q in QUESTIONS if (q.host, q.endpoint) == (self.host, self.endpoint)]
        if not found:
            keys = [question.key for question in QUESTIONS]
            faults.add(
                f"host={self.host!r}, endpoint={self.endpoint!r}",
                expected=", ".join(keys),
                remedy=did_you_mean(f"{self.host} {self.endpoint}", keys),
            )
            faults.raise_if_any()
        for name in CONTROLS:
            axis = found[0].axes[name]
            if axis.place(getattr(self, name)) is None:
                faults.add(
                    f"{name}={getattr(self, name)!r}",
                    expected="one of " + ", ".join(f"{value:g}" for value in axis.values),
                    remedy="for any other value call analysis.sample_size",
                )
        faults.raise_if_any()
        for name in ("baseline", "follow_up", "cage"):
            object.__setattr__(self, name, int(getattr(self, name)))

    @property
    def question(self) -> Question:
        """The host and endpoint, with their controls."""
        return next(q for q in QUESTIONS if (q.host, q.endpoint) == (self.host, self.endpoint))

    @property
    def row(self) -> int:
        """Place of all controls but the power among the settings of the question."""
        row = 0
        for name in CONTROLS[:-1]:
            axis = self.question.axes[name]
            row = row * axis.count + axis.place(getattr(self, name))
        return row

    def at(self, **changes: float) -> Setting:
        """Return the same setting with some controls moved."""
        return replace(self, **changes)

    def design(self) -> Design:
        """Return the experiment; a search finds its n_per_arm."""
        return Design(
            baseline=self.baseline,
            follow_up=self.follow_up,
            cluster_size=self.cage,
            dropout=self.dropout / 100,
        )

    def effect_size(self) -> float:
        """Return the effect, signed, in the endpoint's own unit."""
        if self.endpoint == "shannon":
            return self.question.noise.percent(-self.effect)
        return math.log(self.effect) if self.endpoint == "panel" else self.effect


_CLAIMS = {
    ("mice", "shannon"): "diversity_falls_mice",
    ("mice", "panel"): "harmful_bacteria_rise_mice",
    ("mice", "composition"): "composition_shifts_mice",
    ("people", "shannon"): "diversity_falls_humans",
    ("people", "panel"): "harmful_bacteria_rise_humans",
    ("people", "composition"): "composition_shifts_humans",
}
_EFFECTS = {"shannon": Axis(2.5, 2.5, 8), "panel": Axis(1.5, 0.5, 6), "composition": Axis(0.01, 0.01, 3)}


def _axes(host: str, endpoint: str) -> dict[str, Axis]:
    # PERMANOVA takes the stools after the treatment, and each of its numbers costs minutes: fewer steps.
    simulated = endpoint == "composition"
    return {
        "effect": _EFFECTS[endpoint],
        "baseline": Axis(0) if simulated else Axis(0, 1, 4),
        "follow_up": Axis(1, 1, 2 if simulated else 4),
        "cage": Axis(1) if host == "people" else Axis(1, 1, 2 if simulated else 5),
        "dropout": Axis(10) if simulated else Axis(0, 10, 4),
        "power": Axis(80, 10, 2) if simulated else Axis(50, 10, 5),
    }


QUESTIONS = tuple(Question(*key, _axes(*key), claim) for key, claim in _CLAIMS.items())
#: Where the planner begins: the trial of the first claim.
BEGIN = Setting("mice", "shannon", effect=5, baseline=2, follow_up=2, cage=2, dropout=10, power=90)
