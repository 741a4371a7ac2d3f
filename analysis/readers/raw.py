"""What every reader hands over: the parts of a table before they are checked and joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from scipy import sparse

if TYPE_CHECKING:
    from skbio import TreeNode


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
        Where the same file holds them: indexed by feature and by sample ids.
    tree : skbio.TreeNode, optional
        Where the same file holds it.
    """

    counts: sparse.csr_array
    sample_ids: list[str]
    feature_ids: list[str]
    format: str
    taxonomy: pd.DataFrame | None = None
    metadata: pd.DataFrame | None = None
    tree: TreeNode | None = None
