"""Differential abundance against scikit-bio, scipy, statsmodels, nlme and simulated tables of known truth."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.catalogue import load_dataset
from analysis.errors import AnalysisError, DesignError, MetadataError, ParameterError, TableError
from analysis.study import Study
from analysis.taxa.abundance import COLUMNS, adjust, differential_abundance
from analysis.taxa.design import lay_out

REFERENCE = Path(__file__).parents[1] / "reference"
METHODS = ("ancombc2", "dirmult", "clr")

clr_test = partial(differential_abundance, method="clr")


def simulate(seed, subjects=10, per=1, features=30, fold=None, within=False, mice_a_cage=0, slope_sd=0.0):
    """Simulated reads: log-normal features and depths; `fold` is the natural-log fold change of `yes`."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(features) if fold is None else np.asarray(fold, dtype=float)
    base = np.linspace(1.5, -1.5, features)
    shared = rng.normal(0, 0.5 if mice_a_cage else 0, (2 * subjects, features))
    rows, described = [], []
    for number in range(2 * subjects):
        arm, cage = number % 2, number // 2 // max(mice_a_cage, 1) * 2 + number % 2
        own = base + shared[cage] + rng.normal(0, 0.4, features)
        answer = fold + rng.normal(0, slope_sd, features)
        for visit in range(per):
            given = visit % 2 if within else arm
            weights = np.exp(own + given * answer + rng.normal(0, 0.5, features))
            rows.append(rng.multinomial(int(rng.lognormal(8.5, 0.3)), weights / weights.sum()))
            described.append(
                (("no", "yes")[given], f"m{number:02d}", f"c{cage:02d}", visit, rng.normal(40, 10))
            )
    ids = [f"s{k:03d}" for k in range(len(rows))]
    metadata = pd.DataFrame(described, index=ids, columns=["drug", "mouse", "cage", "visit", "age"])
    table = pd.DataFrame(rows, index=ids, columns=[f"f{k:02d}" for k in range(features)])
    return Study.from_frame(table, metadata, name="simulated")


def with_columns(study, **columns):
    """Return a study with further columns, or with other values in them."""
    return replace(study, metadata=study.metadata.assign(**columns))


def with_cells(study, rows, column, value):
    """Return a study with another value in some cells of its metadata."""
    metadata = study.metadata
    metadata.loc[rows, column] = value
    return replace(study, metadata=metadata)


def centred(study, added=0.5):
    logs = np.log(study.to_frame() + added)
    return logs.sub(logs.mean(axis=1), axis=0)


@pytest.fixture(scope="module")
def sparse_study():
    """24 simulated samples of 2 arms, with zeros everywhere and one feature absent from each arm."""
    rng = np.random.default_rng(8)
    p = np.exp(rng.normal(0, 1.8, 25) + rng.normal(0, 0.8, (24, 25)))
    counts = np.array([rng.multinomial(rng.integers(250, 600), row / row.sum()) for row in p])
    counts[:12, 0] = 0
    counts[12:, 1] = 0
    ids = [f"s{k:02d}" for k in range(24)]
    metadata = pd.DataFrame(
        {"drug": ["no"] * 12 + ["yes"] * 12, "age": rng.normal(40, 9, 24), "sex": list("fmmf") * 6}, index=ids
    )
    return Study.from_frame(
        pd.DataFrame(counts, index=ids, columns=[f"f{k:02d}" for k in range(25)]), metadata
    )


# ---- the same numbers as scikit-bio ----


@pytest.mark.parametrize("covariates", [[], ["age"], ["age", "sex"]])
@pytest.mark.parametrize("pseudocount", [0, 1])
def test_ancombc2_is_scikit_bio(sparse_study, covariates, pseudocount):
    from skbio.stats.composition import ancombc2

    result = differential_abundance(
        sparse_study, "drug", "no", covariates=covariates, pseudocount=pseudocount, min_prevalence=0.2
    )
    ours = result.table.set_index("feature")
    theirs = ancombc2(
        sparse_study.to_frame()[list(ours.index)],
        sparse_study.metadata,
        " + ".join(["drug", *covariates]),
        pseudocount=pseudocount,
    ).result.xs("drug[T.yes]", level="Covariate")
    known = ours["effect"].notna()
    np.testing.assert_allclose(ours["effect"][known], theirs["Log(FC)"][known], rtol=1e-12)
    np.testing.assert_allclose(ours["p_value"][known], theirs["pvalue"][known], rtol=1e-12)
    assert (known == theirs["Log(FC)"].notna()).all()
    assert known.sum() >= 15
    # the interval is the one of the t-test: it leaves out 0 where p < .05, and its half-width is t x SE
    assert (((ours["ci_low"] > 0) | (ours["ci_high"] < 0)) == (ours["p_value"] < 0.05)).all()
    half = (ours["ci_high"] - ours["ci_low"]) / 2
    used = sparse_study.to_frame()[list(ours.index)] + pseudocount > 0
    freedom = used.sum() - 2 - len(covariates)
    np.testing.assert_allclose((half / theirs["SE"])[known], stats.t.ppf(0.975, freedom)[known], rtol=1e-9)


def test_dirmult_is_scikit_bio_in_natural_logs(sparse_study):
    from skbio.stats.composition import dirmult_ttest

    ours = differential_abundance(sparse_study, "drug", "no", method="dirmult", seed=5).table.set_index(
        "feature"
    )
    theirs = dirmult_ttest(
        sparse_study.to_frame()[list(ours.index)], sparse_study.metadata["drug"], "yes", "no", seed=5
    )
    for name, other in (("effect", "Log2(FC)"), ("ci_low", "CI(2.5)"), ("ci_high", "CI(97.5)")):
        np.testing.assert_allclose(ours[name], theirs[other] * np.log(2), rtol=1e-12)
    np.testing.assert_allclose(ours["p_value"], theirs["pvalue"], rtol=1e-12)


def test_dirmult_lme_is_scikit_bio_in_natural_logs():
    from skbio.stats.composition import dirmult_lme

    study = simulate(3, subjects=4, per=3, features=8)
    result = differential_abundance(
        study, "drug", "no", "dirmult_lme", subject="mouse", covariates=["age"], draws=16, seed=2
    )
    ours = result.table.set_index("feature")
    theirs = (
        dirmult_lme(study.to_frame(), study.metadata, "drug + age", "mouse", draws=16, seed=2)
        .query("Covariate == 'drug[T.yes]'")
        .set_index("FeatureID")
    )
    for name, other in (("effect", "Log2(FC)"), ("ci_low", "CI(2.5)"), ("ci_high", "CI(97.5)")):
        np.testing.assert_allclose(ours[name], theirs[other] * np.log(2), rtol=1e-10)
    np.testing.assert_allclose(ours["p_value"], theirs["pvalue"], rtol=1e-10)


@pytest.mark.parametrize(
    ("method", "name", "old"),
    [
        ("ancombc2", "ancombc2", "pvalue"),
        ("dirmult", "dirmult_ttest", "Log2(FC)"),
        ("dirmult_lme", "dirmult_lme", "Covariate"),
    ],
)
def test_a_renamed_column_of_scikit_bio_is_noticed(monkeypatch, method, name, old):
    import skbio.stats.composition as composition

    real = getattr(composition, name)

    class Renamed:
        def __init__(self, frame):
            self.result = frame

    def renamed(*args, **kwargs):
        result = real(*args, **kwargs)
        frame = getattr(result, "result", result).rename(columns={old: "new name"})
        return Renamed(frame) if method == "ancombc2" else frame

    monkeypatch.setattr(composition, name, renamed)
    study = simulate(1, subjects=4, per=2 if method == "dirmult_lme" else 1, features=10)
    with pytest.raises(AnalysisError, match=rf"no column {re.escape(old)}.*new name"):
        differential_abundance(study, "drug", "no", method, subject="mouse", draws=4)


# ---- the same numbers as scipy, statsmodels and nlme ----


def test_clr_of_two_arms_is_welch():
    study = simulate(11, subjects=7, fold=[1.0] * 3 + [0.0] * 27)
    y = centred(study)
    treated = study.metadata["drug"] == "yes"
    ours = clr_test(study, "drug", "no").table
    theirs = stats.ttest_ind(y[treated], y[~treated], equal_var=False)
    interval = theirs.confidence_interval(0.95)
    np.testing.assert_allclose(ours["effect"], y[treated].mean() - y[~treated].mean(), rtol=1e-11)
    np.testing.assert_allclose(ours["p_value"], theirs.pvalue, rtol=1e-10)
    np.testing.assert_allclose(ours["ci_low"], interval.low, rtol=1e-9)
    np.testing.assert_allclose(ours["ci_high"], interval.high, rtol=1e-9)


def test_clr_with_covariates_is_least_squares():
    study = simulate(12, subjects=9, features=8)
    study = with_columns(study, site=list("abc") * 6)
    ours = clr_test(study, "drug", "no", covariates=["age", "site"]).table
    x = pd.DataFrame(
        {
            "one": 1.0,
            "drug": study.metadata["drug"] == "yes",
            "age": study.metadata["age"],
            "b": study.metadata["site"] == "b",
            "c": study.metadata["site"] == "c",
        }
    ).astype(float)
    for row, (_, y) in zip(ours.itertuples(), centred(study).items(), strict=True):
        fit = sm.OLS(y, x).fit()
        expected = [fit.params["drug"], *fit.conf_int().loc["drug"], fit.pvalues["drug"]]
        np.testing.assert_allclose([row.effect, row.ci_low, row.ci_high, row.p_value], expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("design", "arguments"),
    [
        ("mouse", {"treatment": "drug", "reference": "no", "subject": "mouse"}),
        ("cage_mouse", {"treatment": "drug", "reference": "no", "subject": "mouse", "cluster": "cage"}),
        (
            "cage_mouse_age",
            {
                "treatment": "drug",
                "reference": "no",
                "subject": "mouse",
                "cluster": "cage",
                "covariates": ["age"],
            },
        ),
        ("food_within_mouse", {"treatment": "food", "reference": "chow", "subject": "mouse"}),
    ],
)
def test_clr_mixed_models_are_those_of_lme4_and_nlme(design, arguments):
    """Reference: tests/reference/abundance_mixed.R (REML of lme4 1.1, degrees of freedom of nlme 3.1)."""
    table = pd.read_csv(REFERENCE / "abundance_mixed_counts.csv", index_col="sample")
    counts = table[[f"f{k}" for k in range(1, 7)]]
    study = Study.from_frame(counts, table[["cage", "mouse", "drug", "food", "age"]])
    theirs = pd.read_csv(REFERENCE / "abundance_mixed.csv").query("design == @design")
    ours = clr_test(study, **arguments).table
    np.testing.assert_allclose(ours["effect"], theirs["estimate"], atol=1e-7)
    np.testing.assert_allclose(ours["p_value"], theirs["p"], rtol=1e-6)
    half = stats.t.ppf(0.975, theirs["df"]) * theirs["se"]
    np.testing.assert_allclose((ours["ci_high"] - ours["ci_low"]) / 2, half, rtol=1e-6)


def test_one_sample_before_and_one_after_is_the_paired_test():
    study = simulate(21, subjects=6, per=2, within=True, features=12)
    ours = clr_test(study, "drug", "no", subject="mouse").table
    y = centred(study).set_axis(pd.MultiIndex.from_frame(study.metadata[["mouse", "drug"]]))
    differences = y.xs("yes", level="drug") - y.xs("no", level="drug")
    theirs = stats.ttest_1samp(differences, 0)
    # REML is the paired test where mice differ at all (a variance that is not set to 0)
    spread = y.groupby("mouse").mean().var() > differences.var() / 4
    assert spread.sum() >= 6
    np.testing.assert_allclose(ours["effect"], differences.mean(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours["p_value"][spread.to_numpy()], theirs.pvalue[spread], rtol=1e-6)


def test_a_treatment_of_whole_cages_is_tested_between_cages():
    study = simulate(22, subjects=12, mice_a_cage=3, features=12)
    ours = clr_test(study, "drug", "no", cluster="cage").table
    means = centred(study).groupby([study.metadata["drug"], study.metadata["cage"]]).mean()
    theirs = stats.ttest_ind(means.loc["yes"], means.loc["no"])  # balanced: t of the cage means, 6 df
    within = centred(study).groupby(study.metadata["cage"]).var().mean()
    spread = (means.groupby("drug").var().mean() > within / 3).to_numpy()
    assert spread.sum() >= 6
    np.testing.assert_allclose(ours["p_value"][spread], theirs.pvalue[spread], rtol=1e-6)


# ---- changes from baseline ----


def changing(per=4, follow_up=(2, 3), **kwargs):
    """Simulated mice seen at visit 0, the baseline, and later, with their roles."""
    study = simulate(31, per=per, **{"subjects": 6, **kwargs})
    return study.with_roles(
        subject="mouse", time="visit", treatment="drug", reference="no", baseline=0, follow_up=follow_up
    )


def test_changes_are_one_number_a_subject():
    study = changing(features=9)
    result = clr_test(study)
    y = centred(study.select(samples=study.metadata["visit"] != 1))
    visit, mouse = study.metadata.loc[y.index, "visit"], study.metadata.loc[y.index, "mouse"]
    change = y[visit > 0].groupby(mouse).mean() - y[visit == 0].groupby(mouse).mean()
    arm = study.metadata.groupby("mouse")["drug"].first()
    theirs = stats.ttest_ind(change[arm == "yes"], change[arm == "no"], equal_var=False)
    np.testing.assert_allclose(result.table["p_value"], theirs.pvalue, rtol=1e-9)
    assert set(result.left_out) == set(study.sample_ids[study.metadata["visit"] == 1])
    assert "changes from baseline to follow-up of 6 no and 6 yes values of 'mouse'" in result.model


def test_a_subject_without_baseline_is_refused_or_left_out_and_named():
    study = changing(features=9)
    gone = study.metadata.index[(study.metadata["mouse"] == "m03") & (study.metadata["visit"] == 0)]
    study = study.select(samples=~study.sample_ids.isin(gone))
    refused(study, DesignError, ["1 of 12 values of 'mouse' lack", "'m03'", "missing='drop'"], method="clr")
    result = clr_test(study, missing="drop")
    assert "6 no and 5 yes" in result.model
    assert {"s013", "s014", "s015"} <= set(result.left_out)


def test_what_the_treatment_column_says_at_baseline_is_not_read():
    study = changing(features=5)
    expected = clr_test(study).table
    study = with_cells(study, study.metadata["visit"] == 0, "drug", "no")
    pd.testing.assert_frame_equal(clr_test(study).table, expected)
    study = with_cells(study, study.metadata["visit"] == 0, "drug", None)
    pd.testing.assert_frame_equal(clr_test(study).table, expected)


def test_changes_adjust_for_a_covariate_or_for_its_change():
    study = changing(features=5)
    metadata = study.metadata.assign(
        birth=study.metadata["mouse"].map(
            {m: float(k) for k, m in enumerate(study.metadata["mouse"].unique())}
        )
    )
    study = Study(study.counts, study.sample_ids, study.feature_ids, metadata, roles=study.roles)
    ours = clr_test(study, covariates=["birth", "age"]).table
    keep = metadata["visit"] != 1
    y, described = centred(study)[keep], metadata[keep]
    late = described["visit"] > 0

    def change(values):
        return (
            values[late].groupby(described["mouse"]).mean() - values[~late].groupby(described["mouse"]).mean()
        )

    first = described.groupby("mouse").first()
    x = pd.DataFrame(
        {"one": 1.0, "drug": first["drug"] == "yes", "birth": first["birth"], "age": change(described["age"])}
    ).astype(float)
    for row, name in zip(ours.itertuples(), y, strict=True):
        fit = sm.OLS(change(y[name]), x).fit()
        np.testing.assert_allclose(
            [row.effect, row.p_value], [fit.params["drug"], fit.pvalues["drug"]], rtol=1e-7
        )


def test_changes_of_mice_in_cages_use_the_cages():
    study = changing(subjects=8, mice_a_cage=2, features=6)
    layout = lay_out(study, None, None, [], None, "cage", "auto", "raise")
    assert list(layout.changes.layout.groups) == ["cage"]
    assert layout.changes.layout.counted() == "4 no and 4 yes values of 'cage' (16 samples)"
    assert clr_test(study, cluster="cage").table["p_value"].notna().all()


def test_dirmult_lme_takes_changes_of_one_sample_a_period():
    study = changing(per=2, follow_up=1, features=6)
    result = differential_abundance(study, method="dirmult_lme", draws=8)
    assert "random intercept of 'mouse'" in result.model
    assert result.table["p_value"].notna().all()


def test_a_treatment_that_changes_within_subjects_is_compared_as_it_is():
    study = simulate(33, subjects=5, per=4, within=True, features=6).with_roles(
        subject="mouse", time="visit", treatment="drug", reference="no", baseline=0, follow_up=[1, 2]
    )
    result = clr_test(study)
    assert "'mouse x drug'" in result.model
    assert not result.left_out
    refused(study, DesignError, ["changes within values of 'mouse'"], method="clr", compare="change")
    one_arm = study.with_roles(follow_up=1)
    refused(one_arm, DesignError, ["same value: 'yes'", "compare='level'"], method="clr")


# ---- several arms, defaults, order ----


def test_three_arms_are_each_compared_with_the_reference():
    study = simulate(41, subjects=9, features=10)
    given = np.where(study.metadata["drug"] == "no", "none", np.resize(["low", "low", "high", "high"], 18))
    study = with_columns(study, arm=given)
    result = clr_test(study, "arm", "none")
    assert result.table["contrast"].unique().tolist() == ["high - none", "low - none"]
    pair = study.select(samples=study.metadata["arm"] != "low")
    two = clr_test(pair, "arm", "none")
    np.testing.assert_allclose(result.table["effect"][:10], two.table["effect"], rtol=1e-12)
    np.testing.assert_allclose(result.table["q_value"][:10], two.table["q_value"], rtol=1e-12)


def test_ancombc2_gives_no_fold_change_for_a_feature_absent_from_the_reference(sparse_study):
    """With three arms scikit-bio, like R, would compare two treated arms here, and call it the reference."""
    metadata = sparse_study.metadata.assign(arm=["none"] * 12 + ["a", "b"] * 6)
    study = Study(sparse_study.counts, sparse_study.sample_ids, sparse_study.feature_ids, metadata)
    table = differential_abundance(study, "arm", "none", pseudocount=0).table
    absent = table[table["structural_zero"] == "none"]
    assert set(absent["feature"]) >= {"f00"}
    assert absent[["effect", "p_value", "q_value"]].isna().all(axis=None)


def test_structural_zeros_name_the_arm(sparse_study):
    table = clr_test(sparse_study, "drug", "no").table.set_index("feature")
    assert table.loc["f00", "structural_zero"] == "no"
    assert table.loc["f01", "structural_zero"] == "yes"
    assert (table["structural_zero"] == "").sum() >= 15
    assert table.loc["f00", "prevalence"] == (sparse_study.to_frame()["f00"] > 0).mean()


def test_roles_are_the_defaults_and_rank_collapses():
    study = load_dataset("turnbaugh_mice")
    last = study.metadata.query("days_since_switch == 28").index
    study = study.select(samples=list(last))
    by_role = clr_test(study, rank="Family")
    by_name = clr_test(study.collapse("family"), "diet_group", "BK throughout", subject="mouseID")
    pd.testing.assert_frame_equal(by_role.table, by_name.table)
    assert len(by_role.skipped) + by_role.n_tested == len(study.collapse("Family").feature_ids)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_samples_and_features_changes_nothing(method):
    study = simulate(51, subjects=6, features=20)
    rng = np.random.default_rng(0)
    samples, features = rng.permutation(study.sample_ids), rng.permutation(study.feature_ids)
    shuffled = study.select(samples=samples, features=features)
    first = differential_abundance(study, "drug", "no", method).table.set_index("feature")
    second = differential_abundance(shuffled, "drug", "no", method).table
    assert second["feature"].tolist() == list(features)
    pd.testing.assert_frame_equal(first.loc[features], second.set_index("feature"), check_exact=True)


def test_a_seed_gives_the_same_draws_and_another_seed_others():
    study = simulate(52, subjects=5, features=10)
    first, again, other = (
        differential_abundance(study, "drug", "no", "dirmult", seed=seed).table["p_value"]
        for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


# ---- q-values ----


@pytest.mark.parametrize(("fdr", "name"), [("bh", "fdr_bh"), ("by", "fdr_by"), ("holm", "holm")])
def test_adjusted_p_values_are_those_of_statsmodels(fdr, name):
    p = np.random.default_rng(4).uniform(0, 0.3, 25)
    p[3] = p[7]
    np.testing.assert_allclose(adjust(p, fdr), multipletests(p, method=name)[1], rtol=1e-12)
    holes = np.insert(p, [5, 10], np.nan)
    np.testing.assert_allclose(adjust(holes, fdr)[np.isfinite(holes)], adjust(p, fdr))
    assert np.isnan(adjust(np.array([np.nan, np.nan]), fdr)).all()


# ---- simulated truth ----


@pytest.mark.parametrize("method", METHODS)
def test_simulated_fold_changes_are_recovered(method):
    """Simulated: 3 of 40 features rise by 2 on the log scale (7.4-fold), 3 fall by 2, the others stay."""
    fold = np.r_[[2.0] * 3, [-2.0] * 3, [0.0] * 34]
    found = [
        differential_abundance(simulate(s, subjects=15, features=40, fold=fold), "drug", "no", method).table
        for s in range(4)
    ]
    effects = np.array([table["effect"] for table in found])
    assert (np.sign(effects[:, :6]) == np.sign(fold[:6])).all()
    # standard error of one estimate: sqrt((.4^2 + .5^2) * 2/15) = .23; of the mean over 4 x 3: .07
    np.testing.assert_allclose(effects[:, :3].mean(), 2.0, atol=0.25)
    np.testing.assert_allclose(effects[:, 3:6].mean(), -2.0, atol=0.25)
    np.testing.assert_allclose(effects[:, 6:].mean(), 0.0, atol=0.1)
    discoveries = [(table["q_value"] <= 0.05).to_numpy() for table in found]
    assert np.mean([d[:6].mean() for d in discoveries]) > 0.8
    assert np.mean([d[6:].sum() / max(d.sum(), 1) for d in discoveries]) < 0.15


def test_simulated_null_clr_rejects_at_its_level():
    """Simulated: 60 tables x 30 features without effect; features are nearly independent."""
    p = np.concatenate([clr_test(simulate(s, subjects=8), "drug", "no").table["p_value"] for s in range(60)])
    standard_error = np.sqrt(0.05 * 0.95 / len(p))
    assert abs(np.mean(p < 0.05) - 0.05) < 4 * standard_error


def test_simulated_mice_in_cages_need_the_cage():
    """Simulated: a null treatment of whole cages. Mice as units reject too often; cages hold the level."""
    studies = [simulate(s, subjects=12, mice_a_cage=4, features=10) for s in range(10)]
    naive = np.concatenate([clr_test(s, "drug", "no").table["p_value"] for s in studies])
    proper = np.concatenate([clr_test(s, "drug", "no", cluster="cage").table["p_value"] for s in studies])
    assert np.mean(naive < 0.05) > 0.15
    assert np.mean(proper < 0.05) < 0.10


def test_simulated_answers_that_differ_between_subjects_do_not_pass_for_certainty():
    """Simulated: mice answer to the treatment in their own ways, with mean zero; 6 samples of each state."""
    studies = [simulate(s, subjects=4, per=12, within=True, slope_sd=0.8, features=6) for s in range(5)]
    p = np.concatenate([clr_test(s, "drug", "no", subject="mouse").table["p_value"] for s in studies])
    assert np.mean(p < 0.05) < 0.12  # a random intercept alone would give some .4


@pytest.mark.long
@pytest.mark.parametrize(
    ("method", "tables", "design", "arguments", "at_most"),
    [
        ("clr", 80, {"subjects": 10}, {}, 0.05),
        ("clr", 30, {"subjects": 6, "per": 3}, {"subject": "mouse"}, 0.05),
        ("clr", 15, {"subjects": 6, "per": 4, "within": True}, {"subject": "mouse"}, 0.05),
        ("clr", 40, {"subjects": 16, "mice_a_cage": 4}, {"cluster": "cage"}, 0.05),
        ("ancombc2", 80, {"subjects": 10}, {}, 0.05),
        ("dirmult", 80, {"subjects": 10}, {}, 0.05),
        # normal statistics: 20 mice are nearly enough for them, 8 are not (about .08)
        ("dirmult_lme", 80, {"subjects": 10, "per": 3}, {"subject": "mouse", "draws": 32}, 0.06),
    ],
)
def test_size_of_each_method_on_simulated_null_tables(method, tables, design, arguments, at_most):
    """Simulated tables of 30 features without effect: rejections at .05, within three Monte Carlo errors."""
    results = [
        differential_abundance(simulate(s, **design), "drug", "no", method, **arguments)
        for s in range(tables)
    ]
    p = np.concatenate([result.table["p_value"] for result in results])
    assert np.isfinite(p).all()
    assert np.mean(p < 0.05) < at_most + 3 * np.sqrt(0.05 * 0.95 / len(p))


def test_mice_that_switched_diet_change_as_their_plain_fractions_do():
    """The diet switch of Turnbaugh 2009 (doi:10.1126/scitranslmed.3000322): a large effect, not of Botox."""
    study = load_dataset("turnbaugh_mice")
    result = clr_test(study, rank="Class", missing="drop")
    assert "5 BK throughout and 6 switched to Western" in result.model  # PM7 has no sample of day 0
    table = result.table.set_index("feature")
    classes = study.collapse("Class")
    share = classes.to_frame().div(classes.depths, axis=0)
    day, group = study.metadata["days_since_switch"], study.metadata["diet_group"]
    late, early = share[day > 0].groupby(group).mean(), share[day == 0].groupby(group).mean()
    apart = (late - early).loc["switched to Western"] - (late - early).loc["BK throughout"]
    for name in ("Erysipelotrichi", "Bacilli", "Bacteroidetes"):
        assert np.sign(table.loc[name, "effect"]) == np.sign(apart[name])
        assert table.loc[name, "q_value"] < 0.05
    assert table.loc["Erysipelotrichi", "ci_low"] > 0
    assert table.loc["Bacteroidetes", "ci_high"] < 0


# ---- the table, fractions, the picture ----


def test_the_columns_are_this_projects_own(sparse_study):
    result = clr_test(sparse_study, "drug", "no", min_prevalence=0.9)
    assert tuple(result.table.columns) == COLUMNS
    assert COLUMNS[:7] == ("feature", "effect", "ci_low", "ci_high", "p_value", "q_value", "prevalence")
    prevalence = (sparse_study.to_frame() > 0).mean()
    assert set(result.skipped) == set(prevalence.index[prevalence < 0.9])
    assert result.n_tested == (prevalence >= 0.9).sum()
    assert result.effect_unit == "natural log of the fold change, arm over no"
    changed = result.to_frame()
    changed["effect"] = 0.0
    assert (result.table["effect"] != 0).all()


def test_significant_rows_and_html():
    result = clr_test(simulate(61, fold=[3.0] + [0.0] * 29), "drug", "no")
    assert result.significant["feature"].iloc[0] == "f00"
    assert (result.significant["q_value"] <= 0.05).all()
    html = result._repr_html_()
    assert "f00" in html
    assert "too rare to test" in html


def test_fractions_have_log_ratios_but_no_counting_tests():
    study = simulate(62, subjects=5, features=10)
    shares = study.to_frame().div(study.depths, axis=0)
    shares.iloc[0, 0] = 0.0
    fractions = Study.from_frame(shares, study.metadata)
    result = clr_test(fractions, "drug", "no")
    half = shares.to_numpy()[shares.to_numpy() > 0].min() / 2
    assert f"{half:.3g} added" in result.model
    y = centred(fractions, half)
    treated = study.metadata["drug"] == "yes"
    theirs = stats.ttest_ind(y[treated], y[~treated], equal_var=False).pvalue
    np.testing.assert_allclose(result.table["p_value"], theirs, rtol=1e-9)
    for method in ("ancombc2", "dirmult", "dirmult_lme"):
        with pytest.raises(DesignError, match="the table holds fractions"):
            differential_abundance(fractions, "drug", "no", method)


# ---- refusals ----


def refused(study, error, words, *args, **kwargs):
    with pytest.raises(error) as caught:
        differential_abundance(study, *args, **kwargs)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_wrong_arguments_are_named_all_at_once():
    words = ["4 faults", "did you mean 'ancombc2'", "alpha=", "min_prevalence=", "did you mean 'holm'"]
    refused(simulate(1), ParameterError, words, "drug", "no", "ancombc", alpha=5, min_prevalence=7, fdr="hol")


def test_unknown_columns_and_levels_come_with_the_nearest():
    study = simulate(1)
    words = ["2 faults", "no column 'dru'", "did you mean 'drug'", "'agee'", "did you mean 'age'"]
    refused(study, MetadataError, words, "dru", "no", covariates=["agee"])
    refused(study, ParameterError, ["no sample has 'No'", "did you mean 'no'"], "drug", "No")
    refused(study, ParameterError, ["no reference arm", "'no', 'yes'"], "drug")
    refused(study, MetadataError, ["no column says what was given"])


def test_missing_values_are_counted_and_named():
    study = simulate(1, subjects=3)
    study = with_cells(study, ["s001", "s003"], "drug", None)
    study = with_cells(study, "s002", "age", np.nan)
    study = with_cells(study, "s000", "mouse", "")
    words = ["2 faults", "1 of 6", "'s002'", "column 'age'", "'s000'", "column 'mouse'"]
    refused(study, MetadataError, words, "drug", "no", covariates=["age"], subject="mouse")
    refused(study, MetadataError, ["2 of 6 samples have no value: 's001', 's003'"], "drug", "no")
    result = clr_test(simulate_with_gap(), "drug", "no", missing="drop")
    assert result.left_out == ("s001",)
    assert "1 samples left out" in result.model


def simulate_with_gap():
    study = simulate(1, subjects=4)
    return with_cells(study, "s001", "drug", None)


def test_designs_without_an_answer_are_refused():
    study = simulate(1, subjects=3, features=8)
    one = study.select(samples=study.metadata["drug"] == "no")
    refused(one, DesignError, ["all 3 samples have the same value"], "drug", "no")
    few = study.select(samples=["s000", "s001", "s002"])
    refused(few, DesignError, ["1 of 2 arms have a single sample: 'yes'"], "drug", "no")
    study = with_columns(study, also=study.metadata["drug"].map({"no": "x", "yes": "y"}))
    refused(study, DesignError, ["cannot be told apart"], "drug", "no", covariates=["also"])
    study = with_columns(study, same=1)
    refused(study, DesignError, ["'same' has one value only"], "drug", "no", covariates=["same"])
    refused(study, MetadataError, ["'drug' is among the covariates"], "drug", "no", covariates=["drug"])
    study = with_columns(study, room=study.metadata["drug"].map({"no": "r1", "yes": "r2"}))
    words = ["whole values of 'room'", "no (1), yes (1)"]
    refused(study, DesignError, words, "drug", "no", "clr", cluster="room")
    study = with_columns(study, p=[1, 2, 3, 4, 5, 9], q=[3, 1, 4, 1, 5, 9], r=[2, 7, 1, 8, 2, 8])
    refused(study, DesignError, ["leave nothing"], "drug", "no", "clr", covariates=["age", "p", "q", "r"])


@pytest.mark.parametrize("method", ["ancombc2", "dirmult"])
def test_methods_for_independent_samples_refuse_repeated_ones(method):
    repeated = simulate(2, subjects=3, per=3)
    words = ["share a value of 'mouse'", "use method='clr'"]
    refused(repeated, DesignError, words, "drug", "no", method, subject="mouse")
    refused(changing(), DesignError, ["baseline and follow-up"], method=method)
    crossed = simulate(2, subjects=3, per=2, within=True)
    refused(
        crossed,
        DesignError,
        ["among the covariates"] if method == "ancombc2" else ["independent"],
        "drug",
        "no",
        method,
        subject="mouse",
    )
    if method == "ancombc2":  # subjects as fixed blocks: allowed
        blocked = differential_abundance(crossed, "drug", "no", covariates=["mouse"], subject="mouse")
        assert blocked.table["p_value"].notna().any()


def test_what_single_methods_cannot_do():
    study = simulate(2, subjects=4, per=2, mice_a_cage=2)
    refused(simulate(2), DesignError, ["takes no covariates"], "drug", "no", "dirmult", covariates=["age"])
    words = ["one grouping, and 2 are shared", "'cage' and 'mouse'", "method='clr'"]
    refused(study, DesignError, words, "drug", "no", "dirmult_lme", subject="mouse", cluster="cage")
    refused(simulate(2), DesignError, ["and 0 are shared"], "drug", "no", "dirmult_lme", subject="mouse")
    words = ["one baseline and one follow-up sample", "24 samples of 12 subjects"]
    refused(changing(), DesignError, words, method="dirmult_lme")
    refused(simulate(2), ParameterError, ["no logarithm"], "drug", "no", "clr", pseudocount=0)


def test_a_subject_in_two_cages_is_refused():
    study = simulate(3, subjects=4, per=2, mice_a_cage=2)
    study = with_cells(study, "s001", "cage", "c09")
    words = ["1 value(s) of 'mouse' are in more than one 'cage': 'm00'"]
    refused(study, DesignError, words, "drug", "no", "clr", subject="mouse", cluster="cage")


def test_changes_need_subjects_and_steady_categories():
    study = simulate(4, per=2).with_roles(
        time="visit", treatment="drug", reference="no", baseline=0, follow_up=1
    )
    refused(study, DesignError, ["20 baseline samples", "whose they are"], method="clr")
    refused(simulate(4), DesignError, ["no samples of both baseline"], "drug", "no", "clr", compare="change")
    study = changing()
    study = with_columns(study, diet=np.where(study.metadata["visit"] > 1, "fat", "chow"))
    refused(study, DesignError, ["the category 'diet' changes"], method="clr", covariates=["diet"])


def test_tables_without_enough_in_them_are_refused():
    study = simulate(5, subjects=3, features=6)
    rare = Study.from_frame(study.to_frame() * [1, 0, 0, 0, 0, 0], study.metadata)
    refused(rare, TableError, ["1 of 6 features are in 10% of the samples or more"], "drug", "no")
    counts = study.to_frame()
    counts.iloc[2] = 0
    refused(Study.from_frame(counts, study.metadata), TableError, ["no reads: 's002'"], "drug", "no")
    counts.iloc[2, 5] = 7
    counts.iloc[[0, 1, 3, 4, 5], 5] = 0
    words = ["1 sample(s) have none of the 5 features that are tested: 's002'"]
    refused(Study.from_frame(counts, study.metadata), TableError, words, "drug", "no", min_prevalence=0.5)


def test_what_scikit_bio_cannot_fit_is_said_in_words(monkeypatch):
    import skbio.stats.composition as composition

    def fails(*_args, **_kwargs):
        raise ValueError("No estimable features remain")

    monkeypatch.setattr(composition, "ancombc2", fails)
    refused(
        simulate(6),
        DesignError,
        ["could not fit", "No estimable features remain", "method='clr'"],
        "drug",
        "no",
    )
