"""What a table must be: ids, numbers, and reads that are no scaled fractions."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from analysis.errors import Faults, IdError, ScaledCountsWarning, TableError
from analysis.validation import (
    check_abundances,
    check_ids,
    check_unique,
    find_duplicates,
    scaled_reason,
    warn_if_scaled,
)

SAMPLES = ["s1", "s2"]
FEATURES = ["a", "b", "c"]


def check(values, subject="t.tsv"):
    return check_abundances(sparse.csr_array(np.asarray(values)), SAMPLES, FEATURES, subject)


def refused(values):
    with pytest.raises(TableError) as caught:
        check(values)
    return str(caught.value)


def test_repeated_ids_are_found_in_order():
    assert find_duplicates(["b", "a", "b", "c", "a", "b"]) == ["b", "a"]
    assert find_duplicates([]) == []


def test_faults_of_ids_are_noted_together():
    faults = Faults("t.tsv", IdError)
    check_ids(["a", "a", "", " "], "sample", faults)
    assert [fault.what for fault in faults.found] == [
        "1 sample id(s) stand more than once: 'a'",
        "2 sample id(s) are empty",
    ]
    with pytest.raises(IdError, match="2 faults"):
        check_unique(["a", "a", ""], "feature", "t.tsv")
    check_unique(["a", "b"], "feature", "t.tsv")


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint16, np.float32, np.float64])
def test_whole_numbers_are_counts_whatever_their_type(kind):
    counts, found = check(np.array([[5, 0, 2], [1, 7, 0]], dtype=kind))
    assert found == "counts"
    assert counts.dtype == np.int64
    assert counts.toarray().tolist() == [[5, 0, 2], [1, 7, 0]]


def test_stored_zeros_go_and_columns_are_sorted():
    table = sparse.csr_array((np.array([2.0, 0.0, 1.0, 3.0]), [2, 1, 0, 1], [0, 3, 4]), shape=(2, 3))
    counts, _ = check_abundances(table, SAMPLES, FEATURES, "t")
    assert counts.nnz == 3
    assert counts.indices.tolist() == [0, 2, 1]
    assert table.nnz == 4  # the caller's own is untouched


def test_a_cell_stored_in_parts_is_one_cell():
    table = sparse.csr_array((np.array([2.0, 3.0, 1.0]), [1, 1, 0], [0, 2, 3]), shape=(2, 3))
    assert check_abundances(table, SAMPLES, FEATURES, "t")[0].toarray().tolist() == [[0, 5, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    "values",
    [
        [[0.25, 0.75, 0], [1, 0, 0]],
        [[0.2, 0.3, 0], [0.5, 0.1, 0.4]],
        [[25.5, 74.5, 0], [99.9, 0.05, 0]],
    ],
)
def test_fractions_and_percentages_are_fractions(values):
    counts, kind = check(values)
    assert kind == "fractions"
    assert np.array_equal(counts.toarray(), values)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([[1, -2, 0], [3, 4, 5]], "1 number is negative: -2 in sample 's1', feature 'b'"),
        ([[1, np.nan, 0], [3, 4, 5]], "1 number is missing or infinite: nan in sample 's1', feature 'b'"),
        ([[1, np.inf, 0], [3, -np.inf, 5]], "2 numbers are missing or infinite"),
        ([[1, 2.0**60, 0], [3, 4, 5]], "1 number is above 2^53"),
        (
            [[1, 2.5, 0], [3, 4, 5]],
            "1 number is not whole: 2.5 in sample 's1', feature 'b'; rows sum to 3.5 to 12",
        ),
        ([[0.5, 30, 0], [0, 0.5, 0]], "2 numbers are not whole"),
    ],
)
def test_numbers_that_are_no_abundances(values, what):
    text = refused(values)
    assert what in text
    assert "1 fault" in text


def test_all_faults_come_together():
    text = refused([[-1, np.nan, 2.0**60], [-3, -4, 1]])
    assert "3 faults" in text
    assert "3 numbers are negative" in text
    assert text.count("in sample") == 5


def test_long_lists_of_cells_are_cut():
    assert "and 3 more" in refused(-np.ones((2, 3)))


def test_log_transformed_tables_are_named_as_such():
    logged = np.log([[8.0, 0.02, 0.9], [3.0, 0.3, 0.4]])
    assert "log-transformed or scaled" in refused(logged)


def test_centred_tables_are_named_as_such():
    values = np.array([[1.0, 2.0, 6.0], [4.0, 4.0, 1.0]])
    assert "centred" in refused(values - values.mean(axis=1, keepdims=True))
    assert "centred" in refused(values - values.mean(axis=0))


def test_fractions_are_reported_beside_other_faults():
    text = refused([[2.5, -1, 3], [3, 4, 5]])
    assert "2 faults" in text
    assert "1 number is negative" in text
    assert "1 number is not whole: 2.5" in text


@pytest.mark.parametrize("values", [[[0.2, -0.1, 0.8], [0.5, 0, 0.5]], [[90.5, np.nan, 0], [50.5, 49.5, 0]]])
def test_a_wrong_cell_does_not_make_fractions_wrong(values):
    assert "1 fault" in refused(values)
    assert "not whole" not in refused(values)


@pytest.mark.parametrize("values", [[[1, -2, 0], [3, 4, 5]], [[1, -2, 3], [0, 0, 0]]])
def test_one_negative_cell_is_a_slip(values):
    assert "correct these cells" in refused(values)


def test_many_whole_negative_numbers_are_a_transformation():
    values = np.arange(-25, 175).reshape(4, 50)
    with pytest.raises(TableError, match="log-transformed or scaled"):
        check_abundances(sparse.csr_array(values), list("abcd"), list(map(str, range(50))), "t")


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0)])
def test_empty_tables_are_refused(shape):
    with pytest.raises(TableError, match=f"the table is empty: {shape[0]} samples x {shape[1]} features"):
        check_abundances(sparse.csr_array(shape), list(SAMPLES[: shape[0]]), list(FEATURES[: shape[1]]), "t")


# Scaled fractions


@pytest.fixture(scope="module")
def compositions():
    return np.random.default_rng(0).dirichlet(np.full(300, 0.1), 30)


@pytest.mark.parametrize("scale", [1_000, 5_000, 10_000, 20_000, 100_000, 1_000_000])
def test_fractions_that_were_multiplied_and_rounded(compositions, scale):
    scaled = sparse.csr_array(np.round(scale * compositions).astype(int))
    scaled.eliminate_zeros()
    assert f"about {scale:,}" in scaled_reason(scaled)
    with pytest.warns(ScaledCountsWarning, match="mice.tsv: all samples sum to about"):
        warn_if_scaled(scaled, "mice.tsv")


def test_fractions_rounded_to_the_same_sum(compositions):
    scaled = np.floor(100_000 * compositions).astype(int)
    scaled[:, 0] += 100_000 - scaled.sum(axis=1)
    assert "exactly 100,000" in scaled_reason(sparse.csr_array(scaled))


def test_scaled_fractions_that_were_rarefied_afterwards(compositions):
    scaled = np.floor(50_000 * compositions).astype(int)
    scaled[scaled < 5] = 0
    scaled[:, 0] += 49_963 - scaled.sum(axis=1)
    assert "almost no feature has a single read" in scaled_reason(sparse.csr_array(scaled))


@pytest.mark.parametrize("depth", [100, 1_000, 5_437, 10_000, 50_000])
def test_rarefied_counts_are_reads(compositions, depth):
    counts = np.random.default_rng(1).multinomial(depth, compositions)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_scaled(sparse.csr_array(counts), "mice.tsv")


def test_rarefied_counts_of_which_some_taxa_were_dropped_are_reads(compositions):
    counts = np.random.default_rng(1).multinomial(5_437, compositions)
    assert scaled_reason(sparse.csr_array(counts[:, 10:])) is None


def test_unequal_depths_are_reads(compositions):
    rng = np.random.default_rng(1)
    counts = np.array(
        [rng.multinomial(int(n), p) for n, p in zip(rng.lognormal(9, 1, 30), compositions, strict=True)]
    )
    assert scaled_reason(sparse.csr_array(counts)) is None


@pytest.mark.parametrize("values", [[[5, 0, 3], [1, 1, 0]], [[7, 7, 7]], [[0, 0, 0], [1, 2, 3]]])
def test_tiny_tables_are_reads(values):
    assert scaled_reason(sparse.csr_array(np.array(values))) is None


def test_counts_rarefied_to_a_round_depth_are_reads():
    long_tail = np.random.default_rng(2).dirichlet(np.full(20_000, 0.02), 5)
    counts = np.random.default_rng(1).multinomial(100_000, long_tail)
    assert np.mean(counts[counts > 0] == 1) > 0.1
    assert scaled_reason(sparse.csr_array(counts)) is None


@pytest.mark.parametrize("scale", [1_000, 5_000, 20_000, 100_000])
def test_fractions_that_were_multiplied_and_cut_off(compositions, scale):
    cut = sparse.csr_array(np.floor(scale * compositions).astype(int))
    assert f"a little under {scale:,}" in scaled_reason(cut)


@pytest.mark.parametrize("depth", [1_000, 5_000, 20_000])
@pytest.mark.parametrize("least", [0.1, 0.2])
def test_reads_that_lost_rare_taxa_after_rarefaction_to_a_round_depth_are_reads(compositions, depth, least):
    counts = np.random.default_rng(1).multinomial(depth, compositions)
    kept = counts[:, (counts > 0).mean(axis=0) >= least]
    assert scaled_reason(sparse.csr_array(kept)) is None


@pytest.mark.parametrize("factor", [2, 7, 1_000])
def test_counts_that_were_multiplied_are_no_reads(compositions, factor):
    rng = np.random.default_rng(1)
    depths = rng.lognormal(9, 1, 30).astype(int)
    counts = np.array([rng.multinomial(n, p) for n, p in zip(depths, compositions, strict=True)])
    assert scaled_reason(sparse.csr_array(counts)) is None
    multiplied = sparse.csr_array(factor * counts)
    assert f"a multiple of {factor:,}" in scaled_reason(multiplied)
    with pytest.warns(ScaledCountsWarning, match=r"mice\.tsv: every number in the table is a multiple"):
        warn_if_scaled(multiplied, "mice.tsv")
    multiplied.data[0] += 1
    assert scaled_reason(multiplied) is None


@pytest.mark.parametrize(("columns", "scaled"), [(24, False), (25, True)])
def test_a_common_divisor_needs_enough_numbers(columns, scaled):
    values = np.vstack([2 * np.arange(1, columns + 1), 2 * np.arange(3, columns + 3)])
    assert bool(scaled_reason(sparse.csr_array(values))) is scaled
