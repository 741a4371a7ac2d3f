"""Comparisons and verdicts depend neither on the order of rows nor on what subjects and cages are called."""

import numpy as np
import pandas as pd
import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from made_up_trials import MICE, PEOPLE, make_study

import analysis as an
from analysis.comparison.association import correlate_changes

NUMBERS = st.floats(-5, 5).map(lambda x: round(x, 3))
LINES = {
    "two arms": {},
    "repeats": {"subject": "mouse"},
    "change": {"subject": "mouse", "time": "day", "baseline": 0},
    "cages": {"subject": "mouse", "cluster": "cage"},
    "cages, from a baseline": {"subject": "mouse", "cluster": "cage", "time": "day", "baseline": 0},
    "cages, rearranged": {"subject": "mouse", "cluster": "cage", "method": "cluster_permutation"},
}


@st.composite
def trials(draw, cages=(4, 5), per_cage=(1, 2)):
    """Values and metadata of mice in cages of one arm, each mouse on two days."""
    rows = []
    for arm in ("none", "drug"):
        for cage in range(draw(st.integers(*cages))):
            for mouse in range(draw(st.integers(*per_cage))):
                rows += [(arm, f"{arm} {cage}", f"{arm} {cage} {mouse}", day) for day in (0, 7)]
    metadata = pd.DataFrame(rows, columns=["arm", "cage", "mouse", "day"], index=draw(some.ids(len(rows))))
    # small numbers tie, and a ramp keeps every arm and mouse from standing still
    drawn = draw(st.lists(NUMBERS, min_size=len(rows), max_size=len(rows)))
    return pd.Series(drawn, metadata.index) + np.sin(np.arange(len(rows)) ** 2), metadata


def renamed(data, metadata, columns):
    for column in columns:
        levels = list(metadata[column].unique())
        metadata = metadata.assign(
            **{column: metadata[column].map(dict(zip(levels, data.draw(some.ids(len(levels))), strict=True)))}
        )
    return metadata


def assert_close(found, expected):
    for name in ("estimate", "ci_low", "ci_high", "p_value", "p_equivalence", "standard_error", "df"):
        assert getattr(found, name) == pytest.approx(
            getattr(expected, name), rel=1e-6, abs=1e-9, nan_ok=True
        ), name
    assert (found.method, found.unit, found.n_samples) == (expected.method, expected.unit, expected.n_samples)


@pytest.mark.parametrize("line", LINES)
@some.examples(0.5)
@given(data=st.data(), trial=trials())
def test_compare_means(line, data, trial):
    values, metadata = trial
    if line == "two arms":
        metadata = metadata[metadata["day"] == 7]
        values = values[metadata.index]
    call = {"treatment": "arm", "reference": "none", "margin": 1.0} | LINES[line]
    expected = an.compare_means(values, metadata, **call)
    order = data.draw(some.orders(len(metadata)))
    assert_close(
        an.compare_means(values.sample(frac=1, random_state=len(order)), metadata.iloc[order], **call),
        expected,
    )
    other = renamed(data, metadata, ["mouse", "cage"])
    assert_close(an.compare_means(values, other, **call), expected)


@some.examples(0.5)
@given(st.data(), trials(), st.booleans())
def test_variance_components(data, trial, caged):
    values, metadata = trial
    roles = (
        ["mouse", "cage"] if caged and metadata["mouse"].nunique() > metadata["cage"].nunique() else ["mouse"]
    )
    expected = (
        an.variance_components(values, *(metadata[name] for name in roles)).to_frame().set_index("quantity")
    )
    order = data.draw(some.orders(len(metadata)))
    other = renamed(data, metadata.iloc[order], ["mouse", "cage"])
    found = an.variance_components(values, *(other[name] for name in roles)).to_frame().set_index("quantity")
    pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-4)


@given(st.data(), trials())
def test_correlation_of_changes(data, trial):
    values, metadata = trial
    x, y, arm = values.iloc[::2], values.iloc[1::2].set_axis(values.index[::2]), metadata["arm"].iloc[::2]
    expected = correlate_changes(x, y, arm, margin=0.3)
    order = data.draw(some.orders(len(arm)))
    found = correlate_changes(x.iloc[order], y, arm.map({"none": "z", "drug": "0"}).iloc[::-1], margin=0.3)
    assert vars(found) == pytest.approx(vars(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("claim", [MICE, PEOPLE], ids=["mice", "people"])
@some.examples(0.15)
@given(data=st.data())
def test_audit_and_verdict(claim, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 1_000)))
    study = make_study(counts=rng.poisson(rng.uniform(500, 5_000, (32, 10))) + 1)
    other = data.draw(some.shuffled(study))
    assert an.audit(other, claim).to_frame().equals(an.audit(study, claim).to_frame())
    first, second = (an.evaluate(one, claim) for one in (study, other))
    assert second.text == first.text
    assert second.reasons == first.reasons
    pd.testing.assert_frame_equal(second.to_frame(), first.to_frame(), rtol=1e-9)
