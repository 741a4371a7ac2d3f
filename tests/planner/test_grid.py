"""Every number of the planner is what analysis.sample_size gives."""

import math
import random

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.claims.planned import planned
from analysis.errors import ParameterError
from analysis.paths import data_path
from analysis.planner import grid as grids
from analysis.planner.settings import N_SIM, PERMUTATIONS, QUESTIONS, SEED, Setting

CLOSED = [setting for question in QUESTIONS if not question.simulated for setting in question.settings()]
SAMPLE = random.Random(2026).sample(CLOSED, 30)
FILES = ("planner_grid.csv", "planner_composition.csv")


@pytest.fixture(scope="module")
def grid():
    return grids.load_grid()


@pytest.mark.parametrize("setting", SAMPLE, ids=str)
def test_thirty_random_settings_equal_sample_size(grid, setting):
    found = grid.found(setting)
    fresh = an.sample_size(
        setting.design(), setting.question.noise, setting.effect_size(), setting.power / 100
    )
    for name in ("n_per_arm", "total", "cages", "analysed_per_arm"):
        assert getattr(found, name) == getattr(fresh, name), name
    assert found.power == pytest.approx(fresh.power, abs=5.1e-4)  # three decimals are kept
    assert (found.type_i, found.power_se) == (pytest.approx(fresh.type_i), 0)
    assert found.stools == fresh.total * (setting.baseline + setting.follow_up)
    assert found.reads == found.stools * setting.question.reads


@pytest.mark.long
@pytest.mark.parametrize(
    "setting",
    [
        Setting("people", "composition", effect=0.03, baseline=0, follow_up=1, cage=1, dropout=10, power=80),
        Setting("mice", "composition", effect=0.03, baseline=0, follow_up=1, cage=2, dropout=10, power=90),
    ],
    ids=str,
)
def test_simulated_settings_equal_sample_size(grid, setting):
    found = grid.found(setting)
    fresh = an.sample_size(
        setting.design(),
        setting.question.noise,
        setting.effect_size(),
        setting.power / 100,
        n_sim=N_SIM,
        permutations=PERMUTATIONS,
        seed=SEED,
        n_jobs=2,
    )
    names = ("n_per_arm", "total", "cages", "n_low", "n_high")
    assert [getattr(found, name) for name in names] == [getattr(fresh, name) for name in names]
    for name in ("power", "power_se", "type_i", "type_i_se"):
        assert getattr(found, name) == pytest.approx(getattr(fresh, name), abs=5.1e-4), name


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_the_planner_agrees_with_the_plan_of_each_claim(grid, question):
    claim, community = question.claim, question.simulated
    size = claim.effect.smallest
    setting = Setting(
        question.host,
        question.endpoint,
        effect=round(math.exp(size), 2) if claim.effect.scale == "log_ratio" else size,
        baseline=0 if community else len(claim.trial.baseline_days),
        follow_up=len(claim.trial.follow_up_days),
        cage=claim.trial.cluster_size,
        dropout=100 * claim.trial.dropout,
        power=100 * claim.trial.power,
    )
    assert grid.found(setting).n_per_arm == planned(claim).n_to_show


def test_reached_powers_are_at_least_those_asked_for(grid):
    for block in grid.blocks.values():
        asked = np.array(block.question.axes["power"].values) / 100
        # A search by simulation ends where its line crosses the power asked for: its own error is allowed.
        slack = 4 * block.answers["power_se"] if block.question.simulated else 5.1e-4
        assert (block.answers["power"] >= asked - slack).all()


def test_simulated_type_i_errors_are_near_nominal(grid):
    blocks = [block for block in grid.blocks.values() if block.question.simulated]
    sizes = np.concatenate([block.answers["type_i"].ravel() for block in blocks])
    one = np.sqrt(0.05 * 0.95 / N_SIM)
    assert (np.abs(sizes - 0.05) < 4 * one).all()
    assert abs(sizes.mean() - 0.05) < 2 * one  # neighbouring settings share their draws


def test_more_is_needed_for_smaller_effects_and_for_more_power(grid):
    for block in grid.blocks.values():
        answers = block.answers["n"].reshape(block.question.axes["effect"].count, -1)
        assert (np.diff(answers, axis=0) <= 0).all()
        assert (np.diff(block.answers["n"], axis=1) >= 0).all()


def test_the_files_say_what_made_them_and_are_small():
    for name in FILES:
        path = data_path(f"results/{name}")
        assert path.stat().st_size < 1_000_000
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("#")
        assert "data/scripts/planner_grid.py" in first
    assert f"n_sim={N_SIM}, permutations={PERMUTATIONS}, seed={SEED}" in first


def test_a_file_of_other_settings_is_refused(tmp_path, monkeypatch):
    for name in FILES:
        table = pd.read_csv(data_path(f"results/{name}"), comment="#")
        table.iloc[1:].to_csv(tmp_path / name, index=False)
    monkeypatch.setattr(grids, "data_path", lambda name: tmp_path / name.rpartition("/")[2])
    grids.load_grid.cache_clear()
    try:
        with pytest.raises(ParameterError, match=r"planner_grid\.py"):
            grids.load_grid()
    finally:
        grids.load_grid.cache_clear()
