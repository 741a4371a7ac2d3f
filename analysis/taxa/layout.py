"""The rows of a comparison of arms, what ties them together, and the degrees of freedom that this leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Layout:
    """The rows of a comparison: samples, or the changes of subjects.

    Attributes
    ----------
    row_ids : pandas.Index
        The samples (or subjects), in the order of their ids.
    arms : tuple of str
        Levels of the treatment, the reference first.
    arm : numpy.ndarray of int, shape (n_rows,)
        Each row's place in `arms`.
    covariates : pandas.DataFrame
        Numbers as they are; all else as categories.
    groups : dict of str to numpy.ndarray
        Columns whose values share rows (cage, subject), outermost first; they are random effects.
    changes : Changes, optional
        Set where not the samples but the changes of subjects are compared.
    left_out : tuple of str
        Samples not used: with gaps, or for changes of other times than baseline and follow-up.
    """

    row_ids: pd.Index
    arms: tuple[str, ...]
    arm: np.ndarray
    covariates: pd.DataFrame
    groups: dict[str, np.ndarray]
    changes: Changes | None = None
    left_out: tuple[str, ...] = ()

    @property
    def design(self) -> tuple[np.ndarray, np.ndarray]:
        """The fixed effects as columns, and which of them hold the contrasts with the reference."""
        dummies = [(self.arm == k).astype(float) for k in range(1, len(self.arms))]
        columns = [np.ones(len(self.arm)), *dummies]
        for name in self.covariates:
            column = self.covariates[name]
            if isinstance(column.dtype, pd.CategoricalDtype):
                codes = column.cat.codes.to_numpy()
                columns += [(codes == k).astype(float) for k in range(1, len(column.cat.categories))]
            else:
                columns.append(column.to_numpy(float))
        return np.column_stack(columns), np.arange(1, len(self.arms))

    def units(self) -> tuple[str, np.ndarray]:
        """Return what the treatment was given to: the outermost grouping within which it is constant."""
        for name, codes in self.groups.items():
            if constant_within(self.arm, codes):
                return name, codes
        return "sample" if self.changes is None else "subject", np.arange(len(self.arm))

    def counted(self) -> str:
        """Say how many units and samples each arm has."""
        if self.changes is not None:
            subjects = self.changes.layout.counted().removesuffix(" samples")
            return f"the changes from baseline to follow-up of {subjects} values of {self.changes.subject!r}"
        name, codes = self.units()
        units = [len(np.unique(codes[self.arm == k])) for k in range(len(self.arms))]
        rows = [int((self.arm == k).sum()) for k in range(len(self.arms))]
        text = " and ".join(f"{n} {arm}" for n, arm in zip(units, self.arms, strict=True))
        return f"{text} samples" if units == rows else f"{text} values of {name!r} ({sum(rows)} samples)"


@dataclass(frozen=True, eq=False)
class Changes:
    """How samples make the change of each subject: the mean of its follow-up less the mean of its baseline.

    Attributes
    ----------
    subject : str
        The column that names the subjects.
    codes, after : numpy.ndarray, shape (n_samples,)
        Each sample's subject, and 1 for follow-up, 0 for baseline.
    weights : numpy.ndarray, shape (n_subjects, n_samples)
        ``weights @ values`` are the changes.
    layout : Layout
        The subjects as rows.
    """

    subject: str
    codes: np.ndarray
    after: np.ndarray
    weights: np.ndarray
    layout: Layout


def containment(layout: Layout) -> np.ndarray:
    """Return the degrees of freedom of each contrast, by the level at which its term varies.

    Notes
    -----
    The rule of nlme (Pinheiro & Bates 2000, doi:10.1007/b98882, section 2.4.2): a term that is constant
    within the groups of a level, but not one level further out, has as many degrees of freedom as that level
    has groups, less the groups one level out (1 at the top) and less the terms estimated there.
    """
    x, tested = layout.design
    levels = [*layout.groups.values(), np.arange(len(layout.arm))]
    counts = [1, *(len(np.unique(codes)) for codes in levels)]
    level_of = np.array(
        [next(i for i, codes in enumerate(levels) if constant_within(column, codes)) for column in x.T[1:]]
    )
    terms = np.bincount(level_of, minlength=len(levels))
    return np.array([counts[i + 1] - counts[i] - terms[i] for i in level_of[tested - 1]])


def constant_within(values: np.ndarray, groups: np.ndarray) -> bool:
    """Say whether a value never varies within a group."""
    pairs = pd.DataFrame({"group": groups, "value": values}).drop_duplicates()
    return bool(pairs["group"].is_unique)
