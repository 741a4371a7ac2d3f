"""Power of PERMANOVA, by fresh studies drawn from a pilot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Real

import numpy as np

from analysis.arguments import check_choice, check_number
from analysis.comparison.permutation import in_words
from analysis.designs import Design
from analysis.errors import DesignError, Faults, ParameterError
from analysis.pilots.depths import check_depth
from analysis.pilots.effects import Effect, composition_shift
from analysis.pilots.model import Pilot
from analysis.pilots.simulator import Simulator
from analysis.planning.checkpoint import once
from analysis.planning.designed_permanova import DesignedPermanova, Examined
from analysis.planning.engine import Engine, Settings, engine_for, nothing_to_find, smallest_n
from analysis.planning.pilot_endpoint import (
    check_icc,
    check_pilot,
    check_resamples,
    check_simulable,
    compared,
    progress_title,
)
from analysis.planning.replicates import run_blocks
from analysis.planning.results import Power, SampleSize, enrolled, monte_carlo_error, warn_of_size, with_error
from analysis.study import Study

_BLOCK = 32  # experiments drawn together; distances are quickest for as many
_CELLS = 20_000_000  # distances held at a time
_UNREACHED = 50  # steps of n_per_arm within which every sound design reaches alpha


@dataclass(frozen=True, eq=False)
class CommunityEndpoint:
    """The composition of a community, compared by PERMANOVA.

    The effect is an omega squared (0.02: the arms explain 2 % of the variance of distances), or an `Effect`
    from `fold_change`, `shannon_change` or `composition_shift`. With a margin, an omega squared too, power is
    that of ruling out that the arms explain so much (`omega_squared_limit`).

    Parameters
    ----------
    pilot : Pilot
        How communities vary: `fit_pilot`, `load_pilot`.
    metric : {"braycurtis"}
        The distance.
    depth : int, optional
        Reads a sample, 100 to 60,000; by default the pilot's own.
    icc : float, optional
        Share of the variance that belongs to the subject, for a pilot without repeated samples.
    resamples : int
        Refits of the pilot to other subjects, which `power` and `sample_size` then take their 95 % interval
        from: 0 for none, else 10 or more, better 20. An omega squared, or an `Effect` of a stated omega
        squared or percentage of Shannon, is solved anew in each; a fold change goes to the taxa of the same
        names. `power_curve` leaves it out.
    study : Study, optional
        The study that the pilot was fitted to, for refits to halves of its subjects. Without it they are
        fitted to tables simulated from the pilot; see `analysis.pilots.resampled`.

    Raises
    ------
    ParameterError
        For impossible values, all of them at once.

    Notes
    -----
    Every simulated study is drawn afresh: nobody in it was in the pilot's table. An omega squared is that
    between two arms of single samples of subjects in cages of their own; what a design with cages or several
    samples then sees is in `CommunityPower.omega_squared`.

    Examples
    --------
    >>> import analysis as an
    >>> endpoint = an.CommunityEndpoint(an.pilots.load_pilot("twins_genera"), depth=1000)
    >>> design = an.Design(n_per_arm=15, baseline=0)
    >>> found = an.power(design, endpoint, effect=0.08, n_sim=50, permutations=99)
    >>> round(found.power, 2), round(found.power_se, 2)
    (0.76, 0.06)
    >>> round(found.type_i, 2), round(found.type_i_se, 2)
    (0.1, 0.05)
    """

    pilot: Pilot
    metric: str = "braycurtis"
    depth: int | None = field(default=None, kw_only=True)
    icc: float | None = field(default=None, kw_only=True)
    resamples: int = field(default=0, kw_only=True)
    study: Study | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        """Check the values."""
        faults = Faults("CommunityEndpoint", ParameterError)
        check_pilot(faults, self.pilot)
        check_choice(faults, "metric", self.metric, ("braycurtis",))
        check_depth(faults, self.depth)
        check_icc(faults, self.icc)
        check_resamples(faults, self.pilot, self.resamples, self.study)
        faults.raise_if_any()


@dataclass(frozen=True)
class CommunityPower(Power):
    """Power of PERMANOVA; the attributes of `Power`, and these.

    Attributes
    ----------
    omega_squared, omega_squared_se : float
        Mean over the simulated studies with the effect, in what is compared, and its Monte Carlo error.
    dispersion_rate, dispersion_rate_se : float
        Share of a quarter of these studies in which PERMDISP finds the spread of the groups to differ, at the
        same alpha: where it is large, PERMANOVA answers to more than a shift. NaN where baselines enter.
    smallest_p : float
        The smallest p that the design can reach.
    """

    omega_squared: float = math.nan
    omega_squared_se: float = math.nan
    dispersion_rate: float = math.nan
    dispersion_rate_se: float = math.nan
    smallest_p: float = math.nan

    def _lines(self) -> dict[str, str]:
        spread = with_error(self.dispersion_rate, self.dispersion_rate_se)
        return super()._lines() | {
            "omega squared seen": with_error(self.omega_squared, self.omega_squared_se),
            "spread differs": "" if math.isnan(self.dispersion_rate) else f"in {spread} of the experiments",
            "smallest p possible": f"{self.smallest_p:.2g}",
        }


class CommunityEngine(Engine):
    """Draws studies and runs one PERMANOVA plan on all of them.

    Parameters
    ----------
    with_size : bool
        Find the type I error too; a search does so only where it ends.
    """

    max_n = 500

    def __init__(self, *, with_size: bool = True) -> None:
        self._with_size = with_size
        self._solved: dict[float, Effect] = {}
        self._null: dict[Design, int] = {}

    def check(
        self,
        design: Design,
        endpoint: CommunityEndpoint,
        effects: Sequence[float | Effect],
        settings: Settings,
        faults: Faults,
    ) -> None:
        """Note tests with a direction or a margin, effects that do not fit, and what the pilot cannot say."""
        for effect in effects:
            _check_effect(effect, endpoint, faults)
        if design.sides == 1:
            faults.add(
                "sides=1",
                expected="sides=2: distances have no direction",
                remedy="to test a direction, take a MeanEndpoint or TaxaEndpoint",
            )
        if design.model == "welch":
            faults.add("model='welch'", expected="None, 'pooled', 'change' or 'ancova' for a PERMANOVA")
        if settings.margin is not None:
            _limit_engine().check(design, endpoint, effects, settings, faults)
        if settings.method == "closed":
            faults.add("method='closed'", expected="'simulation': there is no closed form")
        # What is no number has been noted already.
        known = isinstance(settings.permutations, Real) and settings.permutations >= 1
        if known and 1 / (settings.permutations + 1) > design.alpha * (1 + 1e-9):
            faults.add(
                f"permutations={settings.permutations}: p cannot fall below "
                f"{1 / (settings.permutations + 1):.3g}",
                expected=f"at least {math.ceil(1 / design.alpha - 1e-9) - 1} for alpha={design.alpha:g}",
            )
        plan = compared(design, baseline=design.uses_baseline and settings.margin is None)
        check_simulable(faults, endpoint.pilot, plan, endpoint.depth, endpoint.icc)

    def without_size(self) -> CommunityEngine:
        """Return an engine that leaves the type I error out."""
        return CommunityEngine(with_size=False)

    def power(
        self, design: Design, endpoint: CommunityEndpoint, effect: float | Effect, settings: Settings
    ) -> Power:
        """Simulate experiments with the effect and without."""
        if settings.margin is not None:
            return _limit_engine().power(design, endpoint, effect, settings)
        test = DesignedPermanova.of(design, settings.permutations, settings.seed)
        change = self._effect(endpoint, effect)
        with_effect, without = np.random.SeedSequence(settings.seed).spawn(2)
        found = _simulate(test, endpoint, change, settings, with_effect, dispersion=True)
        hits = int((found.p <= design.alpha).sum())
        type_i = (math.nan, math.nan)
        if self._with_size:
            if design not in self._null:
                p = _simulate(test, endpoint, None, settings, without).p
                self._null[design] = int((p <= design.alpha).sum())
            type_i = _share(self._null[design], settings.n_sim)
        spread = found.dispersion_p
        rate = _share(int((spread <= design.alpha).sum()), len(spread)) if len(spread) else (math.nan,) * 2
        result = CommunityPower(
            *_share(hits, settings.n_sim),
            *type_i,
            n_sim=settings.n_sim,
            method="simulation",
            test=test.words,
            effect=effect.text if isinstance(effect, Effect) else float(effect),
            margin=None,
            **enrolled(design),
            notes=_notes(design, endpoint, change, test),
            omega_squared=float(found.omega_squared.mean()),
            omega_squared_se=float(found.omega_squared.std(ddof=1) / math.sqrt(settings.n_sim)),
            dispersion_rate=rate[0],
            dispersion_rate_se=rate[1],
            smallest_p=test.labels.units.smallest_p,
        )
        # With few arrangements p is a step function, and the exact test keeps below alpha.
        return warn_of_size(result, may_be_smaller=test.labels.exact)

    def sample_size(
        self,
        design: Design,
        endpoint: CommunityEndpoint,
        effect: float | Effect,
        target: float,
        max_n: int | None,
        settings: Settings,
    ) -> SampleSize:
        """Search for the smallest n_per_arm; the type I error is that of the number found."""
        if settings.margin is not None:
            return _limit_engine().sample_size(design, endpoint, effect, target, max_n, settings)
        if not isinstance(effect, Effect) and effect == 0:
            raise nothing_to_find(effect)
        found = Engine.sample_size(self.without_size(), design, endpoint, effect, target, max_n, settings)
        test = DesignedPermanova.of(design.resized(found.n_per_arm), settings.permutations, settings.seed)
        without = np.random.SeedSequence(settings.seed).spawn(2)[1]

        def false_alarms() -> int:
            return int((_simulate(test, endpoint, None, settings, without).p <= design.alpha).sum())

        rate, error = _share(once(settings.parts, "without effect", false_alarms), settings.n_sim)
        return warn_of_size(replace(found, type_i=rate, type_i_se=error), may_be_smaller=test.labels.exact)

    def smallest_n(self, design: Design) -> int:
        """Return the smallest n_per_arm at which some arrangement reaches alpha."""
        n = smallest_n(design)
        for tried in range(n, n + _UNREACHED * design.step, design.step):
            try:
                DesignedPermanova.of(design.resized(tried), permutations=1)
            except DesignError:
                continue
            return tried
        return n  # where the reason will be told

    def _effect(self, endpoint: CommunityEndpoint, effect: float | Effect) -> Effect | None:
        if isinstance(effect, Effect):
            return effect
        if effect == 0:
            return None
        if effect not in self._solved:
            self._solved[effect] = composition_shift(endpoint.pilot, effect, endpoint.metric, endpoint.depth)
        return self._solved[effect]


def _limit_engine() -> Engine:
    """Return what computes the power to rule a margin out; it builds on this module."""
    from analysis.planning.community_limit import CommunityLimitEngine

    return CommunityLimitEngine()


@engine_for.register
def _(endpoint: CommunityEndpoint) -> Engine:  # noqa: ARG001
    return CommunityEngine()


def _check_effect(effect: object, endpoint: CommunityEndpoint, faults: Faults) -> None:
    if not isinstance(effect, Effect):
        check_number(
            faults,
            "effect",
            effect,
            lambda share: 0 <= share < 1,
            "an omega squared, 0 or above and below 1, or an Effect",
            "0.02: the arms explain 2 %; or fold_change(pilot, {...}), shannon_change(pilot, -10)",
        )
    elif effect.log_fold is not None and len(effect.log_fold) != len(endpoint.pilot):
        faults.add(
            f"the effect was made for {len(effect.log_fold)} taxa, the pilot has {len(endpoint.pilot)}",
            remedy=f"make it from the same pilot ({endpoint.pilot.name})",
        )


def _simulate(
    test: DesignedPermanova,
    endpoint: CommunityEndpoint,
    change: Effect | None,
    settings: Settings,
    seed: np.random.SeedSequence,
    *,
    dispersion: bool = False,
) -> Examined:
    """Draw and test all experiments of one kind."""
    simulator = Simulator(endpoint.pilot, test.plan, change, endpoint.depth, endpoint.icc)
    work = partial(_examine_block, test, simulator, dispersion)
    block = max(1, min(_BLOCK, _CELLS // len(test.plan) ** 2))
    title = "without effect" if change is None else "with the effect"
    blocks = run_blocks(
        work,
        settings.n_sim,
        seed,
        block=block,
        n_jobs=settings.n_jobs,
        describe=progress_title(title, test.plan, endpoint.pilot, settings.n_sim),
    )
    return Examined(*(np.concatenate(part) for part in zip(*blocks, strict=True)))


def _examine_block(
    test: DesignedPermanova, simulator: Simulator, dispersion: bool, rng: np.random.Generator, n_sim: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = test.examine(simulator.batch(rng, n_sim), dispersion=dispersion)
    return found.p, found.omega_squared, found.dispersion_p


def _share(hits: int, n_sim: int) -> tuple[float, float]:
    return hits / n_sim, monte_carlo_error(hits, n_sim)


def _notes(
    design: Design, endpoint: CommunityEndpoint, change: Effect | None, test: DesignedPermanova
) -> tuple[str, ...]:
    labels = test.labels
    drawn = "all" if labels.exact else f"{len(labels.labels) - 1:,} of"
    notes = [
        f"simulated from the pilot {endpoint.pilot.name}",
        "no effect" if change is None else f"effect: {change.text}",
        f"{labels.units.scheme}; {drawn} {in_words(labels.units.n_arrangements)} arrangements",
    ]
    if change is not None and math.isfinite(change.size) and change.size_se > 0:
        notes[1] += f" (as put in: {change.size:.3g} ± {change.size_se:.2g})"
    if design.paired:
        notes.append("whatever else changes with time is taken for the treatment: there is no other arm")
    if design.baseline and not design.uses_baseline:
        notes.append("the test does not use the baseline samples")
    return (*notes, *(note for note in design.notes() if "baseline samples" not in note))
