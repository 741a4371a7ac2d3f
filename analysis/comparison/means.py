"""Compare the means of two arms with the unit that the treatment was given to: sample, subject or cage."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, fields

import pandas as pd

from analysis.arguments import check_count, check_flag, check_number, check_seed, is_one_of
from analysis.comparison.arm_models import METHODS, Draws, Model, choose, fit
from analysis.comparison.arms import lay_out
from analysis.comparison.inference import Alternative, Pivot
from analysis.comparison.layout import WHERE, Layout
from analysis.errors import Faults, ParameterError, RoleError, did_you_mean, listed, one_fault
from analysis.roles import KEPT, TIMED, Roles, change_roles
from analysis.study import Study, metadata_of


@dataclass(frozen=True)
class MeanComparison:
    """The difference between two arms, level minus reference.

    Attributes
    ----------
    estimate, ci_low, ci_high : float
        Difference of means in the unit of the values, or, with ``log``, ratio of geometric means. A one-sided
        comparison has a one-sided interval.
    p_value : float
        Of no difference, against `alternative`.
    p_equivalence : float
        Of a difference of `margin` or more: small means it is ruled out. NaN without a margin.
    equivalence_low, equivalence_high : float
        The interval that lies within the margin where p_equivalence is below 1 - conf_level: 90 % for a
        conf_level of .95.
    standard_error : float
        Of the difference, or, with `log`, of its logarithm.
    df : float
        Degrees of freedom of t; NaN for a permutation test.
    method, why : str
        What was fitted and for what reason.
    unit : str
        What was counted as independent: "sample", "subject" or "cluster".
    n_per_arm, n_clusters : dict of str to int
        Subjects and clusters that entered, by level of the treatment; no clusters: empty.
    n_samples : int
        Samples that entered, those of the baseline included.
    margin : float or None
        The equivalence margin.
    treatment, reference, level : str
        The column and the two levels.
    alternative : str
        "two-sided", "less" or "greater".
    conf_level : float
        Of ci_low and ci_high.
    log : bool
        Whether logarithms were compared.
    notes : tuple of str
        What was left out or averaged.
    """

    estimate: float
    ci_low: float
    ci_high: float
    p_value: float
    p_equivalence: float
    equivalence_low: float
    equivalence_high: float
    standard_error: float
    df: float
    method: str
    why: str
    unit: str
    n_per_arm: dict[str, int]
    n_clusters: dict[str, int]
    n_samples: int
    margin: float | None
    treatment: str
    reference: str
    level: str
    alternative: str
    conf_level: float
    log: bool
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the result as one row; counts as "reference: n, level: n"."""
        row = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        for name in ("n_per_arm", "n_clusters"):
            row[name] = ", ".join(f"{arm}: {number}" for arm, number in row[name].items())
        row["notes"] = "; ".join(self.notes)
        return pd.DataFrame([row])

    def _repr_html_(self) -> str:
        what = "ratio of geometric means" if self.log else "difference of means"
        lines = {
            f"{what}, {self.level} against {self.reference}": f"{self.estimate:.4g}",
            f"{self.conf_level:.0%} interval": f"{self.ci_low:.4g} to {self.ci_high:.4g}",
            f"p ({self.alternative})": f"{self.p_value:.3g}",
        }
        if self.margin is not None:
            lines[f"p of a difference of {self.margin:g} or more"] = f"{self.p_equivalence:.3g}"
        lines["method"] = f"{self.method}: {self.why}"
        lines["n"] = ", ".join(f"{arm}: {number}" for arm, number in self.n_per_arm.items())
        lines["notes"] = "; ".join(self.notes) or "none"
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(key)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for key, value in lines.items()
        )
        return f"<table><tbody>{rows}</tbody></table>"


def compare_means(
    values: pd.Series,
    metadata: pd.DataFrame | Study,
    treatment: str | None = None,
    reference: object = None,
    baseline: object = None,
    cluster: str | None = None,
    margin: float | None = None,
    *,
    level: object = None,
    subject: str | None = None,
    time: str | None = None,
    follow_up: object = None,
    method: str | None = None,
    alternative: Alternative = "two-sided",
    conf_level: float = 0.95,
    log: bool = False,
    missing: str = "raise",
    permutations: int = 9_999,
    seed: int = 0,
) -> MeanComparison:
    """Compare one number a sample between two arms, with the test that the design asks for.

    Parameters
    ----------
    values : pandas.Series, shape (n_samples,)
        One number a sample, indexed by sample id: Shannon, a marker, a score.
    metadata : pandas.DataFrame or Study
        One row a sample. The roles of a Study fill in the columns that are not named here.
    treatment, subject, time, cluster : str, optional
        Columns: what was given, to whom, when, in which cage. Without a subject each sample is its own.
    reference : scalar
        The level of the treatment to compare with.
    baseline : scalar, sequence or pandas.Series, optional
        Values of the time column before the treatment; several samples are averaged. Or a Series with the
        baseline value of each subject. What the treatment column says at baseline is not read.
    margin : float, optional
        Smallest difference that matters, in the unit of the values; with `log` relative, so that .25 means
        ratios from 1/1.25 to 1.25. Asks for the equivalence test.
    level : scalar, optional
        The level to compare with the reference; needed where there are more than two.
    follow_up : scalar or sequence, optional
        Values of the time column to average after the treatment began; by default all that are later than the
        baseline (all others, where times are no numbers).
    method : str, optional
        One of those below, in place of the default.
    alternative : {"two-sided", "less", "greater"}
        What the level is thought to do to the values. With a margin, "less" tests that the values did not
        fall by the margin or more (non-inferiority), "greater" that they did not rise by it, and "two-sided"
        both (TOST).
    conf_level : float, default 0.95
        Of the interval.
    log : bool, default False
        Compare logarithms; the estimate is a ratio of geometric means.
    missing : {"raise", "drop"}
        Refuse samples and subjects with gaps, or leave them out and say so in the notes.
    permutations, seed : int
        For "cluster_permutation": how many random arrangements, where there are too many to list; their seed.
        Clusters are taken in the order of their names, so that other names are then another draw.

    Returns
    -------
    MeanComparison
        Estimate, interval, p values, and what was done and why.

    Raises
    ------
    DesignError
        Where the design cannot answer: one arm, one unit in an arm, a subject in two cages or in two arms,
        gaps, a baseline missing for some, a permutation that could not reach significance.
    IdError, ParameterError, RoleError
        Where the arguments do not fit.

    Notes
    -----
    The treatment is compared between the units it was given to. Samples of one subject are averaged, and
    subjects of one cage too where the cage was treated as a whole: neither counts as independent. Methods:

    - "welch": Welch's t test of the means of subjects or cages. Default for two arms without a baseline; for
      treated cages, where the arms have unequal numbers of them and at least 3.
    - "mixed": a random intercept of each subject, by REML. Default where subjects have unequal numbers of
      samples and each arm has at least 10. With a baseline, on request: arm x phase with random intercepts of
      the subject and of the subject in each phase; the estimate is the difference in change, and subjects
      without a baseline take part. With a treatment that varies within subjects: arm, likewise.
    - "paired": a t test of each subject's difference (averaged by cage, where cages are known). Default for a
      treatment that varies within subjects. A period effect cancels only in a balanced cross-over.
    - "ancova": least squares on the arm and the baseline of each unit [1]_. Default with a baseline.
    - "ancova_welch": the same with a spread of its own for each arm: HC2 standard error and Satterthwaite's
      degrees of freedom, which without a baseline would be Welch's. Default with a baseline where the arms
      have unequal numbers of units.
    - "change": "welch" (of cages: "cluster_means") of follow-up less baseline. Default with a baseline where
      an arm has fewer than 3 units.
    - "cluster_means": a pooled t test of cage means, df = cages - 2. Default for treated cages, if the arms
      have equal numbers of them or one has fewer than 3.
    - "cluster_mixed": a random intercept of each cage (and of each subject with several samples), by REML,
      with the baseline as covariate if there is one. Default for cages with unequal numbers of samples and
      at least 10 cages an arm.
    - "cluster_permutation": the arms of whole cages rearranged, by the t of the cage means (the baseline
      taken out). Only on request, since few cages cannot reach small p values. The interval holds the
      differences that the test does not reject.
    - "blocked": least squares with an effect of each cage, and the baseline if there is one. Default for arms
      mixed within cages.

    Cage means come first because their test holds its size from 2 cages an arm, where the arms have about
    equal numbers of cages of about equal kind. With 2 cages against many, and smaller or more variable cages
    on the side of the 2, it rejects too often (.14 to .3 in simulations), and no test of 2 cages can tell;
    REML with few cages often puts the cage variance at 0, and its test is then conservative
    (benchmarks/bench_means_size.py). A mixed model's t has between-units degrees of freedom: units less 2
    (paired: less 1) [2]_. The pooled t and "ancova" suppose one spread in both arms. That matters little
    where the arms have equal numbers; where the smaller arm has the wider spread they reject too often, and
    are not the default.

    The equivalence test is two one-sided tests [3]_; its interval has level 1 - 2 (1 - conf_level).

    References
    ----------
    .. [1] Vickers AJ, Altman DG (2001) Analysing controlled trials with baseline and follow up measurements.
       BMJ 323:1123. doi:10.1136/bmj.323.7321.1123
    .. [2] Li P, Redden DT (2015) Comparing denominator degrees of freedom approximations for the generalized
       linear mixed model in analyzing binary outcome in small sample cluster-randomized trials. BMC Med Res
       Methodol 15:38. doi:10.1186/s12874-015-0026-x
    .. [3] Schuirmann DJ (1987) A comparison of the two one-sided tests procedure and the power approach for
       assessing the equivalence of average bioavailability. J Pharmacokinet Biopharm 15:657-680.
       doi:10.1007/BF01068419

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> shannon = pd.Series([3.1, 3.3, 2.9, 3.4, 2.2, 2.6, 2.0, 2.5], index=list("abcdefgh"))
    >>> mice = pd.DataFrame({"drug": ["no"] * 4 + ["yes"] * 4, "cage": list("ppqqrrss")}, shannon.index)
    >>> result = an.compare_means(shannon, mice, "drug", "no", cluster="cage")
    >>> result.method, round(result.estimate, 3), round(result.standard_error, 3), result.df
    ('cluster_means', -0.85, 0.079, 2)
    """
    _check_arguments(method, alternative, conf_level, margin, missing, permutations, seed, log=log)
    by_subject = baseline if isinstance(baseline, pd.Series) else None
    given = {
        "treatment": treatment,
        "reference": reference,
        "subject": subject,
        "time": time,
        "cluster": cluster,
        "baseline": () if by_subject is not None else baseline,
        "follow_up": follow_up,
    }
    table = metadata_of(metadata, WHERE)
    roles = _roles(metadata.roles if isinstance(metadata, Study) else Roles(), given, table)
    layout = lay_out(
        values,
        table,
        roles,
        level=level,
        baseline_values=by_subject,
        method=method,
        missing=missing,
        log=log,
    )
    model = choose(layout, method)
    draws = Draws(alternative, 1 - conf_level, permutations, seed)
    return _result(fit(layout, model, draws), layout, model, draws, margin, log=log)


def _result(
    pivot: Pivot, layout: Layout, model: Model, draws: Draws, margin: float | None, *, log: bool
) -> MeanComparison:
    """Read the figures off a pivot, and turn logarithms back into ratios."""
    back = math.exp if log else float
    edge = math.log1p(margin) if margin is not None and log else margin
    p_equivalence = math.nan
    if edge is not None:
        not_lower, not_higher = pivot.p_value(-edge, "greater"), pivot.p_value(edge, "less")
        p_equivalence = {"less": not_lower, "greater": not_higher}.get(
            draws.alternative, max(not_lower, not_higher)
        )
    ci_low, ci_high = pivot.interval(draws.alpha, draws.alternative)
    return MeanComparison(
        estimate=back(pivot.estimate),
        ci_low=back(ci_low),
        ci_high=back(ci_high),
        p_value=pivot.p_value(0.0, draws.alternative),
        p_equivalence=p_equivalence,
        equivalence_low=back(pivot.interval(draws.alpha, "greater")[0]),
        equivalence_high=back(pivot.interval(draws.alpha, "less")[1]),
        standard_error=pivot.standard_error,
        df=math.nan if pivot.df is None else pivot.df,
        method=model.method,
        why=model.why,
        unit=model.unit,
        n_per_arm=layout.per_arm("subject"),
        n_clusters=layout.per_arm("cluster") if layout.clustered else {},
        n_samples=len(layout.samples),
        margin=margin,
        treatment=str(layout.roles.treatment),
        reference=layout.reference,
        level=layout.level,
        alternative=draws.alternative,
        conf_level=1 - draws.alpha,
        log=log,
        notes=layout.notes,
    )


def _check_arguments(
    method: str | None,
    alternative: str,
    conf_level: float,
    margin: float | None,
    missing: str,
    permutations: int,
    seed: int,
    *,
    log: bool,
) -> None:
    faults = Faults(WHERE, ParameterError)
    for name, value, known in (
        ("method", method, (None, *METHODS)),
        ("alternative", alternative, ("two-sided", "less", "greater")),
        ("missing", missing, ("raise", "drop")),
    ):
        if not is_one_of(value, known):
            faults.add(
                f"{value!r} is not known",
                where=f"{name}=",
                remedy=did_you_mean(value, [entry for entry in known if entry]),
            )
    check_number(
        faults, "conf_level", conf_level, lambda x: 0.5 < x < 1, "a number above .5 and below 1, such as .95"
    )
    if margin is not None:
        check_number(
            faults,
            "margin",
            margin,
            lambda x: x > 0,
            "a finite difference above 0, in the unit of the values (relative with log=True)",
            "give its size without a sign: alternative='less' or 'greater' says the direction",
        )
    check_count(faults, "permutations", permutations, 99, "arrangements")
    check_seed(faults, seed)
    check_flag(faults, "log", log)
    faults.raise_if_any()


def _roles(own: Roles, given: dict[str, object], metadata: pd.DataFrame) -> Roles:
    """Put what was named in place of a study's own roles; the rules are those of `Study.with_roles`.

    Raises
    ------
    RoleError
        Where another time column leaves the study's baseline or follow-up without a meaning.
    ParameterError
        Where the treatment, the reference or the subject of a baseline is not named.
    """
    roles = change_roles(own, {role: KEPT if one is None else one for role, one in given.items()}, metadata)
    if roles.time != own.time and given["baseline"] is None and given["follow_up"] is None:
        lost = [f"{role} {listed(getattr(own, role))}" for role in TIMED if getattr(own, role)]
        if lost:
            raise one_fault(
                RoleError,
                WHERE,
                f"the study's {' and '.join(lost)} are values of {own.time!r}, not of {roles.time!r}",
                where="time=",
                expected=f"times of {roles.time!r}",
                remedy="give baseline= and follow_up=, or baseline=() to average all times",
            )
    faults = Faults(WHERE, ParameterError)
    for role in ("treatment", "reference"):
        if getattr(roles, role) is None:
            faults.add(
                f"no {role} is named",
                where=f"{role}=",
                remedy=f"give {role}=, or a study that has it: study.with_roles({role}=...)",
            )
    if roles.baseline and roles.subject is None:
        faults.add(
            "baseline samples need to be matched to their subjects",
            where="baseline=",
            remedy="give subject= as well",
        )
    faults.raise_if_any()
    return roles
