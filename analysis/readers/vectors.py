"""One number a sample: QIIME 2 alpha vectors and tables of diversity that other tools wrote."""

from __future__ import annotations

import os

import pandas as pd

from analysis.errors import ParameterError, ReadError, did_you_mean, listed, one_fault
from analysis.readers.archive import read_artifact
from analysis.readers.metadata import metadata_of
from analysis.readers.opening import Opened, open_file


def read_alpha(path: str | os.PathLike[str], column: str | None = None) -> pd.Series:
    r"""Read a diversity measure of each sample.

    Parameters
    ----------
    path : str or path-like
        A .qza of type SampleData[AlphaDiversity], or a text table with sample ids in its first column.
        Compressed or not.
    column : str, optional
        Which column, where the file holds several numeric ones.

    Returns
    -------
    pandas.Series of float, length n_samples
        Indexed by sample id, named as in the file. Note that QIIME 2 writes Shannon in base 2, mothur in
        nats.

    Raises
    ------
    ReadError, ParameterError, IdError
        Where the file is damaged or of another type, has no numeric column, or several and none was chosen.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import analysis as an
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "shannon.tsv")
    ...     _ = path.write_text("sample-id,shannon\nS1,3.2\nS2,2.9\n", encoding="utf-8")
    ...     found = an.readers.read_alpha(path)
    >>> found.to_dict()
    {'S1': 3.2, 'S2': 2.9}
    """
    opened = open_file(path)
    if opened.kind == "zip":
        content = read_artifact(opened, "SampleData[AlphaDiversity]").content
        opened = Opened(opened.path, content, opened.sha256, "", "text")
    table = metadata_of(opened).frame()
    numeric = [name for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]
    if column is not None and column not in numeric:
        raise one_fault(
            ParameterError,
            opened.name,
            f"there is no numeric column {column!r}",
            remedy=did_you_mean(column, numeric),
        )
    if not numeric:
        raise one_fault(
            ReadError,
            opened.name,
            "no column holds numbers",
            expected="sample ids in the first column and one number for each",
        )
    if column is None and len(numeric) > 1:
        raise one_fault(
            ParameterError,
            opened.name,
            f"{len(numeric)} columns hold numbers: {listed(numeric, 12)}",
            remedy=f"choose one: read_alpha(path, column={numeric[0]!r})",
        )
    return table[column or numeric[0]].astype(float)
