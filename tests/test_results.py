"""Committed derived figures are those that their scripts work out from the public tables."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

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
