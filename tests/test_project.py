"""The project's own files agree with each other."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import yaml

import analysis as an

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def split(requirement):
    """Return the normalised name and the set of bounds of 'name>=1,<2'."""
    name, bounds = re.fullmatch(r"([A-Za-z0-9_.-]+)(.*)", requirement.replace(" ", "")).groups()
    return re.sub(r"[-_.]+", "-", name).lower(), frozenset(filter(None, bounds.split(",")))


def pip_requirements():
    project = PYPROJECT["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return dict(split(requirement) for requirement in listed)


def test_environment_yml_agrees_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = dict(split(requirement) for requirement in environment["dependencies"])
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert conda.pop("python") == frozenset(PYPROJECT["project"]["requires-python"].split(","))
    conda.pop("pip")
    assert conda == pip_requirements()


def test_every_dependency_is_bounded_above():
    assert not [name for name, bounds in pip_requirements().items() if not any("<" in b for b in bounds)]


def test_the_lock_pins_every_dependency_with_hashes_and_names_no_index():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==", lock, flags=re.MULTILINE)
    assert pip_requirements().keys() <= {split(pin)[0] for pin in pins}
    blocks = [block for block in re.split(r"\n(?=\S)", lock) if "==" in block.splitlines()[0]]
    assert all("--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?://|--index-url|--extra-index|--find-links", lock)


def test_the_version_stands_in_one_place_and_the_citation_agrees():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert citation["version"] == an.__version__
    assert f"## {an.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_importing_the_library_loads_nothing_heavy():
    code = (
        "import sys, analysis; print(sorted({'pandas', 'skbio', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_public_name_exists_and_is_documented():
    packages = {"claims", "errors", "pilots", "planner", "plots", "readers"}
    names = [name for name in an.__all__ if name not in packages]
    assert len(names) <= 30
    assert not [name for name in names if not (getattr(an, name).__doc__ or "").strip()]


def test_the_table_in_the_readme_is_that_of_the_claims():
    """Every number of animals and people in the first table is computed again."""
    claims = an.load_claims()
    matrix = pd.read_csv(ROOT / "data" / "results" / "audit_matrix.csv", comment="#")
    table = an.claims.by_topic(claims, matrix)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [
        "| " + " | ".join(row[["topic", "testable today", "mice", "people"]]) + " |"
        for _, row in table[(table["mice"] != "") | (table["people"] != "")].iterrows()
    ]
    assert "\n".join(rows).replace("|  |", "| |") in readme
    tested = [claim for claim in claims.values() if claim.testable]
    assert f"{len(an.list_datasets())} public tables against the {len(tested)} claims" in readme


def test_a_newcomer_reads_the_readme_in_five_minutes():
    prose = re.sub(r"```.*?```|\]\([^)]*\)", " ", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    assert len(re.findall(r"\w+(?:[-'.]\w+)*", prose)) <= 5 * 230  # words a minute, silent reading
