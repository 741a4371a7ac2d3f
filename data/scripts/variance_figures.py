"""Split the variation of diversity into people or mice, cages and single samples, in public tables.

Run: ANALYSIS_DATA_DIR=<folder of public tables> python data/scripts/variance_figures.py

Writes data/results/variance_components.csv: derived figures only. Every sample is untreated, or the treatment
changed nothing that was found (the two fibre diets of tap_fibre_crossover).
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

import analysis as an
from analysis.provenance import write_results
from analysis.study import Study

OUT = Path(__file__).resolve().parents[1] / "results" / "variance_components.csv"


def mice_on_one_diet(_: Path) -> tuple[Study, str, None]:
    """Return the six mice of turnbaugh_mice that stayed on their diet, from day 27 on."""
    study = an.load_dataset("turnbaugh_mice")
    kept = (study.metadata["diet_group"] == "BK throughout") & (study.metadata["day"] >= 27)
    return study.select(samples=kept), "mouseID", None


def people_on_fibre(folder: Path) -> tuple[Study, str, None]:
    """Return the 19 adults of tap_fibre_crossover, four stools each."""
    raw = folder / "tap_fibre_crossover" / "data-raw"
    metadata = an.readers.read_metadata(raw / "metadata.csv", id_column="Sample_ID")
    return an.read_study(raw / "otu.csv", metadata=metadata), "Subject_Id", None


def people_before_a_diet(folder: Path) -> tuple[Study, str, None]:
    """Return the people of david on the days before their diet changed."""
    raw = folder / "mlrepo" / "datasets" / "david"
    metadata = an.readers.read_metadata(raw / "mapping-orig.txt")
    study = an.read_study(raw / "refseq" / "otutable.txt", metadata=metadata, drop={"unmatched_samples"})
    day = pd.to_numeric(study.metadata["Day"], errors="coerce")
    return study.select(samples=(day < 0) & (study.depths >= 5_000)), "SubjectFood", None


def mice_in_cages(folder: Path) -> tuple[Study, str, str]:
    """Return the mice of tomkovich_vendors on the day before clindamycin; the vendor is taken out first."""
    raw = folder / "tomkovich_vendors" / "data" / "process"
    metadata = an.readers.read_metadata(raw / "processed_metadata.tsv")
    study = an.read_study(raw / "vendors.subsample.shared", metadata=metadata, drop={"unmatched_samples"})
    return study.select(samples=study.metadata["day"] == -1), "unique_cage", "vendor"


COHORTS = {
    "turnbaugh_mice": ("mouse", "mouse", mice_on_one_diet),
    "tap_fibre_crossover": ("human", "person", people_on_fibre),
    "david": ("human", "person", people_before_a_diet),
    "tomkovich_vendors": ("mouse", "cage", mice_in_cages),
}


def figures(cohort: str, folder: Path) -> pd.DataFrame:
    """Return the variance components of Shannon and of Bray-Curtis in one cohort, a row a metric."""
    species, unit, load = COHORTS[cohort]
    study, subject, covariate = load(folder)
    depth = int(study.depths.min())
    shannon = an.alpha_diversity(study, metrics=["shannon"], depth=depth)["shannon"]
    groups = study.metadata[subject].astype(str)
    values = {
        "shannon": shannon,
        "braycurtis": an.beta_diversity(study, "braycurtis", depth=depth, iterations=10),
    }
    rows = []
    for metric, value in values.items():
        taken_out = study.metadata[covariate] if covariate and metric == "shannon" else None
        if covariate and metric == "braycurtis":
            continue  # distances are not split with a covariate
        parts = an.variance_components(value, groups, covariates=taken_out)
        rows.append(
            {
                "cohort": cohort,
                "species": species,
                "unit": unit,
                "metric": metric,
                "depth": depth,
                "n_units": parts.n_subjects,
                "n_samples": parts.n_samples,
                "mean": float(shannon.mean()) if metric == "shannon" else float("nan"),
                "icc": parts.icc,
                "icc_low": parts.icc_interval[0],
                "icc_high": parts.icc_interval[1],
                "sd_between": parts.sd_between,
                "sd_within": parts.sd_within,
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Write the figures of every cohort."""
    folder = Path(os.environ["ANALYSIS_DATA_DIR"])
    table = pd.concat([figures(cohort, folder) for cohort in COHORTS], ignore_index=True)
    write_results(
        OUT,
        table.round(6),
        "python data/scripts/variance_figures.py",
        inputs=["turnbaugh_mice", "tap_fibre_crossover", "david_diet", "tomkovich_vendors"],
        seed=0,
        replicates={"rarefactions for Shannon": 100, "rarefactions for distances": 10},
    )
    print(table.to_string())


if __name__ == "__main__":
    main()
