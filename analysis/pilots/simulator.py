"""Fresh studies drawn from a pilot: nobody in them was ever in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from analysis.arguments import check_count, check_number, check_seed
from analysis.errors import DesignError, Faults, ParameterError, one_fault
from analysis.pilots.marginals import NODES, Z_MAX
from analysis.pilots.plans import LEVELS, Plan, plan_of
from analysis.source import Source
from analysis.study import Study

if TYPE_CHECKING:
    from analysis.designs import Design
    from analysis.pilots.effects import Effect
    from analysis.pilots.model import Pilot

_FINE = 513  # nodes of the table that shares are looked up in
_CHOP_BELOW = 5.0  # mean reads up to which the Poisson distribution is inverted term by term
_EXPAND_FROM = 12.0  # mean reads from which it is taken from a normal number by expansion
MOST_READS = 65_535  # counts are kept in 16 bits
_CITED = "simulated, not measured: drawn from the pilot"


class Simulator:
    """Draws tables from a pilot for one plan, as fast as their random numbers allow.

    Parameters
    ----------
    pilot : Pilot
        Where the noise comes from.
    plan : Plan
        The samples.
    effect : Effect, optional
        What the treatment does.
    depth : int, optional
        Mean reads a sample; the pilot's own by default.
    icc : float, optional
        Share of the variance of every score that belongs to the subject and what it nests in (cage, stratum):
        instead of what the pilot says, or where its table had no repeats. Cages and strata keep the share
        that was fitted.

    Raises
    ------
    DesignError
        Where several samples a subject, or cages, are asked of a pilot that has none; see Notes.
    ParameterError
        Where `depth` or `icc` is impossible, or the effect is none, or one of another pilot.

    Notes
    -----
    Each replicate is drawn from a generator of its own and never depends on the others. The score of taxon j
    in sample s is ``sum over levels of (sqrt(axis share) loadings @ F + sqrt(1 - communality) sqrt(taxon
    share) E)`` with F and E standard normal for each unit of the level (stratum, cage, subject, sample), so
    that what is present in a person stays present. The pilot's table turns scores into shares, shares are
    closed to 1, and the reads of a taxon are Poisson around its share of `depth` reads.
    """

    def __init__(
        self,
        pilot: Pilot,
        plan: Plan,
        effect: Effect | None = None,
        depth: int | None = None,
        icc: float | None = None,
    ) -> None:
        check_askable(pilot, plan, depth, icc)
        check_effect(pilot, effect)
        self.plan = plan
        self.depth = int(depth or pilot.depth)
        self.effect = effect
        self._levels = _merged_levels(pilot, plan, icc)
        place = np.linspace(0, NODES - 1, _FINE)
        left = np.minimum(place.astype(int), NODES - 2)
        part = place - left
        fine = pilot.log_quantiles[:, left] * (1 - part) + pilot.log_quantiles[:, left + 1] * part
        self._table = np.ascontiguousarray(fine, dtype=np.float32).ravel()
        self._rows = (np.arange(len(pilot)) * _FINE)[:, None]
        self._log_floor = np.float32(pilot.log_floor)
        self._n_taxa = len(pilot)

    def shares(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the true composition of each sample.

        Returns
        -------
        numpy.ndarray of float32, shape (n_taxa, n_samples)
            Columns sum to 1.
        """
        scores = self._scores(rng)
        scores *= (_FINE - 1) / (2 * Z_MAX)
        scores += (_FINE - 1) / 2 + 0.5
        np.clip(scores, 0, _FINE - 1, out=scores)
        places = scores.astype(np.int64)
        places += self._rows
        shares = self._table.take(places)
        if self.effect is None or not self.plan.treated.any():
            np.exp(shares, out=shares)
        else:
            shares = self.effect.apply(shares, self.plan, self._log_floor, rng)
        shares /= shares.sum(axis=0)
        return shares

    def reads(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a table of reads.

        Returns
        -------
        numpy.ndarray of uint16, shape (n_taxa, n_samples)
        """
        shares = self.shares(rng)
        shares *= self.depth
        return poisson(rng, shares)

    def batch(self, rng: np.random.Generator, n_replicates: int) -> np.ndarray:
        """Draw many tables, each from a child of the generator.

        Returns
        -------
        numpy.ndarray of uint16, shape (n_replicates, n_samples, n_taxa)
        """
        out = np.empty((n_replicates, self._n_taxa, len(self.plan)), dtype=np.uint16)
        for number, child in enumerate(rng.spawn(n_replicates)):
            out[number] = self.reads(child)
        return out.transpose(0, 2, 1)

    def _scores(self, rng: np.random.Generator) -> np.ndarray:
        total = None
        for codes, n_units, loadings, scale in self._levels:
            part = rng.standard_normal((self._n_taxa, n_units), dtype=np.float32)
            part *= scale
            part += loadings @ rng.standard_normal((loadings.shape[1], n_units), dtype=np.float32)
            if codes is not None:
                part = part[:, codes]
            if total is None:
                total = part
            else:
                total += part
        return total


def _merged_levels(pilot: Pilot, plan: Plan, icc: float | None) -> list[tuple]:
    """Return unit codes, number of units, loadings and own SD of each level that the plan tells apart."""
    taxon_shares, axis_shares = pilot.taxon_shares, pilot.axis_shares
    if icc is not None:
        taxon_shares, axis_shares = _with_icc(taxon_shares, icc), _with_icc(axis_shares, icc)
    own = 1 - (pilot.loadings**2).sum(axis=1)
    levels: list[tuple] = []
    taxon_part = np.zeros(len(pilot))
    axis_part = np.zeros(pilot.loadings.shape[1])
    finest = len(LEVELS) - 1
    for number, level in enumerate(LEVELS):
        taxon_part = taxon_part + taxon_shares[:, number]
        axis_part = axis_part + axis_shares[:, number]
        codes = plan.codes(level)
        n_units = int(codes.max()) + 1
        below = plan.codes(LEVELS[number + 1]) if number < finest else None
        if below is not None and n_units == int(below.max()) + 1:
            continue  # each unit holds one unit of the next level: draw both at once
        if taxon_part.any() or axis_part.any():
            loadings = np.ascontiguousarray(pilot.loadings * np.sqrt(axis_part), dtype=np.float32)
            scale = np.sqrt(own * taxon_part)[:, None].astype(np.float32)
            plain = n_units == len(plan) and (codes == np.arange(n_units)).all()
            levels.append((None if plain else codes, n_units, loadings, scale))
        taxon_part, axis_part = np.zeros_like(taxon_part), np.zeros_like(axis_part)
    return levels


def _with_icc(shares: np.ndarray, icc: float) -> np.ndarray:
    """Divide what lies within cages between subject and sample, so that the subject has the ICC in all.

    Stratum and cage keep the shares that were fitted: only where they have more than the ICC is nothing left
    for the subject itself.
    """
    above = shares[:, :-2]
    held = above.sum(axis=1)
    subject = np.clip(icc - held, 0, 1 - held)
    return np.column_stack([above, subject, 1 - held - subject])


def poisson(rng: np.random.Generator, means: np.ndarray) -> np.ndarray:
    """Draw Poisson counts, quickly where most means are small.

    Parameters
    ----------
    rng : numpy.random.Generator
        Moved on.
    means : numpy.ndarray of float32
        Of any shape.

    Returns
    -------
    numpy.ndarray of uint16
        Of the same shape.

    Notes
    -----
    Means below 5 are inverted term by term for all cells at once (single precision leaves an error below 1e-6
    in each probability), those below 12 go to numpy's own sampler. From 12 on, a normal number z gives ``mean
    + sd z + (z^2 - 1) / 6 + (z - z^3) / (72 sd)``, rounded (Cornish and Fisher 1938, doi:10.2307/1400905):
    the distribution function is then right within 0.002.
    """
    flat = means.ravel()
    counts = np.zeros(flat.size, dtype=np.uint16)
    large = np.flatnonzero(flat >= _CHOP_BELOW)
    plenty = flat[large] >= _EXPAND_FROM
    counts[large[~plenty]] = rng.poisson(flat[large[~plenty]])
    counts[large[plenty]] = _expanded(rng, flat[large[plenty]])
    chance = rng.random(flat.size, dtype=np.float32)
    none = np.exp(-flat)
    some = chance > none
    some[large] = False
    cells = np.flatnonzero(some)
    mean, chance, term = flat[cells], chance[cells], none[cells]
    reached = term.copy()
    number = 0
    while cells.size:
        number += 1
        term *= mean / number
        reached += term
        more = np.flatnonzero((chance > reached) & (number < 60))
        counts[cells] = number  # those that go on are overwritten in the next round
        cells, mean, chance, term, reached = (part[more] for part in (cells, mean, chance, term, reached))
    return counts.reshape(means.shape)


def _expanded(rng: np.random.Generator, means: np.ndarray) -> np.ndarray:
    z = rng.standard_normal(means.size, dtype=np.float32)
    spread = np.sqrt(means)
    squared = z * z
    reads = means + spread * z + (squared - 1) / 6 + z * (1 - squared) / (72 * spread)
    return np.clip(np.rint(reads), 0, MOST_READS)


def check_askable(pilot: Pilot, plan: Plan, depth: int | None, icc: float | None) -> None:
    """Refuse what the pilot cannot say; see `Simulator`."""
    faults = Faults(f"simulating from {pilot.name}", ParameterError)
    if depth is not None and check_count(faults, "depth", depth, 1, "reads a sample") and depth > MOST_READS:
        faults.add(f"{depth:,}", where="depth=", expected=f"at most {MOST_READS:,} reads a sample")
    if icc is not None:
        check_number(
            faults, "icc", icc, lambda share: 0 <= share <= 1, "a share of the variance, from 0 to 1"
        )
    faults.raise_if_any()
    faults = Faults(f"simulating from {pilot.name}", DesignError)
    n_subjects = len(np.unique(plan.subject))
    if n_subjects < len(plan) and not pilot.has_repeats and icc is None:
        faults.add(
            f"{len(plan) / n_subjects:g} samples a subject, but the pilot's table has one sample of each",
            expected="a pilot with repeated samples: nothing else says how much a subject varies",
            remedy="give icc=, the subject's share of the variance (0 to 1), or take another pilot",
        )
    if len(np.unique(plan.cluster)) < n_subjects and not pilot.has_clusters:
        faults.add(
            f"{n_subjects} subjects in {len(np.unique(plan.cluster))} cages, but no cages were fitted",
            expected="a pilot whose table names cages with several animals",
            remedy="cluster_size=1, or another pilot: list_pilots() says which have cages",
        )
    faults.raise_if_any()


def check_effect(pilot: Pilot, effect: object) -> None:
    """Refuse what is no effect, and one that was made for other taxa."""
    from analysis.pilots.effects import Effect  # which itself needs simulated tables

    if effect is None:
        return
    faults = Faults(f"simulating from {pilot.name}", ParameterError)
    how = "make one for this pilot: fold_change, shannon_change or composition_shift"
    if not isinstance(effect, Effect):
        faults.add(f"effect is a {type(effect).__name__}", expected="an Effect, or None", remedy=how)
    elif effect.log_fold is not None and np.shape(effect.log_fold) != (len(pilot),):
        faults.add(
            f"effect {effect.text!r} is one of {np.size(effect.log_fold)} taxa, the pilot has {len(pilot)}",
            expected="an effect that was made for this pilot",
            remedy=how,
        )
    faults.raise_if_any()


def simulate_plan(
    pilot: Pilot,
    plan: Plan,
    effect: Effect | None = None,
    *,
    depth: int | str | None = None,
    icc: float | None = None,
    seed: int = 0,
) -> Study:
    """Draw a fresh study for a plan; see `simulate_study`."""
    faults = Faults(f"simulating from {pilot.name}", ParameterError)
    check_seed(faults, seed)
    faults.raise_if_any()
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    as_table = isinstance(depth, str) and depth == "as_table"
    simulator = Simulator(pilot, plan, effect, None if as_table else depth, icc)
    shares = simulator.shares(rng).T.astype(np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    depths = np.full(len(plan), simulator.depth)
    if as_table:
        steps = np.linspace(0, 1, len(pilot.depth_quantiles))
        depths = np.exp(np.interp(rng.random(len(plan)), steps, np.log(pilot.depth_quantiles))).astype(int)
    counts = rng.multinomial(depths, shares)
    names = [f"simulated_{number + 1}" for number in range(len(plan))]
    metadata = plan.metadata().set_axis(names, axis=0)
    notes = (_CITED + f" {pilot.name!r}", "no effect" if effect is None else f"effect: {effect.text}")
    source = Source(
        name=f"simulated from {pilot.name}",
        format="simulated",
        reader="simulate_study",
        citation=str(pilot.source.get("citation", "")),
        notes=(*notes, f"seed {seed}"),
    )
    study = Study(sparse.csr_array(counts), names, pilot.taxa.index, metadata, source=source)
    roles = {"subject": "subject", "time": "time", "cluster": "cage"}
    if plan.arm.any() and not plan.arm.all():
        roles |= {"treatment": "arm", "reference": "reference"}
    times = np.unique(plan.time)
    baseline, after = times[times <= 0].tolist(), times[times > 0].tolist()
    return study.with_roles(**roles, baseline=baseline, follow_up=after)


def simulate_study(
    pilot: Pilot,
    design: Design,
    effect: Effect | None = None,
    depth: int | str | None = None,
    icc: float | None = None,
    seed: int = 0,
) -> Study:
    """Draw a fresh study from a pilot for a design, with an effect put in.

    Parameters
    ----------
    pilot : Pilot
        See `fit_pilot`, `load_pilot`.
    design : Design
        Arms, samples before and after, cages, dropout.
    effect : Effect, optional
        From `fold_change`, `shannon_change` or `composition_shift`; None: the treatment does nothing.
    depth : int or "as_table", optional
        Reads of every sample; by default the depth at which the pilot was fitted. "as_table": drawn from the
        depths of the pilot's table.
    icc : float, optional
        Share of the variance that belongs to the subject and what it nests in (cage, stratum), in place of
        what the pilot says; needed for repeated samples where the pilot has none.
    seed : int
        The same seed gives the same study.

    Returns
    -------
    Study
        Metadata subject, cage, arm and time, with their roles set; the source says "simulated".

    Raises
    ------
    DesignError
        Where several samples a subject, or cages, are asked of a pilot that has none.
    ParameterError
        Where `depth` or `icc` is impossible, or the effect is none, or one of another pilot.

    Examples
    --------
    >>> import analysis as an
    >>> pilot = an.pilots.load_pilot("turnbaugh_mice")
    >>> study = an.pilots.simulate_study(pilot, an.Design(n_per_arm=3, baseline=1, follow_up=1))
    >>> study.shape, study.metadata["arm"].unique().tolist()
    ((12, 1000), ['reference', 'treated'])
    """
    from analysis.designs import Design
    from analysis.pilots.model import Pilot

    faults = Faults("simulate_study", ParameterError)
    if not isinstance(pilot, Pilot):
        faults.add(
            f"pilot is a {type(pilot).__name__}",
            expected="a Pilot",
            remedy="fit_pilot(study) makes one of a table, load_pilot('sze_baxter') loads one",
        )
    if not isinstance(design, Design):
        faults.add(f"design is a {type(design).__name__}", expected="a Design", remedy="Design(n_per_arm=20)")
    faults.raise_if_any()
    return simulate_plan(pilot, plan_of(design), effect, depth=depth, icc=icc, seed=seed)


def require_repeats(n_subjects: int, n_samples: int, name: str) -> None:
    """Refuse repeats of a single subject: nothing is left to compare them with."""
    if n_subjects < 2 <= n_samples:
        raise one_fault(
            DesignError,
            name,
            f"{n_samples} samples of one subject",
            expected="repeated samples of at least 2 subjects, better 10 or more",
            remedy="choose samples of more subjects",
        )
