"""Fit the pilots in data/pilots again from the public tables they came from.

    python data/scripts/fit_pilots.py TABLES [NAME ...]

TABLES is a folder laid out as DATASET/PATH with a registry.tsv (dataset, file, bytes, sha256, github_repo,
commit, path). NAME: only these pilots. Every table is checked against its sha256 first. The embedded tables
need no folder.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import analysis as an
from analysis.catalogue import load_dataset
from analysis.pilots import fit_pilot
from analysis.study import Study

OUT = Path(__file__).resolve().parents[1] / "pilots"
# Tables with thousands of rare taxa need more columns than the default to keep their richness.
MAX_TAXA = {
    "sze_escobar": 1_500,
    "sze_goodrich": 1_000,
    "sze_schubert": 600,
    "sze_turnbaugh": 1_000,
    "sze_wu": 1_000,
    "sze_zeevi": 600,
    "sze_zupancic": 1_500,
    "tomkovich_mice": 800,
    "turnbaugh_mice": 1_000,
}
SZE = (
    "Sze MA, Schloss PD (2016). Looking for a signal in the noise: revisiting obesity and the microbiome. "
    "mBio 7:e01018-16. doi:10.1128/mBio.01018-16"
)


@dataclass(frozen=True)
class Recipe:
    """How one pilot is made: its table, what is read from it, whose guts, and what to cite."""

    host: str
    table: str
    metadata: str | None
    prepare: Callable[[Study, Path], Study]
    citation: str
    licence: str
    chosen: str
    stratum: str | None = None
    orientation: str | None = None


def _each_its_own(study: Study, _: Path) -> Study:
    return study


def _tap(study: Study, folder: Path) -> Study:
    path = folder / "tap_fibre_crossover/data-raw/metadata.csv"
    told = pd.read_csv(path, sep=";", decimal=",", encoding="latin-1", index_col=0)
    told.index = told.index.astype(str)
    # The table's columns are named by the rows of the metadata or by its Sample_ID.
    if not set(study.sample_ids) <= set(told.index):
        told = told.set_index(told["Sample_ID"].astype(str))
    columns = told.loc[study.sample_ids, ["Subject_Id", "Time.point"]].astype(str)
    return replace(study, metadata=columns).with_roles(subject="Subject_Id", time="Time.point")


def _david(study: Study, folder: Path) -> Study:
    text = (folder / "mlrepo/datasets/david/mapping-orig.txt").read_text().replace("\r", "\n")
    rows = [line.split("\t") for line in text.strip().split("\n")]
    told = pd.DataFrame(rows[1:], columns=rows[0]).set_index("#SampleID")
    told = told[pd.to_numeric(told["Day"], errors="coerce").notna()]
    kept = [name for name in study.sample_ids if name in told.index]
    study = study.select(samples=kept)
    columns = told.loc[kept, ["SubjectFood", "Day"]]
    return replace(study, metadata=columns).with_roles(subject="SubjectFood", time="Day")


def _tomkovich(study: Study, _: Path) -> Study:
    late = study.metadata["day"].astype(float).between(4, 9)
    study = study.select(samples=late)
    return study.with_roles(subject="mouse_id", time="day", cluster="unique_cage")


def _schubert_mice(study: Study, folder: Path) -> Study:
    path = folder / "schubert_antibiotics/data/process/abx_cdiff_metadata.tsv"
    told = pd.read_csv(path, sep="\t", index_col=0)
    told = told[~told.index.duplicated()].loc[study.sample_ids]
    before = (told["preAbx"].astype(str).str.upper() == "TRUE") | (told["abx"].str.strip() == "none")
    study = study.select(samples=before.to_numpy())
    ids = study.sample_ids
    columns = pd.DataFrame(
        {"cage": [i.split("-")[0] for i in ids], "mouse": [i.split("D")[0] for i in ids]}, index=ids
    )
    return replace(study, metadata=columns).with_roles(subject="mouse", cluster="cage")


def _apgar(study: Study, folder: Path) -> Study:
    path = folder / "apgar_diet_cdiff/arizona_experiments/stool/data/misc/processed_metadata.tsv"
    told = pd.read_csv(path, sep="\t", index_col=0)
    first = [
        name for name in study.sample_ids if name in told.index and told.loc[name, "day_post_inf"] == -15
    ]
    study = study.select(samples=first)
    columns = told.loc[first, ["mouse_id", "study"]].astype(int).astype(str)
    return replace(study, metadata=columns).with_roles(subject="mouse_id")


def _recipes() -> dict[str, Recipe]:
    cohorts = [
        "baxter",
        "escobar",
        "goodrich",
        "hmp",
        "ross",
        "schubert",
        "turnbaugh",
        "wu",
        "zeevi",
        "zupancic",
    ]
    made = {
        f"sze_{name}": Recipe(
            "human",
            f"sze_obesity/data/{name}/{name}.shared.gz",
            None,
            _each_its_own,
            SZE + f" (the cohort {name}, as reprocessed there)",
            "MIT",
            "all samples",
        )
        for name in cohorts
    }
    made["tap_fibre"] = Recipe(
        "human",
        "tap_fibre_crossover/data-raw/otu.csv",
        None,
        _tap,
        "Tap J et al. (2015). Gut microbiota richness promotes its stability upon increased dietary "
        "fibre intake in "
        "healthy adults. Environ Microbiol. doi:10.1111/1462-2920.13006",
        "GPL-3",
        "all samples of a crossover of 10 and 40 g of fibre a day: diet is part of the variation "
        "within a person",
        orientation="features_as_rows",
    )
    made["david_diet"] = Recipe(
        "human",
        "mlrepo/datasets/david/refseq/otutable.txt",
        None,
        _david,
        "David LA et al. (2014). Diet rapidly and reproducibly alters the human gut microbiome. "
        "Nature 505:559-563. "
        "doi:10.1038/nature12820 (table: Vangay P et al. 2019, GigaScience 8:giz042, "
        "doi:10.1093/gigascience/giz042)",
        "MIT",
        "samples with a person and a day, both diets: diet is part of the variation within a person",
    )
    made["tomkovich_mice"] = Recipe(
        "mouse",
        "tomkovich_vendors/data/process/vendors.subsample.shared",
        "tomkovich_vendors/data/process/processed_metadata.tsv",
        _tomkovich,
        "Tomkovich S et al. (2020). The initial gut microbiota and response to antibiotic "
        "perturbation influence "
        "Clostridioides difficile clearance in mice. mSphere 5:e00869-20. doi:10.1128/mSphere.00869-20",
        "CC0-1.0",
        "days 4 to 9 after clindamycin and infection; vendor is the stratum",
        stratum="vendor",
    )
    made["schubert_mice"] = Recipe(
        "mouse",
        "schubert_antibiotics/data/process/abxD0.trim.contigs.good.unique.good.filter.unique.preclust"
        "er.pick.pick."
        "pick.an.unique_list.0.03.subsample.shared",
        None,
        _schubert_mice,
        "Schubert AM, Sinani H, Schloss PD (2015). Antibiotic-induced alterations of the murine gut "
        "microbiota and "
        "subsequent effects on colonization resistance against Clostridium difficile. mBio 6:e00974-15. "
        "doi:10.1128/mBio.00974-15",
        "MIT",
        "one sample a mouse before any antibiotic, rarefied to 1,625 reads by the authors",
    )
    made["apgar_mice"] = Recipe(
        "mouse",
        "apgar_diet_cdiff/arizona_experiments/stool/data/misc/euk_filt_mergedDietAim1table_051523-Copy1.qza",
        None,
        _apgar,
        "Apgar M et al., The effects of dietary fat and fiber on the gut microbiome in the context of "
        "antibiotic-induced C. difficile infection; reads: Qiita study 16008",
        "none stated",
        "day -15, before the antibiotic; five diets and seven batches are part of the variation between mice",
    )
    return made


def _checked(folder: Path, file: str, registry: pd.DataFrame) -> Path:
    path = folder / file
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != registry.loc[file, "sha256"]:
        raise SystemExit(f"{file}: sha256 {found}, the registry says {registry.loc[file, 'sha256']}")
    return path


def _embedded() -> dict[str, tuple[Study, dict, None, int | None]]:
    """Return the tables that the project carries, with what is noted of them and the depth."""
    mice = load_dataset("turnbaugh_mice")
    # In the first weeks the transplanted community was still settling.
    mice = mice.select(samples=mice.metadata["days_since_switch"].astype(int) >= 0)
    noted = {
        "host": "mouse",
        "licence": "Artistic-2.0",
        "address": "embedded table turnbaugh_mice",
        "chosen": "mice that never left the BK diet, and of the others day 0, the last on it; from day 0 on",
    }
    twins = {
        "host": "human",
        "licence": "AGPL-3",
        "address": "embedded table twins_genera",
        "chosen": "genera; fractions read as 1,000 reads a sample, as the depths are not known",
    }
    return {
        "turnbaugh_mice": (mice, noted, None, None),
        "twins_genera": (load_dataset("twins_genera"), twins, None, 1_000),
    }


def files() -> list[str]:
    """Return the files of public tables that pilots are fitted to, but for the embedded ones."""
    recipes = _recipes().values()
    told = ["tap_fibre_crossover/data-raw/metadata.csv", "mlrepo/datasets/david/mapping-orig.txt"]
    told += ["schubert_antibiotics/data/process/abx_cdiff_metadata.tsv"]
    told += ["apgar_diet_cdiff/arizona_experiments/stool/data/misc/processed_metadata.tsv"]
    return [file for one in recipes for file in (one.table, one.metadata) if file] + told


def tables(folder: Path, wanted: list[str]) -> Iterator[tuple[str, Study, dict, str | None, int | None]]:
    """Yield name, study, what is noted of it, stratum and depth of each pilot that was asked for."""
    for name, parts in _embedded().items():
        if not wanted or name in wanted:
            yield (name, *parts)
    recipes = {name: recipe for name, recipe in _recipes().items() if not wanted or name in wanted}
    registry = pd.read_csv(folder / "registry.tsv", sep="\t").set_index("file") if recipes else None
    for name, recipe in recipes.items():
        path = _checked(folder, recipe.table, registry)
        metadata = _checked(folder, recipe.metadata, registry) if recipe.metadata else None
        drop = {"unmatched_samples"} if metadata else ()
        study = an.read_study(path, metadata=metadata, orientation=recipe.orientation, drop=drop)
        study = recipe.prepare(study, folder)
        study = study.select(samples=np.asarray(study.depths) > 0)
        row = registry.loc[recipe.table]
        noted = {
            "host": recipe.host,
            "licence": recipe.licence,
            "citation": recipe.citation,
            "chosen": recipe.chosen,
            "address": f"https://raw.githubusercontent.com/{row.github_repo}/{row.commit}/{row.path}",
            "sha256": row.sha256,
        }
        yield name, study, noted, recipe.stratum, None


def main() -> None:
    """Fit what was asked for."""
    OUT.mkdir(exist_ok=True)
    for name, study, noted, stratum, depth in tables(Path(sys.argv[1]), sys.argv[2:]):
        started = time.perf_counter()
        noted["command"] = f"python data/scripts/fit_pilots.py TABLES {name}"
        columns = MAX_TAXA.get(name, 400)
        pilot = fit_pilot(study, depth=depth, max_taxa=columns, stratum=stratum, name=name, source=noted)
        path = OUT / f"{name}.npz"
        pilot.save(path)
        took = time.perf_counter() - started
        print(f"{pilot!r} ({path.stat().st_size / 1000:.0f} kB, {took:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
