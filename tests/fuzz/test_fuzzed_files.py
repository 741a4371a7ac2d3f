"""Thousands of damaged files of every format end in a sound result or in an error of this package.

A failure names format, seed and number of a file; ``fuzzing.damaged(...)`` makes it again. What was found
so far stands as small tests in `test_hostile_files` and `test_hostile_hdf5`.
"""

import os
import sys

import pytest
from fuzzing import damaged
from sound_files import FORMATS, TABLE, Format, original, packed
from watched import in_a_child, outcome_of, read_damaged

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="limits and peaks of memory are read as Linux tells them"
)
SEED = int(os.environ.get("FUZZ_SEED", "1"))
A_FEW, MANY = 100, 5_000
WORKERS = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def hold(name, numbers, folder):
    findings, outcomes = read_damaged(name, SEED, numbers, folder, WORKERS)
    assert not findings, "\n" + "\n".join(map(str, findings[:20]))
    assert outcomes.total() == len(numbers)
    assert outcomes["refused"] > len(numbers) / 10


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "MRexperiment"])
def test_the_files_are_sound_before_they_are_damaged(name, tmp_path):
    content, beside = original(name), tmp_path / "sound.tsv"
    beside.write_text(TABLE)
    path = tmp_path / "sound"
    path.write_bytes(packed(content) if FORMATS[name].nature == "gzip" else content)
    assert FORMATS[name].read(path, beside) is not None


@pytest.mark.parametrize("name", FORMATS)
def test_a_seed_and_a_number_always_make_the_same_file(name):
    assert damaged(name, 7, 3) == damaged(name, 7, 3)
    assert len({damaged(name, 7, number) for number in range(10)}) > 5


@linux
@pytest.mark.parametrize("name", FORMATS)
def test_a_few_damaged_files(name, tmp_path):
    hold(name, range(A_FEW), tmp_path)


@linux
@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_many_damaged_files(name, tmp_path):
    hold(name, range(MANY), tmp_path)


@linux
@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda path, beside: [b"x" * 2**26 for _ in range(9)], "MB"),
        (lambda path, beside: b"x" * 2**33, "MemoryError"),
        (lambda path, beside: all(True for _ in iter(int, 1)), "more than 2 s"),
        (lambda path, beside: {}["x"], "KeyError"),
        (lambda path, beside: os.abort(), "died"),
    ],
    ids=["memory", "too much at once", "time", "error", "crash"],
)
def test_what_a_reader_must_not_do_is_found(read, said, monkeypatch, tmp_path):
    monkeypatch.setitem(FORMATS, "bad", Format("text", bytes, read))
    assert said in in_a_child(lambda: outcome_of("bad", tmp_path, tmp_path))
