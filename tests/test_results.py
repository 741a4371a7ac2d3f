"""Committed derived figures are those that their scripts work out from the public tables."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

import analysis as an

DATA = Path(__file__).resolve().parents[1] / "data"


def script(name):
    spec = importlib.util.spec_from_file_location(name, DATA / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
@pytest.mark.parametrize("cohort", ["turnbaugh_mice", "tap_fibre_crossover", "david", "tomkovich_vendors"])
def test_variance_components_are_those_of_the_tables(cohort, shared_data):
    committed = pd.read_csv(DATA / "results" / "variance_components.csv", comment="#")
    committed = committed[committed["cohort"] == cohort].reset_index(drop=True)
    fresh = script("variance_figures").figures(cohort, shared_data)
    pd.testing.assert_frame_equal(fresh, committed, rtol=1e-4, atol=1e-6, check_dtype=False)


def back_test_csv():
    return pd.read_csv(DATA / "results" / "backtest.csv", comment="#")


@pytest.fixture
def bench(monkeypatch):
    """The back-test, imported as it is when it is run."""
    monkeypatch.syspath_prepend(str(DATA.parent / "benchmarks"))
    names = ["backtest_cohorts", "backtest_halves", "bench_backtest"]
    modules = [importlib.import_module(name) for name in names]
    yield SimpleNamespace(**dict(zip(names, modules, strict=True)))
    for name in names:
        sys.modules.pop(name, None)


def test_the_back_test_holds_what_it_says():
    table = back_test_csv()
    assert table.groupby(["contrast", "endpoint", "cohort", "n_per_arm"]).size().max() == 1
    assert table["cohort"].nunique() >= 8
    assert set(table["endpoint"]) == {"shannon", "community"}
    assert set(table["host"]) == {"human", "mouse"}
    difference = table["predicted"] - table["observed"]
    assert np.allclose(table["difference"], difference, atol=1e-5)
    assert np.allclose(table["gap"], difference.abs(), atol=1e-5)
    community = table[table["endpoint"] == "community"]
    assert np.allclose(
        community["predicted"], community[["from_reference", "from_treated"]].mean(axis=1), atol=1e-5
    )
    rates = table[["predicted", "observed", "type_i"]]
    assert ((rates >= 0) & (rates <= 1)).all(axis=None)
    # Certain cells alone would show little.
    assert table["observed"].between(0.2, 0.9).sum() >= 12


def test_the_back_test_meets_its_targets():
    table = back_test_csv()
    assert table["gap"].median() <= 0.05
    assert table["gap"].max() <= 0.12


def test_estimated_omega_squared_is_that_of_permanova(bench):
    from skbio import DistanceMatrix

    # In arms of equal size the two differ by terms of 1 / n only.
    rng = np.random.default_rng(0)
    points = rng.standard_normal((400, 5))
    arm = np.repeat([False, True], 200)
    points[arm, 0] += 1.0
    ids = [f"s{number}" for number in range(400)]
    distances = squareform(pdist(points))
    estimate = bench.backtest_halves.omega_squared(distances**2, arm, np.array(ids))
    metadata = pd.DataFrame({"arm": np.where(arm, "treated", "reference")}, index=ids)
    matrix = DistanceMatrix(distances, ids)
    found = an.permanova(matrix, metadata, "arm", permutations=19)
    assert estimate == pytest.approx(found.omega_squared, abs=1e-3)
    # Squared distances are 10 within arms and 11 between them in the population.
    assert estimate == pytest.approx(1 / 21, abs=0.03)


@pytest.mark.long
def test_observed_power_is_that_of_the_tables(bench, shared_data, monkeypatch):
    halves = bench.backtest_halves
    committed = back_test_csv()
    cohort = bench.backtest_cohorts.LOADERS["cecum"](shared_data)
    committed = committed[committed["contrast"] == cohort.contrast].reset_index(drop=True)
    options = bench.bench_backtest.parser().parse_args(["--jobs", "1"])

    def no_pilot(cohort, *_):
        unknown = dict.fromkeys(["predicted", "type_i", "effect", "reached"], np.nan)
        return pd.DataFrame([{"n_per_arm": n} | unknown for n in cohort.sizes for _ in range(2)])

    monkeypatch.setattr(halves, "predict_community", no_pilot)
    fresh = bench.bench_backtest.back_test(cohort, options)
    for column in ("n_per_arm", "drawn", "observed", "observed_se"):
        assert np.allclose(fresh[column], committed[column], atol=1e-5), column
    shannon = fresh["endpoint"] == "shannon"
    assert np.allclose(fresh["predicted"][shannon], committed["predicted"][shannon], atol=1e-5)


@pytest.mark.long
def test_predicted_power_is_that_of_the_pilots(bench, shared_data):
    committed = back_test_csv()
    cohort = bench.backtest_cohorts.LOADERS["clindamycin"](shared_data)
    committed = committed[committed["contrast"] == cohort.contrast].reset_index(drop=True)
    # Another seed, so other halves.
    options = bench.bench_backtest.parser().parse_args(["--jobs", "1", "--splits", "2", "--seed", "77"])
    fresh = bench.bench_backtest.back_test(cohort, options)
    spread = committed["predicted_se"] * np.sqrt(committed["splits"])
    simulated = np.sqrt(0.25 / (4 * 2 * options.simulations))
    allowed = 3 * np.sqrt(spread**2 * (1 / 2 + 1 / committed["splits"]) + simulated**2)
    assert (abs(fresh["predicted"] - committed["predicted"]) <= allowed).all()
