"""Trees as plain arrays, cut down to a table's features without changing a distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import TreeError, listed, one_fault

if TYPE_CHECKING:
    from skbio import TreeNode


@dataclass(frozen=True)
class Phylogeny:
    """A tree as arrays, each node after its parent.

    Attributes
    ----------
    parents : numpy.ndarray of int, shape (n_nodes,)
        The position of each node's parent; -1 for the root, which comes first.
    names : list of str or None, length n_nodes
        Labels as they stand in the file, without quotes.
    lengths : numpy.ndarray of float, shape (n_nodes,)
        The length of the branch above each node; NaN where none is given.
    """

    parents: np.ndarray
    names: list[str | None]
    lengths: np.ndarray

    @property
    def is_tip(self) -> np.ndarray:
        """Whether each node has no children."""
        tip = np.ones(len(self.parents), dtype=bool)
        tip[self.parents[1:]] = False
        return tip

    @property
    def is_unrooted(self) -> bool:
        """Whether three branches or more meet at the top, below any stem without a length."""
        children = np.bincount(self.parents[1:], minlength=len(self.parents))
        top = 0
        while children[top] == 1 and not self.lengths[top + 1] > 0:
            top += 1  # an only child comes right after its parent
        return bool(children[top] > 2)

    def sheared(self, tips: np.ndarray) -> Phylogeny:
        """Keep some tips and the branches from them to the root.

        Parameters
        ----------
        tips : numpy.ndarray of int
            Positions of the tips to keep.

        Returns
        -------
        Phylogeny
            The smaller tree. A node left with one child is joined with it and their lengths are added up; the
            root stays, with the whole path up to it, so that Faith's PD and UniFrac of the kept tips do not
            change.
        """
        n = len(self.parents)
        kept = np.zeros(n, dtype=bool)
        kept[tips] = True
        children = np.zeros(n, dtype=np.int64)
        parents, lengths = self.parents.tolist(), self.lengths.copy()
        for node in range(n - 1, 0, -1):
            if kept[node]:
                kept[parents[node]] = True
                children[parents[node]] += 1
        joined = kept & (children == 1)
        joined[0] = False
        new_place = np.full(n, -1)
        order, new_parents, new_lengths = [], [], []
        for node in range(n):
            if not kept[node]:
                continue
            parent = parents[node]
            if node and joined[parent]:
                lengths[node] += lengths[parent]
                parents[node] = parent = parents[parent]
            if joined[node]:
                continue
            new_place[node] = len(order)
            order.append(node)
            new_parents.append(new_place[parent] if node else -1)
            new_lengths.append(lengths[node])
        return Phylogeny(np.array(new_parents), [self.names[k] for k in order], np.array(new_lengths))

    def to_skbio(self) -> TreeNode:
        """Build a scikit-bio tree."""
        from skbio import TreeNode

        lengths = [None if np.isnan(length) else float(length) for length in self.lengths]
        nodes = [TreeNode(name=name, length=length) for name, length in zip(self.names, lengths, strict=True)]
        for node, parent in zip(nodes[1:], self.parents[1:], strict=True):
            nodes[parent].children.append(node)
            node.parent = nodes[parent]
        return nodes[0]


@dataclass(frozen=True)
class FittedTree:
    """A tree whose tips are named as a table's features.

    Attributes
    ----------
    phylogeny : Phylogeny
        The whole tree.
    tips : numpy.ndarray of int
        Positions of its tips.
    tip_ids : pandas.Index of str
        Their names, spelled as the features are.
    notes : list of str
        What was done.
    """

    phylogeny: Phylogeny
    tips: np.ndarray
    tip_ids: pd.Index
    notes: list[str]

    def cut_to(self, feature_ids: pd.Index) -> Phylogeny:
        """Return the tree of some features; the tree itself where these are all of its tips.

        An unrooted tree stays whole: cut, it could be left with two branches at the top and pass as rooted.
        """
        kept = self.tips[self.tip_ids.isin(feature_ids)]
        if len(kept) == len(self.tips) or self.phylogeny.is_unrooted:
            return self.phylogeny
        return self.phylogeny.sheared(kept)


def fit_tree(phylogeny: Phylogeny, feature_ids: Sequence[str], subject: str) -> FittedTree:
    """Find a table's features among the tips of a tree.

    Parameters
    ----------
    phylogeny : Phylogeny
        The whole tree.
    feature_ids : sequence of str
        The table's features.
    subject : str
        The tree's file, for messages.

    Returns
    -------
    FittedTree
        The tips that are features; the tree is not cut yet.

    Raises
    ------
    TreeError
        Where one name stands at several of the tips that are needed.

    Notes
    -----
    Newick writes spaces as underscores, and not every program does. Where names do not match as they stand,
    they are compared with the two taken as the same.
    """
    wanted = pd.Index(feature_ids, dtype=object)
    places = np.flatnonzero(phylogeny.is_tip)
    tip_names = pd.Index([phylogeny.names[k] or "" for k in places], dtype=object)
    notes = []
    if not wanted.isin(tip_names).all():
        loose, loose_tips = (
            pd.Index([name.replace("_", " ") for name in names], dtype=object)
            for names in (wanted, tip_names)
        )
        if loose.is_unique and loose.isin(loose_tips).sum() > wanted.isin(tip_names).sum():
            rows = loose.get_indexer(loose_tips)
            tip_names = pd.Index(
                [feature_ids[row] if row >= 0 else name for row, name in zip(rows, tip_names, strict=True)],
                dtype=object,
            )
            names = list(phylogeny.names)
            for place, name in zip(places, tip_names, strict=True):
                names[place] = name
            phylogeny = Phylogeny(phylogeny.parents, names, phylogeny.lengths)
            notes.append("underscores and spaces in the names of the tree were taken as the same")
    used = tip_names.isin(wanted)
    repeated = tip_names[used & tip_names.duplicated()].unique()
    if len(repeated):
        raise one_fault(
            TreeError,
            subject,
            f"{len(repeated)} name(s) stand at several tips: {listed(repeated)}",
            expected="one tip for each feature",
        )
    if used.any() and not used.all() and phylogeny.is_unrooted:
        notes.append(
            f"the tree is unrooted and was left whole: {used.sum():,} of {len(places):,} tips are used"
        )
    elif used.any() and not used.all():
        notes.append(
            f"tree cut from {len(places):,} to {used.sum():,} tips; branches up to the root are kept"
        )
    return FittedTree(phylogeny, places, tip_names, notes)


def phylogeny_from_skbio(tree: TreeNode) -> Phylogeny:
    """Turn a scikit-bio tree into arrays."""
    nodes = list(tree.preorder(include_self=True))
    place = {id(node): k for k, node in enumerate(nodes)}
    parents = [-1, *(place[id(node.parent)] for node in nodes[1:])]
    lengths = [np.nan if node.length is None else float(node.length) for node in nodes]
    return Phylogeny(np.array(parents), [node.name for node in nodes], np.array(lengths))
