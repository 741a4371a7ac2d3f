"""The figures of the longer notebooks: their files, what they rest on, and the picture of intervals."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.errors import DesignError, ParameterError
from analysis.planning.endpoints import MeanEndpoint, cohort_figures

DATA = Path(__file__).resolve().parents[1] / "data"
ROWS = {"antibiotic_yardstick": 43, "cages_and_vendors": 20, "obesity_cohorts": 13, "laxative": 46}
KEYS = {
    "antibiotic_yardstick": ["dataset", "given"],
    "cages_and_vendors": ["dataset", "question", "metric", "quantity"],
    "obesity_cohorts": ["cohort"],
    "laxative": ["question", "metric", "quantity", "day"],
}


def committed(name):
    return pd.read_csv(DATA / "results" / f"{name}.csv", comment="#")


@pytest.fixture
def figures(shared_data, monkeypatch):
    """Return a function that imports one of the scripts, which find the public tables."""
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(shared_data))
    monkeypatch.syspath_prepend(str(DATA / "scripts"))
    return import_module


@pytest.fixture(scope="module")
def load(shared_data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_DATA_DIR", str(shared_data))
        yield cache(an.load_dataset)


@pytest.mark.parametrize("name", ROWS)
def test_a_file_says_where_it_is_from_and_has_a_row_a_figure(name):
    first = (DATA / "results" / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
    assert re.match(
        rf"# derived figures; made by python data/scripts/extended_figures\.py {name}; version ", first
    )
    assert "nothing here is about botulinum toxin" in first
    table = committed(name)
    assert len(table) == ROWS[name]
    assert not table.duplicated(KEYS[name]).any()


def test_the_yardstick_holds_what_it_says():
    table = committed("antibiotic_yardstick")
    assert np.allclose(table["percent"], 100 * table["difference"] / table["mean_before"], atol=1e-3)
    people = table["host"] == "human"
    assert table.loc[people, "n_subjects"].eq(1).all()
    assert table.loc[people, ["ci_low", "ci_high", "p_value"]].isna().all(axis=None)
    mice = table[~people]
    assert mice["percent"].between(mice["percent_low"], mice["percent_high"]).all()
    assert (mice["n_units"] <= mice["n_subjects"]).all()


def test_the_pooled_difference_of_obesity_is_the_published_one():
    means = cohort_figures()[["mean_not_obese", "mean_obese"]].mean()
    published = 100 * (means["mean_obese"] / means["mean_not_obese"] - 1)
    assert published == pytest.approx(-2.07, abs=0.005)  # in the abstract of doi:10.1128/mBio.01018-16
    table = committed("obesity_cohorts").set_index("cohort")
    assert table.loc["means of the ten, not weighted", "percent"] == pytest.approx(published, abs=0.05)


def test_the_fixed_effect_is_the_mean_weighted_by_precision():
    table = committed("obesity_cohorts").set_index("cohort")
    cohorts = table.dropna(subset="log_ratio")
    weights = 1 / cohorts["log_ratio_variance"]
    centre = np.average(cohorts["log_ratio"], weights=weights)
    ends = centre + np.array([0, -1, 1]) * 1.959964 / np.sqrt(weights.sum())
    found = table.loc["fixed effect", ["percent", "percent_low", "percent_high"]].to_numpy(float)
    assert np.allclose(found, 100 * np.expm1(ends), atol=0.01)
    random = table.loc["random effects"]
    assert random["percent_low"] < random["percent"] < random["percent_high"] < 0


# From the public tables


@pytest.mark.long
@pytest.mark.parametrize("name", ["antibiotic_yardstick", "obesity_cohorts", "laxative"])
def test_a_file_is_what_the_public_tables_give(name, figures):
    fresh = figures("extended_figures").FIGURES[name]().round(6).reset_index(drop=True)
    pd.testing.assert_frame_equal(fresh, committed(name), rtol=1e-4, atol=1e-5, check_dtype=False)


@pytest.mark.long
def test_cages_and_vendors_are_what_the_public_tables_give(figures):
    splits = 100
    fresh = figures("extended_cages").cages_and_vendors(splits=splits, seed=7)
    known = committed("cages_and_vendors")
    alarms = known["question"] == "false alarms"
    exact = [
        "dataset",
        "question",
        "metric",
        "quantity",
        "estimate",
        "low",
        "high",
        "p_value",
        "n_cages",
        "note",
    ]
    pd.testing.assert_frame_equal(
        fresh.loc[~alarms, exact], known.loc[~alarms, exact], rtol=1e-4, atol=1e-5, check_dtype=False
    )
    # Other splits: the two rates differ by chance alone.
    rate = known.loc[alarms, "estimate"]
    allowed = 3 * np.sqrt(rate * (1 - rate) * (1 / splits + 1 / 500))
    assert (abs(fresh.loc[alarms, "estimate"] - rate) <= allowed).all()


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.15])
def test_powers_and_sizes_are_those_that_the_authors_published(shared_data, share):
    published = pd.read_csv(shared_data / "sze_obesity/data/process/alpha_power.predicted", sep="\t")
    published = published[(published["metric"] == "shannon") & (published["effect_size"] == share)]
    cohorts = cohort_figures()
    assert len(published) == 10
    for row in published.itertuples():
        one = cohorts.loc[row.study]
        gut = MeanEndpoint(one["mean"], one["sd"])
        had = an.Design(int(one["n_obese"]), baseline=0, ratio=one["n_not_obese"] / one["n_obese"])
        effect = gut.percent(-100 * share)
        assert an.power(had, gut, effect).power == pytest.approx(row.power, abs=1e-6)
        needed = an.sample_size(an.Design(baseline=0), gut, effect).n_per_arm
        assert needed == np.ceil(row.balanced_n)


def test_variance_of_vendors_and_cages_is_that_of_the_authors(load, shared_data):
    folder = shared_data / "tomkovich_vendors/data/process"
    everyone = load("tomkovich_vendors")
    mice = everyone.select(samples=(everyone.metadata["day"] == -1).to_numpy())
    theirs = an.readers.read_distances(folder / "vendors.subsample.thetayc.ave.dist").filter(mice.sample_ids)
    options = {"permutations": 19, "alpha": None}
    vendor = an.permanova(theirs, mice.metadata, "vendor", **options).r_squared
    cage = an.permanova(theirs, mice.metadata, "unique_cage", blocks="vendor", **options).r_squared
    published = pd.read_csv(folder / "adonis_dn1-1.tsv", sep="\t").set_index(["effects", "day"])["r_sq"]
    assert vendor == pytest.approx(published["source", -1], abs=1e-9)
    assert cage - vendor == pytest.approx(published["source:unique_cage", -1], abs=1e-9)


def test_the_authors_stools_are_found_and_their_test_is_refused(load, shared_data, figures):
    everything = load("tomkovich_peg3350")
    stools = everything.select(samples=(everything.metadata["sample_type"] == "stool").to_numpy())
    study = figures("extended_laxative").authors_stools(stools)
    path = "tomkovich_peg3350/data/process/5_days_PEG_permanova_stools_{}.tsv"
    group, cage = (pd.read_csv(shared_data / path.format(name), sep="\t") for name in ("group", "cage"))
    assert group["Df"].tolist() == [study.metadata["group"].nunique() - 1, 430, len(study.sample_ids) - 1]
    assert cage["Df"].iloc[0] == study.metadata["cage"].nunique() - 1
    assert group["Pr(>F)"].iloc[0] == 1  # stools were exchanged within mice
    with pytest.raises(DesignError, match="no allowed permutation can move it"):
        an.permanova(an.beta_diversity(study), study.metadata, "group", blocks="mouse")


# The picture


@pytest.fixture
def estimates():
    rows = [("a", 1.0, 0.5, 1.5, "x"), ("a", 2.0, 1.0, 3.0, "y"), ("b", -1.0, np.nan, np.nan, "x")]
    return pd.DataFrame(rows, columns=["name", "estimate", "low", "high", "kind"])


def test_intervals_draw_each_estimate_and_its_ends(ax, estimates):
    assert an.plots.intervals(estimates, "name", by="kind", marks={"a mark": -2}, ax=ax) is ax
    points = [tuple(x) for line in ax.lines if line.get_linestyle() == "None" for x in line.get_xydata()]
    assert sorted(x for x, _ in points) == [-1, 1, 2]
    ends = np.concatenate([[path.vertices[:, 0] for path in bars.get_paths()] for bars in ax.collections])
    assert sorted(end[0] for end in ends if not np.isnan(end).any()) == [0.5, 1.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "y", "a mark"]
    # Marks of one line stand apart.
    first, second = (y for x, y in points if x in (1, 2))
    assert first != second


def test_intervals_that_cannot_be_drawn_are_refused_with_all_that_is_wrong(ax, estimates):
    with pytest.raises(ParameterError) as refused:
        an.plots.intervals(estimates[:0], "nam", by="kin", ax=ax)
    text = str(refused.value)
    assert "no column 'nam'" in text
    assert "'name'" in text
    assert "no column 'kin'" in text
    assert "no rows" in text


# The command


@pytest.mark.parametrize("flags", [[], ["--full"]])
def test_the_longer_notebooks_are_run_on_request(flags, monkeypatch, tmp_path, capsys):
    from analysis import report
    from analysis.__main__ import main

    asked = {}
    monkeypatch.setattr(
        report, "make_report", lambda root, **options: asked.update(options) or root / "index.html"
    )
    assert main(["report", "--root", str(tmp_path), *flags]) == 0
    assert asked["full"] is bool(flags)
    assert "index.html" in capsys.readouterr().out
