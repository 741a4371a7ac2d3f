"""R files that phyloseq wrote (r/make_fixtures.R), and what is told of those that are not read."""

import bz2
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.errors import IdError, ParameterError, ReadError
from analysis.readers.robjects import parse_r

FILES = Path(__file__).parent / "r"
COUNTS = [[5, 1, 3, 0], [0, 7, 3, 0], [2, 0, 9, 4]]


def refused(name, error=ReadError, **choices):
    with pytest.raises(error) as caught:
        an.read_study(FILES / name if isinstance(name, str) else name, **choices)
    assert type(caught.value) is error
    return str(caught.value)


def check(study):
    assert study.sample_ids.tolist() == ["s1", "s2", "s3"]
    assert study.feature_ids.tolist() == ["a", "b", "c", "d_1"]
    assert study.counts.toarray().tolist() == COUNTS


def test_a_phyloseq_object_with_all_its_parts():
    study = an.read_study(FILES / "phyloseq.rds")
    check(study)
    assert study.source.format == "R phyloseq, gzip"
    assert study.taxonomy["Domain"].tolist() == ["Bacteria", "Bacteria", "Bacteria", "Archaea"]
    assert study.taxonomy["Phylum"].tolist() == ["Firmicutes", "Bacteroidetes", "", ""]
    metadata = study.metadata
    assert metadata["arm"].tolist()[:2] == ["drug", "none"]
    assert metadata["caged"].tolist()[:2] == ["TRUE", "FALSE"]
    assert metadata[["arm", "caged"]].isna().to_numpy().tolist() == [[False] * 2, [False] * 2, [True] * 2]
    assert np.array_equal(metadata["age"], [7, np.nan, 9], equal_nan=True)
    assert np.array_equal(metadata["weight"], [20.5, 21, np.nan], equal_nan=True)
    assert metadata["note"].isna().tolist() == [False, True, False]


def test_the_tree_keeps_its_lengths_and_labels():
    tree = an.read_study(FILES / "phyloseq.rds").tree
    assert {tip.name: tip.distance(tree) for tip in tree.tips()} == {
        "a": 1.5,
        "b": 2.5,
        "c": 1.25,
        "d_1": 1.75,
    }
    assert tree.find("x").length == 0.5
    assert [child.name for child in tree.children] == ["x", None]


def test_taxa_as_rows_are_turned():
    check(an.read_study(FILES / "otu_table.rds"))
    check(an.read_study(FILES / "two.RData", label="turned"))


def test_several_tables_are_asked_about():
    assert "'whole', 'turned'" in refused("two.RData", ParameterError)
    assert "'turned'" in refused("two.RData", ParameterError, label="turnd")
    study = an.read_study(FILES / "two.RData", label="whole")
    check(study)
    assert study.metadata.shape == (3, 5)


@pytest.mark.parametrize("name", ["matrix.rds", "matrix_ascii.rds"])
def test_a_matrix_needs_its_orientation(name):
    assert "orientation='samples_as_rows'" in refused(name)
    check(an.read_study(FILES / name, orientation="samples_as_rows"))
    check(an.read_study(FILES / name, pd.DataFrame(index=["s3", "s2", "s1"])))
    assert an.read_study(FILES / name, orientation="features_as_rows").shape == (4, 3)


def test_other_metadata_can_take_the_place_of_the_objects_own():
    metadata = pd.DataFrame({"arm": [1, 2, 3]}, index=["s1", "s2", "s3"])
    assert an.read_study(FILES / "phyloseq.rds", metadata).metadata.columns.tolist() == ["arm"]
    assert "'s9'" in refused("phyloseq.rds", IdError, metadata=metadata.rename(index={"s1": "s9"}))


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("mrexperiment.rds", "MRexperiment", "MRcounts(x)"),
        ("refseq.rds", "DNAStringSet", "x@refseq <- NULL"),
        ("data_frame.rds", "data.frame", "write.table(otu_table(x)"),
    ],
)
def test_objects_that_are_not_read_say_how_to_export_them(name, what, remedy):
    text = refused(name)
    assert what in text
    assert remedy in text


@pytest.mark.parametrize(
    "choice", [{"orientation": "samples_as_rows"}, {"label": "x"}], ids=["orientation", "label"]
)
def test_choices_without_use_are_refused(choice):
    assert "leave it out" in refused("phyloseq.rds", ParameterError, **choice)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.99])
def test_truncated_streams_are_refused(write, share):
    stream = gzip.decompress((FILES / "phyloseq.rds").read_bytes())
    cut = stream[: int(share * len(stream))]
    for content in (cut, gzip.compress(cut), bz2.compress(cut)):
        assert "rdata cannot read" in refused(write("cut.rds", content))


def test_a_sequence_of_absurd_length_is_not_written_out():
    stream = (FILES / "phyloseq.rds").read_bytes()
    from_r = parse_r(gzip.decompress(stream))
    assert list(from_r) == [""]
    name = b"compact_intseq"
    header = b"X\n" + bytes.fromhex("00000003 00040200 00030500 00000005") + b"UTF-8"
    symbol = bytes.fromhex("00000001 00040009") + len(name).to_bytes(4, "big") + name
    pairlist = bytes.fromhex("00000002") + symbol + bytes.fromhex("000000fe")
    huge = np.array([2e9, 1, 1], dtype=">f8").tobytes()
    state = bytes.fromhex("0000000e 00000003") + huge
    stream = header + bytes.fromhex("000000ee") + pairlist + state + bytes.fromhex("000000fe")
    with pytest.raises(ValueError, match=r"a sequence of 2e\+09 numbers"):
        parse_r(stream)
