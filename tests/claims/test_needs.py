"""What data would settle a claim: every number is that of the power calculations."""

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.claims import searched
from analysis.claims.planned import planned, sign_of, trial_design, trial_endpoint
from analysis.claims.searched import known_sizes, search_key
from analysis.errors import ParameterError

CLAIMS = an.load_claims()
TESTABLE = {name: claim for name, claim in CLAIMS.items() if claim.testable}
CLOSED = {name: claim for name, claim in TESTABLE.items() if claim.kind in ("alpha", "panel", "marker")}


@pytest.mark.parametrize("name", CLOSED)
def test_both_tests_reach_their_power_with_the_planned_number(name):
    claim = CLOSED[name]
    plan = planned(claim)
    target = claim.trial.power
    found = an.power(plan.design, plan.endpoint, plan.effect)
    ruled_out = an.power(plan.design, plan.endpoint, 0.0, margin=plan.margin)
    assert found.power >= target
    assert ruled_out.power >= target
    smaller = plan.design.resized(plan.n_per_arm - plan.design.step)
    both = (
        an.power(smaller, plan.endpoint, plan.effect).power,
        an.power(smaller, plan.endpoint, 0.0, margin=plan.margin).power,
    )
    assert min(both) < target  # the smallest that will do


@pytest.mark.parametrize("name", [name for name, claim in TESTABLE.items() if claim.kind == "association"])
def test_an_association_reaches_its_power(name):
    claim = TESTABLE[name]
    plan = planned(claim)
    assert an.power(plan.design, plan.endpoint, plan.effect).power >= claim.trial.power
    if claim.host == "mouse":  # changes of cage mates are not independent: cages count
        assert plan.total == plan.design.total * claim.trial.cluster_size


@pytest.mark.parametrize("name", CLOSED)
def test_the_table_shows_the_numbers_of_the_plan(name):
    needs = an.data_needed(CLOSED[name])
    table = needs.to_frame()
    assert table.index.is_unique
    assert table.loc["size", "number"] == needs.plan.n_per_arm
    assert f"{needs.plan.total} {needs.claim.subjects}" in needs.text
    if needs.claim.kind != "marker":
        asked = needs.claim.depth
        assert table.loc["depth", "number"] == an.detection_depth(
            asked.proportion, asked.confidence, asked.min_reads
        )
    assert table.loc["exposure", "essential"]
    assert {f"field:{key}" for key in needs.claim.fields} <= set(table.index)


def test_compositions_have_their_searches_in_the_file():
    """The committed sizes are those of the very searches that the claims ask for, and reach their power."""
    for name in ("composition_shifts_mice", "composition_shifts_humans"):
        claim = CLAIMS[name]
        plan, target = planned(claim), claim.trial.power
        for found, effect, margin in ((plan.to_show, plan.effect, None), (plan.to_refute, 0.0, plan.margin)):
            key = search_key(trial_design(claim), trial_endpoint(claim), effect, target, margin)
            assert key in known_sizes()
            assert found.power >= target - 3 * found.power_se
            assert found.type_i <= claim.trial.alpha + 3 * found.type_i_se


@pytest.mark.long
def test_a_committed_size_is_reached_again_with_other_random_numbers():
    claim = CLAIMS["composition_shifts_humans"]
    plan = planned(claim)
    again = an.power(trial_design(claim, plan.n_to_show), plan.endpoint, plan.effect, n_sim=300, seed=11)
    assert abs(again.power - plan.to_show.power) <= 4 * np.hypot(again.power_se, plan.to_show.power_se)


def test_costs_follow_from_the_plan():
    needs = an.data_needed(CLAIMS["diversity_falls_mice"])
    trial = needs.claim.trial
    days = {*trial.baseline_days, *trial.follow_up_days, *trial.other_days}
    assert needs.costs["mice"] == needs.plan.total
    assert needs.costs["samples"] == needs.plan.total * len(days)
    assert needs.costs["days"] == max(days) - min(days) + 1


def test_a_claim_about_what_is_known_needs_a_search():
    claim = next(claim for claim in CLAIMS.values() if not claim.testable)
    needs = an.data_needed(claim)
    assert needs.plan is None
    assert needs.to_frame().index[0] == "search"
    assert needs.costs == {}
    with pytest.raises(ParameterError, match="no trial would settle it"):
        planned(claim)


def test_direction_gives_the_sign():
    falls, rises = CLAIMS["diversity_falls_mice"], CLAIMS["harmful_bacteria_rise_mice"]
    assert (sign_of(falls), sign_of(rises)) == (-1, 1)
    assert planned(falls).effect < 0 < planned(rises).effect


def test_people_share_no_cages_and_mice_do():
    assert trial_design(CLAIMS["diversity_falls_humans"]).cluster_size == 1
    mice = CLAIMS["diversity_falls_mice"]
    assert trial_design(mice).cluster_size == mice.trial.cluster_size
    assert trial_endpoint(mice).cluster_icc > 0


def test_html_and_text_are_there():
    needs = an.data_needed(CLAIMS["diversity_falls_humans"])
    assert isinstance(needs.to_frame(), pd.DataFrame)
    assert "people" in needs._repr_html_()


def test_a_size_survives_its_file(monkeypatch, tmp_path):
    """What is written after a search is what is read before the next one."""
    key, found = next(iter(known_sizes().items()))
    pd.DataFrame([searched.to_row(key, found)]).to_csv(tmp_path / "sizes.csv", index=False)
    monkeypatch.setattr(searched, "data_path", lambda _: tmp_path / "sizes.csv")
    known_sizes.cache_clear()
    try:
        assert known_sizes() == {key: found}
        monkeypatch.setattr(searched, "data_path", lambda _: tmp_path / "none.csv")
        known_sizes.cache_clear()
        assert known_sizes() == {}
    finally:
        known_sizes.cache_clear()


def test_a_composition_that_was_not_searched_before_is_searched_now(monkeypatch):
    claim = CLAIMS["composition_shifts_humans"]
    monkeypatch.setattr(searched, "N_SIM", 16)
    monkeypatch.setattr(searched, "sample_size", lambda *asked, **how: (asked, how))
    design, endpoint = trial_design(claim), trial_endpoint(claim)
    asked, how = searched.searched_size(design, endpoint, 0.2, 0.8)
    assert asked == (design, endpoint, 0.2, 0.8)
    assert how == {"n_sim": 16, "seed": searched.SEED, "n_jobs": 1, "margin": None}
