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

_SMALL, _MAX_RATIO = 2**18, 100  # bytes of text; unpacked against packed (trees of the field: 3 to 5)


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
        artifact = read_artifact(opened, "Phylogeny")
        return _parsed(artifact.content, artifact.packed_size, opened.name)
    if opened.kind not in ("newick", "text"):
        raise one_fault(
            ReadError, opened.name, "this is no tree", expected="Newick text, or a .qza of type Phylogeny"
        )
    return _parsed(opened.content, opened.packed_size, opened.name)


def _parsed(content: bytes, packed_size: int, subject: str) -> Phylogeny:
    """Parse Newick text that is no bomb: names and lengths differ, and hardly shrink."""
    if len(content) > max(_SMALL, _MAX_RATIO * packed_size):
        raise one_fault(
            ReadError,
            subject,
            f"the tree unpacks to {len(content):,} bytes, from {packed_size:,}",
            expected=f"at most {_MAX_RATIO} times the packed size: the names of a tree differ",
            remedy="it looks like a damaged file or a decompression bomb; unpack and check it outside",
        )
    return parse_newick(content, subject)
