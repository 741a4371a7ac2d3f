"""Fitting a pilot: its parts against closed forms, the whole against the table, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import hypergeom, norm

from analysis.errors import DesignError, ParameterError, ReadError, TableError
from analysis.pilots import fit_pilot, list_pilots, load_pilot, resampled
from analysis.pilots.marginals import Z_NODES, adjust_quantiles, fit_marginals
from analysis.pilots.plans import plan_arms
from analysis.pilots.reading import read_pilot
from analysis.pilots.samples import choose_columns
from analysis.pilots.simulator import Simulator
from analysis.pilots.targets import LEAST_RANK_CORRELATION, Pairs, expected_prevalence, figures_of, fit_table
from analysis.pilots.usual_models import compare_models, usual_models
from analysis.study import Study

HUMAN_WITH_REPEATS = {"tap_fibre", "david_diet"}
COHORTS = ["baxter", "escobar", "goodrich", "hmp", "ross", "schubert", "turnbaugh", "wu", "zeevi", "zupancic"]


@pytest.fixture(scope="module")
def people():
    """A pilot of one sample a person."""
    return load_pilot("sze_ross")


@pytest.fixture(scope="module")
def table(people):
    """A study of 60 people, drawn from that pilot."""
    return people.simulate(n_subjects=60, seed=11)


@pytest.fixture(scope="module")
def refitted(table):
    """The pilot of that study."""
    return fit_pilot(table.with_roles(subject="subject"), max_taxa=400, seed=1)


def test_marginals_find_the_shares_behind_the_reads():
    rng = np.random.default_rng(1)
    depths = rng.integers(3_000, 9_000, 400)
    shares = np.column_stack(
        [
            rng.gamma(2.0, 0.01, 400),
            np.where(rng.random(400) < 0.3, rng.lognormal(-5, 0.5, 400), 0.0),
            np.full(400, 0.002),
        ]
    )
    found = fit_marginals(rng.poisson(shares * depths[:, None]), depths)
    weights = norm.pdf(Z_NODES)
    weights /= weights.sum()
    means = np.exp(found.log_quantiles) @ weights
    np.testing.assert_allclose(means, shares.mean(axis=0), rtol=0.06)
    # The gamma's dispersion is 1 / 2; that of reads which vary by chance alone is 0.
    variance = np.exp(2 * found.log_quantiles) @ weights - means**2
    assert variance[0] / means[0] ** 2 == pytest.approx(0.5, rel=0.25)
    assert variance[2] / means[2] ** 2 < 0.05
    present = (found.log_quantiles[1] > np.log(5e-4)) @ weights
    assert present == pytest.approx((shares[:, 1] > 0).mean(), abs=0.03)


def test_scores_are_the_order_of_the_shares():
    rng = np.random.default_rng(2)
    shares = rng.lognormal(-3, 1, (150, 1))
    depths = np.full(150, 20_000)
    scores = fit_marginals(rng.poisson(np.minimum(shares, 0.9) * 20_000), depths).scores[:, 0]
    assert pd.Series(scores).corr(pd.Series(shares[:, 0]), method="spearman") > 0.995
    assert scores.mean() == pytest.approx(0, abs=0.02)
    assert scores.std() == pytest.approx(1, abs=0.1)


def test_adjusting_by_nothing_changes_nothing():
    quantiles = np.sort(np.random.default_rng(3).normal(-8, 2, (4, len(Z_NODES))), axis=1)
    same = adjust_quantiles(quantiles, -12.0, shift=0.0, spread=1.0, exponent=1.0)
    np.testing.assert_allclose(same, quantiles, atol=1e-12)
    moved = adjust_quantiles(quantiles, -12.0, shift=0.125, spread=1.0, exponent=1.0)
    np.testing.assert_allclose(moved[:, :-1], quantiles[:, 1:], atol=1e-9)  # one node on


def test_expected_prevalence_is_that_of_all_rarefactions():
    counts = np.array([[5, 0, 40], [1, 2, 97]])
    depths = np.array([45, 100])
    found = expected_prevalence(counts, depths, 20)
    missed = hypergeom.pmf(0, depths[:, None], counts, 20)
    np.testing.assert_allclose(found, 1 - missed.mean(axis=0), rtol=1e-9)


def test_likeness_is_the_intraclass_correlation():
    rng = np.random.default_rng(4)
    plan = plan_arms([3_000], times=(1, 2, 3))
    values = np.sqrt(0.6) * rng.standard_normal(3_000)[plan.subject] + np.sqrt(0.4) * rng.standard_normal(
        9_000
    )
    small = plan_arms([200], times=(1, 2, 3))
    estimates = [
        Pairs(small).likeness(values[start : start + 600])["subject"] for start in range(0, 9_000, 600)
    ]
    assert np.mean(estimates) == pytest.approx(0.6, abs=4 * np.std(estimates) / np.sqrt(15))


def test_figures_of_a_small_table_by_hand():
    table = np.array([[5, 5, 0], [10, 0, 0], [5, 5, 0], [0, 0, 10]])
    figures = figures_of(table, Pairs(plan_arms([2], times=(1, 2))))
    assert figures["shannon_median"] == pytest.approx(np.log(2) / 2)
    assert figures["richness_mean"] == pytest.approx(1.5)
    # Within subjects .5 and 1; between them 0, 1, .5 and 1.
    assert figures["bray_curtis_mean"] == pytest.approx(0.625)
    assert figures["subject_gap"] == pytest.approx(0.625 - 0.75)


def test_columns_keep_the_common_and_share_the_rare():
    prevalence = np.concatenate([np.full(30, 0.5), np.full(200, 0.02), [0.0]])
    share = np.full(231, 1e-5)
    share[100] = 0.01  # rare but abundant where it is
    column = choose_columns(prevalence, share, 60)
    assert column[-1] == -1
    assert len(np.unique(column[:30])) == 30
    assert (column == column[100]).sum() == 1
    assert column.max() < 60
    sizes = np.bincount(column[column >= 0])[31:]
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.long
def test_a_pilot_finds_again_what_it_was_drawn_from(people, refitted):
    assert refitted.fit.loc["shannon_sd", "real"] == pytest.approx(
        people.fit.loc["shannon_sd", "real"], rel=0.3
    )
    for name in ("shannon_median", "shannon_sd", "bray_curtis_mean", "bray_curtis_sd", "richness_mean"):
        assert refitted.fit.loc[name, "met"], refitted.fit.loc[name]
    # Columns of several rare taxa were all about equally prevalent: they have no order to find.
    taxa = refitted.taxa[
        ~refitted.taxa.index.str.contains("rare taxa") & (refitted.taxa["prevalence"] >= 0.05)
    ]
    drawn = Simulator(refitted, plan_arms([2_000])).batch(np.random.default_rng(8), 1)[0]
    seen = pd.Series((drawn > 0).mean(axis=0), index=refitted.taxa.index)[taxa.index]
    assert seen.corr(taxa["prevalence"], method="spearman") > LEAST_RANK_CORRELATION


@pytest.mark.long
def test_the_same_seed_gives_the_same_pilot_and_the_same_bytes(table, refitted, tmp_path):
    again = fit_pilot(table.with_roles(subject="subject"), max_taxa=400, seed=1)
    refitted.save(tmp_path / "one.npz")
    again.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_saved_pilot_simulates_what_it_did(people, tmp_path):
    people.save(tmp_path / "pilot.npz")
    back = read_pilot(tmp_path / "pilot.npz")
    assert list(back.taxa.index) == list(people.taxa.index)
    assert back.depth == people.depth
    plan = plan_arms([200])
    pairs = Pairs(plan)
    first, second = (
        figures_of(Simulator(p, plan).batch(np.random.default_rng(5), 1)[0], pairs) for p in (people, back)
    )
    for name, value in first.items():
        assert second[name] == pytest.approx(value, rel=0.02), name


def test_a_damaged_pilot_is_refused(tmp_path):
    path = tmp_path / "pilot.npz"
    path.write_bytes(b"not a pilot")
    with pytest.raises(ReadError, match=r"written by Pilot\.save"):
        read_pilot(path)


@pytest.mark.long
def test_what_a_pilot_says_of_each_taxon(refitted, table):
    frame = refitted.to_frame()
    reads = table.counts.toarray()
    name = frame["mean_share"].idxmax()
    share = reads[:, list(table.feature_ids).index(name)] / reads.sum(axis=1)
    assert frame.loc[name, "mean_share"] == pytest.approx(share.mean())
    noise = (share / reads.sum(axis=1)).mean()
    assert frame.loc[name, "dispersion"] == pytest.approx((share.var(ddof=1) - noise) / share.mean() ** 2)
    np.testing.assert_allclose(
        frame.filter(like="_share").drop(columns="mean_share").sum(axis=1), 1, atol=1e-6
    )


@pytest.mark.long
def test_resampled_pilots_vary_as_estimates_do(refitted, table):
    study = table.with_roles(subject="subject")
    half = resampled(refitted, seed=3, study=study)
    fresh = resampled(refitted, seed=3)
    assert half.source["samples"] <= 30
    assert abs(fresh.source["samples"] - refitted.source["samples"]) <= 3
    for other in (half, fresh):
        assert other.shannon["sd"] != refitted.shannon["sd"]
        assert other.shannon["sd"] == pytest.approx(refitted.shannon["sd"], rel=0.5)


def _study(counts, **columns):
    ids = [f"s{i}" for i in range(len(counts))]
    metadata = pd.DataFrame(columns, index=ids) if columns else None
    return Study(sparse.csr_array(counts), ids, [f"t{j}" for j in range(counts.shape[1])], metadata)


def test_tables_that_say_too_little_are_refused():
    counts = np.random.default_rng(0).poisson(20, (12, 30))
    with pytest.raises(DesignError, match="at least 8 samples"):
        fit_pilot(_study(counts[:5]))
    one = _study(counts, who=["a"] * 12).with_roles(subject="who")
    with pytest.raises(DesignError, match=r"1\d samples of one subject"):
        fit_pilot(one)
    with pytest.raises(DesignError, match="have 1,000,000 reads"):
        fit_pilot(_study(counts), depth=1_000_000)
    with pytest.raises(ParameterError, match="at least 20"):
        fit_pilot(_study(counts), max_taxa=3)


def test_units_that_do_not_nest_are_refused():
    counts = np.random.default_rng(0).poisson(20, (12, 30))
    study = _study(counts, mouse=list("abcdef") * 2, cage=["x"] * 6 + ["y"] * 6)
    with pytest.raises(DesignError, match=r"\d subjects stand in several clusters") as caught:
        fit_pilot(study.with_roles(subject="mouse", cluster="cage"))
    assert "unique across cages" in str(caught.value)
    with pytest.raises(DesignError, match="there is no column 'vendr'"):
        fit_pilot(study.with_roles(subject="mouse"), stratum="vendr")


def test_fractions_need_a_depth():
    shares = np.random.default_rng(0).dirichlet(np.ones(30), 20)
    with pytest.raises(TableError, match="fractions, not reads"):
        fit_pilot(_study(shares))


def test_only_untreated_samples_are_used(people):
    plain = people.simulate(n_subjects=40, seed=2)
    metadata = pd.DataFrame(
        {"drug": ["none"] * 20 + ["much"] * 20, "day": [1] * 20 + [0] * 10 + [1] * 10}, index=plain.sample_ids
    )
    study = Study(plain.counts, plain.sample_ids, plain.feature_ids, metadata)
    study = study.with_roles(treatment="drug", reference="none", time="day", baseline=0, follow_up=1)
    assert fit_pilot(study, max_taxa=60).source["samples"] == 30


def test_usual_models_keep_the_mean_composition():
    rng = np.random.default_rng(6)
    shares = rng.gamma(0.5, 1, (80, 40)) * np.geomspace(1, 1e-3, 40)
    table = rng.multinomial(2_000, shares / shares.sum(axis=1, keepdims=True))
    plan = plan_arms([80])
    mean = table.mean(axis=0) / 2_000
    for name, draw in usual_models(table, 2_000, Pairs(plan)).items():
        drawn = np.mean([draw(rng).mean(axis=0) / 2_000 for _ in range(20)], axis=0)
        assert drawn[0] == pytest.approx(mean[0], rel=0.25), name
        assert (np.argsort(drawn)[-3:] >= 0).all()


def test_a_dirichlet_multinomial_is_found_again():
    rng = np.random.default_rng(7)
    mean = rng.dirichlet(np.ones(30))
    table = rng.multinomial(3_000, rng.dirichlet(mean * 9, 3_000))
    draw = usual_models(table, 3_000, Pairs(plan_arms([3_000])))["dirichlet_multinomial"]
    drawn = draw(rng) / 3_000
    # The concentration 9 makes the variance of a share p (1 - p) / 10, and a little for the reads.
    expected = mean * (1 - mean) * (0.1 + 0.9 / 3_000)
    np.testing.assert_allclose(drawn.var(axis=0).sum(), expected.sum(), rtol=0.06)


def test_pilots_that_ship_say_where_they_come_from():
    listed = list_pilots()
    assert {f"sze_{name}" for name in COHORTS} <= set(listed.index)
    assert (listed["host"] == "human").sum() >= 4
    assert (listed["host"] == "mouse").sum() >= 3
    assert set(listed.index[listed["repeats"]]) >= HUMAN_WITH_REPEATS
    assert (listed["clusters"] > 0).any()
    for name in listed.index:
        told = load_pilot(name).source
        assert told["command"].endswith(name)
        checksums = [told["sha256"]] if "sha256" in told else [part["sha256"] for part in told["table"]]
        assert checksums
        assert all(len(checksum) == 64 for checksum in checksums)
        assert told["licence"]
        assert told["citation"]


def test_pilot_files_are_small():
    from analysis.paths import data_path

    sizes = {path.stem: path.stat().st_size for path in data_path("pilots").glob("*.npz")}
    assert sizes
    assert max(sizes.values()) < 200_000


def test_an_unknown_pilot_is_refused_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'sze_baxter'"):
        load_pilot("sze_baxte")


@pytest.mark.parametrize("name", ["sze_ross", "tap_fibre", "schubert_mice"])
def test_the_fit_that_a_pilot_reports_is_its_fit(name):
    pilot = load_pilot(name)
    codes = {level: np.array(code) for level, code in pilot.source["plan"].items()}
    none = np.zeros_like(codes["subject"])
    from analysis.pilots.plans import Plan

    pairs = Pairs(Plan(**codes, arm=none, time=none))
    tables = Simulator(pilot, pairs.plan).batch(np.random.default_rng(123), 12)
    real = pilot.fit["real"].drop("prevalence_rank_correlation").to_dict()
    figures = [figures_of(one, pairs) for one in tables]
    single = pilot.taxa["members"].to_numpy() == 1
    prevalence = pilot.taxa["prevalence"].to_numpy()[single]
    fresh = fit_table(real, figures, prevalence, (tables > 0).mean(axis=(0, 1))[single])
    # Saved in 16 bits and drawn anew: the figures of the report, within both Monte Carlo errors.
    error = np.hypot(fresh["se"], pilot.fit["se"])
    gap = (fresh["simulated"] - pilot.fit["simulated"]).abs()
    assert (gap <= 4 * error + 0.01 * fresh["simulated"].abs()).all(), (gap / error).to_string()
    assert not pilot.missed


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"study": "x"}, "study is a str"),
        ({"depth": 0}, "depth=0"),
        ({"depth": "x"}, "depth='x'"),
        ({"max_taxa": "x"}, "max_taxa='x'"),
        ({"max_taxa": 5}, "max_taxa=5"),
        ({"stratum": ["vendor"]}, "stratum is a list"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_arguments_of_a_fit_are_named(given, named):
    study = load_pilot("twins_genera").simulate(n_subjects=10, seed=1)
    with pytest.raises(ParameterError, match=named):
        fit_pilot(**({"study": study} | given))


def test_fractions_cannot_count_as_more_reads_than_are_simulated():
    reads = load_pilot("twins_genera").simulate(n_subjects=10, seed=1)
    shares = reads.counts.toarray() / reads.counts.toarray().sum(axis=1, keepdims=True)
    study = Study(shares, reads.sample_ids, reads.feature_ids, reads.metadata)
    with pytest.raises(ParameterError, match="at most 65,535"):
        fit_pilot(study, depth=10**9)


def test_usual_models_are_held_against_the_same_targets():
    """One concentration for all taxa loses the rare ones; an exponent widens Shannon as it should."""
    study = load_pilot("twins_genera").simulate(n_subjects=30, seed=3)
    table = compare_models(study, depth=1_000)
    plain, gamma, exponent = (
        table.loc[name] for name in ("dirichlet_multinomial", "gamma", "gamma_exponent")
    )
    assert plain["real"].equals(gamma["real"])
    assert plain["real"].equals(exponent["real"])
    assert plain.loc["richness_mean", "difference"] < -0.4
    assert abs(exponent.loc["shannon_sd", "difference"]) < 0.5 * abs(gamma.loc["shannon_sd", "difference"])
