"""What a laxative does to the mice of tomkovich_peg3350, by whole cages, and the authors' PERMANOVA.

Run by extended_figures.py. doi:10.1128/mSphere.00629-21
"""

from __future__ import annotations

import pandas as pd
from extended_shared import before_and_after, in_percent, shannon_of

import analysis as an
from analysis.study import Study

LAXATIVE = ("WM", "WMC", "WMN")  # drank it from the sample of day -5 to that of day -1, and had nothing else
UNTREATED = ("C", "CN")  # had had nothing by the sample of day -1


def laxative() -> pd.DataFrame:
    """Return what a laxative does to the mice of tomkovich_peg3350; whole cages drank it."""
    study = an.load_dataset("tomkovich_peg3350")
    study = study.select(samples=(study.metadata["sample_type"] == "stool").to_numpy())
    groups = dict.fromkeys(LAXATIVE, "laxative") | dict.fromkeys(UNTREATED, "nothing yet")
    samples = study.metadata.assign(given=study.metadata["group"].map(groups))
    early = samples[samples["given"].notna() & samples["label_day"].isin([-5, -1])]
    rows = [*laxative_means(study, early), *laxative_communities(study, early), *laxative_course(study)]
    columns = ["question", "metric", "quantity", "day", "estimate", "low", "high", "percent", "percent_low"]
    columns += ["percent_high", "p_value", "n_samples", "n_mice", "n_cages", "method"]
    return pd.DataFrame([*rows, *laxative_trap(study)]).reindex(columns=columns)


def laxative_means(study: Study, early: pd.DataFrame) -> list[dict]:
    """Return Shannon and genera before and after, and compared between laxative and nothing."""
    table = an.alpha_diversity(study)
    rows = []
    for metric in table:
        values = table.loc[early.index, metric]
        for given in ("laxative", "nothing yet"):
            own = early[early["given"] == given]
            found = before_and_after(values[own.index], own, "label_day", (-5, -1), "mouse", "cage")
            row = {"question": "before and after", "metric": metric, "quantity": given, "day": -1}
            rows.append(row | renamed(found))
        roles = {"subject": "mouse", "cluster": "cage"}
        there = early["label_day"] == -1
        last = values[there]
        start = last[early.loc[last.index, "given"] == "nothing yet"].mean()
        plans = {
            "with the stool of day -5": (values, {"baseline": -5, "time": "label_day", "missing": "drop"})
        }
        plans["stools of day -1 alone"] = (last, {})
        for quantity, (chosen, options) in plans.items():
            found = an.compare_means(
                chosen, early.loc[chosen.index], "given", "nothing yet", **roles, **options
            )
            row = {"question": "laxative against nothing", "metric": metric, "quantity": quantity, "day": -1}
            row |= renamed(in_percent(found, start)) | {"n_mice": sum(found.n_per_arm.values())}
            rows.append(row | {"n_cages": sum(found.n_clusters.values())})
    return rows


def renamed(found: dict) -> dict:
    """Return a comparison under the names of this table."""
    names = {"difference": "estimate", "ci_low": "low", "ci_high": "high"}
    names |= {"n_subjects": "n_mice", "n_units": "n_cages"}
    return {names.get(key, key): value for key, value in found.items()}


def laxative_communities(study: Study, early: pd.DataFrame) -> list[dict]:
    """Return PERMANOVA of laxative against nothing, cages exchanged, before it and after it."""
    rows = []
    for day in (-5, -1):
        there = early[early["label_day"] == day]
        distances = an.beta_diversity(study.select(samples=there.index))
        found = an.permanova(distances, there, "given", plots="cage")
        row = {"question": "PERMANOVA", "metric": "braycurtis", "quantity": "laxative against nothing"}
        row |= {
            "day": day,
            "estimate": found.r_squared,
            "p_value": found.p_value,
            "method": "cages exchanged",
        }
        rows.append(row | counted(there))
    return rows


def counted(samples: pd.DataFrame) -> dict[str, int]:
    """Return how many samples, mice and cages there are."""
    return {
        "n_samples": len(samples),
        "n_mice": samples["mouse"].nunique(),
        "n_cages": samples["cage"].nunique(),
    }


def laxative_course(study: Study) -> list[dict]:
    """Return mean Shannon of cages by day: after clindamycin (C), and after the laxative (WM, WMN)."""
    values, samples = shannon_of(study), study.metadata
    rows = []
    for group in ("C", "WM", "WMN"):
        own = samples[samples["group"] == group]
        for day, there in own.groupby("label_day"):
            means = values[there.index].groupby(there["cage"]).mean()
            if len(means) >= 2:
                row = {"question": "course", "metric": "shannon", "quantity": group, "day": day}
                rows.append(row | {"estimate": means.mean(), "method": "mean of cage means"} | counted(there))
    return rows


def authors_stools(study: Study) -> Study:
    """Return the 434 stools that the authors' PERMANOVA of five days of laxative was made of."""
    samples = study.metadata
    here = samples["exp_num"].isin(["M3", "M4", "M5", "M8"]) & samples["group"].isin(["C", "WM", "WMC"])
    return study.select(samples=(here | (samples["group"] == "WMR")).to_numpy())


def laxative_trap(study: Study) -> list[dict]:
    """Return the authors' model: stools exchanged within mice cannot move the group, whole cages can."""
    study = authors_stools(study)
    distances, samples = an.beta_diversity(study), study.metadata
    rows = []
    for units, plots in (("stools", None), ("cages", "cage")):
        found = an.permanova(distances, samples, "group", plots=plots)
        row = {"question": "434 stools", "metric": "braycurtis", "quantity": f"group, {units} exchanged"}
        rows.append(row | {"estimate": found.r_squared, "p_value": found.p_value} | counted(samples))
    try:
        an.permanova(distances, samples, "group", blocks="mouse")
    except an.errors.DesignError as refusal:
        row = {"question": "434 stools", "metric": "braycurtis", "quantity": "group, stools within a mouse"}
        rows.append(row | counted(samples) | {"method": f"refused: {refusal.faults[0].what}"})
    return rows
