"""What the figures of the longer notebooks share: Shannon, and differences in percent."""

from __future__ import annotations

import pandas as pd

import analysis as an
from analysis.comparison.means import MeanComparison
from analysis.study import Study


def shannon_of(study: Study, depth: int | None = None) -> pd.Series:
    """Return Shannon (nats); rarefied where a depth is given, as the mean of 20 draws."""
    return an.alpha_diversity(study, "shannon", depth=depth, iterations=20)["shannon"]


def in_percent(found: MeanComparison, start: float) -> dict[str, object]:
    """Return a comparison with its difference as a share of where it started from."""
    row = {"mean_before": start, "mean_after": start + found.estimate}
    row |= {name: getattr(found, name) for name in ("ci_low", "ci_high", "p_value", "unit", "method")}
    row |= {"difference": found.estimate, "percent": 100 * found.estimate / start}
    row |= {f"percent_{end}": 100 * getattr(found, f"ci_{end}") / start for end in ("low", "high")}
    clusters = sum(found.n_clusters.values()) if found.method != "paired" else 0
    return row | {"n_units": clusters or sum(found.n_per_arm.values())}


def before_and_after(
    values: pd.Series, samples: pd.DataFrame, time: str, days: tuple, subject: str, cluster: str
) -> dict:
    """Compare two days within the mice that have both; their cages (or batches) are the units."""
    seen = samples.loc[values.index]
    seen = seen[seen[time].isin(days)].copy()
    both = seen.groupby(subject)[time].transform("nunique") == 2
    seen = seen[both].assign(
        phase=lambda rows: rows[time].map(dict(zip(days, ("before", "after"), strict=True)))
    )
    # A mouse with two samples of one day counts once.
    values = values[seen.index]
    by_mouse = values.groupby([seen[cluster], seen[subject], seen["phase"]]).mean()
    start = by_mouse.xs("before", level="phase").groupby(level=0).mean().mean()
    found = an.compare_means(values, seen, "phase", "before", subject=subject, cluster=cluster)
    row = in_percent(found, start) | {"comparison": "the same before and after", "unit": cluster}
    return row | {"n_subjects": seen[subject].nunique(), "n_units": seen[cluster].nunique()}
