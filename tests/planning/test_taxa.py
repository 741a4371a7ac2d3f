"""Power of differential abundance: the vectorised test against the public one, error rates, bad input."""

import numpy as np
import pandas as pd
import pytest

from analysis.designs import Design
from analysis.errors import ParameterError
from analysis.pilots import load_pilot
from analysis.pilots.effects import fold_change, shannon_change
from analysis.pilots.simulator import Simulator
from analysis.planning.designed_abundance import DesignedAbundance
from analysis.planning.power import power, power_curve, sample_size
from analysis.planning.results import SizeWarning, monte_carlo_error
from analysis.planning.taxa import TaxaEndpoint
from analysis.taxa.abundance import differential_abundance

POST = Design(20, baseline=0)
NAMED = ["Roseburia", "Dorea"]


@pytest.fixture(scope="module")
def genera():
    """A pilot of 132 genera in people."""
    return load_pilot("twins_genera")


@pytest.fixture(scope="module")
def endpoint(genera):
    """Two genera, by log-ratios."""
    return TaxaEndpoint(genera, NAMED, method="clr")


def publicly(test, table):
    """Run what a user would run on one table."""
    found = differential_abundance(test.study(table), "arm", "reference", test.method, fdr=test.fdr).table
    return found.set_index("feature").reindex(list(test.taxa))


@pytest.mark.parametrize(
    ("design", "fdr"),
    [
        (POST, "bh"),
        (Design(8, baseline=0, ratio=1.5, dropout=0.1), "holm"),
        (Design(9, baseline=1), "bh"),
        (Design(6, baseline=2, follow_up=3), "by"),
        (Design(6, baseline=2, model="pooled"), "bh"),
    ],
)
def test_together_as_one_by_one(genera, design, fdr):
    test = DesignedAbundance.of(design, tuple(genera.taxa.index), "clr", 0.1, fdr)
    assert test.together
    effect = fold_change(genera, dict.fromkeys(NAMED, 0.2))
    tables = Simulator(genera, test.plan, effect, icc=0.5).batch(np.random.default_rng(5), 4)
    for table, found in zip(tables, test.q_values(tables), strict=True):
        expected = publicly(test, table)["q_value"].to_numpy(dtype=float)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
        assert np.isnan(found).any()
        assert np.isfinite(found).any()


@pytest.mark.parametrize("design", [Design(6, baseline=0, follow_up=2), Design(8, cluster_size=2)])
def test_groups_go_through_the_mixed_model(design):
    pilot = load_pilot("tomkovich_mice")
    test = DesignedAbundance.of(design, tuple(pilot.taxa.index), "clr", 0.9, "bh")
    assert not test.together
    table = Simulator(pilot, test.plan).batch(np.random.default_rng(1), 1)
    q = test.q_values(table)[0]
    study = test.study(table[0])
    expected = differential_abundance(study, method="clr", min_prevalence=0.9)
    assert "mixed model" in expected.model
    np.testing.assert_array_equal(
        np.isfinite(q), np.isin(test.taxa, expected.table.dropna(subset="q_value")["feature"])
    )


def test_figures_and_their_errors(endpoint):
    found = power(POST, endpoint, 0.2, n_sim=300)
    assert found.effect == 0.2
    assert found.taxa["taxon"].tolist() == NAMED
    assert found.power == pytest.approx(found.taxa["power"].mean(), abs=1e-12)
    assert found.power_all <= found.power <= found.power_any
    assert 0.2 < found.power <= 1
    assert found.taxa["power_se"].iloc[0] == monte_carlo_error(round(found.taxa["power"].iloc[0] * 300), 300)
    assert (found.taxa["tested"] > 0.9).all()
    assert found.type_i <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    # Closure moves the unnamed as well, and the q-values cannot know.
    assert 0 <= found.fdr < 0.2
    assert found.fdr_se > 0
    frame = found.to_frame()
    assert {"fdr", "power_any", "power_all"} <= set(frame.columns)
    assert "taxa" not in frame
    assert "false discovery rate" in found._repr_html_()
    assert "Dorea" in found._repr_html_()


def test_a_single_taxon_has_the_error_of_a_proportion(genera):
    found = power(POST, TaxaEndpoint(genera, "Dorea", method="clr"), {"Dorea": 0.3}, n_sim=100)
    assert found.power_se == pytest.approx(monte_carlo_error(round(found.power * 100), 100), abs=1e-12)


def test_false_discoveries_are_counted_by_hand(endpoint, genera):
    found = power(POST, endpoint, 0.1, n_sim=48, seed=3)
    test = DesignedAbundance.of(POST, tuple(genera.taxa.index), "clr", 0.1, "bh")
    simulator = Simulator(genera, test.plan, fold_change(genera, dict.fromkeys(NAMED, 0.1)))
    seeds = np.random.SeedSequence(3).spawn(2)[0].spawn(3)
    shares = []
    for seed in seeds:
        for table in simulator.batch(np.random.default_rng(seed), 16):
            called = publicly(test, table).query("q_value <= 0.05").index
            shares.append(np.mean(~called.isin(NAMED)) if len(called) else 0.0)
    assert found.fdr == pytest.approx(np.mean(shares), abs=1e-12)


def test_no_effect_finds_nothing(endpoint):
    found = power(POST, endpoint, 1.0, n_sim=300)
    assert found.power < 0.05
    assert found.fdr <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert found.fdr == pytest.approx(found.power_any, abs=0.06)  # under the null every find is false


def test_curve_search_and_processes(endpoint):
    curve = power_curve(POST, endpoint, effects=[0.5, 0.2], n_per_arm=[10, 30], n_sim=60)
    by = curve.set_index(["effect", "n_per_arm"])["power"]
    assert all(by[fold, 30] >= by[fold, 10] for fold in (0.5, 0.2))
    assert (curve.groupby("n_per_arm")["type_i"].agg(np.ptp) == 0).all()
    found = sample_size(POST, endpoint, 0.1, power=0.7, n_sim=60)
    assert found.n_low <= found.n_per_arm <= found.n_high
    assert 0.5 < found.power < 0.9


@pytest.mark.long
def test_processes_do_not_change_the_result(endpoint):
    one, two = (power(POST, endpoint, 0.3, n_sim=80, n_jobs=n) for n in (1, 2))
    assert one == two
    pd.testing.assert_frame_equal(one.taxa, two.taxa)


@pytest.mark.long
def test_scikit_bio_methods_run(genera):
    for method in ("dirmult", "ancombc2"):
        endpoint = TaxaEndpoint(genera, NAMED, method, min_prevalence=0.6, pseudocount=0.5)
        found = power(Design(10), endpoint, 0.05, n_sim=10)
        assert found.power > 0
        assert method in found.test
        assert any("does not use the baseline" in note for note in found.notes)


def zero_inflated(rng, n_studies, n, n_taxa=60):
    """Draw independent counts that no pilot made: present by the toss of a coin, gamma amounts; no effect."""
    share = np.random.default_rng(1).lognormal(0, 1, n_taxa)
    prevalence = np.repeat([1.0, 0.8, 0.5, 0.3], n_taxa // 4)
    amounts = rng.gamma(2.0, 0.5, (n_studies, 2 * n, n_taxa)) * 20_000 * share / share.sum()
    return rng.poisson(amounts * (rng.random(amounts.shape) < prevalence)).astype(np.uint16)


def false_finds(method, n, n_studies, pseudocount=None):
    """Count the studies without an effect in which some taxon is found."""
    taxa = tuple(f"t{number:02d}" for number in range(60))
    test = DesignedAbundance.of(Design(n, baseline=0), taxa, method, 0.1, "bh", pseudocount)
    tables = zero_inflated(np.random.default_rng(6), n_studies, n)
    return int((test.q_values(tables) <= 0.05).any(axis=1).sum())


@pytest.mark.parametrize("n", [10, 20, 50])
def test_log_ratios_hold_their_size_outside_of_pilots(n):
    assert false_finds("clr", n, 400) <= 400 * (0.05 + 3 * np.sqrt(0.05 * 0.95 / 400))


@pytest.mark.long
def test_zeros_not_observed_make_ancombc2_too_sure():
    # Of 120 studies .43 at 20 an arm and .68 at 50 were measured; with a pseudocount .01 and 0.
    limit = 30 * (0.05 + 3 * np.sqrt(0.05 * 0.95 / 30))
    assert false_finds("ancombc2", 50, 30, pseudocount=0) > 2 * limit
    assert false_finds("ancombc2", 50, 30) <= limit
    assert false_finds("dirmult", 50, 30) <= limit


@pytest.mark.long
def test_a_method_of_the_wrong_size_is_named_with_its_remedy(genera):
    plain = TaxaEndpoint(genera, NAMED, "ancombc2", pseudocount=0)
    with pytest.warns(SizeWarning, match="false.*pseudocount=0.5") as caught:
        found = power(Design(30, baseline=0), plain, 0.3, n_sim=12)
    assert f"rejects in {found.type_i:.3f}" in str(caught[0].message)
    assert f"{found.fdr:.3f} ±" in str(caught[0].message)
    held = TaxaEndpoint(genera, NAMED, "ancombc2", pseudocount=0.5)
    assert power(Design(30, baseline=0), held, 0.3, n_sim=12).type_i <= 0.25
    assert "with 0.5 added" in power(POST, held, 0.3, n_sim=10).test


def test_the_default_method_holds_its_size(genera):
    assert TaxaEndpoint(genera, NAMED).method == "clr"


def test_bad_input(genera, endpoint):
    with pytest.raises(ParameterError) as caught:
        TaxaEndpoint(
            genera, ["Rosebura", "Dorea", "Dorea"], method="deseq", fdr="none", min_prevalence=2, depth=5
        )
    text = str(caught.value)
    assert "did you mean 'Roseburia'" in text
    assert len(caught.value.faults) == 6
    with pytest.raises(ParameterError, match="no taxon"):
        TaxaEndpoint(genera, [])
    with pytest.raises(ParameterError) as caught:
        power(Design(20, sides=1, paired=True), endpoint, 0, margin=0.1, method="closed")
    for fault in ("effect=0", "sides=1", "paired", "margin", "closed", "samples a subject"):
        assert fault in str(caught.value), fault
    with pytest.raises(ParameterError, match="effect on 'Blautia'"):
        power(POST, endpoint, {"Blautia": 2})
    with pytest.raises(ParameterError, match="does not name"):
        power(POST, endpoint, fold_change(genera, {"Blautia": 2}))
    with pytest.raises(ParameterError, match="kind 'evenness'"):
        power(POST, endpoint, shannon_change(genera, -5))
    mice = load_pilot("tomkovich_mice")
    with pytest.raises(ParameterError, match="no cages"):
        power(Design(8, baseline=0, cluster_size=2), TaxaEndpoint(mice, mice.taxa.index[:1], "ancombc2"), 0.5)
