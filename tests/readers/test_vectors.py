"""One number a sample, from artifacts and text."""

import numpy as np
import pytest

from analysis.errors import IdError, ParameterError, ReadError
from analysis.readers import read_alpha

QIIME = "\tshannon_entropy\ns1\t3.25\n02\t4\n"


def test_an_artifact(artifact):
    series = read_alpha(artifact("SampleData[AlphaDiversity]", "alpha-diversity.tsv", QIIME))
    assert series.name == "shannon_entropy"
    assert series.index.tolist() == ["s1", "02"]
    assert series.tolist() == [3.25, 4.0]
    assert series.dtype == np.float64


@pytest.mark.parametrize(
    "text", [QIIME, "#SampleID\tfaith_pd\ns1\t3.25\n02\t4\n", "id,x,arm\ns1,3.25,p\n02,4,q\n"]
)
def test_text_with_one_column_of_numbers(write, text):
    assert read_alpha(write("a.tsv", text)).to_dict() == {"s1": 3.25, "02": 4.0}


def test_one_of_several_columns(write):
    path = write("a.tsv", "\tshannon\tchao1\ns1\t3.5\t20\ns2\tn/a\t31\n")
    with pytest.raises(ParameterError, match="'shannon', 'chao1'"):
        read_alpha(path)
    assert read_alpha(path, column="chao1").tolist() == [20.0, 31.0]
    assert np.array_equal(read_alpha(path, column="shannon"), [3.5, np.nan], equal_nan=True)
    with pytest.raises(ParameterError, match="did you mean 'chao1'"):
        read_alpha(path, column="chao")


def test_words_are_no_numbers(write):
    with pytest.raises(ReadError, match="no column holds numbers"):
        read_alpha(write("a.tsv", "id\tarm\ns1\tdrug\n"))


def test_repeated_samples_are_refused(write):
    with pytest.raises(IdError, match="'s1'"):
        read_alpha(write("a.tsv", "id\tx\ns1\t1\ns1\t2\n"))
