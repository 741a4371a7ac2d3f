"""QIIME 2 artifacts (.qza), read in memory as the zip files that they are, without QIIME 2."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from analysis.errors import ReadError, one_fault
from analysis.readers.opening import MAX_UNPACKED, Opened, raise_own, read_within_limit

ZIP_ERRORS = (  # all that Python's zipfile lets through on damaged files
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
)
EXCEL_REMEDY = (
    "save the sheet as tab-separated text (.tsv) and give that; check that Excel has not turned ids into "
    "numbers or dates"
)
_MAX_YAML = 1_000  # bytes; QIIME 2 writes about a hundred, and the parser is slow on nested brackets
_READ_BY = {
    "FeatureTable": "read_study(path)",
    "FeatureData[Taxonomy]": "read_study(..., taxonomy=path) or readers.read_taxonomy(path)",
    "Phylogeny": "read_study(..., tree=path) or readers.read_tree(path)",
    "SampleData[AlphaDiversity]": "readers.read_alpha(path)",
    "DistanceMatrix": "readers.read_distances(path)",
}


@dataclass(frozen=True)
class Artifact:
    """One QIIME 2 artifact.

    Attributes
    ----------
    type : str
        Its semantic type: "FeatureTable[Frequency]".
    content : bytes
        The one data file that it carries.
    packed_size : int
        Bytes that this takes in the archive.
    """

    type: str
    content: bytes
    packed_size: int


def read_artifact(opened: Opened, wanted: str) -> Artifact:
    """Take the data out of a .qza, after checking what kind of data it is.

    Parameters
    ----------
    opened : Opened
        A file of the kind "zip".
    wanted : str
        How its type must begin: "FeatureTable", "FeatureData[Taxonomy]", "Phylogeny", "DistanceMatrix" or
        "SampleData".

    Returns
    -------
    Artifact
        Its type and its data file.

    Raises
    ------
    ReadError
        Where the zip is damaged, encrypted, unsafe (names that climb out, a decompression bomb), is not an
        artifact, or is an artifact of another type (the message names the function that reads it).
    """
    name = opened.name
    try:
        with zipfile.ZipFile(io.BytesIO(opened.content)) as archive:
            entries = safe_entries(archive, name)
            root = _artifact_root(entries, name)
            found = _semantic_type(read_entry(archive, entries[f"{root}/metadata.yaml"], name), name)
            if not found.startswith(wanted):
                raise _other_type(found, wanted, name)
            folder = f"{root}/data/"
            inside = [entry for path, entry in entries.items() if path.startswith(folder)]
            if len(inside) != 1:
                raise one_fault(
                    ReadError,
                    name,
                    f"the artifact carries {len(inside)} data files",
                    where="data/",
                    expected="one",
                )
            return Artifact(found, read_entry(archive, inside[0], name), inside[0].compress_size)
    except ZIP_ERRORS as error:
        raise _damaged(name, error) from error
    except ValueError as error:  # zipfile raises it for impossible offsets and dates
        raise_own(error)
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ReadError:
    return one_fault(
        ReadError,
        name,
        f"the zip file is truncated, damaged or encrypted: {error}",
        remedy="download or copy it again",
    )


def safe_entries(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by path; refuse names that climb out and sizes over the limit."""
    entries = {}
    for entry in archive.infolist():
        path = entry.filename
        climbs = (
            ".." in PurePosixPath(path).parts
            or path.startswith(("/", "\\"))
            or "\\" in path
            or re.match(r"[A-Za-z]:", path)
        )
        if climbs:
            raise one_fault(
                ReadError,
                name,
                "a name in the zip file climbs out of it",
                where=repr(path),
                expected="names below the artifact's own folder",
                remedy="do not open this file with other tools; ask where it came from",
            )
        if not path.endswith("/"):
            entries[path] = entry
    declared = sum(entry.file_size for entry in entries.values())
    if declared > MAX_UNPACKED:
        raise one_fault(
            ReadError,
            name,
            f"the zip file says that it unpacks to {declared:,} bytes",
            expected=f"at most {MAX_UNPACKED:,}",
            remedy="it looks like a damaged file or a decompression bomb",
        )
    return entries


def _artifact_root(entries: dict[str, zipfile.ZipInfo], name: str) -> str:
    if any(path.startswith(("xl/", "[Content_Types].xml")) for path in entries):
        raise one_fault(
            ReadError,
            name,
            "this is an Excel workbook (or another Office file)",
            expected="a text file",
            remedy=EXCEL_REMEDY,
        )
    roots = {path.split("/", 1)[0] for path in entries}
    if len(roots) == 1 and f"{(root := roots.pop())}/metadata.yaml" in entries:
        return root
    raise one_fault(
        ReadError,
        name,
        f"this zip file is no QIIME 2 artifact: {len(entries)} files, no metadata.yaml in one top folder",
        expected="a .qza, or the table itself",
        remedy="unpack it and give the file inside",
    )


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bytes:
    """Unpack one file of an archive within the limits."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise one_fault(
            ReadError,
            name,
            f"the zip file is packed in another way than usual (method {entry.compress_type})",
            where=repr(entry.filename),
            expected="deflate, as QIIME 2 and NumPy write it",
            remedy="unpack it and zip it again",
        )
    with archive.open(entry) as stream:
        return read_within_limit(stream, entry.compress_size, name, repr(entry.filename))


def _semantic_type(content: bytes, name: str) -> str:
    import yaml

    try:
        if len(content) > _MAX_YAML:
            msg = f"metadata.yaml holds {len(content):,} bytes"
            raise ValueError(msg)
        found = yaml.safe_load(content)["type"]
        if not isinstance(found, str):
            msg = f"the type is {type(found).__name__}"
            raise TypeError(msg)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError, AttributeError) as error:
        raise one_fault(
            ReadError,
            name,
            f"metadata.yaml does not say the artifact's type: {error}",
            expected="a line such as 'type: FeatureTable[Frequency]'",
        ) from error
    return found


def _other_type(found: str, wanted: str, name: str) -> ReadError:
    by = next((call for start, call in _READ_BY.items() if found.startswith(start)), None)
    remedy = f"{by} reads it" if by else "nothing here reads this type; export what you need with QIIME 2"
    if found == "Visualization":
        remedy = "a .qzv is for looking at: give the .qza that it was made from"
    return one_fault(
        ReadError, name, f"the artifact is of type {found}", expected=f"the type {wanted}", remedy=remedy
    )
