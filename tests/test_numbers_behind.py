"""The numbers behind a picture are those that were drawn."""

import inspect
import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis import plots
from analysis.plots.behind import keep_numbers, names_in, numbers_of


def read(text):
    return pd.read_csv(io.StringIO(text), comment="#")


def test_axes_that_nobody_kept_numbers_of_have_none():
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    assert numbers_of(figure) is None


def test_several_axes_are_told_apart():
    figure = Figure()
    for ax in figure.subplots(2):
        keep_numbers(ax, pd.DataFrame({"n": [1, 2]}), "Power against n")
    assert numbers_of(figure) == "# Power against n\nn,panel\n1,1\n2,1\n1,2\n2,2\n"


def test_digits_that_differ_between_builds_are_left_out():
    texts = []
    for error in (0, 1e-13):
        figure = Figure()
        table = pd.DataFrame({"x": [1234.5678901, 1 / 3 + error], "p": [1e-5, np.inf], "none": [np.nan] * 2})
        keep_numbers(figure.add_subplot(), table, "Points")
        texts.append(numbers_of(figure))
    assert texts[0] == texts[1]
    assert texts[0].splitlines()[2:] == ["1234.56789,1e-05,", "0.33333,inf,"]


def test_what_is_kept_does_not_change_with_the_table():
    figure, table = Figure(), pd.DataFrame({"n": [1, 2]})
    keep_numbers(figure.add_subplot(), table, "Points")
    table["n"] = 0
    assert numbers_of(figure).endswith("n\n1\n2\n")


def test_many_names_are_counted():
    assert names_in(range(12), most=2) == "0; 1 and 10 more"
    assert names_in(["before\ndiet"]) == "before diet"


@pytest.mark.parametrize("name", plots.__all__)
def test_every_plot_keeps_its_numbers(name):
    source = inspect.getsource(getattr(plots, name))
    assert "keep_numbers(" in source or "_keep(" in source


def test_the_grid_and_the_bars_give_what_they_show():
    table = pd.DataFrame({"claim": ["a", "b"], "dataset": "mice", "essential_missing": [2, 3]})
    ax = Figure().add_subplot()
    plots.gap_matrix(table, ax=ax)
    pd.testing.assert_frame_equal(read(numbers_of(ax.figure)), table)
    values = pd.Series([3.5, 4.0, 2.25], index=["s1", "s2", "s3"], name="shannon")
    ax = Figure().add_subplot()
    plots.alpha_by_group(values, pd.Series(["x", "x", "y"], index=values.index), ax=ax)
    found = read(numbers_of(ax.figure)).set_index("sample_id")
    assert found["value"].to_dict() == values.to_dict()
    assert found["group"].to_dict() == {"s1": "x", "s2": "x", "s3": "y"}
