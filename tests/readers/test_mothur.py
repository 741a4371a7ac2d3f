"""mothur's .shared, .cons.taxonomy and .design."""

import numpy as np
import pytest

import analysis as an
from analysis.errors import AnalysisError, ParameterError, ReadError, TableError

HEADER = "label\tGroup\tnumOtus\tOtu1\tOtu2\tOtu3\t\n"
FIRST = "0.03\tm1\t3\t5\t0\t2\t\n0.03\tm2\t3\t1\t7\t0\t\n"
SECOND = "0.05\tm1\t3\t7\t0\t0\t\n0.05\tm2\t3\t8\t0\t0\t\n"


def test_a_shared_file_with_its_trailing_separators(write):
    study = an.read_study(write("x.shared", HEADER + FIRST))
    assert study.sample_ids.tolist() == ["m1", "m2"]
    assert study.feature_ids.tolist() == ["Otu1", "Otu2", "Otu3"]
    assert study.counts.toarray().tolist() == [[5, 0, 2], [1, 7, 0]]
    assert study.source.format == "mothur shared"


def test_a_shared_file_with_its_design_and_taxonomy(write):
    design = write("x.design", "group\tdrug\nm2\tB\nm1\tA\n")
    taxonomy = write(
        "x.cons.taxonomy",
        'OTU\tSize\tTaxonomy\r\nOtu1\t6\t"Bacteria(100);Firmicutes(99);"\r\n'
        "Otu2\t7\tBacteria(100);Bacteria_unclassified(80);\r\nOtu3\t2\tArchaea(100);\r\nOtu9\t1\tArchaea;\r\n",
    )
    study = an.read_study(write("x.shared", HEADER + FIRST), design, taxonomy)
    assert study.metadata["drug"].tolist() == ["A", "B"]
    assert study.taxonomy["Phylum"].tolist() == ["Firmicutes", "", ""]
    assert [file.part for file in study.source.files] == ["table", "metadata", "taxonomy"]


def test_several_labels_are_asked_about(write):
    path = write("x.shared", HEADER + FIRST + SECOND)
    with pytest.raises(ParameterError, match=r"'0\.03', '0\.05'"):
        an.read_study(path)
    study = an.read_study(path, label="0.05")
    assert study.counts.toarray().tolist() == [[7, 0, 0], [8, 0, 0]]
    assert any("label 0.05" in note for note in study.source.notes)


def test_an_unknown_label_names_the_others(write):
    with pytest.raises(ParameterError, match=r"0\.03"):
        an.read_study(write("x.shared", HEADER + FIRST), label="0.3")


def test_orientation_has_no_use_here(write):
    with pytest.raises(ParameterError, match="leave it out"):
        an.read_study(write("x.shared", HEADER + FIRST), orientation="samples_as_rows")


def test_names_of_one_rank_go_to_the_rank_of_the_label(write):
    table = write("x.shared", (HEADER + FIRST).replace("0.03", "family"))
    taxonomy = write(
        "x.taxonomy",
        "OTU\tSize\tTaxonomy\nOtu1\t6\tBacteroidaceae\nOtu2\t7\tClostridiales_unclassified\nOtu3\t2\tRuminococcaceae\n",
    )
    study = an.read_study(table, taxonomy=taxonomy)
    assert study.taxonomy["Family"].tolist() == ["Bacteroidaceae", "", "Ruminococcaceae"]
    assert (study.taxonomy["Domain"] == "").all()


def test_faults_of_a_shared_file_come_together(write):
    bad = HEADER + "0.03\tm1\t3\tx\t0\t2\t\n0.03\tm1\t3\t1\t-7\t0\t\n0.03\tm3\t3\t1\n"
    with pytest.raises(AnalysisError) as caught:
        an.read_study(write("x.shared", bad))
    text = str(caught.value)
    for what in ("line 2, column 'Otu1': 'x'", "line 4 has 4", "'m1'", "-7 in sample 'm1', feature 'Otu2'"):
        assert what in text


def test_a_header_without_otus_is_refused(write):
    with pytest.raises(ReadError, match="3 columns"):
        an.read_study(write("x.shared", "label\tGroup\tnumOtus\n0.03\tm1\t3\n"))


def test_a_table_of_no_groups_is_empty(write):
    with pytest.raises(TableError, match="empty"):
        an.read_study(write("x.shared", HEADER))


def test_a_wide_table_is_read_quickly_and_exactly(write):
    rng = np.random.default_rng(0)
    counts = rng.geometric(0.3, (40, 5_000)) * (rng.random((40, 5_000)) < 0.02)
    counts[:, 0] = 1
    lines = ["label\tGroup\tnumOtus\t" + "\t".join(f"Otu{k}" for k in range(5_000))]
    lines += [f"0.03\tm{k}\t5000\t" + "\t".join(map(str, row)) for k, row in enumerate(counts)]
    study = an.read_study(write("x.shared", "\n".join(lines)))
    assert np.array_equal(study.counts.toarray(), counts)
