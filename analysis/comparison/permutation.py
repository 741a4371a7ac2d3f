"""Which labels a design allows to be exchanged, how many arrangements there are, and how to draw them.

A treatment is given to units: samples, or whole plots (cages, subjects). The null hypothesis says that the
labels of the units could have fallen otherwise, anywhere or only within blocks. Labels are exchanged here,
not rows: units may then hold different numbers of samples.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.comparison.distances import is_number
from analysis.errors import DesignError, Faults, listed, one_fault

ENUMERATED = 5_000  # designs with at most this many arrangements are gone through in full
_MOST_UNITS = 200  # how far the search for a large enough design goes


@dataclass(frozen=True, eq=False)
class Units:
    """The units whose labels may be exchanged; built by `exchangeable_units`.

    Attributes
    ----------
    factor : str
        Name of the column whose labels are exchanged.
    levels : numpy.ndarray, shape (n_levels,)
        Its distinct values, sorted.
    codes : numpy.ndarray of int, shape (n_units,)
        The level that each unit has.
    blocks : numpy.ndarray of int, shape (n_units,)
        The block that each unit lies in; all 0 where units are exchanged freely.
    of_sample : numpy.ndarray of int, shape (n_samples,)
        The unit that each sample belongs to.
    numeric : bool
        Whether the factor is a number that enters as a slope.
    scheme : str
        What is exchanged, in words.
    """

    factor: str
    levels: np.ndarray
    codes: np.ndarray
    blocks: np.ndarray
    of_sample: np.ndarray
    numeric: bool
    scheme: str

    @cached_property
    def sizes(self) -> np.ndarray:
        """Return the number of samples in each unit."""
        return np.bincount(self.of_sample, minlength=len(self.codes))

    @cached_property
    def counts(self) -> np.ndarray:
        """Return how many units each block has of each level, shape (n_blocks, n_levels)."""
        table = np.zeros((self.blocks.max() + 1, len(self.levels)), dtype=np.int64)
        np.add.at(table, (self.blocks, self.codes), 1)
        return table

    @cached_property
    def n_arrangements(self) -> int:
        """Return the exact number of distinct arrangements of the labels, the observed one included."""
        return math.prod(_multinomial(row) for row in self.counts)

    @cached_property
    def n_equivalent(self) -> int:
        """Return how many of these split the units as a given one does, for they only rename the levels.

        Notes
        -----
        Two levels may swap names where each block holds equally many units of both; a numeric factor gives
        the same fit when it is turned round, where that leaves each block's values as they are.
        """
        if self.numeric:
            mirrored = np.allclose(self.levels[0] + self.levels[-1] - self.levels[::-1], self.levels)
            return 2 if mirrored and (self.counts == self.counts[:, ::-1]).all() else 1
        alike = Counter(tuple(column) for column in self.counts.T)
        return math.prod(math.factorial(number) for number in alike.values())

    @property
    def smallest_p(self) -> float:
        """Return the smallest p that this design can reach, whatever the data."""
        return self.n_equivalent / self.n_arrangements


class Arrangements(NamedTuple):
    """Labels as they could have fallen.

    Attributes
    ----------
    labels : numpy.ndarray of int, shape (n, n_units)
        The level of each unit in each arrangement; the first row is the observed one.
    exact : bool
        Whether the rows are all the arrangements there are, each once.
    """

    labels: np.ndarray
    exact: bool


def exchangeable_units(
    factor: pd.Series, blocks: pd.Series | None = None, plots: pd.Series | None = None
) -> Units:
    """Find the units of a design and check that its labels can move.

    Parameters
    ----------
    factor : pandas.Series, shape (n_samples,)
        What was given or observed, without gaps. Numbers (not booleans) enter as a slope, all else as
        categories.
    blocks : pandas.Series, optional
        Labels are exchanged only within a block: a subject measured repeatedly, a batch.
    plots : pandas.Series, optional
        Labels are exchanged between whole plots: a cage, a subject. The factor is constant in each.

    Returns
    -------
    Units
        Samples are taken in the order given, plots in the order of their names.

    Raises
    ------
    DesignError
        Where the factor has one level, varies within plots, or cannot be moved by any arrangement, and where
        a plot lies in several blocks.

    Examples
    --------
    >>> cages = pd.Series([1, 1, 2, 3, 3, 4, 5, 6, 6], name="cage")
    >>> dose = pd.Series(["none"] * 5 + ["high"] * 4, name="dose")
    >>> units = exchangeable_units(dose, plots=cages)
    >>> units.n_arrangements, units.smallest_p
    (20, 0.1)
    >>> units.scheme
    "6 whole units of 'cage' (1 to 2 samples each) are exchanged freely"
    """
    name = str(factor.name)
    faults = Faults(f"testing {name!r}", DesignError)
    numeric = is_number(factor)
    codes, levels = _codes(factor, numeric=numeric)
    if len(levels) < 2:
        faults.add(
            f"all {len(codes)} samples have {name} = {levels[0]!s}",
            expected="at least two levels to compare",
            remedy="name another column, or include the samples of the other arm",
        )
    n = len(codes)
    block_of = np.zeros(n, dtype=np.int64) if blocks is None else _codes(blocks)[0]
    unit_of, plot_names = (np.arange(n), None) if plots is None else _codes(plots)
    first = np.unique(unit_of, return_index=True)[1]
    if plots is not None:
        _check_plots(plots, unit_of, plot_names, codes, name, faults)
        if blocks is not None:
            _check_nesting(plots, blocks, unit_of, plot_names, block_of, faults)
    faults.raise_if_any()
    units = Units(name, levels, codes[first], block_of[first], unit_of, numeric, scheme="")
    units = replace(units, scheme=_scheme(units, blocks, plots))
    if units.n_arrangements == 1:
        _refuse_fixed(units, blocks, plots)
    return units


def arrange(units: Units, permutations: int = 999, seed: int = 0) -> Arrangements:
    """List all arrangements of the labels where they are few, or draw some at random.

    Parameters
    ----------
    units : Units
        The design.
    permutations : int, default 999
        How many to draw, beside the observed one. A design with at most 5,000 distinct arrangements, or no
        more than are asked for, is gone through in full, so that p is exact.
    seed : int, default 0
        Start of the random draws.

    Returns
    -------
    Arrangements
        The observed labels first.

    Notes
    -----
    Drawn arrangements are independent and may repeat; the observed one counts as one of them, which keeps the
    test valid [1]_.

    References
    ----------
    .. [1] Phipson B, Smyth GK (2010). Permutation p-values should never be zero. Stat Appl Genet Mol Biol
       9:39. doi:10.2202/1544-6115.1585
    """
    if units.n_arrangements <= max(permutations + 1, ENUMERATED):
        return Arrangements(_enumerate(units), exact=True)
    return Arrangements(_draw(units, permutations, seed), exact=False)


def check_reach(units: Units, smallest_p: float, alpha: float) -> None:
    """Raise `DesignError` where even the most extreme arrangement would give a p above alpha."""
    if smallest_p <= alpha:
        return
    # Ties found among the arrangements can be more than the design's symmetry says; else the exact number.
    tied = smallest_p > units.smallest_p * (1 + 1e-9)
    alike = in_words(round(smallest_p * units.n_arrangements) if tied else units.n_equivalent)
    raise one_fault(
        DesignError,
        f"testing {units.factor!r}",
        f"the smallest p this design can reach is {smallest_p:.3g}: {units.scheme}, and of "
        f"{in_words(units.n_arrangements)} arrangements {alike} split them in the same way",
        expected=f"a design that can reach p <= {alpha:g}",
        remedy=f"{_enough(units, alpha)}; alpha=None gives the figures all the same",
    )


def in_words(number: int) -> str:
    """Write a whole number of any size shortly.

    Examples
    --------
    >>> in_words(20), in_words(math.comb(60, 30))
    ('20', '1.18e+17')
    """
    return f"{number:,}" if number < 1_000_000 else f"{Decimal(number):.2e}"  # float() would overflow


def _codes(values: pd.Series, *, numeric: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Give each distinct value a number, in sorted order: numbers by size, all else by its text."""
    column = values.to_numpy(dtype=float) if numeric else values.astype(str).to_numpy(dtype=object)
    levels, codes = np.unique(column, return_inverse=True)
    return codes, levels


def _multinomial(counts: np.ndarray) -> int:
    return math.factorial(int(counts.sum())) // math.prod(math.factorial(int(count)) for count in counts)


def _split(unit_of: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Find the units whose samples have more than one value."""
    pairs = np.unique(np.column_stack([unit_of, values]), axis=0)
    return np.flatnonzero(np.bincount(pairs[:, 0]) > 1)


def _check_plots(
    plots: pd.Series, unit_of: np.ndarray, names: np.ndarray, codes: np.ndarray, factor: str, faults: Faults
) -> None:
    mixed = _split(unit_of, codes)
    if len(mixed):
        faults.add(
            f"{factor!r} varies within {len(mixed)} of {len(names)} units of {str(plots.name)!r}: "
            f"{listed(names[mixed])}",
            where="plots=",
            expected="one level in each whole unit",
            remedy=f"blocks={str(plots.name)!r} exchanges samples within each unit; where only some units "
            "are mixed, look for slips in the table",
        )


def _check_nesting(
    plots: pd.Series,
    blocks: pd.Series,
    unit_of: np.ndarray,
    names: np.ndarray,
    block_of: np.ndarray,
    faults: Faults,
) -> None:
    astray = _split(unit_of, block_of)
    if len(astray):
        faults.add(
            f"{len(astray)} of {len(names)} units of {str(plots.name)!r} lie in more than one block of "
            f"{str(blocks.name)!r}: {listed(names[astray])}",
            where="plots=, blocks=",
            expected="each whole unit in one block (a subject in one cage)",
            remedy="mend the table, or leave out blocks= if units really move between them",
        )


def _refuse_fixed(units: Units, blocks: pd.Series | None, plots: pd.Series | None) -> None:
    where = "" if blocks is None else str(blocks.name)
    if plots is None:
        remedy = (
            f"it was given to whole units of {where!r}: plots={where!r} exchanges those; blocks={where!r} "
            "would give p = 1 whatever the data"
        )
    else:
        remedy = f"{units.factor!r} cannot be told from {where!r} in this design: leave out blocks={where!r}"
    raise one_fault(
        DesignError,
        f"testing {units.factor!r}",
        f"{units.factor!r} does not vary within any of the {len(units.counts)} blocks of {where!r}, so no "
        "allowed permutation can move it",
        where="blocks=",
        expected="blocks that hold at least two levels",
        remedy=remedy,
    )


def _scheme(units: Units, blocks: pd.Series | None, plots: pd.Series | None) -> str:
    if plots is None:
        text = f"{len(units.codes)} samples are exchanged"
    else:
        text = (
            f"{len(units.codes)} whole units of {str(plots.name)!r} ({_span(units.sizes)} samples each) are "
            "exchanged"
        )
    if blocks is None:
        return text + " freely"
    per_block = units.counts.sum(axis=1)
    text += f" within {len(per_block)} blocks of {str(blocks.name)!r} ({_span(per_block)} each)"
    still = int(((units.counts > 0).sum(axis=1) == 1).sum())
    return text + (f", of which {still} hold one level and stay as they are" if still else "")


def _span(numbers: np.ndarray) -> str:
    return str(numbers.min()) if numbers.min() == numbers.max() else f"{numbers.min()} to {numbers.max()}"


def _enough(units: Units, alpha: float) -> str:
    """Say how large a balanced design of the same kind reaches alpha."""
    n_blocks, n_levels = units.counts.shape
    if n_blocks > 1:
        block = max(units.counts, key=_multinomial)
        alike = Counter(block[block > 0].tolist())
        same_split = math.prod(math.factorial(number) for number in alike.values())
        for number in range(2, _MOST_UNITS):
            if same_split / _multinomial(block) ** number <= alpha:
                return f"{number} blocks like the fullest one here would do"
    elif units.numeric and n_levels > 2:
        for number in range(3, _MOST_UNITS):
            if 2 / math.factorial(number) <= alpha:
                return f"{number} units of different {units.factor} would do"
    else:
        for number in range(2, _MOST_UNITS):
            if math.factorial(n_levels) / _multinomial(np.full(n_levels, number)) <= alpha:
                return f"{number} units an arm would do"
    return f"no design of up to {_MOST_UNITS} units would do"


def _enumerate(units: Units) -> np.ndarray:
    """List every arrangement once, the observed one first."""
    total = units.n_arrangements
    labels = np.empty((total, len(units.codes)), dtype=_small_int(units))
    stride = 1
    for number, counts in enumerate(units.counts):
        rows = _enumerate_block(counts)
        labels[:, units.blocks == number] = rows[np.arange(total) // stride % len(rows)]
        stride *= len(rows)
    observed = int(np.flatnonzero((labels == units.codes).all(axis=1))[0])
    labels[[0, observed]] = labels[[observed, 0]]
    return labels


def _enumerate_block(counts: np.ndarray) -> np.ndarray:
    """List the arrangements of one block, shape (n, units in it): level after level, its places."""
    present = np.flatnonzero(counts)
    rest = present[-1]
    rows = np.full((1, counts.sum()), rest)
    for level in present[:-1]:
        free = np.nonzero(rows == rest)[1].reshape(len(rows), -1)
        choices = np.array(list(combinations(range(free.shape[1]), int(counts[level]))))
        places = free[:, choices].reshape(-1, counts[level])
        rows = np.repeat(rows, len(choices), axis=0)
        np.put_along_axis(rows, places, level, axis=1)
    return rows


def _draw(units: Units, permutations: int, seed: int) -> np.ndarray:
    """Draw arrangements at random, under the observed one."""
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    labels = np.tile(units.codes.astype(_small_int(units)), (permutations + 1, 1))
    moving = np.flatnonzero((units.counts > 0).sum(axis=1) > 1)
    members = [np.flatnonzero(units.blocks == block) for block in moving]
    for size in sorted({len(block) for block in members}):  # blocks of one size are shuffled in one call
        index = np.array([block for block in members if len(block) == size])
        labels[1:, index] = rng.permuted(labels[1:, index], axis=-1)
    return labels


def _small_int(units: Units) -> type:
    return np.int16 if len(units.levels) < np.iinfo(np.int16).max else np.int64
