"""The models that compare two arms, and which of them a design asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.comparison.inference import Alternative, Pivot, Rearrangement, StudentT, ols, ols_unpooled
from analysis.comparison.layout import WHERE, Layout
from analysis.comparison.mixed import NestedModel
from analysis.comparison.permutation import arrange, exchangeable_units
from analysis.errors import DesignError, listed, one_fault

_MANY_UNITS = 10  # per arm; from here REML finds the units' variance well enough to weigh them by it
_WELCH_CLUSTERS = 3  # per arm; with fewer, Welch's degrees of freedom are too unsteady
_ANCOVA_UNITS = 3  # per arm; with fewer, the slope on the baseline costs more than it gives

# The methods that answer a design, the default first; keys: where the treatment varies, is there a baseline.
_FITTING = {
    ("parallel", False): ("welch", "mixed"),
    ("parallel", True): ("ancova", "ancova_welch", "change", "mixed"),
    ("paired", False): ("paired", "mixed"),
    ("cluster", False): ("cluster_means", "cluster_mixed", "cluster_permutation", "welch"),
    ("cluster", True): ("ancova", "ancova_welch", "change", "cluster_mixed", "cluster_permutation"),
    ("blocked", False): ("blocked",),
    ("blocked", True): ("blocked",),
}


@dataclass(frozen=True)
class Model:
    """What is to be fitted.

    Attributes
    ----------
    method : str
        Its name.
    why : str
        Where the treatment varies, what is therefore the unit, and why this method.
    unit : {"sample", "subject", "cluster"}
        What counts as independent.
    """

    method: str
    why: str
    unit: str


@dataclass(frozen=True)
class Draws:
    """How the permutation test goes about it: two-sided or not, significance level, arrangements and seed."""

    alternative: Alternative
    alpha: float
    permutations: int
    seed: int


def choose(layout: Layout, asked: str | None) -> Model:
    """Pick the model that fits the design, or check the one that was asked for.

    Parameters
    ----------
    layout : Layout
        The design.
    asked : str or None
        A method's name.

    Raises
    ------
    DesignError
        Where the method does not fit the design, or an arm has fewer than two units.
    """
    fitting = _FITTING[layout.kind, layout.baseline is not None]
    if layout.kind == "paired" and layout.clustered:
        fitting = ("paired",)
    cluster = repr(layout.roles.cluster)
    within = "sample" if layout.roles.subject is None else "subject"
    where, unit = {
        "parallel": (f"each {within} is in one arm", within),
        "paired": ("the treatment varies within subjects", "cluster" if layout.clustered else "subject"),
        "cluster": (f"the treatment is constant within {cluster}, which is thus the unit", "cluster"),
        "blocked": (f"the arms are mixed within {cluster}, which is thus a block", within),
    }[layout.kind]
    if asked is not None and asked not in fitting:
        baseline = ", and a baseline is given" if layout.baseline is not None else ""
        raise one_fault(
            DesignError,
            WHERE,
            f"{asked!r} does not fit the design: {where}{baseline}",
            where="method=",
            remedy=f"these fit: {listed(fitting)}",
        )
    _check_units(layout, unit)
    method, because = (asked, "the method was asked for") if asked else _default(layout, fitting[0])
    return Model(method, f"{where}; {because}", unit)


def fit(layout: Layout, model: Model, draws: Draws) -> Pivot:
    """Fit a model and return the difference of the arms, level less reference.

    Raises
    ------
    DesignError
        Where too few units remain, or the values do not vary.
    """
    if model.method == "cluster_permutation":
        pivot: Pivot = _cluster_permutation(layout, draws)
    else:
        pivot = _FITS[model.method](layout)
    scale = float(layout.after["value"].abs().max())
    if not pivot.standard_error > 1e-12 * scale:
        raise one_fault(
            DesignError,
            WHERE,
            f"the values do not vary between the {model.unit}s of an arm",
            expected="values that differ, so that an error can be estimated",
            remedy="check the values: the same number may stand for all samples",
        )
    return pivot


def _default(layout: Layout, first: str) -> tuple[str, str]:
    """Return the default method of a design and the reason for it."""
    if layout.kind == "paired":
        averaged = ", averaged by cluster" if layout.clustered else ""
        return first, f"differences within subjects{averaged}"
    if layout.kind == "blocked":
        return first, "subjects are compared within it"
    units = layout.units
    fewest = int(units["arm"].value_counts().min())
    if layout.baseline is not None:
        if fewest < _ANCOVA_UNITS:
            return "change", f"the baseline is known, but {fewest} units in an arm cannot carry its slope"
        if 2 * fewest < len(units):
            return "ancova_welch", "the baseline is taken out; unequal arms, so that spreads are not pooled"
        return first, "the baseline is known and taken out"
    return _default_of_means(layout, first, fewest)


def _default_of_means(layout: Layout, first: str, fewest: int) -> tuple[str, str]:
    """Return the default where nothing but the values under treatment is known."""
    units, sizes = layout.units, layout.units["n_samples"]
    if sizes.min() < sizes.max() and fewest >= _MANY_UNITS:
        mixed = "cluster_mixed" if layout.kind == "cluster" else "mixed"
        span = f"{sizes.min()} to {sizes.max()} samples"
        return mixed, f"{len(units)} units have {span} and are weighed accordingly"
    if layout.kind == "cluster" and fewest >= _WELCH_CLUSTERS and 2 * fewest < len(units):
        return "welch", "the arms have unequal numbers of clusters, so that spreads are not pooled"
    averaged = f"{sizes.sum()} samples are averaged to {len(units)} units"
    return first, averaged if sizes.max() > 1 else "one value a unit"


def _check_units(layout: Layout, unit: str) -> None:
    """Refuse designs in which a treatment cannot be told from the one unit that had it."""
    if layout.kind == "blocked":
        return  # some cluster holds both arms, or this would be no blocked design
    name = repr(layout.roles.cluster) if unit == "cluster" else unit
    if layout.kind == "paired":
        table = layout.differences()
        number = table["cluster"].nunique() if layout.clustered else len(table)
        found = f"{number} {name}(s) in both conditions"
    else:
        counts = layout.per_arm("cluster" if unit == "cluster" else "subject")
        number = min(counts.values())
        found = "; ".join(f"{n} {name}(s) with {arm!r}" for arm, n in counts.items())
    if number < 2:
        raise one_fault(
            DesignError,
            WHERE,
            f"too few units: {found}",
            expected="at least 2 in each arm, or the treatment cannot be told from the unit that had it",
            remedy="add units; more samples of the same unit do not help",
        )


def _columns(*columns: object, n: int) -> np.ndarray:
    return np.column_stack([np.ones(n), *(np.asarray(column, dtype=float) for column in columns)])


def _welch_of(units: pd.DataFrame) -> StudentT:
    return ols_unpooled(units["value"].to_numpy(), _columns(units["arm"], n=len(units)))


def _pooled_of(units: pd.DataFrame) -> StudentT:
    return ols(units["value"].to_numpy(), _columns(units["arm"], n=len(units)))


def _welch(layout: Layout) -> StudentT:
    return _welch_of(layout.units)


def _cluster_means(layout: Layout) -> StudentT:
    return _pooled_of(layout.units)


def _change(layout: Layout) -> StudentT:
    units = layout.units
    units = units.assign(value=units["value"] - units["baseline"])
    return _pooled_of(units) if layout.kind == "cluster" else _welch_of(units)


def _ancova(layout: Layout) -> StudentT:
    units = layout.units
    return ols(units["value"].to_numpy(), _columns(units["baseline"], units["arm"], n=len(units)))


def _ancova_welch(layout: Layout) -> StudentT:
    units = layout.units
    return ols_unpooled(units["value"].to_numpy(), _columns(units["baseline"], units["arm"], n=len(units)))


def _paired(layout: Layout) -> StudentT:
    table = layout.differences()
    values = table.groupby("cluster")["value"].mean() if layout.clustered else table["value"]
    return ols(values.to_numpy(), np.ones((len(values), 1)))


def _blocked(layout: Layout) -> StudentT:
    table = layout.subjects
    blocks = pd.get_dummies(table["cluster"], dtype=float).to_numpy()
    baseline = [] if layout.baseline is None else [table["baseline"].to_numpy()]
    return ols(table["value"].to_numpy(), np.column_stack([blocks, *baseline, table["arm"].to_numpy()]))


def _mixed(layout: Layout) -> StudentT:
    if layout.baseline is not None:
        return _arm_by_phase(layout)
    samples = layout.after
    groups = [samples["subject"]]
    subjects = samples["subject"].nunique()
    df = subjects - 2
    if layout.kind == "paired":
        # Where a subject has repeats in a condition, what is its own in that condition is random as well.
        groups += _within(samples["subject"] + "\t" + samples["arm"].astype(str))
        df = len(layout.differences()) - 1
    return _random_intercepts(samples["value"], _columns(samples["arm"], n=len(samples)), groups, df)


def _arm_by_phase(layout: Layout) -> StudentT:
    """Fit the change over time by arm; the contrast is how much more the level changed than the reference."""
    samples = layout.samples
    arm = samples["subject"].map(layout.after.groupby("subject")["arm"].first())
    phase = samples["follow_up"].astype(int)
    if samples.empty or phase.min() == 1:
        raise one_fault(
            DesignError,
            WHERE,
            "baseline values that are no samples have no place in a mixed model of the samples",
            where="method='mixed'",
            remedy="name the baseline by its times, or use method='ancova'",
        )
    groups = [samples["subject"], *_within(samples["subject"] + "\t" + phase.astype(str))]
    x = _columns(arm, phase, arm * phase, n=len(samples))
    return _random_intercepts(samples["value"], x, groups, len(layout.baseline) - 2)


def _cluster_mixed(layout: Layout) -> StudentT:
    if layout.baseline is not None:
        table = layout.subjects
        x = _columns(table["baseline"], table["arm"], n=len(table))
        return _random_intercepts(table["value"], x, [table["cluster"]], table["cluster"].nunique() - 2)
    samples = layout.after
    several = samples["subject"].nunique() > samples["cluster"].nunique()
    groups = [samples["cluster"], *(_within(samples["subject"]) if several else [])]
    df = samples["cluster"].nunique() - 2
    return _random_intercepts(samples["value"], _columns(samples["arm"], n=len(samples)), groups, df)


def _within(labels: pd.Series) -> list[pd.Series]:
    """Return an inner grouping where it can be told from the residual, as a list of one or none."""
    return [labels] if labels.duplicated().any() else []


def _random_intercepts(y: pd.Series, x: np.ndarray, groups: list[pd.Series], df: int) -> StudentT:
    """Fit by REML; the last column's coefficient, on between-units degrees of freedom."""
    if not groups[0].duplicated().any() or df < 1:
        raise one_fault(
            DesignError,
            WHERE,
            f"{groups[0].nunique()} units with {len(y)} samples cannot carry a random intercept a unit",
            expected="more samples than units, and more units than the model has effects between them",
            remedy="use the default method",
        )
    fitted = NestedModel(y.to_numpy(), x, *groups).fit()
    weights = np.zeros(x.shape[1])
    weights[-1] = 1.0
    return StudentT(*fitted.contrast(weights), float(df))


def _cluster_permutation(layout: Layout, draws: Draws) -> Rearrangement:
    units = layout.units
    arms = pd.Series(np.where(units["arm"] == 1, "1", "0"), index=units.index, name=layout.roles.treatment)
    exchangeable = exchangeable_units(arms)
    two_sided = draws.alternative == "two-sided"
    equivalent = exchangeable.n_equivalent if two_sided else 1
    smallest = equivalent / exchangeable.n_arrangements
    if smallest > draws.alpha:
        raise one_fault(
            DesignError,
            WHERE,
            f"{len(units)} whole clusters can be rearranged in {exchangeable.n_arrangements} ways: the "
            f"smallest p ({draws.alternative}) is {smallest:.3g}, above {draws.alpha:.3g}",
            where="method='cluster_permutation'",
            expected="clusters enough for a p below 1 - conf_level; 4 an arm for .05, two-sided",
            remedy="method='cluster_means' has no such floor, but supposes normal cage means",
        )
    labels = arrange(exchangeable, draws.permutations, draws.seed).labels
    covariates = [units["baseline"]] if layout.baseline is not None else []
    return Rearrangement(units["value"].to_numpy(), _columns(*covariates, n=len(units)), labels)


_FITS: dict[str, Callable[[Layout], StudentT]] = {
    "welch": _welch,
    "mixed": _mixed,
    "paired": _paired,
    "ancova": _ancova,
    "ancova_welch": _ancova_welch,
    "change": _change,
    "cluster_means": _cluster_means,
    "cluster_mixed": _cluster_mixed,
    "blocked": _blocked,
}
METHODS = (*_FITS, "cluster_permutation")
