"""The committed notebooks: their structure always, their outputs against a fresh run in the long tests."""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from analysis.notebooks import NotebookError, code_cells, differences, run_notebook, tidy
from analysis.report import find_notebooks

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = find_notebooks(ROOT / "notebooks")
LENGTHS = {  # cells of those that are not of the usual length, and why
    "00_start_here": range(8, 13),  # the way in: five minutes
    "05_how_many_and_how_deep": range(45, 56),  # power for every kind of endpoint, compared in one place
}
EXTENDED = find_notebooks(ROOT / "notebooks" / "extended")  # these take public tables that are downloaded


@pytest.fixture(params=[*NOTEBOOKS, *EXTENDED], ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_executed_in_order_without_errors(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def prose_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def test_short_cells_without_definitions(notebook):
    cells = code_cells(notebook)
    lengths = sorted(len(cell.source.splitlines()) for cell in cells)
    assert lengths[-1] <= 15
    assert lengths[len(lengths) // 2] <= 6
    definition = re.compile(r"^\s*(def|class) |sys\.path", re.MULTILINE)
    assert not [cell for cell in cells if definition.search(cell.source)]


def test_as_long_as_a_sitting(request, notebook):
    name = request.node.callspec.id
    assert len(notebook.cells) in LENGTHS.get(name, range(20, 31))


def test_one_title_at_the_top_and_no_level_left_out(notebook):
    lines = [line for text in prose_of(notebook) for line in text.splitlines()]
    levels = [len(mark.group(1)) for line in lines if (mark := re.match(r"(#+) ", line))]
    assert notebook.cells[0].source.startswith("# ")
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_as_much_prose_as_code(notebook):
    code = sum(len(cell.source) for cell in code_cells(notebook))
    assert sum(map(len, prose_of(notebook))) >= code


def test_nothing_is_installed_or_downloaded_but_by_the_library(notebook):
    other = re.compile(
        r"^\s*[!%]|\bpip\b|\b(requests|urllib|httpx|pooch|wget|curl|subprocess|os\.system)\b|https?://",
        re.MULTILINE,
    )
    assert not [cell.source for cell in code_cells(notebook) if other.search(cell.source)]


def test_every_result_is_followed_by_prose(notebook):
    """No more than two results stand together, and what was shown last is explained too."""
    shown = 0
    for cell in notebook.cells:
        shown = 0 if cell.cell_type == "markdown" else shown + bool(cell.outputs)
        assert shown <= 2
    assert shown == 0


def test_small_and_without_paths_of_a_machine(notebook):
    text = nbformat.writes(notebook)
    assert len(text) < 1_000_000
    assert not re.search(r"/home/|/root/|/Users/|/tmp/|[A-Z]:\\\\", text)
    assert "widgets" not in notebook.metadata


@pytest.mark.long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_fresh_run_changes_nothing(path):
    assert differences(nbformat.read(path, as_version=4), run_notebook(path)) == []


@pytest.mark.long
@pytest.mark.parametrize("path", EXTENDED, ids=lambda path: path.stem)
def test_a_fresh_run_of_a_longer_one_changes_nothing(path, shared_data, monkeypatch):
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(shared_data))
    assert differences(nbformat.read(path, as_version=4), run_notebook(path)) == []


@pytest.mark.parametrize("path", EXTENDED, ids=lambda path: path.stem)
def test_a_longer_one_begins_by_saying_that_it_is_not_about_botox(path):
    title, _, sentence = nbformat.read(path, as_version=4).cells[0].source.partition("\n\n")
    assert title.startswith("# ")
    assert re.match(r"Nothing in (this chapter|these tables) is about Botox", sentence)


@pytest.mark.parametrize("path", EXTENDED, ids=lambda path: path.stem)
def test_links_of_a_longer_one_lead_to_notebooks(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    links = re.findall(r"\]\(([^):]+\.ipynb)\)", text)
    assert all((path.parent / link).is_file() for link in links)


def make_notebook(path, *sources):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbformat.write(notebook, path)
    return path


@pytest.mark.long
def test_a_failing_notebook_is_named_with_its_error(tmp_path):
    path = make_notebook(tmp_path / "09_fails.ipynb", "1 + 1", "int('x')")
    with pytest.raises(NotebookError, match=r"09_fails\.ipynb[\s\S]*invalid literal"):
        run_notebook(path)


@pytest.mark.long
def test_settings_of_a_user_change_no_picture(tmp_path, monkeypatch):
    path = make_notebook(tmp_path / "01_a.ipynb", "from matplotlib import pyplot as plt; plt.plot([0, 1]);")
    plain = run_notebook(path)
    startup = tmp_path / "user" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "own.py").write_text("print('hello')", encoding="utf-8")
    own = tmp_path / "user" / "matplotlibrc"
    own.write_text("lines.linewidth: 9\nfont.family: monospace\nfigure.dpi: 40\n", encoding="utf-8")
    for name in ("MPLCONFIGDIR", "MATPLOTLIBRC", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(own.parent))
    assert differences(plain, run_notebook(path), pixels=0.0) == []


@pytest.mark.long
def test_two_runs_that_differ_are_told_apart(tmp_path):
    first = run_notebook(make_notebook(tmp_path / "01_a.ipynb", "x = 1; x"))
    same = run_notebook(make_notebook(tmp_path / "01_b.ipynb", "x = 1; x"))
    assert differences(first, same) == []
    same.cells[0].outputs[0]["data"]["text/plain"] = "2"
    (found,) = differences(first, same)
    assert str(found) == "cell 1, text/plain: line 1: 1 became 2 (relative difference 0.5)"


def test_what_differs_between_machines_is_not_committed():
    cell = nbformat.v4.new_code_cell("1", metadata={"tags": ["kept"], "trusted": True})
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    clean = tidy(notebook)
    assert clean.metadata.keys() == {"kernelspec", "language_info"}
    assert clean.cells[0].metadata == {"tags": ["kept"]}


@pytest.mark.long
def test_what_is_printed_in_two_goes_is_one_output(tmp_path):
    source = "import time\nprint('a', flush=True)\ntime.sleep(0.5)\nprint('b')"
    (output,) = run_notebook(make_notebook(tmp_path / "01_prints.ipynb", source)).cells[0].outputs
    assert output.text == "a\nb\n"
