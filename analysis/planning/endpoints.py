"""What an experiment measures: one number a sample, or how the changes of two such numbers go together."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field

import pandas as pd

from analysis.arguments import check_count, check_number
from analysis.errors import Faults, ParameterError, did_you_mean, one_fault
from analysis.paths import data_path

_SHARE = "a share of the variance, from 0 to 1"


def _is_share(x: float) -> bool:
    return 0 <= x <= 1


@dataclass(frozen=True)
class MeanEndpoint:
    """One number a sample, compared by its mean: Shannon diversity, a marker, a score.

    Parameters
    ----------
    mean : float
        Without treatment.
    sd : float
        Total SD of one sample of a subject drawn at random.
    icc : float
        Share of the variance ``sd**2`` that lies between subjects (of one cage).
    cluster_icc : float
        Share that lies between cages. What is left, ``1 - icc - cluster_icc``, lies between samples of one
        subject.
    lowest, highest : float or None
        Ends of the scale, which no mean can pass; None: no end (a log-ratio has none).
    subject_stability, cluster_stability : float
        Share of the subjects' and of the cages' variance that stays from the baseline to the follow-up. The
        rest is drawn afresh for each phase and shared by all its samples (and all animals of the cage).
    pilot_n : int, optional
        Subjects that `sd` was estimated from. Power and sample size then come with the 95 % interval that
        this alone leaves.

    Raises
    ------
    ParameterError
        For impossible values, all of them at once.

    Notes
    -----
    A value is the mean plus independent normal parts of cage, subject and sample. Two samples of one subject
    from different phases correlate by ``cluster_icc * cluster_stability + icc * subject_stability``, those of
    two cage mates by ``cluster_icc * cluster_stability``; within a phase both stabilities count as 1. They
    are the autocorrelations of [1]_. Where cages drift apart on their own a baseline buys less than it seems:
    at ``cluster_stability=1``, the default, it removes all that cages differ by.

    References
    ----------
    .. [1] Hooper R, Teerenstra S, de Hoop E, Eldridge S (2016) Sample size calculation for stepped wedge and
       other longitudinal cluster randomised trials. Statistics in Medicine 35:4718-4728.
       doi:10.1002/sim.7028

    Examples
    --------
    >>> import analysis as an
    >>> shannon = an.MeanEndpoint(mean=3.576, sd=0.467, icc=0.6)
    >>> round(shannon.percent(-5), 4)
    -0.1788
    """

    mean: float
    sd: float
    icc: float = 0.0
    cluster_icc: float = 0.0
    lowest: float | None = field(default=0.0, kw_only=True)
    highest: float | None = field(default=None, kw_only=True)
    subject_stability: float = field(default=1.0, kw_only=True)
    cluster_stability: float = field(default=1.0, kw_only=True)
    pilot_n: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check each value, and how they fit together."""
        faults = Faults("MeanEndpoint", ParameterError)
        sound = check_number(faults, "mean", self.mean, lambda _: True, "a finite number")
        check_number(faults, "sd", self.sd, lambda x: x > 0, "above 0", "give the SD of single samples")
        shares = [
            check_number(faults, name, getattr(self, name), _is_share, _SHARE)
            for name in ("icc", "cluster_icc", "subject_stability", "cluster_stability")
        ]
        if all(shares[:2]) and self.icc + self.cluster_icc > 1 + 1e-12:
            faults.add(
                f"icc + cluster_icc = {self.icc + self.cluster_icc:g}",
                expected="at most 1: they are shares of the same variance",
                remedy="icc is the subjects' share within cages, cluster_icc that of the cages",
            )
        for name in ("lowest", "highest"):
            if getattr(self, name) is not None:
                sound &= check_number(faults, name, getattr(self, name), lambda _: True, "a number or None")
        if self.pilot_n is not None:
            check_count(faults, "pilot_n", self.pilot_n, 3, "subjects that sd was estimated from")
        if sound:
            self._check_scale(faults)
        faults.raise_if_any()

    def _check_scale(self, faults: Faults) -> None:
        if self.lowest is not None and self.mean < self.lowest:
            faults.add(
                f"mean={self.mean:g} is below lowest={self.lowest:g}",
                remedy="give lowest=None for what may be negative, such as a log-ratio",
            )
        if self.highest is not None and self.mean > self.highest:
            faults.add(f"mean={self.mean:g} is above highest={self.highest:g}")

    def percent(self, change: float) -> float:
        """Return the effect, in the endpoint's unit, that is this change of the mean in percent.

        Parameters
        ----------
        change : float
            Signed: -5 is a loss of 5 %.
        """
        return self.mean * change / 100

    def check_effect(self, effect: float, faults: Faults, name: str = "effect") -> bool:
        """Add a fault for an effect that no treatment can have; say whether the effect will do."""
        if not check_number(
            faults, name, effect, lambda _: True, "a finite number in the endpoint's own unit"
        ):
            return False
        treated = self.mean + effect
        tiny = 1e-9 * (abs(self.mean) + self.sd)  # a loss of exactly 100 % may round to just below 0
        for end, passed in ((self.lowest, -1), (self.highest, 1)):
            if end is not None and passed * (treated - end) > tiny:
                relative = f" ({abs(effect / self.mean):.0%} of it)" if self.mean else ""
                faults.add(
                    f"{name}={effect:g}{relative} would take the mean from {self.mean:g} to {treated:g}",
                    expected=f"a mean of at {'least' if passed < 0 else 'most'} {end:g}",
                    remedy="effects are in the endpoint's own unit: a loss of 5 % is endpoint.percent(-5) = "
                    f"{self.percent(-5):.4g}"
                    + ("; lowest=None for what may be negative" if passed < 0 else ""),
                )
                return False
        return True

    def _repr_html_(self) -> str:
        return _table(self)


@dataclass(frozen=True)
class CorrelationEndpoint:
    """How the changes of two measures correlate between subjects: whether permeability moves with diversity.

    The effect is the correlation of the true changes, between -1 and 1.

    Parameters
    ----------
    reliability_x, reliability_y : float
        Of each measure, the share of variance of a change seen with one sample before and one after that is
        true change; the rest is noise of single samples. 1: measured without noise.

    Raises
    ------
    ParameterError
        For impossible values.

    Notes
    -----
    What is seen is ``rho * sqrt(r_x * r_y)`` [1]_, with r the reliability of the change of the averages:
    with p samples before and q after, the noise falls by the factor ``(1/p + 1/q) / 2``.

    References
    ----------
    .. [1] Spearman C (1904) The proof and measurement of association between two things. American Journal of
       Psychology 15:72-101. doi:10.2307/1412159

    Examples
    --------
    >>> import analysis as an
    >>> endpoint = an.CorrelationEndpoint(reliability_x=0.5, reliability_y=0.8)
    >>> round(endpoint.seen(0.5, baseline=1, follow_up=1), 3), round(endpoint.seen(0.5, 2, 2), 3)
    (0.316, 0.385)
    """

    reliability_x: float = 1.0
    reliability_y: float = 1.0

    def __post_init__(self) -> None:
        """Check the values."""
        faults = Faults("CorrelationEndpoint", ParameterError)
        for name in ("reliability_x", "reliability_y"):
            check_number(faults, name, getattr(self, name), lambda x: 0 < x <= 1, "above 0 and at most 1")
        faults.raise_if_any()

    @classmethod
    def from_measures(
        cls, x: MeanEndpoint, y: MeanEndpoint, change_sd_x: float, change_sd_y: float
    ) -> CorrelationEndpoint:
        """Derive the reliabilities from how noisy single samples are.

        Parameters
        ----------
        x, y : MeanEndpoint
            The two measures; what subject and cage leave of their variance is noise.
        change_sd_x, change_sd_y : float
            SD between subjects of the true change, in each measure's unit.
        """
        faults = Faults("CorrelationEndpoint", ParameterError)
        for name, value in (("change_sd_x", change_sd_x), ("change_sd_y", change_sd_y)):
            check_number(
                faults,
                name,
                value,
                lambda sd: sd > 0,
                "above 0: subjects that all change alike correlate with nothing",
            )
        faults.raise_if_any()

        def reliability(measure: MeanEndpoint, change_sd: float) -> float:
            noise = 2 * measure.sd**2 * max(1 - measure.icc - measure.cluster_icc, 0.0)
            return change_sd**2 / (change_sd**2 + noise)

        return cls(reliability(x, change_sd_x), reliability(y, change_sd_y))

    def reliabilities(self, baseline: int, follow_up: int) -> tuple[float, float]:
        """Return the reliability of both changes, each the difference of two averages."""
        noise = (1 / baseline + 1 / follow_up) / 2
        return tuple(r / (r + (1 - r) * noise) for r in (self.reliability_x, self.reliability_y))

    def seen(self, rho: float, baseline: int, follow_up: int) -> float:
        """Return the correlation that the noise leaves of a true one."""
        return rho * math.sqrt(math.prod(self.reliabilities(baseline, follow_up)))

    def _repr_html_(self) -> str:
        return _table(self)


def cohort_figures(name: str = "sze_shannon") -> pd.DataFrame:
    """Read summary figures of public cohorts: mean, SD and n of one endpoint, one row a cohort.

    Parameters
    ----------
    name : str
        File in data/pilots, without the ending. Its first lines say where the figures are from.

    Returns
    -------
    pandas.DataFrame
        Indexed by cohort.

    Examples
    --------
    >>> cohort_figures().loc["baxter", ["n", "mean", "sd"]].round(3).tolist()
    [172.0, 3.576, 0.467]
    """
    path = data_path(f"pilots/{name}.csv")
    if not path.is_file():
        there = sorted(file.stem for file in path.parent.glob("*.csv"))
        raise one_fault(
            ParameterError, "cohort_figures", f"no figures named {name!r}", remedy=did_you_mean(name, there)
        )
    return pd.read_csv(path, comment="#", index_col="cohort")


def _table(endpoint: MeanEndpoint | CorrelationEndpoint) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in vars(endpoint).items()
    )
    return f"<table><caption>{type(endpoint).__name__}</caption>{rows}</table>"
