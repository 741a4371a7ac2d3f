"""The methods of differential abundance: three of scikit-bio, and models of centred log-ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.comparison.mixed import NestedModel
from analysis.errors import AnalysisError, DesignError, one_fault
from analysis.taxa.layout import Layout, containment

LEVEL = 0.95  # of the intervals
_LOG2 = np.log(2.0)


@dataclass(frozen=True, eq=False)
class Estimates:
    """What a method found; arrays of shape (n_contrasts, n_features), NaN where nothing could be estimated.

    Attributes
    ----------
    effect, low, high : numpy.ndarray
        Natural logs of fold changes, with the limits of the interval.
    p : numpy.ndarray
        Two-sided p-values.
    model, interval : str
        What was fitted, and what the limits are.
    """

    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    model: str
    interval: str


def clr_models(table: pd.DataFrame, layout: Layout, pseudocount: float) -> Estimates:
    """Compare centred log-ratios: Welch's t, least squares, or a mixed model where samples share a group.

    Parameters
    ----------
    table : pandas.DataFrame, shape (n_samples, n_features)
        Counts or fractions, in the layout's order.
    layout : Layout
        The design.
    pseudocount : float
        Added to every number before the logarithm.

    Notes
    -----
    Changes are compared as one number a subject, its mean at follow-up less its mean at baseline: exact for
    complete data, and never more certain than the number of subjects allows.
    """
    logs = np.log(table.to_numpy(float) + pseudocount)
    ratios = logs - logs.mean(axis=1, keepdims=True)
    if layout.changes is not None:
        ratios, layout = layout.changes.weights @ ratios, layout.changes.layout
    if layout.groups:
        fitted = _mixed(ratios, layout)
        model = (
            f"mixed model with random intercepts of {', '.join(map(repr, layout.groups))} (REML; t-test with "
        )
        model += "degrees of freedom by level)"
    elif len(layout.covariates.columns):
        fitted, model = _least_squares(ratios, layout), "linear model (least squares)"
    else:
        fitted, model = _welch(ratios, layout), "Welch's t-test"
    effect, error, freedom = fitted
    error = np.where(
        error > 1e-12 * np.maximum(1.0, np.abs(effect)), error, np.nan
    )  # a feature that never varies
    margin = stats.t.ppf((1 + LEVEL) / 2, freedom) * error
    return Estimates(
        effect,
        effect - margin,
        effect + margin,
        2 * stats.t.sf(np.abs(effect / error), freedom),
        f"{model} of centred log-ratios, {pseudocount:.3g} added to each number",
        f"{LEVEL:.0%} confidence interval of each feature",
    )


def ancombc2(table: pd.DataFrame, layout: Layout, pseudocount: float) -> Estimates:
    """Run scikit-bio's ANCOM-BC2; see `clr_models` for the arguments."""
    from skbio.stats.composition import ancombc2 as run

    metadata, formula, labels = _formula(layout)
    result = _run(
        "ancombc2", lambda: run(table, metadata, formula, pseudocount=pseudocount, p_adjust=None)
    ).result
    _check_names("ancombc2", result.columns, ("Log(FC)", "SE", "W", "pvalue"))
    by_label = {label: result.xs(label, level="Covariate").loc[list(table.columns)] for label in labels}
    pick = lambda name: np.array([by_label[label][name].to_numpy(float) for label in labels])  # noqa: E731
    effect, error, p = pick("Log(FC)"), pick("SE"), pick("pvalue")
    counts = table.to_numpy(float) + pseudocount
    absent = np.array([(counts[layout.arm == k] == 0).all(axis=0) for k in range(len(layout.arms))])
    # A feature unseen in an arm has no fold change. With three arms scikit-bio, as R, would compare it with
    # another arm than the reference, without saying so.
    unknown = absent[0] | absent[1:] | ~np.isfinite(effect) | ~np.isfinite(error)
    x, _ = layout.design
    seen = counts > 0
    freedom = np.array([rows.sum() - np.linalg.matrix_rank(x[rows]) for rows in seen.T], dtype=float)
    freedom[freedom < 1] = np.nan
    effect, error, p = (np.where(unknown, np.nan, values) for values in (effect, error, p))
    unknown |= ~np.isfinite(2 * stats.t.sf(np.abs(effect / error), freedom))
    if not np.allclose(
        p[~unknown], (2 * stats.t.sf(np.abs(effect / error), freedom))[~unknown], rtol=1e-8, atol=1e-300
    ):
        raise one_fault(
            AnalysisError,
            "scikit-bio's ancombc2",
            "its p-values are not those of a t-test with the observed samples less the rank of the design",
            expected="the behaviour of scikit-bio 0.7.4",
            remedy="install scikit-bio 0.7.4, or use method='clr'",
        )
    margin = stats.t.ppf((1 + LEVEL) / 2, freedom) * error
    zeros = "zeros as not observed" if pseudocount == 0 else f"{pseudocount:.3g} added to each count"
    return Estimates(
        effect,
        effect - margin,
        effect + margin,
        np.where(unknown, np.nan, p),
        f"ANCOM-BC2 (scikit-bio), {zeros}, no pseudocount sensitivity filter",
        f"{LEVEL:.0%} confidence interval of each feature (t, from its standard error)",
    )


def dirmult(table: pd.DataFrame, layout: Layout, pseudocount: float, draws: int, seed: int) -> Estimates:
    """Run scikit-bio's dirmult_ttest for each arm against the reference; see `clr_models`."""
    from skbio.stats.composition import dirmult_ttest as run

    arms = np.array(layout.arms, dtype=object)[layout.arm]
    frames = []
    for treated in layout.arms[1:]:
        kept = (arms == treated) | (arms == layout.arms[0])
        frame = _run(
            "dirmult_ttest",
            lambda kept=kept, treated=treated: run(
                table[kept],
                pd.Series(arms[kept], index=table.index[kept]),
                treated,
                layout.arms[0],
                pseudocount=pseudocount,
                draws=draws,
                p_adjust=None,
                seed=seed,
            ),
        )
        _check_names("dirmult_ttest", frame.columns, ("Log2(FC)", "CI(2.5)", "CI(97.5)", "pvalue"))
        frames.append(frame.loc[list(table.columns)])
    return _from_log2(
        frames,
        f"Welch's t-test over {draws} Dirichlet draws (scikit-bio dirmult_ttest, as ALDEx2)",
        pseudocount,
    )


def dirmult_lme(table: pd.DataFrame, layout: Layout, pseudocount: float, draws: int, seed: int) -> Estimates:
    """Run scikit-bio's dirmult_lme with a random intercept; see `clr_models`."""
    from skbio.stats.composition import dirmult_lme as run

    metadata, formula, labels = _formula(layout)
    if layout.changes is None:
        (name, codes), *_ = layout.groups.items()
    else:
        name, codes = layout.changes.subject, layout.changes.codes
    result = _run(
        "dirmult_lme",
        lambda: run(
            table,
            metadata.assign(unit=codes),
            formula,
            "unit",
            pseudocount=pseudocount,
            draws=draws,
            p_adjust=None,
            seed=seed,
        ),
    )
    wanted = ("FeatureID", "Covariate", "Log2(FC)", "CI(2.5)", "CI(97.5)", "pvalue")
    _check_names("dirmult_lme", result.columns, wanted)
    frames = [
        result[result["Covariate"] == label].set_index("FeatureID").loc[list(table.columns)]
        for label in labels
    ]
    return _from_log2(
        frames,
        f"mixed model with a random intercept of {name!r} over {draws} Dirichlet draws "
        "(scikit-bio dirmult_lme; normal, not t, statistics)",
        pseudocount,
    )


def _from_log2(frames: list[pd.DataFrame], model: str, pseudocount: float) -> Estimates:
    """Bring the log2 fold changes of scikit-bio's dirmult functions to natural logs."""
    pick = lambda name: np.array([frame[name].to_numpy(float) for frame in frames])  # noqa: E731
    return Estimates(
        pick("Log2(FC)") * _LOG2,
        pick("CI(2.5)") * _LOG2,
        pick("CI(97.5)") * _LOG2,
        pick("pvalue"),
        f"{model}, {pseudocount:.3g} added to each count",
        "from the lowest to the highest limit of the 95% intervals of all draws: wider than 95%",
    )


def _welch(y: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effect, standard error and degrees of freedom of each arm against the reference."""
    groups = [y[layout.arm == k] for k in range(len(layout.arms))]
    means = [group.mean(axis=0) for group in groups]
    squares = [group.var(axis=0, ddof=1) / len(group) for group in groups]
    sizes = [len(group) for group in groups]
    effect, error, freedom = [], [], []
    for k in range(1, len(groups)):
        total = squares[k] + squares[0]
        spread = squares[k] ** 2 / (sizes[k] - 1) + squares[0] ** 2 / (sizes[0] - 1)
        effect.append(means[k] - means[0])
        error.append(np.sqrt(total))
        freedom.append(np.divide(total**2, spread, out=np.full_like(total, np.nan), where=spread > 0))
    return np.array(effect), np.array(error), np.array(freedom)


def _least_squares(y: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effect, standard error and degrees of freedom of the tested columns of the design."""
    x, tested = layout.design
    basis, triangle = np.linalg.qr(x)
    inverse = np.linalg.inv(triangle)
    freedom = len(x) - x.shape[1]
    residual = y - basis @ (basis.T @ y)
    spread = (inverse[tested] ** 2).sum(axis=1)
    error = np.sqrt(np.outer(spread, (residual**2).sum(axis=0) / freedom))
    return inverse[tested] @ (basis.T @ y), error, np.full_like(error, freedom)


def _mixed(y: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effect, standard error and degrees of freedom of the tested columns, with random intercepts."""
    x, tested = layout.design
    effect, error = np.full((2, len(tested), y.shape[1]), np.nan)
    for feature, values in enumerate(y.T):
        if np.ptp(values) < 1e-12:
            continue
        fit = NestedModel(values, x, *layout.groups.values()).fit()
        effect[:, feature] = fit.coefficients[tested]
        error[:, feature] = np.sqrt(np.diag(fit.covariance)[tested])
    return effect, error, np.broadcast_to(containment(layout)[:, None], error.shape)


def _formula(layout: Layout) -> tuple[pd.DataFrame, str, list[str]]:
    """Return metadata with plain column names, the formula over them, and the labels of the contrasts."""
    codes = [f"a{k}" for k in range(len(layout.arms))]
    columns = {"arm": pd.Categorical.from_codes(layout.arm, codes)}
    columns |= {f"x{k}": layout.covariates[name].array for k, name in enumerate(layout.covariates)}
    formula = " + ".join(columns)
    labels = [f"arm[T.{code}]" for code in codes[1:]]
    if layout.changes is not None:
        columns["after"] = layout.changes.after
        formula += " + after + arm:after"
        labels = [f"{label}:after" for label in labels]
    return pd.DataFrame(columns, index=layout.row_ids), formula, labels


def _run(name: str, call: Callable[[], Any]) -> Any:
    """Call scikit-bio, and say in this package's words where it gives up."""
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            return call()
    except (ValueError, np.linalg.LinAlgError) as error:
        raise one_fault(
            DesignError,
            f"scikit-bio's {name}",
            f"it could not fit this table: {error}",
            remedy="raise min_prevalence, collapse to a higher rank, or use method='clr'",
        ) from error


def _check_names(name: str, there: pd.Index, wanted: tuple[str, ...]) -> None:
    """Refuse a result whose columns were renamed."""
    unknown = [column for column in wanted if column not in there]
    if unknown:
        raise one_fault(
            AnalysisError,
            f"scikit-bio's {name}",
            f"its result has no column {', '.join(unknown)}; it has {', '.join(map(str, there))}",
            expected="the column names of scikit-bio 0.7.4",
            remedy="install scikit-bio 0.7.4",
        )
