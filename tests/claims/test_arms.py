"""Who was treated and who was not: arms, cross-overs, everybody, and what stands in for the toxin."""

import numpy as np
import pandas as pd
import pytest
from made_up_trials import MICE, PEOPLE, make_study, with_columns

from analysis.claims.arms import find_arms
from analysis.claims.auditing import audit
from analysis.errors import ParameterError
from analysis.study import Study


def test_botox_against_saline_in_the_treatment_column():
    arms = find_arms(make_study(), MICE)
    assert (arms.treated, arms.reference) == ("Botox", "saline")
    assert arms.n_subjects == {"Botox": 4, "saline": 4}
    assert (arms.crossover, arms.one_armed, arms.why_none) == (False, False, "")
    assert arms.study.roles.treatment == "arm"
    assert arms.study.roles.cluster == "cage"


def test_a_treatment_that_is_something_else_is_no_exposure():
    study = make_study(arms=("vancomycin", "none"))
    found = audit(study, MICE)
    assert [row.id for row in found.blocking] == ["exposure", "reference"]
    assert "'arm' is something else" in found.row("reference").gap
    assert found.arms.study is study


def test_the_exposure_is_found_where_the_treatment_is_something_else():
    study = make_study(arms=("high fat", "chow"))
    units = study.metadata["mouse"].isin(["m00", "m01", "m10", "m11"]) * 2.0
    arms = find_arms(with_columns(study, bont_units=units), MICE)
    assert (arms.treated, arms.reference) == ("botulinum toxin", "untreated")
    assert arms.study.roles.treatment == "arm_2"
    assert arms.study.roles.reference == "untreated"
    assert arms.n_subjects == {"botulinum toxin": 4, "untreated": 4}
    assert "'bont_units'" in arms.source
    assert arms.study.roles.cluster == "cage"


def test_baseline_samples_of_the_treated_belong_to_their_arm():
    study = make_study(treatment=None)
    given = (study.metadata["arm"] == "Botox") & (study.metadata["day"] > 0)
    study = with_columns(study, bont_units=given * 2.0, arm=1)
    arms = find_arms(study, MICE)
    assert arms.n_subjects == {"botulinum toxin": 4, "untreated": 4}
    assert not arms.crossover
    before = arms.study.metadata.query("day < 0 and mouse == 'm00'")["arm_2"]
    assert before.tolist() == ["botulinum toxin"]


def test_where_everybody_is_treated_in_the_end_there_is_no_untreated_arm():
    study = make_study(treatment=None)
    study = with_columns(study, bont_units=(study.metadata["day"] > 0) * 2.0)
    study = study.select(samples=(study.metadata["arm"] == "Botox").to_numpy())
    study = with_columns(study, arm="all")
    found = audit(study, MICE)
    assert found.arms.one_armed
    assert found.row("exposure").status == "met"
    assert found.row("reference").status == "missing"
    assert "before and after" in found.row("reference").gap


def crossed(orders, days=(14, 28)):
    """Return people given one thing after the other, in the orders asked for."""
    rows = [
        {"person": f"p{n}", "day": day, "drug": drug}
        for n, order in enumerate(orders)
        for day, drug in zip(days, order, strict=True)
    ]
    metadata = pd.DataFrame(rows, index=[f"s{n}" for n in range(len(rows))])
    table = pd.DataFrame(7, index=metadata.index, columns=["f0", "f1"])
    return Study.from_frame(table, metadata).with_roles(
        subject="person", time="day", treatment="drug", reference="placebo"
    )


def test_a_cross_over_has_both_orders():
    both = [("Botox", "placebo"), ("placebo", "Botox")] * 3
    arms = find_arms(crossed(both), PEOPLE)
    assert arms.crossover
    assert arms.n_subjects == {"Botox": 6, "placebo": 6}
    assert "cross-over" in audit(crossed(both), PEOPLE).row("reference").found


@pytest.mark.parametrize("order", [("placebo", "Botox"), ("Botox", "placebo")])
def test_one_order_for_all_is_no_cross_over(order):
    arms = find_arms(crossed([order] * 6), PEOPLE)
    assert (arms.crossover, arms.one_armed) == (False, True)


def test_a_treatment_that_starts_at_different_times_is_no_cross_over():
    steps = [("placebo", "Botox", "Botox"), ("placebo", "placebo", "Botox")] * 3
    arms = find_arms(crossed(steps, days=(0, 14, 28)), PEOPLE)
    assert (arms.crossover, arms.one_armed) == (False, True)


def test_on_off_on_for_all_is_no_cross_over():
    arms = find_arms(crossed([("placebo", "Botox", "placebo", "Botox")] * 3, days=(0, 14, 28, 42)), PEOPLE)
    assert (arms.crossover, arms.one_armed) == (False, True)


def test_without_times_the_order_is_not_guessed():
    study = crossed([("Botox", "placebo"), ("placebo", "Botox")] * 3).with_roles(time=None)
    arms = find_arms(study, PEOPLE)
    assert "no time tells in which order" in arms.why_none
    assert not arms.crossover


def test_who_is_blank_at_the_end_is_in_no_arm():
    study = make_study(treatment=None)
    units = (study.metadata["arm"] == "Botox") * (study.metadata["day"] > 0) * 2.0
    units[(study.metadata["mouse"] == "m10") & (study.metadata["day"] > 0)] = np.nan
    arms = find_arms(with_columns(study, bont_units=units, arm=1), MICE)
    assert arms.n_subjects == {"botulinum toxin": 4, "untreated": 3}


def test_who_left_before_the_treatment_began_is_not_untreated():
    study = make_study(treatment=None)
    study = with_columns(study, bont_units=(study.metadata["day"] > 0) * 2.0, arm=1)
    early = (study.metadata["mouse"] == "m10") & (study.metadata["day"] > 0)
    arms = find_arms(study.select(samples=~early.to_numpy()), MICE)
    assert arms.one_armed
    assert "all 7 mice were treated, 1 others were sampled only before that" in arms.why_none


def test_days_since_an_injection_may_be_of_placebo():
    study = make_study(treatment=None)
    units = (study.metadata["arm"] == "Botox") * 2.0
    study = with_columns(study, bont_units=units, bont_days_since=study.metadata["day"], arm=1)
    assert find_arms(study, MICE).n_subjects == {"botulinum toxin": 4, "untreated": 4}


def test_a_third_arm_is_left_out():
    study = make_study(arms=("Botox", "filler", "saline"))
    arms = find_arms(study, MICE)
    assert arms.n_subjects == {"Botox": 4, "saline": 4}
    assert arms.study.metadata["arm_2"].isna().sum() == 16


def test_a_yes_anywhere_beats_a_no():
    study = make_study(treatment=None, arms=("a", "b"))
    asked = pd.Series(np.where(study.metadata["arm"] == "a", "Fillers", "None"), study.sample_ids)
    told = pd.Series(np.where(study.metadata["mouse"] == "m00", "sumatriptan, Botox", None), study.sample_ids)
    study = with_columns(study, FACIAL_PROCEDURES_LAST_SIX_MONTHS=asked, MIGRAINE_MEDICATIONS=told)
    arms = find_arms(study, PEOPLE)
    assert arms.n_subjects == {"botulinum toxin": 1, "untreated": 7}
    assert "4 samples, yes was taken" in arms.source


def test_only_mentions_leave_nobody_untreated():
    study = make_study(treatment=None, arms=("a", "b"))
    told = np.where(study.metadata["mouse"] == "m00", "Botox", "aspirin")
    found = audit(with_columns(study, GENERAL_MEDS=told), PEOPLE)
    assert found.row("exposure").status == "partly"
    assert found.row("reference").status == "missing"
    assert not found.arms.one_armed


def free_text(treated, untreated):
    study = make_study(treatment=None, arms=("a", "b"))
    return with_columns(study, MIGRAINE_MEDICATIONS=study.metadata["arm"].map({"a": treated, "b": untreated}))


def test_arms_from_free_text_alone_say_so():
    study = free_text("Botox 2011", "never Botox, sumatriptan")
    arms = find_arms(study, PEOPLE)
    assert (arms.why_none, arms.from_free_text) == ("", True)
    row = audit(study, PEOPLE).row("reference")
    assert (row.status, "free text alone" in row.gap) == ("partly", True)
    asked = with_columns(study, had_botox=study.metadata["arm"].map({"a": "yes", "b": "no"}))
    assert not find_arms(asked, PEOPLE).from_free_text
    half = with_columns(study, had_botox=study.metadata["arm"].map({"a": "yes", "b": None}))
    assert find_arms(half, PEOPLE).from_free_text
    assert not find_arms(make_study(), MICE).from_free_text


@pytest.mark.parametrize(
    "text", ["I avoid Botox", "Botox contraindicated", "offered Botox", "Botox declined"]
)
def test_text_that_only_speaks_of_it_treats_nobody(text):
    arms = find_arms(free_text(text, "never Botox"), PEOPLE)
    assert arms.why_none


@pytest.mark.parametrize("answers", [("no", "yes"), (0, 1)])
@pytest.mark.parametrize("name", ["botox_free", "no_botox"])
def test_a_negated_column_does_not_swap_the_arms(name, answers):
    study = make_study(treatment=None)
    told = study.metadata["arm"].map(dict(zip(("Botox", "saline"), answers, strict=True)))
    arms = find_arms(with_columns(study, **{name: told}, arm=1), MICE)
    assert arms.why_none
    assert arms.treated == ""


@pytest.mark.parametrize("seed", [None, 0, 1])
@pytest.mark.parametrize("exposure", [None, "vancomycin"])
def test_ids_that_both_arms_use_are_no_cross_over(seed, exposure):
    study = make_study(arms=(exposure or "Botox", "saline"))
    study = with_columns(study, mouse=study.metadata["mouse"].str[-1])
    if seed is not None:
        study = study.select(samples=np.random.default_rng(seed).permutation(study.sample_ids))
    arms = find_arms(study, MICE, exposure)
    assert arms.why_none.startswith("ids are not unique across arms: 4 of 4 mice ('0', '1', '2' and 1 more)")
    assert (arms.treated, arms.crossover, arms.one_armed) == ("", False, False)
    assert audit(study, MICE, exposure=exposure).row("reference").status == "missing"


def test_one_id_that_both_arms_use_is_enough():
    study = make_study()
    study = with_columns(study, mouse=study.metadata["mouse"].replace("m10", "m00"))
    assert "1 of 7 mice ('m00')" in find_arms(study, MICE).why_none


def test_cages_of_both_arms_are_flagged():
    study = make_study()
    assert not find_arms(study, MICE).shared_cages
    assert not find_arms(make_study(cluster=None), MICE).shared_cages
    mixed = with_columns(study, cage=study.metadata["cage"].replace("c00", "c10"))
    assert find_arms(mixed, MICE).shared_cages
    row = audit(mixed, MICE).row("cage")
    assert (row.status, "1 cages hold both arms" in row.gap) == ("partly", True)
    blank = with_columns(study, cage=study.metadata["cage"].replace(["c00", "c10"], "unknown"))
    assert not find_arms(blank, MICE).shared_cages


def test_cages_of_a_cross_over_are_shared_where_both_are_given_at_one_time():
    study = crossed([("Botox", "placebo"), ("placebo", "Botox")] * 3)
    own = with_columns(study, cage=study.metadata["person"]).with_roles(cluster="cage")
    assert find_arms(own, MICE).crossover
    assert not find_arms(own, MICE).shared_cages
    one = with_columns(study, cage="one").with_roles(cluster="cage")
    assert find_arms(one, MICE).shared_cages
    assert "at one time" in audit(one, MICE).row("cage").gap


def test_fields_that_could_mention_it_are_named():
    study = with_columns(make_study(arms=("a", "b")), COSMETICS_FREQUENCY="Daily", MIGRAINE="Diagnosed")
    row = audit(study, PEOPLE).row("exposure")
    assert row.status == "missing"
    assert "COSMETICS_FREQUENCY, MIGRAINE" in row.found


def test_asked_and_nobody_had_it():
    row = audit(with_columns(make_study(arms=("a", "b")), had_botox="no"), PEOPLE).row("exposure")
    assert (row.status, row.gap) == ("missing", "nobody is known to have had it")


def test_btx_has_to_be_written_out():
    found = audit(make_study(arms=("BTX", "saline")), MICE)
    assert found.row("exposure").status == "missing"
    assert "write out which" in found.row("reference").gap


# ---- what stands in


def test_one_level_by_name_or_all_of_them():
    study = make_study(arms=("vanc", "cef ", "none"))
    one = find_arms(study, MICE, "CEF")
    assert one.n_subjects == {"cef ": 4, "none": 4}
    every = find_arms(study, MICE, "antibiotics")
    assert every.n_subjects == {"antibiotics": 8, "none": 4}
    assert "'cef ', 'vanc' against 'none'" in every.source


def test_what_stands_in_says_that_it_is_no_evidence():
    row = audit(make_study(arms=("vanc", "none")), MICE, exposure="vanc").row("exposure")
    assert row.status == "met"
    assert "stands in for botulinum toxin: vanc" in row.found
    assert "no evidence on Botox" in row.found


def test_a_stand_in_needs_a_reference():
    study = make_study(arms=("vanc", "none"), reference=None)
    assert "set reference=" in find_arms(study, MICE, "vanc").why_none


def test_without_a_treatment_column_everybody_had_it():
    found = audit(
        make_study(treatment=None, reference=None, baseline=(-7, 0), follow_up=(14,)),
        MICE,
        exposure="antibiotics",
    )
    assert found.arms.one_armed
    assert [row.id for row in found.blocking] == ["reference"]
    assert found.row("exposure").status == "partly"


@pytest.mark.parametrize(
    ("exposure", "message"), [("None", "is the reference level"), ("Botox", "leave exposure= out")]
)
def test_stand_ins_that_are_none(exposure, message):
    with pytest.raises(ParameterError, match=message):
        find_arms(make_study(arms=("vanc", "none")), MICE, exposure)


def test_botox_in_the_column_cannot_be_called_something_else():
    with pytest.raises(ParameterError, match="holds botulinum toxin"):
        find_arms(make_study(), MICE, "antibiotics")
