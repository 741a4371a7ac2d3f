"""The one object: parts that fit, nothing changed in place, roles and selections checked."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import analysis as an
from analysis.errors import (
    IdError,
    MetadataError,
    ParameterError,
    RoleError,
    ScaledCountsWarning,
    TableError,
    TaxonomyError,
    TreeError,
)
from analysis.source import Source
from analysis.study import Study
from analysis.taxonomy import RANKS, taxonomy_table

SAMPLES = ["m1d0", "m1d7", "m2d0", "m2d7"]
FEATURES = ["a", "b", "c"]
COUNTS = [[5, 0, 2], [1, 7, 0], [0, 3, 3], [9, 0, 1]]


@pytest.fixture
def metadata():
    return pd.DataFrame(
        {
            "mouse": ["m1", "m1", "m2", "m2"],
            "day": [0, 7, 0, 7],
            "abx": ["drug", "drug", "none", "none"],
            "cage": ["c1", "c1", "c2", np.nan],
        },
        index=SAMPLES,
    )


@pytest.fixture
def taxonomy():
    return taxonomy_table(["k__B; p__F", "k__B; p__F", "k__B; p__P"], FEATURES)


@pytest.fixture
def tree():
    from skbio import TreeNode

    return TreeNode.read(["((a:1,b:2):1,(c:1,d:1):1);"])


@pytest.fixture
def study(metadata, taxonomy, tree):
    return Study.from_frame(pd.DataFrame(COUNTS, SAMPLES, FEATURES), metadata, taxonomy, tree, name="mice")


def build(**parts):
    given = {"counts": sparse.csr_array(np.array(COUNTS)), "sample_ids": SAMPLES, "feature_ids": FEATURES}
    return Study(**(given | parts))


def test_parts_are_at_hand(study, metadata):
    assert study.shape == (4, 3)
    assert study.kind == "counts"
    assert study.counts.dtype == np.int64
    assert study.sample_ids.tolist() == SAMPLES
    assert study.feature_ids.tolist() == FEATURES
    assert study.depths.to_dict() == {"m1d0": 7, "m1d7": 8, "m2d0": 6, "m2d7": 10}
    assert study.to_frame().loc["m1d7", "b"] == 7
    assert study.to_frame().to_numpy().tolist() == COUNTS
    assert study.metadata["day"].tolist() == metadata["day"].tolist()
    assert study.source.name == "mice"
    assert an.Study is Study


def test_a_study_without_metadata_has_an_empty_one():
    study = build()
    assert study.metadata.shape == (4, 0)
    assert study.metadata.index.equals(study.sample_ids)
    assert study.taxonomy is None


def test_nothing_can_be_changed_in_place(study):
    with pytest.raises(dataclasses.FrozenInstanceError):
        study.counts = None
    for array in (study.counts.data, study.counts.indices, study.counts.indptr):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9


def test_the_callers_own_parts_stay_apart(metadata):
    counts = sparse.csr_array(np.array(COUNTS))
    study = Study(counts, SAMPLES, FEATURES, metadata)
    counts.data[:] = 0
    metadata.loc["m1d0", "day"] = 99
    assert study.counts.sum() == np.sum(COUNTS)
    assert study.metadata.loc["m1d0", "day"] == 0


def test_ids_become_text():
    study = build(sample_ids=[1, 2, 3, 4], feature_ids=[10, 11, 12])
    assert study.sample_ids.tolist() == ["1", "2", "3", "4"]
    assert study.feature_ids.tolist() == ["10", "11", "12"]
    assert study.select(samples=[2, 4]).sample_ids.tolist() == ["2", "4"]


@pytest.mark.parametrize(
    ("parts", "error", "what"),
    [
        ({"sample_ids": SAMPLES[:3]}, IdError, "the table is 4 x 3, with 3 sample ids and 3 feature ids"),
        ({"sample_ids": ["x", "x", "y", "z"]}, IdError, "1 sample id(s) stand more than once: 'x'"),
        ({"feature_ids": ["x", "", "x"]}, IdError, "2 faults"),
        ({"counts": sparse.csr_array(-np.array(COUNTS))}, TableError, "negative"),
        ({"counts": sparse.csr_array(np.log1p(COUNTS))}, TableError, "not whole"),
        ({"metadata": pd.DataFrame(index=SAMPLES[:3])}, IdError, "metadata: no row for 1 id(s): 'm2d7'"),
        ({"metadata": pd.DataFrame(index=SAMPLES[::-1])}, IdError, "metadata: rows in another order"),
        ({"taxonomy": taxonomy_table(["B"], ["a"])}, TaxonomyError, "taxonomy: no row for 2 id(s): 'b', 'c'"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, error, what):
    with pytest.raises(error) as caught:
        build(**parts)
    assert what in str(caught.value)


def test_metadata_with_extra_rows_is_refused(metadata):
    extra = pd.concat([metadata, metadata.iloc[:1].rename(index={"m1d0": "m9"})])
    with pytest.raises(IdError) as caught:
        build(metadata=extra)
    assert "1 row(s) too many: 'm9'" in str(caught.value)


def test_a_tree_without_some_features_is_refused(tree):
    with pytest.raises(TreeError, match="1 of 3 features are no tips of the tree: 'z'"):
        build(feature_ids=["a", "b", "z"], tree=tree)
    inner = tree.copy()
    inner.children[0].name = "x"
    with pytest.raises(TreeError, match="'x'"):  # an inner node is no tip
        build(feature_ids=["a", "b", "x"], tree=inner)


def test_fractions_are_kept_as_such():
    study = build(counts=sparse.csr_array(np.array(COUNTS) / np.sum(COUNTS, axis=1, keepdims=True)))
    assert study.kind == "fractions"
    assert study.counts.dtype == np.float64
    assert study.summary()["values"] == "fractions, not counts"


def test_text_in_a_data_frame_is_refused():
    table = pd.DataFrame({"a": [1, 2], "arm": ["x", "y"]})
    with pytest.raises(TableError, match=r"1 column\(s\) are not numeric: 'arm'"):
        Study.from_frame(table)


def test_missing_numbers_in_a_data_frame_are_refused():
    with pytest.raises(TableError, match="missing"):
        Study.from_frame(pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [2, 3]}))


@pytest.mark.parametrize("missing", [None, pd.NA, np.nan])
def test_missing_numbers_among_objects_are_refused(missing):
    with pytest.raises(TableError, match="1 number is missing"):
        Study.from_frame(pd.DataFrame({"a": pd.Series([1, missing], dtype=object), "b": [2, 3]}))


def test_scaled_fractions_in_a_data_frame_warn():
    scaled = np.round(1e5 * np.random.default_rng(0).dirichlet(np.full(20, 0.4), 10))
    with pytest.warns(ScaledCountsWarning, match="mice"):
        Study.from_frame(pd.DataFrame(scaled), name="mice")


# Roles


def test_roles_are_added_one_by_one(study):
    mice = study.with_roles(subject="mouse", time="day", baseline=0, follow_up=[7])
    both = mice.with_roles(treatment="abx", reference="none", cluster="cage")
    assert both.column("subject").tolist() == ["m1", "m1", "m2", "m2"]
    assert both.roles.baseline == (0,)
    assert both.roles.follow_up == (7,)
    assert both.roles.described() == {
        "subject": "mouse",
        "time": "day",
        "treatment": "abx",
        "reference": "none",
        "cluster": "cage",
        "baseline": "0",
        "follow_up": "7",
    }
    assert study.roles.described() == {}


@pytest.mark.parametrize("times", [7, [7], (7,), np.array([7]), pd.Series([7]), range(7, 8), 7.0])
def test_times_may_come_in_any_form(study, times):
    assert tuple(study.with_roles(time="day", follow_up=times).roles.follow_up) == (7,)


def test_all_faults_of_roles_come_together(study):
    with pytest.raises(RoleError) as caught:
        study.with_roles(
            subject="mause", time="day", treatment="abx", reference="nome", baseline=-1, follow_up=[7, 9]
        )
    text = str(caught.value)
    for what in (
        "4 faults",
        "there is no column 'mause'",
        "did you mean 'mouse'",
        "no sample has abx = 'nome'",
        "did you mean 'none'",
        "no sample has day = '-1'",
        "no sample has day = '9'",
    ):
        assert what in text


@pytest.mark.parametrize(
    ("roles", "what"),
    [
        ({"reference": "none"}, "a reference needs a treatment"),
        ({"baseline": 0}, "baseline times need a time column"),
        ({"time": "day", "baseline": 0, "follow_up": [0, 7]}, "'0' is both baseline and follow-up"),
    ],
)
def test_roles_that_need_each_other(study, roles, what):
    with pytest.raises(RoleError, match=what):
        study.with_roles(**roles)


def test_a_role_that_is_not_set_says_how_to_set_it(study):
    with pytest.raises(RoleError, match=r"study.with_roles\(subject=...\)"):
        study.column("subject")


# Selections


def test_samples_are_selected_in_the_order_asked_for(study):
    part = study.with_roles(subject="mouse").select(samples=["m2d7", "m1d0"])
    assert part.sample_ids.tolist() == ["m2d7", "m1d0"]
    assert part.counts.toarray().tolist() == [COUNTS[3], COUNTS[0]]
    assert part.metadata["day"].tolist() == [7, 0]
    assert part.roles.subject == "mouse"
    assert part.tree is study.tree
    assert part.source.notes == ("2 of 4 samples kept",)
    assert study.source.notes == ()


def test_samples_are_selected_by_masks(study):
    days = study.metadata["day"]
    assert study.select(samples=days == 0).sample_ids.tolist() == ["m1d0", "m2d0"]
    assert study.select(samples=(days == 0)[::-1]).sample_ids.tolist() == ["m1d0", "m2d0"]  # by its index
    nullable = pd.array([True, False, False, True], dtype="boolean")
    assert study.select(samples=pd.Series(nullable, index=SAMPLES)).sample_ids.tolist() == ["m1d0", "m2d7"]
    assert study.select(samples=[True, False, False, False]).sample_ids.tolist() == ["m1d0"]
    assert study.select(samples=np.array([True, False, False, True])).shape == (2, 3)
    assert study.select(samples="m2d0").shape == (1, 3)


def test_features_are_selected_with_their_taxonomy(study):
    part = study.select(features=["c", "a"])
    assert part.counts.toarray().tolist() == [[2, 5], [0, 1], [3, 0], [1, 9]]
    assert part.taxonomy["Phylum"].tolist() == ["P", "F"]
    assert part.source.notes == ("2 of 3 features kept",)
    both = study.select(samples=["m1d0"], features=["b", "c"])
    assert both.shape == (1, 2)
    assert len(both.source.notes) == 2


@pytest.mark.parametrize(
    ("samples", "what"),
    [
        (["m1d0", "m1d9"], "1 sample_id(s) do not exist: 'm1d9'"),
        (["m1d0", "m1d0"], "1 sample id(s) stand more than once"),
        (np.array([True, False]), "a mask of 2 values does not fit 4 ids"),
        (pd.Series([True], index=["m1d0"]), "a mask of 1 values does not fit 4 ids"),
        (pd.Series([True] * 4, index=["m1d0"] * 4), "a mask of 4 values does not fit 4 ids"),
        (pd.array([True, None, False, True], dtype="boolean"), "a mask of 4 values does not fit"),
    ],
)
def test_selections_that_do_not_fit_are_refused(study, samples, what):
    with pytest.raises(IdError) as caught:
        study.select(samples=samples)
    assert what in str(caught.value)


def test_nothing_left_is_an_empty_table(study):
    with pytest.raises(TableError, match="empty"):
        study.select(samples=[])


# Collapsing


def test_collapsing_keeps_the_reads_of_each_sample(study):
    phyla = study.collapse("phylum")
    assert phyla.feature_ids.tolist() == ["F", "P"]
    assert phyla.counts.toarray().tolist() == [[5, 2], [8, 0], [3, 3], [9, 1]]
    assert phyla.depths.tolist() == study.depths.tolist()
    assert phyla.tree is None
    assert phyla.source.notes == ("3 features added up to 2 by Phylum",)
    assert phyla.collapse("Kingdom").feature_ids.tolist() == ["B"]


def test_collapsing_needs_a_taxonomy_and_a_rank(study):
    with pytest.raises(TaxonomyError, match="no taxonomy"):
        build().collapse("Family")
    with pytest.raises(TaxonomyError, match="did you mean 'Family'"):
        study.collapse("Famly")


# How it shows


def test_the_summary_says_what_there_is(study):
    lines = study.with_roles(subject="mouse").summary()
    assert lines["samples"] == "4"
    assert lines["depth (min, median, max)"] == "6, 8, 10"
    assert lines["filled"] == "66.67%"
    assert lines["metadata"] == "mouse, day, abx, cage"
    assert lines["roles"] == "subject: mouse"
    assert lines["taxonomy"] == "to Phylum"
    assert lines["tree"] == "yes"
    assert "Study mice" in repr(study)


def test_html_escapes_names(metadata):
    study = Study.from_frame(
        pd.DataFrame(COUNTS, SAMPLES, FEATURES), metadata.rename(columns={"day": "<day>"}), name="<b>mice</b>"
    )
    html = study._repr_html_()
    assert "&lt;b&gt;mice&lt;/b&gt;" in html
    assert "&lt;day&gt;" in html
    assert "<day>" not in html


def test_a_source_gathers_notes_without_changing():
    source = Source("t")
    assert source.noting("one").noting("two").notes == ("one", "two")
    assert source.notes == ()


def test_a_study_survives_pickling(study):
    again = pickle.loads(pickle.dumps(study))
    assert np.array_equal(again.counts.toarray(), study.counts.toarray())
    assert again.kind == "counts"
    assert again.source == study.source


# What is not what it should be


@pytest.mark.parametrize("table", [np.array(COUNTS), {"a": [1]}, None, pd.Series([1, 2])])
def test_a_table_that_is_no_data_frame_is_refused(table):
    with pytest.raises(TableError, match=rf"the table is a {type(table).__name__}(?s:.*)pandas.DataFrame"):
        Study.from_frame(table)


@pytest.mark.parametrize("given", [{"day": [0]}, pd.Series([1]), "mice.tsv"])
@pytest.mark.parametrize("part", ["metadata", "taxonomy"])
def test_parts_that_are_no_data_frame_are_refused(part, given):
    with pytest.raises(ParameterError, match=f"{part} is a {type(given).__name__}"):
        build(**{part: given})


def test_a_tree_that_is_text_is_refused():
    with pytest.raises(ParameterError, match="tree is a str"):
        build(tree="((a,b),c);")


def test_metadata_that_names_a_column_twice_is_refused(metadata):
    with pytest.raises(MetadataError, match=r"1 metadata column\(s\) stand more than once: 'mouse'"):
        build(metadata=metadata.set_axis(["mouse", "day", "mouse", "cage"], axis=1))


@pytest.mark.parametrize(
    "values",
    [
        ["1_000", "2"],
        pd.to_datetime(["2020-01-01", "2020-01-02"]),
        pd.to_timedelta([1, 2], unit="D"),
        [1 + 2j, 3],
        [True, False],
        np.array([1, "2"], dtype=object),
    ],
    ids=["text", "dates", "durations", "complex", "booleans", "mixed"],
)
def test_columns_that_are_no_numbers_are_refused(values):
    with pytest.raises(TableError, match=r"1 column\(s\) are not numeric: 'b'"):
        Study.from_frame(pd.DataFrame({"a": [1, 2], "b": values}))


def test_numbers_of_any_kind_are_read():
    table = pd.DataFrame(
        {"a": pd.array([1, 2], dtype="Int64"), "b": pd.Series([3, 4], dtype=object), "c": np.float32([5, 6])}
    )
    assert Study.from_frame(table).counts.toarray().tolist() == [[1, 3, 5], [2, 4, 6]]


def test_a_transposed_table_is_named_as_such(metadata, taxonomy):
    table = pd.DataFrame(COUNTS, SAMPLES, FEATURES)
    for parts in ({"metadata": metadata}, {"taxonomy": taxonomy}):
        with pytest.raises((IdError, TaxonomyError), match="looks transposed") as caught:
            Study.from_frame(table.T, **parts)
        assert "give table.T" in str(caught.value)
    with pytest.raises(IdError, match="another order") as caught:
        Study.from_frame(table, metadata.iloc[::-1])
    assert "reindex" not in str(caught.value)


@pytest.mark.parametrize(
    "samples",
    [
        {"m1d0"},
        {"m1d0": 1},
        slice(0, 2),
        2,
        len,
        pd.DataFrame({"a": [True] * 4}),
        np.ones((2, 2), dtype=bool),
    ],
    ids=["set", "dict", "slice", "number", "function", "frame", "matrix"],
)
def test_selections_of_another_kind_are_refused(study, samples):
    with pytest.raises(ParameterError, match="does not say which sample_ids to keep"):
        study.select(samples=samples)


def test_any_ordered_names_are_a_selection(study):
    names = ["m2d7", "m1d0"]
    for samples in (iter(names), dict.fromkeys(names).keys(), (n for n in names), pd.Index(names)):
        assert study.select(samples=samples).sample_ids.tolist() == names


def test_a_mask_of_objects_is_a_mask(study):
    mask = pd.Series([True, False, None, True], index=SAMPLES, dtype=object)
    with pytest.raises(IdError, match=r"a mask of 4 values does not fit 4 ids: 1 value\(s\) are missing"):
        study.select(samples=mask)
    assert study.select(samples=mask.where(mask.notna(), other=False)).sample_ids.tolist() == ["m1d0", "m2d7"]


@pytest.mark.parametrize("role", ["mouse", "reference", "baseline"])
def test_only_roles_of_columns_have_a_column(study, role):
    with pytest.raises(RoleError, match=r"is no role of a column(?s:.*)'subject', 'time', 'treatment'"):
        study.column(role)


def test_roles_are_unset_and_follow_their_column(study):
    mice = study.with_roles(subject="mouse", time="day", baseline="0", follow_up=7)
    assert mice.roles.baseline == (0,)
    assert mice.with_roles(time="cage").roles.described() == {"subject": "mouse", "time": "cage"}
    assert mice.with_roles(subject=None, time=None).roles.described() == {}


@pytest.mark.parametrize("columns", [["Phylum", "Genus"], ["phylum", "GENUS"], ["Rank2", "Rank6"]])
def test_a_taxonomy_of_some_ranks_is_brought_to_seven(columns):
    frame = pd.DataFrame([["F", "g1"], ["F", np.nan], ["P", "g2"]], FEATURES, columns)
    study = build(taxonomy=frame)
    assert list(study.taxonomy.columns) == list(RANKS)
    assert study.collapse("Phylum").feature_ids.tolist() == ["F", "P"]
    assert set(study.collapse("Genus").feature_ids) == {"g1", "g2", "F (unclassified)"}


def test_a_taxonomy_of_lineages_is_parsed():
    study = build(taxonomy=pd.DataFrame({"Taxon": ["k__B; p__F", "k__B; p__P", None]}, FEATURES))
    assert study.collapse("Phylum").feature_ids.tolist() == ["Unclassified", "F", "P"]


def test_a_taxonomy_without_ranks_is_refused():
    with pytest.raises(TaxonomyError, match="no column is a rank: colour"):
        build(taxonomy=pd.DataFrame({"colour": list("rgb")}, FEATURES))


def test_what_is_handed_out_can_be_changed_without_changing_the_study(study):
    before = study.metadata, study.depths, study.taxonomy
    for frame in (study.metadata, study.taxonomy):
        frame.iloc[0, 0] = "changed"
        frame["new"] = 1
    for series in (study.metadata["mouse"], study.depths):
        series.iloc[0] = series.iloc[-1]
    pd.testing.assert_frame_equal(study.metadata, before[0])
    pd.testing.assert_series_equal(study.depths, before[1])
    pd.testing.assert_frame_equal(study.taxonomy, before[2])


def test_the_text_of_a_study_is_whole():
    columns = [f"column_{number}" for number in range(30)]
    table = pd.DataFrame([[1, 2], [3, 4]], index=["s1", "s2"])
    text = repr(Study.from_frame(table, pd.DataFrame(0, index=table.index, columns=columns)))
    assert all(column in text for column in columns)
    assert max(map(len, text.splitlines())) <= 110
