"""How far Shannon falls after antibiotics, in mice and in people.

Run by extended_figures.py. Every table has a unit of its own: cages where they are known, else batches, mice,
or single people, of whom there are three and no test.
"""

from __future__ import annotations

import pandas as pd
from extended_shared import before_and_after, in_percent, shannon_of

import analysis as an


def antibiotic_yardstick() -> pd.DataFrame:
    """Return how far Shannon falls after antibiotics: a row a table and drug; people one by one."""
    rows = [*schubert_rows(), vendors_row(), apgar_row(), *cho_rows(), *dethlefsen_rows()]
    columns = [
        "dataset",
        "host",
        "given",
        "comparison",
        "unit",
        "n_subjects",
        "n_units",
        "depth",
        "mean_before",
    ]
    columns += ["mean_after", "difference", "ci_low", "ci_high", "percent", "percent_low", "percent_high"]
    return pd.DataFrame(rows)[[*columns, "p_value", "method"]]


def schubert_rows() -> list[dict]:
    """Return the arms of schubert_antibiotics: within cages, or against the untreated cages of other arms."""
    study = an.load_dataset("schubert_antibiotics")
    samples, values = study.metadata.copy(), shannon_of(study)
    untreated = samples["day"] < 0
    rows = []
    for arm in sorted(samples.loc[~untreated, "arm"].unique()):
        name = {"dataset": "schubert_antibiotics", "host": "mouse", "given": arm, "depth": 1625}
        own = samples["arm"] == arm
        if (own & untreated).any():
            mice = samples[own].assign(when=untreated.map({True: "earlier", False: "later"}))
            found = before_and_after(values[own], mice, "when", ("earlier", "later"), "mouse_id", "cage")
        else:
            others = samples[own | (untreated & ~own)].assign(given=own.map({True: "drug", False: "none"}))
            test = an.compare_means(
                values[others.index], others, "given", "none", subject="mouse_id", cluster="cage"
            )
            start = values[untreated].groupby(samples["cage"]).mean().mean()
            found = in_percent(test, start) | {"comparison": "other, untreated cages", "unit": "cage"}
            found |= {"n_subjects": test.n_per_arm["drug"], "n_units": test.n_clusters["drug"]}
        rows.append(name | found)
    return rows


def vendors_row() -> dict:
    """Return clindamycin in the mice of six vendors."""
    study = an.load_dataset("tomkovich_vendors")
    found = before_and_after(shannon_of(study), study.metadata, "day", (-1, 0), "mouse_id", "unique_cage")
    name = {"dataset": "tomkovich_vendors", "host": "mouse", "given": "clinda", "depth": 5437}
    return name | found | {"unit": "cage"}


def apgar_row() -> dict:
    """Return the antibiotic of apgar_stool; cages are not recorded, so its seven batches are the units."""
    study = an.load_dataset("apgar_stool")
    study = study.select(samples=(study.depths >= 1_000).to_numpy())
    found = before_and_after(
        shannon_of(study, 1_000), study.metadata, "day_post_inf", (-8, -3), "mouse_id", "study"
    )
    name = {"dataset": "apgar_stool", "host": "mouse", "given": "not named", "depth": 1_000}
    return name | found | {"unit": "batch"}


def cho_rows() -> list[dict]:
    """Return low doses against controls, in faeces and caecum; cages are not recorded, mice are counted."""
    study = an.load_dataset("cho_antibiotics")
    study = study.select(samples=(study.depths >= 500).to_numpy())
    values, samples = shannon_of(study, 500), study.metadata
    rows = []
    for source in ("fecal", "cecal"):
        there = samples[samples["Source"] == source]
        for drug in sorted(set(there["Abx"]) - {"Control"}):
            found = an.compare_means(
                values[there.index], there, "Abx", "Control", level=drug, subject="MouseID"
            )
            start = values[there.index[there["Abx"] == "Control"]].mean()
            mice = found.n_per_arm[drug]
            row = {"dataset": "cho_antibiotics", "host": "mouse", "given": f"{drug}, {source}", "depth": 500}
            row |= in_percent(found, start) | {"comparison": "controls", "unit": "mouse"}
            rows.append(row | {"n_subjects": mice, "n_units": mice})
    return rows


def dethlefsen_rows() -> list[dict]:
    """Return three people, each alone: means of the samples of a phase, and no test."""
    study = an.load_dataset("dethlefsen_cipro")
    depth = int(study.depths.min())
    means = shannon_of(study, depth).groupby([study.metadata["ind"], study.metadata["condition"]]).mean()
    rows = []
    for person in ("D", "E", "F"):
        start = means[person, "Pre Cp"]
        for phase in ("1st Cp", "1st WPC", "Interim", "2nd Cp", "2nd WPC", "Post Cp"):
            later = means[person, phase]
            row = {
                "dataset": "dethlefsen_cipro",
                "host": "human",
                "given": f"cipro, person {person}, {phase}",
            }
            row |= {"comparison": "one person, before and after", "unit": "person", "depth": depth}
            row |= {"n_subjects": 1, "n_units": 1, "mean_before": start, "mean_after": later}
            rows.append(row | {"difference": later - start, "percent": 100 * (later / start - 1)})
    return rows
