"""Protocols: complete, consistent with the needs, and never overwritten."""

import re

import pandas as pd
import pytest

import analysis as an
from analysis.claims.protocol import protocol_text
from analysis.errors import ParameterError

CLAIMS = an.load_claims()
QUICK = [name for name, claim in CLAIMS.items() if claim.testable and claim.kind != "community"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("protocol")
    return an.write_protocol(CLAIMS["diversity_falls_mice"], folder)


@pytest.mark.parametrize("name", QUICK)
def test_every_protocol_has_its_numbers_and_no_gaps(name):
    claim = CLAIMS[name]
    needs = an.data_needed(claim)
    text = protocol_text(claim, needs)
    assert f"{needs.plan.n_per_arm} {claim.subjects} in each" in text
    assert needs.text in text
    assert "None" not in text
    assert "nan" not in text.split()
    for heading in ("Design", "Sample size", "Measurement", "Analysis", "Stopping", "What counts"):
        assert f"\n## {heading}\n" in text
    for finding in claim.evidence:
        assert finding.finding in text
    assert "\n\n\n" not in text
    assert not re.search(r"\\$", text, flags=re.MULTILINE)


def test_the_sample_sheet_has_a_row_a_sample(written):
    claim = CLAIMS["diversity_falls_mice"]
    needs = an.data_needed(claim)
    sheet = pd.read_csv(written.sample_sheet, sep="\t")
    days = {*claim.trial.baseline_days, *claim.trial.follow_up_days, *claim.trial.other_days}
    assert len(sheet) == needs.plan.total * len(days)
    assert sheet["sample_id"].is_unique
    assert set(sheet["day"]) == days
    assert sheet["cage"].nunique() == needs.plan.cages
    assert sheet["arm"].isna().all()  # the blind is not lifted by the sheet


def test_the_dictionary_explains_every_column(written):
    columns = pd.read_csv(written.sample_sheet, sep="\t", nrows=0).columns
    dictionary = pd.read_csv(written.dictionary, sep="\t", keep_default_na=False)
    assert dictionary["column"].tolist() == columns.tolist()
    assert dictionary["column"].is_unique
    assert (dictionary[["meaning", "format"]] != "").all().all()


def test_animals_have_arrive_and_people_storms(written, tmp_path):
    assert set(pd.read_csv(written.checklist, sep="\t")["guideline"]) == {"ARRIVE 2.0 Essential 10"}
    people = an.write_protocol(CLAIMS["diversity_falls_humans"], tmp_path / "people")
    table = pd.read_csv(people.checklist, sep="\t")
    assert set(table["guideline"]) == {"STORMS"}
    assert len(table) == 17
    assert "cage" not in pd.read_csv(people.sample_sheet, sep="\t", nrows=0).columns


def test_a_protocol_is_not_overwritten(written):
    with pytest.raises(ParameterError, match=r"there is already protocol\.md"):
        an.write_protocol(CLAIMS["diversity_falls_mice"], written.protocol.parent)


def test_what_is_known_has_no_protocol(tmp_path):
    claim = next(claim for claim in CLAIMS.values() if not claim.testable)
    with pytest.raises(ParameterError, match="no trial would settle it"):
        an.write_protocol(claim, tmp_path)
