"""Every file of results has a record: of this very file, with all keys, and made from today's inputs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.catalogue import read_catalogue
from analysis.claims import reading
from analysis.claims.reading import load_claims
from analysis.paths import data_path
from analysis.provenance import (
    AFTERWARDS,
    AT_THE_RUN,
    claims_inputs,
    inputs_of,
    out_of_date,
    read_records,
    sha256_of,
    write_results,
)

ROOT = Path(__file__).resolve().parents[1]
RECORDS = read_records()
KEYS = ["file", "sha256", "recorded", "command", "versions", "inputs", "seed", "replicates", "simulated"]


@pytest.fixture(params=RECORDS)
def record(request):
    found = RECORDS[request.param]
    assert found is not None, f"{request.param} has no record beside it"
    return found


def test_a_record_is_that_of_its_file(record):
    path = data_path(f"results/{record['file']}")
    assert sha256_of(path) == record["sha256"], f"make it again: {record['command']}"
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.startswith("# ")
    assert record["command"].removeprefix("python ").split()[0] in first


def test_a_record_has_every_key(record):
    assert list(record) == KEYS
    assert record["recorded"] in (AT_THE_RUN, AFTERWARDS)
    assert (ROOT / record["command"].split()[1]).is_file()
    if record["recorded"] == AT_THE_RUN:
        assert {"python", "analysis", "numpy", "scipy", "pandas", "scikit-bio"} <= record["versions"].keys()
        assert all(one["sha256"] for one in record["inputs"])
        assert record["replicates"] is not None
        assert not record["simulated"] or record["seed"] is not None


def test_a_file_is_made_from_the_inputs_of_today(record):
    changed = out_of_date(record)
    assert not changed, f"{record['file']} must be made again, {changed} changed: {record['command']}"


def test_no_record_without_a_file():
    assert {path.stem for path in data_path("results").glob("*.json")} == {
        path.stem for path in data_path("results").glob("*.csv")
    }


def test_pilots_were_fitted_to_the_tables_of_the_catalogue():
    tables = {file.url: file.sha256 for one in read_catalogue().values() for file in one.files}
    seen = 0
    for path in data_path("pilots").glob("*.npz"):
        told = json.loads(bytes(np.load(path)["header"]))["source"]
        if told["address"] in tables:
            seen += 1
            assert told["sha256"] == tables[told["address"]], f"make it again: {told['command']}"
    assert seen >= 10


def test_what_is_written_can_be_read_and_is_the_same_each_time(tmp_path):
    table = pd.DataFrame({"name": ["a", "b"], "value": [1 / 3, 2.0]})
    how = {
        "inputs": ["twins_genera", "pilots/tap_fibre.npz", "made/up.tsv"],
        "seed": 7,
        "replicates": {"n_sim": 10},
        "simulated": True,
        "float_format": "%.3g",
    }
    for folder in ("one", "two"):
        write_results(tmp_path / folder / "made.csv", table, "python made.py", **how)
    one, two = (sorted((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert [path.name for path in one] == ["made.csv", "made.json"]
    first, rest = one[0].read_text(encoding="utf-8").split("\n", 1)
    assert first.startswith("# simulated; made by python made.py; version ")
    assert first.endswith("; n_sim=10, seed=7")
    assert rest == "name,value\na,0.333\nb,2\n"
    record = read_records(tmp_path / "one")["made.csv"]
    assert list(record) == KEYS
    assert [used["name"] for used in record["inputs"] if used["sha256"] is None] == ["made/up.tsv"]
    assert record["inputs"][-1] == inputs_of(["pilots/tap_fibre.npz"])[0]
    assert out_of_date(record) == ["made/up.tsv"]  # nothing is known of it


def test_a_changed_input_is_noticed():
    used = inputs_of(["turnbaugh_mice", "schubert_antibiotics"])
    assert {one["name"] for one in used} >= {"embedded/turnbaugh_mice.biom"}
    other = [one | {"sha256": "0" * 64} for one in used]
    assert out_of_date({"inputs": used}) == []
    assert out_of_date({"inputs": other}) == [one["name"] for one in used]


def test_of_the_claims_numbers_and_names_count_and_words_do_not(monkeypatch):
    claims = load_claims()
    used = {"inputs": inputs_of(claims_inputs(claims.values()))}
    assert [one["name"] for one in used["inputs"] if "numbers" in one] == ["claims.toml"]
    name = "diversity_falls_mice"
    other = replace(claims[name], supports="Other words.", evidence=())
    monkeypatch.setattr(reading, "load_claims", lambda: claims | {name: other})
    assert out_of_date(used) == []
    other = replace(claims[name], endpoint=replace(claims[name].endpoint, icc=0.123))
    monkeypatch.setattr(reading, "load_claims", lambda: claims | {name: other})
    assert out_of_date(used) == ["claims.toml"]
