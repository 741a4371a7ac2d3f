"""Write the records of results that were made before records were kept, from what their first lines say.

Run: python data/scripts/record_results.py

A record that was written at the run is left alone. What a first line does not say is null; the checksums of
inputs are today's, and the record says that it was written afterwards. Making a result again replaces it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
from fit_pilots import files

import analysis as an
from analysis.provenance import AFTERWARDS, AT_THE_RUN, claims_inputs, inputs_of, read_records, write_record

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "data" / "results"
_VERSION = re.compile(r"(version|analysis|Python|numpy|scipy|pandas) (\d[\w.]*)")
_REPEATS = re.compile(r"\b(simulations|n_sim|permutations|trials|splits|draws)[ =](\d+)")
_NAMES = {"version": "analysis", "Python": "python", "simulations": "n_sim"}


def inputs() -> dict[str, list[str]]:
    """Return what each file was worked out from, as its script says."""
    claims = list(an.load_claims().values())
    compositions = claims_inputs([claim for claim in claims if claim.kind == "community"])
    sze = [f"sze_{name}" for name in ("goodrich", "baxter", "turnbaugh", "zupancic", "zeevi")]
    pilots = sorted(path.stem for path in (ROOT / "data" / "pilots").glob("*.npz"))
    return {
        "backtest": ["apgar_stool", "tomkovich_vendors", "cho_antibiotics", "risk_ccfa", *sze],
        "means_size": [],
        "null_size": [],
        "pilot_fit": ["turnbaugh_mice", "twins_genera", *files(), *(f"pilots/{name}.npz" for name in pilots)],
        "planned_sizes": compositions,
        "planner_composition": compositions,
        "planner_grid": claims_inputs([claim for claim in claims if claim.kind in ("alpha", "panel")]),
        "planning_composition": [
            "results/variance_components.csv",
            *(f"pilots/{name}.npz" for name in ("sze_baxter", "schubert_mice", "turnbaugh_mice")),
        ],
        "rehearsal": [*claims_inputs(claims), "panels.toml"],
    }


def said_in(first: str) -> dict[str, object]:
    """Read what a first line says: command, versions, seed, repeats, and whether anything was simulated."""
    command = re.search(r"made by (?:python )?([^;]+?)(?: from the tables named in \w+)?(?:;|$)", first)
    seed = re.search(r"\bseed[ =](\d+)", first)
    repeats = {_NAMES.get(name, name): int(count) for name, count in _REPEATS.findall(first)}
    return {
        "command": f"python {command.group(1)}" if command else None,
        "versions": {_NAMES.get(name, name): one for name, one in _VERSION.findall(first)} or None,
        "seed": int(seed.group(1)) if seed else None,
        "replicates": repeats or None,
        "simulated": "simulated" in first,
    }


def main() -> None:
    """Write the records that are missing, and those that were written afterwards before."""
    known = read_records()
    for name, used in inputs().items():
        path = RESULTS / f"{name}.csv"
        if (known[path.name] or {}).get("recorded") == AT_THE_RUN:
            continue
        with path.open(encoding="utf-8") as file:
            said = said_in(file.readline().strip("# \n"))
        trials = pd.read_csv(path, comment="#").get("n_trials")
        if trials is not None:  # the last run says how many it had, and kept the rows of others
            said["replicates"] = {"trials": sorted(set(trials.tolist()))}
            table = pd.read_csv(path, comment="#").groupby("n_trials")["claim"].unique()
            said["command"] = " && ".join(
                f"{said['command'].split(' --')[0]} --trials {count} --seed {said['seed']} "
                f"--claims {' '.join(sorted(names))} --keep"
                for count, names in table.items()
            )
        command, versions = said.pop("command"), said.pop("versions")
        told = {"recorded": AFTERWARDS, "command": command, "versions": versions}
        write_record(path, **told, inputs=inputs_of(used), **said)
        print(f"{path.name}: {json.dumps({**told, **said})}")


if __name__ == "__main__":
    main()
