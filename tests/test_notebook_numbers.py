"""Every number in the prose of the notebooks is one that their code printed, or stands in a list.

Outputs are held to a fresh run elsewhere (tests/test_notebooks.py), so that a number that is in them is one
that the code makes.
"""

import re
from pathlib import Path

import nbformat
import pytest

from analysis.report import find_notebooks

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = find_notebooks(ROOT / "notebooks")
_NUMBER = re.compile(r"(?<![\w.,/-])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?|\.\d+)(?![\w/]|[.,]\d)")
_IN_OUTPUT = re.compile(r"\d{1,3}(?:,\d{3})+|\d+\.\d+(?:e[+-]?\d+)?|\d+|\.\d+")

# Numbers that no code of the notebook makes: what they are.
GIVEN = {
    "00_start_here": {"16": "the gene 16S", "28": "day of the switch, see data/README.md"},
    "01_what_the_article_claims": {},
    "02_public_tables": {"12": "mice, data/README.md", "154": "people, data/catalogue.toml"},
    "03_diversity": {},
    "04_how_noisy_is_a_gut": {
        "2016": "year of an article",
        "924": "ways to choose 6 of 12",
        "999": "default permutations",
    },
    "05_how_many_and_how_deep": {"2013": "year of an article", "2016": "year of an article"},
    "06_what_exists_and_what_is_missing": {},
    "07_dress_rehearsal": {},
    "08_your_own_data": {},
}


def prose(cell):
    """Return a Markdown cell without code, links, addresses and table rules."""
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|doi:\S+|\[\d\d [^\]]*\]", " ", cell.source)
    return re.sub(r"^#.*$|\b16S\b|\b10\.\d{4,}\S*", " ", text, flags=re.MULTILINE)


def printed(notebook):
    """Return every number in the code and its outputs."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        texts.append(cell.source)
        for output in cell.outputs:
            texts.append(output.get("text", ""))
            data = output.get("data", {})
            texts += ["".join(data.get(kind, "")) for kind in ("text/plain", "text/html", "text/csv")]
    joined = " ".join(re.sub(r"<[^>]*>", " ", text) for text in texts)
    return {float(number.replace(",", "")) for number in _IN_OUTPUT.findall(joined)}


def is_made(number, values):
    """Say whether a number is one of the values, rounded as it is written; as a share or in percent."""
    decimals = len(number.partition(".")[2])
    wanted = float(number.replace(",", ""))
    room = 0.5 * 10**-decimals + 1e-9
    return any(abs(scale * value - wanted) <= room for value in values for scale in (1, 100))


def unmade(notebook, given):
    values = printed(notebook)
    text = " ".join(prose(cell) for cell in notebook.cells if cell.cell_type == "markdown")
    found = {number for number in _NUMBER.findall(text) if float(number.replace(",", "")) > 3}
    return sorted(number for number in found if number not in given and not is_made(number, values))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_in_the_prose_is_made_by_code_or_listed(path):
    notebook = nbformat.read(path, as_version=4)
    assert unmade(notebook, GIVEN.get(path.stem, {})) == []


def test_a_number_that_no_code_makes_is_found():
    made = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("stream", text="0.4567 and 1,234")])
    told = nbformat.v4.new_markdown_cell("About 46 %, or .46, of 1,234; not 47.")
    assert unmade(nbformat.v4.new_notebook(cells=[made, told]), {}) == ["47"]
