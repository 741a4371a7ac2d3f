"""The correlation of changes: against regression with arms, scipy, and its own size."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from analysis.comparison.association import correlate_changes
from analysis.errors import DesignError


def changes(n=40, rho=0.4, shift=0.0, seed=1):
    rng = np.random.default_rng(seed)
    both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
    arm = np.repeat([0, 1], n // 2)
    return [pd.Series(column + shift * arm) for column in both.T] + [pd.Series(arm)]


def test_with_one_arm_it_is_pearson():
    x, y, arm = changes()
    found, oracle = correlate_changes(x, y, arm * 0, margin=0.3), stats.pearsonr(x, y)
    assert (found.estimate, found.p_value) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-9)
    interval = oracle.confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_p_is_that_of_a_regression_with_the_arm():
    x, y, arm = changes(shift=2.0)
    model = smf.ols("y ~ x + C(arm)", pd.DataFrame({"x": x, "y": y, "arm": arm})).fit()
    assert correlate_changes(x, y, arm, margin=0.3).p_value == pytest.approx(model.pvalues["x"], rel=1e-9)


def test_a_treatment_that_moves_both_does_not_make_them_correlate():
    x, y, arm = changes(n=400, rho=0.0, shift=5.0)
    assert stats.pearsonr(x, y).statistic > 0.8
    assert abs(correlate_changes(x, y, arm, margin=0.3).estimate) < 0.15


def test_units_without_both_changes_play_no_part():
    x, y, arm = changes()
    x.iloc[3], y.iloc[5] = np.nan, np.nan
    assert correlate_changes(x, y, arm, margin=0.3).n_units == 38


@pytest.mark.parametrize("spoil", ["few", "constant"])
def test_what_cannot_correlate_is_refused(spoil):
    x, y, arm = changes(n=4 if spoil == "few" else 20)
    with pytest.raises(DesignError, match="units in 2 arm"):
        correlate_changes(x, y * 0 if spoil == "constant" else y, arm, margin=0.3)


@pytest.mark.long
def test_no_correlation_is_found_and_ruled_out_as_often_as_alpha_says():
    """Under rho = 0, p at .05; under rho = margin, equivalence at .05 (Fisher's z is close, not exact)."""
    trials, alpha = 2_000, 0.05
    allowed = 3 * np.sqrt(alpha * (1 - alpha) / trials)
    null = [correlate_changes(*changes(rho=0.0, seed=s), margin=0.3).p_value for s in range(trials)]
    assert abs(np.mean(np.array(null) <= alpha) - alpha) <= allowed
    edge = [
        correlate_changes(*changes(n=120, rho=0.3, seed=s), margin=0.3).p_equivalence for s in range(trials)
    ]
    assert np.mean(np.array(edge) <= alpha) <= alpha + allowed
