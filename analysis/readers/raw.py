"""What every reader hands over: the parts of a table before they are checked and joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd
from scipy import sparse

from analysis.errors import AnalysisError, Fault, TableError

if TYPE_CHECKING:
    from analysis.readers.phylogeny import Phylogeny


@dataclass
class RawTable:
    """A table as one file gives it.

    Attributes
    ----------
    counts : scipy.sparse.csr_array, shape (n_samples, n_features)
        Numbers as they stand in the file.
    sample_ids, feature_ids : list of str
        Names of rows and columns; not yet checked.
    format : str
        The format found, for people: "BIOM 2.1 (HDF5)".
    taxonomy, metadata : pandas.DataFrame, optional
        Where the same file holds them: indexed by feature and by sample ids, in the table's order.
    phylogeny : Phylogeny, optional
        Where the same file holds it.
    label : str, optional
        The label of a mothur table, which may be a rank ("genus").
    faults : list of Fault
        What is wrong with single cells or lines, to be told together with what is wrong with the numbers.
    notes : list of str
        What a reader of the study should know about how the file was read.
    """

    counts: sparse.csr_array
    sample_ids: list[str]
    feature_ids: list[str]
    format: str
    taxonomy: pd.DataFrame | None = None
    metadata: pd.DataFrame | None = None
    phylogeny: Phylogeny | None = None
    label: str | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def transposed(self) -> RawTable:
        """Return the table with the names and numbers of samples and features exchanged."""
        return RawTable(
            sparse.csr_array(self.counts.T),
            self.feature_ids,
            self.sample_ids,
            self.format,
            faults=self.faults,
            notes=self.notes,
        )


def raise_together(subject: str, errors: list[AnalysisError]) -> None:
    """Raise the faults of several errors as one; where they differ in kind, as `AnalysisError`.

    Parameters
    ----------
    subject : str
        The file or study at fault.
    errors : list of AnalysisError
        What was found; nothing is raised where it is empty.
    """
    if not errors:
        return
    kinds = {type(error) for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else AnalysisError
    raise kind(subject, *(fault for error in errors for fault in error.faults)) from errors[0]


def as_error(
    subject: str, faults: list[Fault], kind: type[AnalysisError] = TableError
) -> list[AnalysisError]:
    """Wrap faults for `raise_together`; an empty list stays empty."""
    return [kind(subject, *faults)] if faults else []
