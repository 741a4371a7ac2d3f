"""Tabulate the power of PERMANOVA over subjects, cages, samples and depth, by simulation from pilots.

Run: python data/scripts/planning_figures.py [--simulations 500] [--jobs 2]

Writes data/results/planning_composition.csv, which notebook 05 shows: simulated, a row a cell, with Monte
Carlo errors and the type I error of the same test. Every effect is one shift of the composition, solved once
at the pilot's own depth, so that fewer reads do not get a larger effect. The mice of several cages have one
sample each; where several are asked for, other mice stand in, whose cages are not known: each then has a cage
of its own. No pilot is about botulinum toxin.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import analysis as an
from analysis.pilots import composition_shift, load_pilot
from analysis.provenance import write_results

RESULTS = Path(__file__).resolve().parents[1] / "results"
OUT = RESULTS / "planning_composition.csv"
PERMUTATIONS, SEED = 999, 0
PILOTS = {"people": "sze_baxter", "mice": "schubert_mice", "mice housed singly": "turnbaugh_mice"}
SHARES_FROM = ("tap_fibre_crossover", "david")  # cohorts of people with several samples each
SAMPLES = ((0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # baseline, follow-up
COLUMNS = ["question", "host", "pilot", "omega_squared", "n_per_arm", "cluster_size", "cages", "baseline"]
COLUMNS += ["follow_up", "icc", "depth", "power", "power_se", "type_i", "type_i_se", "n_sim"]

Cell = tuple[str, str, an.Design, float | None, int | None, tuple[float, ...], tuple[int, ...]]


def subject_share(cohort: str) -> float:
    """Return the share of the variance of Bray-Curtis distances that belongs to the subject."""
    known = pd.read_csv(RESULTS / "variance_components.csv", comment="#")
    wanted = (known["cohort"] == cohort) & (known["metric"] == "braycurtis")
    return float(known.loc[wanted, "icc"].iloc[0].round(2))


def cells() -> Iterator[Cell]:
    """Yield question, host, design, icc, depth, omega squared values, and numbers of subjects an arm."""
    people, mice = an.Design(baseline=0), an.Design(n_per_arm=12, baseline=0, cluster_size=3)
    yield "subjects", "people", people, None, None, (0.005, 0.01, 0.02), (10, 20, 30, 40, 60, 80, 120)
    yield "subjects", "mice", mice, None, None, (0.02, 0.05, 0.1), (12, 15, 18, 24, 36, 48, 60)
    for size in (1, 2, 3, 4, 6):
        yield "cages", "mice", an.Design(24, baseline=0, cluster_size=size), None, None, (0.05,), (24,)
    for before, after in SAMPLES:
        for cohort in SHARES_FROM:
            share = subject_share(cohort)
            yield "samples", "people", an.Design(40, before, after), share, None, (0.01,), (40,)
        yield "samples", "mice housed singly", an.Design(12, before, after), None, None, (0.05,), (12,)
    for depth in (100, 300, 1_000, 3_000, 10_000, 30_000):
        yield "depth", "people", people, None, depth, (0.01,), (40,)
        yield "depth", "mice", mice, None, depth, (0.05,), (36,)


def curve(cell: Cell, simulations: int, jobs: int) -> pd.DataFrame:
    """Simulate one cell's experiments."""
    question, host, design, icc, depth, omegas, sizes = cell
    pilot = load_pilot(PILOTS[host])
    endpoint = an.CommunityEndpoint(pilot, icc=icc, depth=depth)
    effects = {composition_shift(pilot, omega): omega for omega in omegas}
    table = an.power_curve(
        design,
        endpoint,
        list(effects),
        sizes,
        n_sim=simulations,
        permutations=PERMUTATIONS,
        seed=SEED,
        n_jobs=jobs,
    )
    told = {
        "question": question,
        "host": host,
        "pilot": pilot.name,
        "omega_squared": np.repeat(list(omegas), len(sizes)),
        "cluster_size": design.cluster_size,
        "baseline": design.baseline,
        "follow_up": design.follow_up,
        "icc": icc,
        "depth": depth or pilot.depth,
    }
    return table.assign(**told)[COLUMNS]


def main() -> None:
    """Simulate all cells and write the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--simulations", type=int, default=500)
    options.add_argument("--jobs", type=int, default=1)
    chosen = options.parse_args()
    parts = []
    for cell in cells():
        parts.append(curve(cell, chosen.simulations, chosen.jobs))
        print(parts[-1].to_string(header=len(parts) == 1), flush=True)
    write_results(
        OUT,
        pd.concat(parts, ignore_index=True).round(6),
        f"python data/scripts/planning_figures.py --simulations {chosen.simulations}",
        inputs=[f"pilots/{name}.npz" for name in PILOTS.values()] + ["results/variance_components.csv"],
        seed=SEED,
        replicates={"n_sim": chosen.simulations, "permutations": PERMUTATIONS},
        simulated=True,
    )


if __name__ == "__main__":
    main()
