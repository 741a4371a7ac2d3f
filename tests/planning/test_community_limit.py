"""Ruling out that a treatment explains a share of the composition: power, size and bad input."""

import pytest

import analysis as an
from analysis.errors import ParameterError
from analysis.pilots import load_pilot

PILOT = load_pilot("twins_genera")
ENDPOINT = an.CommunityEndpoint(PILOT)


def test_more_people_rule_out_more_and_the_size_holds():
    few = an.power(an.Design(15, baseline=0), ENDPOINT, 0.0, margin=0.05, n_sim=128)
    many = an.power(an.Design(50, baseline=0), ENDPOINT, 0.0, margin=0.05, n_sim=128)
    assert few.power + 3 * few.power_se < many.power
    for found in (few, many):
        assert found.type_i <= 0.05 + 3 * found.type_i_se
        assert found.margin == 0.05
        assert found.method == "simulation"


def test_a_true_effect_makes_it_harder():
    none = an.power(an.Design(40, baseline=0), ENDPOINT, 0.0, margin=0.05, n_sim=128)
    half = an.power(an.Design(40, baseline=0), ENDPOINT, 0.025, margin=0.05, n_sim=128)
    assert half.power < none.power


@pytest.mark.parametrize(
    ("effect", "margin", "said"),
    [(0.0, 1.5, "margin"), (0.0, -0.1, "margin"), (0.06, 0.05, "below the margin"), (0.0, "much", "margin")],
)
def test_impossible_margins_are_named(effect, margin, said):
    with pytest.raises(ParameterError, match=said):
        an.power(an.Design(20, baseline=0), ENDPOINT, effect, margin=margin, n_sim=16)


@pytest.mark.long
def test_the_size_at_the_margin_holds_with_cages_and_repeats():
    caged = an.CommunityEndpoint(load_pilot("schubert_mice"), icc=0.5)
    design = an.Design(24, baseline=0, follow_up=2, cluster_size=2)
    found = an.power(design, caged, 0.0, margin=0.05, n_sim=600)
    assert found.type_i <= 0.05 + 3 * found.type_i_se


@pytest.mark.parametrize("ratio", [0.25, 3.0])
def test_unequal_arms_keep_the_size(ratio):
    found = an.power(an.Design(30, baseline=0, ratio=ratio), ENDPOINT, 0.0, margin=0.1, n_sim=128)
    assert found.type_i <= 0.05 + 3 * found.type_i_se


@pytest.mark.long
def test_a_search_finds_the_number():
    found = an.sample_size(an.Design(20, baseline=0), ENDPOINT, 0.0, margin=0.05, n_sim=200)
    assert abs(found.power - 0.8) <= 0.1
    assert found.n_low <= found.n_per_arm <= found.n_high
