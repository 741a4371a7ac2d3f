"""Shannon of obese and other people in the ten cohorts of Sze and Schloss, pooled, and the power of each.

Run by extended_figures.py. doi:10.1128/mBio.01018-16
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from extended_shared import shannon_of

import analysis as an
from analysis.planning.endpoints import MeanEndpoint

COHORTS = {  # the depth to which Sze and Schloss rarefied each
    "baxter": 10_600,
    "escobar": 4_598,
    "goodrich": 10_000,
    "hmp": 1_000,
    "ross": 1_700,
    "schubert": 1_507,
    "turnbaugh": 1_245,
    "wu": 4_000,
    "zeevi": 4_000,
    "zupancic": 1_500,
}
FALLS = (1, 5, 10, 15)  # percent of Shannon, as in the authors' table of power


def obesity_cohorts() -> pd.DataFrame:
    """Return Shannon of obese and other people in ten cohorts, pooled, with the power each cohort had."""
    rows = [cohort_row(cohort, depth) for cohort, depth in COHORTS.items()]
    table = pd.DataFrame(rows)
    plain = 100 * (table["mean_obese"].mean() / table["mean_other"].mean() - 1)
    pooled = [{"cohort": "means of the ten, not weighted", "percent": plain}, *pool(table)]
    return pd.concat([table, pd.DataFrame(pooled)], ignore_index=True)


def cohort_row(cohort: str, depth: int) -> dict:
    """Return the difference of one cohort, the power it had, and the people it would have taken."""
    study = an.load_dataset(f"sze_{cohort}")
    known = study.metadata["obese"].isin(["TRUE", "FALSE"]) & (study.depths >= depth)
    study = study.select(samples=known.to_numpy())
    values = shannon_of(study, depth)
    groups = values.groupby(study.metadata["obese"])
    found = an.compare_means(values, study.metadata, "obese", "FALSE")
    mean, sd, n = groups.mean(), groups.std(), groups.size()
    row = {"cohort": cohort, "depth": depth, "n_obese": n["TRUE"], "n_other": n["FALSE"]}
    row |= {"mean_obese": mean["TRUE"], "mean_other": mean["FALSE"], "sd": values.std()}
    row |= {"percent": 100 * found.estimate / mean["FALSE"], "p_value": found.p_value}
    row |= {f"percent_{end}": 100 * getattr(found, f"ci_{end}") / mean["FALSE"] for end in ("low", "high")}
    row["log_ratio"] = np.log(mean["TRUE"] / mean["FALSE"])
    row["log_ratio_variance"] = (sd**2 / (n * mean**2)).sum()
    return row | planned(MeanEndpoint(values.mean(), values.std()), n["TRUE"], n["FALSE"])


def planned(gut: MeanEndpoint, n_obese: int, n_other: int) -> dict[str, float]:
    """Return the power of a cohort for falls of Shannon, and the people a group that 80 % would take."""
    had = an.Design(int(n_obese), baseline=0, ratio=n_other / n_obese)
    row = {f"power_{fall}": an.power(had, gut, gut.percent(-fall)).power for fall in FALLS}
    needs = {f"n_{fall}": an.sample_size(an.Design(baseline=0), gut, gut.percent(-fall)) for fall in FALLS}
    return row | {name: plan.n_per_arm for name, plan in needs.items()}


def pool(table: pd.DataFrame) -> list[dict]:
    """Return the pooled difference: log ratios of means, weighted by their precision.

    Fixed effect, and random effects with the between-cohort variance of Paule and Mandel and the interval of
    Hartung and Knapp (Hedges LV et al. 1999, doi:10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2).
    """
    from statsmodels.stats.meta_analysis import combine_effects

    found = combine_effects(
        table["log_ratio"].to_numpy(), table["log_ratio_variance"].to_numpy(), method_re="iterated"
    )
    fixed = found.conf_int(use_t=False)[0]
    random = found.conf_int(use_t=True)[3]
    rows = []
    for name, centre, (low, high) in (
        ("fixed effect", found.mean_effect_fe, fixed),
        ("random effects", found.mean_effect_re, random),
    ):
        ends = 100 * np.expm1(np.array([centre, low, high]))
        rows.append(
            {"cohort": name, **dict(zip(("percent", "percent_low", "percent_high"), ends, strict=True))}
        )
    return rows
