"""The overview says what the audits and the plans say."""

import pandas as pd
import pytest

import analysis as an
from analysis.claims.glance import overview
from analysis.errors import ParameterError
from analysis.paths import data_path

CLAIMS = an.load_claims()
MATRIX = pd.read_csv(data_path("results/audit_matrix.csv"), comment="#")


def test_every_claim_has_a_line_and_its_numbers():
    table = overview(CLAIMS, MATRIX)
    assert list(table.index) == list(CLAIMS)
    for name, claim in CLAIMS.items():
        if claim.testable:
            plan = an.data_needed(claim).plan
            assert table.loc[name, "animals or people"] == f"{plan.total} {claim.subjects}"
        else:
            assert "search" in table.loc[name, "what is missing"]


def test_no_public_table_tests_a_claim_today():
    assert set(overview(CLAIMS, MATRIX)["testable today"]) == {"no"}
    assert MATRIX["lacks"].str.contains("exposure").all()


def test_the_committed_matrix_is_that_of_the_claims_and_the_catalogue():
    assert set(MATRIX["claim"]) == {name for name, claim in CLAIMS.items() if claim.testable}
    assert set(MATRIX["dataset"]) == set(an.list_datasets().index)
    assert len(MATRIX) == MATRIX["claim"].nunique() * MATRIX["dataset"].nunique()


@pytest.mark.parametrize("name", ["turnbaugh_mice", "global_patterns", "twins_genera"])
def test_the_committed_audits_of_embedded_tables_are_made_again(name):
    study = an.load_dataset(name)
    for row in MATRIX[MATRIX["dataset"] == name].to_dict("records"):
        found = an.audit(study, CLAIMS[row["claim"]])
        assert "; ".join(one.id for one in found.blocking) == row["lacks"]
        assert {status: row[status] for status in found.counts} == found.counts


@pytest.mark.long
def test_the_committed_audits_of_public_tables_are_made_again(shared_data, monkeypatch):
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(shared_data))
    for name in ("schubert_antibiotics", "tap_fibre_crossover", "sze_escobar", "ecam"):
        study = an.load_dataset(name)
        for row in MATRIX[MATRIX["dataset"] == name].to_dict("records"):
            found = an.audit(study, CLAIMS[row["claim"]])
            assert "; ".join(one.id for one in found.blocking) == row["lacks"]


def test_a_matrix_that_does_not_fit_is_refused():
    with pytest.raises(ParameterError, match="no column 'lacks'"):
        overview(CLAIMS, MATRIX.drop(columns="lacks"))
    with pytest.raises(ParameterError, match="no audit of"):
        overview(CLAIMS, MATRIX[MATRIX["claim"] != "diversity_falls_mice"])
