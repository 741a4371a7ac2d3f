"""Print how the simulated tables of each shipped pilot, and of the usual models, meet the real one.

    python benchmarks/bench_pilot_fit.py [TABLES] [--only NAME ...]

TABLES: a folder as for data/scripts/fit_pilots.py; by default ANALYSIS_DATA_DIR, or ../shared/data. Without
it only the embedded tables are looked at. Writes data/results/pilot_fit.csv where every pilot was asked for
and found (not with --no-write).

The usual models are fitted and simulated afresh. A pilot's own figures are those it was shipped with: the
tests hold a fresh simulation to them.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import pandas as pd
from peers import NO_TABLES, ROOT, tables_folder
from reporting import not_run, row

from analysis.pilots import load_pilot
from analysis.pilots.usual_models import compare_models
from analysis.provenance import write_results

EMBEDDED = ["turnbaugh_mice", "twins_genera"]


def main() -> None:
    """Fit the usual models to each table and set them beside the shipped pilot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="?", type=Path, default=tables_folder())
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these pilots")
    parser.add_argument("--no-write", action="store_true", help="leave data/results as it is")
    given = parser.parse_args()
    spec = importlib.util.spec_from_file_location("fit_pilots", ROOT / "data/scripts/fit_pilots.py")
    script = importlib.util.module_from_spec(spec)
    sys.modules["fit_pilots"] = script
    spec.loader.exec_module(script)
    here = (given.tables / "registry.tsv").is_file()
    wanted = given.only if here else [name for name in EMBEDDED if not given.only or name in given.only]
    frames = {}
    for name, study, _, stratum, depth in script.tables(given.tables, wanted) if here or wanted else ():
        rivals = compare_models(study, depth=depth, stratum=stratum)
        own = pd.concat({"copula": load_pilot(name).fit}, names=["model"])
        frames[name] = pd.concat([rivals, own])
        wide = frames[name]["simulated"].unstack("model")  # noqa: PD010 - models side by side
        wide.insert(0, "real", own.droplevel("model")["real"])
        print(f"\n{name}\n{wide.round(3).to_string()}")
        print(
            "missed:",
            {model: list(part.index[~part.met]) for model, part in _by_model(frames[name])},
            flush=True,
        )
    if not here:
        print(f"\npilots of other tables: not run: {NO_TABLES}, with its registry.tsv")
        not_run("targets of the pilots of public tables", "usual models", NO_TABLES)
    if frames:
        table = pd.concat(frames, names=["pilot"]).reset_index()
        report(table[table["tolerance"].notna()])
        if here and not given.only and not given.no_write:
            write_results(
                ROOT / "data/results/pilot_fit.csv",
                table.round(5),
                "python benchmarks/bench_pilot_fit.py TABLES",
                inputs=[*EMBEDDED, *script.files(), *map("pilots/{}.npz".format, frames)],
                folder=given.tables,
                seed=0,
                simulated=True,
            )


def report(table: pd.DataFrame) -> None:
    """Print how many of the targets each model meets."""
    met = table.groupby("model")["met"].sum()
    targets = len(table) // len(met)
    print(f"\ntargets met, of {targets}:\n{met.to_string()}")
    what = f"targets met, of {targets}, {table['pilot'].nunique()} pilots"
    for model in met.index.drop("copula"):
        own, other = int(met["copula"]), int(met[model])
        row(what, own, model, other, own / other if other else None, "all", own == targets, unit="")


def _by_model(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(name, part.droplevel("model")) for name, part in frame.groupby(level="model", sort=False)]


if __name__ == "__main__":
    main()
