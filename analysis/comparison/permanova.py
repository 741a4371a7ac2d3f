"""PERMANOVA that follows the design: what is permuted is what was assigned."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from analysis.arguments import check_choice, check_number
from analysis.comparison.dispersion import permdisp
from analysis.comparison.distances import align, is_number
from analysis.comparison.label_plan import LabelPlan, centred, orthonormal, p_values
from analysis.comparison.permutation import Units, arrange, check_reach, exchangeable_units, in_words
from analysis.errors import DesignError, Faults, ParameterError, listed, one_fault
from analysis.study import metadata_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from skbio import DistanceMatrix

    from analysis.study import Study


class Term(NamedTuple):
    """One line of the model.

    Attributes
    ----------
    name : str
        A covariate, the factor, "Residual" or "Total".
    df : int
        Degrees of freedom.
    sum_of_squares : float
        Its share of the sum of squared distances to the centroid, in squared units of the distances.
    """

    name: str
    df: int
    sum_of_squares: float


@dataclass(frozen=True)
class Permanova:
    """Result of `permanova`.

    Attributes
    ----------
    factor : str
        The column tested.
    pseudo_f, r_squared, omega_squared : float
        Pseudo-F; share of the total sum of squares; the same with the share expected by chance taken off.
    p_value : float
        Share of the arrangements that reach the observed pseudo-F, the observed one included.
    smallest_p : float
        The smallest p that the design can reach.
    n_permutations : int
        Number of distinct arrangements of the labels that the design allows.
    permutations : int
        Number of arrangements looked at, beside the observed one.
    exact : bool
        Whether those are all there are.
    dispersion_f, dispersion_p : float
        PERMDISP of the groups under the same permutations; NaN for a numeric factor.
    scheme, model : str
        What was exchanged, and what was fitted, in words.
    terms : tuple of Term
        The covariates, the factor, what is left over, and the total.
    """

    factor: str
    pseudo_f: float
    r_squared: float
    omega_squared: float
    p_value: float
    smallest_p: float
    n_permutations: int
    permutations: int
    exact: bool
    dispersion_f: float
    dispersion_p: float
    scheme: str
    model: str
    terms: tuple[Term, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a row a term; covariates have no p, for the permutations move the factor alone."""
        frame = pd.DataFrame(self.terms).set_index(pd.Index([term.name for term in self.terms], name="term"))
        frame = frame[["df", "sum_of_squares"]]
        frame["r_squared"] = frame["sum_of_squares"] / self.terms[-1].sum_of_squares
        residual = self.terms[-2].sum_of_squares / self.terms[-2].df
        frame["pseudo_f"] = frame["sum_of_squares"] / frame["df"] / residual
        frame.iloc[-2:, frame.columns.get_loc("pseudo_f")] = np.nan
        for name in ("pseudo_f", "omega_squared", "p_value", "smallest_p", "dispersion_p"):
            frame.loc[self.factor, name] = getattr(self, name)
        return frame

    def __repr__(self) -> str:
        """Return the figures as text; a number of arrangements may be too long to print in full."""
        return (
            f"PERMANOVA: {self.model}\n"
            f"pseudo-F = {self.pseudo_f:.6g}, R2 = {self.r_squared:.4g}, omega2 = {self.omega_squared:.4g}, "
            f"p = {self.p_value:.4g} (smallest possible {self.smallest_p:.3g})\n"
            f"PERMDISP: F = {self.dispersion_f:.4g}, p = {self.dispersion_p:.4g}\n"
            f"{self.scheme}"
        )

    def _repr_html_(self) -> str:
        table = self.to_frame().to_html(na_rep="", float_format="{:.4g}".format)
        return f"<p>PERMANOVA: {html.escape(self.model)}</p>{table}<p>{html.escape(self.scheme)}.</p>"


def permanova(
    distances: DistanceMatrix | pd.DataFrame | np.ndarray,
    metadata: pd.DataFrame | Study,
    factor: str | ArrayLike,
    blocks: str | ArrayLike | None = None,
    plots: str | ArrayLike | None = None,
    permutations: int = 999,
    seed: int = 0,
    *,
    covariates: str | Sequence[Any] = (),
    by: Literal["terms", "margin"] = "terms",
    alpha: float | None = 0.05,
) -> Permanova:
    """Test whether communities differ with a factor, exchanging what the design allows to be exchanged.

    Parameters
    ----------
    distances : skbio.DistanceMatrix, pandas.DataFrame or numpy.ndarray, shape (n_samples, n_samples)
        Distances between samples. An array takes its ids from the rows of the metadata.
    metadata : pandas.DataFrame or Study
        Indexed by sample id; of a study its metadata. Every sample with distances needs a row; further rows
        are not looked at.
    factor : str or array-like
        The column tested, or a value for each row of the metadata (a Series is matched by its index).
        Numbers enter as a slope (1 degree of freedom), all else as categories, as in R: turn numbers that
        are codes into text first.
    blocks : str or array-like, optional
        Permute within each: for what varies within a subject, or with batches. Where a subject gave several
        samples under one level, name those together as a plot as well (``plots=`` subject and level): they
        share the subject's own response, and exchanged one by one they reject far too often.
    plots : str or array-like, optional
        Permute whole units: for what is given to a cage or a subject. They may hold different numbers of
        samples. With `blocks`, whole units are exchanged within their block.
    permutations : int, default 999
        Random arrangements beside the observed one. Designs with at most 5,000 distinct arrangements, or no
        more than are asked for, are enumerated in full instead, and p is exact.
    seed : int, default 0
        Start of the random draws. Samples are taken in the order of their ids, so that the result does not
        depend on the order of the rows. Renamed levels of the factor keep it too; other names of samples,
        blocks or plots are another draw where p is not exact.
    covariates : str or sequence, optional
        Columns (or array-likes) taken out before the factor.
    by : {"terms", "margin"}, default "terms"
        How the sums of squares of the covariates are reported: each after those before it, or each after all
        other terms. The factor comes after all covariates in either case.
    alpha : float or None, default 0.05
        A design that cannot reach this p is refused. None: never refuse for this reason.

    Returns
    -------
    Permanova
        Pseudo-F, R2, omega squared, p, the smallest p possible, PERMDISP, and the scheme in words.

    Raises
    ------
    ParameterError, DistanceError, IdError, MetadataError
        On impossible arguments, distances, ids that do not match, unknown columns and missing values.
    DesignError
        Where the factor has one level, no allowed permutation can move it, it varies within whole units, it
        cannot be told from the covariates, or the smallest possible p is above alpha.

    Notes
    -----
    Pseudo-F is that of Anderson [1]_ and of vegan's ``adonis2``. Labels are exchanged and covariates stay
    with their samples, which is exact where labels were assigned at random. ``adonis2`` exchanges samples
    against factor and covariates together: the same without covariates, or with covariates that are constant
    within blocks, and cautious where covariates matter much.

    Where group sizes differ, a difference in spread alone can give a small p (the wider group the smaller) or
    hide a shift (the wider group the larger): read it with ``dispersion_p``.

    Omega squared is that of Kelly et al. [2]_: ``(SS - q * noise) / (SS_total + noise)``, with q the factor's
    degrees of freedom and noise the residual mean square. Arrangements whose share of the sum of squares lies
    within 1e-10 of the observed one are ties.

    References
    ----------
    .. [1] Anderson MJ (2001). A new method for non-parametric multivariate analysis of variance. Austral Ecol
       26:32-46. doi:10.1111/j.1442-9993.2001.01070.pp.x
    .. [2] Kelly BJ et al. (2015). Power and sample-size estimation for microbiome studies using pairwise
       distances and PERMANOVA. Bioinformatics 31:2461-2468. doi:10.1093/bioinformatics/btv183

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import analysis as an
    >>> position = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 8.0, 9.0, 10.0])
    >>> mice = pd.DataFrame({"diet": list("aaaabbbb")}, index=[f"m{i}" for i in range(8)])
    >>> test = an.permanova(abs(position[:, None] - position), mice, "diet")
    >>> test.n_permutations, round(test.p_value, 4), round(test.smallest_p, 4)
    (70, 0.0286, 0.0286)
    """
    _check_arguments(permutations, seed, by, alpha)
    given = {"factor": factor, "blocks": blocks, "plots": plots}
    covariates = _as_list(covariates)
    given |= {f"covariates {number}": one for number, one in enumerate(covariates, start=1)}
    given = {role: one for role, one in given.items() if one is not None or role == "factor"}
    matrix, columns = align(distances, metadata_of(metadata, "permanova"), given, "permanova")
    others = {str(one.name): one for key, one in columns.items() if key.startswith("covariates")}
    if len(others) < len(covariates):
        raise one_fault(ParameterError, "permanova", "a covariate is named twice", where="covariates=")
    units = exchangeable_units(columns["factor"], columns.get("blocks"), columns.get("plots"))
    if alpha is not None:
        check_reach(units, units.smallest_p, alpha)
    arrangements = arrange(units, permutations, seed)
    if alpha is not None and not arrangements.exact:
        _check_number(permutations, alpha)
    nuisance = [_model_columns(one) for one in others.values()]
    plan = LabelPlan.of(units, arrangements, np.hstack(nuisance) if nuisance else None)
    smallest_p = float(plan.tied.mean()) if plan.exact else units.smallest_p
    _check_model(plan, others)
    if alpha is not None:
        check_reach(units, smallest_p, alpha)

    squared = np.square(matrix)
    shares = plan.shares(squared)
    terms = _terms(centred(squared), plan, others, by, float(shares[0]))
    effect, residual, total = terms[-3:]
    chance = residual.sum_of_squares / residual.df
    spread = (np.nan, np.nan)
    if not units.numeric:
        spread = permdisp(matrix, LabelPlan.of(units, arrangements) if others else plan)[1:]
    drawn = f"all {len(plan.labels):,}" if plan.exact else f"{permutations:,} drawn of"
    count = "" if plan.exact else f" {in_words(units.n_arrangements)}"
    return Permanova(
        factor=units.factor,
        pseudo_f=float(plan.pseudo_f(shares[:1])[0]),
        r_squared=effect.sum_of_squares / total.sum_of_squares,
        omega_squared=(effect.sum_of_squares - effect.df * chance) / (total.sum_of_squares + chance),
        p_value=float(p_values(shares)),
        smallest_p=smallest_p,
        n_permutations=units.n_arrangements,
        permutations=len(plan.labels) - 1,
        exact=plan.exact,
        dispersion_f=spread[0],
        dispersion_p=spread[1],
        scheme=f"{units.scheme}; {drawn}{count} arrangements{_repeats(columns)}",
        model=_in_words(units, others, by),
        terms=terms,
    )


def _repeats(columns: dict[str, pd.Series]) -> str:
    """Warn in words where samples of one block and level are exchanged one by one."""
    if "blocks" not in columns or "plots" in columns:
        return ""
    together = pd.Series(list(zip(columns["blocks"], columns["factor"], strict=True)))
    if not together.duplicated().any():
        return ""
    return (
        "; blocks hold several samples of one level, taken as independent: right for batches of separate "
        "subjects, too often significant for repeated samples of one subject (give plots= for these)"
    )


def _check_arguments(permutations: int, seed: int, by: str, alpha: float | None) -> None:
    faults = Faults("permanova", ParameterError)
    for name, value, least in (("permutations", permutations, 1), ("seed", seed, 0)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < least:
            faults.add(f"{name}={value!r}", expected=f"a whole number of {least} or more")
    check_choice(faults, "by", by, ("terms", "margin"))
    if alpha is not None:
        check_number(faults, "alpha", alpha, lambda x: 0 < x < 1, "a number between 0 and 1, or None")
    faults.raise_if_any()


def _as_list(covariates: object) -> list[Any]:
    """Return one covariate or several as a list."""
    if isinstance(covariates, str | pd.Series | np.ndarray):
        return [covariates]
    if isinstance(covariates, list | tuple | pd.Index):
        return list(covariates)
    raise one_fault(
        ParameterError,
        "permanova",
        f"a {type(covariates).__name__}",
        where="covariates=",
        expected="a column's name or values, or a list of these",
    )


def _check_number(permutations: int, alpha: float) -> None:
    """Refuse fewer random draws than alpha asks for."""
    least = int(np.ceil(1 / alpha - 1e-9)) - 1
    if permutations < least:
        raise one_fault(
            ParameterError,
            "permanova",
            f"permutations={permutations}: p cannot fall below {1 / (permutations + 1):.3g}",
            expected=f"at least {least} for alpha = {alpha:g}",
            remedy="ask for 999 or more",
        )


def _model_columns(values: pd.Series) -> np.ndarray:
    """Write a covariate as columns: a number as itself, a category as its levels but one."""
    if is_number(values):
        column = values.to_numpy(dtype=float)[:, None]
        return column - column.mean()
    return pd.get_dummies(values.astype(str), drop_first=True).to_numpy(dtype=float)


def _check_model(plan: LabelPlan, covariates: dict[str, pd.Series]) -> None:
    faults = Faults(f"testing {plan.units.factor!r}", DesignError)
    before = np.ones((len(plan.units.of_sample), 1))
    rank = 1
    for name, values in covariates.items():
        before = np.hstack([before, _model_columns(values)])
        if orthonormal(before).shape[1] == rank:
            faults.add(
                f"covariate {name!r} adds nothing to the terms before it",
                where="covariates=",
                expected="columns that vary and say something new",
                remedy="leave it out",
            )
        rank = orthonormal(before).shape[1]
    if plan.df == 0:
        faults.add(
            f"{plan.units.factor!r} cannot be told from the covariates {listed(covariates)}",
            where="covariates=",
            expected="a factor that varies among samples alike in the covariates",
            remedy="leave out the covariate that says the same",
        )
    if plan.df_residual < 1:
        faults.add(
            f"the model has as many parameters as there are samples ({len(plan.units.of_sample)})",
            expected="samples left over to measure the noise",
            remedy="use fewer levels or covariates; a number takes one parameter, a category one a level",
        )
    faults.raise_if_any()


def _terms(
    gower: np.ndarray, plan: LabelPlan, covariates: dict[str, pd.Series], by: str, share: float
) -> tuple[Term, ...]:
    """Share the total sum of squares out among the terms."""

    def fitted(columns: list[np.ndarray]) -> tuple[int, float]:
        basis = orthonormal(np.hstack([np.ones((len(gower), 1)), *columns]))
        return basis.shape[1], float(np.einsum("ij,ij->", basis, gower @ basis))

    blocks = [_model_columns(values) for values in covariates.values()]
    total = float(np.trace(gower))
    left = total - fitted(blocks)[1]
    own = plan.units.codes[plan.units.of_sample]
    values = plan.units.levels[own]
    blocks.append(_model_columns(pd.Series(values)))
    terms = []
    for number, name in enumerate(covariates):
        without = blocks[:number] + (blocks[number + 1 :] if by == "margin" else [])
        with_it = blocks if by == "margin" else blocks[: number + 1]
        (rank, explained), (rank_without, explained_without) = fitted(with_it), fitted(without)
        terms.append(Term(name, rank - rank_without, explained - explained_without))
    return (
        *terms,
        Term(plan.units.factor, plan.df, share * left),
        Term("Residual", plan.df_residual, (1 - share) * left),
        Term("Total", len(gower) - 1, total),
    )


def _in_words(units: Units, covariates: dict[str, pd.Series], by: str) -> str:
    text = f"{units.factor} ({'a number' if units.numeric else f'{len(units.levels)} levels'})"
    if not covariates:
        return text
    names = [
        f"{name} ({'a number' if is_number(one) else f'{one.nunique()} levels'})"
        for name, one in covariates.items()
    ]
    order = "each after all other terms" if by == "margin" else "in this order"
    return f"{text} after {', '.join(names)}" + (f", {order}" if len(names) > 1 else "")
