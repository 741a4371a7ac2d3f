"""How many reads it takes to see a taxon of a given share."""

from __future__ import annotations

import math

import numpy as np
from scipy import special, stats

from analysis.arguments import check_count, check_number
from analysis.errors import DepthError, Faults, ParameterError, one_fault

_CONCENTRATED = 1e4  # sum of the beta distribution's parameters


def detection_depth(
    proportion: float = 1e-4,
    confidence: float = 0.95,
    min_reads: int = 1,
    dispersion: float = 0.0,
    *,
    max_depth: int = 1_000_000_000,
) -> int:
    """Return the reads a sample needs for a taxon to show up.

    Parameters
    ----------
    proportion : float
        Share of the taxon among all reads, on average over samples.
    confidence : float
        Probability that a sample of that depth has at least `min_reads` of it.
    min_reads : int
        Reads that count as seen.
    dispersion : float
        Correlation of two reads of one sample (both the taxon, or both not), 0 or more and below 1; 0: every
        sample has exactly the share `proportion`.
    max_depth : int
        Depth that is out of the question.

    Returns
    -------
    int
        The smallest depth that will do: at one read less it would not.

    Raises
    ------
    DepthError
        Where not even `max_depth` gives that confidence; says which confidence it gives.
    ParameterError
        For impossible values, all of them at once.

    See Also
    --------
    detection_probability : The confidence that a given depth gives.

    Notes
    -----
    Without dispersion the reads are binomial. With it they are beta-binomial: the share varies between
    samples with mean p and variance ``p (1 - p) * dispersion``, that is a beta distribution with parameters
    ``p (1 - dispersion) / dispersion`` and ``(1 - p) (1 - dispersion) / dispersion``. It is the marginal of a
    Dirichlet-multinomial with total concentration ``(1 - dispersion) / dispersion`` [1]_. A rare and
    overdispersed taxon is all but absent from many samples, and no depth will show it there.

    References
    ----------
    .. [1] Mosimann JE (1962) On the compound multinomial distribution, the multivariate beta-distribution,
       and correlations among proportions. Biometrika 49:65-82. doi:10.1093/biomet/49.1-2.65

    Examples
    --------
    >>> import analysis as an
    >>> an.detection_depth(1e-4), an.detection_depth(1e-4, min_reads=3)
    (29956, 62956)
    >>> an.detection_depth(1e-2, dispersion=0.005)
    693
    """
    faults = Faults("detection_depth", ParameterError)
    _check(faults, proportion, min_reads, dispersion)
    check_number(faults, "confidence", confidence, lambda x: 0 < x < 1, "a probability above 0 and below 1")
    if check_count(faults, "max_depth", max_depth, 1, "reads") and max_depth > 2**53:
        faults.add(f"max_depth={max_depth!r}", expected="at most 2^53")
    faults.raise_if_any()

    def missed(depth: int) -> float:
        return _missed(depth, proportion, int(min_reads), dispersion)

    allowed = 1 - confidence
    if missed(int(max_depth)) > allowed:
        best = 1 - missed(int(max_depth))
        spread = f" and a correlation of {dispersion:g} between reads" if dispersion else ""
        raise one_fault(
            DepthError,
            "detection_depth",
            f"with a share of {proportion:g}{spread}, even {max_depth:,} reads show {min_reads} or more in "
            f"only {best:.1%} of samples",
            expected=f"a confidence of at most {math.floor(best * 1e4) / 1e4:g}",
            remedy="take more samples of each subject instead, or ask for less confidence",
        )
    low, high = int(min_reads) - 1, int(min_reads)  # at `low` too few reads, whatever they are
    while missed(high) > allowed:
        low, high = high, min(2 * high, int(max_depth))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if missed(middle) <= allowed else (middle, high)
    return high


def detection_probability(
    depth: int, proportion: float, min_reads: int = 1, dispersion: float = 0.0
) -> float:
    """Return the probability that a sample of some depth has at least `min_reads` of a taxon.

    Parameters
    ----------
    depth : int
        Reads of the sample.
    proportion, min_reads, dispersion
        As in `detection_depth`.

    Examples
    --------
    >>> round(detection_probability(1000, 1e-3), 4)
    0.6323
    """
    faults = Faults("detection_probability", ParameterError)
    check_count(faults, "depth", depth, 0, "reads")
    _check(faults, proportion, min_reads, dispersion)
    faults.raise_if_any()
    return 1 - _missed(int(depth), proportion, int(min_reads), dispersion)


def _check(faults: Faults, proportion: float, min_reads: int, dispersion: float) -> None:
    check_number(faults, "proportion", proportion, lambda x: 0 < x < 1, "a share above 0 and below 1")
    if check_count(faults, "min_reads", min_reads, 1, "reads") and min_reads > 1_000_000:
        faults.add(f"min_reads={min_reads!r}", expected="at most 1,000,000")
    check_number(
        faults,
        "dispersion",
        dispersion,
        lambda x: 0 <= x < 1,
        "a correlation between reads of one sample, 0 or more and below 1",
        "from the total concentration c of a Dirichlet-multinomial: 1 / (1 + c)",
    )


def _missed(depth: int, proportion: float, min_reads: int, dispersion: float) -> float:
    """Return the probability of fewer than `min_reads` reads of the taxon."""
    if min_reads > depth:
        return 1.0
    concentration = (1 - dispersion) / dispersion if dispersion else math.inf
    if math.isinf(concentration):
        return float(stats.binom.cdf(min_reads - 1, depth, proportion))
    of_taxon, of_others = proportion * concentration, (1 - proportion) * concentration
    seen = np.arange(min_reads)
    if concentration < _CONCENTRATED:
        log_chance = stats.betabinom.logpmf(seen, depth, of_taxon, of_others)
    else:
        # The usual form subtracts logarithms of gamma functions that then are alike in all their digits.
        ratios = (depth - seen) / (seen + 1) * ((of_taxon + seen) / (of_others + depth - seen - 1))
        log_chance = _log_none(depth, of_taxon, concentration) + np.r_[0.0, np.cumsum(np.log(ratios[:-1]))]
    return float(min(np.exp(special.logsumexp(log_chance)), 1.0))


def _log_none(depth: int, of_taxon: float, concentration: float) -> float:
    """Return the logarithm of the beta-binomial chance of no read.

    It is the sum of log(1 - a / (c + i)) over i < depth; by Euler and Maclaurin the integral, of what is
    nearly constant as a function of log(c + i), and what its ends add.
    """
    nodes, weights = special.roots_legendre(32)
    half = np.log1p(depth / concentration) / 2
    at = concentration * np.exp(half * (1 + nodes))
    first, last = concentration, concentration + depth
    integral = half * float(weights @ (at * np.log1p(-of_taxon / at)))
    ends = (np.log1p(-of_taxon / first) - np.log1p(-of_taxon / last)) / 2
    slopes = (of_taxon / (last * (last - of_taxon)) - of_taxon / (first * (first - of_taxon))) / 12
    return integral + ends + slopes
