"""Alpha diversity metrics, computed from the stored values of a sparse table.

Each formula sees rows as their non-zero values only, so that a table of a few per cent filled costs a few per
cent of a dense one. Rows are never empty here: the callers refuse samples without reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from analysis.arguments import as_texts, is_finite
from analysis.diversity.phylogeny import branches_of
from analysis.errors import Faults, ParameterError, TableError, did_you_mean, listed, one_fault
from analysis.study import check_study

if TYPE_CHECKING:
    from analysis.diversity.phylogeny import Branches
    from analysis.study import Study

Table = sparse.csr_array
Formula = Callable[[Table], np.ndarray]

_BLOCK = 2**17  # stored values worked on at once: small enough to stay in the processor's cache
_RARE = 10  # ACE calls a feature rare up to this many reads
_HILL = re.compile(r"^hill_(inf|\d+(?:\.\d+)?)$")


@dataclass(frozen=True)
class Metric:
    """One metric, ready to be applied.

    Attributes
    ----------
    name : str
        Its name, the column of the result.
    compute : callable
        From a table (n, n_features) without empty rows to n values.
    is_richness : bool
        Whether it counts features: its mean over rarefactions then has a closed form.
    """

    name: str
    compute: Formula
    is_richness: bool = False


def row_sums(table: Table, values: np.ndarray, dtype: type | None = None) -> np.ndarray:
    """Add up values, one for each stored cell of the table, within rows.

    Parameters
    ----------
    table : scipy.sparse.csr_array, shape (n, n_features)
        A table without empty rows.
    values : numpy.ndarray, shape (n_stored,)
        Anything worked out from the stored cells, in their order.
    dtype : type, optional
        To count with: a sum of booleans needs int.

    Returns
    -------
    numpy.ndarray, shape (n,)
        The sums.
    """
    return np.add.reduceat(values, table.indptr[:-1], dtype=dtype)


def observed_features(table: Table) -> np.ndarray:
    """Count the features seen."""
    return np.diff(table.indptr)


def proportions(table: Table) -> np.ndarray:
    """Close each row to 1: the stored values as shares of their sample."""
    return table.data / np.repeat(row_sums(table, table.data), np.diff(table.indptr))


def entropy(table: Table) -> np.ndarray:
    """Shannon entropy in nats."""
    share = proportions(table)
    terms = np.log(share)
    terms *= share
    return np.abs(row_sums(table, terms))  # the sum is never above 0: abs turns its sign, and -0 into 0


def dominance(table: Table) -> np.ndarray:
    """Sum the squared shares: the chance that two reads, drawn with replacement, are of one feature."""
    share = proportions(table)
    return row_sums(table, share * share)


def simpson(table: Table) -> np.ndarray:
    """Gini-Simpson index, 1 minus the dominance."""
    return 1 - dominance(table)


def inv_simpson(table: Table) -> np.ndarray:
    """Inverse Simpson index, 1 over the dominance."""
    return 1 / dominance(table)


def inv_simpson_unbiased(table: Table) -> np.ndarray:
    """Inverse Simpson index of two reads drawn without replacement; NaN where every feature has one read."""
    reads = row_sums(table, table.data).astype(float)
    pairs = row_sums(table, table.data * (table.data - 1.0))
    return np.divide(reads * (reads - 1), pairs, out=np.full(len(reads), np.nan), where=pairs > 0)


def pielou_e(table: Table) -> np.ndarray:
    """Shannon entropy as a share of the largest it could be; NaN where there is one feature."""
    seen = observed_features(table)
    largest = np.log(seen)
    return np.divide(entropy(table), largest, out=np.full(len(seen), np.nan), where=seen > 1)


def berger_parker_d(table: Table) -> np.ndarray:
    """Share of the most abundant feature."""
    return np.maximum.reduceat(table.data, table.indptr[:-1]) / row_sums(table, table.data)


def goods_coverage(table: Table) -> np.ndarray:
    """Good's estimate of the share of the community that belongs to the features seen."""
    return 1 - row_sums(table, table.data == 1, int) / row_sums(table, table.data)


def chao1(table: Table) -> np.ndarray:
    """Chao1 richness, bias-corrected."""
    once = row_sums(table, table.data == 1, int)
    twice = row_sums(table, table.data == 2, int)
    return observed_features(table) + once * (once - 1) / (2 * (twice + 1))


def ace(table: Table) -> np.ndarray:
    """Abundance-based coverage estimator; NaN where every rare feature has a single read."""
    rare = table.data <= _RARE
    n_rare = row_sums(table, rare, int)
    n_abundant = observed_features(table) - n_rare
    reads = np.where(rare, table.data, 0)
    n_reads = row_sums(table, reads)
    pairs = row_sums(table, reads * (reads - 1))
    once = row_sums(table, table.data == 1, int)
    with np.errstate(divide="ignore", invalid="ignore"):
        coverage = 1 - once / n_reads
        variation = n_rare * pairs / (coverage * n_reads * (n_reads - 1)) - 1
        estimate = n_abundant + (n_rare + once * np.maximum(variation, 0)) / coverage
    estimate[n_rare == 0] = n_abundant[n_rare == 0]
    estimate[(once == n_rare) & (once > 0)] = np.nan
    return estimate


def hill_number(table: Table, order: float) -> np.ndarray:
    """Effective number of features of an order: 0 richness, 1 exp(Shannon), 2 inverse Simpson."""
    if order == 0:
        return observed_features(table).astype(float)
    if order == 1:
        return np.exp(entropy(table))
    if np.isinf(order):
        return 1 / berger_parker_d(table)
    share = proportions(table)
    excess = order - 1
    if abs(excess) < 1:  # near order 1 the plain power loses its digits, and this does not
        return np.exp(-np.log1p(row_sums(table, share * np.expm1(excess * np.log(share)))) / excess)
    # Large orders underflow unless the commonest feature is taken out first.
    most = berger_parker_d(table)
    relative = share / np.repeat(most, np.diff(table.indptr))
    return np.exp(-(order * np.log(most) + np.log(row_sums(table, relative**order))) / excess)


def faith_pd(table: Table, branches: Branches) -> np.ndarray:
    """Length of the branches between the features seen and the root."""
    seen = table.astype(bool).astype(np.int32) @ branches.membership
    return row_sums(seen, branches.lengths[seen.indices])


_FORMULAS: dict[str, Formula] = {
    "observed_features": observed_features,
    "shannon": entropy,
    "simpson": simpson,
    "inv_simpson": inv_simpson,
    "inv_simpson_unbiased": inv_simpson_unbiased,
    "pielou_e": pielou_e,
    "berger_parker_d": berger_parker_d,
    "goods_coverage": goods_coverage,
    "chao1": chao1,
    "ace": ace,
}
_NAMES = [*_FORMULAS, "faith_pd", "hill_0", "hill_1", "hill_2", "hill_inf"]
_NEED_COUNTS = {
    "chao1": "is worked out from features seen once and twice",
    "ace": "is worked out from features seen one to ten times",
    "goods_coverage": "is worked out from features seen once",
    "inv_simpson_unbiased": "corrects for the number of reads",
}


def is_metric(name: str) -> bool:
    """Say whether there is an alpha diversity of that name."""
    return name in _NAMES or _HILL.match(name) is not None


def choose_metrics(names: str | Sequence[str], study: Study, base: float | None = None) -> list[Metric]:
    """Find metrics by name and bind what they need: the base of the logarithm, the order, the tree.

    Parameters
    ----------
    names : str or sequence of str
        As for `analysis.alpha_diversity`.
    study : Study
        What they will be applied to.
    base : float, optional
        Base of the logarithm in Shannon; nats where None.

    Raises
    ------
    ParameterError
        For unknown or repeated names (all at once, each with the nearest) and for a base that is none.
    TableError
        Where a metric needs counts and the study holds fractions.
    TreeError
        Where Faith's PD is asked for and the tree cannot give it.
    """
    check_study(study, "metrics")
    wanted = as_texts(names, "metrics", "metrics", f"a name, or a list of names: {', '.join(_NAMES)}")
    faults = Faults("metrics", ParameterError)
    if not wanted:
        faults.add("no metric was named", remedy=did_you_mean("", _NAMES))
    for name in wanted:
        if not is_metric(str(name)):
            faults.add(
                f"{name!r} is no alpha diversity metric",
                remedy=did_you_mean(name, _NAMES) + "; hill_Q for a Hill number of any order Q >= 0",
            )
    repeated = {str(name) for name in wanted if wanted.count(name) > 1}
    if repeated:
        faults.add(f"named more than once: {', '.join(sorted(repeated))}")
    if base is not None and not (is_finite(base) and base > 0 and base != 1):
        faults.add(
            f"{base!r} is no base of a logarithm", where="base=", expected="2, 10, ... or None for nats"
        )
    faults.raise_if_any()
    _refuse_fractions(wanted, study)
    return [_bind(name, study, base) for name in wanted]


def _refuse_fractions(names: Sequence[str], study: Study) -> None:
    if study.kind == "counts":
        return
    faults = Faults(study.source.name, TableError)
    for name in names:
        if name in _NEED_COUNTS:
            faults.add(
                f"{name} {_NEED_COUNTS[name]}, and the table holds fractions",
                expected="read counts",
                remedy="give the raw counts; Shannon, Simpson, evenness and Hill numbers accept fractions",
            )
    faults.raise_if_any()


def _bind(name: str, study: Study, base: float | None) -> Metric:
    hill = _HILL.match(name)
    if hill:
        order = float(hill[1])
        return Metric(name, lambda table: hill_number(table, order), is_richness=order == 0)
    if name == "faith_pd":
        branches = branches_of(study)
        return Metric(name, lambda table: faith_pd(table, branches))
    if name == "shannon" and base is not None:
        return Metric(name, lambda table: entropy(table) / np.log(base))
    return Metric(name, _FORMULAS[name], is_richness=name == "observed_features")


def row_blocks(table: Table) -> Iterator[Table]:
    """Cut a table into blocks of whole rows, in order, that share its memory.

    Parameters
    ----------
    table : scipy.sparse.csr_array, shape (n, n_features)
        Any table.

    Yields
    ------
    scipy.sparse.csr_array
        The next rows: as many as hold some 131,000 values, and at least one.
    """
    start = 0
    while start < table.shape[0]:
        past = int(np.searchsorted(table.indptr, table.indptr[start] + _BLOCK, side="right")) - 1
        stop = max(start + 1, past)
        first, last = table.indptr[start], table.indptr[stop]
        cells = (table.data[first:last], table.indices[first:last], table.indptr[start : stop + 1] - first)
        yield sparse.csr_array(cells, shape=(stop - start, table.shape[1]))
        start = stop


def dense_where_seen(table: Table) -> np.ndarray:
    """Make a table dense, without the columns that no row has.

    Parameters
    ----------
    table : scipy.sparse.csr_array, shape (n, n_columns)
        Any table.

    Returns
    -------
    numpy.ndarray of float, shape (n, n_columns_seen)
        C-contiguous, the columns in their order.
    """
    seen = np.zeros(table.shape[1], dtype=bool)
    seen[table.indices] = True
    place = np.cumsum(seen) - 1
    dense = np.zeros((table.shape[0], int(seen.sum())))
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    dense[rows, place[table.indices]] = table.data
    return dense


def refuse_empty(study: Study) -> None:
    """Raise `TableError` where samples have no reads: nothing can be said of them."""
    empty = study.sample_ids[study.depths.to_numpy() == 0]
    if len(empty):
        raise one_fault(
            TableError,
            study.source.name,
            f"{len(empty)} of {study.shape[0]} samples have no reads: {listed(empty)}",
            expected="reads in every sample",
            remedy="leave them out: study.select(samples=study.depths > 0)",
        )
