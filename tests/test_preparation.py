"""The clean-up steps of the catalogue: what each does, notes and refuses."""

import pandas as pd
import pytest

from analysis.errors import Faults, MetadataError, ReadError
from analysis.preparation import as_text, check_steps, metadata_of_first_rows, prepare
from analysis.study import Study


@pytest.fixture
def study() -> Study:
    ids = ["m1D-6", "m1D0", "m2D0", "water"]
    metadata = pd.DataFrame(
        {
            "cage": [18.0, 18.0, 7.0, None],
            "drug": ["vanc", "vanc", "vancomycin", None],
            "dose": ["1", "none", "2.5", "none"],
            "sex": ["f", "?", "m", "?"],
        },
        index=ids,
    )
    table = pd.DataFrame([[1, 2], [3, 4], [5, 6], [1, 0]], index=ids, columns=["a", "b"])
    return Study.from_frame(table, metadata, name="mice")


def done(study: Study, **step) -> Study:
    faults = Faults("mice", ReadError)
    check_steps([step], "[mice]", faults)
    faults.raise_if_any()
    return prepare(study, [step])


def test_names_that_look_like_numbers(study):
    after = done(study, do="text", columns=["cage"])
    assert after.metadata["cage"].tolist()[:3] == ["18", "18", "7"]
    assert after.metadata["cage"].isna().tolist() == [False, False, False, True]
    assert after.source.notes == ("taken as names, not numbers: cage",)
    assert study.metadata["cage"].dtype == float  # the study given is as it was


def test_words_for_missing(study):
    after = done(study, do="missing", columns=["dose", "sex"], values=["none", "?"])
    assert after.metadata["dose"].dropna().to_dict() == {"m1D-6": 1.0, "m2D0": 2.5}
    assert after.metadata["dose"].dtype == float
    assert after.metadata["sex"].dropna().tolist() == ["f", "m"]
    assert after.source.notes == ("4 cell(s) taken as missing: 'none', '?'",)


def test_values_replaced(study):
    after = done(study, do="replace", column="drug", values={"vancomycin": "vanc"})
    assert after.metadata["drug"].dropna().unique().tolist() == ["vanc"]
    assert after.source.notes == ("drug: 1 cell(s) changed, 'vancomycin' to 'vanc'",)
    after = done(study, do="replace", column="cage", values={"18": 1.5})
    assert after.metadata["cage"].tolist()[:3] == [1.5, 1.5, 7.0]


def test_a_value_that_is_not_there_is_refused_with_the_nearest(study):
    with pytest.raises(MetadataError, match=r"step 1 \(replace\): no sample has drug = 'vanco'") as caught:
        done(study, do="replace", column="drug", values={"vanco": "vanc"})
    assert "did you mean 'vanc'" in str(caught.value)


def test_values_mapped_to_a_new_column(study):
    values = {"vanc": "given", "vancomycin": "given"}
    after = done(study, do="map", column="arm", values=values, **{"from": "drug"})
    assert after.metadata["arm"].tolist()[:3] == ["given"] * 3
    assert pd.isna(after.metadata["arm"].iloc[3])
    with pytest.raises(MetadataError, match=r"1 value.* of 'drug' are not mapped: 'vancomycin'"):
        done(study, do="map", column="arm", values={"vanc": "given"}, **{"from": "drug"})


def test_columns_joined(study):
    after = done(study, do="join", column="mouse", form="{cage}-{sex} {drug}")
    assert after.metadata["mouse"].tolist() == ["18-f vanc", "18-? vanc", "7-m vancomycin", "-?"]
    assert after.source.notes == ("mouse was made as '{cage}-{sex} {drug}'",)


def test_part_of_the_sample_id_taken_out(study):
    study = done(study, do="drop", column="drug", missing=True, samples=1, reason="water")
    after = done(study, do="extract", column="day", pattern=r"D(-?\d+)$", **{"from": "sample_id"})
    assert after.metadata["day"].tolist() == [-6, 0, 0]
    with pytest.raises(MetadataError, match=r"2 value.* do not match 'D\(-.*': 'm1D0', 'm2D0'"):
        done(study, do="extract", column="day", pattern=r"D(-\d+)$", **{"from": "sample_id"})


def test_samples_left_out_are_noted_and_counted(study):
    after = done(study, do="drop", column="sample_id", values=["water"], samples=1, reason="it is no mouse")
    assert after.sample_ids.tolist() == ["m1D-6", "m1D0", "m2D0"]
    assert after.depths.tolist() == [3, 7, 11]
    note = "1 of 4 samples dropped, as sample_id is 'water': it is no mouse"
    assert after.source.notes == (note,)
    with pytest.raises(ReadError, match="in 1 of 4 samples drug is missing") as caught:
        done(study, do="drop", column="drug", missing=True, samples=2, reason="water")
    assert "expected: 2 samples to leave out, as the catalogue says" in str(caught.value)


def test_an_unknown_column_gives_the_nearest(study):
    with pytest.raises(MetadataError, match="there is no column 'cagee'") as caught:
        done(study, do="text", columns=["cagee"])
    assert "did you mean 'cage'" in str(caught.value)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"do": "txt", "columns": ["a"]}, "did you mean 'text'"),
        ({"columns": ["a"]}, "do = None is no step"),
        ({"do": "text", "column": "a"}, "the key 'columns' is missing"),
        ({"do": "text", "columns": "a"}, "columns is no list of names"),
        ({"do": "map", "column": "a", "from": "b", "values": ["c"]}, "values = { old = new }"),
        ({"do": "missing", "columns": ["a"], "values": {"b": "c"}}, 'values = ["a", "b"]'),
        (
            {"do": "drop", "column": "a", "values": ["b"], "missing": True, "samples": 1, "reason": "r"},
            "one of",
        ),
        ({"do": "drop", "column": "a", "missing": False, "samples": 1, "reason": "r"}, "missing = true"),
        ({"do": "extract", "column": "a", "from": "b", "pattern": "c"}, "the pattern has 0 groups"),
        ({"do": "join", "column": 1, "form": "{a}"}, "column = 1 is no text"),
    ],
)
def test_steps_are_checked_before_they_are_run(step, expected):
    faults = Faults("mine.toml", ReadError)
    check_steps([step], "[mice]", faults)
    with pytest.raises(ReadError) as caught:
        faults.raise_if_any()
    assert expected in str(caught.value)


def test_steps_that_are_no_list():
    faults = Faults("mine.toml", ReadError)
    check_steps({"do": "text"}, "[mice]", faults)
    assert "[[mice.steps]]" in str(faults.found[0])


def test_first_row_of_each_sample(tmp_path):
    path = tmp_path / "samples.tsv"
    path.write_text("mouse\tlabel\tday\n1\ta\t0\n1\tb\t1\n1\ta\t5\n2\tc\t2\n")
    metadata, told = metadata_of_first_rows(path, "label")
    assert metadata["day"].to_dict() == {"a": 0, "b": 1, "c": 2}
    assert "1 of 4 metadata rows dropped, being further rows of a sample" in metadata.attrs["notes"]
    assert told.part == "metadata"
    assert len(told.sha256) == 64
    with pytest.raises(MetadataError, match="there is no column 'labl'"):
        metadata_of_first_rows(path, "labl")


def test_text_of_numbers():
    assert as_text(pd.Series([1.0, 2.5, None])).fillna("").tolist() == ["1", "2.5", ""]
