"""Say how noisy the log-ratio of a panel of taxa is without treatment, in public tables.

Run: ANALYSIS_DATA_DIR=<folder of public tables> python data/scripts/panel_noise.py

Writes data/results/panel_noise.csv: derived figures only. Every sample is untreated, or the treatment changed
nothing that was found (the two fibre diets of tap_fibre_crossover). The noise of the panel's claims in
data/claims.toml is taken from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

import analysis as an
from analysis.provenance import write_results
from analysis.study import Study
from analysis.taxa.scoring import panel_scores
from analysis.taxonomy import taxonomy_table

OUT = Path(__file__).resolve().parents[1] / "results" / "panel_noise.csv"
PANEL = "gevers_axis"
INPUTS = ["schubert_antibiotics", "tomkovich_vendors", "tap_fibre_crossover", "turnbaugh_mice", "panels.toml"]
INPUTS += [f"mlrepo/datasets/david/{file}" for file in ("gg/taxatable.txt", "mapping-orig.txt")]
INPUTS += [f"sze_obesity/data/{name}/{name}.shared.gz" for name in ("escobar", "ross", "schubert", "wu")]
INPUTS += [f"sze_obesity/data/{name}/{name}.taxonomy" for name in ("escobar", "ross", "schubert", "wu")]
READS = 1_000  # fewer in a sample leave the rarer side of the panel to chance


@dataclass(frozen=True)
class Cohort:
    """A public table, and the columns that say whom a sample is from; None: one sample each, no cages."""

    species: str
    load: Callable[[Path], Study]
    subject: str | None = None
    cluster: str | None = None


def mice_on_one_diet(_: Path) -> Study:
    """Return the six mice of turnbaugh_mice that stayed on their diet, from day 27 on."""
    study = an.load_dataset("turnbaugh_mice")
    kept = (study.metadata["diet_group"] == "BK throughout") & (study.metadata["day"] >= 27)
    return study.select(samples=kept)


def schubert_mice(folder: Path) -> Study:
    """Return all mice of schubert_antibiotics, with the columns cage, mouse and untreated."""
    raw = folder / "schubert_antibiotics" / "data" / "process"
    table = "abxD0.trim.contigs.good.unique.good.filter.unique.precluster.pick.pick.pick.an.unique_list.0.03"
    study = an.read_study(raw / f"{table}.subsample.shared", taxonomy=raw / f"{table}.cons.taxonomy")
    told = pd.read_csv(raw / "abx_cdiff_metadata.tsv", sep="\t", index_col=0)
    told = told[~told.index.duplicated()].loc[study.sample_ids]
    before = (told["preAbx"].astype(str).str.upper() == "TRUE") | (told["abx"].str.strip() == "none")
    ids = study.sample_ids
    columns = {
        "cage": [name.split("-")[0] for name in ids],
        "mouse": [name.split("D")[0] for name in ids],
        "untreated": before.to_numpy(),
    }
    return replace(study, metadata=pd.DataFrame(columns, index=ids))


def mice_before_antibiotics(folder: Path) -> Study:
    """Return the mice of schubert_antibiotics before any antibiotic, or without one."""
    study = schubert_mice(folder)
    return study.select(samples=study.metadata["untreated"].to_numpy())


def mice_of_six_vendors(folder: Path) -> Study:
    """Return the mice of tomkovich_vendors on the day before clindamycin."""
    raw = folder / "tomkovich_vendors" / "data" / "process"
    metadata = an.readers.read_metadata(raw / "processed_metadata.tsv")
    study = an.read_study(
        raw / "vendors.subsample.shared",
        metadata=metadata,
        taxonomy=raw / "vendors.taxonomy",
        drop={"unmatched_samples"},
    )
    return study.select(samples=study.metadata["day"] == -1)


def people_on_fibre(folder: Path) -> Study:
    """Return the 19 adults of tap_fibre_crossover, four stools each."""
    raw = folder / "tap_fibre_crossover" / "data-raw"
    metadata = an.readers.read_metadata(raw / "metadata.csv", id_column="Sample_ID")
    return an.read_study(raw / "otu.csv", metadata=metadata, taxonomy=raw / "tax.csv")


def people_before_a_diet(folder: Path) -> Study:
    """Return the people of david on the days before their diet changed."""
    raw = folder / "mlrepo" / "datasets" / "david"
    metadata = an.readers.read_metadata(raw / "mapping-orig.txt")
    study = an.read_study(raw / "gg" / "taxatable.txt", metadata=metadata, drop={"unmatched_samples"})
    study = replace(study, taxonomy=taxonomy_table(study.feature_ids, study.feature_ids))
    return study.select(samples=pd.to_numeric(study.metadata["Day"], errors="coerce") < 0)


def people_of(name: str) -> Callable[[Path], Study]:
    """Return what reads a cohort of Sze and Schloss 2016: one sample a person, lean and obese."""

    def load(folder: Path) -> Study:
        raw = folder / "sze_obesity" / "data" / name
        return an.read_study(raw / f"{name}.shared.gz", taxonomy=raw / f"{name}.taxonomy")

    return load


COHORTS = {
    "turnbaugh_mice": Cohort("mouse", mice_on_one_diet, "mouseID"),
    "schubert_antibiotics": Cohort("mouse", mice_before_antibiotics, "mouse", "cage"),
    "tomkovich_vendors": Cohort("mouse", mice_of_six_vendors, "mouse_id", "unique_cage"),
    "tap_fibre_crossover": Cohort("human", people_on_fibre, "Subject_Id"),
    "david": Cohort("human", people_before_a_diet, "SubjectFood"),
    "sze_escobar": Cohort("human", people_of("escobar")),
    "sze_ross": Cohort("human", people_of("ross")),
    "sze_schubert": Cohort("human", people_of("schubert")),
    "sze_wu": Cohort("human", people_of("wu")),
}


def figures(cohort: str, folder: Path) -> dict[str, object]:
    """Return mean, total SD and shares of the panel's log-ratio in one cohort."""
    told = COHORTS[cohort]
    study = told.load(folder)
    deep = study.select(samples=(study.depths >= READS).to_numpy())
    values = panel_scores(deep, PANEL).scores["log_ratio"].dropna()
    row = {
        "cohort": cohort,
        "species": told.species,
        "panel": PANEL,
        "n_samples": len(values),
        "n_left_out": len(study.sample_ids) - len(values),
        "mean": values.mean(),
        "sd": values.std(),
    }
    # Where each subject has one sample, cages are the only groups there are: their share is the cage's.
    groups = None if told.subject is None else deep.metadata.loc[values.index, told.subject].astype(str)
    cages = None if told.cluster is None else deep.metadata.loc[values.index, told.cluster].astype(str)
    if groups is not None and groups.duplicated().any():
        parts = an.variance_components(values, groups, cages)
        low, high = parts.icc_interval
        row |= {"n_subjects": parts.n_subjects, "icc": parts.icc, "icc_low": low, "icc_high": high}
    elif cages is not None:
        parts = an.variance_components(values, cages)
        low, high = parts.icc_interval
        row |= {"n_subjects": len(values), "n_cages": parts.n_subjects, "cluster_icc": parts.icc}
        row |= {"cluster_icc_low": low, "cluster_icc_high": high}
    else:
        row["n_subjects"] = len(values)
    return row


def all_figures(folder: Path, cohorts: tuple[str, ...] = tuple(COHORTS)) -> pd.DataFrame:
    """Return a row a cohort."""
    columns = ["cohort", "species", "panel", "n_samples", "n_left_out", "n_subjects", "n_cages", "mean", "sd"]
    columns += ["icc", "icc_low", "icc_high", "cluster_icc", "cluster_icc_low", "cluster_icc_high"]
    table = pd.DataFrame([figures(cohort, folder) for cohort in cohorts], columns=columns)
    return table.astype({"n_subjects": "Int64", "n_cages": "Int64"})


def main() -> None:
    """Write the figures of every cohort."""
    table = all_figures(Path(os.environ["ANALYSIS_DATA_DIR"]))
    write_results(OUT, table.round(6), "python data/scripts/panel_noise.py", inputs=INPUTS)
    print(table.to_string())


if __name__ == "__main__":
    main()
