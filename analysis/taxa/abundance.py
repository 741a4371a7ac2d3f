"""Which taxa differ between arms: one call and one table for four methods."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from analysis.arguments import as_texts, check_count, check_number, check_seed, is_one_of
from analysis.errors import DesignError, Faults, ParameterError, TableError, did_you_mean, listed, one_fault
from analysis.study import Study, check_study
from analysis.taxa.design import CALL, lay_out
from analysis.taxa.layout import Layout, constant_within
from analysis.taxa.methods import Estimates, ancombc2, clr_models, dirmult, dirmult_lme
from analysis.taxa.scoring import HALF_A_READ

Method = Literal["ancombc2", "dirmult", "dirmult_lme", "clr"]

METHODS = ("ancombc2", "dirmult", "dirmult_lme", "clr")
COLUMNS = (
    "feature",
    "effect",
    "ci_low",
    "ci_high",
    "p_value",
    "q_value",
    "prevalence",
    "contrast",
    "structural_zero",
)
_FDR = ("bh", "by", "holm")
_COMPARE = ("auto", "level", "change")
_MISSING = ("raise", "drop")


@dataclass(frozen=True, eq=False)
class DifferentialAbundance:
    """Differences in abundance of all features tested.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a feature and contrast: feature, effect, ci_low, ci_high, p_value, q_value, prevalence (share
        of the compared samples with the feature), contrast, structural_zero (the arm where the feature was
        never seen, or ""). NaN where a method could estimate nothing.
    method : str
        The method asked for.
    model : str
        What was fitted, to how many units and samples.
    effect_unit : str
        The unit of effect, ci_low and ci_high.
    interval : str
        What ci_low and ci_high are.
    fdr : str
        How q-values were made from p-values: over the features of one contrast.
    alpha : float
        The level for `significant`.
    n_tested : int
        Features with a p-value in at least one contrast.
    skipped : tuple of str
        Features below the least prevalence, not tested.
    left_out : tuple of str
        Samples not used: with gaps, or for changes of other times than baseline and follow-up.
    """

    table: pd.DataFrame
    method: str
    model: str
    effect_unit: str
    interval: str
    fdr: str
    alpha: float
    n_tested: int
    skipped: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def significant(self) -> pd.DataFrame:
        """Rows with a q-value of at most alpha, smallest first."""
        return self.table[self.table["q_value"] <= self.alpha].sort_values("q_value", kind="stable")

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def _repr_html_(self) -> str:
        found = self.significant
        lines = {
            "model": self.model,
            "effect": self.effect_unit,
            "interval": self.interval,
            "tested": f"{self.n_tested} features; {len(self.skipped)} too rare to test",
            f"q ≤ {self.alpha:g} ({self.fdr})": f"{len(found)} of {len(self.table)} rows",
        }
        rows = "".join(f"<tr><th>{key}</th><td>{html.escape(text)}</td></tr>" for key, text in lines.items())
        shown = (found if len(found) else self.table.sort_values("p_value")).head(10)
        return (
            f"<table><caption>Differential abundance: {html.escape(self.method)}</caption>{rows}</table>"
            f"{shown.to_html(index=False, float_format='{:.3g}'.format)}"
        )


def differential_abundance(
    study: Study,
    treatment: str | None = None,
    reference: object = None,
    method: Method = "ancombc2",
    *,
    covariates: Sequence[str] = (),
    subject: str | None = None,
    cluster: str | None = None,
    compare: Literal["auto", "level", "change"] = "auto",
    rank: str | None = None,
    min_prevalence: float = 0.1,
    pseudocount: float | None = None,
    draws: int = 128,
    alpha: float = 0.05,
    fdr: Literal["bh", "by", "holm"] = "bh",
    missing: Literal["raise", "drop"] = "raise",
    seed: int = 0,
) -> DifferentialAbundance:
    """Test every feature for a difference between each arm and the reference.

    Parameters
    ----------
    study : Study
        Read counts; for ``clr`` fractions as well.
    treatment : str, optional
        The column that says what was given. Default: the role of that name.
    reference : scalar, optional
        The arm that the others are compared with. Default: the role of that name.
    method : {"ancombc2", "dirmult", "dirmult_lme", "clr"}
        See Notes.
    covariates : sequence of str
        Columns to adjust for: numbers as they are, all else as categories.
    subject, cluster : str, optional
        Columns that tie samples together (a person or mouse; a cage). Default: the roles.
    compare : {"auto", "level", "change"}
        Arms at the same time, or their changes from baseline to follow-up. ``auto`` takes changes where the
        roles name a baseline, samples of it and of the follow-up are there, and each subject has one
        treatment at follow-up. What the treatment column says at baseline is then not read.
    rank : str, optional
        Add features up to this rank first.
    min_prevalence : float
        Features in fewer than this share of the compared samples are not tested, but listed in `skipped`.
    pseudocount : float, optional
        Added to each number. Default: 0.5 reads; for fractions half of the smallest one that is not zero.
        ``ancombc2`` takes 0 too, and zeros then as not observed: see Notes.
    draws : int
        Dirichlet draws of ``dirmult`` and ``dirmult_lme``.
    alpha : float
        Level of the q-values for `DifferentialAbundance.significant`.
    fdr : {"bh", "by", "holm"}
        Benjamini-Hochberg [1]_, Benjamini-Yekutieli, or Holm (which holds the family-wise error), over the
        features of each contrast.
    missing : {"raise", "drop"}
        Refuse samples without a value and, for changes, subjects without baseline or follow-up; or leave them
        out and list them in `left_out`.
    seed : int
        For the draws.

    Returns
    -------
    DifferentialAbundance
        Effects are natural logs of fold changes.

    Raises
    ------
    MetadataError, ParameterError, TableError, TaxonomyError, DesignError
        Where columns, values or counts are missing, or where the method cannot answer for this design.

    Notes
    -----
    ``ancombc2`` is scikit-bio's ANCOM-BC2 [2]_ without random effects; ``dirmult`` its Welch test over
    Dirichlet draws, close to ALDEx2 [3]_, which takes no covariates; ``dirmult_lme`` adds a random intercept
    for one grouping, with normal statistics, which reject too often when subjects are few. ``clr`` compares
    centred log-ratios: by Welch's test, by least squares with covariates, or by a mixed model with nested
    random intercepts of cluster and subject, whose t-tests take their degrees of freedom from the level at
    which the treatment varies.

    ANCOM-BC2's own default is to add nothing. Its standard errors are then too small for taxa that many
    samples lack: in simulated studies without an effect some taxon had q <= .05 in .08, .43, .68 of them at
    10, 20 and 50 an arm (see `TaxaEndpoint`); with 0.5 added in .04, .01 and 0.

    Samples that share a subject or cluster are not independent. The first two methods refuse them, unless
    ``ancombc2`` has that column among its covariates. Where a treatment changes within subjects, the samples
    of a subject under one treatment count as one unit, for subjects may answer differently [5]_; changes from
    baseline are one number a subject. Methods disagree [4]_: choose one before looking.

    Effects of ``dirmult``, ``dirmult_lme`` and ``clr`` are relative to the geometric mean of the tested
    features, and those of ``ancombc2`` to what most features do. None is a change in absolute load.

    References
    ----------
    .. [1] Benjamini Y, Hochberg Y 1995, J R Stat Soc B 57:289, doi:10.1111/j.2517-6161.1995.tb02031.x
    .. [2] Lin H, Peddada SD 2024, Nat Methods 21:83, doi:10.1038/s41592-023-02092-7
    .. [3] Fernandes AD et al. 2014, Microbiome 2:15, doi:10.1186/2049-2618-2-15
    .. [4] Nearing JT et al. 2022, Nat Commun 13:342, doi:10.1038/s41467-022-28034-z
    .. [5] Schielzeth H, Forstmeier W 2009, Behav Ecol 20:416, doi:10.1093/beheco/arn145

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> table = pd.DataFrame(
    ...     [[90, 40, 60], [80, 45, 70], [95, 50, 55], [20, 50, 60], [15, 40, 75], [25, 45, 65]],
    ...     index=["a", "b", "c", "d", "e", "f"], columns=["x", "y", "z"])
    >>> metadata = pd.DataFrame({"drug": ["no"] * 3 + ["yes"] * 3}, index=table.index)
    >>> result = an.differential_abundance(an.Study.from_frame(table, metadata), "drug", "no", method="clr")
    >>> result.table[["feature", "effect", "q_value"]].round(3)
      feature  effect  q_value
    0       x  -1.016    0.004
    1       y   0.469    0.004
    2       z   0.547    0.015
    """
    check_study(study, CALL)
    _check_arguments(method, compare, fdr, missing, min_prevalence, pseudocount, draws, alpha, seed)
    covariates = as_texts(covariates, "covariates", CALL, "a column's name, or a list of names")
    if rank is not None:
        study = study.collapse(rank)
    layout = lay_out(study, treatment, reference, covariates, subject, cluster, compare, missing)
    _check_method(study, layout, method)
    table, prevalence, skipped = _tested(study, layout, min_prevalence)
    added = _added(table, study, pseudocount)
    if method == "ancombc2":
        found = ancombc2(table, layout, added)
    elif method == "clr":
        found = clr_models(table, layout, added)
    else:
        found = (dirmult if method == "dirmult" else dirmult_lme)(table, layout, added, draws, seed)
    order = table.columns.get_indexer([name for name in study.feature_ids if name in table.columns])
    result = _as_table(found, table, layout, prevalence, order, fdr)
    return DifferentialAbundance(
        table=result,
        method=method,
        model=f"{found.model}; {layout.counted()}"
        + (f"; {len(layout.left_out)} samples left out" if layout.left_out else ""),
        effect_unit=f"natural log of the fold change, arm over {layout.arms[0]}",
        interval=found.interval,
        fdr=fdr,
        alpha=alpha,
        n_tested=int(result.loc[result["p_value"].notna(), "feature"].nunique()),
        skipped=skipped,
        left_out=layout.left_out,
    )


def adjust(p_values: np.ndarray, fdr: str) -> np.ndarray:
    """Adjust the p-values of one family; NaN stays NaN and does not count.

    Examples
    --------
    >>> adjust(np.array([0.01, np.nan, 0.04, 0.03]), "bh")
    array([0.03,  nan, 0.04, 0.04])
    >>> adjust(np.array([0.01, 0.04, 0.03]), "holm")
    array([0.03, 0.06, 0.06])
    """
    known = np.isfinite(p_values)
    result = np.full(len(p_values), np.nan)
    if not known.any():
        return result
    p = p_values[known]
    if fdr == "holm":
        order = np.argsort(p, kind="stable")
        stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
        adjusted = np.empty_like(p)
        adjusted[order] = np.minimum(stepped, 1.0)
        result[known] = adjusted
    else:
        result[known] = stats.false_discovery_control(p, method=fdr)
    return result


def _check_arguments(
    method: str,
    compare: str,
    fdr: str,
    missing: str,
    min_prevalence: float,
    pseudocount: float | None,
    draws: int,
    alpha: float,
    seed: int,
) -> None:
    """Refuse arguments out of range, all at once."""
    faults = Faults(CALL, ParameterError)
    for name, value, known in (
        ("method", method, METHODS),
        ("compare", compare, _COMPARE),
        ("fdr", fdr, _FDR),
        ("missing", missing, _MISSING),
    ):
        if not is_one_of(value, known):
            faults.add(f"{value!r} is not known", where=f"{name}=", remedy=did_you_mean(value, known))
    check_number(faults, "min_prevalence", min_prevalence, lambda x: 0 <= x <= 1, "a share from 0 to 1")
    check_number(faults, "alpha", alpha, lambda x: 0 < x < 1, "a level between 0 and 1")
    check_count(faults, "draws", draws, 1, "draws")
    check_seed(faults, seed)
    sound = pseudocount is None or check_number(
        faults, "pseudocount", pseudocount, lambda x: x >= 0, "a number of 0 or more"
    )
    if sound and pseudocount == 0 and is_one_of(method, METHODS[1:]):
        faults.add("0 has no logarithm", where="pseudocount=", expected=f"more than 0 for method={method!r}")
    faults.raise_if_any()


def _check_method(study: Study, layout: Layout, method: str) -> None:
    """Refuse what a method cannot do: fractions, covariates, samples that belong together, changes."""
    faults = Faults(f"{CALL}, {study.source.name}, method={method!r}", DesignError)
    names = " and ".join(map(repr, layout.groups))
    if study.kind != "counts" and method != "clr":
        faults.add(
            "the table holds fractions",
            expected="read counts, which tell a zero of 100 reads from a zero of 100,000",
            remedy="give the counts, or use method='clr'",
        )
    if method == "dirmult" and len(layout.covariates.columns):
        faults.add("it takes no covariates", remedy="use method='ancombc2' or 'clr'")
    if method in ("ancombc2", "dirmult") and layout.changes is not None:
        faults.add(
            "it compares arms at one time, and here are baseline and follow-up",
            remedy="use method='clr', or keep one follow-up sample of each subject with study.select",
        )
    elif method in ("ancombc2", "dirmult") and layout.groups:
        inside = method == "ancombc2" and not constant_within(
            layout.arm, next(reversed(layout.groups.values()))
        )
        faults.add(
            f"several samples share a value of {names}, and this method takes samples as independent",
            expected=f"one sample for each value of {names}",
            remedy="use method='clr' (or 'dirmult_lme'), or keep one sample of each with study.select"
            + (f"; or method='ancombc2' with {names} among the covariates" if inside else ""),
        )
    if method == "dirmult_lme":
        _check_single_grouping(layout, names, faults)
    faults.raise_if_any()


def _check_single_grouping(layout: Layout, names: str, faults: Faults) -> None:
    """Note what dirmult_lme, with one random intercept, cannot follow."""
    if layout.changes is None and len(layout.groups) != 1:
        faults.add(
            f"it has a random intercept for one grouping, and {len(layout.groups)} are shared by samples"
            + (f": {names}" if names else ""),
            expected="subject= or cluster= of which some values have several samples",
            remedy="use method='clr'" if layout.groups else "use method='dirmult' or 'clr'",
        )
    if layout.changes is not None and (
        layout.changes.layout.groups
        or len(layout.covariates.columns)
        or len(layout.row_ids) != 2 * len(layout.changes.weights)
    ):
        faults.add(
            "for changes it takes one baseline and one follow-up sample of each subject, no cluster and no "
            "covariates",
            expected=f"{2 * len(layout.changes.weights)} samples of {len(layout.changes.weights)} subjects",
            remedy="use method='clr'",
        )


def _tested(
    study: Study, layout: Layout, min_prevalence: float
) -> tuple[pd.DataFrame, pd.Series, tuple[str, ...]]:
    """Return the table to test (features by id, as draws depend on the order), prevalences, and the rest."""
    counts = study.counts[study.sample_ids.get_indexer(layout.row_ids)]
    prevalence = pd.Series((counts > 0).sum(axis=0) / counts.shape[0], index=study.feature_ids)
    kept = (prevalence >= min_prevalence) & (prevalence > 0)
    skipped = tuple(study.feature_ids[~kept])
    if kept.sum() < 2:
        raise one_fault(
            TableError,
            f"{CALL}, {study.source.name}",
            f"{kept.sum()} of {len(kept)} features are in {min_prevalence:.0%} of the samples or more",
            expected="two features or more: abundances are relative to each other",
            remedy="lower min_prevalence, or collapse to a higher rank",
        )
    names = sorted(study.feature_ids[kept])
    columns = study.feature_ids.get_indexer(names)
    table = pd.DataFrame(counts[:, columns].toarray(), index=layout.row_ids, columns=names)
    empty = table.index[table.sum(axis=1) == 0]
    if len(empty):
        raise one_fault(
            TableError,
            f"{CALL}, {study.source.name}",
            f"{len(empty)} sample(s) have none of the {len(names)} features that are tested: {listed(empty)}",
            remedy="leave these samples out with study.select, or lower min_prevalence",
        )
    return table, prevalence, skipped


def _added(table: pd.DataFrame, study: Study, pseudocount: float | None) -> float:
    """Return what is added to each number."""
    if pseudocount is not None:
        return float(pseudocount)
    if study.kind == "counts":
        return HALF_A_READ
    values = table.to_numpy()
    return float(values[values > 0].min() / 2)


def _as_table(
    found: Estimates, table: pd.DataFrame, layout: Layout, prevalence: pd.Series, order: np.ndarray, fdr: str
) -> pd.DataFrame:
    """Return this project's columns, features in the study's order, one block for each contrast."""
    absent = np.array([(table.to_numpy()[layout.arm == k] == 0).all(axis=0) for k in range(len(layout.arms))])
    blocks = []
    for k, arm in enumerate(layout.arms[1:]):
        zero = np.where(absent[0], layout.arms[0], np.where(absent[k + 1], arm, ""))
        block = {
            "feature": table.columns,
            "effect": found.effect[k],
            "ci_low": found.low[k],
            "ci_high": found.high[k],
            "p_value": found.p[k],
            "q_value": adjust(found.p[k], fdr),
            "prevalence": prevalence[table.columns].to_numpy(),
            "contrast": f"{arm} - {layout.arms[0]}",
            "structural_zero": zero,
        }
        blocks.append(pd.DataFrame(block, columns=list(COLUMNS)).iloc[order])
    return pd.concat(blocks, ignore_index=True)
