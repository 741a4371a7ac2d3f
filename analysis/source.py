"""Where a table came from."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class SourceFile:
    """A file that a study was read from.

    Attributes
    ----------
    part : str
        What it gave: "table", "metadata", "taxonomy" or "tree".
    path : str
        Where it was read.
    sha256 : str
        The checksum of its bytes.
    """

    part: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """Where a study came from and what was done to it on the way.

    Attributes
    ----------
    name : str
        A short name for messages and figures.
    format : str
        The format found, for example "BIOM 2.1".
    reader : str
        The function that read it.
    files : tuple of SourceFile
        Each file with its checksum.
    citation : str
        How to cite the data, where the catalogue knows.
    notes : tuple of str
        What was dropped on request, added up or rarefied, in order.
    """

    name: str = "table"
    format: str = "in memory"
    reader: str = ""
    files: tuple[SourceFile, ...] = ()
    citation: str = ""
    notes: tuple[str, ...] = ()

    def noting(self, note: str) -> Source:
        """Return a copy with one more note."""
        return replace(self, notes=(*self.notes, note))
