"""compare_means against R (tests/reference/means_reference.R), closed forms and refusals."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.comparison.means import MeanComparison, compare_means
from analysis.errors import AnalysisError, DesignError, IdError, ParameterError, RoleError
from analysis.study import Study

REFERENCE = Path(__file__).parents[1] / "reference"
R = json.loads((REFERENCE / "means_reference.json").read_text())


def table(name):
    return pd.read_csv(REFERENCE / f"means_{name}.csv", index_col=0)


def held(result, expected, rel=1e-9):
    """Hold a result against t.test or lm."""
    found = (result.estimate, result.standard_error, result.df, result.p_value, result.ci_low, result.ci_high)
    wanted = [float(expected[name]) for name in ("estimate", "se", "df", "p", "low", "high")]
    np.testing.assert_allclose(found, wanted, rtol=rel)


def held_mixed(result, expected, df):
    """Hold a result against lmer: estimate and standard error by REML; t on the stated df."""
    assert result.estimate == pytest.approx(expected["estimate"], rel=1e-6)
    assert result.standard_error == pytest.approx(expected["se"], rel=1e-6)
    assert result.df == df
    reach = stats.t.ppf(0.975, df) * expected["se"]
    assert result.ci_high - result.estimate == pytest.approx(reach, rel=1e-6)
    assert result.p_value == pytest.approx(
        2 * stats.t.sf(abs(expected["estimate"] / expected["se"]), df), rel=1e-5
    )


# --- two groups and pairs: Student's sleep data ------------------------------------------------------------


@pytest.fixture(scope="module")
def sleep():
    return table("sleep")


@pytest.mark.parametrize(
    ("alternative", "name"), [("two-sided", "welch"), ("less", "welch_less"), ("greater", "welch_greater")]
)
def test_welch_is_r(sleep, alternative, name):
    result = compare_means(sleep["extra"], sleep, "drug", 1, alternative=alternative)
    assert (result.method, result.unit) == ("welch", "sample")
    held(result, R["sleep"][name])


def test_paired_is_r(sleep):
    result = compare_means(sleep["extra"], sleep, "drug", 1, subject="person")
    assert (result.method, result.unit) == ("paired", "subject")
    assert result.n_per_arm == {"1": 10, "2": 10}
    held(result, R["sleep"]["paired"])


@pytest.mark.parametrize(("subject", "name"), [(None, "welch_tost"), ("person", "paired_tost")])
def test_equivalence_is_two_one_sided_tests(sleep, subject, name):
    expected = R["sleep"][name]
    call = {"subject": subject, "margin": expected["margin"]}
    both = compare_means(sleep["extra"], sleep, "drug", 1, **call)
    assert both.p_equivalence == pytest.approx(expected["p"], rel=1e-9)
    interval = (both.equivalence_low, both.equivalence_high)
    np.testing.assert_allclose(interval, (expected["low"], expected["high"]), rtol=1e-9)
    assert (both.p_equivalence < 0.05) == (interval[1] < expected["margin"])
    not_lower = compare_means(sleep["extra"], sleep, "drug", 1, alternative="less", **call)
    assert not_lower.p_equivalence == pytest.approx(expected["p_not_lower"], rel=1e-9)
    not_higher = compare_means(sleep["extra"], sleep, "drug", 1, alternative="greater", **call)
    assert not_higher.p_equivalence == pytest.approx(expected["p_not_higher"], rel=1e-9)


def test_turning_the_reference_round_turns_the_sign(sleep):
    one = compare_means(sleep["extra"], sleep, "drug", 1, alternative="less")
    two = compare_means(sleep["extra"], sleep, "drug", 2, alternative="greater")
    assert (one.estimate, one.ci_high, one.p_value) == pytest.approx(
        (-two.estimate, -two.ci_low, two.p_value)
    )


def test_order_of_samples_does_not_matter(sleep):
    shuffled = sleep.sample(frac=1, random_state=1)
    first = compare_means(sleep["extra"], sleep, "drug", 1, subject="person")
    again = compare_means(shuffled["extra"], sleep, "drug", 1, subject="person")
    assert (first.estimate, first.p_value) == pytest.approx((again.estimate, again.p_value), rel=1e-12)


# --- people: baselines and follow-ups ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def people():
    return table("people")


def of_people(people, **more):
    call = {
        "treatment": "arm",
        "reference": "saline",
        "subject": "subject",
        "time": "day",
        "baseline": [-2, -1],
    }
    return compare_means(people["shannon"], people, **(call | more))


def test_ancova_on_averages_is_lm(people):
    result = of_people(people, method="ancova")
    assert (result.unit, result.n_samples) == ("subject", len(people))
    assert result.n_per_arm == {"saline": 11, "toxin": 14}
    held(result, R["people"]["ancova"])


def test_unequal_arms_keep_their_own_spread_beside_a_baseline(people):
    result = of_people(people)
    assert result.method == "ancova_welch"
    held(result, R["people"]["ancova_welch"])
    equal = people[~people["subject"].isin(["p12", "p13", "p14"])]
    assert of_people(equal).method == "ancova"


def test_change_score_is_r(people):
    held(of_people(people, method="change"), R["people"]["change"])


def test_baseline_by_subject_equals_baseline_samples(people):
    before = people[people["day"] < 0].groupby("subject")["shannon"].mean()
    after = people[people["day"] > 0]
    result = compare_means(after["shannon"], after, "arm", "saline", baseline=before, subject="subject")
    held(result, R["people"]["ancova_welch"])


def test_change_over_time_by_arm_is_lmer_and_lme(people):
    result = of_people(people, method="mixed")
    held_mixed(result, R["people"]["phase_mixed"], df=23)
    nlme = R["people"]["phase_nlme"]
    assert (result.estimate, result.standard_error) == pytest.approx((nlme["estimate"], nlme["se"]), rel=1e-6)


def test_one_sample_a_phase_leaves_one_random_intercept(people):
    first = people[people["day"] > 0].groupby("subject")["day"].transform("min")
    single = people[(people["day"] == -1) | (people["day"] == first.reindex(people.index))]
    result = compare_means(
        single["shannon"], single, "arm", "saline", -1, subject="subject", time="day", method="mixed"
    )
    held_mixed(result, R["people"]["single_mixed"], df=23)


def test_balanced_mixed_model_is_the_change_score():
    """With equal numbers of samples the contrast of the mixed model is the pooled t test of changes."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(
        list(itertools.product(range(12), (0, 1), range(2))), columns=["subject", "phase", "repeat"]
    )
    frame["arm"] = np.where(frame["subject"] < 6, "a", "b")
    own = rng.normal(0, 2, 12)[frame["subject"]] + rng.normal(0, 1, 24)[2 * frame["subject"] + frame["phase"]]
    frame["y"] = own + rng.normal(0, 0.5, len(frame))
    call = (frame["y"], frame, "arm", "a", 0)
    mixed = compare_means(*call, subject="subject", time="phase", method="mixed")
    means = frame.pivot_table(values="y", index=["arm", "subject"], columns="phase")
    change = means[1] - means[0]
    pooled = stats.ttest_ind(change["b"], change["a"])
    assert (mixed.p_value, mixed.df) == pytest.approx((pooled.pvalue, pooled.df), rel=1e-6)


def test_follow_ups_alone(people):
    after = people[people["day"] > 0]
    default = compare_means(after["shannon"], after, "arm", "saline", subject="subject")
    assert (default.method, default.n_samples) == ("mixed", len(after))
    held_mixed(default, R["people"]["post_mixed"], df=23)
    means = compare_means(after["shannon"], after, "arm", "saline", subject="subject", method="welch")
    held(means, R["people"]["welch_of_means"])
    assert "not independent" in means.notes[0]


def test_repeated_samples_are_no_replicates(people):
    """Copying every sample changes nothing where the subject is known, and fools the test where it is not."""
    after = people[people["day"] > 0]
    twice = pd.concat([after, after.set_axis(after.index + "again")])
    known = [
        compare_means(t["shannon"], t, "arm", "saline", subject="subject", method="welch")
        for t in (after, twice)
    ]
    assert known[0].standard_error == pytest.approx(known[1].standard_error, rel=1e-12)
    unknown = [compare_means(t["shannon"], t, "arm", "saline") for t in (after, twice)]
    assert unknown[1].standard_error < 0.75 * unknown[0].standard_error


def test_log_scale_gives_a_ratio(people):
    after = people[people["day"] > 0]
    result = compare_means(
        after["shannon"], after, "arm", "saline", subject="subject", method="welch", log=True, margin=0.25
    )
    expected = R["people"]["log"]
    found = (result.estimate, result.ci_low, result.ci_high, result.p_value, result.standard_error)
    wanted = [math.exp(expected[k]) for k in ("estimate", "low", "high")] + [expected["p"], expected["se"]]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert result.p_equivalence == pytest.approx(R["people"]["log_tost"]["p"], rel=1e-9)
    assert result.equivalence_low == pytest.approx(math.exp(R["people"]["log_tost"]["low"]), rel=1e-9)


def test_roles_of_a_study_fill_in(people):
    counts = pd.DataFrame({"taxon": range(1, len(people) + 1)}, index=people.index)
    study = Study.from_frame(counts, people).with_roles(
        subject="subject", time="day", treatment="arm", reference="saline", baseline=[-2, -1]
    )
    held(compare_means(people["shannon"], study), R["people"]["ancova_welch"])
    ignored = compare_means(people["shannon"], study, baseline=(), follow_up=[14, 28, 56])
    held_mixed(ignored, R["people"]["post_mixed"], df=23)


def test_follow_up_times_are_chosen(people):
    result = of_people(people, follow_up=[14, 28], missing="drop")
    assert any("have a baseline and no follow-up" in note for note in result.notes)
    assert any("neither baseline nor follow-up" in note for note in result.notes)
    counts = people[people["day"].isin([14, 28])].groupby("arm")["subject"].nunique()
    assert result.n_per_arm == counts.to_dict()


def test_an_unnamed_day_before_the_baseline_is_no_follow_up(people):
    result = of_people(people, baseline=-1)
    early = people[people["day"] == -2]
    assert result.n_samples == len(people) - len(early)
    assert (
        f"{len(early)} samples of times that are neither baseline nor follow-up play no part" in result.notes
    )


def test_what_the_treatment_column_says_at_baseline_is_not_read(people):
    coded = people.assign(arm=people["arm"].where(people["day"] > 0, "saline"))
    assert of_people(coded).estimate == of_people(people).estimate
    unknown = people.assign(arm=people["arm"].where(people["day"] > 0))
    assert of_people(unknown).estimate == of_people(people).estimate


# --- mice: cages -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mice():
    return table("mice")


def of_mice(mice, **more):
    after = mice[mice["day"] > 0] if "baseline" not in more else mice
    call = {"treatment": "arm", "reference": "saline", "subject": "mouse", "cluster": "cage", "time": "day"}
    return compare_means(after["shannon"], after, **(call | more))


def test_cage_means_are_compared_by_the_pooled_t(mice):
    result = of_mice(mice, margin=0.5, method="cluster_means")
    assert (result.unit, result.df) == ("cluster", 7)
    assert result.n_clusters == {"saline": 4, "toxin": 5}
    held(result, R["mice"]["cage_means"])
    assert result.p_equivalence == pytest.approx(R["mice"]["cage_tost"]["p"], rel=1e-9)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("cage_welch", {}),
        ("cage_ancova", {"baseline": -1, "method": "ancova"}),
        ("cage_ancova_welch", {"baseline": -1}),
        ("cage_change", {"baseline": -1, "method": "change"}),
    ],
)
def test_other_tests_of_cages_are_r(mice, name, more):
    held(of_mice(mice, **more), R["mice"][name])


def test_cage_and_mouse_as_random_effects_are_lmer(mice):
    held_mixed(of_mice(mice, method="cluster_mixed"), R["mice"]["cage_mixed"], df=7)
    held_mixed(of_mice(mice, method="cluster_mixed", baseline=-1), R["mice"]["cage_mixed_baseline"], df=7)


@pytest.mark.parametrize(("kind", "more"), [("plain", {}), ("ancova", {"baseline": -1})])
@pytest.mark.parametrize(("column", "alternative"), list(enumerate(["two-sided", "less", "greater"])))
def test_whole_cages_are_permuted_as_by_hand(mice, kind, more, column, alternative):
    """All 126 arrangements, one lm each in R; the interval holds just the differences R does not reject."""
    expected = R["mice"]["permutation"]
    p_values = dict(zip(expected["differences"], expected[kind][column], strict=True))
    result = of_mice(mice, method="cluster_permutation", alternative=alternative, **more)
    assert result.p_value == pytest.approx(p_values[0], abs=1e-12)
    assert result.estimate == pytest.approx(
        R["mice"][{"plain": "cage_means"}.get(kind, "cage_ancova")]["estimate"]
    )
    for difference, p in p_values.items():
        assert (result.ci_low <= difference <= result.ci_high) == (p > 0.05), difference


def test_permutation_equivalence_is_r(mice):
    expected = R["mice"]["permutation"]
    at = {d: n for n, d in enumerate(expected["differences"])}
    result = of_mice(mice, method="cluster_permutation", margin=0.5)
    not_lower, not_higher = expected["plain"][2][at[-0.5]], expected["plain"][1][at[0.5]]
    assert result.p_equivalence == pytest.approx(max(not_lower, not_higher), abs=1e-12)


def test_random_arrangements_need_a_seed_only(mice):
    rng = np.random.default_rng(4)
    cages = pd.DataFrame(
        {"cage": [f"c{i:02d}" for i in range(24)], "arm": ["a", "b"] * 12, "y": rng.normal(size=24)}
    )
    call = {"cluster": "cage", "method": "cluster_permutation", "permutations": 1999}
    first, same, other = (compare_means(cages["y"], cages, "arm", "a", seed=s, **call) for s in (1, 1, 2))
    assert first.p_value == same.p_value != other.p_value
    t = compare_means(cages["y"], cages, "arm", "a", cluster="cage")
    assert first.p_value == pytest.approx(t.p_value, abs=0.04)
    assert (first.ci_low, first.ci_high) == pytest.approx((t.ci_low, t.ci_high), abs=0.15)


def test_too_few_cages_for_a_permutation_name_the_smallest_p(mice):
    few = mice[mice["cage"].isin(["c1", "c2", "c3", "c5", "c6", "c7"])]
    with pytest.raises(DesignError, match=r"20 ways.*\n?.*smallest p \(two-sided\) is 0.1"):
        of_mice(few, method="cluster_permutation")
    assert of_mice(few, method="cluster_permutation", alternative="less").p_value >= 0.05
    default = of_mice(few)
    assert (default.method, default.df) == ("cluster_means", 4)


def test_arms_mixed_within_cages_are_blocked():
    mixed = table("mixed_cages")
    plain = compare_means(mixed["after"], mixed, "arm", "saline", cluster="cage")
    assert plain.method == "blocked"
    held(plain, R["mixed_cages"]["blocked"])
    adjusted = compare_means(mixed["after"], mixed, "arm", "saline", mixed["before"], cluster="cage")
    held(adjusted, R["mixed_cages"]["blocked_baseline"])


# --- a treatment that varies within subjects ---------------------------------------------------------------


def test_crossover_with_gaps():
    cross = table("crossover")
    call = (cross["marker"], cross, "condition", "before")
    with pytest.raises(DesignError, match="13 of 16 subjects are in both arms"):
        compare_means(*call, subject="person")
    with pytest.raises(DesignError, match=r"3 of 16 subjects.*one condition only(.|\n)*method='mixed'"):
        compare_means(*call, subject="person", method="paired")
    complete = compare_means(*call, subject="person", method="paired", missing="drop")
    held(complete, R["crossover"]["paired"])
    assert complete.n_per_arm == {"before": 13, "after": 13}
    assert "3 of 16" in complete.notes[0]
    held_mixed(compare_means(*call, subject="person", method="mixed"), R["crossover"]["mixed"], df=12)


def test_pairs_that_share_a_cage_are_averaged():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        list(itertools.product(range(5), range(3), ("off", "on"))), columns=["cage", "mouse", "diet"]
    )
    frame["mouse"] = frame["cage"].astype(str) + "-" + frame["mouse"].astype(str)
    frame["y"] = rng.normal(size=len(frame)) + rng.normal(size=5)[frame["cage"]] * (frame["diet"] == "on")
    result = compare_means(frame["y"], frame, "diet", "off", subject="mouse", cluster="cage")
    cages = frame.pivot_table(values="y", index="cage", columns="diet")
    by_hand = stats.ttest_rel(cages["on"], cages["off"])
    assert (result.method, result.df) == ("paired", 4)
    assert result.p_value == pytest.approx(by_hand.pvalue, rel=1e-10)


# --- the rules of choice -----------------------------------------------------------------------------------


def arms(n, sizes):
    """Return subjects with the given numbers of samples, n an arm."""
    rng = np.random.default_rng(3)
    unit = np.repeat(np.arange(2 * n), [sizes[i % len(sizes)] for i in range(2 * n)])
    return pd.DataFrame({"unit": unit, "arm": np.where(unit % 2, "b", "a"), "y": rng.normal(size=len(unit))})


@pytest.mark.parametrize(
    ("n", "sizes", "method"),
    [(9, [1, 3, 3], "welch"), (10, [1, 3, 3], "mixed"), (10, [2], "welch"), (2, [1, 4, 4], "welch")],
)
def test_many_unequal_subjects_are_weighed(n, sizes, method):
    frame = arms(n, sizes)
    result = compare_means(frame["y"], frame, "arm", "a", subject="unit")
    assert result.method == method
    as_cages = compare_means(frame["y"], frame, "arm", "a", cluster="unit")
    assert as_cages.method == {"welch": "cluster_means", "mixed": "cluster_mixed"}[method]


@pytest.mark.parametrize(
    ("n_a", "n_b", "method"),
    [
        (2, 2, "cluster_means"),
        (2, 8, "cluster_means"),
        (4, 4, "cluster_means"),
        (3, 4, "welch"),
        (8, 3, "welch"),
    ],
)
def test_unequal_numbers_of_cages_are_not_pooled(n_a, n_b, method):
    cages = pd.DataFrame({"cage": range(n_a + n_b), "arm": ["a"] * n_a + ["b"] * n_b})
    y = pd.Series(np.random.default_rng(1).normal(size=len(cages)))
    assert compare_means(y, cages, "arm", "a", cluster="cage").method == method


def test_two_units_an_arm_take_the_change_score():
    frame = pd.DataFrame({"s": list("aabbccdd"), "day": [0, 1] * 4, "arm": ["x"] * 4 + ["y"] * 4})
    y = pd.Series([1.0, 2, 3, 3, 2, 5, 1, 5])
    result = compare_means(y, frame, "arm", "x", 0, subject="s", time="day")
    assert result.method == "change"
    assert "2 units in an arm" in result.why
    assert result.estimate == pytest.approx(3.0)


# --- refusals: what, where, what to do ---------------------------------------------------------------------


def refused(error, pattern, frame, **call):
    y = frame["y"] if "y" in frame else frame["shannon"]
    with pytest.raises(error, match=pattern) as caught:
        compare_means(y, frame, **({"treatment": "arm", "reference": "a"} | call))
    assert isinstance(caught.value, AnalysisError)
    return str(caught.value)


def test_one_level_and_many_levels():
    frame = arms(4, [1])
    refused(DesignError, "arm has one level: 'a'", frame.assign(arm="a"))
    three = frame.assign(arm=["a", "b", "c", "a", "b", "c", "a", "b"])
    text = refused(DesignError, r"3 levels: 'a' \(3 samples\), 'b' \(3 samples\), 'c' \(2 samples\)", three)
    assert "level='b'" in text
    result = compare_means(three["y"], three, "arm", "a", level="c")
    assert result.n_per_arm == {"a": 3, "c": 2}
    assert result.notes == ("3 samples of other arms play no part",)
    refused(DesignError, "did you mean|There are", three, level="d")
    refused(RoleError, "no sample has arm = 'z'", frame, reference="z")


def test_gaps_are_counted_and_left_out_on_request(people):
    gaps = people.copy()
    gaps.iloc[[0, 5], gaps.columns.get_loc("shannon")] = np.nan
    gaps.iloc[9, gaps.columns.get_loc("subject")] = None
    text = refused(DesignError, "2 of .* samples without values", gaps, reference="saline", subject="subject")
    assert "1 of" in text  # both kinds of gap at once
    assert "column 'subject'" in text
    assert "missing='drop'" in text
    result = compare_means(gaps["shannon"], gaps, "arm", "saline", subject="subject", missing="drop")
    assert result.n_samples == len(people) - 3
    assert [note for note in result.notes if note.startswith("left out")]


def test_missing_baselines_are_counted(people):
    lost = people[~((people["subject"].isin(["p03", "p20"])) & (people["day"] < 0))]
    with pytest.raises(
        DesignError, match=r"2 of 25 subjects have no baseline: 'p03', 'p20'(.|\n)*method='mixed'"
    ):
        of_people(lost)
    dropped = of_people(lost, missing="drop")
    assert dropped.n_per_arm == {"saline": 10, "toxin": 13}
    assert dropped.method == "ancova_welch"
    kept = of_people(lost, method="mixed")
    assert kept.n_per_arm == {"saline": 11, "toxin": 14}
    assert kept.df == 21
    assert "2 of 25 subjects have no baseline and enter without it" in kept.notes


def test_a_missing_follow_up_is_counted(people):
    lost = people[~((people["subject"] == "p07") & (people["day"] > 0))]
    with pytest.raises(DesignError, match="1 of 25 subjects have a baseline and no follow-up: 'p07'"):
        of_people(lost)
    dropped, mixed = of_people(lost, missing="drop"), of_people(lost, missing="drop", method="mixed")
    assert dropped.n_per_arm == mixed.n_per_arm == {"saline": 10, "toxin": 14}
    assert dropped.n_samples == mixed.n_samples == (people["subject"] != "p07").sum()


def test_subjects_in_two_places(mice):
    moved = mice.copy()
    moved.loc[moved.index[moved["mouse"] == "c1m1"][1], "cage"] = "c2"
    with pytest.raises(DesignError, match=r"1 subjects are in more than one 'cage': 'c1m1'"):
        of_mice(moved, baseline=-1)
    switched = mice.copy()
    switched.loc[switched.index[switched["mouse"] == "c2m1"], "arm"] = "toxin"
    with pytest.raises(DesignError, match=r"1 of 9 clusters hold both arms \('c2'\)(.|\n)*method='blocked'"):
        of_mice(switched)
    assert "8 of 9 clusters hold one arm and add nothing" in of_mice(switched, method="blocked").notes


def test_subjects_in_both_arms_after_a_baseline(people):
    both = people.copy()
    both.loc[both.index[-1], "arm"] = "saline"
    with pytest.raises(DesignError, match="1 subjects are in both arms after baseline"):
        of_people(both)


def test_too_few_units(mice):
    one = mice[mice["cage"].isin(["c1", "c2", "c3", "c4", "c8"])]
    with pytest.raises(
        DesignError, match=r"4 'cage'\(s\) with 'saline'; 1 'cage'\(s\) with 'toxin'(.|\n)*do not help"
    ):
        of_mice(one)
    frame = arms(2, [1]).iloc[:3]
    refused(DesignError, "too few units: 2 sample.*1 sample", frame)
    pair = pd.DataFrame({"s": ["p", "p"], "arm": ["a", "b"], "y": [1.0, 2.0]})
    refused(DesignError, r"1 subject\(s\) in both conditions", pair, subject="s")
    blocked = arms(2, [1]).assign(cage=["p", "p", "q", "q"])
    before = pd.Series([1.0, 2, 3, 5])
    refused(DesignError, "4 units cannot carry 4", blocked, cluster="cage", baseline=before)


def test_methods_that_do_not_fit_name_those_that_do(mice, people):
    with pytest.raises(DesignError, match=r"'ancova' does not fit(.|\n)*'cluster_means', 'cluster_mixed'"):
        of_mice(mice, method="ancova")
    with pytest.raises(DesignError, match=r"'welch' does not fit.*a baseline is given(.|\n)*'ancova'"):
        of_people(people, method="welch")
    before = pd.Series(3.0, index=people["subject"].unique())
    after = people[people["day"] > 0]
    refused(
        DesignError,
        "no samples have no place",
        after,
        reference="saline",
        subject="subject",
        baseline=before,
        method="mixed",
    )
    refused(DesignError, "cannot carry a random intercept", arms(5, [1]), subject="unit", method="mixed")


def test_all_faulty_arguments_at_once():
    text = refused(
        ParameterError,
        "5 faults",
        arms(3, [1]),
        margin=-0.1,
        conf_level=95,
        alternative="lower",
        method="anova",
        missing="ignore",
    )
    assert "'ancova'" in text
    for margin in (0, math.nan, math.inf):
        refused(ParameterError, "margin=", arms(3, [1]), margin=margin)
    with pytest.raises(ParameterError, match=r"2 faults(.|\n)*treatment=(.|\n)*reference="):
        compare_means(arms(3, [1])["y"], arms(3, [1]))
    refused(ParameterError, "give subject=", arms(3, [1]), baseline=0)


def test_values_that_do_not_fit(people):
    with pytest.raises(ParameterError, match="a DataFrame"):
        compare_means(people[["shannon"]], people, "arm", "saline")
    with pytest.raises(IdError, match=r"1 of .* are not in the metadata: 's001x'"):
        compare_means(people["shannon"].rename({"s001": "s001x"}), people, "arm", "saline")
    with pytest.raises(IdError, match="more than once"):
        compare_means(pd.concat([people["shannon"]] * 2), people, "arm", "saline")
    with pytest.raises(ParameterError, match="1 infinite: 's002'"):
        compare_means(people["shannon"].where(people.index != "s002", np.inf), people, "arm", "saline")
    with pytest.raises(ParameterError, match=r"1 at or below 0(.|\n)*log=False"):
        compare_means(people["shannon"].where(people.index != "s002", 0.0), people, "arm", "saline", log=True)
    with pytest.raises(RoleError, match="did you mean 'subject'"):
        compare_means(people["shannon"], people, "arm", "saline", subject="subjct")
    frame = arms(3, [1])
    refused(DesignError, "do not vary", frame.assign(y=2.0))


def test_rows_without_a_value_are_counted(people):
    result = compare_means(people["shannon"].iloc[:60], people, "arm", "saline", subject="subject")
    assert result.notes[0] == f"{len(people) - 60} rows of the metadata have no value and play no part"


# --- results -----------------------------------------------------------------------------------------------


def test_the_result_is_a_frozen_row(sleep):
    result = compare_means(sleep["extra"], sleep, "drug", 1, subject="person", margin=1)
    row = result.to_frame()
    assert row.shape[0] == 1
    assert all(name.isidentifier() for name in row.columns)
    assert row.loc[0, "n_per_arm"] == "1: 10, 2: 10"
    with pytest.raises(AttributeError):
        result.estimate = 0
    assert "difference of means" in result._repr_html_()
    assert isinstance(result, MeanComparison)


# --- published data ----------------------------------------------------------------------------------------


def test_evident_counts_220_samples_of_49_people_as_220(shared_data):
    """The peer's standard error is .50; with people as random effect it is .84 (lme4: 0.8437755)."""
    file = shared_data / "evident_tests" / "evident" / "tests" / "data" / "metadata.tsv"
    people = pd.read_csv(file, sep="\t", index_col=0)
    call = (people["faith_pd"], people, "classification", "B1")
    naive = compare_means(*call)
    assert naive.n_per_arm == {"B1": 99, "Non-B1": 121}
    assert naive.estimate == pytest.approx(9.758946 - 13.566110, abs=1e-6)
    assert naive.standard_error == pytest.approx(0.50, abs=0.01)
    right = compare_means(*call, subject="host_subject_id")
    assert right.method == "mixed"
    assert (right.estimate, right.standard_error) == pytest.approx((-3.7613136, 0.84377555), abs=1e-6)
    assert right.df == 47


def test_dates_have_an_order_and_text_times_are_refused():
    days = [-15, -8, -1, 4]
    metadata = pd.DataFrame(
        [(f"m{m}", day, "a" if m < 6 else "b") for m in range(12) for day in days],
        columns=["mouse", "day", "arm"],
    )
    rng = np.random.default_rng(1)
    values = pd.Series(rng.normal(size=48) + (metadata["arm"] == "b") * (metadata["day"] > 0), metadata.index)
    design = {"treatment": "arm", "reference": "a", "subject": "mouse", "time": "day"}
    by_day = compare_means(values, metadata, baseline=-1, **design)
    dated = metadata.assign(day=pd.Timestamp("2020-02-01") + pd.to_timedelta(metadata["day"], unit="D"))
    by_date = compare_means(values, dated, baseline=pd.Timestamp("2020-01-31"), **design)
    assert by_date.estimate == pytest.approx(by_day.estimate)
    assert by_date.p_value == pytest.approx(by_day.p_value)
    with pytest.raises(RoleError, match="are text"):
        compare_means(values, metadata.astype({"day": str}), baseline="-1", **design)


# --- what is named and how ---------------------------------------------------------------------------------


def two_arms(**columns):
    ids = [f"s{row}" for row in range(8)]
    values = pd.Series([3.1, 3.3, 2.9, 3.4, 2.2, 2.6, 2.0, 2.5], index=ids)
    return values, pd.DataFrame(columns, index=ids)


@pytest.mark.parametrize("reference", [0, 0.0, "0", "0.0"])
@pytest.mark.parametrize("level", [None, 1, "1.0"])
def test_levels_of_a_column_of_floats_are_numbers(reference, level):
    values, table = two_arms(dose=[0.0] * 4 + [1.0] * 4)
    result = compare_means(values, table, "dose", reference, level=level)
    assert (result.reference, result.level) == ("0.0", "1.0")
    study = Study.from_frame(pd.DataFrame({"x": range(1, 9)}, index=table.index), table)
    roles = study.with_roles(treatment="dose", reference=reference)
    assert compare_means(values, roles).estimate == result.estimate


def test_blank_text_is_no_arm():
    values, table = two_arms(drug=["no"] * 3 + ["", " "] + ["yes"] * 3)
    with pytest.raises(DesignError, match="2 samples without column 'drug'"):
        compare_means(values, table, "drug", "no")
    assert compare_means(values, table, "drug", "no", missing="drop").n_samples == 6


def test_another_time_column_does_not_inherit_the_baseline():
    values, table = two_arms(
        drug=["no"] * 2 + ["yes"] * 2 + ["no"] * 2 + ["yes"] * 2,
        mouse=list("abcdabcd"),
        day=[0] * 4 + [7] * 4,
        week=[0] * 4 + [1] * 4,
    )
    study = Study.from_frame(pd.DataFrame({"x": range(1, 9)}, index=table.index), table)
    study = study.with_roles(
        subject="mouse", time="day", treatment="drug", reference="no", baseline=0, follow_up=7
    )
    with pytest.raises(RoleError, match=r"baseline '0' and follow_up '7' are values of 'day', not of 'week'"):
        compare_means(values, study, time="week")
    by_day = compare_means(values, study)
    assert compare_means(values, study, time="week", baseline=0).estimate == by_day.estimate
    assert compare_means(values, study, time="week", baseline=()).method == "welch"
    assert compare_means(values, study, time="day", baseline="0").estimate == by_day.estimate


def test_two_cages_against_many_are_pointed_out():
    rng = np.random.default_rng(0)
    cage = np.repeat(np.arange(8), 2)
    table = pd.DataFrame(
        {"cage": cage, "drug": np.where(cage < 2, "yes", "no")}, [f"m{k}" for k in range(16)]
    )
    values = pd.Series(rng.standard_normal(16), table.index)
    result = compare_means(values, table, "drug", "no", cluster="cage")
    assert any("2 clusters in one arm against 6" in note for note in result.notes)
    even = table[table["cage"] < 4]
    assert compare_means(values[even.index], even, "drug", "no", cluster="cage").notes == ()
