"""Verdicts: the decision rule, simulated trials of known truth, and controls on public tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.claims.tested import decide
from analysis.claims.trial import prepare_trial, simulate_trial
from analysis.errors import ParameterError
from analysis.roles import Roles

CLAIMS = an.load_claims()
MICE, PEOPLE = CLAIMS["diversity_falls_mice"], CLAIMS["diversity_falls_humans"]
NO_EVIDENCE = "no evidence on Botox"


def trial(claim, truth, seed=1, n=None):
    return simulate_trial(prepare_trial(claim, truth, n), seed)


@pytest.fixture
def public(shared_data, monkeypatch):
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(shared_data))
    return an.load_dataset


@pytest.mark.parametrize(
    ("estimate", "p", "p_equivalence", "outcome"),
    [
        (-0.3, 0.01, 0.5, "supported"),
        (0.3, 0.01, 0.5, "opposite"),
        (-0.1, 0.3, 0.5, "inconclusive"),
        (-0.01, 0.9, 0.001, "refuted"),
        (-0.05, 0.01, 0.01, "refuted"),  # a fall is seen, but one that matters is ruled out
        (-0.3, np.nan, np.nan, "inconclusive"),
    ],
)
def test_the_decision_rule(estimate, p, p_equivalence, outcome):
    assert decide(MICE, estimate, p, p_equivalence) == outcome


def test_direction_decides_what_supports():
    rises = CLAIMS["harmful_bacteria_rise_mice"]
    assert decide(rises, 0.3, 0.01, 0.5) == "supported"
    assert decide(rises, -0.3, 0.01, 0.5) == "opposite"
    assert decide(CLAIMS["composition_shifts_mice"], 0.3, 0.01, 0.5) == "supported"


@pytest.mark.parametrize(("truth", "outcome"), [(0.0, "refuted"), (4.0, "supported"), (-4.0, "opposite")])
def test_a_simulated_trial_is_judged_by_its_truth(truth, outcome):
    found = an.evaluate(trial(MICE, truth), MICE)
    assert found.outcome == outcome
    assert found.text.startswith("Simulated data, not measured: ")
    assert all(reason.startswith("Simulated data") for reason in found.reasons)
    assert found.exposure is None


def test_the_numbers_are_those_of_the_comparison():
    study = trial(MICE, 2.0)
    found = an.evaluate(study, MICE)
    shannon = an.alpha_diversity(study, ["shannon"])["shannon"]
    oracle = an.compare_means(shannon, study, level=MICE.exposure.product, missing="drop")
    estimate = found.estimates[0]
    assert estimate.estimate == pytest.approx(oracle.estimate, abs=1e-12)
    assert (estimate.low, estimate.high) == pytest.approx((oracle.ci_low, oracle.ci_high), abs=1e-12)
    assert estimate.p_value == pytest.approx(oracle.p_value, rel=1e-9)
    after = study.metadata["arm"].eq("vehicle") & study.metadata["time"].gt(0)
    margin = shannon[after.to_numpy()].mean() * MICE.effect.margin / 100
    assert estimate.margin == pytest.approx(margin, rel=1e-12)
    row = found.to_frame().iloc[0]
    assert (row["outcome"], row["p_value"]) == (found.outcome, estimate.p_value)


def test_mice_of_unknown_cages_are_inconclusive_at_most():
    study = trial(MICE, 4.0)
    unknown = replace(study, metadata=study.metadata.drop(columns="cage"), roles=Roles())
    roles = {role: value for role, value in vars(study.roles).items() if role != "cluster" and value}
    unknown = unknown.with_roles(**roles)
    found = an.evaluate(unknown, MICE)
    assert found.outcome == "inconclusive"
    assert any("cages are unknown" in reason for reason in found.reasons)
    assert an.evaluate(unknown, MICE, assume=["housed_alone"]).outcome == "supported"


def test_without_baseline_or_chance_nothing_is_tested():
    study = trial(PEOPLE, 4.0)
    after = study.select(samples=(study.metadata["time"] > 0).to_numpy()).with_roles(baseline=None)
    asked = replace(after, metadata=after.metadata.drop(columns="randomised"))
    found = an.evaluate(asked, PEOPLE)
    assert found.outcome == "untestable"
    assert "those who ask for a treatment differ" in found.text
    assert an.evaluate(asked, PEOPLE, assume=["randomised"]).outcome == "supported"


def test_fractions_and_other_hosts_are_untestable():
    study = trial(MICE, 4.0)
    fractions = replace(study, counts=(study.counts / study.depths.to_numpy()[:, None]).tocsr())
    found = an.evaluate(fractions, MICE)
    assert found.outcome == "untestable"
    assert "A table of reads" in found.text
    wrong = an.evaluate(study, PEOPLE)
    assert wrong.outcome == "untestable"
    assert "host" in wrong.text


def test_mixed_hosts_and_times_without_days_are_said():
    study = trial(MICE, 0.0)
    host = ["mouse"] * (len(study.sample_ids) - 5) + ["human"] * 5
    mixed = an.evaluate(replace(study, metadata=study.metadata.assign(host=host)), MICE)
    assert mixed.outcome == "untestable"
    assert "human" in mixed.text
    text = study.metadata.assign(time=study.metadata["time"].map("visit {}".format))
    visits = replace(study, metadata=text, roles=Roles()).with_roles(
        subject="subject", time="time", treatment="arm", reference="vehicle", cluster="cage"
    )
    found = an.evaluate(visits, MICE)
    assert found.outcome == "untestable"
    assert "visit" in found.text


@pytest.mark.parametrize("name", ["turnbaugh_mice", "global_patterns", "twins_genera"])
def test_no_embedded_table_is_evidence_on_botox(name):
    study = an.load_dataset(name)
    for claim in (MICE, PEOPLE, CLAIMS["permeability_rises_humans"]):
        assert an.evaluate(study, claim, permutations=99).outcome == "untestable"


def test_a_claim_about_what_is_known_is_not_tested_by_samples():
    claim = next(claim for claim in CLAIMS.values() if not claim.testable)
    found = an.evaluate(an.load_dataset("turnbaugh_mice"), claim)
    assert found.outcome == "untestable"
    assert found.estimates == ()


def test_the_diet_switch_is_found_and_nothing_is_not():
    """Positive and negative control on embedded data."""
    mice, claim = an.load_dataset("turnbaugh_mice"), CLAIMS["composition_shifts_mice"]
    kept = {"exposure": "diet", "assume": ("randomised", "housed_alone")}
    found = an.evaluate(mice, claim, **kept)
    assert found.outcome == "supported"
    assert NO_EVIDENCE in found.text
    assert all(NO_EVIDENCE in reason for reason in found.reasons)
    quiet = mice.select(samples=(mice.metadata["diet_group"] == "BK throughout").to_numpy())
    names = sorted(quiet.metadata["mouseID"].unique())
    made_up = np.where(quiet.metadata["mouseID"].isin(names[:3]), "this", "that")
    halves = replace(quiet, metadata=quiet.metadata.assign(half=made_up), roles=Roles()).with_roles(
        subject="mouseID", treatment="half", reference="that"
    )
    assert an.evaluate(halves, claim, exposure="this", assume=kept["assume"]).outcome in (
        "inconclusive",
        "untestable",
    )


def test_bad_arguments_are_named():
    study = an.load_dataset("turnbaugh_mice")
    with pytest.raises(ParameterError, match="did you mean 'randomised'"):
        an.evaluate(study, MICE, assume=["randomized"])
    with pytest.raises(ParameterError, match="study is a DataFrame"):
        an.evaluate(study.metadata, MICE)
    with pytest.raises(ParameterError, match="permutations"):
        an.evaluate(study, MICE, permutations=3)


def test_html_and_frame_are_there():
    found = an.evaluate(an.load_dataset("turnbaugh_mice"), MICE)
    assert "untestable" in found._repr_html_()
    assert isinstance(found.to_frame(), pd.DataFrame)


# Controls on public tables that are not part of the project.


def untreated_and_treated(study):
    """Cages seen before the drug as the untreated arm, all other cages on the day after it as the treated."""
    metadata = study.metadata
    before = metadata["preAbx"].astype(str) == "TRUE"
    seen = metadata["cage"].isin(metadata.loc[before, "cage"])
    given = np.where(before, "none", "antibiotics")
    plain = replace(study, metadata=metadata.assign(given=given), roles=Roles())
    chosen = plain.select(samples=(before | ~seen).to_numpy())
    return chosen.with_roles(subject="mouse_id", cluster="cage", treatment="given", reference="none")


def test_an_antibiotic_that_lowers_diversity_is_supported_as_a_control(public):
    study = untreated_and_treated(public("schubert_antibiotics"))
    found = an.evaluate(study, MICE, exposure="antibiotics", assume=["randomised"])
    assert found.outcome == "supported"
    assert found.estimates[0].unit_of_analysis == "cluster"  # cages are the units
    assert found.text.startswith("Control with antibiotics, no evidence on Botox: ")
    assert all(NO_EVIDENCE in reason for reason in found.reasons)
    assert an.evaluate(study, MICE).outcome == "untestable"  # and nothing on Botox


def test_before_and_after_without_an_untreated_arm(public):
    study = public("apgar_stool")
    days = study.metadata["day_post_inf"].astype(float)
    given = study.metadata.assign(antibiotic=np.where(days > -8, "given", "none"))
    treated = replace(study, metadata=given).with_roles(treatment="antibiotic", reference="none")
    found = an.evaluate(treated, MICE, exposure="antibiotics", assume=["randomised"])
    assert found.outcome == "untestable"
    assert "changed by -" in found.text
    assert "Without an untreated arm it cannot show what did" in found.text


def test_three_people_are_not_162(public):
    study = public("dethlefsen_cipro")
    found = an.evaluate(study, PEOPLE, exposure="ciprofloxacin")
    assert found.outcome == "untestable"
    assert "3 people" in found.text
    assert study.shape[0] == 162


def test_subtherapeutic_antibiotics_are_not_supported(public):
    found = an.evaluate(public("cho_antibiotics"), MICE, exposure="antibiotics", assume=["randomised"])
    assert found.outcome in ("inconclusive", "refuted")


def test_a_crossover_is_compared_within_subjects(public):
    study = public("tap_fibre_crossover").with_roles(
        treatment="fibre", reference="10 g", baseline=None, follow_up=[3, 5]
    )
    found = an.evaluate(study, PEOPLE, exposure="40 g")
    assert found.audit.arms.crossover
    assert found.outcome in ("inconclusive", "refuted", "opposite", "supported")
    assert any("cross-over" in reason for reason in found.reasons)
    assert found.estimates[0].n_treated == found.estimates[0].n_reference == 19


@pytest.mark.long
def test_no_public_table_is_evidence_on_botox(public):
    for name in an.list_datasets().index:
        study = public(name)
        for claim in CLAIMS.values():
            assert an.evaluate(study, claim, permutations=99).outcome == "untestable", (name, claim.id)
