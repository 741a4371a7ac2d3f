"""A grid that was killed goes on where it was: only what is missing is made, and the result is the same."""

import importlib.util
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import analysis as an
from analysis.claims import rehearsal
from analysis.claims.rehearsal import rehearse
from analysis.designs import Design
from analysis.errors import ParameterError, ReadError
from analysis.pilots.reading import read_pilot
from analysis.pilots.shipped import load_pilot
from analysis.planning import checkpoint as checkpoints
from analysis.planning import pilot_uncertainty
from analysis.planning.checkpoint import content, once, opened
from analysis.planning.community import CommunityEndpoint
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.mean_engine import MeanEngine
from analysis.planning.power import power_curve, sample_size
from analysis.planning.results import SizeWarning

ROOT = Path(__file__).resolve().parents[2]
SHANNON = MeanEndpoint(3.5, 0.6, icc=0.45)
EFFECTS, SIZES = [-0.3, -0.5], [10, 20, 30]

GRID = """
import os, signal
from analysis.designs import Design
from analysis.planning.checkpoint import Checkpoint
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.power import power_curve

write = Checkpoint.__setitem__

def write_and_die(self, name, value):
    write(self, name, value)
    if len(self) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.__setitem__ = write_and_die
power_curve(Design(), MeanEndpoint(3.5, 0.6, icc=0.45), [-0.3, -0.5], [10, 20, 30],
            method="simulation", n_sim=300, checkpoint="grid.jsonl")
"""

HOLD = """
import sys
from analysis.planning.checkpoint import opened
with opened("grid.jsonl", {"function": "held"}):
    print("held", flush=True)
    sys.stdin.read()
"""


def grid(checkpoint=None, **changed):
    asked = {"method": "simulation", "n_sim": 300, "checkpoint": checkpoint} | changed
    return power_curve(Design(), SHANNON, EFFECTS, SIZES, **asked)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "grid.jsonl"


@pytest.fixture
def powers(monkeypatch):
    """Count the powers that are computed."""
    sizes = []
    compute = MeanEngine.power

    def counted(self, design, *given):
        sizes.append(design.n_per_arm)
        return compute(self, design, *given)

    monkeypatch.setattr(MeanEngine, "power", counted)
    return sizes


@pytest.mark.long  # a process of its own takes seconds to import SciPy and pandas
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_grid_that_was_killed_goes_on_where_it_was(path, powers):
    killed = subprocess.run([sys.executable, "-c", GRID], cwd=path.parent, check=False)
    assert killed.returncode == -9
    before = path.read_bytes()
    assert before.count(b"\n") == 1 + 3
    resumed = grid(path)
    assert powers == [10, 20, 30]  # those of the second effect
    after = path.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == 1 + 6
    assert_frame_equal(resumed, grid(), check_exact=True)


def test_a_finished_grid_is_read_and_a_torn_line_made_again(path, powers):
    whole = grid(path)
    text = path.read_bytes()
    powers.clear()
    assert_frame_equal(grid(path), whole, check_exact=True)
    assert powers == []
    assert path.read_bytes() == text
    lines = text.splitlines(keepends=True)
    for torn in (b"".join(lines[:-1]) + lines[-1][:-20], b"".join(lines[:-1]) + lines[-1][:-1]):
        path.write_bytes(torn)
        powers.clear()
        assert_frame_equal(grid(path), whole, check_exact=True)
        assert powers == [30]
        assert path.read_bytes() == text


def test_what_is_done_does_not_depend_on_the_order(path, powers):
    whole = grid(path)
    head, *parts = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(head + b"".join(parts[:1:-1]))
    powers.clear()
    assert_frame_equal(grid(path), whole, check_exact=True)
    assert powers == [10, 20]


def test_a_head_that_was_being_written_is_begun_anew(path):
    for torn in (b"", b'{"check', b'{"checkpoint": 1, "of": {"anal'):
        path.write_bytes(torn)
        with opened(path, {"function": "f"}) as parts:
            assert len(parts) == 0
        assert json.loads(path.read_text())["of"]["function"] == "f"


def test_other_settings_are_refused_with_each_that_differs(path):
    whole = grid(path)
    text = path.read_bytes()
    with pytest.raises(ParameterError) as caught:
        power_curve(
            Design(baseline=2),
            replace(SHANNON, sd=0.7),
            [-0.3, -0.4],
            SIZES,
            method="simulation",
            n_sim=200,
            seed=1,
            checkpoint=path,
        )
    told = str(caught.value)
    for fault in (
        "grid.jsonl: 5 faults",
        "design.baseline is 1 in the file, 2 here",
        "endpoint.sd is 0.6 in the file, 0.7 here",
        "effects is [-0.3, -0.5] in the file, [-0.3, -0.4] here",
        "n_sim is 300 in the file, 200 here",
        "seed is 0 in the file, 1 here",
        "delete the file",
    ):
        assert fault in told, fault
    with pytest.raises(ParameterError, match='function is "power_curve" in the file, "sample_size" here'):
        sample_size(Design(), SHANNON, -0.3, method="simulation", checkpoint=path)
    assert path.read_bytes() == text
    assert_frame_equal(grid(path, n_jobs=2), whole)  # how many processes is no matter of the result


def test_another_version_is_refused(path, monkeypatch):
    grid(path)
    monkeypatch.setattr(an, "__version__", "99.0")
    with pytest.raises(ParameterError, match=r'analysis is ".*" in the file, "99.0" here\n.*delete the file'):
        grid(path)


@pytest.mark.parametrize(
    "text", [b"a,b\n1,2\n", b"a,b", b'{"checkpoint": 1}\n', b'\n\n{"checkpoint": ', b"\x00\n"]
)
def test_what_is_no_checkpoint_is_left_alone(path, text):
    path.write_bytes(text)
    with pytest.raises(ReadError, match="does not begin as a checkpoint does"):
        grid(path)
    assert path.read_bytes() == text


def test_a_damaged_line_is_named(path):
    grid(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b"{}\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(ReadError, match="line 3 is damaged"):
        grid(path)


def test_a_path_that_cannot_be_written_is_named(path):
    for wrong in (path.parent, path.parent / "nowhere" / "grid.jsonl"):
        with pytest.raises(ParameterError, match="a folder that exists"):
            grid(wrong)
    with pytest.raises(ParameterError, match="checkpoint is a int"):
        grid(3)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there are no POSIX locks")
def test_two_processes_cannot_use_one_file(path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": path.parent}
    with subprocess.Popen([sys.executable, "-c", HOLD], **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(ParameterError, match="another calculation is using this checkpoint"),
            opened(path, {"function": "held"}),
        ):
            pass
        other.stdin.close()
    with opened(path, {"function": "held"}) as parts:
        assert len(parts) == 0


def test_numbers_come_back_to_the_last_bit(path):
    values = [
        0.1 + 0.2,
        1e-310,
        -0.0,
        math.inf,
        math.nan,
        float(np.pi),
        2**63,
        np.float64(1) / 3,
        np.int64(7),
    ]
    with opened(path, {"function": "f"}) as parts:
        parts["all"] = values
        parts["text"] = {"name": "Ä\n"}
    with opened(path, {"function": "f"}) as parts:
        for value, read in zip(values, parts["all"], strict=True):
            assert repr(read) == repr(value.item() if isinstance(value, np.generic) else value)
        assert parts["text"] == {"name": "Ä\n"}
        assert once(parts, "text", None) == {"name": "Ä\n"}
        with pytest.raises(TypeError, match="keeps no ndarray"):
            parts["array"] = np.zeros(3)
        assert "array" not in parts


def test_warnings_are_given_again(path):
    asked = {"effects": [-1.0], "n_per_arm": [3], "method": "simulation", "n_sim": 10_000}
    said = []
    for _ in range(2):
        with pytest.warns(SizeWarning) as caught:
            power_curve(Design(baseline=0, model="welch"), MeanEndpoint(3.5, 0.6), **asked, checkpoint=path)
        said.append([str(one.message) for one in caught])
    assert said[0] == said[1]
    assert len(said[0]) == 1


def test_a_search_goes_on_where_it_was(path, powers):
    asked = {"effect": -0.35, "method": "simulation", "n_sim": 400, "seed": 3}
    whole = sample_size(Design(cluster_size=2), SHANNON, **asked)
    assert sample_size(Design(cluster_size=2), SHANNON, **asked, checkpoint=path) == whole
    tried = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(tried[:3]))
    powers.clear()
    assert sample_size(Design(cluster_size=2), SHANNON, **asked, checkpoint=path) == whole
    assert len(powers) == len(tried) - 3
    assert path.read_bytes() == b"".join(tried)


def test_a_search_with_refits_of_the_pilot_goes_on_where_it_was(path, monkeypatch):
    def quick_refit(pilot, seed, study):
        return replace(pilot, loadings=pilot.loadings * (0.85 + seed % 101 / 1000))

    monkeypatch.setattr(pilot_uncertainty, "resampled", quick_refit)
    endpoint = CommunityEndpoint(load_pilot("twins_genera"), resamples=10)
    asked = {"effect": 0.08, "n_sim": 48, "permutations": 99}
    whole = sample_size(Design(baseline=0), endpoint, **asked, checkpoint=path)
    assert whole == sample_size(Design(baseline=0), endpoint, **asked)
    lines = path.read_bytes().splitlines(keepends=True)
    names = [json.loads(line)["part"] for line in lines[1:]]
    assert {"without effect", *(f"refit {number}" for number in range(10))} < set(names)
    path.write_bytes(b"".join(lines[:-4]))
    assert whole == sample_size(Design(baseline=0), endpoint, **asked, checkpoint=path)
    assert path.read_bytes() == b"".join(lines)


def test_a_rehearsal_goes_on_where_it_was(path, monkeypatch):
    claim = an.load_claims()["digestive_complaints_humans"]
    asked = {"n_trials": 10, "truths": (0.0, 1.0), "n_per_arm": 10, "seed": 3}
    monkeypatch.setattr(rehearsal, "_BLOCK", 4)
    whole = rehearse(claim, **asked)
    write = checkpoints.Checkpoint.__setitem__

    def write_and_stop(self, name, value):
        write(self, name, value)
        if len(self) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.Checkpoint, "__setitem__", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            rehearse(claim, **asked, checkpoint=path)
    before = path.read_bytes()
    assert rehearse(claim, **asked, checkpoint=path) == whole
    after = path.read_bytes()
    assert after.startswith(before)
    assert (before.count(b"\n"), after.count(b"\n")) == (1 + 4, 1 + 6)
    with pytest.raises(ParameterError, match="n_trials is 10 in the file, 12 here"):
        rehearse(claim, **asked | {"n_trials": 12}, checkpoint=path)


def test_content_is_that_of_the_values(tmp_path):
    pilot = load_pilot("twins_genera")
    pilot.save(tmp_path / "pilot.npz")
    assert content(pilot) == content(read_pilot(tmp_path / "pilot.npz"))
    assert content(pilot) != content(replace(pilot, loadings=pilot.loadings * (1 + 1e-12)))
    study, same = (pilot.simulate(n_subjects=10, seed=1) for _ in range(2))
    before = content(study)
    assert study.depths.sum() > 0  # which is then remembered
    assert content(study) == before == content(same)
    assert content(study) != content(pilot.simulate(n_subjects=10, seed=2))


def test_the_planners_grid_goes_on_where_it_was(path, monkeypatch):
    spec = importlib.util.spec_from_file_location("planner_grid", ROOT / "data/scripts/planner_grid.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    settings = script.rows_of(script.QUESTIONS[0])[:2]
    monkeypatch.setattr(script, "RESULTS", path.parent)
    monkeypatch.setattr(script, "QUESTIONS", script.QUESTIONS[:1])
    monkeypatch.setattr(script, "rows_of", lambda _: settings)
    monkeypatch.setattr(sys, "argv", ["", "closed", "--jobs", "1", "--checkpoint", str(path)])
    script.main()
    written = (path.parent / "planner_grid.csv").read_bytes()
    monkeypatch.setattr(script, "closed", None)  # called no more
    script.main()
    assert (path.parent / "planner_grid.csv").read_bytes() == written
    monkeypatch.undo()
    rows = [script.closed(setting) for setting in settings]
    assert written.decode().count("\n") == 2 + len(rows)


def test_a_users_own_file_is_never_written_over(path):
    own = '{"checkpoint": "/models/best.pt", "epoch": 3}'
    path.write_text(own)
    with pytest.raises(ReadError, match="does not begin as a checkpoint"), opened(path, {"function": "f"}):
        pass
    assert path.read_text() == own


@pytest.mark.parametrize(
    "change", [("0.25", "0.75"), ('"a"', '["a"]'), ('"check"', '"chuck"'), ("0.25", "[" * 99_999)]
)
def test_a_line_that_was_changed_is_refused(path, change):
    with opened(path, {"function": "f"}) as parts:
        parts["a"] = 0.25
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ReadError, match="line 2 is damaged, or was changed"), opened(path, {"function": "f"}):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="there are no POSIX locks")
def test_reading_the_file_does_not_let_a_second_calculation_in(path):
    with opened(path, {"function": "f"}):
        path.read_text()
        with (
            pytest.raises(ParameterError, match="another calculation is using this checkpoint"),
            opened(path, {"function": "f"}),
        ):
            pass


@pytest.mark.parametrize("where", ["/dev/null", "no\0where"])
def test_what_is_no_file_is_no_checkpoint(where):
    with pytest.raises(ParameterError, match="a file that can be written"), opened(where, {"function": "f"}):
        pass
