"""Who was given botulinum toxin, found by what columns mean: every way of saying it, and every trap."""

import time

import numpy as np
import pandas as pd
import pytest

from analysis.claims.answers import BOTULINUM, is_missing, read_answer
from analysis.claims.exposure import find_exposure
from analysis.errors import ParameterError

GIVEN = [
    "Botox", "BOTOX®", "Botox 20 U", "Botox, Fillers", '["Botox","Fillers"]', "Botox and fillers",
    "onabotulinumtoxinA", "OnabotulinumtoxinA [CHEBI:1];2026-01-01", "abobotulinumtoxinA/Dysport",
    "incobotulinumtoxinA", "letibotulinumtoxinA", "rimabotulinumtoxinB", "prabotulinumtoxinA-xvfs",
    "daxibotulinumtoxinA-lanm", "BoNT", "BoNT/A", "BoNT-A 2U", "BoNT+", "BTX-A", "BTXA", "BTX type A",
    "Dysport 50 units", "Xeomin", "Jeuveau", "Myobloc", "NeuroBloc", "Daxxify", "M03AX01",
    "Botulinum neurotoxin A", "botulinum toxin type A", "Botulinum A 4U", "Botulinumtoxin",
    "Clostridium botulinum toxin type A", "no fillers, Botox", "Botox - no side effects",
    "No response to Botox", "no adverse events with Botox", "no longer on Botox", "prior Botox",
    "post-Botox", "last Botox 3 months ago", "5 U/kg BoNT in saline", "sertraline; botox injections",
    "Control diet + Botox", "Botox=1", "Botox: yes", "20 U Botox", "10 units of Botox", "Botox 5e-05 U",
    "Botox not effective", "Botox did not help", "Botox not tolerated", "tried Botox, no effect",
    "Botox in the past but not any more", "Botox discontinued", "Botox in May 2024",
]  # fmt: skip
NOT_GIVEN = [
    "no botox", "Botox: No", "Botox = 0", "Botox 0 U", "0 U Botox", "0 units of Botox", "BoNT/A 0 U/kg",
    "Botox (no)", "botox false", "Botox, none", "Botox: never", "never had Botox",
    "not treated with botulinum toxin", "without BoNT", "denies any history of Botox",
    "no prior botox injections", "no fillers or Botox", "Botox-naive", "Botox naïve patient", "non-Botox",
    "BoNT-", "BoNT vehicle", "sham BoNT", "vehicle (BoNT control)", "placebo for Botox",
    "inactivated BoNT/A", "before Botox", "pre-Botox",
    "I have not had any of these procedures (Botox, fillers)", "Botox - denies", "Botox declined",
    "Botox refused", "Botox not given", "Botox was never used", "never Botox, sumatriptan",
    "heat-killed BoNT/A", "BoNT/A (heat-inactivated)", "boiled BoNT/A", "0.0 U Botox", "Botoxfree",
    "Not Botox but fillers",
]  # fmt: skip
NOT_CLEAR = [
    "", "unknown", "Not provided", "Missing: not collected", "Botox?", "Botox: unknown",
    "considering Botox", "Botox planned for May", "Botox vs placebo", "Botox/placebo", "placebo or Botox",
    "allergic to Botox", "mother had botox", "botulinum toxin by oral gavage", "I avoid Botox", "anti-Botox",
    "Botox contraindicated", "Botox contra-indicated", "offered Botox", "recommended Botox",
    "was told Botox might help", "BoNT antagonist", "BoNT/A inhibitor", "Argireline (botox-like peptide)",
    "Botox shampoo", "hair botox", "Botox alternative", "hate botox", "expected Botox", "Botox (friend)",
    "Botox not approved", "Botox not covered", "Botox declined by patient", "No; Botox",
]  # fmt: skip
NOT_THE_INJECTION = [
    "botulism", "infant botulism, confirmed", "Clostridium botulinum", "C. botulinum infection", "saline",
    "botulinum", "k__Bacteria;g__Clostridium;s__botulinum", "botulinum antitoxin",
    "anti-botulinum antibody", "bont/A gene", "botulinum toxin gene", "BoNT positive stool", "BTX",
    "BTX (benzene, toluene, xylene)", "Boston", "Bontrager", "Bottle", "Clostridium botulinum group I",
]  # fmt: skip


@pytest.mark.parametrize("text", GIVEN)
def test_an_answer_that_names_the_toxin_says_it_was_given(text):
    assert read_answer(text, BOTULINUM, asked=False) is True


@pytest.mark.parametrize("text", NOT_GIVEN)
def test_an_answer_that_denies_it_says_it_was_not(text):
    assert read_answer(text, BOTULINUM, asked=False) is False


@pytest.mark.parametrize("text", NOT_CLEAR + NOT_THE_INJECTION)
def test_anything_else_says_nothing(text):
    assert read_answer(text, BOTULINUM, asked=False) is None


YES = (
    1, 20,
    "20 U", "1.5 U/kg", "yes", "Y", True, "2026-03-01", "3/1/2026", "monthly", "Every 3 months", "Botox",
    "Rarely (a few times/year)", "Within the past 6 months",
)  # fmt: skip
NO = (
    0, "0", "0.0", "0 U", "no", False, "none", "Never", "saline", "normal saline", "No, never", " placebo ",
    "not in the past 6 months", "vehicle control",
)  # fmt: skip
OPEN = (-1, -9, "unknown", "", "?", "gastrocnemius", "not applicable", "BTX", "<5")


@pytest.mark.parametrize(
    ("text", "expected"), [*((t, True) for t in YES), *((t, False) for t in NO), *((t, None) for t in OPEN)]
)
def test_answers_to_a_question_that_asks_for_it(text, expected):
    assert read_answer(text, BOTULINUM, asked=True) is expected


def only(**columns):
    """Return what is found in a table of a few columns."""
    length = len(next(iter(columns.values())))
    return find_exposure(pd.DataFrame(columns, index=[f"s{n}" for n in range(length)]))


def numbers(found):
    return [(one.column, one.asks, one.n_exposed, one.n_unexposed, one.n_unknown) for one in found]


@pytest.mark.parametrize(
    "name",
    [
        "bont_units",
        "botox_units",
        "BoNTUnits",
        "Botox.Dose",
        "BTX-A units",
        "onabotulinumtoxinA_U",
        "dysport_u_kg",
    ],
)
def test_a_dose_under_any_of_its_names(name):
    assert numbers(only(**{name: [2.5, 0, np.nan]})) == [(name, "named", 1, 1, 1)]


def test_yes_and_no_under_a_telling_name():
    found = only(
        had_botox=["Yes", "No", "Not provided", None],
        FACIAL_PROCEDURES_BOTOX=[True, False, False, True],
    )
    assert numbers(found) == [("had_botox", "named", 1, 1, 2), ("FACIAL_PROCEDURES_BOTOX", "named", 2, 2, 0)]
    assert list(found[0].exposed.isna()) == [False, False, True, True]


def test_codes_of_1_and_2_are_not_guessed():
    (found,) = only(botox=[1, 2, 2, 1])
    assert (found.n_unknown, "codes" in found.why) == (4, True)
    assert only(botox_sessions=[1, 2, 2, 0])[0].n_exposed == 3
    assert only(botox_sessions=[1, 2, 2, 1])[0].n_exposed == 4


def test_days_since_an_injection():
    assert numbers(only(bont_days_since=[0, 30, np.nan, -7])) == [("bont_days_since", "named", 2, 0, 2)]


def test_serotypes():
    assert numbers(only(bont_serotype=["A", "type B", "none", None])) == [("bont_serotype", "named", 2, 1, 1)]


def test_the_question_of_microsetta_with_several_answers():
    answers = ["Botox, Fillers", "Fillers", "None", "Unspecified", None, '["Botox"]']
    (found,) = only(FACIAL_PROCEDURES_LAST_SIX_MONTHS=answers)
    assert numbers([found]) == [("FACIAL_PROCEDURES_LAST_SIX_MONTHS", "named", 2, 2, 2)]
    (nobody,) = only(FACIAL_PROCEDURES_LAST_SIX_MONTHS=["Fillers", "None", None])
    assert (nobody.asks, nobody.n_exposed, nobody.n_unexposed) == ("named", 0, 2)
    other = only(FACIAL_PROCEDURES_LAST_SIX_MONTHS_FILLERS=["true", "false", "true"])
    assert [one.asks for one in other] == ["could mention"]
    assert other[0].n_unknown == 3


def test_fields_of_american_gut_could_mention_it_but_do_not_ask():
    found = only(
        COSMETICS_FREQUENCY=["Daily", "Never", "Unknown", None],
        MIGRAINE=["Diagnosed", "I do not have this condition", None, None],
        MIGRAINE_MEDICATIONS=["sumatriptan, Botox", "sumatriptan", "", None],
        GENERAL_MEDS=["none", "ibuprofen", "no botox", None],
        ANTIBIOTIC_MEDS=["amoxicillin", None, None, None],
    )
    assert numbers(found) == [
        ("COSMETICS_FREQUENCY", "could mention", 0, 0, 4),
        ("MIGRAINE", "could mention", 0, 0, 4),
        ("MIGRAINE_MEDICATIONS", "could mention", 1, 0, 3),
        ("GENERAL_MEDS", "could mention", 0, 1, 3),
    ]


def test_a_treatment_column_is_read_by_its_values():
    arms = ["Botox 2U", "saline", "Botox 2U", "saline", "lost", None]
    assert numbers(only(treatment=arms)) == [("treatment", "valued", 2, 3, 1)]
    assert numbers(only(v7=["BoNT/A", "PBS"] * 4)) == [("v7", "valued", 4, 4, 0)]


def test_the_mixs_terms_for_it():
    found = only(
        chem_administration=["onabotulinumtoxinA [CHEBI:1];2026-01-01", "sodium chloride", None],
        perturbation=["botulinum toxin injection;R1", "none", "not applicable"],
        ihmc_medication_code=["M03AX01", "C09AA02", ""],
    )
    assert numbers(found) == [
        ("chem_administration", "valued", 1, 1, 1),
        ("perturbation", "valued", 1, 1, 1),
        ("ihmc_medication_code", "could mention", 1, 0, 2),
    ]


def test_free_text_that_speaks_of_it_does_not_make_the_others_unexposed():
    (found,) = only(notes=["had Botox in May", "slept badly", "ate late", "", None])
    assert numbers([found]) == [("notes", "could mention", 1, 0, 4)]


@pytest.mark.parametrize(
    "column",
    [
        {"Clostridium_botulinum": [120, 0, 3]},
        {"c_botulinum_pcr": ["positive", "negative", "positive"]},
        {"botulism": ["yes", "no", "yes"]},
        {"botulinum_antitoxin_given": ["yes", "no", "yes"]},
        {"pathogen": ["Clostridium botulinum", "none", "Clostridium botulinum"]},
        {"diagnosis": ["infant botulism", "healthy", "healthy"]},
        {"taxon": ["g__Clostridium; s__botulinum"] * 3},
        {"city": ["Boston", "Bonn", "Bottrop"]},
    ],
)
def test_the_bacterium_and_the_disease_are_not_the_injection(column):
    assert only(**column) == ()


@pytest.mark.parametrize(
    "column", [{"BTX": [0.1, 3.0, 2.2]}, {"arm": ["BTX", "air", "BTX"]}, {"botulinum": ["yes", "no", "no"]}]
)
def test_words_of_two_meanings_are_left_open(column):
    (found,) = only(**column)
    assert (found.asks, found.n_unknown) == ("could mention", 3)
    assert "may mean" in found.why


@pytest.mark.parametrize(
    "name",
    [
        "bont_site",
        "bont_indication",
        "botox_allergy",
        "botox_interest",
        "bont_lot",
        "bont_volume_ml",
        "botox_guess",
    ],
)
def test_columns_beside_it_do_not_tell_who_had_it(name):
    (found,) = only(**{name: ["yes", "gastrocnemius", "no"]})
    assert (found.asks, found.n_unknown) == ("could mention", 3)


@pytest.mark.parametrize(
    "name",
    [
        "botox_free", "no_botox", "NoBotox", "botoxfree", "BOTOXFREE", "never_botox", "not_botox",
        "non_botox",
        "botox_naive", "without_botox", "botox_refused", "botox_declined", "botox_excluded",
        "botox_exclusion",
        "botox_contraindicated", "botox_control", "pre_botox", "before_botox", "will_get_botox",
        "botox_planned", "days_before_botox", "days_to_botox", "botox_cost", "botox_score", "botox_visit",
        "botox_follow_up", "botox_id", "botox_responder", "botox_not_given", "botox_baseline",
        "botox_stopped",
        "anti_botox", "botox_vs_placebo", "bont_expression",
    ],
)  # fmt: skip
@pytest.mark.parametrize("answers", [["yes", "no", "no"], [1, 0, 1], ["2026-03-01", "Botox", "20 U"]])
def test_a_name_with_a_word_that_is_not_known_does_not_tell(name, answers):
    (found,) = only(**{name: answers})
    assert (found.asks, found.n_exposed, found.n_unexposed) == ("could mention", 0, 0)
    assert "in its name" in found.why


@pytest.mark.parametrize(
    "name",
    [
        "botox", "BOTOX", "Botox_2", "botox_ever", "ever_had_botox", "botox_treatment", "botox_treated",
        "treated_with_botox", "received_botox", "botox_received", "botox_given", "botox_injection",
        "BotoxInjections", "botox_last_6_months", "botox_last_12m", "bont_cumulative_units_12m", "bont_arm",
        "botox_group", "botox_exposure", "exposed_to_botox", "botox_use", "botox_used", "history_of_botox",
        "BOTOX_HISTORY", "botox_yes_no", "did_you_have_botox", "bont_product", "botulinum_toxin_type_a",
        "facial_procedures_last_six_months_botox", "btx_a_sessions", "q12_botox", "n_botox_injections",
        "post_botox", "botox_status", "botulinum_neurotoxin_dose_ng_per_kg",
    ],
)  # fmt: skip
def test_a_name_of_known_words_tells(name):
    assert numbers(only(**{name: ["yes", "no", None]})) == [(name, "named", 1, 1, 1)]


def test_a_choice_against_placebo_tells_where_its_answers_name_the_toxin():
    arms = ["Botox", "placebo", "Botox", "placebo", None]
    assert numbers(only(botox_vs_placebo=arms)) == [("botox_vs_placebo", "valued", 2, 2, 1)]
    assert numbers(only(botox_trial_arm=arms)) == [("botox_trial_arm", "valued", 2, 2, 1)]


@pytest.mark.parametrize("dose", [0.055, 5e-05, 1e-05, "5e-05", "1.5E-3 U/kg", "2e1"])
def test_doses_with_exponents_are_numbers(dose):
    assert numbers(only(bont_units=[dose, 0.0, "0e0"])) == [("bont_units", "named", 1, 2, 0)]


def test_dates_and_categories_are_read_too():
    dates = pd.to_datetime(pd.Series(["2026-03-01", None, "2026-04-01"]))
    assert numbers(find_exposure(pd.DataFrame({"botox_date": dates}))) == [("botox_date", "named", 2, 0, 1)]
    arms = pd.Series(["Botox", "saline", None] * 3, dtype="category")
    assert numbers(find_exposure(pd.DataFrame({"arm": arms}))) == [("arm", "valued", 3, 3, 3)]


def test_those_that_ask_come_first():
    found = only(GENERAL_MEDS=["x", "y"] * 3, arm=["Botox", "saline"] * 3, bont_units=[2, 0] * 3)
    assert [one.asks for one in found] == ["named", "valued", "could mention"]


def test_answers_that_are_not_understood_are_named():
    (found,) = only(botox=["yes", "no", "glabella"])
    assert "'glabella'" in found.why
    assert found.n_unknown == 1


def test_the_series_has_the_samples_as_its_index():
    (found,) = only(bont_units=[1, 0, None])
    assert list(found.exposed.index) == ["s0", "s1", "s2"]
    assert found.exposed.dtype == "boolean"


def test_missing_is_told_from_none():
    assert is_missing("Not Provided")
    assert is_missing("")
    assert not is_missing("none")
    assert not is_missing(0)


def test_only_a_data_frame_is_read():
    with pytest.raises(ParameterError, match=r"study\.metadata"):
        find_exposure(["bont_units"])


def test_a_wide_table_is_read_quickly():
    rng = np.random.default_rng(0)
    words = np.array([f"answer {n}" for n in range(2_000)])
    table = pd.DataFrame({f"c{n}": rng.permutation(words) for n in range(200)})
    start = time.process_time()
    assert find_exposure(table) == ()
    assert time.process_time() - start < 1
