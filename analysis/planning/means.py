"""Closed forms for the power of tests of means: pooled and Welch t, change, ANCOVA, paired, equivalence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import special, stats

from analysis.designs import Design
from analysis.errors import DesignError, ParameterError, one_fault
from analysis.planning.endpoints import MeanEndpoint

Tail = Literal["both", "one", "within"]

# Nodes of Gauss and Legendre, enough for eight digits or more:
_ANGLES = 20  # for the chance difference of the baselines
_RATIOS = 32  # for the ratio of the sample variances in Welch's test,
_RATIOS_OF_FEW = 128  # where an arm has fewer than five units
_SPREADS = 48  # for the estimated SD in an equivalence test
_TINY = 1e-14  # probability left out at each end


@dataclass(frozen=True)
class Rule:
    """When a test rejects.

    Attributes
    ----------
    tail : {"both", "one", "within"}
        Far from 0 on either side; far on one side; significantly within the margins on both.
    sign : float
        "one": +1 looks for more than `null`, -1 for less.
    null : float
        "one": the difference that is to be ruled out.
    margin : float
        "within": half-width of the margins.
    alpha : float
        Nominal size.
    """

    tail: Tail
    alpha: float
    sign: float = 1.0
    null: float = 0.0
    margin: float = math.nan

    @property
    def nothing(self) -> float:
        """The effect at which rejecting is the type I error."""
        return self.margin if self.tail == "within" else self.null


def rule_of(design: Design, effect: float, margin: float | None) -> Rule:
    """Say when the test of a design rejects, for an effect of this sign or against this margin."""
    if margin is not None:
        if design.sides == 2:
            return Rule("within", design.alpha, margin=margin)
        return Rule("one", design.alpha, sign=-math.copysign(1.0, margin), null=margin)
    if design.sides == 2:
        return Rule("both", design.alpha)
    less = design.alternative == "less" if design.alternative else effect < 0
    return Rule("one", design.alpha, sign=-1.0 if less else 1.0)


@dataclass(frozen=True)
class Shape:
    """All that the power of a test of means depends on, apart from effect and rule.

    Attributes
    ----------
    standard_error : float or numpy.ndarray
        Of the estimate, with a baseline that happens to be equal in both arms.
    df : float or numpy.ndarray
        Residual degrees of freedom.
    ancova : bool
        Whether a slope on the baseline is estimated.
    units : tuple of float, or None
        Welch: units in each arm.
    """

    standard_error: float | np.ndarray
    df: float | np.ndarray
    ancova: bool = False
    units: tuple[float, float] | None = None


def shape_of(design: Design, endpoint: MeanEndpoint) -> Shape:
    """Work out the standard error and degrees of freedom of the test that a design ends in.

    Notes
    -----
    Where cages are uneven, through losses or because the animals do not divide, the formula holds with the
    expected number of cages and the expected reciprocal of their size; it is then close, but not exact: to
    about .03 of the power, and .05 with few cages in an arm.
    """
    arms = range(len(design.n_enrolled))
    if design.caged:
        kept = [
            _kept_cages(design.n_enrolled[arm], design.cages(arm), design.n_analysed[arm]) for arm in arms
        ]
        return _shape(design, endpoint, [k for k, _ in kept], [size for _, size in kept])
    if design.within_cluster:
        pairs, cages = _kept_pairs(design.n_enrolled[0], design.cages(0), design.n_analysed[0])
        return _shape(
            design, endpoint, [pairs, pairs], [1.0, 1.0], residual=2.0 * design.n_analysed[0] - cages
        )
    return _shape(design, endpoint, [float(n) for n in design.n_analysed], [1.0] * len(design.n_analysed))


def shape_at(design: Design, endpoint: MeanEndpoint, n: float) -> Shape:
    """As `shape_of`, for a fractional number of analysed subjects in the treated arm, and full cages."""
    arms = [n] if design.paired else [n, n * design.ratio]
    if design.within_cluster:
        return _shape(design, endpoint, arms, [1.0, 1.0], residual=2 * n - n / design.step)
    size = float(design.cluster_size)
    return _shape(design, endpoint, [m / size for m in arms], [size] * len(arms))


def rejection(shape: Shape, rule: Rule, effect: float | np.ndarray) -> np.ndarray:
    """Return the probability to reject, exact for normal values.

    Parameters
    ----------
    shape : Shape
        Its standard error and df may be arrays that broadcast with `effect`.
    rule : Rule
        When the test rejects.
    effect : float or array_like
        True difference of means, treated less reference.

    Notes
    -----
    The estimate over its standard error is noncentral t. With a slope on the baseline the standard error also
    holds the chance difference of the baselines: it grows by ``1 / cos(angle)``, where the angle, for
    m = df + 1 degrees of freedom of the baseline, has density proportional to ``cos(angle)**(m - 1)``; the
    power is averaged over it. Formulas that take the baselines as equal [1]_ ask for half a subject an arm
    too few. Welch's df and standard error depend on the ratio of the two sample variances, which is
    independent of the pooled t: the power is averaged over that ratio, again by way of an angle. Equivalence
    [2]_ needs the average over the estimated SD.

    References
    ----------
    .. [1] Frison L, Pocock SJ (1992) Repeated measures in clinical trials: analysis using mean summary
       statistics and its implications for design. Statistics in Medicine 11:1685-1704.
       doi:10.1002/sim.4780111304
    .. [2] Phillips KF (1990) Power of the two one-sided tests procedure in bioequivalence. Journal of
       Pharmacokinetics and Biopharmaceutics 18:137-144. doi:10.1007/BF01063556
    """
    error, df, effect = np.broadcast_arrays(*np.atleast_1d(shape.standard_error, shape.df, effect))
    level = rule.alpha / 2 if rule.tail == "both" else rule.alpha
    if shape.ancova:
        weights, widen = _baseline_nodes(df)
        critical = stats.t.isf(level, df)
    elif shape.units is not None:
        weights, widen, welch_df = _welch_nodes(*shape.units)
        critical = stats.t.isf(level, welch_df)
    else:
        weights, widen, critical = np.ones((1, 1)), np.ones((1, 1)), stats.t.isf(level, df)
    # Rows are nodes, columns the points asked for. The SD is estimated with `df` in all cases; `widen` is the
    # factor of the standard error that belongs to the node.
    if rule.tail == "within":
        chance = _within(rule.margin / error, effect / error, df, critical, widen, slope=shape.ancova)
    else:
        shift = (effect - rule.null) / error * (rule.sign if rule.tail == "one" else 1.0)
        if shape.ancova:
            shift, cut = shift / widen, np.broadcast_to(critical, widen.shape)
        else:
            shift, cut = np.broadcast_to(shift, (len(widen), *shift.shape)), critical * widen
        chance = stats.nct.sf(cut, df, shift)
        if rule.tail == "both":
            # The far tail underflows to NaN where it is below any number.
            chance = chance + np.nan_to_num(stats.nct.sf(cut, df, -shift))
    return np.clip((weights * chance).sum(axis=0), 0.0, 1.0)


def _within(
    margin: np.ndarray,
    effect: np.ndarray,
    df: np.ndarray,
    critical: np.ndarray,
    widen: np.ndarray,
    *,
    slope: bool,
) -> np.ndarray:
    """Return the power of two one-sided tests; margin and effect in standard errors; rows are nodes.

    With a slope the estimate itself spreads by `widen`; for Welch only the estimated standard error does.
    """
    spread = widen if slope else np.ones_like(widen)
    margin, effect, df, cut = np.broadcast_arrays(
        margin / spread, effect / spread, df, critical * widen / spread
    )
    # Given the ratio s of estimated to true SD, the estimate must lie within margin - s * cut of 0.
    low = np.sqrt(stats.chi2.ppf(_TINY, df) / df)
    high = np.minimum(np.sqrt(stats.chi2.isf(_TINY, df) / df), margin / cut)
    nodes, weights = _legendre(_SPREADS)
    half = np.maximum(high - low, 0.0) / 2
    s = low + half + half * nodes[:, None, None]
    log_density = (
        math.log(2) + df / 2 * np.log(df / 2) - special.gammaln(df / 2) + (df - 1) * np.log(s) - df * s**2 / 2
    )
    room = margin - s * cut
    inside = special.ndtr(room - effect) - special.ndtr(-room - effect)
    return half * np.einsum("s,sij->ij", weights, np.exp(log_density) * np.maximum(inside, 0.0))


def _baseline_nodes(df: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and widening factors, (nodes, points), for the chance difference of the baselines."""
    m = df + 1
    end = np.arctan(stats.t.isf(_TINY, m) / np.sqrt(m))
    nodes, weights = _legendre(_ANGLES)
    angle = (nodes[:, None] + 1) / 2 * end
    log_density = (m - 1) * np.log(np.cos(angle))
    weights = weights[:, None] * np.exp(log_density)
    return weights / weights.sum(axis=0), 1 / np.cos(angle)


def _welch_nodes(
    treated: float | np.ndarray, reference: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights, widening factors and Welch's df, (nodes, points), over the ratio of variances."""
    m1, m2 = np.asarray(treated) - 1.0, np.asarray(reference) - 1.0
    nodes, weights = _legendre(_RATIOS if min(m1.min(), m2.min()) >= 4 else _RATIOS_OF_FEW)
    # The share of the first arm in the pooled sum of squares is sin(angle)**2 ~ Beta(m1 / 2, m2 / 2).
    share = stats.beta(m1 / 2, m2 / 2)
    low, high = np.arcsin(np.sqrt(share.ppf(_TINY))), np.arcsin(np.sqrt(share.isf(_TINY)))
    angle = low + (nodes[:, None] + 1) / 2 * (high - low)
    log_density = (m1 - 1) * np.log(np.sin(angle)) + (m2 - 1) * np.log(np.cos(angle))
    weights = weights[:, None] * np.exp(log_density - log_density.max(axis=0))
    first = np.sin(angle) ** 2 * (m1 + m2) / (m1 * treated)
    second = np.cos(angle) ** 2 * (m1 + m2) / (m2 * reference)
    widen = np.sqrt((first + second) / (1 / np.asarray(treated) + 1 / np.asarray(reference)))
    df = (first + second) ** 2 / (first**2 / m1 + second**2 / m2)
    return weights / weights.sum(axis=0), widen, df


@lru_cache(maxsize=8)
def _legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    return special.roots_legendre(n)


def _shape(
    design: Design,
    endpoint: MeanEndpoint,
    units: list[float],
    sizes: list[float],
    residual: float | None = None,
) -> Shape:
    """Build the shape for so many units in each arm, each the mean of `size` animals."""
    ancova = design.test == "ancova"
    variances = [_unit_variance(design, endpoint, size) for size in sizes]
    error = math.sqrt(sum(v / u for v, u in zip(variances, units, strict=True)))
    df = (sum(units) - len(units) if residual is None else residual - 1) - ancova
    if df < 1 - 1e-9:
        counted = " + ".join(f"{u:.3g}" for u in units) + (" cages" if design.caged else " subjects")
        raise one_fault(
            DesignError,
            "power",
            f"{counted} leave {max(df, 0):.2g} degrees of freedom for the {design.test} test",
            expected="at least 1",
            remedy="use more cages or subjects"
            + ("; or leave the baseline out (model='pooled')" if ancova else ""),
        )
    if error < 1e-9 * endpoint.sd:
        raise one_fault(
            ParameterError,
            "power",
            f"icc={endpoint.icc:g}, cluster_icc={endpoint.cluster_icc:g} leave nothing that "
            f"varies from baseline to follow-up: the {design.test} test would never err",
            expected="icc + cluster_icc below 1",
            remedy="samples of one subject differ: estimate icc from repeated samples (variance_components)",
        )
    welch = (units[0], units[1]) if design.test == "welch" else None
    return Shape(error, df, ancova, welch)


def _unit_variance(design: Design, endpoint: MeanEndpoint, size: float) -> float:
    """Return the variance of what is tested in one unit: the mean of `size` animals of a cage, or a subject.

    Notes
    -----
    Of the change it is before + after - 2 shared, given the baseline after - shared**2 / before [1]_.

    References
    ----------
    .. [1] Frison L, Pocock SJ (1992), as in `rejection`.
    """
    cage = 0.0 if design.within_cluster else endpoint.cluster_icc  # cancels between animals of one cage
    subject = endpoint.icc
    sample = max(1 - endpoint.icc - endpoint.cluster_icc, 0.0)
    after = cage + (subject + sample / design.follow_up) / size
    if not design.uses_baseline:
        return endpoint.sd**2 * after
    before = cage + (subject + sample / design.baseline) / size
    shared = cage * endpoint.cluster_stability + subject * endpoint.subject_stability / size
    left = after - shared**2 / before if design.test == "ancova" else after + before - 2 * shared
    return endpoint.sd**2 * max(left, 0.0)


def _kept_cages(n: int, cages: int, left: int) -> tuple[float, float]:
    """Return the expected number of cages that keep an animal, and the harmonic mean of what they keep.

    Those lost are drawn without replacement from all animals of the arm: what a cage keeps is hypergeometric.
    """
    if left == n and n % cages == 0:
        return float(cages), n / cages
    kept, reciprocals = 0.0, 0.0
    for size, number in _sizes(n, cages):
        keeps = np.arange(1, size + 1)
        chance = stats.hypergeom.pmf(keeps, n, size, left)
        kept += float(number * chance.sum())
        reciprocals += float(number * (chance / keeps).sum())
    return kept, kept / reciprocals


def _kept_pairs(n: int, cages: int, left: int) -> tuple[float, float]:
    """Return, for arms that share cages, the effective number of pairs and of cages that keep an animal.

    A cage that keeps a and b animals of the two arms is worth ``2 a b / (a + b)`` pairs.
    """
    if left == n:
        return float(n), float(cages)
    pairs, kept = 0.0, 0.0
    for size, number in _sizes(n, cages):
        keeps = np.arange(size + 1)
        chance = stats.hypergeom.pmf(keeps, n, size, left)
        both = np.outer(chance, chance)
        worth = 2 * np.outer(keeps, keeps) / np.maximum(np.add.outer(keeps, keeps), 1)
        pairs += float(number * (both * worth).sum())
        kept += float(number * (1 - both[0, 0]))
    return pairs, kept


def _sizes(n: int, cages: int) -> list[tuple[int, int]]:
    """Return the sizes of cages and how many have each, with n animals spread evenly."""
    larger = n % cages
    # A size that no cage has may be above n, where the hypergeometric distribution does not exist.
    return [(size, many) for size, many in ((n // cages + 1, larger), (n // cages, cages - larger)) if many]
