"""Sample metadata: ids as text, numbers recognised, missing values told from words."""

import gzip

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError, IdError, MetadataError, ReadError
from analysis.readers import read_metadata
from analysis.readers.metadata import metadata_from_frame


def refused(error, path, **choices):
    with pytest.raises(error) as caught:
        read_metadata(path, **choices)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
@pytest.mark.parametrize("heading", ["#SampleID", "sample-id", "x", ""])
def test_the_first_column_holds_the_ids(write, separator, heading):
    lines = [[heading, "arm", "day"], ["s1", "drug", "0"], ["s2", "none", "7"]]
    frame = read_metadata(write("m.tsv", "\n".join(separator.join(line) for line in lines)))
    assert frame.index.tolist() == ["s1", "s2"]
    assert frame.index.name == "sample_id"
    assert frame["arm"].tolist() == ["drug", "none"]
    assert frame["day"].dtype == np.int64


def test_a_column_with_a_name_of_its_own_holds_the_ids(write):
    frame = read_metadata(write("m.csv", ",Sample_ID,Sample_ID2,age\n1,31,A,5\n2,07,B,6\n"))
    assert frame.index.tolist() == ["31", "07"]
    assert frame.columns.tolist() == ["unnamed_1", "Sample_ID2", "age"]
    assert "samples are named by the metadata column 'Sample_ID'" in frame.attrs["notes"]


def test_the_id_column_can_be_named(write):
    path = write("m.tsv", "mouse\tlabel\n1\tA1\n1\tA2\n")
    assert "1 sample id(s) stand more than once: '1'" in refused(IdError, path)
    assert read_metadata(path, id_column="label").index.tolist() == ["A1", "A2"]
    assert "'label'" in refused(MetadataError, path, id_column="lable")


@pytest.mark.parametrize("ids", [["1", "2"], ["007", "10"], ["1.0", "2.50"], ["1e3", "nan"]])
def test_ids_are_text_as_written(write, ids):
    assert read_metadata(write("m.tsv", f"id\tx\n{ids[0]}\t1\n{ids[1]}\t2\n")).index.tolist() == ids


def test_types_of_qiime_2_are_obeyed(write):
    text = "id\tcage\tweight\tdate\n#q2:types\tcategorical\tnumeric\t\na\t1\t20\t3\nb\t02\t\t4\n"
    frame = read_metadata(write("m.tsv", text))
    assert frame["cage"].tolist() == ["1", "02"]
    assert np.array_equal(frame["weight"], [20, np.nan], equal_nan=True)
    assert frame["date"].tolist() == [3, 4]


def test_a_numeric_type_on_words_is_a_fault(write):
    text = "id\tweight\tage\n#q2:types\tnumeric\tnumeric\na\theavy\t3\nb\t20\told\nc\tlight\t1\n"
    message = refused(MetadataError, write("m.tsv", text))
    assert "2 faults" in message
    assert "2 cell(s) are no numbers: line 3: 'heavy'; line 5: 'light'" in message
    assert "column 'age'" in message


def test_comments_before_and_after_the_header_are_passed_over(write):
    text = (
        "# made by hand, on a Monday\n#SampleID\tarm\n#A comment, with commas\ns1\tdrug\n#another\ns2\tnone\n"
    )
    frame = read_metadata(write("m.tsv", text))
    assert frame.index.tolist() == ["s1", "s2"]
    assert frame["arm"].tolist() == ["drug", "none"]


@pytest.mark.parametrize("missing", ["", "NA", "N/A", "nan", "NaN", "null", "#N/A"])
def test_missing_values_everywhere(write, missing):
    frame = read_metadata(write("m.tsv", f"id\tarm\tday\na\tdrug\t1\nb\t{missing}\t{missing}\n"))
    assert frame.loc["b"].isna().all()
    assert frame["day"].dtype == np.float64
    assert frame["arm"]["a"] == "drug"


@pytest.mark.parametrize(
    "word",
    ["missing", "not applicable", "Restricted access", "None", "unknown", "-", "missing: not collected"],
)
def test_words_for_missing_count_in_columns_of_numbers_only_and_are_noted(write, word):
    frame = read_metadata(write("m.tsv", f"id\tarm\tday\na\tdrug\t1\nb\t{word}\t{word}\n"))
    assert frame["arm"].tolist() == ["drug", word]
    assert np.array_equal(frame["day"], [1, np.nan], equal_nan=True)
    assert frame.attrs["notes"] == [f"metadata column 'day': 1 cell(s) taken as missing: {word!r}"]


def test_a_column_of_words_for_missing_is_a_category(write):
    assert read_metadata(write("m.tsv", "id\tabx\na\tnone\nb\tnone\n"))["abx"].tolist() == ["none", "none"]


def test_an_empty_column_stays(write):
    frame = read_metadata(write("m.tsv", "id\tarm\tday\na\t\t1\nb\t\t2\n"))
    assert frame["arm"].isna().all()


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "2"], "i", [1, 2]),
        (["-3", "+4"], "i", [-3, 4]),
        (["1.5", "2"], "f", [1.5, 2]),
        (["1,5", "2"], "f", [1.5, 2]),
        (["1e3", ".5"], "f", [1000, 0.5]),
        (["0", "0.0"], "f", [0, 0]),
        (["01", "2"], "O", ["01", "2"]),
        (["042122", "050622"], "O", ["042122", "050622"]),
        (["103092734012345678", "2"], "O", ["103092734012345678", "2"]),
        (["9" * 400, "2"], "O", ["9" * 400, "2"]),
        (["TRUE", "FALSE"], "O", ["TRUE", "FALSE"]),
        (["1", "two"], "O", ["1", "two"]),
        (["2008-10-28", "2009-01-20"], "O", ["2008-10-28", "2009-01-20"]),
    ],
)
def test_what_a_column_holds(write, cells, kind, values):
    column = read_metadata(write("m.tsv", "id;x\na;" + cells[0] + "\nb;" + cells[1]))["x"]
    assert column.tolist() == values
    assert pd.api.types.is_numeric_dtype(column) == (kind in "if")
    assert pd.api.types.is_integer_dtype(column) == (kind == "i")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_and_line_ends(write, ends, encoding):
    text = "id\tplace\ns1\tMünchen\ns2\tKöln\n".replace("\n", ends)
    for content in (text.encode(encoding), gzip.compress(text.encode(encoding))):
        assert read_metadata(write("m.tsv", content))["place"].tolist() == ["München", "Köln"]


def test_quotes_separators_inside_them_and_cells_of_several_lines(write):
    text = 'id,note,arm\ns1,"a, b",x\ns2,"two\nlines",y\ns3,5" pipe,z\ns4,"say ""hi""",w\n'
    frame = read_metadata(write("m.csv", text))
    assert frame["note"].tolist() == ["a, b", "two\nlines", '5" pipe', 'say "hi"']
    assert frame["arm"].tolist() == ["x", "y", "z", "w"]


def test_white_space_around_cells_is_taken_off_and_noted(write):
    frame = read_metadata(write("m.tsv", "id\tabx\n s1\tvanc \ns2\tvanc\n"))
    assert frame.index.tolist() == ["s1", "s2"]
    assert frame["abx"].tolist() == ["vanc", "vanc"]
    assert "white space around 2 metadata cell(s) was taken off" in frame.attrs["notes"]


def test_row_names_as_r_writes_them(write):
    frame = read_metadata(write("m.tsv", "arm\tday\ns1\tdrug\t1\ns2\tnone\t2\n"))
    assert frame.index.tolist() == ["s1", "s2"]
    assert frame.columns.tolist() == ["arm", "day"]


def test_blank_rows_and_a_last_separator_are_no_data(write):
    frame = read_metadata(write("m.csv", "id,arm,\ns1,drug,\n,,\n\ns2,none,\n"))
    assert frame.shape == (2, 1)


# Faults


def test_repeated_columns_are_refused(write):
    assert "'arm'" in refused(MetadataError, write("m.tsv", "id\tarm\tarm\na\t1\t2\n"))


def test_rows_without_an_id_are_refused(write):
    text = refused(IdError, write("m.tsv", "id\tarm\na\t1\n\t2\n \t3\n"))
    assert "line(s) 3, 4: 2 row(s) have no sample id" in text


def test_all_faults_of_a_file_come_together(write):
    text = "id\tday\tday\n#q2:types\tnumeric\tnumeric\na\tx\t1\na\t2\t3\nb\t2\n\t5\t5\n"
    message = refused(AnalysisError, write("m.tsv", text))
    for what in (
        "5 faults",
        "line 5 has 2",
        "column name(s) stand more than once: 'day'",
        "line 3: 'x'",
        "sample id(s) stand more than once: 'a'",
        "1 row(s) have no sample id",
    ):
        assert what in message


def test_blank_lines_only_are_refused(write):
    assert "blank lines only" in refused(ReadError, write("m.tsv", "\x0b\n\x0c\n"))


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n", b'{"a": 1}', b"\0\1\2"])
def test_what_is_no_text_table_is_refused(write, content):
    assert "no text table" in refused(ReadError, write("m.tsv", content))


def test_a_workbook_is_refused(write):
    assert "Excel" in refused(ReadError, write("m.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))


# Data frames


def test_a_data_frame_keeps_its_columns_and_gets_text_for_ids():
    frame = pd.DataFrame({"day": pd.array([1, None], dtype="Int64")}, index=[1.0, 2.0])
    result = metadata_from_frame(frame)
    assert result.index.tolist() == ["1", "2"]
    assert result["day"].dtype == "Int64"
    assert frame.index.tolist() == [1.0, 2.0]


def test_the_ids_of_a_data_frame_may_stand_in_a_column():
    frame = pd.DataFrame({"sample-id": ["a", "b"], "code": ["x", "y"]})
    assert metadata_from_frame(frame, wanted=["a", "b"]).index.tolist() == ["a", "b"]
    assert metadata_from_frame(frame, "code").index.tolist() == ["x", "y"]
    with pytest.raises(MetadataError, match="'code'"):
        metadata_from_frame(frame, "cod")


def test_repeated_ids_of_a_data_frame_are_refused():
    with pytest.raises(IdError, match="'a'"):
        metadata_from_frame(pd.DataFrame({"x": [1, 2]}, index=["a", "a"]))
