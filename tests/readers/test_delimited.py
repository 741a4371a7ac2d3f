"""Text tables: every habit of writing them, and every way of getting them wrong."""

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.errors import AnalysisError, IdError, ParameterError, ReadError, TableError

FEATURES = ["a", "b", "c", "d"]
SAMPLES = ["s1", "s2", "s3"]


@pytest.fixture
def ids():
    """Return metadata whose ids are the samples."""
    return pd.DataFrame({"arm": ["x", "y", "z"]}, index=SAMPLES)


def rows(values, names, heading, header, separator="\t"):
    lines = [separator.join([heading, *header])]
    lines += [separator.join([name, *map(str, row)]) for name, row in zip(names, values, strict=True)]
    return "\n".join(lines) + "\n"


def check(study, counts):
    assert study.sample_ids.tolist() == SAMPLES
    assert study.feature_ids.tolist() == FEATURES
    assert np.array_equal(study.counts.toarray(), counts)


def refused(error, path, **choices):
    with pytest.raises(error) as caught:
        an.read_study(path, **choices)
    assert type(caught.value) is error
    return str(caught.value)


def test_a_classic_table(write, classic, counts):
    study = an.read_study(write("t.txt", classic))
    check(study, counts)
    assert study.source.format == "QIIME classic table"
    assert study.source.reader.endswith("delimited.read_delimited")


def test_a_classic_table_without_the_comment_line(write, classic, counts):
    check(an.read_study(write("t.txt", classic.split("\n", 1)[1])), counts)


@pytest.mark.parametrize("heading", ["taxonomy", "Consensus Lineage", "ConsensusLineage", "taxon"])
def test_a_taxonomy_column_is_taken_as_the_taxonomy(write, classic, counts, heading):
    comment, header, *body = classic.strip().split("\n")
    lineages = ["k__Bacteria; p__Firmicutes", "k__Bacteria; p__A, B", "k__Bacteria", "Unassigned"]
    body = [f"{line}\t{lineage}" for line, lineage in zip(body, lineages, strict=True)]
    study = an.read_study(write("t.txt", "\n".join([comment, f"{header}\t{heading}", *body])))
    check(study, counts)
    assert study.taxonomy["Phylum"].tolist() == ["Firmicutes", "A, B", "", ""]


@pytest.mark.parametrize("heading", ["#OTU ID", "OTU ID"])
def test_lineages_in_a_table_with_commas(write, heading):
    text = f"{heading},s1,s2,taxonomy\na,1,2,k__A; p__B; c__C\nb,3,0,k__A; p__B; c__C\n"
    study = an.read_study(write("t.csv", text))
    assert study.counts.toarray().tolist() == [[1, 3], [2, 0]]
    assert study.taxonomy["Class"].tolist() == ["C", "C"]


def test_one_sample_with_lineages_is_a_table(write):
    study = an.read_study(write("t.tsv", "#OTU ID\ts1\ttaxonomy\na\t1\tk__Bacteria\nb\t3\tk__Archaea\n"))
    assert study.shape == (1, 2)
    assert study.taxonomy["Domain"].tolist() == ["Bacteria", "Archaea"]


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_separators_line_ends_and_quotes(write, counts, separator, ends, quote):
    text = rows(
        counts.T,
        [f"{quote}{name}{quote}" for name in FEATURES],
        f"{quote}OTU ID{quote}",
        [f"{quote}{name}{quote}" for name in SAMPLES],
        separator,
    )
    check(an.read_study(write("t.csv", text.replace("\n", ends))), counts)


@pytest.mark.parametrize(
    ("encoding", "note"),
    [("utf-8-sig", False), ("utf-16", False), ("latin-1", True)],
)
def test_encodings(write, counts, encoding, note):
    text = rows(counts, SAMPLES, "sample-id", ["a", "b", "é", "d"], ",")
    study = an.read_study(write("t.csv", text.encode(encoding)))
    assert study.feature_ids[2] == "é"
    assert any("not UTF-8" in each for each in study.source.notes) == note


def test_decimal_commas(write):
    text = 'ASV;s1;s2\na;"0,25";1,00\nb;0,75;0\n'
    study = an.read_study(write("t.csv", text))
    assert study.kind == "fractions"
    assert study.counts.toarray().tolist() == [[0.25, 0.75], [1.0, 0.0]]


def test_whole_numbers_with_decimal_commas_are_counts(write):
    assert an.read_study(write("t.csv", "ASV;s1;s2\na;3,0;1\nb;12,0;0\n")).kind == "counts"


def test_whole_numbers_written_as_floats_are_counts(write, counts):
    text = rows(counts.T.astype(float), FEATURES, "#OTU ID", SAMPLES)
    study = an.read_study(write("t.tsv", text))
    check(study, counts)
    assert study.kind == "counts"


@pytest.mark.parametrize("heading", ["sample-id", "#SampleID", "Sample", "sample_name"])
def test_samples_as_rows_by_heading(write, counts, heading):
    check(an.read_study(write("t.tsv", rows(counts, SAMPLES, heading, FEATURES))), counts)


@pytest.mark.parametrize("heading", ["#OTU ID", "Feature ID", "ASV", "OTU_ID"])
def test_features_as_rows_by_heading(write, counts, heading):
    check(an.read_study(write("t.tsv", rows(counts.T, FEATURES, heading, SAMPLES))), counts)


def test_orientation_by_the_ids_of_the_metadata(write, counts, ids):
    check(an.read_study(write("t.tsv", rows(counts, SAMPLES, "x", FEATURES)), ids), counts)
    check(an.read_study(write("t.tsv", rows(counts.T, FEATURES, "x", SAMPLES)), ids), counts)


def test_orientation_by_the_ids_of_a_metadata_file(write, counts):
    metadata = write("m.csv", "number,Sample_ID,arm\n1,s1,x\n2,s2,y\n3,s3,x\n")
    study = an.read_study(write("t.tsv", rows(counts.T, FEATURES, "", SAMPLES)), metadata)
    check(study, counts)
    assert "samples are named by the metadata column 'Sample_ID'" in study.source.notes


def test_rows_named_by_lineages_are_features(write, counts):
    names = [f"k__Bacteria;p__{name}" for name in FEATURES]
    study = an.read_study(write("t.tsv", rows(counts.T, names, "", SAMPLES)))
    assert study.shape == (3, 4)
    assert study.feature_ids.tolist() == names


def test_orientation_is_asked_for_where_nothing_tells(write, counts):
    path = write("t.tsv", rows(counts.T, FEATURES, "", SAMPLES))
    text = refused(ReadError, path)
    assert "orientation='samples_as_rows'" in text
    assert "orientation='features_as_rows'" in text
    check(an.read_study(path, orientation="features_as_rows"), counts)
    assert an.read_study(path, orientation="samples_as_rows").sample_ids.tolist() == FEATURES


def test_a_misspelled_orientation_names_the_nearest(write, classic):
    text = refused(ParameterError, write("t.tsv", classic), orientation="sample_as_rows")
    assert "'samples_as_rows'" in text


def test_samples_cannot_have_lineages(write):
    path = write("t.tsv", "#OTU ID\ts1\ttaxonomy\na\t1\tk__Bacteria\n")
    assert "features_as_rows" in refused(ParameterError, path, orientation="samples_as_rows")


def test_row_names_as_r_writes_them(write, counts, ids):
    text = rows(counts, SAMPLES, "x", FEATURES).replace("x\t", "", 1)
    study = an.read_study(write("t.tsv", text), ids)
    check(study, counts)
    assert any("row names" in note for note in study.source.notes)


def test_a_separator_at_the_end_of_each_line_is_no_column(write, classic, counts):
    check(an.read_study(write("t.tsv", classic.replace("\n", "\t\n"))), counts)


def test_bare_integers_stay_the_ids_that_they_are(write):
    study = an.read_study(write("t.tsv", "#OTU ID\t3\t07\n10\t1\t0\n11\t2\t5\n"))
    assert study.sample_ids.tolist() == ["3", "07"]
    assert study.feature_ids.tolist() == ["10", "11"]


def test_a_wide_table_with_other_letters_and_quotes_in_some_lines(write):
    text = '#OTU ID\ts1\ts2\nfünf\t1\t0\n"six"\t0\t2\nsev"en\t3\t4\n'
    study = an.read_study(write("t.tsv", text))
    assert study.feature_ids.tolist() == ["fünf", "six", 'sev"en']
    assert study.counts.toarray().tolist() == [[1, 0, 3], [0, 2, 4]]


# One fault each


@pytest.mark.parametrize("cell", ["abc", "NA", "", "1_000", "0x10", "1 2", "--", "1.5.2"])
def test_a_cell_that_is_no_number(write, cell):
    text = refused(TableError, write("t.tsv", f"#OTU ID\ts1\ts2\na\t1\t0\nb\t{cell}\t7\n"))
    assert "1 cell(s) are no numbers: line 3, column 's1'" in text
    assert (repr(cell) if cell else "empty") in text


def test_a_column_of_words_is_told_as_one_fault(write):
    lines = ["#OTU ID\ts1\ts2\ts3\tgene"] + [f"f{k}\t{k}\t1\t2\tabc" for k in range(20)]
    text = refused(TableError, write("t.tsv", "\n".join(lines)))
    assert "1 fault" in text
    assert "1 column(s) hold text in every line: 'gene'" in text
    assert "metadata=" in text


def test_a_number_with_both_decimal_signs(write):
    text = refused(TableError, write("t.tsv", "#OTU ID\ts1\ts2\na\t0,5\t0.25\nb\t0.5\t0.75\n"))
    assert "others a decimal point" in text


def test_thousands_that_might_be_fractions(write):
    assert "may be thousands" in refused(TableError, write("t.tsv", "#OTU ID\ts1\ts2\na\t1,234\t5\n"))


def test_ragged_lines_are_counted_and_named(write):
    text = refused(TableError, write("t.tsv", "#OTU ID\ts1\ts2\na\t1\t2\nb\t1\nc\t1\t2\t3\nd\t1\t1\n"))
    assert "2 line(s) do not have as many cells as the header: line 3 has 2, line 4 has 4" in text


def test_a_missing_column_name(write):
    text = refused(TableError, write("t.tsv", "#OTU ID\ts1\t\ts2\na\t1\t2\t3\n"))
    assert "a name is missing in the header" in text
    assert "column(s) 3" in text


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("#OTU ID\ts1\ts1\na\t1\t2\n", "1 sample id(s) stand more than once: 's1'"),
        ("#OTU ID\ts1\ts2\na\t1\t2\na\t1\t2\n", "1 feature id(s) stand more than once: 'a'"),
        ("#OTU ID\ts1\ts2\na\t1\t2\n \t1\t2\n", "1 feature id(s) are empty"),
    ],
)
def test_repeated_and_empty_ids(write, table, what):
    assert what in refused(IdError, write("t.tsv", table))


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("-3", "negative: -3 in sample 's1', feature 'b'"),
        ("inf", "missing or infinite"),
        ("nan", "missing or infinite"),
        ("2.5", "not whole"),
        ("1e17", "above 2^53"),
    ],
)
def test_numbers_that_are_no_counts(write, cell, what):
    assert what in refused(TableError, write("t.tsv", f"#OTU ID\ts1\ts2\na\t10\t1\nb\t{cell}\t7\n"))


def test_a_header_without_data_is_an_empty_table(write):
    assert "the table is empty" in refused(TableError, write("t.tsv", "#OTU ID\ts1\ts2\n"))


def test_several_faults_come_in_one_message(write):
    table = (
        "#OTU ID\ts1\ts2\ts2\ts3\n"
        "a\t1\t2\t3\t4\n"
        "b\t-1\t2\tx\t4\n"
        "c\t1\t2\n"
        "a\t1\tinf\t3\t4\n"
    )  # fmt: skip
    text = refused(AnalysisError, write("t.tsv", table))
    for what in (
        "6 faults",
        "line 4 has 3",
        "line 3, column 's2': 'x'",
        "sample id(s) stand more than once: 's2'",
        "feature id(s) stand more than once: 'a'",
        "negative: -1 in sample 's1', feature 'b'",
        "missing or infinite: inf in sample 's2', feature 'a'",
    ):
        assert what in text


def test_what_is_wrong_is_told_with_the_question_of_orientation(write):
    text = refused(ReadError, write("t.tsv", "x\ts1\ts2\na\t1\t2\nb\t1\tq\nc\t4\t4\n"))
    assert "2 faults" in text
    assert "orientation=" in text
    assert "'q'" in text


# Other things than tables


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("#mpa_v30\nclade_name\tid\ts1\nk__B\t2\t100\nk__B|p__A\t2|3\t100\n", "MetaPhlAn"),
        ("ID\ts1\nk__B|p__A\t2\nk__B|p__A|c__C\t4\nk__B|p__A|c__D\t4\n", "MetaPhlAn"),
        ("sample-id\tarm\tday\ns1\tdrug\t0\ns2\tnone\t1\n", "metadata="),
        ("Feature ID\tTaxon\tConfidence\na\tk__B\t0.9\n", "taxonomy="),
        ("id\tTaxon\na\tk__B\n", "taxonomy="),
        ("OTU\tSize\tTaxonomy\nOtu1\t9\tBacteria(100);\n", "taxonomy="),
        ('"";"domain";"phylum";"class"\n"a";"B";"C";"D"\n', "taxonomy="),
        ("\ta\tb\na\t0\t0.5\nb\t0.5\t0\n", "read_distances"),
        ("2\na\nb\t0.5\n", "read_distances"),
        (">seq1;size=3\nACGT\n", "sequences"),
        ("((a:1,b:2):1,c:1);", "tree="),
        ("one, two\nthree\nfour, five, six\nseven\n", "no table"),
        ("just a line of words\nand another\n", "no tab, comma or semicolon"),
        ("a\tb\n\0\0\0\0", "no format that is read here"),
        ("\xd0\xcf\x11\xe0", "Excel"),
    ],
)
def test_what_is_no_table_is_named_with_the_remedy(write, text, what):
    assert what in refused(ReadError, write("t.tsv", text.encode("latin-1")))


@pytest.mark.parametrize("as_frame", [False, True])
def test_a_taxonomy_given_as_metadata_does_not_turn_the_table(write, classic, as_frame):
    table = write("t.tsv", classic)
    path = write(
        "taxonomy.tsv", "Feature ID\tTaxon\tConfidence\n" + "".join(f"{k}\tk__B\t0.9\n" for k in "abcd")
    )
    given = pd.read_csv(path, sep="\t", index_col=0) if as_frame else path
    with pytest.raises(AnalysisError, match=r"(?s)taxonomy of features.*taxonomy="):
        an.read_study(table, metadata=given)


def test_a_table_given_as_its_own_metadata_contradicts_its_heading(write, classic):
    table = write("t.tsv", classic)
    with pytest.raises(ReadError, match=r"(?s)#OTU ID.*orientation='samples_as_rows'"):
        an.read_study(table, metadata=table)


@pytest.mark.parametrize("text", ["s1\t5\t0\ns2\t1\t7\n", "one\t5\t5\ntwo\t1\t7\n", "1\t5\t0\n2\t1\t7\n"])
def test_a_file_without_a_header_is_refused(write, text):
    message = refused(ReadError, write("t.tsv", text), orientation="samples_as_rows")
    assert "no header line" in message


@pytest.mark.parametrize("heading", ["", "#OTU ID", "id", "barcode"])
def test_numbers_may_be_the_names_of_columns(write, heading):
    path = write("t.tsv", f"{heading}\t101\t102\ns1\t5\t0\ns2\t1\t7\n")
    study = an.read_study(path, orientation="samples_as_rows")
    assert study.feature_ids.tolist() == ["101", "102"]


def test_ids_with_a_hash_are_data_and_comments_are_noted(write):
    table = write("t.tsv", "#OTU ID\ts1\t#2\na\t1\t2\n#b\t3\t4\n# the end\n")
    metadata = write("m.tsv", "id\tarm\tday\ns1\tdrug\t1\n#2\tnone\t7\n# made by hand\n")
    taxonomy = write("x.tsv", "Feature ID\tTaxon\tConfidence\na\tk__B\t1\n#b\tk__A\t1\n# done\n")
    study = an.read_study(table, metadata, taxonomy)
    assert study.feature_ids.tolist() == ["a", "#b"]
    assert study.metadata.index.tolist() == ["s1", "#2"]
    assert study.taxonomy["Domain"].tolist() == ["B", "A"]
    assert [note for note in study.source.notes if "comments" in note] == [
        "1 line(s) that begin with '#' were taken as comments: line(s) 4"
    ] * 3


def test_lineages_with_their_confidence_beside_the_numbers(write):
    path = write("t.csv", "OTU ID,s1,s2,Taxon,Confidence\na,5,0,k__B;p__F,0.9\nb,1,7,k__A;p__E,1\n")
    study = an.read_study(path)
    assert study.sample_ids.tolist() == ["s1", "s2"]
    assert study.taxonomy["Phylum"].tolist() == ["F", "E"]
    assert any("confidence" in note for note in study.source.notes)


def test_a_column_a_rank_beside_the_numbers(write):
    path = write("t.csv", "OTU ID,s1,s2,Kingdom,Phylum,Class\na,5,0,B,F,C\nb,1,7,A,E,\n")
    study = an.read_study(path)
    assert study.sample_ids.tolist() == ["s1", "s2"]
    assert study.taxonomy[["Domain", "Phylum", "Class"]].to_numpy().tolist() == [
        ["B", "F", "C"],
        ["A", "E", ""],
    ]
