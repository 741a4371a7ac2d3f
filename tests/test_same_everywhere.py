"""The same numbers for one and two processes, one and two BLAS threads, and for every Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TESTS = Path(__file__).resolve().parent
REFERENCE = json.loads((TESTS / "reference" / "fingerprint.json").read_text(encoding="utf-8"))
# scikit-bio's search for the bias of ANCOM-BC stops at 1e-8 (its OPTARG, which nobody can set): with another
# build of NumPy it stops elsewhere. Measured between Pythons: 1e-10 of a log fold change.
STOPS_EARLY = {"abundance, ancombc2": 1e-7}


def fingerprint(jobs, threads):
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    done = subprocess.run(
        [sys.executable, TESTS / "fingerprint.py", "--jobs", str(jobs)],
        env=os.environ | limits,
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def plain():
    return fingerprint(jobs=1, threads=1)


@pytest.mark.long
@pytest.mark.parametrize(("jobs", "threads"), [(2, 1), (1, 2), (2, 2)])
def test_processes_and_threads_change_no_bit(plain, jobs, threads):
    other = fingerprint(jobs, threads)
    assert [name for name in plain if plain[name] != other[name]] == []


@pytest.mark.long
def test_a_fingerprint_is_that_of_every_python(plain):
    """The reference was made with Python 3.11; other Pythons have other builds of NumPy and SciPy."""
    assert plain.keys() == REFERENCE.keys()
    apart = {}
    for name, numbers in plain.items():
        one, other = np.array(numbers), np.array(REFERENCE[name])
        assert one.shape == other.shape, name
        largest = np.maximum(np.abs(one), np.abs(other))
        relative = np.abs(one - other) / np.where(largest > 0, largest, 1)
        if relative.max() > STOPS_EARLY.get(name, 1e-9):
            apart[name] = relative.max()
    assert apart == {}
