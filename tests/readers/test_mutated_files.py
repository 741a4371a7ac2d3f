"""Damaged files of every format end in a result or in an error of this package, never in another one."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import analysis as an
from analysis.errors import AnalysisError
from analysis.readers import read_alpha, read_distances, read_metadata, read_taxonomy, read_tree

SHARED = "label\tGroup\tnumOtus\tOtu1\tOtu2\n0.03\tm1\t2\t5\t0\n0.03\tm2\t2\t1\t7\n"
METADATA = "id\tarm\tday\n#q2:types\tcategorical\tnumeric\ns1\tx\t0\ns2\ty\t7,5\n"
TAXONOMY = 'OTU\tSize\tTaxonomy\na\t3\t"Bacteria(100);Firmicutes(99);"\nb\t1\tArchaea(100);\n'
NEWICK = "(((a:1,b:2)0.9:0.5,'c d':1e-1)x:0.25,(e_f:3,g:1)[note]:1);"
PHYLIP = "3\na\nb\t0.25\nc\t0.5\t0.125\n"
SQUARE = "\ta\tb\na\t0\t0.5\nb\t0.5\t0\n"
PIECES = [
    b"\t",
    b"\n",
    b'"',
    b",",
    b";",
    b"#",
    b"-",
    b"NA",
    b"1e999",
    b"nan",
    b"(",
    b"[",
    b"{",
    b"\0",
    b"\xff",
]


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes, cut, repeat or insert."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(max(len(data), 1)))
        kind = int(rng.integers(6))
        if kind == 0:
            data[place : place + 1] = bytes([int(rng.integers(256))])
        elif kind == 1:
            del data[place : place + int(rng.choice([1, 4, 64]))]
        elif kind == 2:
            data[place:place] = data[place // 2 : place // 2 + 32]
        elif kind == 3:
            data[place : place + 4] = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"][
                int(rng.integers(3))
            ]
        elif kind == 4:
            data[place : place + 1] = PIECES[int(rng.integers(len(PIECES)))]
        else:
            del data[place:]
    return bytes(data)


@pytest.fixture
def originals(classic, biom_table, biom_bytes, artifact):
    """Return a sound file of each format with the function that reads it."""
    r_file = (Path(__file__).parent / "r" / "phyloseq.rds").read_bytes()
    return {
        "classic": (classic.encode(), an.read_study),
        "gzip": (gzip.compress(classic.encode()), an.read_study),
        "shared": (SHARED.encode(), an.read_study),
        "BIOM 1.0": (biom_table.to_json("tests").encode(), an.read_study),
        "BIOM 2.1": (biom_bytes, an.read_study),
        "artifact": (artifact("FeatureTable[Frequency]", "t.biom", biom_bytes).read_bytes(), an.read_study),
        "R": (gzip.decompress(r_file), an.read_study),
        "R, packed": (r_file, an.read_study),
        "metadata": (METADATA.encode(), read_metadata),
        "taxonomy": (TAXONOMY.encode(), read_taxonomy),
        "tree": (NEWICK.encode(), read_tree),
        "PHYLIP": (PHYLIP.encode(), read_distances),
        "square": (SQUARE.encode(), read_distances),
        "alpha": (b"\tshannon\ns1\t3.5\ns2\t4\n", read_alpha),
    }


FORMATS = [
    "classic", "gzip", "shared", "BIOM 1.0", "BIOM 2.1", "artifact", "R", "R, packed", "metadata", "taxonomy",
    "tree", "PHYLIP", "square", "alpha",
]  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_damage_ends_in_a_result_or_an_error_of_this_package(originals, write, name):
    content, read = originals[name]
    assert read(write("sound", content)) is not None
    rng = np.random.default_rng(FORMATS.index(name))
    refusals = []
    for _ in range(60):
        path = write("damaged", mutated(content, rng))
        try:
            read(path)
        except AnalysisError as error:
            refusals.append(str(error))
    assert len(refusals) > 10
    assert all(text.startswith("damaged: ") for text in refusals)
