"""Each plot draws what it is given, on the axes it is given."""

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import analysis as an
from analysis import plots
from analysis.errors import MetadataError, ParameterError
from analysis.plots import style
from analysis.study import Study
from analysis.taxonomy import taxonomy_table


@pytest.fixture
def study():
    table = pd.DataFrame(
        [[90, 5, 5], [10, 80, 10], [30, 30, 40], [1, 1, 8]], index=list("abcd"), columns=["f1", "f2", "f3"]
    )
    lineages = ["k__Bacteria; p__Firmicutes", "k__Bacteria; p__Bacteroidota", "k__Bacteria; p__Firmicutes"]
    metadata = pd.DataFrame({"diet": ["x", "x", "y", "y"], "day": [0, 1, 0, 1]}, index=table.index)
    return Study.from_frame(table, metadata=metadata, taxonomy=taxonomy_table(lineages, table.columns))


def texts(ax):
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_depth_histogram_counts_every_sample_and_those_below_the_depth(ax, study):
    assert plots.depth_histogram(study, depth=50, ax=ax) is ax
    assert sum(bar.get_height() for bar in ax.patches) == 4
    assert texts(ax) == ["50 reads: 1 of 4 samples have fewer"]


def test_rarefaction_curves_draw_one_line_a_sample_and_name_each_group_once(ax):
    curves = pd.DataFrame(
        {
            "sample_id": ["a", "a", "b", "b", "c", "c"],
            "depth": [1, 9] * 3,
            "metric": "shannon",
            "value": range(6),
        }
    )
    groups = pd.Series(["x", "x", "y"], index=list("abc"))
    plots.rarefaction_curves(curves, groups=groups, ax=ax)
    assert [tuple(line.get_ydata()) for line in ax.lines] == [(0, 1), (2, 3), (4, 5)]
    assert texts(ax) == ["x", "y"]


def test_alpha_by_group_shows_each_value_and_each_count(ax):
    values = pd.Series([1.0, 2.0, 3.0, 9.0], index=list("abcd"), name="shannon")
    groups = pd.Series(["x", "x", "y", "y"], index=list("dcba"))
    plots.alpha_by_group(values, groups, ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x\n(n = 2)", "y\n(n = 2)"]
    points = [line for line in ax.lines if line.get_marker() in set(style.MARKERS)]
    assert [sorted(line.get_ydata()) for line in points] == [[3.0, 9.0], [1.0, 2.0]]
    assert ax.get_ylabel() == "Shannon index"


def test_alpha_over_time_draws_subjects_in_time_order_and_the_mean(ax):
    values = pd.Series([5.0, 1.0, 3.0, 2.0], index=list("abcd"), name="shannon")
    time = pd.Series([10, 0, 0, 10], index=list("abcd"), name="day")
    subject = pd.Series(["m1", "m1", "m2", "m2"], index=list("abcd"))
    plots.alpha_over_time(values, time, subject, ax=ax)
    assert [list(line.get_ydata()) for line in ax.lines] == [[1.0, 5.0], [3.0, 2.0], [2.0, 3.5]]
    assert list(ax.lines[-1].get_xdata()) == [0, 10]


def test_ordination_shows_the_share_of_each_axis_and_an_ellipse_a_group(ax):
    from types import SimpleNamespace

    rng = np.random.default_rng(0)
    points = pd.DataFrame(rng.normal(size=(10, 3)), index=[f"s{i}" for i in range(10)])
    result = SimpleNamespace(coordinates=points, proportion_explained=pd.Series([0.5, 0.25, 0.1]))
    groups = pd.Series(["x"] * 7 + ["y"] * 3, index=points.index)
    plots.ordination(result, groups, ax=ax)
    assert ax.get_xlabel() == "Axis 1 (50% of variation)"
    assert len(ax.patches) == 1  # y has too few samples
    assert texts(ax) == ["x (n = 7)", "y (n = 3)"]


def test_the_ellipse_holds_the_stated_share_of_a_normal_cloud(ax):
    from types import SimpleNamespace

    rng = np.random.default_rng(1)
    cloud = rng.multivariate_normal([2, -1], [[3, 1.2], [1.2, 1]], size=4000)
    points = pd.DataFrame(cloud, index=[f"s{i}" for i in range(len(cloud))])
    result = SimpleNamespace(coordinates=points, proportion_explained=pd.Series([0.5, 0.25]))
    plots.ordination(result, pd.Series("x", index=points.index), level=0.68, ax=ax)
    ellipse = ax.patches[0]
    turn = np.radians(ellipse.angle)
    centred = cloud - ellipse.center
    along = centred @ [np.cos(turn), np.sin(turn)] / (ellipse.width / 2)
    across = centred @ [-np.sin(turn), np.cos(turn)] / (ellipse.height / 2)
    inside = np.mean(along**2 + across**2 <= 1)
    assert inside == pytest.approx(0.68, abs=0.025)


def test_taxa_bars_add_up_to_one(ax, study):
    plots.taxa_bars(study, "Phylum", groups=study.metadata["diet"], top=1, ax=ax)
    heights = np.array([bar.get_height() for bar in ax.patches]).reshape(2, 2)
    assert heights.sum(axis=0) == pytest.approx([1, 1])
    assert heights[0] == pytest.approx([(0.95 + 0.2) / 2, (0.7 + 0.9) / 2])
    assert texts(ax) == ["Firmicutes", "other"]


def test_a_sample_without_a_group_is_refused_by_name(ax):
    values = pd.Series([1.0, 2.0], index=["a", "b"], name="shannon")
    with pytest.raises(MetadataError, match=r"1 sample.*'b'"):
        plots.alpha_by_group(values, pd.Series(["x"], index=["a"], name="diet"), ax=ax)


def test_an_order_that_does_not_fit_is_refused(ax):
    values = pd.Series([1.0, 2.0], index=["a", "b"], name="shannon")
    groups = pd.Series(["x", "y"], index=["a", "b"])
    with pytest.raises(ParameterError, match="'z'"):
        plots.alpha_by_group(values, groups, order=["x", "y", "z"], ax=ax)


def test_without_axes_a_new_figure_is_made(study):
    axes = plots.depth_histogram(study)
    assert axes.figure is not None
    plt.close(axes.figure)


def test_numeric_groups_stand_in_the_order_of_numbers(ax):
    values = pd.Series([1.0, 2.0, 3.0], index=list("abc"), name="shannon")
    plots.alpha_by_group(values, pd.Series([10, 9, 100], index=list("abc")), ax=ax)
    assert [label.get_text().split("\n")[0] for label in ax.get_xticklabels()] == ["9", "10", "100"]


def test_named_groups_stand_in_natural_order(ax):
    values = pd.Series([1.0, 2.0, 3.0], index=list("abc"), name="shannon")
    plots.alpha_by_group(values, pd.Series(["M10", "M9", "M100"], index=list("abc")), ax=ax)
    assert [label.get_text().split("\n")[0] for label in ax.get_xticklabels()] == ["M9", "M10", "M100"]


def test_negative_days_stand_before_day_zero():
    assert style.levels_of(pd.Series(["0", "-1", "10", "-15"])) == ["-15", "-1", "0", "10"]


def test_pairwise_distances_counts_each_pair_once(ax):
    from skbio import DistanceMatrix

    data = np.array([[0, 0.1, 0.8], [0.1, 0, 0.6], [0.8, 0.6, 0]])
    plots.pairwise_distances(
        DistanceMatrix(data, ids=list("abc")), pd.Series(["m1", "m1", "m2"], index=list("abc")), ax=ax
    )
    assert texts(ax) == ["same subject (mean 0.10, 1 pairs)", "different subjects (mean 0.70, 2 pairs)"]


def test_error_rates_marks_what_rejects_too_often(ax):
    table = pd.DataFrame(
        {"scheme": ["a", "b", "c"], "rate": [0.055, 0.5, 0.01], "rate_se": [0.005, 0.01, 0.001]}
    )
    plots.error_rates(table, "scheme", ax=ax)
    assert set(texts(ax)) == {"promised: 0.05", "keeps the promise", "too many"}
    marked = {handle.get_label(): list(handle[0].get_xdata()) for handle in ax.containers}
    assert marked == {"keeps the promise": [0.055, 0.01], "too many": [0.5]}
    with pytest.raises(ParameterError, match="'rate_se'"):
        plots.error_rates(table[["scheme", "rate"]], "scheme", ax=ax)


def test_curves_of_two_metrics_are_refused(ax):
    curves = pd.DataFrame(
        {"sample_id": "a", "depth": [1, 2], "metric": ["shannon", "simpson"], "value": [0, 1]}
    )
    with pytest.raises(ParameterError, match="2 metrics: 'shannon', 'simpson'"):
        plots.rarefaction_curves(curves, ax=ax)


def test_dates_as_times_are_refused_with_the_way_out(ax):
    values = pd.Series([1.0, 2.0], index=["a", "b"], name="shannon")
    dates = pd.Series(["2008-01-07", "2008-01-08"], index=["a", "b"], name="date")
    with pytest.raises(MetadataError, match="not numbers"):
        plots.alpha_over_time(values, dates, pd.Series(["m", "m"], index=["a", "b"]), ax=ax)


@pytest.fixture
def curve():
    return pd.DataFrame(
        {
            "n_per_arm": [20, 10, 20, 10],
            "power": [0.8, 0.5, 0.4, 0.2],
            "power_se": [0.01, 0.02, 0.03, 0.04],
            "type_i": [0.05, 0.04, 0.05, 0.04],
            "effect": ["large", "large", "small", "small"],
        }
    )


def test_power_curves_draw_power_its_errors_and_the_type_i_error(ax, curve):
    assert plots.power_curves(curve, "n_per_arm", by="effect", ax=ax) is ax
    solid = [line for line in ax.lines if line.get_marker() in set(style.MARKERS)]
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in solid]
    assert drawn == [
        ([10, 20], [0.5, 0.8]),
        ([10, 20], [0.04, 0.05]),
        ([10, 20], [0.2, 0.4]),
        ([10, 20], [0.04, 0.05]),
    ]
    bars = [bar for container in ax.containers for bar in container.lines[2][0].get_segments()]
    assert np.ptp(bars[0][:, 1]) == pytest.approx(6 * 0.02)
    assert texts(ax) == ["large", "small"]
    assert ax.get_xlabel() == "Subjects an arm"


def test_needed_curves_are_logarithmic_over_a_wide_range_only(ax):
    table = pd.DataFrame({"Fall, %": [2, 5, 10], "n_per_arm": [700, 120, 30]})
    plots.needed_curves(table, "Fall, %", "n_per_arm", ax=ax)
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Fall, %", "Subjects an arm")
    assert list(ax.lines[0].get_ydata()) == [700, 120, 30]
    assert texts(ax) == []


def test_needed_by_writes_each_number_beside_its_mark(ax):
    table = pd.DataFrame(
        {"plan": ["a", "a", "b"], "host": ["mice", "people", "mice"], "n_per_arm": [12, 1500, 8]}
    )
    plots.needed_by(table, "plan", by="host", ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    marks = [sorted(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in ax.lines]
    assert marks == [[(8, 1), (12, 0)], [(1500, 0)]]
    assert sorted(note.get_text() for note in ax.texts) == ["1,500", "12", "8"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first plan is on top
    assert texts(ax) == ["mice", "people"]


def test_predicted_observed_shows_each_prediction_with_both_errors(ax):
    table = pd.DataFrame(
        {
            "predicted": [0.2, 0.7],
            "predicted_se": [0.1, 0.05],
            "observed": [0.3, 0.6],
            "observed_se": [0.02, 0.03],
            "contrast": ["obesity", "diet"],
        }
    )
    plots.predicted_observed(table, by="contrast", ax=ax)
    marks = [line for line in ax.lines if line.get_marker() in set(style.MARKERS)]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [(0.2, 0.3), (0.7, 0.6)]
    across = ax.containers[0].lines[2][0].get_segments()[0]
    assert np.ptp(across[:, 0]) == pytest.approx(0.2)
    assert texts(ax) == ["obesity", "diet"]


def test_plans_that_cannot_be_drawn_are_refused_with_all_that_is_wrong(curve):
    with pytest.raises(ParameterError) as caught:
        plots.power_curves(curve.drop(columns="type_i"), "n_per_arms", by="effects")
    for wrong in ("'n_per_arms'", "'type_i'", "'effects'", "did you mean"):
        assert wrong in str(caught.value)
    with pytest.raises(ParameterError, match="no rows"):
        plots.needed_curves(curve.head(0), "n_per_arm", "power")


def test_the_evidence_map_counts_each_finding_once(ax):
    claims = an.load_claims()
    plots.evidence_map(claims, ax=ax)
    shown = sum(int(text.get_text()) for text in ax.texts)
    assert shown == sum(len(claim.evidence) for claim in claims.values())
    assert len(ax.get_yticks()) == len(claims)


def test_the_gap_matrix_writes_what_each_table_lacks(ax):
    lacks = {("falls", "mice_a"): 3, ("falls", "mice_b"): 0, ("rises", "mice_a"): 5, ("rises", "mice_b"): 1}
    table = pd.Series(lacks).rename_axis(["claim", "dataset"]).rename("essential_missing").reset_index()
    plots.gap_matrix(table, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["3", "0", "5", "1"]
    with pytest.raises(ParameterError, match="did you mean 'datasets'"):
        plots.gap_matrix(table.rename(columns={"dataset": "datasets"}))


def test_the_calendar_shows_the_days_that_each_claim_asks_for(ax):
    claims = an.load_claims()
    plots.sampling_calendar(claims, ax=ax)
    tested = [claim.trial for claim in claims.values() if claim.testable]
    for dots, days in zip(ax.collections, ("baseline_days", "follow_up_days", "other_days"), strict=True):
        wanted = [(day, row) for row, trial in enumerate(tested) for day in getattr(trial, days)]
        assert dots.get_offsets().tolist() == [list(map(float, dot)) for dot in wanted]
