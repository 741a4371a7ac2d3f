"""What a pilot leaves open: intervals from refits, effects carried into them, power promised by chance."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis.designs import Design
from analysis.errors import ParameterError
from analysis.pilots import fit_pilot, load_pilot
from analysis.pilots.effects import Effect, composition_shift, fold_change, shannon_change
from analysis.planning import pilot_uncertainty
from analysis.planning.community import CommunityEndpoint
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.power import power, power_curve, sample_size
from analysis.planning.taxa import TaxaEndpoint

POST = Design(20, baseline=0)


@pytest.fixture(scope="module")
def genera():
    """A pilot of 132 genera in people."""
    return load_pilot("twins_genera")


@pytest.fixture(scope="module")
def small(genera):
    """A pilot of 20 simulated people, and their study."""
    study = genera.simulate(n_subjects=20, seed=5)
    return fit_pilot(study, max_taxa=40), study


@pytest.fixture(scope="module")
def top(small):
    """Three genera of the small pilot."""
    return list(small[0].taxa["mean_share"].nlargest(3).index)


@pytest.fixture
def quick(monkeypatch, small):
    """Refits that are drawn without calibration: pilots of other simulated people, made once."""
    made = {}

    def refit(pilot, seed, study=None, max_taxa=None):
        number = seed % 3
        if number not in made:
            drawn = load_pilot("twins_genera").simulate(n_subjects=20, seed=50 + number)
            made[number] = fit_pilot(drawn, max_taxa=40, seed=number)
        return made[number]

    monkeypatch.setattr(pilot_uncertainty, "resampled", refit)


def test_a_null_pilot_promises_power_that_is_not_there():
    """With nothing to find, the effect seen in a pilot of 20 a group promises .17 on average, .05 to .45."""
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 400, 20))
    promised = []
    for one, other in zip(first, second, strict=True):
        sd = math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
        endpoint = MeanEndpoint(mean=0, sd=sd, lowest=None)
        promised.append(power(POST, endpoint, other.mean() - one.mean()).power)
    error = np.std(promised, ddof=1) / math.sqrt(len(promised))
    assert np.mean(promised) == pytest.approx(0.17, abs=3 * error)
    assert np.quantile(promised, 0.05) == pytest.approx(0.05, abs=0.01)
    assert 0.38 < np.quantile(promised, 0.95) < 0.55  # normal theory: .5


@pytest.mark.long
def test_a_null_pilot_of_communities_promises_as_much(genera):
    """The same of communities: the omega squared that PERMANOVA sees in null pilots of 20 a group."""
    from analysis.pilots.simulator import Simulator
    from analysis.planning.designed_permanova import DesignedPermanova

    test = DesignedPermanova.of(POST)
    seen = test.examine(Simulator(genera, test.plan).batch(np.random.default_rng(2), 12)).omega_squared
    endpoint = CommunityEndpoint(genera)
    promised = [power(POST, endpoint, max(float(w), 0.0), n_sim=100).power for w in seen]
    assert 0.05 < np.mean(promised) < 0.35
    assert max(promised) > 0.15


@pytest.mark.usefixtures("quick")
def test_power_gets_an_interval_that_holds_it(small, top):
    pilot, _ = small
    endpoint = CommunityEndpoint(pilot, resamples=10)
    effect = fold_change(pilot, dict.fromkeys(top, 0.4))
    found = power(POST, endpoint, effect, n_sim=64)
    alone = power(POST, CommunityEndpoint(pilot), effect, n_sim=64)
    assert (found.power, found.type_i) == (alone.power, alone.type_i)
    assert alone.power_low is None
    assert 0 < found.power_low < found.power < found.power_high < 1
    assert "10 refits" in found.notes[-1]
    assert "as far as the pilot tells" in found._repr_html_()
    # Taxa: the same, by name.
    taxa = power(POST, TaxaEndpoint(pilot, top, resamples=10), 0.2, n_sim=50)
    assert taxa.power_low <= taxa.power <= taxa.power_high
    curve = power_curve(POST, endpoint, [effect], [20], n_sim=64)
    assert curve["power"].iloc[0] == found.power


@pytest.mark.long
@pytest.mark.usefixtures("quick")
def test_sample_size_gets_wider_by_the_pilot(small):
    pilot, _ = small
    design = Design(15, baseline=0)
    effect = composition_shift(pilot, 0.08)
    plain = sample_size(design, CommunityEndpoint(pilot), effect, n_sim=80)
    wide = sample_size(design, CommunityEndpoint(pilot, resamples=10), effect, n_sim=80)
    assert (wide.n_per_arm, wide.power) == (plain.n_per_arm, plain.power)
    assert wide.n_low <= wide.n_per_arm <= wide.n_high
    assert math.log(wide.n_high / wide.n_low) >= 0.9 * math.log(plain.n_high / plain.n_low)
    none = sample_size(
        design, CommunityEndpoint(pilot, resamples=10), effect, n_sim=80, max_n=plain.n_per_arm + 1
    )
    assert none.n_high is None  # some refit needs more
    assert "no number" in none._repr_html_()


def test_an_effect_means_the_same_in_a_refit(genera, small):
    pilot, _ = small
    endpoint = CommunityEndpoint(pilot, depth=1_000)

    def carried(effect, to=endpoint):
        return pilot_uncertainty.effect_in(pilot, to, effect, genera)

    assert carried(0.05).size == pytest.approx(0.05, rel=0.01)
    assert carried(0) == 0
    assert carried(composition_shift(genera, 0.05)).size == pytest.approx(0.05, rel=0.02)
    assert carried(shannon_change(genera, -10)).size == pytest.approx(-10, rel=0.02)
    fewer = carried(shannon_change(genera, -5, by="richness"))
    assert (fewer.kind, fewer.size) == ("richness", pytest.approx(-5, rel=0.02))
    common = pilot.taxa["mean_share"].idxmax()
    fold = carried(fold_change(genera, {common: 0.5}))
    assert fold.log_fold[pilot.taxa.index.get_loc(common)] == pytest.approx(math.log(0.5))
    assert np.count_nonzero(fold.log_fold) == 1
    steep = Effect("steeper", "by hand", exponent=1.3)
    assert carried(steep) is steep
    assert carried(0.5, TaxaEndpoint(pilot, common)) == 0.5
    missing = next(name for name in genera.taxa.index if name not in pilot.taxa.index)
    with pytest.raises(ParameterError, match="there is no taxon"):
        carried(fold_change(genera, {missing: 0.5}))


def test_the_spread_of_refits_is_freed_of_their_own_error():
    rng = np.random.default_rng(3)
    own = np.full(2_000, 0.4)
    places = rng.normal(0, 0.3, 2_000) + rng.normal(0, own)
    half = pilot_uncertainty._half_width(places, own)
    assert half == pytest.approx(0.3 * stats.t.ppf(0.975, 1_999), rel=0.15)
    assert pilot_uncertainty._half_width(rng.normal(0, own / 2), own) == 0


@pytest.mark.parametrize("fold", [1.0, 0.4, 1e-4])
def test_refits_that_agree_leave_the_error_of_the_simulation(small, top, fold, monkeypatch):
    # Powers of refits that scatter less than their own error: of the pilot nothing is left to see.
    monkeypatch.setattr(pilot_uncertainty, "_each", lambda *_: [(0.0, 0.1)] * 10)
    pilot, _ = small
    effect = fold_change(pilot, dict.fromkeys(top, fold))
    found = power(POST, CommunityEndpoint(pilot, resamples=10), effect, n_sim=50)
    assert found.power_low <= max(found.power - 1.959 * found.power_se, 0)
    assert found.power_high >= min(found.power + 1.959 * found.power_se, 1)
    # Nor much wider: as the interval of the simulated share alone.
    counts = round(found.power * 50)
    alone = stats.binomtest(counts, 50).proportion_ci(method="exact")
    assert (found.power_low, found.power_high) == pytest.approx((alone.low, alone.high), abs=0.06)


@pytest.mark.usefixtures("quick")
def test_a_taxon_that_refits_lack_is_named(small):
    pilot, _ = small
    lacking = load_pilot("twins_genera")
    rare = [name for name in lacking.taxa.index if name not in pilot.taxa.index][-1]
    endpoint = TaxaEndpoint(lacking, rare, resamples=10)
    with pytest.raises(ParameterError, match="common enough to be in every refit"):
        power(POST, endpoint, 0.5, n_sim=20)


def test_refits_that_cannot_be_made_are_refused(genera):
    with pytest.raises(ParameterError) as caught:
        CommunityEndpoint(genera, resamples=3, study="table.biom", icc=1.4)
    text = str(caught.value)
    for fault in ("resamples=3", "study is a str", "icc=1.4"):
        assert fault in text, fault
    with pytest.raises(ParameterError, match="without resamples"):
        TaxaEndpoint(genera, "Dorea", study=genera.simulate(n_subjects=10))
    with pytest.raises(ParameterError, match="resamples='many'"):
        TaxaEndpoint(genera, "Dorea", resamples="many")


@pytest.mark.long
def test_refits_are_the_same_for_all_processes(small, top):
    pilot, study = small
    effect = fold_change(pilot, {top[0]: 0.3})
    for table in (None, study):
        endpoint = CommunityEndpoint(pilot, resamples=10, study=table)
        one, two = (power(POST, endpoint, effect, n_sim=64, n_jobs=n) for n in (1, 2))
        assert one == two
        assert one.power_low < one.power < one.power_high
