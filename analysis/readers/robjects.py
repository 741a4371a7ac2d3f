"""Serialised R objects as rdata parses them, with their attributes at hand."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

_FEW_ITEMS = 10_000
_DEEPEST = 5_000  # calls: lists of R's linked kind are parsed one inside the other


@dataclass
class RValue:
    """One R object.

    Attributes
    ----------
    node : rdata.parser.RObject
        The object as rdata parses it.
    """

    node: Any

    @cached_property
    def attributes(self) -> dict[str, RValue]:
        """The object's attributes, which are also the slots of an S4 object."""
        return dict(_pairs(self.node.attributes)) if self.node.attributes is not None else {}

    @property
    def kind(self) -> str:
        """R's basic type, for messages."""
        return self.node.info.type.name.lower()

    @property
    def classes(self) -> list[str]:
        """The object's classes; empty where it has none."""
        return list(self.attributes["class"].vector()) if "class" in self.attributes else []

    @property
    def dim(self) -> tuple[int, ...]:
        """The dimensions of a matrix; () for what is none."""
        return tuple(int(n) for n in self.attributes["dim"].vector()) if "dim" in self.attributes else ()

    @property
    def names(self) -> list[str]:
        """The names of a list's items or of a data frame's columns."""
        return [str(name) for name in self.attributes["names"].vector()] if "names" in self.attributes else []

    @property
    def is_number_matrix(self) -> bool:
        """Whether this is a matrix of numbers with names for rows and columns."""
        return len(self.dim) == 2 and self.kind in ("int", "real") and "dimnames" in self.attributes

    def items(self) -> list[RValue]:
        """Return the items of a list."""
        return [RValue(_real(node)) for node in self.node.value]

    def vector(self) -> np.ndarray:
        """Return a vector's values: numbers, or text with None for NA; a factor gives its levels."""
        if self.kind == "str":
            return np.array([_text(node) for node in self.node.value], dtype=object)
        if self.kind == "lgl":
            flags = np.ma.filled(np.ma.asarray(self.node.value).astype(float), np.nan)
            return np.array(
                [None if np.isnan(x) else ("TRUE" if x else "FALSE") for x in flags], dtype=object
            )
        values = self.node.value
        if not isinstance(values, np.ndarray):
            message = f"a vector of numbers or text was expected, not {self.kind}"
            raise TypeError(message)
        if "levels" in self.attributes:
            levels = self.attributes["levels"].vector()
            codes = np.ma.filled(np.ma.asarray(values), 0)
            return np.array([levels[code - 1] if code >= 1 else None for code in codes], dtype=object)
        if np.ma.isMaskedArray(values) and values.mask.any():
            return values.astype(float).filled(np.nan)
        return np.asarray(values)

    def matrix(self) -> tuple[np.ndarray, list[str], list[str]]:
        """Return a matrix with the names of its rows and columns."""
        rows, columns = self.dim
        if "dimnames" not in self.attributes:
            message = "the matrix has no names for its rows and columns"
            raise ValueError(message)
        names = [[str(name) for name in axis.vector()] for axis in self.attributes["dimnames"].items()]
        values = self.vector().reshape((rows, columns), order="F")
        if (len(names[0]), len(names[1])) != (rows, columns):
            message = f"{len(names[0])} and {len(names[1])} names for a matrix of {rows} x {columns}"
            raise ValueError(message)
        return values, names[0], names[1]

    def row_names(self) -> list[str]:
        """Return the row names of a data frame."""
        return [str(name) for name in self.attributes["row.names"].vector()]


def parse_r(content: bytes) -> dict[str, RValue]:
    """Parse an uncompressed .rds or .rda stream.

    Parameters
    ----------
    content : bytes
        The stream, unpacked.

    Returns
    -------
    dict of str to RValue
        The objects of an .rda by name; the one object of an .rds under "".

    Raises
    ------
    ValueError, LookupError, NotImplementedError, AssertionError, RecursionError
        As rdata raises them, where the stream is damaged or holds kinds of objects that it does not know.
    """
    import rdata

    parsers = rdata.parser.DEFAULT_ALTREP_MAP
    budget = _Budget(len(content))
    guarded = {
        name: budget.guarded(parser) if name in (b"compact_intseq", b"compact_realseq") else parser
        for name, parser in parsers.items()
    }
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEPEST))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rdata tells of tags that it leaves out
            root = rdata.parser.parse_data(content, altrep_constructor_dict=guarded).object
    finally:
        sys.setrecursionlimit(limit)
    if content.startswith((b"RDX", b"RDA")):
        return dict(_pairs(root))
    return {"": RValue(_real(root))}


class _Budget:
    """How many numbers may be written out of sequences, which R stores as three numbers each.

    A sequence counts the rows or columns of something else in the stream, where each takes a byte at least.
    """

    def __init__(self, size: int) -> None:
        self.left = max(_FEW_ITEMS, size)

    def guarded(self, constructor: Any) -> Any:
        """Let a constructor of sequences write out what is left, and no more."""

        def expand(state: Any) -> Any:
            count = float(state.value[0])
            if not 0 <= count <= self.left:
                message = f"a sequence of {count:g} numbers"
                raise ValueError(message)
            self.left -= count
            return constructor(state)

        return expand


def _pairs(node: Any) -> list[tuple[str, RValue]]:
    """Return the names and values of R's linked lists, in which attributes and workspaces are written."""
    found = []
    while node is not None and node.info.type.name == "LIST":
        name = _text(_real(_real(node.tag).value))
        found.append((name or "", RValue(_real(node.value[0]))))
        node = node.value[1]
    return found


def _real(node: Any) -> Any:
    """Follow a reference to the object itself."""
    while node.info.type.name == "REF":
        node = node.referenced_object
    return node


def _text(node: Any) -> str | None:
    return None if node.value is None else node.value.decode("utf-8", errors="replace")
