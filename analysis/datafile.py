"""What the catalogue says about one file: where it belongs, its size, its checksum and its address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataFile:
    """One file of a dataset.

    Attributes
    ----------
    part : str
        What it gives: "table", "metadata", "taxonomy" or "tree".
    path : str
        Where it belongs, with forward slashes: inside the cache folder, or inside the project's data folder
        where it has no address.
    bytes : int
        Its size.
    sha256 : str
        The checksum of its bytes, in hexadecimal.
    url : str
        The address to download it from; "" for a file that comes with the project.
    """

    part: str
    path: str
    bytes: int
    sha256: str
    url: str = ""
