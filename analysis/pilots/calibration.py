"""Turn a few screws of a fitted pilot until its simulated tables have the figures of the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from analysis.pilots.marginals import adjust_quantiles
from analysis.pilots.model import Pilot
from analysis.pilots.simulator import Simulator
from analysis.pilots.targets import Pairs, figures_of
from analysis.threads import one_thread

_SAMPLES = 2_000  # simulated at each setting of the screws
_ROUNDS = 7  # Gauss-Newton steps at most
_LARGEST_COMMUNALITY = 0.95
_LEVELS = ("stratum", "cluster", "subject")

# Screw: (step by which its effect is measured, size that counts as large). All are 0 where nothing is turned.
_SCREWS = {
    "shift": (0.10, 0.3),
    "spread": (0.05, 0.3),
    "exponent": (0.05, 0.2),
    "shannon_axis": (0.15, 0.7),
    "richness_axis": (0.15, 0.7),
    "kind_axes": (0.15, 0.7),
}
_LEVEL_SCREW = (0.5, 2.0)

# Figure: relative difference that counts as 1; about half of what the report tolerates, or less.
_SCALES = {
    "shannon_median": 0.01,
    "shannon_sd": 0.05,
    "bray_curtis_mean": 0.012,
    "bray_curtis_sd": 0.07,
    "richness_mean": 0.025,
    "richness_sd": 0.15,
}
_GAP_SCALE = 0.05
_ICC_SCALE = 0.05


@dataclass(frozen=True, eq=False)
class Draft:
    """A pilot as fitted taxon by taxon, with nothing turned yet.

    Attributes
    ----------
    pilot : Pilot
        With quantiles and loadings as fitted; its shares of variance are not looked at.
    taxon_likeness, axis_likeness : dict of str to numpy.ndarray
        For each repeated level, the correlation within a unit of the score of each taxon, and of each axis.
    """

    pilot: Pilot
    taxon_likeness: dict[str, np.ndarray]
    axis_likeness: dict[str, np.ndarray]

    def turned(self, screws: dict[str, float]) -> Pilot:
        """Return the pilot with the screws turned."""
        pilot = self.pilot
        axes = pilot.loadings.shape[1]
        names = ["shannon_axis", "richness_axis", *["kind_axes"] * (axes - 2)]
        loadings = pilot.loadings * np.exp([screws[name] for name in names])
        communality = (loadings**2).sum(axis=1)
        loadings *= np.sqrt(_LARGEST_COMMUNALITY / np.maximum(communality, _LARGEST_COMMUNALITY))[:, None]
        log_quantiles = adjust_quantiles(
            pilot.log_quantiles,
            pilot.log_floor,
            shift=screws["shift"],
            spread=float(np.exp(screws["spread"])),
            exponent=float(np.exp(screws["exponent"])),
        )
        taxa = {level: _moved(value, screws[f"{level}_taxa"]) for level, value in self.taxon_likeness.items()}
        kinds = {}
        for level, value in self.axis_likeness.items():
            moved = _moved(value, screws[f"{level}_taxa"])
            moved[0] = _moved(value[:1], screws[f"{level}_shannon"])[0]
            kinds[level] = moved
        return replace(
            pilot,
            log_quantiles=log_quantiles,
            loadings=loadings,
            taxon_shares=_shares(taxa, len(pilot)),
            axis_shares=_shares(kinds, axes),
        )

    @property
    def screws(self) -> dict[str, tuple[float, float]]:
        """Return the step and the large value of each screw that this pilot has."""
        levels = [f"{level}_{what}" for level in self.taxon_likeness for what in ("taxa", "shannon")]
        return _SCREWS | dict.fromkeys(levels, _LEVEL_SCREW)


def _moved(correlation: np.ndarray, by: float) -> np.ndarray:
    return special.expit(special.logit(np.clip(correlation, 0.01, 0.99)) + by)


def _shares(likeness: dict[str, np.ndarray], size: int) -> np.ndarray:
    """Turn correlations within nested units into shares of variance: stratum, cluster, subject, sample."""
    held = np.zeros(size)
    shares = []
    for level in _LEVELS:
        # Without repeated samples nothing tells a sample from its subject: all is the subject's.
        reached = likeness.get(level, np.ones(size) if level == "subject" else held)
        reached = np.maximum(reached, held)
        shares.append(reached - held)
        held = reached
    return np.column_stack([*shares, 1 - held])


@one_thread
def calibrate(draft: Draft, real: dict[str, float], pairs: Pairs, seed: int) -> Pilot:
    """Turn the screws of a draft by the simulated method of moments.

    Parameters
    ----------
    draft : Draft
        What to turn.
    real : dict
        Figures of the real table, from `figures_of`.
    pairs : Pairs
        The samples of the real table; simulated ones have the same units.
    seed : int
        The same random numbers are used at every setting.

    Notes
    -----
    Each screw is held back by a penalty as large as a screw turned far and a figure missed by its scale:
    where the table says little, little is turned (McFadden 1989, doi:10.2307/1913621).
    """
    names = list(draft.screws)
    step = np.array([draft.screws[name][0] for name in names])
    large = np.array([draft.screws[name][1] for name in names])
    n_tables = pairs.tables_for(_SAMPLES)

    def misses(turns: np.ndarray) -> np.ndarray:
        pilot = draft.turned(dict(zip(names, turns, strict=True)))
        tables = Simulator(pilot, pairs.plan).batch(np.random.default_rng(seed), n_tables)
        figures = [figures_of(table, pairs) for table in tables]
        return compare(real, {name: float(np.mean([f[name] for f in figures])) for name in real})

    return draft.turned(dict(zip(names, _gauss_newton(misses, step, large), strict=True)))


def compare(real: dict[str, float], simulated: dict[str, float]) -> np.ndarray:
    """Return by how many of its scales each figure is missed."""
    out = []
    for name, value in real.items():
        if name.endswith("_icc"):
            out.append((simulated[name] - value) / _ICC_SCALE)
        else:
            scale = _SCALES.get(name, _GAP_SCALE)
            out.append((simulated[name] - value) / (scale * max(abs(value), 1e-9)))
    return np.clip(out, -50, 50)


def _gauss_newton(
    misses: Callable[[np.ndarray], np.ndarray], step: np.ndarray, large: np.ndarray
) -> np.ndarray:
    """Minimise the squared misses plus the squared turns, each over its large value."""
    turns = np.zeros(len(step))
    at = misses(turns)
    loss = (at**2).sum()
    slopes = np.empty((len(at), len(turns)))
    for _ in range(_ROUNDS):
        for place in range(len(turns)):
            moved = turns.copy()
            moved[place] += step[place]
            slopes[:, place] = (misses(moved) - at) / step[place]
        whole = slopes.T @ slopes + np.diag(1 / large**2)
        wish = np.linalg.solve(whole, -(slopes.T @ at + turns / large**2))
        before = loss
        for part in (1.0, 0.5, 0.2):
            tried = turns + np.clip(part * wish, -large, large)
            found = misses(tried)
            total = (found**2).sum() + ((tried / large) ** 2).sum()
            if total < loss:
                turns, at, loss = tried, found, total
                break
        if loss > 0.97 * before:
            break
    return turns
