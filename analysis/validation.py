"""What an abundance table must be before anything is computed from it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import (
    AnalysisError,
    Faults,
    IdError,
    MetadataError,
    ParameterError,
    ScaledCountsWarning,
    TableError,
    TreeError,
    listed,
    one_fault,
)

if TYPE_CHECKING:
    from skbio import TreeNode

Kind = Literal["counts", "fractions"]

_LARGEST = 2**53  # above this a float no longer tells neighbouring whole numbers apart
_FRACTION_SUM = 1.001
_PERCENT_SUM = 100.1
_LEAST_PERCENT_SUM = 50.0
_LEAST_NEGATIVE = 20  # fewer whole ones are slips, not a transformation
_MANY_ONES = 0.10
_LEAST_SAMPLES, _LEAST_FACTOR = 5, 500
_LEAST_VALUES = (
    50  # numbers above 0 that a common divisor is looked for in: by chance, 2 divides all in 1 of 2^50
)
_CUT_EACH, _CUT_ALL, _MOST_CUT = (0.3, 1.5), (0.4, 1.2), 0.1  # reads lacking a feature; of the sum
_FEW_ONES = 0.02  # rarefied tables have 10 to 50 % of ones, scaled fractions next to none


def find_duplicates(ids: Sequence[object]) -> list[str]:
    """Return each id that stands more than once, in order of first appearance."""
    index = pd.Index(ids)
    return [str(name) for name in index[index.duplicated()].unique()]


def check_ids(ids: Sequence[object], what: str, faults: Faults) -> None:
    """Add a fault for repeated or empty ids.

    Parameters
    ----------
    ids : sequence of str
        Sample or feature ids.
    what : str
        "sample" or "feature".
    faults : Faults
        Where to note them.
    """
    repeated = find_duplicates(ids)
    if repeated:
        faults.add(
            f"{len(repeated)} {what} id(s) stand more than once: {listed(repeated)}",
            expected=f"each {what} id once",
            remedy="rename them, or add up the rows that belong together, in the file",
        )
    names = list(map(str, ids))
    blank = names.count("") + sum(map(str.isspace, names))
    if blank:
        faults.add(f"{blank} {what} id(s) are empty", expected="a name for each", remedy="fill them in")


def check_unique(ids: Sequence[object], what: str, subject: str) -> None:
    """Raise `IdError` where ids are repeated or empty."""
    faults = Faults(subject, IdError)
    check_ids(ids, what, faults)
    faults.raise_if_any()


def check_frame(value: object, part: str, subject: str, error: type[AnalysisError] = ParameterError) -> None:
    """Raise an error where a part of a study is no data frame, or where metadata names a column twice."""
    if not isinstance(value, pd.DataFrame):
        raise one_fault(
            error,
            subject,
            f"{part} is a {type(value).__name__}",
            expected="a pandas.DataFrame",
            remedy="make a DataFrame of it, or read files with read_study(path, metadata=, taxonomy=, tree=)",
        )
    repeated = find_duplicates(value.columns) if part == "metadata" else []
    if repeated:
        raise one_fault(
            MetadataError,
            subject,
            f"{len(repeated)} metadata column(s) stand more than once: {listed(repeated)}",
            expected="each column name once",
            remedy="rename or drop them",
        )


def numbers_of(table: pd.DataFrame, subject: str) -> np.ndarray:
    """Return a data frame's values as float64, missing ones as nan; text, dates and booleans are refused."""
    plain = {dtype: _is_real(dtype) for dtype in set(table.dtypes)}
    wrong = [
        column
        for place, (column, dtype) in enumerate(zip(table.columns, table.dtypes, strict=True))
        if not plain[dtype]
        and not (pd.api.types.is_object_dtype(dtype) and _all_numbers(table.iloc[:, place]))
    ]
    if wrong:
        raise one_fault(
            TableError,
            subject,
            f"{len(wrong)} column(s) are not numeric: {listed(wrong)}",
            expected="numbers only (no text, dates, booleans), samples as rows and features as columns",
            remedy="move columns that describe the samples to metadata=; convert numbers kept as text",
        )
    if not all(plain.values()):
        table = table.where(table.notna(), np.nan)  # pandas turns no NA among objects into a float
    return table.to_numpy(dtype=np.float64, na_value=np.nan)


def _is_real(dtype: object) -> bool:
    types = pd.api.types
    refused = types.is_bool_dtype(dtype) or types.is_complex_dtype(dtype)
    return types.is_numeric_dtype(dtype) and not refused


def _all_numbers(values: pd.Series) -> bool:
    return all(
        value is None
        or value is pd.NA
        or (isinstance(value, Real | Decimal) and not isinstance(value, bool | np.bool_ | np.timedelta64))
        for value in values
    )


def check_tips(tree: TreeNode, feature_ids: pd.Index, subject: str) -> None:
    """Raise `TreeError` where features are missing from the tips of a tree."""
    if not hasattr(tree, "tips"):  # no isinstance: scikit-bio takes seconds to import
        raise one_fault(
            ParameterError,
            subject,
            f"tree is a {type(tree).__name__}",
            expected="a skbio.TreeNode",
            remedy="read the file with analysis.readers.read_tree(path)",
        )
    missing = feature_ids.difference(
        pd.Index([tip.name for tip in tree.tips(include_self=True)], dtype=object)
    )
    if len(missing):
        raise one_fault(
            TreeError,
            subject,
            f"{len(missing)} of {len(feature_ids)} features are no tips of the tree: {listed(missing)}",
            expected="a tip for every feature of the table",
            remedy="give the tree built from these features, or study.select(features=...) those in it",
        )


def check_abundances(
    counts: sparse.csr_array, sample_ids: Sequence[str], feature_ids: Sequence[str], subject: str
) -> tuple[sparse.csr_array, Kind]:
    """Check the numbers of a table and say what they are.

    Parameters
    ----------
    counts : scipy.sparse.csr_array, shape (n_samples, n_features)
        Abundances, of any numeric type.
    sample_ids, feature_ids : sequence of str
        Names used in the messages.
    subject : str
        The file or table, for the messages.

    Returns
    -------
    counts : scipy.sparse.csr_array
        The same table without stored zeros and with sorted columns: int64 for counts, float64 for fractions.
    kind : {"counts", "fractions"}
        Counts are whole numbers; fractions are rows that sum to at most 1, or to about 100 (percent).

    Raises
    ------
    TableError
        On an empty table, on negative, infinite, missing or too large numbers, and on numbers that are
        neither counts nor fractions (log-transformed, centred or normalised tables); all faults at once.
    """
    faults = Faults(subject, TableError)
    if 0 in counts.shape:
        faults.add(
            f"the table is empty: {counts.shape[0]} samples x {counts.shape[1]} features",
            expected="at least one sample and one feature",
            remedy="check that the export finished and that no filter removed everything",
        )
        faults.raise_if_any()
    counts = sparse.csr_array(counts, copy=True)
    counts.sum_duplicates()
    counts.eliminate_zeros()
    values = counts.data
    finite = np.isfinite(values)
    if not finite.all():
        faults.add(
            f"{_several(~finite, 'number')} missing or infinite: "
            f"{_places(counts, ~finite, sample_ids, feature_ids)}",
            expected="a finite number in every cell",
            remedy="write 0 where a feature was not seen; leave out what could not be measured",
        )
    negative = finite & (values < 0)
    if negative.any():
        faults.add(
            f"{_several(negative, 'number')} negative: {_places(counts, negative, sample_ids, feature_ids)}",
            expected="counts of 0 or more",
            remedy=_negative_remedy(counts, finite),
        )
    large = finite & (values > _LARGEST)
    if large.any():
        faults.add(
            f"{_several(large, 'number')} above 2^53: {_places(counts, large, sample_ids, feature_ids)}",
            expected="reads per sample, which stay below a few hundred million",
            remedy="check the column: it may hold ids and not counts",
        )
    fractional = finite & (values != np.floor(values))
    kind: Kind = "counts"
    if fractional.any():
        kind = "fractions"
        usable = finite & ~negative & ~large
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        sums = np.bincount(rows[usable], weights=values[usable], minlength=counts.shape[0])
        sound = sums[~np.isin(np.arange(len(sums)), rows[~usable]) & (sums > 0)]  # no cell left out
        percent = (sums <= _PERCENT_SUM).all() and len(sound) > 0 and (sound >= _LEAST_PERCENT_SUM).all()
        if not ((sums <= _FRACTION_SUM).all() or percent):
            faults.add(
                f"{_several(fractional, 'number')} not whole: "
                f"{_places(counts, fractional, sample_ids, feature_ids)}; "
                f"rows sum to {sums.min():.4g} to {sums.max():.4g}",
                expected="whole read counts, or fractions whose rows sum to at most 1 (or to about 100)",
                remedy="give the raw counts; log-transformed, normalised or averaged tables are not read",
            )
    faults.raise_if_any()
    if kind == "fractions":
        return counts.astype(np.float64), kind
    return counts.astype(np.int64), kind


def warn_if_scaled(counts: sparse.csr_array, subject: str) -> None:
    """Issue a `ScaledCountsWarning` where whole numbers look like scaled fractions; see `scaled_reason`."""
    reason = scaled_reason(counts)
    if reason:
        warnings.warn(f"{subject}: {reason}", ScaledCountsWarning, stacklevel=3)


def scaled_reason(counts: sparse.csr_array) -> str | None:
    """Say why whole numbers look like scaled fractions, or return None where they look like reads.

    Parameters
    ----------
    counts : scipy.sparse.csr_array of int, shape (n_samples, n_features)
        The table.

    Notes
    -----
    A table rarefied to one depth also has constant sums, but keeps its many single reads. Fractions that
    were multiplied and rounded have sums that differ a little, on both sides of a round number, or hardly any
    ones. Sums of exactly 100,000 or a larger power of ten are taken for scaled fractions unless more than
    10 % of the nonzero cells are ones. Sums within 5 % of each other that are not the same are rare in
    sequencing, yet no proof: they count only beside one of the other two signs. Fractions that were
    multiplied and cut off (not rounded) sum to a little below a round number, and each sample lacks about
    half a read for each of its features. Reads that lost taxa after rarefaction lack far more in some samples
    than in others, and are let pass.

    Reads have no common divisor: of 50 numbers that differ, not all are multiples of 2 (or 7) by chance.
    Counts that were multiplied by a whole number have one.

    Not found: factors below 500 (rounded percent), factors that are no round number where ones are frequent,
    cut fractions of fewer than 5 samples, and tables of which taxa were left out afterwards.
    """
    advice = (
        "richness, Chao1, rarefaction and every count-based test would be wrong: use the raw counts. "
        "Shannon and other fraction-based figures are not affected"
    )
    factor = _common_factor(counts)
    if factor > 1:
        reason = f"every number in the table is a multiple of {factor:,}, as counts are that were multiplied"
    else:
        reason = _odd_sums(counts)
    return reason and f"{reason}; {advice}"


def _odd_sums(counts: sparse.csr_array) -> str | None:
    """Say how the sums of the samples look like those of scaled fractions; None where they do not."""
    sums = counts.sum(axis=1)
    sums = sums[sums > 0]
    if len(sums) < 2:
        return None
    centre = float(np.median(sums))
    exact = bool((sums == sums[0]).all())
    ones = float(np.mean(counts.data[counts.data > 0] == 1))
    few_ones = ones < _FEW_ONES
    if exact and ones <= _MANY_ONES and centre >= 100_000 and centre == 10.0 ** round(np.log10(centre)):
        return f"every sample sums to exactly {centre:,.0f}, as scaled fractions do, not reads"
    if exact and few_ones and centre >= 100:
        return (
            f"every sample sums to {centre:,.0f} and almost no feature has a single read, as rarefied counts "
            f"would: these look like scaled fractions"
        )
    depth = sums_cut_from(counts)
    if depth:
        return (
            f"all samples sum to a little under {depth:,.0f} ({sums.min():,} to {sums.max():,}) and lack "
            "about half a read a feature, as fractions are when they are multiplied and cut off"
        )
    nearly = not exact and centre >= 500 and np.ptp(sums) <= 0.05 * centre
    target = _round_number_between(sums, centre)
    if nearly and (few_ones or target):
        return (
            f"all samples sum to about {target or centre:,.0f} ({sums.min():,} to {sums.max():,}), as "
            f"fractions do when they are multiplied and rounded"
        )
    return None


def _common_factor(counts: sparse.csr_array) -> int:
    """Return the greatest common divisor of the numbers above 0; 1 where they are too few or all the same."""
    values = counts.data[counts.data > 0]
    if len(values) < _LEAST_VALUES or values.min() == 1 or values.min() == values.max():
        return 1
    return int(np.gcd.reduce(values.astype(np.int64)))


def sums_cut_from(counts: sparse.csr_array) -> float | None:
    """Return the round number that fractions were multiplied by before they were cut off, or None.

    Parameters
    ----------
    counts : scipy.sparse.csr_array of int, shape (n_samples, n_features)
        The table, without stored zeros.
    """
    sums = counts.sum(axis=1)
    features = np.diff(counts.indptr)[sums > 0]
    sums = sums[sums > 0]
    if len(sums) < _LEAST_SAMPLES or sums.max() < _LEAST_FACTOR:
        return None
    power = 10.0 ** np.floor(np.log10(sums.max()))
    target = min(number for number in (2 * power, 5 * power, 10 * power, power) if number > sums.max())
    lacking = target - sums
    each = lacking / features
    alike = _CUT_EACH[0] <= each.min() and each.max() <= _CUT_EACH[1]
    pooled = _CUT_ALL[0] <= lacking.sum() / features.sum() <= _CUT_ALL[1]
    return target if alike and pooled and (lacking <= _MOST_CUT * target).all() else None


def _round_number_between(sums: np.ndarray, centre: float) -> float | None:
    """Return 1, 2 or 5 times a power of ten where sums lie close to it, on both sides; None otherwise."""
    power = 10.0 ** np.floor(np.log10(centre))
    for target in (power, 2 * power, 5 * power, 10 * power):
        if sums.min() < target < sums.max() and abs(centre - target) <= 0.005 * target:
            return target
    return None


def _several(mask: np.ndarray, noun: str) -> str:
    number = int(mask.sum())
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"


def _places(
    counts: sparse.csr_array,
    mask: np.ndarray,
    sample_ids: Sequence[str],
    feature_ids: Sequence[str],
    most: int = 3,
) -> str:
    """Name the first cells of a mask over the stored values."""
    positions = np.flatnonzero(mask)[:most]
    rows = np.searchsorted(counts.indptr, positions, side="right") - 1
    named = [
        f"{counts.data[position]:g} in sample {str(sample_ids[row])!r}, feature "
        f"{str(feature_ids[counts.indices[position]])!r}"
        for position, row in zip(positions, rows, strict=True)
    ]
    rest = int(mask.sum()) - len(named)
    return "; ".join(named) + (f"; and {rest} more" if rest else "")


def _negative_remedy(counts: sparse.csr_array, finite: np.ndarray) -> str:
    """Tell a transformed table from one with a few wrong cells."""
    values = counts.data[finite]
    below = values[values < 0]
    share = len(below) / len(values)
    transformed = len(below) >= _LEAST_NEGATIVE or (
        len(below) > 2 and float(np.mean(below != np.floor(below))) > 0.5
    )
    scale = float(np.abs(values).mean())
    with np.errstate(invalid="ignore"):
        centred = bool(
            (np.abs(counts.mean(axis=1)) < 0.01 * scale).all()
            or (np.abs(counts.mean(axis=0)) < 0.01 * scale).all()
        )
    if centred:
        return (
            "the table is centred (rows or columns average 0, as after CLR or scaling): give the raw counts"
        )
    if share > 0.05 and transformed:
        return "so many negative numbers mean a log-transformed or scaled table: give the raw counts"
    return "correct these cells in the file"
