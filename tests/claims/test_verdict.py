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
    assert any("cages are unknown" in reason.lower() for reason in found.reasons)
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


def crossover(rng, n_people=8, per_period=3, drift=0.6):
    """Each person under both conditions, in either order; periods drift, the treatment does nothing."""
    rows, tables = [], []
    for person in range(n_people):
        own = rng.normal(0, 0.5, 40)
        for period in (1, 2):
            given = (person + period) % 2 == 0
            shift = rng.normal(0, drift, 40)
            for day in range(per_period):
                shares = np.exp(np.linspace(1, -1, 40) + own + shift + rng.normal(0, 0.2, 40))
                tables.append(rng.multinomial(6000 + int(rng.integers(900)), shares / shares.sum()))
                rows.append((f"p{person}", 10 * period + day, "drug" if given else "none", "human"))
    ids = [f"s{number}" for number in range(len(rows))]
    metadata = pd.DataFrame(rows, columns=["person", "day", "drug", "host"], index=ids)
    study = an.Study(np.array(tables), ids, [f"f{k}" for k in range(40)], metadata)
    return study.with_roles(subject="person", time="day", treatment="drug", reference="none")


def test_a_crossover_with_repeats_exchanges_periods_and_not_stools():
    claim, rng = CLAIMS["composition_shifts_humans"], np.random.default_rng(4)
    found = []
    for _ in range(12):
        study = crossover(rng)
        study = study.with_roles(follow_up=sorted(study.metadata["day"].unique().tolist()))
        found.append(an.evaluate(study, claim, exposure="drug", permutations=199).outcome)
    assert found.count("supported") <= 3  # shuffled stool by stool, nearly all would be
    assert found.count("untestable") == 0


def test_a_composition_needs_chance_since_it_uses_no_baseline():
    claim = CLAIMS["composition_shifts_humans"]
    study = trial(claim, 3.0, n=20)
    unknown = replace(study, metadata=study.metadata.drop(columns="randomised"))
    assert an.evaluate(unknown, claim, permutations=199).outcome == "untestable"
    assert an.evaluate(unknown, claim, permutations=199, assume=["randomised"]).outcome == "supported"


def test_own_choice_is_said_and_leaves_the_verdict_open():
    study = trial(PEOPLE, 4.0)
    chosen = replace(study, metadata=study.metadata.assign(randomised="no"))
    found = an.evaluate(chosen, PEOPLE)
    assert found.outcome == "inconclusive"
    assert any("chance did not decide" in reason.lower() for reason in found.reasons)


@pytest.mark.parametrize(("before", "after"), [([-28, -14, 0], [200, 214]), ([8, 10, 14], [28, 56])])
def test_wrong_days_refute_nothing(before, after):
    study = trial(PEOPLE, 0.0)
    old = sorted(study.metadata["time"].unique())
    new = dict(zip(old, [*before, *after], strict=True))
    moved = replace(
        study, metadata=study.metadata.assign(time=study.metadata["time"].map(new)), roles=Roles()
    )
    roles = {"subject": "subject", "time": "time", "treatment": "arm", "reference": "vehicle"}
    found = an.evaluate(moved.with_roles(**roles, baseline=before, follow_up=after), PEOPLE)
    assert found.outcome == "inconclusive"
    assert any("days" in reason and "works" in reason for reason in found.reasons)


def test_a_baseline_after_the_follow_up_is_refused():
    study = trial(PEOPLE, 0.0).with_roles(baseline=[56], follow_up=[-28])
    found = an.evaluate(study, PEOPLE)
    assert found.outcome == "untestable"
    assert "not before the follow-up" in found.text


def test_cages_with_both_arms_refute_nothing_and_movers_are_refused():
    study = trial(MICE, 0.0)
    number = study.metadata["subject"].str.extract(r"(\d+)")[0].astype(int)
    half = number.max() // 2
    shared = "cage_" + ((number - 1) % half).astype(str)
    mixed = replace(study, metadata=study.metadata.assign(cage=shared))
    found = an.evaluate(mixed, MICE)
    assert found.outcome == "inconclusive"
    assert any("cages hold both arms" in reason.lower() for reason in found.reasons)
    claim = CLAIMS["composition_shifts_mice"]
    walk = study.metadata["cage"] + np.where(study.metadata["time"] > 20, "b", "")
    moved = an.evaluate(replace(study, metadata=study.metadata.assign(cage=walk)), claim, permutations=199)
    assert moved.outcome == "untestable"
    assert "more than one 'cage'" in moved.text


def test_two_cages_against_many_stay_open():
    study = trial(MICE, 6.0)
    cages = study.metadata["cage"]
    treated = study.metadata["arm"] != "vehicle"
    keep = ~treated | cages.isin(cages[treated].unique()[:2])
    found = an.evaluate(study.select(samples=keep.to_numpy()), MICE)
    assert found.outcome == "inconclusive"
    assert any("2 cages against many" in reason for reason in found.reasons)


def test_animals_are_counted_as_animals_where_cages_are_the_units():
    claim = CLAIMS["permeability_goes_with_diversity_mice"]
    found = an.evaluate(trial(claim, 1.0), claim)
    analysed = an.data_needed(claim).plan
    assert found.estimates[0].n_treated > 0.8 * analysed.n_per_arm
    assert not any("the protocol asks for" in reason for reason in found.reasons)


def test_every_line_of_a_control_is_marked():
    mice = an.load_dataset("turnbaugh_mice")
    found = an.evaluate(mice, MICE, exposure="a diet", assume=["randomised", "housed_alone"])
    assert found._repr_html_().count(NO_EVIDENCE) == 2 + len(found.reasons)


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
