"""Parts joined into a study: matched by id, dropped only on request, with their origin kept."""

import gzip
import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skbio import TreeNode

import analysis as an
from analysis.errors import (
    AnalysisError,
    IdError,
    MetadataError,
    ParameterError,
    ScaledCountsWarning,
    TableError,
)
from analysis.readers.matching import DROPPABLE

METADATA = "sample-id\tarm\ns3\tz\ns1\tx\ns2\ty\n"
TAXONOMY = "Feature ID\tTaxon\nd\tk__D\nc\tk__C\nb\tk__B\na\tk__A\nother\tk__X\n"
NEWICK = "((a:1,b:2):1,((c:1,d:1):1,other:3):1);"


def refused(error, *parts, **choices):
    with pytest.raises(error) as caught:
        an.read_study(*parts, **choices)
    assert type(caught.value) is error
    return str(caught.value)


def check_whole(study, counts):
    assert study.sample_ids.tolist() == ["s1", "s2", "s3"]
    assert np.array_equal(study.counts.toarray(), counts)
    assert study.metadata["arm"].tolist() == ["x", "y", "z"]
    assert study.metadata.attrs == {}
    assert study.taxonomy["Domain"].tolist() == ["A", "B", "C", "D"]
    assert {tip.name: tip.distance(study.tree) for tip in study.tree.tips()} == {
        "a": 2,
        "b": 3,
        "c": 3,
        "d": 3,
    }


@pytest.mark.parametrize("kind", [str, Path])
def test_four_files_in_any_order_of_rows(write, classic, counts, kind):
    texts = {"t.biom": classic, "m.tsv": METADATA, "x.tsv": TAXONOMY, "t.nwk": NEWICK}
    paths = [write(name, text) for name, text in texts.items()]
    study = an.read_study(*map(kind, paths))
    check_whole(study, counts)
    assert study.source.name == "t.biom"
    assert study.source.reader == "analysis.readers.delimited.read_delimited"
    assert [(file.part, file.path) for file in study.source.files] == [
        (part, str(path)) for part, path in zip(("table", "metadata", "taxonomy", "tree"), paths, strict=True)
    ]
    for file, text in zip(study.source.files, texts.values(), strict=True):
        assert file.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert study.source.notes == ("tree cut from 5 to 4 tips; branches up to the root are kept",)


def test_everything_compressed(write, classic, counts):
    parts = (classic, METADATA, TAXONOMY, NEWICK)
    paths = [write(f"{k}.gz", gzip.compress(text.encode())) for k, text in enumerate(parts)]
    check_whole(an.read_study(*paths), counts)


def test_parts_in_memory(write, classic, counts):
    metadata = pd.DataFrame({"arm": ["y", "x", "z"]}, index=["s2", "s1", "s3"])
    taxonomy = pd.DataFrame({"Domain": list("ABCD")}, index=list("abcd"))
    tree = TreeNode.read(io.StringIO(NEWICK))
    study = an.read_study(write("t.tsv", classic), metadata, taxonomy, tree)
    check_whole(study, counts)
    assert len(study.source.files) == 1
    assert len(list(tree.tips())) == 5


def test_metadata_in_the_tables_own_file_is_used_unless_other_is_given(hdf5, write):
    assert set(an.read_study(hdf5()).metadata.columns) == {"day", "arm"}
    assert an.read_study(hdf5(), write("m.tsv", METADATA)).metadata.columns.tolist() == ["arm"]


# Samples


def test_unmatched_samples_on_either_side_are_named(write, classic):
    table = write("t.tsv", classic.replace("s2", "s20"))
    text = refused(IdError, table, write("m.tsv", METADATA + "t9\tw\nt10\tw\n"))
    assert "2 faults" in text
    assert "1 of 3 samples of the table have no metadata: 's20' (nearest: 's2')" in text
    assert "3 of 5 metadata rows have no sample in the table: 's2' (nearest: 's20'), 't9', 't10'" in text
    assert text.count("drop={'unmatched_samples'} keeps the 2 samples that are in both") == 2


def test_unmatched_samples_go_on_request_and_are_noted(write, classic, counts):
    table = write("t.tsv", classic.replace("s2", "s20"))
    study = an.read_study(table, write("m.tsv", METADATA), drop="unmatched_samples")
    assert study.sample_ids.tolist() == ["s1", "s3"]
    assert np.array_equal(study.counts.toarray(), counts[[0, 2]])
    assert study.metadata["arm"].tolist() == ["x", "z"]
    assert study.source.notes == (
        "1 of 3 samples dropped, having no metadata",
        "1 of 3 metadata rows dropped, having no sample",
    )


def test_nothing_in_common_is_refused_even_then(write, classic):
    metadata = write("m.tsv", "id\tarm\nq1\tx\n")
    text = refused(IdError, write("t.tsv", classic), metadata, drop="unmatched_samples")
    assert "belong together" in text


def test_names_that_r_has_changed_are_recognised_as_such(write):
    table = write("t.tsv", "#OTU ID\tX1.a\tX2.b\tX3.c\nf\t1\t2\t3\n")
    text = refused(IdError, table, write("m.tsv", "id\tarm\n1-a\tx\n2-b\ty\n3-c\tx\n"))
    assert "3 of them are the same but for case, '.', '-', '_' or a leading X" in text


def test_a_better_id_column_is_named(write, classic):
    metadata = write("m.tsv", "id\tlabel\n1\ts1\n2\ts2\n3\ts3\n")
    text = refused(IdError, write("t.tsv", classic), metadata)
    assert "column 'label' holds 3 of the table's sample ids: say id_column='label'" in text
    assert an.read_study(write("t.tsv", classic), metadata, id_column="label").metadata["id"].tolist() == [
        1,
        2,
        3,
    ]


def test_a_better_id_column_is_named_where_the_first_repeats(write, classic):
    metadata = write("m.tsv", "mouse\tlabel\n1\ts1\n1\ts2\n2\ts3\n")
    assert "say id_column='label'" in refused(IdError, write("t.tsv", classic), metadata)


def test_an_unknown_id_column(write, classic):
    table, metadata = write("t.tsv", classic), write("m.tsv", METADATA)
    assert "'sample-id'" in refused(MetadataError, table, metadata, id_column="sample_id")


def test_samples_without_reads(write):
    table = write("t.tsv", "#OTU ID\ts1\ts2\ts3\na\t1\t0\t4\nb\t3\t0\t0\n")
    text = refused(TableError, table)
    assert "1 sample(s) have no reads at all: 's2'" in text
    assert "drop={'empty_samples'}" in text
    study = an.read_study(table, drop={"empty_samples"})
    assert study.sample_ids.tolist() == ["s1", "s3"]
    assert study.source.notes == ("1 sample(s) without reads dropped: 's2'",)


def test_a_table_without_any_read_is_refused_even_then(write):
    assert "no reads" in refused(TableError, write("t.tsv", "#OTU ID\ts1\na\t0\n"), drop="empty_samples")


def test_an_empty_sample_that_goes_anyway_is_no_fault(write):
    table = write("t.tsv", "#OTU ID\ts1\ts2\ns9\t1\t0\n")
    study = an.read_study(table, write("m.tsv", "id\tarm\ns1\tx\n"), drop="unmatched_samples")
    assert study.sample_ids.tolist() == ["s1"]


def test_faults_between_files_come_together(write):
    table = write("t.tsv", "#OTU ID\ts1\ts2\ts3\na\t1\t0\t4\nb\t3\t0\t0\n")
    metadata = write("m.tsv", "id\tarm\ns1\tx\ns2\ty\n")
    taxonomy = write("x.tsv", "id\tTaxon\na\tk__A\n")
    text = refused(AnalysisError, table, metadata, taxonomy, write("t.nwk", "(b:1,c:1);"))
    for what in (
        "4 faults",
        "'s3'",
        "'s2'",
        "1 of 2 features (37.50% of all reads) are not in the taxonomy",
        "not in the tree",
    ):
        assert what in text


def test_everything_that_does_not_fit_can_go(write):
    table = write("t.tsv", "#OTU ID\ts1\ts2\ts3\na\t1\t0\t4\nb\t3\t0\t0\n")
    metadata = write("m.tsv", "id\tarm\ns1\tx\ns2\ty\n")
    study = an.read_study(table, metadata, tree=write("t.nwk", "(b:1,c:1);"), drop=DROPPABLE)
    assert study.to_frame().to_dict() == {"b": {"s1": 3}}
    assert len(study.source.notes) == 4


def test_only_known_things_can_be_dropped(write, classic):
    text = refused(ParameterError, write("t.tsv", classic), drop=["empty_sample", "all"])
    assert "'all', 'empty_sample' cannot be dropped" in text
    assert "'empty_samples'" in text


# Numbers


def test_scaled_fractions_warn_once(write):
    rng = np.random.default_rng(0)
    fractions = rng.dirichlet(np.full(50, 0.3), 20)
    scaled = np.round(100_000 * fractions).astype(int)
    lines = ["#OTU ID\t" + "\t".join(f"s{k}" for k in range(20))]
    lines += [f"f{k}\t" + "\t".join(map(str, row)) for k, row in enumerate(scaled.T)]
    path = write("t.tsv", "\n".join(lines))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = an.read_study(path)
    assert [warning.category for warning in caught] == [ScaledCountsWarning]
    assert "t.tsv: all samples sum to about 100,000" in str(caught[0].message)
    assert study.kind == "counts"


def test_rarefied_counts_do_not_warn(write):
    rng = np.random.default_rng(0)
    counts = rng.multinomial(1_000, rng.dirichlet(np.full(200, 0.2)), 20)
    lines = ["#OTU ID\t" + "\t".join(f"s{k}" for k in range(20))]
    lines += [f"f{k}\t" + "\t".join(map(str, row)) for k, row in enumerate(counts.T)]
    assert an.read_study(write("t.tsv", "\n".join(lines))).kind == "counts"


def test_fractions_are_read_as_such(write):
    study = an.read_study(write("t.tsv", "#OTU ID\ts1\ts2\na\t0.25\t1\nb\t0.75\t0\n"))
    assert study.kind == "fractions"


@pytest.mark.parametrize(("ours", "theirs"), [("1.0", "1"), ("001", "1"), ("caf\u00e9", "cafe\u0301")])
def test_ids_that_differ_in_their_spelling_only_are_named(write, ours, theirs):
    table = write("t.tsv", f"#OTU ID\t{ours}\tother\na\t5\t1\nb\t1\t7\n")
    message = refused(IdError, table, write("m.tsv", f"id\tday\nother\t3\n{theirs}\t1\n"))
    assert f"{ours!r} (nearest: {theirs!r})" in message
    assert "1 of them are the same but for" in message


@pytest.mark.parametrize("path", [None, [1], b"t.tsv", pd.DataFrame([[1]]), "", "https://a.org/t.tsv"])
def test_what_is_no_path_is_refused(path):
    assert "path of a file" in refused(ParameterError, path)


@pytest.mark.parametrize(
    ("part", "value"),
    [("tree", [1]), ("taxonomy", {}), ("metadata", [1]), ("metadata", pd.Series([1])), ("drop", True)],
)
def test_parts_of_another_kind_are_refused(write, classic, part, value):
    assert f"{part}=" in refused(ParameterError, write("t.tsv", classic), **{part: value})
