"""PERMANOVA sees who is with whom and how far apart, not what things are called or how they are ordered."""

import numpy as np
import pandas as pd
import pytest
import strategies as some
from hypothesis import assume, given
from hypothesis import strategies as st

import analysis as an
from analysis.comparison.permutation import arrange, exchangeable_units

COLUMNS = ["arm", "block", "plot"]
FIGURES = ["pseudo_f", "r_squared", "omega_squared", "dispersion_f"]


@st.composite
def trials(draw, kind=None, most=6):
    """Distances and a design: free, within blocks, of whole plots, or of plots within blocks.

    Blocks hold two arms and more, plots one; sizes differ, and samples may stand in one place.
    """
    kind = kind or draw(st.sampled_from(["free", "blocks", "plots", "both"]))
    blocks = draw(st.integers(2, 3)) if kind in ("blocks", "both") else 1
    rows, plot = [], 0
    for block in range(blocks):
        arms = [
            "none",
            "low",
            *draw(st.lists(st.sampled_from(["none", "low", "high"]), max_size=max(most // blocks - 2, 0))),
        ]
        for arm in arms + (["none", "low", "low"] if kind in ("free", "plots") else []):
            size = draw(st.integers(1, 2)) if kind in ("plots", "both") else 1
            rows += [(arm, f"block {block}", f"plot {plot}")] * size
            plot += 1
    names = draw(some.ids(len(rows)))
    metadata = pd.DataFrame(rows, index=names, columns=COLUMNS, dtype=object)
    places = draw(
        st.lists(
            st.integers(0, 9) | st.integers(0, 900).map(lambda place: place / 100),
            min_size=len(rows),
            max_size=len(rows),
        )
    )
    distances = np.abs(np.subtract.outer(places, places))
    assume(distances.max() > 1e-3 and metadata["arm"].nunique() < len(metadata))
    roles = {"blocks": "block"} if kind in ("blocks", "both") else {}
    roles |= {"plots": "plot"} if kind in ("plots", "both") else {}
    return pd.DataFrame(distances, names, names), metadata, roles


def test_of(trial, **choices):
    distances, metadata, roles = trial
    return an.permanova(distances, metadata, "arm", alpha=None, **roles, **choices)


test_of.__test__ = False


def renamed(data, column):
    """Give each value of a column another name, which may sort elsewhere."""
    levels = list(column.unique())
    return column.map(dict(zip(levels, data.draw(some.ids(len(levels))), strict=True))).astype(object)


def assert_same(found, expected, figures=FIGURES):
    # distances to centres are roots of differences, and keep half the digits
    for name in figures:
        assert np.isclose(
            getattr(found, name),
            getattr(expected, name),
            rtol=1e-6 if name == "dispersion_f" else 1e-9,
            atol=1e-9,
            equal_nan=True,
        ), name
    assert found.smallest_p == expected.smallest_p
    assert found.n_permutations == expected.n_permutations


@given(st.data(), trials())
def test_rows_in_another_order_are_the_same_test(data, trial):
    distances, metadata, roles = trial
    names = distances.index[data.draw(some.orders(len(metadata)))]
    other = metadata.iloc[data.draw(some.orders(len(metadata)))]
    found, expected = test_of((distances.loc[names, names], other, roles)), test_of(trial)
    assert repr(found) == repr(expected)
    assert found == expected or np.isnan(expected.dispersion_f)


@given(st.data(), trials())
def test_names_mean_nothing(data, trial):
    distances, metadata, roles = trial
    names = data.draw(some.ids(len(metadata)))
    other = pd.DataFrame({name: renamed(data, metadata[name]) for name in COLUMNS}).set_axis(names)
    found, expected = (
        test_of((distances.set_axis(names).set_axis(names, axis=1), other, roles)),
        test_of(trial),
    )
    assert expected.exact
    assert found.p_value == expected.p_value
    assert found.dispersion_p == pytest.approx(expected.dispersion_p, nan_ok=True)
    assert_same(found, expected)


@given(st.data(), trials(), st.integers(-60, 60))
def test_the_unit_of_the_distances_means_nothing(data, trial, power):
    distances, metadata, roles = trial
    found, expected = test_of((distances * 10.0**power, metadata, roles)), test_of(trial)
    assert found.p_value == expected.p_value
    assert_same(found, expected)


@given(trials())
def test_p_is_never_below_the_smallest_that_the_design_can_reach(trial):
    found = test_of(trial)
    assert found.smallest_p <= found.p_value <= 1
    assert -1e-12 <= found.r_squared <= 1 + 1e-12
    assert found.omega_squared <= found.r_squared + 1e-12
    assert found.p_value * found.n_permutations == pytest.approx(round(found.p_value * found.n_permutations))


@given(trials())
def test_arms_far_apart_reach_the_smallest_p(trial):
    distances, metadata, roles = trial
    place = (
        metadata["arm"].map({"none": 0.0, "low": 1e3, "high": 2e3}).to_numpy()
        + np.arange(len(metadata)) / 1e2
    )
    apart = pd.DataFrame(np.abs(np.subtract.outer(place, place)), distances.index, distances.index)
    found = test_of((apart, metadata, roles))
    assert found.p_value == found.smallest_p
    assert found.r_squared > 0.99


@some.examples(0.4)
@given(trials(most=4))
def test_under_its_own_permutations_p_is_uniform(trial):
    """The randomisation test has its nominal size exactly: not on average over data, but for these data."""
    distances, metadata, roles = trial
    units = exchangeable_units(
        metadata["arm"], *(metadata[roles[role]] if role in roles else None for role in ("blocks", "plots"))
    )
    labels = arrange(units).labels
    assume(len(labels) <= 70)
    p = []
    for row in labels:
        arm = units.levels[row][units.of_sample]
        p.append(test_of((distances, metadata.assign(arm=arm), roles)).p_value)
    for level in np.unique(p):
        assert np.mean(np.array(p) <= level + 1e-12) == pytest.approx(level)


def many(seed, n=24, cages=12):
    """A trial with too many arrangements to list."""
    rng = np.random.default_rng(seed)
    metadata = pd.DataFrame(
        {
            "arm": ["a", "b"] * (n // 2),
            "block": [f"k{row // 4}" for row in range(n)],
            "plot": [f"c{row % cages}" for row in range(n)],
        },
        index=[f"s{row:02d}" for row in range(n)],
    )
    place = rng.normal(size=(n, 2)) + 0.5 * (metadata["arm"] == "a").to_numpy()[:, None]
    distances = np.sqrt(np.square(place[:, None] - place).sum(axis=-1))
    return pd.DataFrame(distances, metadata.index, metadata.index), metadata


@pytest.mark.parametrize("roles", [{}, {"blocks": "block"}, {"plots": "plot"}])
def test_of_drawn_arrangements_renamed_arms_keep_p_and_renamed_units_are_another_draw(roles):
    distances, metadata = many(5, 48, 24)
    expected = test_of((distances, metadata, roles))
    assert not expected.exact
    arms = metadata.assign(arm=metadata["arm"].map({"a": "z", "b": "10"}))
    assert test_of((distances, arms, roles)).p_value == expected.p_value
    # other names of samples, blocks or plots put them in another order, and the same draws fall on others
    names = [f"{(7 * row) % 48:02d}" for row in range(48)]
    other = metadata.set_axis(names).assign(
        block=[f"{name[::-1]}" for name in metadata["block"]],
        plot=[f"{name[::-1]}" for name in metadata["plot"]],
    )
    found = test_of((distances.set_axis(names).set_axis(names, axis=1), other, roles))
    assert_same(found, expected)
    error = np.sqrt(2 * expected.p_value * (1 - expected.p_value) / found.permutations)
    assert abs(found.p_value - expected.p_value) < 4.9 * error
