"""Taxonomies in every form in which they come."""

import gzip

import pandas as pd
import pytest

import analysis as an
from analysis.errors import AnalysisError, IdError, ReadError, TaxonomyError
from analysis.readers import read_taxonomy
from analysis.readers.lineages import taxonomy_from_frame
from analysis.taxonomy import RANKS

QIIME = "Feature ID\tTaxon\tConfidence\na\td__Bacteria; p__Firmicutes\t0.9\nb\tUnassigned\t0.7\n"


def check(table):
    assert table.columns.tolist() == list(RANKS)
    assert table.index.tolist() == ["a", "b"]
    assert table["Domain"].tolist() == ["Bacteria", ""]
    assert table["Phylum"].tolist() == ["Firmicutes", ""]


@pytest.mark.parametrize(
    "text",
    [
        QIIME,
        "#OTU ID\ttaxonomy\na\tk__Bacteria; p__Firmicutes; c__\nb\tk__; p__\n",
        "a\tk__Bacteria; p__Firmicutes\nb\tk__; p__\n",
        "a\tk__Bacteria|p__Firmicutes\nb\tk__|p__\n",
        "a\td:Bacteria(1.00),p:Firmicutes(0.98)\t+\td:Bacteria\nb\t\t\t\n",
        "a\t\tBacteria\tdomain\t1.0\tFirmicutes\tphylum\t0.98\nb\t\tunclassified\tdomain\t0.1\n",
        'a\t-\tRoot\trootrank\t1.0\tBacteria\tdomain\t1.0\t"Firmicutes"\tphylum\t1\tX\tsubclass\t1\nb\t\tRoot\trootrank\t1\n',
        "a\tBacteria(100);Firmicutes(98);\nb\tunknown;unknown;\n",
        "OTU\tSize\tTaxonomy\na\t12\tBacteria(100);Firmicutes(98);\nb\t3\tunknown(100);\n",
        '"";"domain";"phylum"\n"a";"Bacteria";"Firmicutes"\n"b";"?";"?"\n',
        "id,Kingdom,Phylum,Note\na,Bacteria,Firmicutes,x\nb,NA,,y\n",
        "id\tRank1\tRank2\na\tk__Bacteria\tp__Firmicutes\nb\tk__\t\n",
        "OTUID,lineage\r\na,D_0__Bacteria;D_1__Firmicutes\r\nb,Ambiguous_taxa;Ambiguous_taxa\r\n",
    ],
)
def test_forms_of_text(write, text):
    check(read_taxonomy(write("t.txt", text)))
    check(read_taxonomy(write("t.gz", gzip.compress(text.encode()))))


def test_an_artifact(artifact):
    check(read_taxonomy(artifact("FeatureData[Taxonomy]", "taxonomy.tsv", QIIME)))


@pytest.mark.parametrize(
    "columns",
    [
        {"Taxon": ["d__Bacteria; p__Firmicutes", None]},
        {"Kingdom": ["Bacteria", None], "phylum": ["p__Firmicutes", float("nan")]},
    ],
)
def test_data_frames(columns):
    check(taxonomy_from_frame(pd.DataFrame(columns, index=["a", "b"])))


def test_whole_numbers_as_ids_of_a_data_frame():
    table = taxonomy_from_frame(pd.DataFrame({"Taxon": ["k__Bacteria"] * 2}, index=[5.0, 7.0]))
    assert table.index.tolist() == ["5", "7"]


def test_names_without_a_lineage_need_their_rank(write):
    path = write("t.tsv", "OTU\tSize\tTaxonomy\na\t1\tRikenellaceae\nb\t2\tClostridiales_unclassified\n")
    with pytest.raises(TaxonomyError, match="rank='Family'"):
        read_taxonomy(path)
    table = read_taxonomy(path, rank="family")
    assert table["Family"].tolist() == ["Rikenellaceae", ""]
    assert (table.drop(columns="Family") == "").all(axis=None)


def test_domains_alone_are_lineages(write):
    table = read_taxonomy(write("t.tsv", "id\ttaxonomy\na\tBacteria\nb\tArchaea\nc\tunknown\n"))
    assert table["Domain"].tolist() == ["Bacteria", "Archaea", ""]


def test_faults_come_together(write):
    with pytest.raises(AnalysisError) as caught:
        read_taxonomy(write("t.tsv", "id\tTaxon\tx\na\tk__Bacteria\t1\na\tk__Archaea\t1\nb\tk__Bacteria\n"))
    text = str(caught.value)
    assert "line 4 has 2" in text
    assert "1 feature id(s) stand more than once: 'a'" in text


def test_repeated_ids_are_refused(write):
    with pytest.raises(IdError, match="'a'"):
        read_taxonomy(write("t.tsv", "id\tTaxon\na\tk__Bacteria\na\tk__Archaea\n"))
    with pytest.raises(IdError, match="'a'"):
        taxonomy_from_frame(pd.DataFrame({"Taxon": ["x", "y"]}, index=["a", "a"]))


def test_a_table_without_lineages_names_its_columns(write):
    with pytest.raises(TaxonomyError, match="'weight', 'colour'"):
        read_taxonomy(write("t.tsv", "id\tweight\tcolour\na\t1\tred\n"))


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n", b"{}", b"(a,b);", b"\0\1"])
def test_other_files_are_no_taxonomy(write, content):
    with pytest.raises(ReadError, match="no taxonomy"):
        read_taxonomy(write("t.tsv", content))


def test_a_study_lacking_lineages_says_which(write, classic):
    taxonomy = write("x.tsv", "id\tTaxon\na\tk__Bacteria\nb\tk__Bacteria\nc\tk__Bacteria\nE\tk__Bacteria\n")
    with pytest.raises(TaxonomyError) as caught:
        an.read_study(write("t.tsv", classic), taxonomy=taxonomy)
    assert "1 of 4 features (30.00% of all reads) are not in the taxonomy: 'd'" in str(caught.value)
    study = an.read_study(write("t.tsv", classic), taxonomy=taxonomy, drop={"unmatched_features"})
    assert study.feature_ids.tolist() == ["a", "b", "c"]
    assert "1 of 4 features dropped, absent from the taxonomy: 30.00% of all reads" in study.source.notes


def test_lineages_of_other_features_are_left_aside(write, classic):
    taxonomy = pd.DataFrame({"Domain": list("zyxwv")}, index=list("edcba"))
    study = an.read_study(write("t.tsv", classic), taxonomy=taxonomy)
    assert study.taxonomy["Domain"].tolist() == ["v", "w", "x", "y"]


def test_a_cut_line_of_the_rdp_classifier_is_named(write):
    whole = "a\t\tBacteria\tdomain\t1.0\tFirmicutes\tphylum\t0.98\n"
    with pytest.raises(TaxonomyError, match=r"1 line\(s\) are cut off or of another kind: line\(s\) '2'"):
        read_taxonomy(write("t.txt", whole + "b\t\tBacteria\tdomain\n"))
    with pytest.raises(IdError, match="'a'"):
        read_taxonomy(write("t.txt", whole + whole))
    assert (
        "whatever the RDP Classifier's confidence" in read_taxonomy(write("t.txt", whole)).attrs["notes"][0]
    )
