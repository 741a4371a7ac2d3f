"""Fit what a public table says about noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.arguments import check_count, check_number, check_seed
from analysis.errors import Faults, ParameterError
from analysis.pilots.calibration import Draft, calibrate
from analysis.pilots.marginals import Marginals, fit_marginals
from analysis.pilots.model import Pilot
from analysis.pilots.plans import Plan
from analysis.pilots.samples import choose_columns, prepared
from analysis.pilots.simulator import MOST_READS, Simulator
from analysis.pilots.targets import (
    Pairs,
    expected_prevalence,
    figures_of,
    fit_table,
    prevalence_of,
    rarefied,
    shannon_of,
)
from analysis.study import Study
from analysis.threads import one_thread

__all__ = ["fit_pilot", "resampled"]

_MOST_KINDS = 6  # axes beside Shannon and richness
_SHRINK = 10.0  # units' worth of information at which a taxon's own ICC counts as much as that of all
_REPORTED = 3_000  # samples simulated for the fit table


def fit_pilot(
    study: Study,
    depth: int | None = None,
    max_taxa: int = 400,
    stratum: str | None = None,
    name: str | None = None,
    seed: int = 0,
    source: dict[str, Any] | None = None,
) -> Pilot:
    """Fit how the communities of a table vary, so that fresh studies can be drawn.

    Parameters
    ----------
    study : Study
        Reads, with the roles subject (repeated samples) and cluster (cages) where there are any. Where a
        treatment and its reference are set, only samples of the reference arm are used, and of the other arms
        those at the baseline times: the pilot describes guts without the treatment.
    depth : int, optional
        Reads a sample at which real and simulated tables are compared; samples with fewer are left out. By
        default the 5 % quantile of the depths. A study of fractions needs it: each share then counts as that
        many of `depth` reads (at most 65,535), rounded.
    max_taxa : int
        Columns of the simulated tables. Up to three quarters go to the most abundant and most prevalent taxa,
        the rest to the rare ones, several to a column so that few of them meet in one sample: richness is
        kept.
    stratum : str, optional
        A metadata column above the cages (vendor, site). What differs between its levels is set apart; a
        simulated study comes from one level, drawn anew each time.
    name : str, optional
        By default that of the study.
    seed : int
        For rarefying and calibrating. Draws follow the order of samples and features: the same table in
        another order gives figures as far apart as those of another seed.
    source : dict, optional
        Noted in the pilot, for example citation, licence and command.

    Returns
    -------
    Pilot
        Its `fit` holds real against simulated.

    Raises
    ------
    DesignError, ParameterError, TableError
        Too few samples or subjects, repeated samples of one subject, units that do not nest, fractions
        without a depth, a depth that too few samples reach.

    Notes
    -----
    Each taxon's distribution of shares is fitted without a shape (see `fit_marginals`), so that mean,
    dispersion and presence are those of the table. Their normal scores move together along Shannon, log
    richness and the main axes of the Hellinger-transformed table, by a regression that allows for the blur of
    the scores; the rest of each score is the taxon's own. Variances divide over stratum, cluster, subject and
    sample as the semivariances of the scores do. Few screws (see `calibrate`) are then turned until simulated
    tables of the same plan have the real mean and SD of Shannon, richness and Bray-Curtis, and the real gaps
    between and within units.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> few = study.select(samples=study.sample_ids[:60])
    >>> pilot = an.fit_pilot(few, depth=500, max_taxa=20)
    >>> len(pilot), pilot.depth, pilot.source["subjects"]
    (20, 500, 6)
    >>> pilot.missed[:2]  # twenty columns are too coarse
    ('shannon_median', 'shannon_sd')
    """
    _check_asked(study, depth, max_taxa, stratum, seed)
    name = name or study.source.name
    counts, depths, all_depths, depth, plan = prepared(study, depth, stratum, name)
    draft, real, pairs, columns = _draft(study, counts, depths, depth, plan, max_taxa, name, seed)
    known = {
        "samples": len(plan),
        "left_out": len(all_depths) - len(plan),
        "subjects": len(np.unique(plan.subject)),
        "clusters": len(np.unique(plan.cluster)) if "cluster" in pairs.levels else 0,
        "strata": len(np.unique(plan.stratum)) if "stratum" in pairs.levels else 0,
        "repeats": "subject" in pairs.levels,
        "table": [{"part": f.part, "sha256": f.sha256} for f in study.source.files],
        "citation": study.source.citation,
        "stratum_column": stratum,
        "plan": {level: plan.codes(level).tolist() for level in ("stratum", "cluster", "subject")},
    }
    blank = replace(
        draft.pilot,
        source=known | (source or {}),
        depth_quantiles=np.quantile(all_depths[all_depths > 0], np.linspace(0, 1, 21)),
    )
    pilot = calibrate(replace(draft, pilot=blank), real, pairs, seed)
    return replace(pilot, fit=_report(pilot, real, pairs, columns, seed + 1))


def _check_asked(study: object, depth: object, max_taxa: object, stratum: object, seed: object) -> None:
    """Refuse arguments of the wrong kind, all at once."""
    faults = Faults("fit_pilot", ParameterError)
    sound = isinstance(study, Study)
    if not sound:
        faults.add(
            f"study is a {type(study).__name__}",
            expected="a Study",
            remedy="analysis.load_dataset or analysis.read_study reads one",
        )
    if (
        depth is not None
        and check_count(faults, "depth", depth, 1, "reads a sample")
        and sound
        and study.kind == "fractions"
        and depth > MOST_READS
    ):
        faults.add(
            f"depth={depth:,} of fractions",
            expected=f"at most {MOST_READS:,}: as many reads as a simulated sample can have",
            remedy="about as many as the samples had; 10,000 where that is not known",
        )
    check_number(
        faults,
        "max_taxa",
        max_taxa,
        lambda n: n == int(n) and n >= 20,
        "a whole number of columns, at least 20",
    )
    if stratum is not None and not isinstance(stratum, str):
        faults.add(f"stratum is a {type(stratum).__name__}", expected="the name of a metadata column")
    check_seed(faults, seed)
    faults.raise_if_any()


@one_thread
def _draft(
    study: Study,
    counts: sparse.csr_array,
    depths: np.ndarray,
    depth: int,
    plan: Plan,
    max_taxa: int,
    name: str,
    seed: int,
) -> tuple[Draft, dict[str, float], Pairs, np.ndarray]:
    """Fit taxon by taxon; return the draft, the real figures, the pairs of samples and the prevalence."""
    mean_share = np.asarray((counts / depths[:, None]).mean(axis=0)).ravel()
    # Rounding leaves a taxon that was never seen a prevalence of 1e-15.
    seen = np.where(mean_share > 0, prevalence_of(counts, depths, depth), 0.0)
    column = choose_columns(seen, mean_share, max_taxa)
    kept = np.flatnonzero(column >= 0)
    n_columns = int(column.max()) + 1
    table = rarefied(counts, depth, np.random.default_rng(seed))
    pairs = Pairs(plan)
    real = figures_of(table, pairs)
    into = sparse.csr_array(
        (np.ones(len(kept), dtype=np.int64), (kept, column[kept])), (len(column), n_columns)
    )
    pooled = (counts @ into).toarray()
    marginals = fit_marginals(pooled, depths)
    axes = _axes(table, plan)
    loadings = _loadings(marginals, axes)
    members = np.bincount(column[kept], minlength=n_columns)
    shares = pooled / depths[:, None]
    mean = shares.mean(axis=0)
    noise = (shares / depths[:, None]).mean(axis=0)
    dispersion = np.maximum(shares.var(axis=0, ddof=1) - noise, 0) / mean**2
    prevalence = expected_prevalence(pooled, depths, depth)
    first = np.array([kept[np.argmax(column[kept] == c)] for c in range(n_columns)])
    names = [
        study.feature_ids[f] if m == 1 else f"{m} rare taxa ({c + 1})"
        for c, (f, m) in enumerate(zip(first, members, strict=True))
    ]
    taxa = pd.DataFrame(
        {"mean_share": mean, "prevalence": prevalence, "dispersion": dispersion, "members": members},
        index=pd.Index(names, name="taxon", dtype=object),
    )
    if study.taxonomy is not None:
        lineage = study.taxonomy.iloc[first].astype(str).agg(";".join, axis=1).to_numpy()
        taxa["lineage"] = np.where(members == 1, lineage, "")
    blank = Pilot(
        name=name,
        taxa=taxa,
        depth=depth,
        depth_quantiles=np.array([depth]),
        log_quantiles=marginals.log_quantiles,
        log_floor=marginals.log_floor,
        loadings=loadings,
        taxon_shares=np.empty(0),
        axis_shares=np.empty(0),
        fit=pd.DataFrame(),
        shannon=_shannon_summary(table, pairs),
    )
    draft = Draft(blank, _taxon_likeness(marginals.scores, pairs), pairs.likeness(axes))
    return draft, real, pairs, prevalence


def _axes(table: np.ndarray, plan: Plan) -> np.ndarray:
    """Return the axes along which samples differ, of variance 1 and each free of the ones before."""
    found = [_standard(shannon_of(table))]
    richness = _standard(np.log((table > 0).sum(axis=1)))
    found.append(_standard(richness - found[0] * (found[0] * richness).mean()))
    base = np.column_stack(found)
    n_kinds = int(np.clip(len(np.unique(plan.subject)) // 6, 1, _MOST_KINDS))
    roots = np.sqrt(table / table.sum(axis=1, keepdims=True))
    roots -= roots.mean(axis=0)
    roots -= base @ (base.T @ roots) / len(base)
    _, vectors = np.linalg.eigh(roots @ roots.T)
    return np.hstack([base, vectors[:, ::-1][:, :n_kinds] * np.sqrt(len(base))])


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def _loadings(marginals: Marginals, axes: np.ndarray) -> np.ndarray:
    """Regress the scores on the axes; scores are blurred by reads, and small slopes mostly chance."""
    scores = marginals.scores - marginals.scores.mean(axis=0)
    variance = np.maximum(scores.var(axis=0), 1e-6)[:, None]
    slopes = scores.T @ axes / len(axes) / variance
    chance = 1 / (len(axes) * variance)
    real = np.maximum(np.average(slopes**2 - chance, axis=0, weights=variance.ravel() ** 2), 0)
    return slopes * real / (real + chance)


def _taxon_likeness(scores: np.ndarray, pairs: Pairs) -> dict[str, np.ndarray]:
    """Return the correlation of each taxon's true score within units, drawn towards that of all taxa."""
    clarity = np.clip(scores.var(axis=0), 0.02, 1)
    out = {}
    for level, correlation in pairs.likeness(scores).items():
        true = np.clip(correlation / clarity, -0.5, 1.0)
        typical = np.average(true, weights=clarity)
        weight = clarity * len(np.unique(pairs.plan.codes(level)))
        out[level] = np.clip((weight * true + _SHRINK * typical) / (weight + _SHRINK), 0.01, 0.99)
    return out


def _shannon_summary(table: np.ndarray, pairs: Pairs) -> dict[str, float]:
    values = shannon_of(table)
    icc = {f"{level}_icc": float(value) for level, value in pairs.likeness(values).items()}
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)), "n": len(values), **icc}


@one_thread
def _report(
    pilot: Pilot, real: dict[str, float], pairs: Pairs, prevalence: np.ndarray, seed: int
) -> pd.DataFrame:
    n_tables = max(4, pairs.tables_for(_REPORTED))
    tables = Simulator(pilot, pairs.plan).batch(np.random.default_rng(seed), n_tables)
    figures = [figures_of(table, pairs) for table in tables]
    # Columns of several rare taxa were made equally prevalent: their order means nothing.
    single = pilot.taxa["members"].to_numpy() == 1
    return fit_table(real, figures, prevalence[single], (tables > 0).mean(axis=(0, 1))[single])


def resampled(pilot: Pilot, seed: int, study: Study | None = None, max_taxa: int | None = None) -> Pilot:
    """Fit the pilot again on other subjects, to carry its own uncertainty on.

    Parameters
    ----------
    pilot : Pilot
        From `fit_pilot` or `load_pilot`.
    seed : int
        Which subjects.
    study : Study, optional
        The study that the pilot was fitted to: half of its subjects (or clusters) are then drawn, without
        replacement. Without it, a table of the same plan is simulated from the pilot.
    max_taxa : int, optional
        As for `fit_pilot`; by default as many columns as the pilot has.

    Returns
    -------
    Pilot

    Raises
    ------
    DesignError, ParameterError, TableError
        As for `fit_pilot`, where half of the subjects are too few.

    Notes
    -----
    Subjects are never drawn twice: copies are at distance 0. An estimate from half of the subjects differs
    from that of all by as much as the latter does from the truth (the delete-d jackknife with d = n / 2: Shao
    and Wu 1989, doi:10.1214/aos/1176347263), so the spread of such pilots is that of the pilot itself. A
    simulated table does the same for pilots whose table is not at hand (the parametric bootstrap).

    Examples
    --------
    >>> import analysis as an
    >>> pilot = an.pilots.load_pilot("turnbaugh_mice")
    >>> other = an.pilots.resampled(pilot, seed=1, max_taxa=50)
    >>> other.name, other.source["subjects"]
    ('turnbaugh_mice, resampled', 12)
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    columns = max_taxa or max(len(pilot), 20)
    name = f"{pilot.name}, resampled"
    codes = pilot.source["plan"]
    if study is None:
        units = {level: np.asarray(codes[level]) for level in ("stratum", "cluster", "subject")}
        none = np.zeros(len(units["subject"]), dtype=int)
        counts = sparse.csr_array(
            Simulator(pilot, Plan(**units, arm=none, time=none)).batch(rng, 1)[0].astype(np.int64)
        )
        ids = [f"simulated_{i + 1}" for i in range(counts.shape[0])]
        metadata = pd.DataFrame({level: units[level].astype(str) for level in units}, index=ids)
        drawn = Study(counts, ids, pilot.taxa.index, metadata)
        roles = {"subject": "subject"} | ({"cluster": "cluster"} if pilot.has_clusters else {})
        drawn = drawn.with_roles(**roles)
        # As deep as the shallowest: a quantile would leave out one subject in twenty.
        depth = int(counts.sum(axis=1).min())
        return fit_pilot(drawn, depth, columns, "stratum" if pilot.source["strata"] else None, name, seed)
    unit = study.roles.cluster or study.roles.subject
    labels = study.sample_ids.to_numpy() if unit is None else study.metadata[unit].astype(str).to_numpy()
    known = np.unique(labels)
    half = rng.choice(known, size=len(known) // 2, replace=False)
    part = study.select(samples=np.isin(labels, half))
    return fit_pilot(part, pilot.depth, columns, pilot.source.get("stratum_column"), name, seed)
