"""Lineages of four databases, brought to seven ranks and added up."""

import numpy as np
import pandas as pd
import pytest

from analysis.errors import TaxonomyError
from analysis.taxonomy import (
    RANKS,
    collapse_features,
    find_rank,
    parse_lineage,
    taxonomy_from_columns,
    taxonomy_table,
    to_ranks,
)

FULL = ("Bacteria", "Firmicutes", "Clostridia", "Clostridiales", "Lachnospiraceae", "Blautia", "obeum")


WRITTEN = {
    "Greengenes": "k__{}; p__{}; c__{}; o__{}; f__{}; g__{}; s__{}",
    "Greengenes without spaces": "k__{};p__{};c__{};o__{};f__{};g__{};s__{}",
    "in capitals": "K__{}; P__{}; C__{}; O__{}; F__{}; G__{}; S__{}",
    "with a root": "Root; k__{}; p__{}; c__{}; o__{}; f__{}; g__{}; s__{}",
    "in quotes": '"k__{}; p__{}; c__{}; o__{}; f__{}; g__{}; s__{}"',
    "SILVA 138": "d__{}; p__{}; c__{}; o__{}; f__{}; g__{}; s__{}",
    "SILVA 132": "D_0__{};D_1__{};D_2__{};D_3__{};D_4__{};D_5__{};D_6__{}",
    "RDP": "{};{};{};{};{};{};{}",
    "RDP with a root": "Root;{};{};{};{};{};{};{}",
    "mothur": "{}(100);{}(100);{}(99.5);{}(98);{}(90);{}(80);{}(1);",
    "MetaPhlAn": "k__{}|p__{}|c__{}|o__{}|f__{}|g__{}|s__{}|t__SGB1",
}


@pytest.mark.parametrize("text", [form.format(*FULL) for form in WRITTEN.values()], ids=WRITTEN)
def test_one_lineage_as_many_databases_write_it(text):
    assert parse_lineage(text) == FULL


@pytest.mark.parametrize(
    "unknown",
    [
        "", "p__", "NA", "nan", "None", "unknown", "Unassigned", "unclassified", "Bacteria_unclassified",
        "unclassified_Bacteria", "unclassified Bacteria", "No_hit", "?", "__", "Ambiguous_taxa", "p__NA",
        "Bacteria_unclassified(87)",
    ],
)  # fmt: skip
def test_what_databases_call_unknown_is_empty(unknown):
    assert parse_lineage(f"Bacteria; {unknown}; Clostridia")[:3] == ("Bacteria", "", "Clostridia")


@pytest.mark.parametrize(
    "name", ["uncultured", "Incertae Sedis", "[Ruminococcus]", "Clostridium_XIVa", "5-7N15"]
)
def test_names_that_look_odd_stay(name):
    assert parse_lineage(f"Bacteria;Firmicutes;{name}")[2] == name


def test_a_prefix_tells_the_rank_wherever_it_stands():
    assert parse_lineage("k__Bacteria; g__Blautia") == ("Bacteria", "", "", "", "", "Blautia", "")


@pytest.mark.parametrize("text", ["", "Unassigned", ";;;", "k__; p__; c__; o__; f__; g__; s__"])
def test_nothing_known(text):
    assert parse_lineage(text) == ("",) * 7


def test_more_levels_than_ranks_are_cut():
    assert parse_lineage(";".join("abcdefghij")) == tuple("abcdefg")


def test_a_table_of_lineages():
    table = taxonomy_table(["k__B; p__F", "k__B; p__F", "k__A"], ["x", "y", "z"])
    assert table.columns.tolist() == list(RANKS)
    assert table.index.tolist() == ["x", "y", "z"]
    assert table["Phylum"].tolist() == ["F", "F", ""]


def test_a_column_a_rank():
    frame = pd.DataFrame(
        {
            "Kingdom": ["k__Bacteria", None],
            "phylum ": ["Firmicutes(100)", "NA"],
            "Rank6": ["g__Blautia", "?"],
            "x": [1, 2],
        },
        index=["a", "b"],
    )
    table = taxonomy_from_columns(frame)
    assert table.loc["a"].tolist() == ["Bacteria", "Firmicutes", "", "", "", "Blautia", ""]
    assert table.loc["b"].tolist() == [""] * 7


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, ""])
def test_missing_names_of_any_kind_are_empty(missing):
    table = taxonomy_from_columns(
        pd.DataFrame({"Genus": ["Blautia", missing]}, index=["a", "b"], dtype=object)
    )
    assert table["Genus"].tolist() == ["Blautia", ""]


def test_columns_without_a_rank_are_refused():
    with pytest.raises(TaxonomyError, match=r"no column is a rank: colour, weight"):
        taxonomy_from_columns(pd.DataFrame({"colour": ["red"], "weight": [1]}))


@pytest.mark.parametrize(
    ("asked", "found"), [("family", "Family"), ("KINGDOM", "Domain"), (" Genus ", "Genus")]
)
def test_ranks_by_any_case(asked, found):
    assert find_rank(asked) == found


def test_an_unknown_rank_names_the_nearest():
    with pytest.raises(TaxonomyError, match="did you mean 'Family'"):
        find_rank("Famly")


@pytest.fixture
def lineages():
    return taxonomy_table(
        [
            "k__B; p__F; c__C; o__O; f__X; g__g1",
            "k__B; p__F; c__C; o__O; f__X; g__g2",
            "k__B; p__F; c__C; o__O; f__",
            "k__B; p__F; c__C; o__O; f__Y; g__g1",
            "k__B; p__P",
            "",
        ],
        list("abcdef"),
    )


def test_collapsing_keeps_every_read(lineages):
    counts = np.random.default_rng(0).integers(0, 50, (4, 6))
    for rank in RANKS:
        membership, groups = collapse_features(lineages, rank)
        assert membership.shape == (6, len(groups))
        assert np.array_equal((counts @ membership).sum(axis=1), counts.sum(axis=1))
        assert (membership.sum(axis=1) == 1).all()
        assert groups.index.is_unique


def test_collapsing_to_families(lineages):
    membership, groups = collapse_features(lineages, "family")
    sums = dict(zip(groups.index, np.ones(6, dtype=int) @ membership, strict=True))
    assert sums == {"X": 2, "Y": 1, "O (unclassified)": 1, "P (unclassified)": 1, "Unclassified": 1}
    assert groups.loc["X"].tolist() == ["B", "F", "C", "O", "X", "", ""]


def test_the_same_name_under_two_parents_stays_two_groups(lineages):
    _, groups = collapse_features(lineages, "Genus")
    assert {"B;F;C;O;X;g1", "B;F;C;O;Y;g1", "g2"} <= set(groups.index)


@pytest.mark.parametrize("columns", [["Genus", "genus"], ["Kingdom", "Domain"], ["Genus", "Genus"]])
def test_two_columns_of_one_rank_are_refused(columns):
    with pytest.raises(TaxonomyError, match="are both"):
        taxonomy_from_columns(pd.DataFrame([["x", "y"]], columns=columns))


def test_a_table_already_in_ranks_is_returned_as_it_is(lineages):
    assert to_ranks(lineages) is lineages


@pytest.mark.parametrize("column", ["Taxon", "taxonomy", "Consensus Lineage"])
def test_one_column_of_lineages_becomes_ranks(column):
    frame = pd.DataFrame({column: ["k__B; p__F", None], "Confidence": [0.9, 0.1]}, index=["a", "b"])
    table = to_ranks(frame)
    assert table.loc["a"].tolist() == ["B", "F", "", "", "", "", ""]
    assert table.loc["b"].tolist() == [""] * 7


def test_bare_names_are_no_lineages():
    with pytest.raises(TaxonomyError, match="column 'Taxon' holds names and no lineages"):
        to_ranks(pd.DataFrame({"Taxon": ["Blautia", "Roseburia"]}))
