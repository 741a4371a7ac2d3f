"""The planner's controls: every position is checked, and the grid is laid out as they are."""

import math

import pytest

from analysis.errors import ParameterError
from analysis.planner.settings import BEGIN, CONTROLS, QUESTIONS, Axis, Setting


def test_an_axis_knows_its_values_and_their_places():
    axis = Axis(0.01, 0.01, 3)
    assert axis.values == [0.01, 0.02, 0.03]
    assert [axis.place(value) for value in (0.01, 0.03, 0.015, 0.04, 0.0)] == [0, 2, None, None, None]


def test_settings_are_laid_out_with_the_last_control_fastest():
    for question in QUESTIONS:
        settings = list(question.settings())
        powers = question.axes["power"].count
        assert len(settings) == math.prod(question.axes[name].count for name in CONTROLS)
        assert [setting.row for setting in settings] == [place // powers for place in range(len(settings))]


def test_every_fault_of_a_setting_is_told_at_once():
    with pytest.raises(ParameterError) as caught:
        Setting("people", "shannon", effect=5.1, baseline=9, follow_up=1, cage=3, dropout=10, power=80)
    told = str(caught.value)
    assert all(fault in told for fault in ("effect=5.1", "baseline=9", "cage=3"))
    assert "analysis.sample_size" in told
    with pytest.raises(ParameterError, match="people shannon"):
        Setting("peple", "shannon", effect=5, baseline=1, follow_up=1, cage=1, dropout=10, power=80)


def test_effects_are_signed_and_in_the_endpoints_unit():
    assert BEGIN.effect_size() == pytest.approx(-0.05 * BEGIN.question.noise.mean)
    panel = Setting("people", "panel", effect=2, baseline=1, follow_up=1, cage=1, dropout=0, power=80)
    assert panel.effect_size() == pytest.approx(math.log(2))


def test_the_planner_begins_with_the_trial_of_the_first_claim():
    claim = BEGIN.question.claim
    assert (BEGIN.baseline, BEGIN.follow_up) == (
        len(claim.trial.baseline_days),
        len(claim.trial.follow_up_days),
    )
    assert (BEGIN.cage, BEGIN.effect) == (claim.trial.cluster_size, claim.effect.smallest)
    assert (BEGIN.dropout, BEGIN.power) == pytest.approx((100 * claim.trial.dropout, 100 * claim.trial.power))
