"""The report: what becomes of a picture, what the pages list, and that every link on them leads somewhere."""

import base64
import io
import json
import re
import shutil
from importlib.metadata import version
from pathlib import Path

import matplotlib as mpl
import matplotlib.image
import nbformat
import pandas as pd
import pytest

import analysis as an
from analysis.notebooks import run_notebook
from analysis.provenance import sha256_of
from analysis.report import find_notebooks, front, make_report, write_site
from analysis.report.entries import GROUPS, page_of
from analysis.report.figures import take_figures
from analysis.report.methods import (
    default_seeds,
    findings_sources,
    package_versions,
    report_record,
    result_files,
    table_files,
)
from analysis.report.site import _linked
from analysis.report.tables import boxed

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (20).to_bytes(4) + (10).to_bytes(4)).decode()
CSV = "# Shannon index over days\nday,value\n0,3.5\n"


def picture(csv=CSV):
    data = {"image/png": PNG, "text/plain": "<Figure>"} | ({"text/csv": csv} if csv else {})
    return nbformat.v4.new_output("display_data", data)


def code(*outputs, source="draw()"):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def notebook(*cells):
    cells = [nbformat.v4.new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return nbformat.v4.new_notebook(cells=cells)


def test_the_prose_below_a_picture_becomes_its_caption():
    given = notebook("# Noise", code(picture()), "**What it shows.** It *moves*. A lot.\n\n## Next\n\nMore.")
    kept, (one,) = take_figures("03_noise", given)
    assert (one.name, one.label, one.size) == ("03_noise_1", "Figure 3.1", (20, 10))
    assert one.caption == "It *moves*. A lot."
    assert one.alt == "Shannon index over days. It moves."
    assert kept.cells[2].source == "## Next\n\nMore."
    assert given.cells[2].source.startswith("**What it shows.**")


@pytest.mark.parametrize(("csv", "caption"), [(CSV, "Shannon index over days."), ("", "How noisy?")])
def test_without_prose_what_it_is_or_the_heading_is_the_caption(csv, caption):
    cells = "# Noise\n\n## How *noisy*?", code(picture(csv)), code(source="1"), "**What it shows.** It moves."
    kept, (one,) = take_figures("00_noise", notebook(*cells))
    assert one.caption == one.alt == caption
    assert kept.cells[3].source == "**What it shows.** It moves."


def test_of_two_pictures_the_prose_explains_the_last():
    cells = "# Noise", code(picture(), picture()), "**What it shows.** The second."
    _, figures = take_figures("12_noise", notebook(*cells))
    assert [one.caption for one in figures] == ["Shannon index over days.", "The second."]
    assert [one.label for one in figures] == ["Figure 12.1", "Figure 12.2"]


def test_links_to_notebooks_lead_to_pages_or_become_text():
    html = '<a href="../05_how.ipynb#cages">cages</a> <a href="99_no.ipynb">none</a> <a href="https://x.org/a.ipynb">x</a>'
    assert _linked(html, {"05_how"}) == (
        '<a href="05_how.html#cages">cages</a> none <a href="https://x.org/a.ipynb">x</a>'
    )


def test_tables_scroll_in_a_box_and_their_numbers_line_up():
    table = pd.DataFrame({"name": ["a", "7"], "n": [1, 2], "share": ["5 %", "-1.5e-03"]})
    html = boxed(f"{table.to_html()}<pre>code</pre>")
    assert html.count('tabindex="0"') == 2
    heads = re.findall(r'<(?:th|td)( class="number")?>(?:name|n|share)<', html)
    assert heads == ["", ' class="number"', ' class="number"']
    assert '<td class="number">-1.5e-03</td>' in html
    assert "<td>7</td>" in html
    assert "<th></th>" not in html


def test_the_front_page_says_what_the_claims_module_says():
    table = front.claims_table()
    claims = list(an.load_claims().values())
    assert [row["claim"] for row in table.rows] == list(dict.fromkeys(claim.heading for claim in claims))
    rows = {row["claim"]: row for row in table.rows}
    needed = [an.data_needed(claim).plan for claim in claims]
    for plan, claim in zip(needed, claims, strict=True):
        if plan is not None:
            assert rows[claim.heading][claim.subjects] == str(plan.total)
    numbers = [row[host] for row in table.rows for host in ("mice", "people") if row[host]]
    assert table.testable == sum(plan is not None for plan in needed) == len(numbers)
    matrix = pd.read_csv(ROOT / "data" / "results" / "audit_matrix.csv", comment="#")
    testable = matrix[matrix["essential_missing"] == 0]["claim"].nunique()
    assert table.tested == testable


def test_without_audits_the_front_page_says_that_it_does_not_know(monkeypatch):
    monkeypatch.setattr(front, "_results", lambda name: None)
    table = front.claims_table()
    assert {row["today"] for row in table.rows if row["mice"] or row["people"]} == {"unknown"}
    assert [one.name for one in front.front_figures()] == ["front_what_it_takes"]


def test_the_three_pictures_come_with_their_numbers():
    figures = front.front_figures()
    assert [one.label for one in figures] == ["Figure 1", "Figure 2", "Figure 3"]
    for one in figures:
        assert one.csv.startswith("# ")
        assert one.csv.count("\n") > 5
        assert len(one.alt) > 80
    committed = (ROOT / "data" / "pictures" / "gaps.png").read_bytes()
    shown = [matplotlib.image.imread(io.BytesIO(png), format="png") for png in (committed, figures[0].png)]
    assert shown[0] == pytest.approx(shown[1], abs=1e-2), "python data/scripts/readme_picture.py"


def test_methods_list_versions_seeds_commands_and_sources():
    packages = dict(package_versions())
    assert packages["numpy"] == version("numpy")
    assert {"permanova", "power", "rarefy"} <= dict(default_seeds()).keys()
    files = {one.name: one for one in result_files()}
    assert files.keys() == {path.name for path in (ROOT / "data" / "results").glob("*.csv")}
    null_size = files["null_size.csv"]
    assert null_size.command.startswith("python benchmarks/bench_null_size.py --simulations")
    assert (null_size.seed, null_size.simulated) == ("0", True)
    assert null_size.repeats.startswith("n_sim ")
    assert (files["panel_noise.csv"].seed, files["panel_noise.csv"].simulated) == ("none", 0)
    assert "schubert_antibiotics" in files["cages_and_vendors.csv"].inputs[0][0]
    listed = [source.address for source in findings_sources()]
    assert len(listed) == len(set(listed))
    evidence = pd.concat([claim.to_frame() for claim in an.load_claims().values()])
    assert set(evidence["address"]) == set(listed)


def test_the_record_of_the_report_says_what_it_was_made_from():
    path = ROOT / "notebooks" / "08_your_own_data.ipynb"
    made = nbformat.read(path, as_version=4)
    told = json.loads(report_record({path.stem: made}))
    assert told["notebooks"] == [{"name": path.name, "sha256": sha256_of(path)}]
    assert {"numpy", "scipy", "python"} <= told["versions"].keys()
    embedded = {file.path: file.sha256 for one in table_files() for file in one.files if not file.url}
    assert embedded.items() <= {one["name"]: one["sha256"] for one in told["inputs"]}.items()
    assert told["seeds"]["permanova"] == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Write a site of the committed notebooks."""
    folders = (ROOT / "notebooks", ROOT / "notebooks" / "extended")
    paths = [path for folder in folders for path in find_notebooks(folder)]
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    folder = write_site(notebooks, tmp_path_factory.mktemp("site")).parent
    return folder, notebooks


def pages(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}


@pytest.mark.long
def test_every_link_leads_somewhere_and_nothing_is_loaded(site):
    folder, notebooks = site
    found = pages(folder)
    alone = (*notebooks, "index", "planner", "api", "methods")
    assert found.keys() == {*(f"{name}.html" for name in alone), *map(page_of, GROUPS)}
    for text in found.values():
        for link in re.findall(r'(?:href|src)="([^"#]+)(?:#[^"]*)?"', text.split("<script")[0]):
            assert "://" in link or link.startswith("data:") or (folder / link).is_file(), link
        assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//', text)
    assert "@import" not in (folder / "style.css").read_text(encoding="utf-8")


@pytest.mark.long
def test_every_output_is_on_its_page(site):
    folder, notebooks = site
    for name, one in notebooks.items():
        text = (folder / f"{name}.html").read_text(encoding="utf-8")
        outputs = [output for cell in one.cells for output in cell.get("outputs", [])]
        shown = [output.get("data", {}) for output in outputs]
        assert text.count("<figure ") == sum("image/png" in data for data in shown)
        assert text.count('class="shown"') == sum("text/html" in data for data in shown)
        plain = sum(data.keys() == {"text/plain"} for data in shown)
        assert text.count('class="printed"') == plain + sum(one.output_type == "stream" for one in outputs)


@pytest.mark.long
def test_every_figure_has_alternative_text_a_caption_and_numbers(site):
    folder, _ = site
    figures = {
        name: re.findall(r"<figure .*?</figure>", text, re.DOTALL)
        for name, text in pages(folder).items()
        if name != "planner.html"
    }
    assert sum(map(len, figures.values())) > 20
    for one in (one for shown in figures.values() for one in shown):
        assert len(re.search(r'<img[^>]* alt="([^"]*)"', one).group(1)) >= 10
        assert re.search(r"<figcaption>\s*<p><strong>Figure [\d.]+\.</strong> \w", one)
        assert (folder / re.search(r'href="(data/[^"]+\.csv)"', one).group(1)).is_file()


@pytest.mark.long
def test_a_still_of_the_planner_leads_to_it(tmp_path):
    still = code(picture(""), source="Image(planner_picture())")
    write_site({"05_plan": notebook("# Plan", still, "**What it shows.** Sliders.")}, tmp_path)
    text = (tmp_path / "05_plan.html").read_text(encoding="utf-8")
    assert 'href="planner.html">Move it yourself' in text
    assert "data/results/planner_grid.csv" in text


@pytest.mark.long
def test_the_site_is_small_and_the_same_each_time(site, tmp_path):
    folder, notebooks = site
    write_site(notebooks, tmp_path)
    written = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    assert sum(map(len, written.values())) < 15e6
    assert [name for name, content in written.items() if (tmp_path / name).read_bytes() != content] == []


@pytest.mark.long
def test_a_second_report_has_the_same_bytes(tmp_path):
    """From the notebooks on: run twice, their pictures drawn twice, in folders of two names."""
    written = []
    for name in ("one", "two"):
        (tmp_path / name / "notebooks").mkdir(parents=True)
        (tmp_path / name / "data").symlink_to(ROOT / "data")
        for path in (ROOT / "notebooks").glob("0[23]_*.ipynb"):
            shutil.copy(path, tmp_path / name / "notebooks")
        folder = make_report(tmp_path / name).parent
        written.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")})
    one, two = written
    assert one.keys() == two.keys()
    assert {Path("provenance.json"), Path("data/results/null_size.json")} <= one.keys()
    assert any(path.suffix == ".png" for path in one)
    assert [path for path in one if one[path] != two[path]] == []


@pytest.mark.long
def test_a_run_keeps_the_numbers_beside_each_picture(tmp_path):
    source = (
        "import analysis as an, pandas as pd\n"
        "an.plots.needed_curves(pd.DataFrame({'power': [80, 90], 'n': [1, 2]}), 'power', 'n');"
    )
    path = tmp_path / "01_plot.ipynb"
    nbformat.write(notebook("# Plot", code(source=source)), path)
    ran = run_notebook(path)
    assert ran.cells[1].outputs[0].data["text/csv"] == "# N against Power\npower,n\n80,1\n90,2\n"
