"""Power of differential abundance, taxon by taxon, with the false discovery rate that comes with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from analysis.arguments import check_number
from analysis.designs import Design
from analysis.errors import AnalysisError, Faults, ParameterError
from analysis.pilots.effects import Effect, fold_change
from analysis.pilots.simulator import Simulator
from analysis.planning.checkpoint import once
from analysis.planning.designed_abundance import DesignedAbundance
from analysis.planning.engine import Engine, Settings, engine_for, nothing_to_find
from analysis.planning.pilot_endpoint import check_simulable, progress_title
from analysis.planning.replicates import run_blocks
from analysis.planning.results import Power, SampleSize, enrolled, monte_carlo_error, warn_of_size, with_error
from analysis.planning.taxa_endpoint import TaxaEndpoint

_BLOCK = 16  # experiments drawn together
_SLOW = 50  # how much longer a table takes that is tested on its own

Fold = float | Mapping[str, float] | Effect


@dataclass(frozen=True)
class TaxaPower(Power):
    """Power of differential abundance; the attributes of `Power`, and these.

    ``power`` is the mean share of the named taxa that are found, ``type_i`` the chance to find any taxon
    where none is changed.

    Attributes
    ----------
    power_any, power_any_se, power_all, power_all_se : float
        Chance to find at least one of the named taxa, and all of them; and their Monte Carlo errors.
    fdr, fdr_se : float
        False discovery rate: mean share of taxa found that are not named, 0 where none is found; and its
        Monte Carlo error.
    taxa : pandas.DataFrame
        One row a named taxon: taxon, mean_share and prevalence (in the pilot), tested (share of the
        experiments in which it was common enough), power, power_se.
    """

    power_any: float = math.nan
    power_any_se: float = math.nan
    power_all: float = math.nan
    power_all_se: float = math.nan
    fdr: float = math.nan
    fdr_se: float = math.nan
    taxa: pd.DataFrame = field(default_factory=pd.DataFrame, compare=False, repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the result as one row; the taxa are in `taxa`."""
        return super().to_frame().drop(columns="taxa")

    def _lines(self) -> dict[str, str]:
        return super()._lines() | {
            "at least one, all": f"{with_error(self.power_any, self.power_any_se)}, "
            f"{with_error(self.power_all, self.power_all_se)}",
            "false discovery rate": with_error(self.fdr, self.fdr_se),
        }

    def _repr_html_(self) -> str:
        return super()._repr_html_() + self.taxa.to_html(index=False, float_format="{:.3g}".format)


class TaxaEngine(Engine):
    """Draws studies and looks for the named taxa in each.

    Parameters
    ----------
    with_size : bool
        Find the type I error too; a search does so only where it ends.
    """

    max_n = 500

    def __init__(self, *, with_size: bool = True) -> None:
        self._with_size = with_size
        self._null: dict[Design, int] = {}

    def without_size(self) -> TaxaEngine:
        """Return an engine that leaves the type I error out."""
        return TaxaEngine(with_size=False)

    def check(
        self,
        design: Design,
        endpoint: TaxaEndpoint,
        effects: Sequence[Fold],
        settings: Settings,
        faults: Faults,
    ) -> None:
        """Note effects that are no fold change of named taxa, and what method and pilot cannot do."""
        for effect in effects:
            try:
                _as_effect(endpoint, effect)
            except AnalysisError as error:
                faults.found.extend(error.faults)
        if design.sides == 1:
            faults.add("sides=1", expected="sides=2: differential abundance has two-sided p-values")
        if design.paired:
            faults.add(
                "paired=True",
                expected="a reference arm",
                remedy="baseline=1 with two arms compares the changes of subjects",
            )
        if settings.margin is not None:
            faults.add(f"margin={settings.margin!r}", expected="no margin for taxa")
        if settings.method == "closed":
            faults.add("method='closed'", expected="'simulation': there is no closed form")
        if not design.paired:
            self._check_method(design, endpoint, faults)
        check_simulable(faults, endpoint.pilot, _test(design, endpoint).plan, endpoint.depth, endpoint.icc)

    def _check_method(self, design: Design, endpoint: TaxaEndpoint, faults: Faults) -> None:
        if endpoint.method != "clr" and _test(design, endpoint).grouped:
            faults.add(
                f"method={endpoint.method!r} takes one sample a subject after the treatment, and no cages",
                remedy="method='clr'; or follow_up=1 and cluster_size=1",
            )

    def power(self, design: Design, endpoint: TaxaEndpoint, effect: Fold, settings: Settings) -> TaxaPower:
        """Simulate experiments with the effect and without."""
        test = _test(design, endpoint)
        change = _as_effect(endpoint, effect)
        with_effect, without = np.random.SeedSequence(settings.seed).spawn(2)
        q = _simulate(test, endpoint, change, settings, with_effect)
        found = q <= design.alpha  # NaN is not found
        named = found[:, endpoint.places]
        type_i = self._type_i(design, endpoint, settings, without) if self._with_size else (math.nan,) * 2
        n_false = np.delete(found, np.flatnonzero(change.log_fold), axis=1).sum(axis=1)
        proportion = n_false / np.maximum(found.sum(axis=1), 1)
        power_any, power_all = _mean(named.any(axis=1)), _mean(named.all(axis=1))
        fdr = _mean(proportion)
        result = TaxaPower(
            *_mean(named.mean(axis=1)),
            *type_i,
            n_sim=settings.n_sim,
            method="simulation",
            test=test.words,
            effect=change.text if isinstance(effect, Mapping | Effect) else float(effect),
            margin=None,
            **enrolled(design),
            notes=_notes(design, endpoint, test),
            power_any=power_any[0],
            power_any_se=power_any[1],
            power_all=power_all[0],
            power_all_se=power_all[1],
            fdr=fdr[0],
            fdr_se=fdr[1],
            taxa=_by_taxon(endpoint, named, np.isfinite(q[:, endpoint.places])),
        )
        more = f", and of the taxa that it then finds {with_error(*fdr)} are false"
        return warn_of_size(result, may_be_smaller=True, more=more + _remedy(endpoint))

    def sample_size(
        self,
        design: Design,
        endpoint: TaxaEndpoint,
        effect: Fold,
        target: float,
        max_n: int | None,
        settings: Settings,
    ) -> SampleSize:
        """Search for the smallest n_per_arm; the type I error is that of the number found."""
        if not _as_effect(endpoint, effect).log_fold.any():
            raise nothing_to_find(effect)
        found = Engine.sample_size(self.without_size(), design, endpoint, effect, target, max_n, settings)
        without = np.random.SeedSequence(settings.seed).spawn(2)[1]
        reached = design.resized(found.n_per_arm)
        rate, error = once(
            settings.parts, "without effect", lambda: self._type_i(reached, endpoint, settings, without)
        )
        found = replace(found, type_i=rate, type_i_se=error)
        return warn_of_size(found, may_be_smaller=True, more=_remedy(endpoint))

    def _type_i(
        self, design: Design, endpoint: TaxaEndpoint, settings: Settings, seed: np.random.SeedSequence
    ) -> tuple[float, float]:
        """Return how often some taxon is found where none changes, and the Monte Carlo error."""
        if design not in self._null:
            null = _simulate(_test(design, endpoint), endpoint, None, settings, seed)
            self._null[design] = int((null <= design.alpha).any(axis=1).sum())
        hits = self._null[design]
        return hits / settings.n_sim, monte_carlo_error(hits, settings.n_sim)


@engine_for.register
def _(endpoint: TaxaEndpoint) -> Engine:  # noqa: ARG001
    return TaxaEngine()


def _test(design: Design, endpoint: TaxaEndpoint) -> DesignedAbundance:
    taxa = tuple(map(str, endpoint.pilot.taxa.index))
    return DesignedAbundance.of(
        design, taxa, endpoint.method, endpoint.min_prevalence, endpoint.fdr, endpoint.pseudocount
    )


def _remedy(endpoint: TaxaEndpoint) -> str:
    """Say what to do about a size that is too large."""
    if endpoint.method == "ancombc2" and endpoint.pseudocount == 0:
        return (
            ". ANCOM-BC2 takes zeros for not observed, and its standard errors are then too small: "
            "pseudocount=0.5, method='clr' and method='dirmult' hold their size"
        )
    return ""


def _as_effect(endpoint: TaxaEndpoint, effect: Fold) -> Effect:
    """Return the effect as a change of named taxa, or refuse it."""
    faults = Faults("effect", ParameterError)
    if not isinstance(effect, Effect):
        folds = effect
        if not isinstance(effect, Mapping):
            check_number(
                faults,
                "effect",
                effect,
                lambda fold: fold > 0,
                "a factor above 0: 0.5 halves the named taxa, 1 changes nothing",
            )
            faults.raise_if_any()
            folds = dict.fromkeys(endpoint.taxa, effect)
        strangers = [name for name in folds if name not in endpoint.taxa]
        for name in strangers:
            faults.add(f"effect on {name!r}", expected=f"one of taxa={list(endpoint.taxa)}")
        faults.raise_if_any()
        return fold_change(endpoint.pilot, folds)
    if effect.log_fold is None or effect.kind != "fold_change":
        faults.add(f"an effect of kind {effect.kind!r}", expected="a fold change of named taxa")
    elif len(effect.log_fold) != len(endpoint.pilot):
        faults.add(
            f"the effect was made for {len(effect.log_fold)} taxa, the pilot has {len(endpoint.pilot)}",
            remedy=f"make it from the same pilot ({endpoint.pilot.name})",
        )
    elif np.setdiff1d(np.flatnonzero(effect.log_fold), endpoint.places).size:
        faults.add("the effect changes taxa that the endpoint does not name", expected=f"{endpoint.taxa}")
    faults.raise_if_any()
    return effect


def _simulate(
    test: DesignedAbundance,
    endpoint: TaxaEndpoint,
    change: Effect | None,
    settings: Settings,
    seed: np.random.SeedSequence,
) -> np.ndarray:
    """Draw and test all experiments of one kind; return the q-values, shape (n_sim, n_taxa)."""
    simulator = Simulator(endpoint.pilot, test.plan, change, endpoint.depth, endpoint.icc)
    title = "without effect" if change is None else "with the effect"
    cost = settings.n_sim * (1 if test.together else _SLOW)
    blocks = run_blocks(
        partial(_test_block, test, simulator),
        settings.n_sim,
        seed,
        block=_BLOCK,
        n_jobs=settings.n_jobs,
        describe=progress_title(title, test.plan, endpoint.pilot, cost),
    )
    return np.concatenate(blocks)


def _test_block(
    test: DesignedAbundance, simulator: Simulator, rng: np.random.Generator, n_sim: int
) -> np.ndarray:
    return test.q_values(simulator.batch(rng, n_sim))


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Return the mean of shares and its Monte Carlo error, which is never 0.

    Notes
    -----
    Two experiments at 0 and two at 1 are added for the error: with a single taxon that is
    `monte_carlo_error`.
    """
    padded = np.concatenate([values, [0, 0, 1, 1]])
    return float(values.mean()), float(padded.std() / math.sqrt(len(padded)))


def _by_taxon(endpoint: TaxaEndpoint, named: np.ndarray, tested: np.ndarray) -> pd.DataFrame:
    hits, n_sim = named.sum(axis=0), len(named)
    known = endpoint.pilot.taxa.iloc[endpoint.places]
    return pd.DataFrame(
        {
            "taxon": list(endpoint.taxa),
            "mean_share": known["mean_share"].to_numpy(),
            "prevalence": known["prevalence"].to_numpy(),
            "tested": tested.mean(axis=0),
            "power": hits / n_sim,
            "power_se": [monte_carlo_error(int(hit), n_sim) for hit in hits],
        }
    )


def _notes(design: Design, endpoint: TaxaEndpoint, test: DesignedAbundance) -> tuple[str, ...]:
    notes = [
        f"simulated from the pilot {endpoint.pilot.name}",
        f"fold change of {', '.join(endpoint.taxa)}",
        "power: mean share of the named taxa found; type I error: any taxon found where none changes",
        "shares add up to 1, so what is named moves all else a little: the false discoveries count that too",
    ]
    if design.baseline and not test.baseline:
        notes.append(
            "the test does not use the baseline samples"
            + ("" if endpoint.method == "clr" else f": {endpoint.method} compares arms at one time")
        )
    elif test.baseline and design.test == "ancova":
        notes.append("changes are compared: differential abundance has no analysis of covariance")
    return (*notes, *(note for note in design.notes() if "baseline samples" not in note))
