"""BIOM as JSON and as HDF5, held to biom-format, and refused where its parts contradict each other."""

import json

import biom
import h5py
import numpy as np
import pytest
from scipy import sparse

import analysis as an
from analysis.errors import IdError, ParameterError, ReadError, TableError

FEATURES = ["a", "b", "c", "d"]
SAMPLES = ["s1", "s2", "s3"]


@pytest.fixture
def document(counts):
    """Return a dense BIOM 1.0 document, to be changed."""
    return {
        "id": None,
        "format": "Biological Observation Matrix 1.0.0",
        "format_url": "http://biom-format.org",
        "type": "OTU table",
        "generated_by": "tests",
        "date": "2026-11-22T00:00:00",
        "matrix_type": "dense",
        "matrix_element_type": "int",
        "shape": [4, 3],
        "rows": [{"id": name, "metadata": None} for name in FEATURES],
        "columns": [{"id": name, "metadata": None} for name in SAMPLES],
        "data": counts.T.tolist(),
    }


def check(study, counts, format_name):
    assert study.sample_ids.tolist() == SAMPLES
    assert study.feature_ids.tolist() == FEATURES
    assert np.array_equal(study.counts.toarray(), counts)
    assert study.counts.dtype == np.int64
    assert study.source.format == format_name


def check_described(study):
    assert study.taxonomy["Domain"].tolist() == ["Bacteria", "Bacteria", "Bacteria", "Archaea"]
    assert study.taxonomy["Phylum"].tolist() == ["Firmicutes", "Bacteroidetes", "", ""]
    assert study.metadata["day"].tolist() == [0, 7, 14]
    assert study.metadata["day"].dtype == np.int64
    assert study.metadata["arm"].tolist() == ["drug", "none", "drug"]


def refused(path, error=ReadError, **choices):
    with pytest.raises(error) as caught:
        an.read_study(path, **choices)
    assert type(caught.value) is error
    return str(caught.value)


def test_hdf5_as_biom_format_writes_it(hdf5, counts):
    study = an.read_study(hdf5())
    check(study, counts, "BIOM 2.1 (HDF5)")
    check_described(study)


def test_json_as_biom_format_writes_it(write, biom_table, counts):
    study = an.read_study(write("t.biom", biom_table.to_json("tests")))
    check(study, counts, "BIOM 1.0.0 (JSON)")
    check_described(study)


def test_dense_json(write, document, counts):
    check(an.read_study(write("t.biom", json.dumps(document))), counts, "BIOM 1.0.0 (JSON)")


def test_a_lineage_as_text_and_a_rank_an_entry(write, document):
    for row in document["rows"]:
        row["metadata"] = {"taxonomy": "k__Bacteria; p__Firmicutes"}
    assert set(an.read_study(write("t.biom", json.dumps(document))).taxonomy["Phylum"]) == {"Firmicutes"}
    for row in document["rows"]:
        row["metadata"] = {"Kingdom": "Bacteria", "Phylum": "Firmicutes", "other": 3}
    assert set(an.read_study(write("t.biom", json.dumps(document))).taxonomy["Phylum"]) == {"Firmicutes"}


@pytest.mark.parametrize("seed", range(3))
def test_random_tables_agree_with_biom_format(hdf5, write, seed):
    rng = np.random.default_rng(seed)
    filled = sparse.random(40, 25, density=0.1, rng=rng).tolil()
    filled[:, 0] = filled[0, :] = 1  # no empty sample, no empty feature
    numbers = np.ceil(1_000 * filled.toarray())
    table = biom.Table(numbers, [f"f{k}" for k in range(40)], [f"s{k}" for k in range(25)])
    for path in (hdf5(table=table), write("t.json", table.to_json("tests"))):
        study = an.read_study(path)
        read = biom.load_table(str(path))
        assert np.array_equal(study.counts.toarray().T, read.matrix_data.toarray())
        assert study.sample_ids.tolist() == list(read.ids())
        assert study.feature_ids.tolist() == list(read.ids(axis="observation"))


def test_groups_for_metadata_may_be_absent(hdf5, counts):
    def strip(file):
        for axis in ("observation", "sample"):
            del file[axis]["metadata"], file[axis]["group-metadata"]
        for key in list(file.attrs):
            del file.attrs[key]

    path = hdf5(strip)
    study = an.read_study(path)
    check(study, counts, "BIOM 2.1 (HDF5)")
    assert study.taxonomy is None
    assert study.metadata.shape == (3, 0)


def test_the_features_matrix_serves_where_the_samples_matrix_is_absent(hdf5, counts):
    check(an.read_study(hdf5(lambda file: file.pop("sample/matrix"))), counts, "BIOM 2.1 (HDF5)")


def test_ids_of_fixed_length_and_numbers(hdf5, counts):
    def rewrite(file):
        del file["sample/ids"], file["observation/ids"]
        file["sample/ids"] = np.array(SAMPLES, dtype="S8")
        file["observation/ids"] = np.arange(4)

    study = an.read_study(hdf5(rewrite))
    assert study.sample_ids.tolist() == SAMPLES
    assert study.feature_ids.tolist() == ["0", "1", "2", "3"]
    assert np.array_equal(study.counts.toarray(), counts)


def test_levels_named_by_taxpasta(hdf5):
    def rewrite(file):
        del file["observation/metadata/taxonomy"]
        levels = [["", "Bacteria", "x", "Firmicutes", "Bacilli"]] * 4
        file["observation/metadata/taxonomy"] = np.array(levels, dtype="S12")
        ranks = b"no rank;superkingdom;clade;phylum;class"
        file["observation/group-metadata/ranks"] = np.array([ranks])

    first = an.read_study(hdf5(rewrite)).taxonomy.iloc[0]
    assert first.tolist() == ["Bacteria", "Firmicutes", "Bacilli", "", "", "", ""]


def test_fractions_are_read_and_marked(hdf5, biom_table):
    study = an.read_study(hdf5(table=biom_table.norm(axis="sample", inplace=False)))
    assert study.kind == "fractions"
    assert np.allclose(study.depths, 1)


def test_an_empty_table_is_refused(hdf5):
    path = hdf5(table=biom.Table(np.empty((0, 0)), [], []))
    assert "the table is empty: 0 samples x 0 features" in refused(path, TableError)


def test_numbers_that_are_no_counts_are_refused(hdf5, biom_table):
    logged = biom_table.transform(lambda values, *_: np.log(values), inplace=False)
    assert "not whole" in refused(hdf5(table=logged), TableError)
    centred = biom_table.transform(lambda values, *_: values - values.mean(), inplace=False)
    assert "negative" in refused(hdf5(table=centred), TableError)


def test_repeated_ids_are_refused(write, document):
    document["rows"][1]["id"] = "a"
    document["columns"][2]["id"] = "s1"
    text = refused(write("t.biom", json.dumps(document)), IdError)
    assert "'a'" in text
    assert "'s1'" in text


@pytest.mark.parametrize("choice", [{"orientation": "samples_as_rows"}, {"label": "0.03"}])
def test_choices_that_biom_has_no_use_for_are_refused(hdf5, choice):
    assert "leave it out" in refused(hdf5(), ParameterError, **choice)


# HDF5 whose parts do not fit: nothing is allocated on the word of a header


def replace(path, values, **options):
    def change(file):
        del file[path]
        file.create_dataset(path, data=values, **options)

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (replace("sample/matrix/indices", [0, 2, 0, 1, 1, 2, 4]), "do not fit the table"),
        (replace("sample/matrix/indices", [0, 2, 0, 1, 1, 2, -1]), "do not fit the table"),
        (replace("sample/matrix/indptr", [0, 5, 2, 7]), "do not fit the table"),
        (replace("sample/matrix/indptr", [1, 2, 4, 7]), "do not fit the table"),
        (replace("sample/matrix/indptr", [0, 2, 4, 6]), "do not fit the table"),
        (replace("sample/matrix/indptr", [0.0, 2.0, 4.0, np.nan]), "do not fit the table"),
        (replace("sample/matrix/indices", [0, 0, 0, 1, 1, 2, 3]), "stand more than once"),
        (replace("sample/matrix/data", [1.0, 2.0]), "2 values, 7 indices"),
        (replace("sample/matrix/data", np.ones((7, 1))), "numbers"),
        (replace("sample/matrix/data", np.array([b"x"] * 7)), "numbers"),
        (replace("sample/ids", np.array([b"s1", b"s2"])), "4 row starts for a table of 2 x 4"),
        (replace("sample/ids", np.array([[b"s1", b"s2", b"s3"]])), "2 dimensions"),
        (replace("observation/metadata/taxonomy", np.array([b"k__Bacteria"])), "for 4 rows"),
        (lambda file: file.pop("observation/ids"), "no dataset 'observation/ids'"),
        (lambda file: file.pop("sample"), "no dataset 'sample/ids'"),
    ],
)
def test_parts_that_contradict_each_other(hdf5, change, what):
    assert what in refused(hdf5(change))


def test_a_dataset_of_absurd_size_is_not_allocated(hdf5):
    def change(file):
        del file["sample/matrix/data"]
        file.create_dataset("sample/matrix/data", shape=(10**12,), dtype="f8", chunks=(1_000,))

    assert "declares (1000000000000,) values and stores 0 bytes" in refused(hdf5(change))


def test_links_out_of_the_file_are_not_followed(hdf5, tmp_path):
    secret = hdf5(name="secret.biom")

    def change(file):
        del file["sample/ids"]
        file["sample/ids"] = h5py.ExternalLink(str(secret), "sample/ids")

    assert "no dataset 'sample/ids'" in refused(hdf5(change))


def test_external_and_virtual_data_are_not_followed(hdf5, tmp_path):
    raw = tmp_path / "raw.bin"
    raw.write_bytes(np.ones(7).tobytes())

    def external(file):
        del file["sample/matrix/data"]
        file.create_dataset("sample/matrix/data", shape=(7,), dtype="f8", external=[(str(raw), 0, 56)])

    def virtual(file):
        del file["sample/matrix/data"]
        layout = h5py.VirtualLayout(shape=(7,), dtype="f8")
        layout[:] = h5py.VirtualSource(str(raw), "x", shape=(7,))
        file.create_virtual_dataset("sample/matrix/data", layout)

    assert "not in the file itself" in refused(hdf5(external))
    assert "not in the file itself" in refused(hdf5(virtual))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_truncated_hdf5_is_refused(hdf5, share):
    path = hdf5()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "truncated or damaged" in refused(path)


def test_other_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "any.h5", "w") as file:
        file["X"] = np.ones((3, 3))
    assert "no dataset 'sample/ids'" in refused(tmp_path / "any.h5")


# JSON


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"format": "something else"}, "no BIOM table"),
        ({"rows": None}, "there is no list 'rows'"),
        ({"rows": [{"id": "a"}, {"name": "b"}, 3, {"id": "d"}]}, "2 of the rows have no id"),
        ({"shape": [5, 3]}, "lists [4, 3] rows and columns"),
        ({"data": [[1, 2, 3]]}, "not as BIOM 1.0 writes"),
        ({"data": [[1, 2, 3], [1, 2], [1, 2, 3], [1, 2, 3]]}, "not as BIOM 1.0 writes"),
        ({"data": [["1", "2", "x"]] * 4}, "not as BIOM 1.0 writes"),
        ({"data": {"a": 1}}, "not as BIOM 1.0 writes"),
        ({"matrix_type": "other"}, "not as BIOM 1.0 writes"),
        ({"matrix_type": "sparse", "data": [[0, 0, 1], [4, 0, 2]]}, "not as BIOM 1.0 writes"),
        ({"matrix_type": "sparse", "data": [[0, -1, 1]]}, "not as BIOM 1.0 writes"),
        ({"matrix_type": "sparse", "data": [[0.5, 0, 1]]}, "not as BIOM 1.0 writes"),
        ({"matrix_type": "sparse", "data": [[0, 0, 1], [0, 0, 2]]}, "stand more than once"),
    ],
)
def test_json_whose_parts_contradict_each_other(write, document, change, what):
    assert what in refused(write("t.biom", json.dumps(document | change)))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"format": "Biological Observation Matrix 1.0.0", "rows": [', "broken or truncated"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a": ' + "1" * 10_000 + "}", "broken or truncated"),
        ("[1, 2, 3]", "no BIOM table"),
        ('{"a": "\xff"}', "no BIOM table"),
    ],
)
def test_json_that_is_broken_or_no_table(write, text, what):
    assert what in refused(write("t.biom", text))
