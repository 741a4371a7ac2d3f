"""Fixtures that several test modules use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Fixtures hold no doctests, and two files of one name cannot be collected as modules.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of public tables, or skip: they are never part of the project."""
    folder = Path(os.environ.get("ANALYSIS_DATA_DIR") or ROOT.parent / "shared" / "data")
    if not (folder / "registry.tsv").is_file():
        pytest.skip(f"the public tables are not on this machine ({folder.name}/registry.tsv not found)")
    return folder


@pytest.fixture
def ax():
    """Give axes to draw on, and close their figure."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)
