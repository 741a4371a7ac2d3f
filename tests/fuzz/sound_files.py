"""A small sound file of every format, with what reads it: the files that the fuzzer damages."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from biom_files import biom_hdf5

import analysis as an
from analysis.catalogue import read_catalogue
from analysis.paths import data_path
from analysis.pilots.reading import read_pilot
from analysis.readers import read_alpha, read_distances, read_metadata, read_taxonomy, read_tree
from analysis.taxa.panels import load_panels

R_FILES = Path(__file__).resolve().parents[1] / "readers" / "r"
WHEN = (2026, 1, 1, 0, 0, 0)  # in zip files, so that the same seed makes the same bytes
ROOT = "0f1e2d3c-0000-4000-8000-000000000000"

TABLE = "#OTU ID\ts1\ts2\ts3\na\t5\t1\t0\nb\t0\t7\t3\nc\t2\t0\t3\nd\t0\t0\t9\n"
CLASSIC = "# Constructed from biom file\n#OTU ID\ts1\ts2\ts3\ttaxonomy\n" + "".join(
    f"{row}\t{lineage}\n"
    for row, lineage in zip(
        ("a\t5\t1\t0", "b\t0\t7\t3", "c\t2\t0\t3"),
        ("k__Bacteria; p__Firmicutes", "k__Bacteria; p__", "k__Archaea"),
        strict=True,
    )
)
SAMPLES_AS_ROWS = 'sample-id,a,b,"c, d"\ns1,5,1,0\ns2,0,7,3\ns3,2,0,3\n'
SHARED = "label\tGroup\tnumOtus\tOtu1\tOtu2\n0.03\tm1\t2\t5\t0\n0.03\tm2\t2\t1\t7\n"
METADATA = (
    "sample-id\tarm\tday\tmass\n#q2:types\tcategorical\tnumeric\tnumeric\n"
    "s1\tx\t0\t20.5\ns2\ty\t7\t\ns3\tx\t14\t21\n"
)
METADATA_CSV = '#SampleID,arm,day\ns1,"x, y",0\ns2,y,missing\ns3,x,14\n'
TAXONOMY = "Feature ID\tTaxon\tConfidence\na\tk__Bacteria; p__Firmicutes\t0.9\nb\tk__Archaea\t1\n"
CONS_TAXONOMY = 'OTU\tSize\tTaxonomy\na\t3\t"Bacteria(100);Firmicutes(99);"\nb\t1\tArchaea(100);\n'
RANKS = "id,Kingdom,Phylum,Class\na,Bacteria,Firmicutes,Clostridia\nb,Archaea,,\nc,Bacteria,x,y\nd,,,\n"
NEWICK = "(((a:1,b:2)0.9:0.5,'c d':1e-1)x:0.25,(c:3,d:1)[note]:1);"
PHYLIP_LOWER = "3\na\nb\t0.25\nc\t0.5\t0.125\n"
PHYLIP_SQUARE = "2\na\t0\t0.25\nb\t0.25\t0\n"
SQUARE = "\ta\tb\tc\na\t0\t0.5\t1\nb\t0.5\t0\t0.25\nc\t1\t0.25\t0\n"
ALPHA = "\tshannon_entropy\ns1\t3.5\ns2\t4\n"
BIOM_HEAD = {
    "id": None,
    "format": "Biological Observation Matrix 1.0.0",
    "format_url": "http://biom-format.org",
    "type": "OTU table",
    "generated_by": "tests",
    "date": "2026-01-01T00:00:00",
    "matrix_element_type": "int",
    "shape": [3, 2],
    "rows": [
        {"id": "a", "metadata": {"taxonomy": ["k__Bacteria", "p__Firmicutes"]}},
        {"id": "b", "metadata": {"taxonomy": ["k__Archaea"]}},
        {"id": "c", "metadata": None},
    ],
    "columns": [{"id": "s1", "metadata": {"day": "0"}}, {"id": "s2", "metadata": {"day": "7"}}],
}
SPARSE = BIOM_HEAD | {"matrix_type": "sparse", "data": [[0, 0, 5], [1, 1, 7], [2, 0, 1]]}
DENSE = BIOM_HEAD | {"matrix_type": "dense", "data": [[5, 0], [0, 7], [1, 0]]}

Read = Callable[[Path, Path], object]


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    nature : str
        What it is made of, which decides how it is damaged; see `fuzzing`.
    make : callable
        Returns the bytes of a sound file.
    read : callable
        Reads a file, given its path and that of a sound table which it may belong to.
    inner : str
        For packed files: the nature of what is packed.
    """

    nature: str
    make: Callable[[], bytes]
    read: Read
    inner: str = ""


def packed(content: bytes) -> bytes:
    """Return the bytes as gzip, without the time."""
    return gzip.compress(content, mtime=0)


def zipped(entries: list[tuple[str, bytes]]) -> bytes:
    """Return a zip file of these entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name, WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return stream.getvalue()


def artifact(kind: str, inner: str, content: bytes) -> bytes:
    """Return a QIIME 2 artifact that carries one file."""
    about = f"uuid: {ROOT}\ntype: {kind}\nformat: X\n".encode()
    return zipped(
        [
            (f"{ROOT}/metadata.yaml", about),
            (f"{ROOT}/data/{inner}", content),
            (f"{ROOT}/provenance/metadata.yaml", b"type: other\n"),
        ]
    )


def _text(content: str) -> Callable[[], bytes]:
    return content.encode


def _r(name: str) -> Callable[[], bytes]:
    return (R_FILES / name).read_bytes


def _sections(name: str, wanted: Callable[[str], bool]) -> bytes:
    """Return the tables of one of the project's TOML files whose headings are wanted, without comments."""
    text = re.sub(r"(?m)^#.*\n", "", data_path(name).read_text(encoding="utf-8"))
    parts = re.split(r"(?m)^(?=\[)", text)
    return "".join(part for part in parts if wanted(part[: part.find("]")].strip("[\n"))).encode()


def _claims() -> bytes:
    claim = an.load_claims()["diversity_falls_mice"]
    names = {f"sources.{name}" for name in claim.sources} | {f"fields.{name}" for name in claim.fields}
    starts = ("article", "hosts.mouse", "claims.diversity_falls_mice")
    return _sections("claims.toml", lambda heading: heading in names or heading.startswith(starts))


def _pilot() -> bytes:
    """Return one of the project's pilots, cut down to five taxa, as the file that it is kept in."""
    pilot = read_pilot(data_path("pilots") / "twins_genera.npz")
    small = replace(
        pilot,
        taxa=pilot.taxa.iloc[:5],
        **{name: getattr(pilot, name)[:5] for name in ("log_quantiles", "loadings", "taxon_shares")},
    )
    with TemporaryDirectory() as folder:
        path = Path(folder, "small.npz")
        small.save(path)
        archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with archive:
        return zipped([(entry.filename, archive.read(entry)) for entry in archive.infolist()])


def _alone(read: Callable[[Path], object]) -> Read:
    return lambda path, beside: read(path)


def _beside(part: str) -> Read:
    """Read a sound table with the damaged file as one of its parts, whatever does not match left out."""
    drop = ["unmatched_samples", "unmatched_features"]
    return lambda path, beside: an.read_study(beside, **{part: path}, drop=drop)


_study = _alone(an.read_study)
_matrix = _alone(lambda path: an.read_study(path, orientation="samples_as_rows"))

FORMATS = {
    "classic QIIME table": Format("text", _text(CLASSIC), _study),
    "features as rows": Format("text", _text(TABLE), _study),
    "samples as rows": Format("text", _text(SAMPLES_AS_ROWS), _study),
    "mothur shared": Format("text", _text(SHARED), _study),
    "packed text": Format("gzip", _text(CLASSIC), _study, "text"),
    "BIOM 1.0 sparse": Format("json", lambda: json.dumps(SPARSE).encode(), _study),
    "BIOM 1.0 dense": Format("json", lambda: json.dumps(DENSE).encode(), _study),
    "BIOM 2.1": Format("hdf5", biom_hdf5, _study),
    "artifact of a table": Format(
        "zip", lambda: artifact("FeatureTable[Frequency]", "feature-table.biom", biom_hdf5()), _study, "hdf5"
    ),
    "artifact of a taxonomy": Format(
        "zip",
        lambda: artifact("FeatureData[Taxonomy]", "taxonomy.tsv", TAXONOMY.encode()),
        _alone(read_taxonomy),
        "text",
    ),
    "artifact of a tree": Format(
        "zip",
        lambda: artifact("Phylogeny[Rooted]", "tree.nwk", NEWICK.encode()),
        _alone(read_tree),
        "newick",
    ),
    "artifact of distances": Format(
        "zip",
        lambda: artifact("DistanceMatrix", "distance-matrix.tsv", SQUARE.encode()),
        _alone(read_distances),
        "text",
    ),
    "artifact of alpha diversity": Format(
        "zip",
        lambda: artifact("SampleData[AlphaDiversity]", "alpha-diversity.tsv", ALPHA.encode()),
        _alone(read_alpha),
        "text",
    ),
    "phyloseq": Format("r", lambda: gzip.decompress(_r("phyloseq.rds")()), _study),
    "phyloseq, packed": Format("gzip", lambda: gzip.decompress(_r("phyloseq.rds")()), _study, "r"),
    "R workspace": Format(
        "r",
        lambda: gzip.decompress(_r("two.RData")()),
        _alone(lambda path: an.read_study(path, label="turned")),
    ),
    "R matrix": Format("r", _r("matrix.rds"), _matrix),
    "R matrix, ASCII": Format("text", _r("matrix_ascii.rds"), _matrix),
    "MRexperiment": Format("xz", _r("mrexperiment.rds"), _study, "r"),
    "metadata": Format("text", _text(METADATA), _alone(read_metadata)),
    "metadata of a table": Format("text", _text(METADATA_CSV), _beside("metadata")),
    "taxonomy": Format("text", _text(CONS_TAXONOMY), _alone(read_taxonomy)),
    "taxonomy of a table": Format("text", _text(RANKS), _beside("taxonomy")),
    "tree": Format("newick", _text(NEWICK), _alone(read_tree)),
    "tree of a table": Format("newick", _text(NEWICK), _beside("tree")),
    "PHYLIP, lower triangle": Format("text", _text(PHYLIP_LOWER), _alone(read_distances)),
    "PHYLIP, square": Format("text", _text(PHYLIP_SQUARE), _alone(read_distances)),
    "square distances": Format("text", _text(SQUARE), _alone(read_distances)),
    "alpha diversity": Format("text", _text(ALPHA), _alone(read_alpha)),
    "claims": Format("toml", _claims, _alone(an.load_claims)),
    "catalogue": Format(
        "toml",
        lambda: _sections("catalogue.toml", lambda heading: heading.startswith("turnbaugh_mice")),
        _alone(read_catalogue),
    ),
    "panels": Format(
        "toml",
        lambda: _sections("panels.toml", lambda heading: heading.startswith("gevers_axis")),
        _alone(load_panels),
    ),
    "pilot": Format("zip", _pilot, _alone(read_pilot), "npy"),
}


@cache
def original(name: str) -> bytes:
    """Return the bytes of the sound file of a format."""
    return FORMATS[name].make()
