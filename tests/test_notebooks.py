"""The committed notebooks: their structure always, their outputs against a fresh run in the long tests."""

import re
from pathlib import Path

import nbformat
import pytest

from analysis.notebooks import NotebookError, code_cells, differences, run_notebook
from analysis.report import find_notebooks

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = find_notebooks(ROOT / "notebooks")
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


def test_prose_with_short_cells_and_one_title(notebook):
    headings = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    assert len(headings) == 1
    lengths = sorted(len(cell.source.splitlines()) for cell in code_cells(notebook))
    assert lengths[-1] <= 15
    assert lengths[len(lengths) // 2] <= 6
    definition = re.compile(r"^\s*(def|class) |sys\.path", re.MULTILINE)
    assert not [cell for cell in code_cells(notebook) if definition.search(cell.source)]


def test_every_result_is_followed_by_prose(notebook):
    """A picture is explained before the next one is shown."""
    pictures = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            pictures = 0
        pictures += any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        assert pictures <= 2
    assert pictures == 0


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
