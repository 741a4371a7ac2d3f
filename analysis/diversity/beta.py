"""Beta diversity: how far samples are from each other, and a map of those distances."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.arguments import check_number, is_one_of
from analysis.diversity.draws import check_draws, deep_enough, is_whole, rarefied_tables
from analysis.diversity.metrics import dense_where_seen, proportions, refuse_empty
from analysis.diversity.phylogeny import Branches, branches_of, unifrac
from analysis.errors import Faults, ParameterError, TableError, did_you_mean, listed, one_fault
from analysis.study import check_study

if TYPE_CHECKING:
    from scipy import sparse
    from skbio import DistanceMatrix

    from analysis.study import Study

_GIGABYTE = 1e9
_COPIES = 3  # dense arrays of the table's size that are alive at once
_UNIFRAC = {  # name: (weighted, normalized)
    "unweighted_unifrac": (False, False),
    "weighted_unifrac": (True, False),
    "weighted_normalized_unifrac": (True, True),
}


def beta_diversity(
    study: Study,
    metric: str = "braycurtis",
    depth: int | None = None,
    iterations: int = 100,
    seed: int = 0,
    *,
    drop_shallow: bool = False,
    pseudocount: float = 0.5,
    memory_limit_gb: float = 4.0,
) -> DistanceMatrix:
    """Measure the distances between all pairs of samples.

    Parameters
    ----------
    study : Study
        Read counts, or fractions (each sample is first closed to a sum of 1).
    metric : str
        braycurtis; jaccard (by presence); jensenshannon (the square root of the divergence, in nats: at most
        0.8326); aitchison (Euclidean after a centred log-ratio, zeros replaced by `pseudocount`);
        robust_aitchison (Euclidean after a log-ratio centred on the features that a sample has, 0 for the
        rest, as in vegan); unweighted_unifrac; weighted_unifrac (not normalised, as in QIIME 2);
        weighted_normalized_unifrac.
    depth : int, optional
        Rarefy every sample to this many reads and average the distances over the draws, as vegan's
        ``avgdist`` and mothur do; no rarefaction where None.
    iterations : int
        Draws; 1 gives the distances of ``rarefy(study, depth, seed)``.
    seed : int
        As for `rarefy`.
    drop_shallow : bool
        Leave out samples with fewer reads than `depth`.
    pseudocount : float
        For aitchison only: added to every cell, half a read unless told otherwise. For fractions it has to be
        smaller than the smallest fraction seen; 0 is accepted where there are no zeros.
    memory_limit_gb : float
        Refuse what would need more working memory, in gigabytes.

    Returns
    -------
    skbio.DistanceMatrix, shape (n_samples, n_samples)
        Distances, named by sample id.

    Raises
    ------
    ParameterError
        For an unknown metric (with the nearest) and impossible arguments.
    TableError
        Where samples have no reads, there is one sample, zeros cannot be replaced by `pseudocount`, the
        working memory would be too large, or fractions are to be rarefied.
    DepthError
        Where samples have fewer reads than `depth`.
    TreeError
        Where UniFrac cannot be had from the tree.

    Notes
    -----
    Bray-Curtis is computed from the reads as they are, as scikit-bio and QIIME 2 do: samples of unequal
    depth then look different even if their communities are not. Jaccard, unweighted UniFrac and, through its
    pseudocount and the features it does not see, both Aitchison forms depend on depth as well. Give `depth`
    for these unless all samples already have the same. Jensen-Shannon and weighted UniFrac compare shares and
    depend on depth only through noise.

    Aitchison distances depend on the pseudocount whenever there are zeros, and on which features are counted:
    here, those that occur in at least one sample. Robust Aitchison treats an unseen feature as average,
    without the matrix completion of DEICODE [3]_.

    References
    ----------
    .. [1] Bray JR, Curtis JT (1957). Ecol Monogr 27:325-349. doi:10.2307/1942268
    .. [2] Lozupone C, Knight R (2005). Appl Environ Microbiol 71:8228-8235.
       doi:10.1128/AEM.71.12.8228-8235.2005
    .. [3] Martino C et al. (2019). mSystems 4:e00016-19. doi:10.1128/mSystems.00016-19
    .. [4] Endres DM, Schindelin JE (2003). IEEE Trans Inf Theory 49:1858-1860. doi:10.1109/TIT.2003.813506

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> table = pd.DataFrame([[6, 4, 0], [2, 4, 4]], index=["s1", "s2"], columns=["a", "b", "c"])
    >>> float(an.beta_diversity(an.Study.from_frame(table))["s1", "s2"])
    0.4
    """
    from scipy.spatial.distance import squareform
    from skbio import DistanceMatrix

    check_study(study, "beta_diversity")
    _check_arguments(metric, pseudocount, memory_limit_gb)
    if depth is not None:
        check_draws(iterations, seed)
        study = deep_enough(study, depth, drop_shallow=drop_shallow)
    refuse_empty(study)
    if study.shape[0] < 2:
        raise one_fault(TableError, study.source.name, "a distance needs at least two samples")
    seen = np.zeros(study.shape[1], dtype=bool)
    seen[study.counts.indices] = True
    study = study.select(features=seen)
    if metric == "aitchison":
        _check_zeros(study, pseudocount, depth)
    branches = branches_of(study) if metric in _UNIFRAC else None
    _check_memory(study, branches, memory_limit_gb)
    measure = _measure(metric, pseudocount, branches)
    if depth is None:
        condensed = measure(_closed(study))
    else:
        condensed = np.zeros(study.shape[0] * (study.shape[0] - 1) // 2)
        for table in rarefied_tables(study, depth, iterations, seed):
            condensed += measure(table)
        condensed /= iterations
    return DistanceMatrix(squareform(condensed, checks=False), list(study.sample_ids))


def _measure(
    metric: str, pseudocount: float, branches: Branches | None
) -> Callable[[sparse.csr_array], np.ndarray]:
    """Bind a metric to what it needs: a function from a table to condensed distances."""
    if branches is not None:
        weighted, normalized = _UNIFRAC[metric]
        return lambda table: unifrac(table, branches, weighted=weighted, normalized=normalized)
    if metric == "aitchison":
        return lambda table: _aitchison(table, pseudocount)
    return _ON_TABLES[metric]


def _braycurtis(table: sparse.csr_array) -> np.ndarray:
    from scipy.spatial.distance import pdist

    return pdist(dense_where_seen(table), "braycurtis")


def _jaccard(table: sparse.csr_array) -> np.ndarray:
    from scipy.spatial.distance import pdist

    return pdist(dense_where_seen(table) > 0, "jaccard")


def _jensenshannon(table: sparse.csr_array) -> np.ndarray:
    from scipy.spatial.distance import pdist

    # Of like samples the terms cancel, and rounding may leave their sum below 0, which has no root.
    return np.nan_to_num(pdist(dense_where_seen(table), "jensenshannon"), copy=False, nan=0.0)


def _aitchison(table: sparse.csr_array, pseudocount: float) -> np.ndarray:
    from scipy.spatial.distance import pdist
    from skbio.stats.composition import clr

    return pdist(clr(table.toarray() + pseudocount), "euclidean")


def _robust_aitchison(table: sparse.csr_array) -> np.ndarray:
    from scipy.spatial.distance import pdist
    from skbio.stats.composition import rclr

    return pdist(np.nan_to_num(rclr(dense_where_seen(table)), copy=False), "euclidean")


_ON_TABLES: dict[str, Callable[[sparse.csr_array], np.ndarray]] = {
    "braycurtis": _braycurtis,
    "jaccard": _jaccard,
    "jensenshannon": _jensenshannon,
    "robust_aitchison": _robust_aitchison,
}
_NAMES = [*_ON_TABLES, "aitchison", *_UNIFRAC]


def _closed(study: Study) -> sparse.csr_array:
    """Return the reads, or the fractions with each sample brought to a sum of 1."""
    if study.kind == "counts":
        return study.counts
    table = study.counts.copy()
    table.data = proportions(study.counts)
    return table


def _check_arguments(metric: str, pseudocount: float, memory_limit_gb: float) -> None:
    if not is_one_of(metric, _NAMES):
        raise one_fault(
            ParameterError,
            "metric",
            f"{metric!r} is no beta diversity metric",
            remedy=did_you_mean(metric, _NAMES),
        )
    faults = Faults("beta_diversity", ParameterError)
    check_number(faults, "pseudocount", pseudocount, lambda x: x >= 0, "a number of 0 or more, such as 0.5")
    check_number(faults, "memory_limit_gb", memory_limit_gb, lambda x: x > 0, "a number above 0")
    faults.raise_if_any()


def _check_zeros(study: Study, pseudocount: float, depth: int | None) -> None:
    """Refuse logarithms of zeros, and pseudocounts that would drown what was measured."""
    zeros = depth is not None or study.counts.nnz < np.prod(study.shape)
    smallest = 1.0 if study.kind == "counts" else float(_closed(study).data.min())
    if pseudocount == 0 and zeros:
        raise one_fault(
            TableError,
            study.source.name,
            "the Aitchison distance takes logarithms, and the table has zeros",
            expected="a pseudocount above 0",
            remedy="give pseudocount=0.5, or use metric='robust_aitchison', which leaves zeros out",
        )
    if pseudocount > smallest or (study.kind == "fractions" and pseudocount == smallest):
        raise one_fault(
            TableError,
            study.source.name,
            f"a pseudocount of {pseudocount:g} weighs more than the smallest abundance seen, {smallest:.3g}",
            expected=f"a pseudocount below {smallest:.3g}" + (" or equal" if study.kind == "counts" else ""),
            remedy=f"give pseudocount={smallest / 2:.3g}, or use metric='robust_aitchison'",
        )


def _check_memory(study: Study, branches: Branches | None, limit: float) -> None:
    """Refuse tables whose dense form would not fit; the distances themselves count as well."""
    samples = study.shape[0]
    width = study.shape[1] if branches is None else len(branches.lengths)
    unit = "features" if branches is None else "branches"
    need = 8 * samples * (_COPIES * width + _COPIES * samples) / _GIGABYTE
    if need > limit:
        raise one_fault(
            TableError,
            study.source.name,
            f"distances between {samples:,} samples of {width:,} {unit} need about {need:,.1f} GB",
            expected=f"at most {limit:g} GB (memory_limit_gb)",
            remedy="leave out rare features or add them up (study.collapse), take fewer samples, or raise "
            "memory_limit_gb where the machine has the memory",
        )


@dataclass(frozen=True)
class Ordination:
    """A map of samples by principal coordinates.

    Attributes
    ----------
    coordinates : pandas.DataFrame, shape (n_samples, n_axes)
        Positions, in the unit of the distances; columns PC1, PC2, ... The sign of an axis is arbitrary: here
        the sample furthest from 0 lies on the positive side.
    eigenvalues : pandas.Series, shape (n_axes,)
        Sum of squared positions on each axis.
    proportion_explained : pandas.Series, shape (n_axes,)
        Eigenvalues as shares of the sum of all positive ones, also of those not kept.
    negative_share : float
        Negative eigenvalues as a share of all, in absolute terms: 0 where the distances are Euclidean. What
        is far above 0.1 or 0.2 says that the map misses much of the distances.
    """

    coordinates: pd.DataFrame
    eigenvalues: pd.Series
    proportion_explained: pd.Series
    negative_share: float

    def to_frame(self) -> pd.DataFrame:
        """Return the coordinates, samples as rows."""
        return self.coordinates

    def _repr_html_(self) -> str:
        axes = ", ".join(f"{name} {share:.1%}" for name, share in self.proportion_explained.head(4).items())
        return (
            f"<p>Principal coordinates of {len(self.coordinates)} samples: {axes}; "
            f"negative eigenvalues {self.negative_share:.1%} of all.</p>"
        )


def pcoa(distances: DistanceMatrix, n_axes: int = 10) -> Ordination:
    """Place samples in a few dimensions so that their distances are kept as well as possible.

    Parameters
    ----------
    distances : skbio.DistanceMatrix, shape (n_samples, n_samples)
        From `beta_diversity`.
    n_axes : int
        Axes to keep; with fewer than ``n_axes + 1`` samples there are ``n_samples - 1``.

    Returns
    -------
    Ordination
        Coordinates, eigenvalues and shares.

    Raises
    ------
    ParameterError
        Where `distances` is no distance matrix of two samples or more, or `n_axes` is below 1.

    Notes
    -----
    Gower's principal coordinates by full eigendecomposition in scikit-bio, without correction of
    negative eigenvalues [1]_. The share explained is always that of the positive eigenvalues, whatever the
    number of axes.

    References
    ----------
    .. [1] Gower JC (1966). Biometrika 53:325-338. doi:10.1093/biomet/53.3-4.325

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> distances = an.beta_diversity(study.select(samples=study.sample_ids[:20]))
    >>> placed = an.pcoa(distances, n_axes=2)
    >>> placed.coordinates.shape, placed.proportion_explained.round(2).tolist()
    ((20, 2), [0.29, 0.23])
    """
    from skbio import DistanceMatrix
    from skbio.stats.ordination import pcoa as skbio_pcoa

    if not isinstance(distances, DistanceMatrix) or distances.shape[0] < 2:
        raise one_fault(
            ParameterError,
            "distances",
            f"{type(distances).__name__}",
            expected="a skbio.DistanceMatrix of at least two samples, as beta_diversity gives",
        )
    if not is_whole(n_axes) or n_axes < 1:
        raise one_fault(ParameterError, "n_axes", f"{n_axes!r}", expected="a whole number, 1 or more")
    with warnings.catch_warnings():  # of many axes, and of negative eigenvalues, which the result tells
        warnings.simplefilter("ignore", RuntimeWarning)
        full = skbio_pcoa(distances)
    eigenvalues = full.eigvals.to_numpy()
    if not eigenvalues[0] > 0:
        raise one_fault(
            ParameterError, "distances", f"{listed(distances.ids)} are all at distance 0: there is no map"
        )
    kept = min(n_axes, distances.shape[0] - 1)
    names = [f"PC{axis}" for axis in range(1, kept + 1)]
    positions = full.samples.to_numpy()[:, :kept]
    furthest = positions[np.abs(positions).argmax(axis=0), np.arange(kept)]
    positive = eigenvalues.sum()
    # the trace adds up all eigenvalues: what it lacks of the positive ones is negative, beyond rounding
    trace = np.square(distances.condensed_form()).sum() / distances.shape[0]
    negative = positive - trace if positive - trace > 1e-9 * positive else 0.0
    explained = eigenvalues[:kept] / positive
    return Ordination(
        coordinates=pd.DataFrame(
            positions * np.where(furthest < 0, -1, 1),
            index=pd.Index(distances.ids, name="sample_id", dtype=object),
            columns=names,
        ),
        eigenvalues=pd.Series(eigenvalues[:kept], index=names, name="eigenvalue"),
        proportion_explained=pd.Series(explained, index=names, name="proportion_explained"),
        negative_share=float(negative / (positive + negative)),
    )
