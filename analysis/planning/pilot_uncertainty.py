"""How far a pilot can be trusted: power and sample size again, with pilots refitted to other subjects."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy import special, stats

from analysis.designs import Design
from analysis.errors import AnalysisError, DesignError, ParameterError, one_fault
from analysis.pilots.depths import DEPTHS
from analysis.pilots.effects import Effect, composition_shift, fold_change, shannon_change
from analysis.pilots.fitting import resampled
from analysis.pilots.model import Pilot
from analysis.planning.community import CommunityEndpoint
from analysis.planning.engine import Engine, Settings
from analysis.planning.replicates import run_blocks
from analysis.planning.results import Power, SampleSize

_ATTEMPTS = 5  # refits without the taxon, or the effect, that is asked for are drawn again so often
_N_SIM = 250  # experiments a refit at most; their own error is taken out of the spread
_TINY = 1e-12
_Z95 = 1.959963984540054

Place = Callable[[Any, Any], tuple[float, float]]  # takes an endpoint and an effect


def power_with_interval(
    found: Power, engine: Engine, design: Design, endpoint: Any, effect: Any, settings: Settings
) -> Power:
    """Fill power_low and power_high from pilots refitted to other subjects.

    Parameters
    ----------
    found : Power
        With the pilot itself.
    engine, design, endpoint, effect, settings
        What it was computed from; ``endpoint.resamples`` is the number of refits.

    Notes
    -----
    The interval is that of a normal distribution (t, for the refits are few) on the probit scale, around the
    power found, with the variance of the refits' powers less that of their simulation. The Monte Carlo error
    of the power found is added: the interval is never narrower than that alone makes it. What an effect
    stands for is kept: an omega squared or a percentage of Shannon is solved anew in each refit, a fold
    change goes to the taxa of the same names, and any other `Effect` is put in as it is.
    """
    engine = engine.without_size()
    fewer = replace(settings, n_sim=min(settings.n_sim, _N_SIM), parts=None)

    placed = np.array(_each(partial(_power_place, engine, design, fewer), endpoint, effect, settings))
    middle, own = _probit(found)
    wide = math.hypot(_half_width(placed[:, 0], placed[:, 1]), _Z95 * own)
    # A power of exactly 0 or 1 has no place on the probit scale: the interval reaches to it all the same.
    chance = _Z95 * found.power_se
    low = min(special.ndtr(middle - wide), max(found.power - chance, 0.0))
    high = max(special.ndtr(middle + wide), min(found.power + chance, 1.0))
    return replace(found, power_low=float(low), power_high=float(high), notes=_noted(found.notes, endpoint))


def size_with_interval(
    found: SampleSize,
    engine: Engine,
    design: Design,
    endpoint: Any,
    effect: Any,
    max_n: int | None,
    settings: Settings,
) -> SampleSize:
    """Widen n_low and n_high by what pilots refitted to other subjects ask for; see `power_with_interval`.

    Notes
    -----
    The search is run again in each refit. The interval is that of a log-normal distribution around the number
    found, with the variances of search and pilot added. n_high is None where some refit needs more than
    `max_n`.
    """
    engine = engine.without_size()
    fewer = replace(settings, n_sim=min(settings.n_sim, _N_SIM), parts=None)
    near, most = design.resized(found.n_per_arm), max_n or engine.max_n
    place = partial(_size_place, engine, near, found.target, max_n, fewer)
    placed = np.array(_each(place, endpoint, effect, settings))
    beyond = np.isinf(placed[:, 0])
    logs = np.where(beyond, math.log(most), placed[:, 0])
    spread = math.hypot(_half_width(logs, placed[:, 1]), _Z95 * _log_error(found))
    low, high = (found.n_per_arm * math.exp(sign * spread) for sign in (-1, 1))
    least = engine.smallest_n(design)
    n_high = min(math.ceil(high / design.step - 1e-9) * design.step, max(most, found.n_per_arm))
    return replace(
        found,
        n_low=max(math.floor(low / design.step + 1e-9) * design.step, least),
        n_high=None if beyond.any() else n_high,
        notes=_noted(found.notes, endpoint),
    )


def _power_place(
    engine: Engine, design: Design, settings: Settings, endpoint: Any, effect: Any
) -> tuple[float, float]:
    return _probit(engine.power(design, endpoint, effect, settings))


def _size_place(
    engine: Engine,
    design: Design,
    target: float,
    max_n: int | None,
    settings: Settings,
    endpoint: Any,
    effect: Any,
) -> tuple[float, float]:
    try:
        size = Engine.sample_size(engine, design, endpoint, effect, target, max_n, settings)
    except DesignError:
        return math.inf, 0.0
    return math.log(size.n_per_arm), _log_error(size)


def _each(place: Place, endpoint: Any, effect: Any, settings: Settings) -> list[tuple[float, float]]:
    """Refit the pilot as often as asked for, and find where each refit places the answer."""
    return run_blocks(
        partial(_placed, place, endpoint, effect),
        endpoint.resamples,
        np.random.SeedSequence(settings.seed).spawn(3)[2],  # power itself draws from the first two children
        block=1,
        n_jobs=settings.n_jobs,
        describe="refitting the pilot",
        found=settings.parts,
        named="refit",
    )


def _placed(
    place: Place,
    endpoint: Any,
    effect: Any,
    rng: np.random.Generator,
    n: int,  # noqa: ARG001  # a block is one refit
) -> tuple[float, float]:
    return place(*_refitted(endpoint, effect, rng))


def _refitted(endpoint: Any, effect: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return the endpoint with another pilot, and the effect as it is there."""
    pilot = endpoint.pilot
    depth = endpoint.depth
    if depth is None and DEPTHS[0] <= pilot.depth <= DEPTHS[1]:
        depth = pilot.depth
    for attempt in range(_ATTEMPTS):
        try:
            refit = resampled(pilot, int(rng.integers(2**62)), endpoint.study)
            other = replace(endpoint, pilot=refit, depth=depth, resamples=0, study=None)
            return other, effect_in(refit, other, effect, pilot)
        except AnalysisError as error:
            if attempt == _ATTEMPTS - 1:
                raise one_fault(
                    ParameterError,
                    f"resamples={endpoint.resamples}",
                    f"{_ATTEMPTS} refits of {pilot.name} in a row could not be used: {error.faults[0].what}",
                    expected="taxa common enough to be in every refit, and an effect that each can have",
                    remedy="resamples=0; or commoner taxa, a smaller effect",
                ) from error
    raise AssertionError("unreachable")


def effect_in(refit: Pilot, endpoint: Any, effect: Any, pilot: Pilot) -> Any:
    """Return the effect that means the same in a refitted pilot.

    Parameters
    ----------
    refit, pilot : Pilot
        The refitted pilot, and the one that the effect was made for.
    endpoint : CommunityEndpoint or TaxaEndpoint
        With the refitted pilot.
    effect : float, mapping of str to float, or Effect
        As given to `power`.

    Raises
    ------
    ParameterError
        Where the refit has no taxon of that name, or cannot have so large an effect.
    """
    if not isinstance(effect, Effect):
        if isinstance(effect, Mapping) or not isinstance(endpoint, CommunityEndpoint) or effect == 0:
            return effect
        return composition_shift(refit, effect, endpoint.metric, endpoint.depth)
    if effect.kind == "composition" and math.isfinite(effect.size):
        return composition_shift(refit, effect.size, depth=endpoint.depth)
    if effect.kind in ("richness", "evenness") and math.isfinite(effect.size):
        return shannon_change(refit, effect.size, by=effect.kind, depth=endpoint.depth)
    return effect if effect.log_fold is None else _by_name(effect, pilot, refit)


def _by_name(effect: Effect, pilot: Pilot, refit: Pilot) -> Effect:
    """Put the fold changes on the taxa of the same names."""
    changed = np.flatnonzero(effect.log_fold)
    folds = {pilot.taxa.index[place]: float(np.exp(effect.log_fold[place])) for place in changed}
    log_fold = fold_change(refit, folds).log_fold if folds else np.zeros(len(refit))
    return replace(effect, log_fold=log_fold)


def _probit(found: Power) -> tuple[float, float]:
    """Return a power and its Monte Carlo error on the probit scale."""
    # The share that the error belongs to, which is never 0 or 1: see `monte_carlo_error`.
    share = (found.power * found.n_sim + 2) / (found.n_sim + 4)
    if not found.n_sim:  # in closed form
        share = min(max(found.power, _TINY), 1 - _TINY)
    place = float(special.ndtri(share))
    return place, found.power_se / float(stats.norm.pdf(place))


def _half_width(places: np.ndarray, errors: np.ndarray) -> float:
    """Return half of the 95 % interval of places that scatter by the pilot and by their own errors."""
    variance = max(float(places.var(ddof=1) - np.mean(errors**2)), 0.0)
    return float(stats.t.ppf(0.975, len(places) - 1)) * math.sqrt(variance)


def _log_error(size: SampleSize) -> float:
    """Return the standard error of a search, of the logarithm of n."""
    if size.n_high is None or size.n_low is None:
        return 0.0
    return math.log(size.n_high / size.n_low) / (2 * _Z95)


def _noted(notes: tuple[str, ...], endpoint: Any) -> tuple[str, ...]:
    drawn = "halves of its subjects" if endpoint.study is not None else "tables simulated from it"
    return (*notes, f"interval: {endpoint.resamples} refits of the pilot to {drawn}")
