"""The richness expected of a rarefied sample, exactly: no draws needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

_NEVER = 1e-17  # a chance below this changes no figure that is printed


def expected_richness(reads: np.ndarray, depths: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean and standard deviation of the features seen in a rarefaction.

    Parameters
    ----------
    reads : numpy.ndarray of int, shape (n_features,)
        Reads of each feature in one sample.
    depths : sequence of int, length n_depths
        Reads drawn without replacement; each at most the sum of `reads`.

    Returns
    -------
    mean, sd : numpy.ndarray, shape (n_depths,)
        Over all equally likely draws.

    Notes
    -----
    With ``N`` reads in all, a feature of ``x`` reads is missed by a draw of ``n`` with chance
    ``h(x) = C(N - x, n) / C(N, n)``; the mean is the sum of ``1 - h`` [1]_. Two features are both missed with
    chance ``h(x + y)``, which gives the variance [2]_. Features of equal abundance are taken together.

    References
    ----------
    .. [1] Hurlbert SH (1971). Ecology 52:577-586. doi:10.2307/1934145
    .. [2] Heck KL, van Belle G, Simberloff D (1975). Ecology 56:1459-1461. doi:10.2307/1934716

    Examples
    --------
    Two reads drawn from a, b, b, b: both features are seen unless both reads are of b, 3 times in 6.

    >>> mean, sd = expected_richness(np.array([1, 3]), [1, 2, 4])
    >>> mean.round(12).tolist(), sd.round(6).tolist()
    ([1.0, 1.5, 2.0], [0.0, 0.5, 0.0])
    """
    abundance, features = np.unique(reads[reads > 0], return_counts=True)
    total = int(abundance @ features)
    first, second = np.triu_indices(len(abundance))
    weight = features[first] * features[second] * np.where(first == second, 1, 2)
    sums, place = np.unique(abundance[first] + abundance[second], return_inverse=True)
    mean, sd = np.empty(len(depths)), np.empty(len(depths))
    for turn, depth in enumerate(depths):
        missed = chance_missed(abundance, total, depth)
        mean[turn] = features @ (1 - missed)
        open_ = np.flatnonzero(missed > _NEVER)
        if depth == 1 or len(open_) == 0:
            sd[turn] = 0.0
            continue
        # abundances ascend, so that pairs of open classes are those whose larger one is open
        pairs = second <= open_[-1]
        both = chance_missed(sums[sums <= 2 * abundance[open_[-1]]], total, depth)
        apart = weight[pairs] @ (both[place[pairs]] - missed[first[pairs]] * missed[second[pairs]])
        alone = features @ (missed - chance_missed(2 * abundance, total, depth))
        sd[turn] = np.sqrt(max(apart + alone, 0.0))
    return mean, sd


def chance_missed(reads: np.ndarray, total: int, depth: int) -> np.ndarray:
    """Compute the chance that a draw without replacement holds none of some reads.

    Parameters
    ----------
    reads : numpy.ndarray of int, shape (n,)
        Numbers of reads to be missed.
    total, depth : int
        Reads there are, and reads drawn.

    Returns
    -------
    numpy.ndarray, shape (n,)
        ``C(total - reads, depth) / C(total, depth)``, to a relative error of about 1e-13.

    Notes
    -----
    Differences of log-gammas of large numbers would leave six digits in a sample of a million reads.
    Stirling's formula with its large terms cancelled on paper keeps them: what is left is of the size of the
    smaller of `reads` and `depth`, which the chance is symmetric in.

    Examples
    --------
    >>> chance_missed(np.array([1, 2, 3]), total=4, depth=2).round(12).tolist()
    [0.5, 0.166666666667, 0.0]
    """
    possible = reads <= total - depth
    few = np.where(possible, np.minimum(reads, depth), 0).astype(float)
    many = np.where(possible, np.maximum(reads, depth), 0).astype(float)
    whole = np.array([total + 1.0])
    left = whole - few - many
    log_chance = (
        (whole - few - 0.5) * _log_ratio(whole - few, whole)
        - (whole - many - 0.5) * _log_ratio(left, whole - many)
        + few * _log_ratio(left, whole)
        + _stirling_rest(whole - few)
        + _stirling_rest(whole - many)
        - _stirling_rest(whole)
        - _stirling_rest(left)
    )
    return np.where(possible, np.exp(np.minimum(log_chance, 0)), 0.0)


def _log_ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return ``log(part / whole)`` without losing digits where the two are nearly equal."""
    ratio = part / whole
    return np.where(ratio < 0.5, np.log(ratio), np.log1p((part - whole) / whole))


def _stirling_rest(z: np.ndarray) -> np.ndarray:
    """Return ``log gamma(z) - ((z - 1/2) log z - z + log(2 pi) / 2)`` for z of 1 or more."""
    inverse = 1 / z
    square = inverse * inverse
    rest = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    small = z < 20  # where the series is not yet exact
    low = z[small]
    rest[small] = gammaln(low) - ((low - 0.5) * np.log(low) - low + 0.5 * np.log(2 * np.pi))
    return rest
