"""Samples matched with metadata, features with taxonomy and tree; nothing is dropped unless asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.errors import (
    AnalysisError,
    IdError,
    ParameterError,
    TableError,
    TaxonomyError,
    TreeError,
    did_you_mean,
    listed,
    nearest,
    one_fault,
)

DROPPABLE = ("unmatched_samples", "empty_samples", "unmatched_features")

_NAMED = 3
_SEARCHED = 500
_LONGEST = 64  # letters: a sequence as a name has no neighbour worth naming
_EXACT = 15  # digits that a float holds
_WHOLE = re.compile(r"[0-9]+(?:\.0*)?")
_SEPARATORS = re.compile(r"[^0-9a-z]")


@dataclass
class Matched:
    """Which rows and columns of a table stay, and why others do not.

    Attributes
    ----------
    samples, features : numpy.ndarray of bool
        What stays.
    errors : list of AnalysisError
        What does not fit and was not allowed to go.
    notes : list of str
        What goes on request.
    """

    samples: np.ndarray
    features: np.ndarray
    errors: list[AnalysisError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def everything(cls, shape: tuple[int, int]) -> Matched:
        """Start with all samples and features kept."""
        return cls(np.ones(shape[0], dtype=bool), np.ones(shape[1], dtype=bool))

    def cut(self, counts: sparse.csr_array) -> sparse.csr_array:
        """Return what stays of a table."""
        if not self.samples.all():
            counts = counts[self.samples]
        return counts if self.features.all() else counts[:, self.features]


def check_drop(drop: str | Collection[str], subject: str) -> frozenset[str]:
    """Return what may be dropped as a set.

    Raises
    ------
    ParameterError
        Where a name is not one of `DROPPABLE`.
    """
    if not isinstance(drop, str) and not (
        isinstance(drop, Collection) and all(isinstance(name, str) for name in drop)
    ):
        raise one_fault(
            ParameterError,
            subject,
            f"{drop!r} names nothing to drop",
            where="drop=",
            expected=f"some of {listed(DROPPABLE)}",
        )
    asked = frozenset([drop] if isinstance(drop, str) else drop)
    unknown = sorted(asked - set(DROPPABLE))
    if unknown:
        raise one_fault(
            ParameterError,
            subject,
            f"{listed(unknown)} cannot be dropped",
            where="drop=",
            remedy=did_you_mean(unknown[0], DROPPABLE),
        )
    return asked


def match_samples(
    matched: Matched,
    sample_ids: pd.Index,
    metadata_ids: pd.Index,
    drop: frozenset[str],
    subject: str,
    hint: str,
) -> None:
    """Compare the table's samples with the metadata's rows, and note what does not fit.

    Parameters
    ----------
    matched : Matched
        Where the result goes.
    sample_ids, metadata_ids : pandas.Index of str
        Both sets of ids.
    drop : frozenset of str
        What may go.
    subject : str
        The table's file.
    hint : str
        What else the user can do, or "".
    """
    in_both = sample_ids.isin(metadata_ids)
    extra = metadata_ids[~metadata_ids.isin(sample_ids)]
    lonely = sample_ids[~in_both]
    if not len(lonely) and not len(extra):
        return
    if "unmatched_samples" in drop and in_both.any():
        matched.samples &= in_both
        if len(lonely):
            matched.notes.append(f"{len(lonely)} of {len(sample_ids)} samples dropped, having no metadata")
        if len(extra):
            matched.notes.append(
                f"{len(extra)} of {len(metadata_ids)} metadata rows dropped, having no sample"
            )
        return
    same = _same_but_for_spelling(lonely, extra)
    remedy = "drop={'unmatched_samples'} keeps the " + f"{int(in_both.sum())} samples that are in both"
    if not in_both.any():
        remedy = "check that the table and the metadata belong together"
    if same:
        remedy = (
            f"{same} of them are the same but for case, '.', '-', '_' or a leading X (R changes names so), "
            f"leading zeros, a trailing '.0' or the code of accents: "
            f"spell them alike in both files; {remedy}"
        )
    if hint:
        remedy = f"{hint}; {remedy}"
    parts = []
    if len(lonely):
        parts.append(
            f"{len(lonely)} of {len(sample_ids)} samples of the table have no metadata: "
            f"{_with_nearest(lonely, extra)}"
        )
    if len(extra):
        parts.append(
            f"{len(extra)} of {len(metadata_ids)} metadata rows have no sample in the table: "
            f"{_with_nearest(extra, lonely)}"
        )
    matched.errors += [
        one_fault(IdError, subject, part, expected="the same sample ids in both", remedy=remedy)
        for part in parts
    ]


def match_depths(
    matched: Matched, depths: np.ndarray, sample_ids: pd.Index, drop: frozenset[str], subject: str
) -> None:
    """Find samples without a single read among those that stay."""
    empty = (depths == 0) & matched.samples
    if not empty.any():
        return
    names = sample_ids[empty]
    if "empty_samples" in drop and not empty[matched.samples].all():
        matched.samples &= ~empty
        matched.notes.append(f"{len(names)} sample(s) without reads dropped: {listed(names)}")
        return
    matched.errors.append(
        one_fault(
            TableError,
            subject,
            f"{len(names)} sample(s) have no reads at all: {listed(names)}",
            expected="at least one read in each sample",
            remedy="drop={'empty_samples'} leaves them out",
        )
    )


def match_features(
    matched: Matched,
    reads: np.ndarray,
    feature_ids: pd.Index,
    part_ids: pd.Index,
    part: str,
    drop: frozenset[str],
    subject: str,
) -> None:
    """Note features that the taxonomy or the tree lacks.

    Parameters
    ----------
    matched : Matched
        Where the result goes.
    reads : numpy.ndarray, shape (n_features,)
        The sum of each feature.
    feature_ids, part_ids : pandas.Index of str
        Features of the table, and of the part.
    part : str
        "taxonomy" or "tree".
    drop : frozenset of str
        What may go.
    subject : str
        The table's file.
    """
    lacking = ~feature_ids.isin(part_ids)
    if not lacking.any():
        return
    names = feature_ids[lacking]
    share = f"{reads[lacking].sum() / max(reads.sum(), 1e-300):.2%} of all reads"
    if "unmatched_features" in drop and not lacking.all():
        matched.features &= ~lacking
        matched.notes.append(
            f"{len(names)} of {len(feature_ids)} features dropped, absent from the {part}: {share}"
        )
        return
    remedy = f"give the {part} that was made for this table"
    if not lacking.all():
        remedy += "; or drop={'unmatched_features'} leaves these features and their reads out"
    found = _with_nearest(names, part_ids)
    matched.errors.append(
        one_fault(
            TreeError if part == "tree" else TaxonomyError,
            subject,
            f"{len(names)} of {len(feature_ids)} features ({share}) are not in the {part}: {found}",
            expected=f"every feature of the table in the {part}",
            remedy=remedy,
        )
    )


def _with_nearest(names: pd.Index, candidates: pd.Index) -> str:
    """Spell out the first names, each with the candidate that is most like it."""
    parts = []
    alike = {_folded(candidate): candidate for candidate in candidates}
    for name in names[:_NAMED]:
        near = alike.get(_folded(name)) if _folded(name) else None
        if near is None and len(name) <= _LONGEST:
            near = nearest(name, list(candidates[:_SEARCHED]))
        parts.append(f"{name!r} (nearest: {near!r})" if near else repr(name))
    rest = len(names) - _NAMED
    return ", ".join(parts) + (f" and {rest} more" if rest > 0 else "")


def _same_but_for_spelling(names: pd.Index, others: pd.Index) -> int:
    return len(({_folded(name) for name in names} & {_folded(name) for name in others}) - {""})


def _folded(name: object) -> str:
    """Reduce an id to what programs leave alone: no case, signs, accents, leading zeros or R's leading X."""
    text = str(name).strip()
    if _WHOLE.fullmatch(text):
        return str(int(float(text))) if len(text) < _EXACT else text
    plain = unicodedata.normalize("NFKD", text).casefold()
    return _SEPARATORS.sub("", plain).removeprefix("x")
