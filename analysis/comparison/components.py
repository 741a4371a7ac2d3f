"""How much of the variation lies between cages, between the subjects of a cage, and within a subject."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.arguments import check_choice, check_number
from analysis.comparison.distance_components import check_distances, split_distances
from analysis.comparison.intraclass import split_values
from analysis.errors import DesignError, Faults, IdError, ParameterError, listed, one_fault
from analysis.selection import find_gaps
from analysis.validation import check_unique

if TYPE_CHECKING:
    from skbio import DistanceMatrix

Interval = tuple[float, float]

_WHERE = "variance_components"
_NONE: Interval = (np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class VarianceComponents:
    """Variation within subjects, between them, and between cages.

    Attributes
    ----------
    icc, icc_interval : float, (float, float)
        The subject's share of the total variance; what a cage's subjects have in common is not in it.
    cluster_icc, cluster_icc_interval : float, (float, float)
        The cage's share; NaN without cages. Samples of one subject correlate by icc + cluster_icc.
    sd_within, sd_between, sd_cluster : float
        Standard deviations within subjects, between the subjects (of a cage), and between cages. For
        distances: root mean squared distance of samples to their subject's true centroid, and so on.
    sd_within_interval, sd_between_interval, sd_cluster_interval : (float, float)
        Their intervals.
    n_samples, n_subjects, n_clusters : int
        What they rest on; n_clusters is 0 without cages.
    conf_level : float
        Of all intervals.
    method : str
        How the estimates and intervals were found.
    notes : tuple of str
        What was left out, and which estimates are at 0.
    pairs : pandas.DataFrame or None
        For distances: kind of pair, mean, sd and n_pairs.
    """

    icc: float
    icc_interval: Interval
    sd_between: float
    sd_between_interval: Interval
    sd_within: float
    sd_within_interval: Interval
    cluster_icc: float
    cluster_icc_interval: Interval
    sd_cluster: float
    sd_cluster_interval: Interval
    n_samples: int
    n_subjects: int
    n_clusters: int
    conf_level: float
    method: str
    notes: tuple[str, ...] = ()
    pairs: pd.DataFrame | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return a row a quantity: quantity, estimate, ci_low, ci_high."""
        names = ["icc", "sd_between", "sd_within"]
        names += ["cluster_icc", "sd_cluster"] if self.n_clusters else []
        rows = [(name, getattr(self, name), *getattr(self, f"{name}_interval")) for name in names]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "ci_low", "ci_high"])

    def _repr_html_(self) -> str:
        tables = [self.to_frame()] + ([] if self.pairs is None else [self.pairs])
        cages = f", {self.n_clusters} clusters" if self.n_clusters else ""
        text = "; ".join(
            (f"{self.n_samples} samples, {self.n_subjects} subjects{cages}", self.method, *self.notes)
        )
        body = "".join(table.to_html(index=False, border=0, float_format="{:.3g}".format) for table in tables)
        return f"<div>{body}<p>{html.escape(text)}</p></div>"


def variance_components(
    values: pd.Series | DistanceMatrix,
    subject: pd.Series,
    cluster: pd.Series | None = None,
    *,
    covariates: pd.DataFrame | pd.Series | None = None,
    conf_level: float = 0.95,
    missing: str = "raise",
) -> VarianceComponents:
    """Split the variation of repeated samples into parts of the cage, the subject and the sample.

    Parameters
    ----------
    values : pandas.Series, shape (n_samples,), or skbio.DistanceMatrix
        One number a sample (Shannon, a marker), or the distances between samples.
    subject, cluster : pandas.Series
        Who each sample is from and which cage it shares, indexed by sample id; rows of other samples play no
        part. Each subject is in one cluster.
    covariates : pandas.DataFrame or Series, optional
        What to take out first, by sample id: numbers as slopes, all else as categories (an arm, a batch). For
        values only.
    conf_level : float, default 0.95
        Of the intervals.
    missing : {"raise", "drop"}
        Refuse samples with gaps, or leave them out and say so in the notes.

    Returns
    -------
    VarianceComponents
        Shares and standard deviations, each with an interval.

    Raises
    ------
    DesignError
        Where there are gaps, no repeats, a single subject or cage, a subject in two cages, or no variation
        within subjects.
    IdError, ParameterError
        Where ids or arguments do not fit.

    Notes
    -----
    Values: random intercepts, by REML. Without cages, the interval of the ICC inverts the F test of the ratio
    of variances, which is exact for normal values, whatever the numbers of samples a subject and the
    covariates [1]_; for equal numbers it is the familiar one [2]_. That of sd_within comes from chi-squared,
    that of sd_between from both (Williams [3]_, here for unequal numbers too). With cages, sd_between and
    sd_within are treated likewise, the cages taken out as fixed effects; the shares and sd_cluster have
    profile-likelihood intervals. A variance that would be estimated below 0 is 0, and the notes say so.

    Distances: sums of squares are taken from pairs of samples as in PERMANOVA and equated with their
    expectations, as for the classical nested analysis of variance; on distances ``|x - y|`` of one variable
    the result is that analysis [4]_. Intervals come from leaving out one subject (with cages: one cage) at a
    time, so that no sample is ever paired with a copy of itself; simulated with 8 to 19 subjects, those of
    level .95 held the true share in 93 to 98 % and the true standard deviations in 92 to 95 %.

    References
    ----------
    .. [1] Harville DA, Fenech AP (1985) Confidence intervals for a variance ratio, or for heritability, in an
       unbalanced mixed linear model. Biometrics 41:137-152. doi:10.2307/2530650
    .. [2] McGraw KO, Wong SP (1996) Forming inferences about some intraclass correlation coefficients.
       Psychological Methods 1:30-46. doi:10.1037/1082-989X.1.1.30
    .. [3] Williams JS (1962) A confidence interval for variance components. Biometrika 49:278-281.
       doi:10.1093/biomet/49.1-2.278
    .. [4] Xu M, Reiss PT, Cribben I (2021) Generalized reliability based on distances. Biometrics 77:258-270.
       doi:10.1111/biom.13287

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> travel = pd.Series([55, 53, 54, 26, 37, 32, 78, 91, 85], dtype=float)  # three rails, three times each
    >>> rail = pd.Series(list("AAABBBCCC"))
    >>> found = an.variance_components(travel, rail)
    >>> round(found.icc, 4), [round(end, 3) for end in found.icc_interval]
    (0.9661, [0.784, 0.999])
    """
    faults = Faults(_WHERE, ParameterError)
    check_number(
        faults, "conf_level", conf_level, lambda x: 0.5 < x < 1, "a number above .5 and below 1, such as .95"
    )
    check_choice(faults, "missing", missing, ("raise", "drop"))
    if subject is None:
        faults.add(
            "no subjects", where="subject=", expected="a Series by sample id, such as study.metadata['mouse']"
        )
    faults.raise_if_any()
    distances = None
    if not isinstance(values, pd.Series):
        distances = check_distances(values, covariates)
        values = pd.Series(0.0, index=list(values.ids))
    samples, notes = _join(values, subject, cluster, covariates, missing)
    _check_groups(samples, subject, cluster)
    groups = [samples[name] for name in ("cluster", "subject") if name in samples]
    if distances is None:
        fixed = _design(samples, covariates)
        figures = split_values(samples["value"].to_numpy(), fixed, groups, conf_level)
    else:
        rows = pd.Index(values.index.astype(str)).get_indexer(samples.index)
        figures = split_distances(distances[np.ix_(rows, rows)], groups, conf_level)
    zero = [name for name in ("sd_between", "sd_cluster") if figures.get(name) == 0]
    notes += [f"{name} is estimated as 0: its groups differ no more than chance" for name in zero]
    absent = {"cluster_icc": np.nan, "sd_cluster": np.nan}
    absent |= {f"{name}_interval": _NONE for name in absent}
    return VarianceComponents(
        **(absent | figures),
        n_samples=len(samples),
        n_subjects=samples["subject"].nunique(),
        n_clusters=samples["cluster"].nunique() if cluster is not None else 0,
        conf_level=conf_level,
        notes=tuple(notes),
    )


def _join(
    values: pd.Series,
    subject: pd.Series,
    cluster: pd.Series | None,
    covariates: pd.DataFrame | pd.Series | None,
    missing: str,
) -> tuple[pd.DataFrame, list[str]]:
    """Match everything by sample id, and refuse or leave out samples with gaps."""
    ids = pd.Index(values.index.astype(str))
    check_unique(ids, "sample", f"{_WHERE}: values")
    if not pd.api.types.is_numeric_dtype(values):
        raise one_fault(
            ParameterError, _WHERE, f"a Series of {values.dtype}", where="values=", expected="numbers"
        )
    parts = {"subject": subject, "cluster": cluster, "covariates": covariates}
    samples = pd.DataFrame({"value": values.to_numpy(dtype=float, na_value=np.nan)}, index=ids)
    faults = Faults(_WHERE, IdError)
    for name, part in parts.items():
        if part is None:
            continue
        if not isinstance(part, pd.Series | pd.DataFrame):
            expected = "a Series indexed by sample id, such as study.metadata['mouse']"
            raise one_fault(
                ParameterError, _WHERE, f"a {type(part).__name__}", where=f"{name}=", expected=expected
            )
        known = pd.Index(part.index.astype(str))
        check_unique(known, "sample", f"{_WHERE}: {name}")
        strangers = ids.difference(known)
        if len(strangers):
            faults.add(
                f"{len(strangers)} of {len(ids)} samples have no row: {listed(strangers)}", where=f"{name}="
            )
            continue
        rows = part.set_axis(known, axis=0).loc[ids]
        if isinstance(rows, pd.DataFrame):
            samples = samples.join(rows.add_prefix("covariate "))
        else:
            samples["covariate" if name == "covariates" else name] = rows
    faults.raise_if_any()
    gaps = samples.apply(find_gaps)
    bad = gaps.any(axis=1) | np.isinf(samples["value"])
    if not bad.any():
        return samples, []
    columns = [str(column) for column in samples.columns[gaps.any()]]
    what = f"{bad.sum()} of {len(samples)} samples have gaps ({', '.join(columns)}): {listed(ids[bad])}"
    if missing == "raise":
        remedy = "missing='drop' leaves them out and says so"
        raise one_fault(DesignError, _WHERE, what, expected="finite values", remedy=remedy)
    return samples[~bad], [f"left out: {what}"]


def _check_groups(samples: pd.DataFrame, subject: pd.Series, cluster: pd.Series | None) -> None:
    """Refuse designs whose parts cannot be told apart."""
    faults = Faults(_WHERE, DesignError)
    n_subjects = samples["subject"].nunique()
    if n_subjects < 2:
        faults.add(f"{n_subjects} subject(s)", where="subject=", expected="at least 2, better 10 or more")
    if n_subjects == len(samples):
        faults.add(
            f"each of the {n_subjects} subjects has one sample",
            where="subject=",
            expected="at least one subject with two samples",
            remedy="to split between cages and within them, give the cage as subject="
            if cluster is not None
            else f"is {subject.name!r} the column of subjects, or of samples?",
        )
    if cluster is not None:
        homes = samples.groupby("subject")["cluster"].nunique()
        n_clusters = samples["cluster"].nunique()
        if (homes > 1).any():
            faults.add(
                f"{(homes > 1).sum()} subjects are in several clusters: {listed(homes.index[homes > 1])}",
                expected="each subject in one cluster",
                remedy="give different animals different names; leave out those that moved",
            )
        elif n_clusters < 2 or n_clusters == n_subjects:
            faults.add(
                f"{n_clusters} cluster(s) for {n_subjects} subjects",
                where="cluster=",
                expected="at least 2 clusters, one of them with two subjects",
                remedy="leave cluster= out",
            )
    faults.raise_if_any()


def _design(samples: pd.DataFrame, covariates: pd.DataFrame | pd.Series | None) -> np.ndarray:
    """Return the constant and the covariates as columns."""
    columns = [pd.Series(1.0, index=samples.index)]
    if covariates is not None:
        table = samples[[name for name in samples.columns if str(name).startswith("covariate")]]
        columns.append(pd.get_dummies(table, drop_first=True, dtype=float))
    return pd.concat(columns, axis=1).to_numpy(dtype=float)
