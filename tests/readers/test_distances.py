"""Distance matrices: square, lower triangles and artifacts."""

import gzip

import numpy as np
import pytest

from analysis.errors import AnalysisError, IdError, ReadError
from analysis.readers import read_distances

IDS = ["a", "b", "c"]
VALUES = np.array([[0, 0.25, 0.5], [0.25, 0, 0.125], [0.5, 0.125, 0]])


def square(ids=IDS, values=VALUES, separator="\t"):
    lines = [separator.join(["", *ids])]
    lines += [separator.join([name, *map(str, row)]) for name, row in zip(ids, values, strict=True)]
    return "\n".join(lines) + "\n"


def refused(error, path):
    with pytest.raises(error) as caught:
        read_distances(path)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        square(),
        square(separator=","),
        "3\na\nb\t0.25\nc\t0.5\t0.125\n",
        "3\r\na\r\nb\t0.25\t\r\nc\t0.5\t0.125\t\r\n",
        "3\na\t0\t0.25\t0.5\nb\t0.25\t0\t0.125\nc\t0.5\t0.125\t0\n",
        "   3\na 0 .25 .5\nb .25 0 .125\nc .5 .125 0\n",
    ],
)
def test_forms_of_text(write, text):
    for content in (text.encode(), gzip.compress(text.encode())):
        matrix = read_distances(write("d.dist", content))
        assert matrix.ids == tuple(IDS)
        assert np.array_equal(matrix.data, VALUES)


def test_an_artifact(artifact):
    assert np.array_equal(
        read_distances(artifact("DistanceMatrix", "distance-matrix.tsv", square())).data, VALUES
    )


def test_bare_integers_are_ids(write):
    assert read_distances(write("d.tsv", square(["1", "02", "3"]))).ids == ("1", "02", "3")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({(0, 1): 0.3}, "not the same both ways: 2 distance(s): 'a' to 'b': 0.3"),
        ({(1, 1): 0.1}, "from a sample to itself not 0: 1 distance(s): 'b' to 'b'"),
        ({(0, 1): -0.25, (1, 0): -0.25}, "negative: 2 distance(s)"),
        ({(0, 1): np.nan, (1, 0): np.nan}, "missing or infinite: 2 distance(s)"),
        ({(0, 1): np.inf, (1, 0): np.inf}, "missing or infinite: 2 distance(s)"),
    ],
)
def test_numbers_that_are_no_distances(write, change, what):
    values = VALUES.copy()
    for place, value in change.items():
        values[place] = value
    text = refused(ReadError, write("d.tsv", square(values=values)))
    assert what in text
    assert "1 fault" in text


def test_rounding_in_the_last_place_is_no_fault(write):
    values = VALUES.copy()
    values[0, 1] += 1e-12
    assert np.allclose(read_distances(write("d.tsv", square(values=values))).data, VALUES, atol=1e-11)


def test_several_faults_come_together(write):
    values = VALUES.copy()
    values[1, 1], values[0, 2] = 3, -1
    text = refused(AnalysisError, write("d.tsv", square(["a", "b", "a"], values)))
    for what in ("4 faults", "negative", "itself", "both ways", "'a'"):
        assert what in text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (square().replace("b\t", "x\t", 1).replace("\nx", "\nb"), "ids in one of them only: 'b', 'x'"),
        ("\tb\ta\na\t0.5\t0\nb\t0\t0.5\n", "in another order"),
        ("\ta\tb\tc\na\t0\t1\t1\n", "1 rows and 3 columns"),
        (square().replace("0.125", "near"), "2 cell(s) are no numbers"),
        (square().replace("\t0.125\n", "\n"), "line 3 has 3"),
        ("0\n", "says 0 samples and 0 follow"),
        ("3\na\nb\t0.25\n", "says 3 samples and 2 follow"),
        ("900000\na\nb\t0.25\n", "says 900,000 samples"),
        ("3\na\nb\t0.25\t0.5\nc\t0.5\t0.125\n", "line 3 has 2 distances, 1 expected"),
        ("3\na\nb\tx\nc\t0.5\t0.125\n", "line 3: could not convert"),
        ("\ta\tb\n", "there are no distances"),
    ],
)
def test_tables_that_are_no_matrix(write, text, what):
    assert what in refused(ReadError, write("d.tsv", text))


def test_repeated_ids_are_refused(write):
    assert "'a'" in refused(IdError, write("d.tsv", "2\na\na\t0.5\n"))


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n", b"{}", b"(a,b);", b"\0\1"])
def test_other_files_are_no_matrix(write, content):
    assert "no distance matrix" in refused(ReadError, write("d.tsv", content))


def test_comments_are_kept_as_notes(write):
    text = "# Bray-Curtis, rarefied to 1000\n" + square()
    assert read_distances(write("d.tsv", text)).notes == ["comment in line 1: Bray-Curtis, rarefied to 1000"]
    assert read_distances(write("d.tsv", square())).notes == []
