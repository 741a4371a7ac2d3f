"""What power calculations give back, each figure with its error."""

from __future__ import annotations

import html
import math
import warnings
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from analysis.designs import Design
from analysis.errors import AnalysisWarning


class SizeWarning(AnalysisWarning):
    """The same test, run without an effect, does not reject as often as its alpha says."""


def monte_carlo_error(rejections: int, n_sim: int) -> float:
    """Return the standard error of a simulated proportion, which is never 0.

    Parameters
    ----------
    rejections, n_sim : int
        Simulated experiments that rejected, and all of them.

    Notes
    -----
    Two rejections and two failures are added first [1]_, so that 1,000 of 1,000 is not reported as certain.

    References
    ----------
    .. [1] Agresti A, Coull BA (1998) Approximate is better than "exact" for interval estimation of binomial
       proportions. American Statistician 52:119-126. doi:10.1080/00031305.1998.10480550

    Examples
    --------
    >>> round(monte_carlo_error(500, 1000), 4), round(monte_carlo_error(1000, 1000), 4)
    (0.0158, 0.0014)
    """
    share = (rejections + 2) / (n_sim + 4)
    return math.sqrt(share * (1 - share) / (n_sim + 4))


def enrolled(design: Design) -> dict[str, Any]:
    """Return what every result tells of its design: alpha, subjects and cages.

    Parameters
    ----------
    design : Design
        The experiment.
    """
    return {
        "alpha": design.alpha,
        "n_per_arm": design.n_per_arm,
        "n_reference": design.n_reference,
        "total": design.total,
        "analysed_per_arm": design.n_analysed[0],
        "cages": design.n_cages,
    }


class _Result:
    """Printing shared by the results."""

    def to_frame(self) -> pd.DataFrame:
        """Return the result as one row."""
        row = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return pd.DataFrame([row | {"notes": "; ".join(row["notes"])}])

    def _lines(self) -> dict[str, str]:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(key)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for key, text in self._lines().items()
            if text
        )
        return f"<table><tbody>{rows}</tbody></table>"


@dataclass(frozen=True)
class Power(_Result):
    """How often an experiment would find an effect.

    Attributes
    ----------
    power, power_se : float
        Probability to reject, and its Monte Carlo standard error (0 for a closed form).
    type_i, type_i_se : float
        The same of the same test where there is nothing to find: no effect or, with a margin, an effect just
        at the margin.
    n_sim : int
        Simulated experiments for each of the two; 0 for a closed form.
    method : str
        "closed" or "simulation".
    test : str
        What is computed from each experiment.
    effect : object
        The effect in the endpoint's own unit.
    margin : float or None
        Of equivalence or non-inferiority.
    alpha : float
        Nominal size of the test.
    n_per_arm, n_reference, total : int
        Subjects enrolled.
    analysed_per_arm : int
        Left in the treated arm after losses.
    cages : int
        Cages in all.
    power_low, power_high : float or None
        95 % interval of the power that the pilot leaves, where its own uncertainty was carried through.
    notes : tuple of str
        What the numbers alone do not show.
    """

    power: float
    power_se: float
    type_i: float
    type_i_se: float
    n_sim: int
    method: str
    test: str
    effect: object
    margin: float | None
    alpha: float
    n_per_arm: int
    n_reference: int
    total: int
    analysed_per_arm: int
    cages: int
    power_low: float | None = None
    power_high: float | None = None
    notes: tuple[str, ...] = ()

    def _lines(self) -> dict[str, str]:
        return {
            "power": with_error(self.power, self.power_se),
            "power, as far as the pilot tells": interval_text(self.power_low, self.power_high),
            "type I error": f"{with_error(self.type_i, self.type_i_se)} (nominal {self.alpha:g})",
            "effect": str(self.effect) + ("" if self.margin is None else f", margin {self.margin:g}"),
            "subjects": f"{self.total} in all, {self.n_per_arm} treated",
            "test": self.test,
            "method": self.method + (f", {self.n_sim:,} experiments" if self.n_sim else ""),
            "notes": "; ".join(self.notes),
        }


@dataclass(frozen=True)
class SampleSize(_Result):
    """How many subjects an experiment needs.

    Attributes
    ----------
    n_per_arm, n_reference, total : int
        To enrol in the treated arm, in the reference arm, and in all: losses are made up for, cages full.
    analysed_per_arm : int
        Left in the treated arm after losses.
    cages : int
        Cages in all.
    power, power_se, type_i, type_i_se : float
        Reached with that number, as in `Power`.
    target : float
        Power that was asked for.
    n_exact : float or None
        Closed forms: the fractional number of analysed subjects in the treated arm that has exactly this
        power, before rounding, cages and losses (at least 2 units an arm). With a `ratio` that does not
        divide it can exceed n_per_arm: the reference arm is rounded, halves up, and may hold the more.
    n_low, n_high : int or None
        95 % interval of n_per_arm: by simulation, of the search, and of the pilot where its uncertainty was
        carried through; by closed form, what the pilot leaves (n_high None: no number would do at the
        pilot's upper limit).
    n_sim : int
        Simulated experiments for the power; 0 for a closed form.
    n_tried : int
        Numbers of subjects that were simulated in the search.
    method, test, effect, margin, alpha, notes
        As in `Power`.
    """

    n_per_arm: int
    n_reference: int
    total: int
    analysed_per_arm: int
    cages: int
    power: float
    power_se: float
    type_i: float
    type_i_se: float
    target: float
    n_exact: float | None
    n_low: int | None
    n_high: int | None
    n_sim: int
    n_tried: int
    method: str
    test: str
    effect: object
    margin: float | None
    alpha: float
    notes: tuple[str, ...] = ()

    @classmethod
    def at(
        cls,
        reached: Power,
        target: float,
        *,
        n_exact: float | None = None,
        n_low: int | None = None,
        n_high: int | None = None,
        n_tried: int = 0,
    ) -> SampleSize:
        """Take over what is known of the power at the number that was found."""
        shared = {entry.name for entry in fields(cls)} & {entry.name for entry in fields(Power)}
        found = {name: getattr(reached, name) for name in shared}
        return cls(target=target, n_exact=n_exact, n_low=n_low, n_high=n_high, n_tried=n_tried, **found)

    def _lines(self) -> dict[str, str]:
        return {
            "subjects in the treated arm": f"{self.n_per_arm}, of them analysed {self.analysed_per_arm}",
            "95 % interval": interval_text(self.n_low, self.n_high),
            "subjects in all": f"{self.total} in {self.cages} cages"
            if self.cages < self.total
            else f"{self.total}",
            "power": f"{with_error(self.power, self.power_se)} (asked for {self.target:g})",
            "type I error": f"{with_error(self.type_i, self.type_i_se)} (nominal {self.alpha:g})",
            "effect": str(self.effect) + ("" if self.margin is None else f", margin {self.margin:g}"),
            "test": self.test,
            "method": self.method,
            "notes": "; ".join(self.notes),
        }


@dataclass(frozen=True)
class SmallestEffect(_Result):
    """The smallest effect that an experiment finds with a given power.

    Attributes
    ----------
    effect : float
        In the endpoint's own unit, signed.
    effect_low, effect_high : float or None
        By simulation, the 95 % interval of the search.
    percent : float or None
        The same in percent of the endpoint's mean, where it has one.
    power, power_se, type_i, type_i_se, target
        As in `SampleSize`.
    n_per_arm, total, n_sim, method, test, alpha, notes
        As in `Power`.
    """

    effect: float
    effect_low: float | None
    effect_high: float | None
    percent: float | None
    power: float
    power_se: float
    type_i: float
    type_i_se: float
    target: float
    n_per_arm: int
    total: int
    n_sim: int
    method: str
    test: str
    alpha: float
    notes: tuple[str, ...] = ()

    @classmethod
    def at(
        cls,
        reached: Power,
        target: float,
        *,
        percent: float | None = None,
        effect_low: float | None = None,
        effect_high: float | None = None,
    ) -> SmallestEffect:
        """Take over what is known of the power at the effect that was found."""
        shared = {entry.name for entry in fields(cls)} & {entry.name for entry in fields(Power)}
        found = {name: getattr(reached, name) for name in shared}
        return cls(target=target, percent=percent, effect_low=effect_low, effect_high=effect_high, **found)

    def _lines(self) -> dict[str, str]:
        return {
            "smallest effect": f"{self.effect:.4g}"
            + ("" if self.percent is None else f" ({self.percent:.3g} %)"),
            "95 % interval": interval_text(self.effect_low, self.effect_high),
            "power": f"{with_error(self.power, self.power_se)} (asked for {self.target:g})",
            "type I error": f"{with_error(self.type_i, self.type_i_se)} (nominal {self.alpha:g})",
            "subjects": f"{self.total} in all, {self.n_per_arm} treated",
            "test": self.test,
            "method": self.method,
            "notes": "; ".join(self.notes),
        }


def warn_of_size(found: Power, *, may_be_smaller: bool = False, more: str = "") -> Power:
    """Issue a `SizeWarning` where the type I error is off its nominal level, and hand the result back.

    Parameters
    ----------
    found : Power
        Off by simulation: by more than three Monte Carlo errors. Off by closed form: by more than a tenth.
    may_be_smaller : bool
        Do not warn of a test that rejects too rarely, as equivalence tests and permutation tests may.
    more : str
        What else there is to say, after the two figures.
    """
    gap = found.type_i - found.alpha
    if found.n_sim:
        allowed = 3 * math.sqrt(found.alpha * (1 - found.alpha) / found.n_sim)
        by = f"{found.n_sim:,} simulated experiments (SE {found.type_i_se:.3f})"
    else:
        allowed, by = found.alpha / 10, "experiments"
    if gap > allowed or (gap < -allowed and not may_be_smaller):
        warnings.warn(
            f"{found.test}: without an effect it rejects in {found.type_i:.3f} of {by}, not in "
            f"{found.alpha:g}; the power of {found.power:.3f} is that of a test of the wrong size{more}",
            SizeWarning,
            stacklevel=4,
        )
    return found


def with_error(value: float, error: float) -> str:
    """Write a proportion, with its Monte Carlo error where it has one."""
    return f"{value:.3f} ± {error:.3f}" if error else f"{value:.3f}"


def interval_text(low: float | None, high: float | None) -> str:
    """Write an interval; "" where there is none."""
    if low is None:
        return ""
    return f"{low:.4g} to " + ("no number" if high is None else f"{high:.4g}")
