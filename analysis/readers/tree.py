"""Phylogenies from files: Newick text and QIIME 2 artifacts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from analysis.errors import ReadError, one_fault
from analysis.readers.archive import read_artifact
from analysis.readers.newick import parse_newick
from analysis.readers.opening import Opened, open_file
from analysis.readers.phylogeny import Phylogeny

if TYPE_CHECKING:
    from skbio import TreeNode


def read_tree(path: str | os.PathLike[str]) -> TreeNode:
    """Read a phylogeny from Newick text or a QIIME 2 artifact, with all of its tips.

    Parameters
    ----------
    path : str or path-like
        A Newick file or a .qza of type Phylogeny, compressed or not.

    Returns
    -------
    skbio.TreeNode
        The root. Underscores in names stay as they are written.

    Raises
    ------
    ReadError
        Where the file is damaged, of another type, or no Newick tree.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import analysis as an
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "tree.nwk")
    ...     _ = path.write_text("((a:1,b:2):1,c:3);", encoding="utf-8")
    ...     found = an.readers.read_tree(path)
    >>> [tip.name for tip in found.tips()]
    ['a', 'b', 'c']
    """
    return phylogeny_of(open_file(path)).to_skbio()


def phylogeny_of(opened: Opened) -> Phylogeny:
    """Read a phylogeny from an opened file."""
    if opened.kind == "zip":
        return parse_newick(read_artifact(opened, "Phylogeny").content, opened.name)
    if opened.kind not in ("newick", "text"):
        raise one_fault(
            ReadError, opened.name, "this is no tree", expected="Newick text, or a .qza of type Phylogeny"
        )
    return parse_newick(opened.content, opened.name)
