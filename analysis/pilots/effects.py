"""What a treatment does to a simulated gut, solved so that it has the size that was asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.arguments import check_choice, check_number, check_seed
from analysis.errors import Faults, ParameterError, did_you_mean
from analysis.pilots.depths import check_depth
from analysis.pilots.model import Pilot
from analysis.pilots.solving import Twins, omega_squared_of, solve
from analysis.pilots.targets import shannon_of

if TYPE_CHECKING:
    from analysis.pilots.plans import Plan

_STEEPEST = 60.0  # exponent of the steepest composition looked at
_FLATTEST = 0.05
_WIDEST = 12.0  # largest log fold change that is solved for
_FOLDS = (1e-9, 1e9)  # beyond, shares in single precision overflow


@dataclass(frozen=True, eq=False)
class Effect:
    """A change of the treated samples, from `fold_change`, `shannon_change` or `composition_shift`.

    Attributes
    ----------
    kind : str
        "fold_change", "richness", "evenness" or "composition".
    text : str
        What it is, in words.
    log_fold : numpy.ndarray, shape (n_taxa,), or None
        Added to the log shares, before they are closed to 1 again.
    exponent : float
        Power of the shares; above 1 is less even.
    lost : float
        Chance of a taxon to be lost; each subject loses taxa of its own, for good.
    size, size_se : float
        What was reached in the simulated studies on which it was solved, and its Monte Carlo error; in the
        unit that was asked for. nan where nothing was solved.
    """

    kind: str
    text: str
    log_fold: np.ndarray | None = None
    exponent: float = 1.0
    lost: float = 0.0
    size: float = field(default=math.nan)
    size_se: float = field(default=math.nan)

    def apply(
        self, log_shares: np.ndarray, plan: Plan, log_floor: np.float32, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the shares, not closed, with the treated samples changed.

        Parameters
        ----------
        log_shares : numpy.ndarray of float32, shape (n_taxa, n_samples)
            Changed in place.
        plan : Plan
            Which samples are treated.
        log_floor : float
            Taxa below it are absent, and stay so.
        rng : numpy.random.Generator
            Draws which taxa each subject loses.
        """
        treated = np.flatnonzero(plan.treated)
        part = log_shares[:, treated]
        if self.exponent != 1:
            # The largest taxon is the unit, so that powers neither overflow nor revive the absent.
            part = part - part.max(axis=0)
            absent = log_shares[:, treated] <= log_floor
            part = np.where(absent, -np.inf, part * np.float32(self.exponent))
        if self.log_fold is not None:
            part = part + self.log_fold.astype(np.float32)[:, None]
        np.exp(log_shares, out=log_shares)
        changed = np.exp(part)
        if self.lost:
            subjects, codes = np.unique(plan.subject[treated], return_inverse=True)
            chance = rng.random((len(log_shares), len(subjects)), dtype=np.float32)
            # The largest taxon of all is never lost, so that something is left.
            chance[np.argmax(changed.mean(axis=1))] = 1
            changed *= (chance >= self.lost)[:, codes]
        log_shares[:, treated] = changed
        return log_shares


def fold_change(pilot: Pilot, folds: Mapping[str, float]) -> Effect:
    """Multiply the shares of named taxa.

    Parameters
    ----------
    pilot : Pilot
        Whose taxa are meant.
    folds : mapping of str to float
        Taxon to factor: 0.5 halves it, 4 makes four times as much; the others give way.

    Returns
    -------
    Effect
        For `simulate_study`, a `CommunityEndpoint` or a `TaxaEndpoint`.

    Raises
    ------
    ParameterError
        Where a taxon does not exist (with the nearest) or a factor is not from 1e-9 to 1e9; all faults at
        once.

    Notes
    -----
    The change acts before shares are closed to 1: of a taxon of 30 %, doubling makes 46 %.

    Examples
    --------
    >>> import analysis as an
    >>> pilot = an.pilots.load_pilot("twins_genera")
    >>> an.pilots.fold_change(pilot, {pilot.taxa.index[0]: 0.5}).kind
    'fold_change'
    """
    faults = _begin("fold_change", pilot)
    if not isinstance(folds, Mapping):
        faults.add(
            f"folds is a {type(folds).__name__}", expected="a mapping, for example {'Bacteroides': 0.5}"
        )
        faults.raise_if_any()
    known = list(pilot.taxa.index)
    log_fold = np.zeros(len(pilot))
    for taxon, fold in folds.items():
        if taxon not in known:
            remedy = did_you_mean(str(taxon), known)
            faults.add(f"there is no taxon {taxon!r}", where=pilot.name, remedy=remedy)
        elif check_number(
            faults,
            f"fold of {taxon!r}",
            fold,
            lambda x: _FOLDS[0] <= x <= _FOLDS[1],
            f"a finite factor above 0, {_FOLDS[0]:g} to {_FOLDS[1]:g}, 1 for no change",
        ):
            log_fold[known.index(taxon)] = math.log(fold)
    if not folds:
        faults.add("no taxon", where="folds=", expected="for example {'Bacteroides': 0.5}")
    faults.raise_if_any()
    text = ", ".join(f"{taxon} x {fold:g}" for taxon, fold in folds.items())
    return Effect("fold_change", text, log_fold=log_fold)


def shannon_change(
    pilot: Pilot,
    percent: float,
    by: Literal["evenness", "richness"] = "evenness",
    depth: int | None = None,
    seed: int = 0,
) -> Effect:
    """Change the mean Shannon index by a percentage.

    Parameters
    ----------
    pilot : Pilot
        Where the studies come from.
    percent : float
        Signed: -10 is a loss of a tenth of the mean of the reference arm.
    by : {"evenness", "richness"}
        "evenness": shares are raised to a power, so that the common gain on the rare. "richness": each
        subject loses a share of its taxa, picked at random.
    depth : int, optional
        Reads a sample, 100 to 60,000; the pilot's own by default.
    seed : int
        Of the studies on which the size is solved.

    Returns
    -------
    Effect
        `size` is the percentage reached in them.

    Raises
    ------
    ParameterError
        Where no such change exists: -100 % or beyond, a gain of richness, or more than can be reached; for
        a depth that no endpoint takes.

    Examples
    --------
    >>> import analysis as an
    >>> effect = an.pilots.shannon_change(an.pilots.load_pilot("twins_genera"), percent=-10)
    >>> round(effect.size, 1)
    -10.0
    """
    faults = _begin("shannon_change", pilot)
    check_seed(faults, seed)
    check_depth(faults, depth)
    check_choice(faults, "by", by, ("evenness", "richness"))
    if (
        check_number(
            faults,
            "percent",
            percent,
            lambda x: x > -100,
            "above -100: Shannon is never below 0",
            "-10 is a tenth less",
        )
        and by == "richness"
        and percent > 0
    ):
        faults.add(
            f"{percent:+g} % by richness",
            where="percent=",
            expected="0 or below: taxa can be taken away, but the pilot knows of none to add",
            remedy="by='evenness'",
        )
    faults.raise_if_any()

    def make(amount: float) -> Effect:
        if by == "richness":
            return Effect("richness", f"Shannon {percent:+g} % by loss of taxa", lost=amount)
        return Effect("evenness", f"Shannon {percent:+g} % by evenness", exponent=math.exp(amount))

    twins = Twins(pilot, depth, seed)

    def size(effect: Effect, rounds: int) -> np.ndarray:
        without, treated = (
            np.array([shannon_of(table).mean() for table in tables])
            for tables in twins.tables(effect, rounds)
        )
        return 100 * (treated / without - 1)

    top = 0.999 if by == "richness" else math.log(_STEEPEST if percent < 0 else _FLATTEST)
    return solve(make, size, percent, top, f"Shannon {percent:+g} % by {by}", "%")


def composition_shift(
    pilot: Pilot, omega_squared: float, metric: str = "braycurtis", depth: int | None = None, seed: int = 0
) -> Effect:
    """Shift the composition so that the arms explain a stated share of the variance of distances.

    Parameters
    ----------
    pilot : Pilot
        Where the studies come from.
    omega_squared : float
        PERMANOVA's omega squared between two arms of equal size with one sample a subject and no cages, in
        the population: 0 or above and below 1.
    metric : {"braycurtis"}
        The distance.
    depth, seed
        As in `shannon_change`.

    Returns
    -------
    Effect
        Every other taxon, from the most abundant down, is multiplied by one factor and the rest divided by
        it. `size` is the omega squared reached.

    Raises
    ------
    ParameterError
        Where the share is impossible or cannot be reached; for a depth that no endpoint takes.

    Examples
    --------
    >>> import analysis as an
    >>> effect = an.pilots.composition_shift(an.pilots.load_pilot("twins_genera"), 0.05, depth=1000)
    >>> round(effect.size, 3)
    0.05
    """
    faults = _begin("composition_shift", pilot)
    check_seed(faults, seed)
    check_depth(faults, depth)
    check_choice(faults, "metric", metric, ("braycurtis",))
    check_number(
        faults,
        "omega_squared",
        omega_squared,
        lambda share: 0 <= share < 1,
        "a share of variance, 0 or above and below 1",
    )
    faults.raise_if_any()
    order = np.argsort(-pilot.taxa["mean_share"].to_numpy(), kind="stable")
    direction = np.empty(len(pilot))
    direction[order] = np.where(np.arange(len(pilot)) % 2 == 0, -1.0, 1.0)

    def make(amount: float) -> Effect:
        return Effect(
            "composition", f"omega squared {omega_squared:g} of {metric}", log_fold=amount * direction
        )

    twins = Twins(pilot, depth, seed)

    def size(effect: Effect, rounds: int) -> np.ndarray:
        return omega_squared_of(*twins.tables(effect, rounds))

    return solve(make, size, omega_squared, _WIDEST, f"omega squared {omega_squared:g}", "")


def _begin(subject: str, pilot: object) -> Faults:
    """Open the list of faults; without a pilot nothing else can be checked."""
    faults = Faults(subject, ParameterError)
    if not isinstance(pilot, Pilot):
        faults.add(
            f"pilot is a {type(pilot).__name__}",
            expected="a Pilot",
            remedy="fit_pilot(study) makes one of a table, load_pilot('sze_baxter') loads one",
        )
        faults.raise_if_any()
    return faults
