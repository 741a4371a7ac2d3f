"""Audits of synthetic studies, one thing wrong at a time, and of public tables."""

import time
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from made_up_trials import DEPTH, MICE, PEOPLE, make_claim, make_study, with_columns

import analysis as an
from analysis.claims import model
from analysis.claims.arms import find_arms
from analysis.claims.auditing import audit
from analysis.claims.exposure import find_exposure
from analysis.claims.hosts import find_host
from analysis.claims.needs import data_needed
from analysis.errors import ParameterError
from analysis.study import Study
from analysis.taxonomy import taxonomy_table


def status(study, claim, name, **given):
    return audit(study, claim, **given).row(name).status


# ---- the audit as a whole


def test_a_complete_trial_lacks_only_what_nobody_wrote_down():
    n = data_needed(MICE).plan.n_per_arm
    study = make_study(n)
    study = with_columns(
        study,
        randomised="yes",
        bont_units=(study.metadata["arm"] == "Botox") * 2.0,
        antibiotic_last_days=99,
        BMI=20,
    )
    found = audit(study, MICE)
    assert {row.id: row.status for row in found.rows if row.status != "met"} == {
        "controls": "unknown", "beyond:1": "missing",
    }  # fmt: skip
    assert found.blocking == ()
    assert found.counts == {"met": len(found.rows) - 2, "partly": 0, "missing": 1, "unknown": 1}


@pytest.mark.parametrize("claim", [MICE, PEOPLE])
def test_a_row_a_requirement_in_the_same_order(claim):
    found, needs = audit(make_study(), claim), data_needed(claim)
    assert [row.id for row in found.rows] == [one.id for one in needs.requirements]
    assert [row.essential for row in found.rows] == [one.essential for one in needs.requirements]
    assert all(row.to_do.endswith(".") for row in found.rows)
    assert all(row.gap for row in found.rows if row.status in ("missing", "partly"))
    frame = found.to_frame()
    assert frame.index.name == "requirement"
    assert list(frame.columns) == ["what", "needed", "status", "found", "where", "gap", "to_do", "essential"]
    assert "made up" in found._repr_html_()


def test_an_unknown_requirement_names_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'baseline'"):
        audit(make_study(), MICE).row("baselin")


def test_every_wrong_argument_at_once():
    with pytest.raises(ParameterError) as caught:
        audit("study", "claim", exposure=3, assume=["randomized", "housed_alone"])
    assert len(caught.value.faults) == 4
    assert "did you mean 'randomised'" in str(caught.value)


def test_a_claim_about_what_is_known_has_no_arms():
    claim = make_claim(
        kind="knowledge",
        exposure=None,
        endpoint=None,
        effect=None,
        trial=None,
        depth=None,
        test=None,
        fields={},
    )
    found = audit(make_study(), claim)
    assert [(row.id, row.status) for row in found.rows] == [("search", "unknown"), ("beyond:1", "missing")]
    assert found.arms is None


def test_a_large_study_is_audited_within_a_second():
    study = make_study(250, cluster=None)
    rng = np.random.default_rng(1)
    more = {f"answer_{n}": rng.permutation([f"text {k}" for k in range(2_000)]) for n in range(195)}
    study = with_columns(study, **more)
    assert study.metadata.shape == (2_000, 200)
    data_needed(MICE)
    start = time.process_time()
    audit(study, MICE)
    assert time.process_time() - start < 1


# ---- host


@pytest.mark.parametrize(
    ("column", "value", "host"),
    [
        ("host_taxid", 10090, "mouse"), ("HOST_TAXID", "9606", "human"), ("host_taxid", 9606.0, "human"),
        ("host_scientific_name", "Mus musculus", "mouse"),
        ("samp_taxon_id", "human gut metagenome [408170]", "human"),
        ("scientific_name", "mouse gut metagenome", "mouse"), ("Host Species", "Homo sapiens", "human"),
        ("species", "Rattus norvegicus", "rat"),
    ],
)  # fmt: skip
def test_hosts_by_their_names_and_numbers(column, value, host):
    study = make_study()
    metadata = study.metadata.drop(columns="host").assign(**{column: value})
    assert find_host(replace(study, metadata=metadata)).samples == {host: 32}


def test_mixed_hosts_are_counted():
    study = with_columns(make_study(), host=["mouse"] * 20 + ["human"] * 12)
    row = audit(study, MICE).row("host")
    assert (row.status, row.found) == ("missing", "mouse: 20 samples, human: 12 samples")
    assert row in audit(study, MICE).blocking


def test_another_host_is_missing_and_silence_is_unknown():
    assert status(make_study(), PEOPLE, "host") == "missing"
    study = make_study()
    silent = with_columns(study, host="M3", animal=study.metadata["mouse"]).with_roles(subject="animal")
    silent = replace(silent, metadata=silent.metadata.drop(columns="mouse"))
    assert status(silent, MICE, "host") == "unknown"


# ---- the table


def test_fractions_and_scaled_counts_are_no_reads():
    n = 16
    fractions = np.random.default_rng(0).dirichlet(np.ones(10), n)
    for counts in (fractions, np.round(fractions * 100_000)):
        metadata = pd.DataFrame({"day": 0}, index=[f"s{k}" for k in range(n)])
        table = pd.DataFrame(counts, index=metadata.index)
        if counts is fractions:
            study = Study.from_frame(table, metadata)
        else:
            with pytest.warns(an.errors.ScaledCountsWarning):
                study = Study.from_frame(table, metadata)
        assert status(study, MICE, "reads") == "missing"


def test_samples_that_are_too_shallow_are_counted():
    counts = np.full((32, 10), DEPTH // 10 + 1)
    counts[:3] = 1
    row = audit(make_study(counts=counts), MICE).row("depth")
    assert (row.status, row.gap) == ("partly", "3 samples would be lost, or the rarest taxa be missed")
    assert status(make_study(counts=np.ones((32, 10), int)), MICE, "depth") == "missing"
    assert status(make_study(reads=3), MICE, "depth") == "met"


PANEL = make_claim(
    kind="panel",
    endpoint=model.Endpoint("axis", "gevers_axis", "log-ratio", "16S", "made up", mean=0.0, sd=1.0, icc=0.5),
    effect=model.Effect("higher", "log_ratio", 0.7, 0.7, "made up", "made up"),
)


def test_a_panel_needs_names_at_its_ranks():
    study = make_study()
    assert status(study, PANEL, "taxonomy") == "missing"
    family = "d__Bacteria;p__Proteobacteria;c__G;o__Enterobacterales;f__Enterobacteriaceae"
    named = replace(study, taxonomy=taxonomy_table([family] * 10, study.feature_ids))
    assert status(named, PANEL, "taxonomy") == "met"
    phyla = replace(study, taxonomy=taxonomy_table(["d__Bacteria;p__Firmicutes"] * 10, study.feature_ids))
    assert status(phyla, PANEL, "taxonomy") == "missing"
    few = replace(study, taxonomy=taxonomy_table([family, *["d__Bacteria"] * 9], study.feature_ids))
    assert status(few, PANEL, "taxonomy") == "partly"


MARKER = make_claim(
    kind="marker",
    endpoint=model.Endpoint("IL-6", "il_6", "pg/mL", "ELISA", "made up", log=True, mean=1.0, sd=0.5, icc=0.5),
    effect=model.Effect("higher", "ratio", 1.5, 1.5, "made up", "made up"),
    fields={"il_6": model.Field("IL-6", "the claim", "pg/mL", "sample", None, ("interleukin_6",))},
)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "missing"), ({"il_6": 2.0}, "met"), ({"Interleukin-6": 2.0}, "met"),
        ({"IL.6": "low"}, "missing"),
        ({"il_6": 0.0}, "missing"),
        ({"il_6": [np.nan] + [1.5] * 31}, "partly"), ({"il_6": np.nan}, "missing"),
    ],
)  # fmt: skip
def test_the_marker_under_its_names(columns, expected):
    assert status(with_columns(make_study(), **columns), MARKER, "marker") == expected


def test_the_arms_hold_the_marker_under_the_name_of_the_claim():
    study = with_columns(make_study(), **{"Interleukin-6": 2.0})
    assert (audit(study, MARKER).arms.study.metadata["il_6"] == 2.0).all()


def test_blanks_by_type_by_name_and_in_the_notes():
    study = make_study()
    assert status(study, MICE, "controls") == "unknown"
    kinds = ["stool"] * 30 + ["extraction blank", "NTC"]
    row = audit(with_columns(study, sample_type=kinds), MICE).row("controls")
    assert (row.status, row.found) == ("met", "2 samples are blanks")
    assert (
        status(with_columns(study, sample_type=["stool"] * 31 + ["not a blanket"]), MICE, "controls")
        == "unknown"
    )


# ---- subjects, cages, times


def test_a_subject_that_is_not_named_is_suggested():
    row = audit(make_study(subject=None), MICE).row("subject")
    assert row.status == "missing"
    assert "subject='mouse'" in row.to_do


def test_cages():
    assert status(make_study(), MICE, "cage") == "met"
    unnamed = audit(make_study(cluster=None), MICE).row("cage")
    assert (unnamed.status, "cluster='cage'" in unnamed.to_do) == ("missing", True)
    vouched = audit(make_study(cluster=None), MICE, assume=["housed_alone"]).row("cage")
    assert (vouched.status, "taken from the caller, not from the data" in vouched.found) == ("partly", True)
    shared = audit(with_columns(make_study(), cage="one"), MICE).row("cage")
    assert "1 cages hold both arms" in shared.gap
    assert "up to 8 a cage" in shared.gap
    alone = audit(make_study(2), MICE).row("cage")
    assert "one cage in arm" in alone.gap


@pytest.mark.parametrize(
    ("days", "baseline", "follow_up"),
    [
        ((-7, 0, 14, 28), "met", "met"),
        ((-9, 0, 12, 30), "met", "met"),
        ((0, 14), "partly", "partly"),
        ((-1, 1), "partly", "missing"),
        ((14, 28), "missing", "met"),
        ((-30, 60), "missing", "missing"),
    ],
)
def test_windows_around_the_planned_days(days, baseline, follow_up):
    found = audit(make_study(days=days), MICE)
    assert (found.row("baseline").status, found.row("follow_up").status) == (baseline, follow_up)


def test_the_study_s_own_times_are_taken_and_said():
    found = audit(make_study(days=(-2, 5), baseline=-2, follow_up=5), MICE)
    assert (found.row("baseline").status, found.row("follow_up").status) == ("partly", "partly")
    assert "(the study's own)" in found.row("follow_up").found


def test_mice_without_a_baseline_are_counted():
    study = make_study()
    study = study.select(
        samples=~((study.metadata["mouse"] == "m00") & (study.metadata["day"] <= 0)).to_numpy()
    )
    row = audit(study, MICE).row("baseline")
    assert (row.status, row.gap) == ("partly", "1 mice have none")


@pytest.mark.parametrize(
    ("times", "words"),
    [(("2026-01-01", "2026-01-20"), "dates"), (("early", "late"), "days from the first injection")],
)
def test_times_that_are_no_days(times, words):
    study = make_study(days=(0, 14))
    study = with_columns(study, when=study.metadata["day"].map(dict(zip((0, 14), times, strict=True))))
    row = audit(study.with_roles(time="when"), MICE).row("follow_up")
    assert row.status == "missing"
    assert words in row.to_do
    assert times[0] in row.found


def test_no_time_is_unknown_and_an_empty_one_missing():
    found = audit(make_study(time=None), MICE)
    assert (found.row("baseline").status, found.row("follow_up").status) == ("missing", "unknown")
    assert "time='day'" in found.row("follow_up").to_do
    empty = audit(with_columns(make_study(), day=np.nan), MICE)
    assert empty.row("follow_up").status == "missing"


# ---- chance and numbers


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "unknown"), ({"randomised": "yes"}, "met"), ({"Randomized": True}, "met"),
        ({"randomised": "no"}, "missing"),
        ({"randomisation_arm": ["A", "B"] * 16}, "met"), ({"allocation": "by coin"}, "met"),
        ({"allocation": "own choice"}, "missing"), ({"allocation": "group 1"}, "unknown"),
        ({"ASSIGNED_FROM_GEO": "y"}, "unknown"), ({"random_seed": 3}, "unknown"),
        ({"randomised": ""}, "unknown"),
    ],
)  # fmt: skip
def test_whether_chance_decided(columns, expected):
    assert status(with_columns(make_study(), **columns), MICE, "assignment") == expected


def test_chance_can_be_vouched_for_but_not_against_the_data():
    row = audit(make_study(), MICE, assume="randomised").row("assignment")
    assert (row.status, "taken from the caller, not from the data" in row.found) == ("partly", True)
    assert (
        status(with_columns(make_study(), randomised="no"), MICE, "assignment", assume=["randomised"])
        == "missing"
    )


def test_the_number_that_is_lacking():
    plan = data_needed(MICE).plan
    remain = int(plan.n_per_arm * 0.9)
    row = audit(make_study(4), MICE).row("size")
    assert row.status == "partly"
    assert f"{remain - 4} lacking in arm 'Botox'" in row.gap
    assert status(make_study(plan.n_per_arm), MICE, "size") == "met"
    crowded = make_study(plan.n_per_arm)
    crowded = with_columns(crowded, cage=crowded.metadata["arm"])
    assert "cages: 1 in the smaller arm" in audit(crowded, MICE).row("size").gap


def test_who_has_no_follow_up_does_not_count():
    study = make_study()
    late = (study.metadata["mouse"] == "m00") & (study.metadata["day"] > 0)
    assert "Botox: 3, saline: 4 mice" in audit(study.select(samples=~late.to_numpy()), MICE).row("size").found


def test_fields_by_key_mixs_and_other_names():
    found = audit(
        with_columns(make_study(), **{"Botox Units": 2, "BMI": [20] * 30 + [None, "unknown"]}), MICE
    )
    assert (found.row("field:bont_units").status, found.row("field:bont_units").where) == (
        "met",
        "Botox Units",
    )
    row = found.row("field:host_body_mass_index")
    assert (row.status, row.gap) == ("partly", "2 are blank")
    assert found.row("field:antibiotic_last_days").status == "missing"


# ---- public tables


@cache
def embedded(name):
    """Load a table of the project once."""
    return an.load_dataset(name)


@pytest.mark.parametrize("claim", [MICE, PEOPLE])
@pytest.mark.parametrize("name", ["turnbaugh_mice", "global_patterns", "twins_genera"])
def test_no_table_of_the_project_is_about_botox(name, claim):
    found = audit(embedded(name), claim)
    assert found.row("exposure").status == "missing"
    assert found.row("reference").status == "missing"


def test_turnbaugh_mice_with_the_diet_in_its_place():
    study = embedded("turnbaugh_mice")
    found = audit(study, MICE, exposure="Western diet")
    assert found.blocking == ()
    assert found.arms.n_subjects == {"switched to Western": 6, "BK throughout": 6}
    assert found.arms.study.roles.treatment == "diet_group"
    assert found.row("cage").status == "missing"
    # by the sample: all 12 mice ate BK first, and six of them Western later
    by_sample = find_arms(study.with_roles(treatment="diet", reference="BK"), MICE, "Western")
    assert by_sample.n_subjects == {"Western": 6, "BK": 6}
    assert not by_sample.crossover


def test_global_patterns_is_of_mixed_origin_and_the_twins_are_fractions():
    assert audit(embedded("global_patterns"), PEOPLE).row("host").status == "missing"
    twins = audit(embedded("twins_genera"), PEOPLE)
    assert (twins.row("host").status, twins.row("reads").status) == ("met", "missing")


@pytest.mark.parametrize(
    "path",
    [
        "schubert_antibiotics/data/process/abx_cdiff_metadata.tsv",
        "mlrepo/datasets/cho/mapping-orig.txt",
        "mlrepo/datasets/sokol/mapping-orig.txt",
        "mlrepo/datasets/turnbaugh/mapping-orig.txt",
        "mlrepo/datasets/claesson/mapping-orig.txt",
        "tomkovich_vendors/data/process/processed_metadata.tsv",
        "ecam/biocore+gemelli/ipynb/tutorials/ECAM-Qiita-10249/metadata.tsv",
        "isb_cdi_fmt/data/metadata.tsv",
        "apgar_diet_cdiff/arizona_experiments/stool/data/misc/processed_metadata.tsv",
    ],
)
def test_no_public_table_tells_of_botox(shared_data, path):
    table = pd.read_csv(shared_data / path, sep="\t", low_memory=False, encoding="latin-1")
    assert len(table) > 5
    assert [one for one in find_exposure(table) if one.n_exposed or one.asks != "could mention"] == []
