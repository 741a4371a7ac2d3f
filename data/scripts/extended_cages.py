"""What cages and vendors explain in mice before any treatment, and what counting mice does.

Run by extended_figures.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from extended_shared import shannon_of

import analysis as an
from analysis.study import Study


def cages_and_vendors(splits: int = 500, seed: int = 0) -> pd.DataFrame:
    """Return what cages and vendors explain in untreated mice, and what counting mice does.

    Parameters
    ----------
    splits, seed : int
        How many times the cages of schubert_antibiotics are split at random into two arms, and the seed.
    """
    vendors = an.load_dataset("tomkovich_vendors")
    vendors = vendors.select(samples=(vendors.metadata["day"] == -1).to_numpy())
    vendors = replace(vendors, metadata=vendors.metadata.assign(cage=vendors.metadata["unique_cage"]))
    one_lab = an.load_dataset("schubert_antibiotics")
    one_lab = one_lab.select(samples=(one_lab.metadata["day"] < 0).to_numpy())
    rows = []
    for name, study in (("schubert_antibiotics", one_lab), ("tomkovich_vendors", vendors)):
        many = {"dataset": name, "n_mice": len(study.sample_ids), "n_cages": study.metadata["cage"].nunique()}
        found = [*shares(study, nested=False), *pairs(study)]
        if name == "tomkovich_vendors":
            found += [*shares(study, nested=True), *vendor_tests(study)]
        else:
            found += false_alarms(study, splits, seed)
        rows += [many | row for row in found]
    columns = ["dataset", "question", "metric", "quantity", "estimate", "low", "high", "p_value", "mc_se"]
    return pd.DataFrame(rows).reindex(columns=[*columns, "n_mice", "n_cages", "note"])


def shares(study: Study, nested: bool) -> list[dict]:
    """Return the share of cages (nested: of vendors, and of cages within them) with 95 % intervals."""
    cage = study.metadata["cage"]
    vendor = study.metadata["vendor"] if nested else None
    rows = []
    for metric, values in (("shannon", shannon_of(study)), ("braycurtis", an.beta_diversity(study))):
        parts = an.variance_components(values, cage, vendor)
        names = {"icc": "cage within vendor", "cluster_icc": "vendor"} if nested else {"icc": "cage"}
        for column, quantity in names.items():
            low, high = getattr(parts, f"{column}_interval")
            row = {"question": "share of variation", "metric": metric, "quantity": quantity}
            rows.append(row | {"estimate": getattr(parts, column), "low": low, "high": high})
    return rows


def pairs(study: Study) -> list[dict]:
    """Return mean Bray-Curtis distances of cage mates, of mice of one vendor, and of two vendors."""
    distances, samples = an.beta_diversity(study), study.metadata
    first, second = np.triu_indices(len(samples), k=1)
    cage = samples["cage"].to_numpy()
    vendor = samples["vendor"].to_numpy() if "vendor" in samples else np.zeros(len(samples))
    kinds = np.select(
        [cage[first] == cage[second], vendor[first] == vendor[second]],
        ["cage mates", "same source, other cage"],
        "other source",
    )
    values = pd.Series(distances.data[first, second]).groupby(kinds)
    row = {"question": "mean distance", "metric": "braycurtis"}
    counts = values.size()
    return [
        row | {"quantity": kind, "estimate": mean, "note": f"{counts[kind]} pairs"}
        for kind, mean in values.mean().items()
    ]


def vendor_tests(study: Study) -> list[dict]:
    """Return PERMANOVA of the vendor, exchanging mice or cages, and what cages explain beyond it."""
    distances, samples = an.beta_diversity(study), study.metadata
    rows = []
    for units, plots in (("mice", None), ("cages", "cage")):
        found = an.permanova(distances, samples, "vendor", plots=plots)
        row = {"question": "PERMANOVA", "metric": "braycurtis", "quantity": f"vendor, {units} exchanged"}
        note = f"R2; omega2 {found.omega_squared:.3f}; smallest possible p {found.smallest_p:.2g}"
        rows.append(row | {"estimate": found.r_squared, "p_value": found.p_value, "note": note})
    caged = an.permanova(distances, samples, "cage", blocks="vendor")
    row = {"question": "PERMANOVA", "metric": "braycurtis", "quantity": "cage within vendor, mice exchanged"}
    beyond = caged.r_squared - found.r_squared
    note = "R2 of cages less R2 of vendors; mice exchanged within vendors"
    return [*rows, row | {"estimate": beyond, "p_value": caged.p_value, "note": note}]


def false_alarms(study: Study, splits: int, seed: int) -> list[dict]:
    """Return how often random halves of the untreated cages differ "significantly", by what is counted."""
    values, distances, samples = shannon_of(study), an.beta_diversity(study), study.metadata
    cages = sorted(samples["cage"].unique())
    random = np.random.default_rng(seed)
    names = [("shannon", "mice"), ("shannon", "cages"), ("braycurtis", "mice"), ("braycurtis", "cages")]
    alarms = dict.fromkeys(names, 0)
    for _ in range(splits):
        treated = random.choice(cages, len(cages) // 2, replace=False)
        split = samples.assign(arm=np.where(samples["cage"].isin(treated), "A", "B"))
        for metric, units in names:
            cage = "cage" if units == "cages" else None
            if metric == "shannon":
                p = an.compare_means(values, split, "arm", "B", subject="mouse_id", cluster=cage).p_value
            else:
                p = an.permanova(distances, split, "arm", plots=cage, permutations=199).p_value
            alarms[metric, units] += p <= 0.05
    rows = []
    for (metric, units), number in alarms.items():
        rate = number / splits
        row = {"question": "false alarms", "metric": metric, "quantity": f"{units} counted", "estimate": rate}
        note = f"{splits} random splits of the cages, 5 % promised"
        rows.append(row | {"mc_se": np.sqrt(rate * (1 - rate) / splits), "note": note})
    return rows
