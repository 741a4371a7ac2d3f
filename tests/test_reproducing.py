"""What `reproduce` says of notebooks that agree, differ, fail, or lack their tables."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from analysis.__main__ import main
from analysis.errors import ParameterError
from analysis.notebooks import run_notebook
from analysis.provenance import as_json, made_with, read_records
from analysis.report import reproduce, reproducing
from analysis.report.running import MADE_WITH

ROOT = Path(__file__).resolve().parents[1]
SAME, CHANGED, FAILS, AWAY = "00_same", "01_changed", "02_fails", "10_away"


def write(path, *sources, run=True):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    if run:
        nbformat.write(run_notebook(path), path)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Make a project of four notebooks, and one of them differ in one number of its second cell."""
    folder = tmp_path_factory.mktemp("clone") / "notebooks"
    (folder / "extended").mkdir(parents=True)
    write(folder / f"{SAME}.ipynb", "1 / 3", "import numpy as np; np.arange(3)")
    write(folder / f"{CHANGED}.ipynb", "print('p')", "print('p =', 0.25)")
    changed = folder / f"{CHANGED}.ipynb"
    changed.write_text(changed.read_text(encoding="utf-8").replace("p = 0.25", "p = 0.5"), encoding="utf-8")
    write(folder / f"{FAILS}.ipynb", "int('x')", run=False)
    source = 'import analysis as an\nan.load_dataset("ecam").shape'
    write(folder / "extended" / f"{AWAY}.ipynb", source, run=False)
    (folder / MADE_WITH).write_text(as_json(made_with()), encoding="utf-8")
    return folder.parent


@pytest.mark.long
def test_each_notebook_has_its_line(clone, tmp_path, monkeypatch):
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(tmp_path))
    found = reproduce(clone)
    status = {one.name: one.status for one in found.outcomes if "/" not in one.name}
    assert status == {SAME: "identical", CHANGED: "different", FAILS: "failed", AWAY: "left out"}
    assert found.comparison.startswith("Compared to the letter")
    assert not found.same
    lines = str(found).splitlines()
    assert f"{SAME}: identical" in lines
    assert f"{CHANGED}: DIFFERENT, cell 2, stdout: line 1: 0.5 became 0.25 (relative difference 0.5)" in lines
    assert f"{AWAY}: left out (not on this machine: ecam; --full downloads them)" in lines
    assert "invalid literal" in str(found)
    assert {one.name for one in found.outcomes if "/" in one.name} == {
        f"data/results/{path.name}" for path in (ROOT / "data" / "results").glob("*.csv")
    }


@pytest.mark.long
def test_the_exit_code_tells(clone, capsys):
    assert main(["reproduce", SAME, "--root", str(clone), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["same"]
    assert [one["status"] for one in told["outcomes"]] == ["identical"]
    assert main(["reproduce", CHANGED, "--root", str(clone)]) == 1
    assert "0.5 became 0.25" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize(("value", "status"), [("0.3333333333", "close"), ("0.33", "different")])
def test_other_versions_may_differ_in_the_tenth_digit(clone, tmp_path, value, status):
    copy = tmp_path / "clone"
    shutil.copytree(clone, copy)
    path = copy / "notebooks" / f"{SAME}.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("0.3333333333333333", value), encoding="utf-8")
    (copy / "notebooks" / MADE_WITH).write_text(as_json(made_with() | {"numpy": "1.0"}), encoding="utf-8")
    found = reproduce(copy, only=[SAME])
    assert "numpy 1.0, here" in found.comparison
    assert [one.status for one in found.outcomes] == [status]
    assert found.same == (status == "close")
    assert f"{value} became 0.3333333333333333" in str(found)


def test_a_notebook_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(ParameterError, match="03_diversity"):
        reproduce(ROOT, only=["03_diversty"])


def test_results_are_held_against_their_records(monkeypatch):
    assert [str(one) for one in reproducing.results_as_recorded() if one.status != "identical"] == []
    other = {"file": "null_size.csv", "sha256": "0" * 64, "command": "python made.py", "recorded": "then"}
    other["inputs"] = [{"name": "panels.toml", "sha256": "0" * 64}]
    monkeypatch.setattr(reproducing, "read_records", lambda: {"null_size.csv": other, "new.csv": None})
    one, two = reproducing.results_as_recorded()
    assert [difference.kind for difference in one.differences] == ["file", "inputs"]
    assert "panels.toml changed since; make it again: python made.py" in str(one)
    assert str(two) == "data/results/new.csv: DIFFERENT, record: there is none that can be read"


def test_a_result_that_is_gone_and_a_record_that_was_changed_are_seen(monkeypatch, tmp_path):
    for name in ("laxative.csv", "laxative.json", "null_size.json"):
        shutil.copy(ROOT / "data" / "results" / name, tmp_path)
    (tmp_path / "cut.json").write_text('{"file": "cut.csv", "sha')
    record = json.loads((tmp_path / "laxative.json").read_text())
    inputs = [{"name": "nobody/knows.tsv", "sha256": "0" * 64}]
    (tmp_path / "laxative.json").write_text(json.dumps(record | {"seed": 7, "inputs": inputs}))
    found = read_records(tmp_path)
    monkeypatch.setattr(reproducing, "read_records", lambda: found)
    monkeypatch.setattr(reproducing, "data_path", lambda name: tmp_path / Path(name).name)
    told = {one.name: str(one) for one in reproducing.results_as_recorded()}
    assert "there is none that can be read" in told["data/results/cut.csv"]
    assert "it is gone; make it again: python" in told["data/results/null_size.csv"]
    assert "it does not say what the file's first line says" in told["data/results/laxative.csv"]
    assert "nobody/knows.tsv changed" in told["data/results/laxative.csv"]
