"""Whether two measures change together: the correlation of their changes, arm by arm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import DesignError, one_fault


@dataclass(frozen=True)
class Association:
    """The correlation of two changes.

    Attributes
    ----------
    estimate, ci_low, ci_high : float
        Correlation between units within arms, and its two-sided interval.
    p_value : float
        Of no correlation, two-sided.
    p_equivalence : float
        Of a correlation of `margin` or more in either direction.
    equivalence_low, equivalence_high : float
        The interval that lies within the margin where p_equivalence is below alpha.
    n_units : int
        Subjects or cages with both changes.
    """

    estimate: float
    ci_low: float
    ci_high: float
    p_value: float
    p_equivalence: float
    equivalence_low: float
    equivalence_high: float
    n_units: int


def correlate_changes(
    x: pd.Series, y: pd.Series, arm: pd.Series, margin: float, alpha: float = 0.05
) -> Association:
    """Correlate the changes of two measures between units, the mean of each arm taken out.

    Parameters
    ----------
    x, y : pandas.Series, shape (n_units,)
        Change of each measure from the baseline, one number a unit.
    arm : pandas.Series, shape (n_units,)
        Arm of each unit: without it a treatment that moves both would make them correlate.
    margin : float
        Correlation to be ruled out, between 0 and 1, noise of single samples included.
    alpha : float
        Of the test, and of each of the two one-sided tests of equivalence.

    Raises
    ------
    DesignError
        Where fewer than 2 degrees of freedom are left, or a measure does not vary.

    Notes
    -----
    t of the partial correlation with ``n - 1 - arms`` degrees of freedom; intervals by Fisher's z with the
    variance ``1 / (n - arms - 2)`` [1]_.

    References
    ----------
    .. [1] Fisher RA (1924) The distribution of the partial correlation coefficient. Metron 3:329-332.

    Examples
    --------
    >>> x, y = pd.Series([1.0, 2, 3, 4, 5, 7]), pd.Series([1.0, 3, 2, 5, 4, 8])
    >>> found = correlate_changes(x, y, pd.Series([0] * 6), margin=0.3)
    >>> round(found.estimate, 4), round(found.p_value, 4)
    (0.9196, 0.0094)
    """
    table = pd.DataFrame({"x": x, "y": y, "arm": arm}).dropna()
    n, arms = len(table), table["arm"].nunique()
    left = table[["x", "y"]] - table.groupby("arm")[["x", "y"]].transform("mean")
    spread = left.std(ddof=0)
    df = n - 1 - arms
    if df < 2 or (spread <= 1e-12 * table[["x", "y"]].abs().max()).any():
        raise one_fault(
            DesignError,
            "correlate_changes",
            f"{n} units in {arms} arm(s), spread {spread['x']:.3g} and {spread['y']:.3g}",
            expected=f"at least {arms + 3} units, and two measures that vary between them",
        )
    r = float((left["x"] * left["y"]).mean() / (spread["x"] * spread["y"]))
    r = float(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    p = 2 * float(stats.t.sf(abs(r) * math.sqrt(df / (1 - r**2)), df))
    z, error = math.atanh(r), 1 / math.sqrt(n - arms - 2)

    def interval(tail: float) -> tuple[float, float]:
        room = stats.norm.isf(tail) * error
        return math.tanh(z - room), math.tanh(z + room)

    p_equivalence = float(stats.norm.sf((math.atanh(margin) - abs(z)) / error))
    return Association(r, *interval(alpha / 2), p, p_equivalence, *interval(alpha), n)
