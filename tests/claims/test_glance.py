"""The overview says what the audits and the plans say."""

import pandas as pd
import pytest

import analysis as an
from analysis.claims.glance import by_topic, overview, topic_matrix
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


def test_mice_and_people_of_one_topic_stand_side_by_side():
    table = by_topic(CLAIMS, MATRIX).set_index("topic")
    assert list(table.index) == list(dict.fromkeys(claim.topic for claim in CLAIMS.values()))
    row = table.loc[CLAIMS["permeability_rises_mice"].topic]
    for name in ("permeability_rises_mice", "permeability_rises_humans"):
        claim = CLAIMS[name]
        assert row[claim.subjects] == str(an.data_needed(claim).plan.total)
        assert claim.endpoint.name in row["what is missing"]
    assert row["what is missing"].count("botulinum toxin") == 1
    assert table.loc[CLAIMS["digestive_complaints_humans"].topic, "mice"] == ""


def test_a_topic_is_testable_as_soon_as_one_of_its_claims_is():
    for name, answer in (("diversity_falls_humans", "yes"), ("unheard_of", "no")):
        found = (MATRIX["claim"] == name) & (MATRIX["dataset"] == "ecam")
        changed = MATRIX.assign(essential_missing=MATRIX["essential_missing"].mask(found, 0))
        table = by_topic(CLAIMS, changed.assign(lacks=changed["lacks"].mask(found))).set_index("topic")
        assert table.loc["Diversity falls", "testable today"] == answer
        assert set(table.drop("Diversity falls")["testable today"]) == {"no", "not by samples"}


def test_the_matrix_of_topics_takes_the_nearer_of_two_claims():
    table = topic_matrix(CLAIMS, MATRIX)
    assert len(table) == table["claim"].nunique() * MATRIX["dataset"].nunique()
    both = MATRIX[MATRIX["claim"].str.startswith("diversity_falls") & (MATRIX["dataset"] == "ecam")]
    one = table[(table["claim"] == "Diversity falls") & (table["dataset"] == "ecam")]
    assert one["essential_missing"].item() == both["essential_missing"].min()
    assert both["essential_missing"].nunique() == 2


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
