"""Print how the simulated tables of each shipped pilot, and of the usual models, meet the real one.

    python benchmarks/bench_pilot_fit.py TABLES [NAME ...]

TABLES as for data/scripts/fit_pilots.py. Writes data/results/pilot_fit.csv where every pilot was asked for.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pandas as pd

from analysis.pilots import load_pilot
from analysis.pilots.usual_models import compare_models
from analysis.provenance import write_results

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Fit the usual models to each table and set them beside the shipped pilot."""
    spec = importlib.util.spec_from_file_location("fit_pilots", ROOT / "data/scripts/fit_pilots.py")
    script = importlib.util.module_from_spec(spec)
    sys.modules["fit_pilots"] = script
    spec.loader.exec_module(script)
    frames = {}
    for name, study, _, stratum, depth in script.tables(Path(sys.argv[1]), sys.argv[2:]):
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
    table = pd.concat(frames, names=["pilot"]).reset_index()
    print("\ntargets missed, of those set:")
    table["target_set"] = table["tolerance"].notna()
    counted = table[table["target_set"]].groupby("model")["met"].agg(lambda met: int((~met).sum()))
    print(counted.to_string(), "of", int(table["target_set"].sum() / table["model"].nunique()))
    if not sys.argv[2:]:
        write_results(
            ROOT / "data/results/pilot_fit.csv",
            table.drop(columns="target_set").round(5),
            "python benchmarks/bench_pilot_fit.py TABLES",
            inputs=["turnbaugh_mice", "twins_genera", *script.files(), *map("pilots/{}.npz".format, frames)],
            folder=Path(sys.argv[1]),
            seed=0,
            simulated=True,
        )


def _by_model(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(name, part.droplevel("model")) for name, part in frame.groupby(level="model", sort=False)]


if __name__ == "__main__":
    main()
