"""The benchmarks: what they print, how the driver keeps it, what stands in RESULTS.md. No time is tested."""

import importlib
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("bench_*.py"))
NUMBER = r"-?\d+(\.\d+)?(e[-+]?\d+)?"
MADE_UP = {"what": "a sum", "ours": 0.5, "peer_name": "peer", "peer": 5.0, "ratio": 10.0}
MADE_UP |= {"wanted": ">= 2", "met": True, "unit": "s", "reason": ""}


@pytest.fixture
def scripts(monkeypatch):
    """The driver and what the benchmarks share, imported as they are when they are run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = ["reporting", "peers", "run_all"]
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def driver(scripts, monkeypatch, tmp_path):
    """The driver, let loose on two made-up benchmarks."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    line = scripts.reporting.ROW + json.dumps(MADE_UP)
    for name in ("bench_one", "bench_two"):
        (folder / f"{name}.py").write_text(f"print('{name} in', {str(tmp_path)!r})\nprint({line!r})\n")
    for name, value in (("HERE", folder), ("ROOT", tmp_path), ("RESULTS", folder / "RESULTS.md")):
        monkeypatch.setattr(scripts.run_all, name, value)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["run_all.py", *arguments])
        return scripts.run_all.main()

    return SimpleNamespace(run=run, folder=folder, results=folder / "RESULTS.md")


@pytest.fixture(scope="module")
def results():
    return (FOLDER / "RESULTS.md").read_text(encoding="utf-8")


def sections(text):
    parts = re.split(r"^## (bench_\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def summary(text):
    """Return the cells of each row of the summary."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| bench_")]


def test_every_benchmark_has_its_section(results):
    found = sections(results)
    assert list(found) == NAMES
    for name, text in found.items():
        assert f"python benchmarks/{name}.py" in re.search(r"- command: `(.+)`", text)[1]
        assert re.search(r"^- date: \d{4}-\d\d-\d\d \d\d:\d\d UTC$", text, flags=re.MULTILINE)
        assert re.search(r"^- on: .+ cores, .+Python .+numpy ", text, flags=re.MULTILINE)
        assert "failed" not in text
        full = re.search(r"`data/results/([^`]+)`", text)
        assert not full or (FOLDER.parent / "data" / "results" / full[1]).is_file()


def test_every_benchmark_is_in_the_summary_and_its_numbers_can_be_read(results):
    rows = summary(results)
    assert sorted({cells[0] for cells in rows}) == NAMES
    for _, _, ours, peer, ratio, _, met in rows:
        assert re.match(rf"{NUMBER}\b|-$", ours)
        assert re.match(rf"{NUMBER}\b.* \(.+\)$|-( \(.+\))?$", peer)
        assert re.fullmatch(rf"{NUMBER}|-|not run: .+", ratio)
        assert met in {"yes", "**no**", "-"}


def test_the_results_name_the_machine_but_neither_folders_nor_hosts(results):
    assert re.search(r"^- machine: .+ cores, \d+ GB, ", results, flags=re.MULTILINE)
    assert re.search(r"^- versions: Python .+ \(commit \w+.*numpy .+ joblib ", results, flags=re.MULTILINE)
    assert not re.search(r"(?<![\w.])/(home|root|work|tmp|usr|Users)/|https?://", results)


def test_every_benchmark_is_in_the_readme():
    assert sorted(set(re.findall(r"bench_\w+(?=\.py)", (FOLDER / "README.md").read_text()))) == NAMES


def test_settings_of_long_runs_are_of_benchmarks_that_there_are(scripts):
    assert scripts.run_all.names() != []
    assert set(scripts.run_all.SHORT) == set(scripts.run_all.FULL_RUNS) <= set(scripts.run_all.names())
    assert all("--no-write" in arguments for arguments in scripts.run_all.SHORT.values())


def test_rows_come_back_as_they_were_printed(scripts, capsys):
    told = scripts.reporting
    print("text for people")
    told.faster("a", 0.1, "peer", 2.0, at_least=10)
    told.costs("b", np.float64(3.0), "peer", np.float64(2.0), at_most=1.4)
    told.limit("c", 0.2, 0.5)
    told.not_run("d", "vegan", "R is not here")
    rows, text = told.read_rows(capsys.readouterr().out)
    assert text == "text for people"
    assert [row["ratio"] for row in rows] == [pytest.approx(20), pytest.approx(1.5), None, None]
    assert [row["met"] for row in rows] == [True, False, True, None]
    assert rows[3]["reason"] == "R is not here"


@pytest.mark.parametrize(
    ("side", "measured", "kept"),
    [
        ("near", 0.064, True),
        ("near", 0.066, False),
        ("near", 0.034, False),
        ("at most", 0.01, True),
        ("at most", 0.066, False),
        ("at least", 0.99, True),
        ("at least", 0.034, False),
    ],
)
def test_a_promise_is_held_to_three_errors_on_the_side_it_was_made_for(scripts, capsys, side, measured, kept):
    scripts.reporting.promise("size", measured, 0.05, 0.005, side)
    ((row,), _) = scripts.reporting.read_rows(capsys.readouterr().out)
    assert row["met"] is kept
    assert (row["ours"], row["peer"]) == (measured, 0.05)


def test_the_driver_runs_all_and_keeps_what_it_does_not_run_again(driver, tmp_path):
    assert driver.run() == 0
    text = driver.results.read_text()
    assert list(sections(text)) == ["bench_one", "bench_two"]
    assert str(tmp_path) not in text
    assert "@row" not in text
    assert summary(text)[0] == ["bench_one", "a sum", "0.500 s", "5 s (peer)", "10", ">= 2", "yes"]

    old = re.sub(r"- date: .+ UTC", "- date: 2001-01-01 00:00 UTC", text)
    driver.results.write_text(old)
    assert driver.run("--only", "bench_two") == 0
    again = driver.results.read_text()
    assert sections(again)["bench_one"] == sections(old)["bench_one"]
    assert "2001-01-01" not in sections(again)["bench_two"]
    assert summary(again) == summary(text)


def test_a_benchmark_that_fails_is_told_and_stops_no_other(driver):
    (driver.folder / "bench_one.py").write_text("import sys\nsys.exit('no such table')\n")
    assert driver.run() == 1
    text = driver.results.read_text()
    assert "**failed**, exit code 1" in sections(text)["bench_one"]
    assert "no such table" in sections(text)["bench_one"]
    assert [cells[0] for cells in summary(text)] == ["bench_one", "bench_two"]
    assert summary(text)[0][-1] == "**no**"


def test_without_r_the_reason_and_the_remedy_are_told(scripts, monkeypatch):
    monkeypatch.setenv("PATH", "")
    told = scripts.peers.missing_r("vegan")
    assert told.startswith("R with vegan is not on this machine")
    assert "r-cran-vegan" in told


@pytest.mark.parametrize(("name", "only"), [("bench_backtest", "cecum"), ("bench_pilot_fit", "sze_ross")])
def test_without_the_public_tables_a_benchmark_says_so(scripts, monkeypatch, tmp_path, capsys, name, only):
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path), "--only", only])
    importlib.import_module(name).main()
    rows, text = scripts.reporting.read_rows(capsys.readouterr().out)
    assert [row["reason"] for row in rows] == [scripts.peers.NO_TABLES]
    assert "make data" in text
    sys.modules.pop(name)
