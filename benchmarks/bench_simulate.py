# ruff: noqa: E402 - threads are held to one before numpy is imported
"""Time the simulated draw and its distances, beside their bare costs and beside plain code.

    python benchmarks/bench_simulate.py [PILOT]

Processor time of one thread, so that whatever else the machine does counts little; one run. "Bare" is what no
code can do without: the normal and the Poisson numbers of one table from numpy's own generators, and SciPy's
Bray-Curtis. "Plain" is one table a time with `Generator.multinomial`.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from reporting import costs, faster
from scipy.spatial.distance import pdist

from analysis.pilots import Pilot, load_pilot
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.plans import plan_arms
from analysis.pilots.simulator import Simulator

REPLICATES = 32
ROUNDS = 15


def milliseconds(work: Callable[[], object], per: int) -> float:
    """Return the least processor time of several rounds, in ms for one table."""
    work()
    best = np.inf
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        work()
        best = min(best, time.process_time_ns() - start)
    return best / 1e6 / per


def cut_to(pilot: Pilot, n_taxa: int) -> Pilot:
    """Keep the most abundant columns."""
    keep = np.sort(np.argsort(-pilot.taxa["mean_share"].to_numpy(), kind="stable")[:n_taxa])
    arrays = {name: getattr(pilot, name)[keep] for name in ("log_quantiles", "loadings", "taxon_shares")}
    return replace(pilot, taxa=pilot.taxa.iloc[keep], **arrays)


def measure(pilot: Pilot, n_per_arm: int, n_taxa: int) -> dict[str, float]:
    """Return milliseconds a table of each step."""
    pilot = cut_to(pilot, n_taxa)
    plan = plan_arms([n_per_arm, n_per_arm])
    simulator = Simulator(pilot, plan)
    n_taxa = len(pilot)
    shares = simulator.shares(np.random.default_rng(0)).astype(np.float64)
    shares /= shares.sum(axis=0)
    tables = simulator.batch(np.random.default_rng(1), REPLICATES)
    one = tables[0].astype(float)
    rng = np.random.default_rng(2)

    def plain() -> None:
        for sample in shares.T:
            rng.multinomial(simulator.depth, sample)

    return {
        "samples": len(plan),
        "taxa": n_taxa,
        "depth": simulator.depth,
        "draw": milliseconds(lambda: simulator.batch(np.random.default_rng(1), REPLICATES), REPLICATES),
        "distances": milliseconds(lambda: bray_curtis_batch(tables), REPLICATES),
        "bare_normals": milliseconds(lambda: rng.standard_normal(shares.shape, dtype=np.float32), 1),
        "bare_poisson": milliseconds(lambda: rng.poisson(shares * simulator.depth), 1),
        "scipy_distances": milliseconds(lambda: pdist(one, "braycurtis"), 1),
        "plain_multinomial": milliseconds(plain, 1),
    }


def main() -> None:
    """Print a row a size."""
    pilot = load_pilot(sys.argv[1] if len(sys.argv) > 1 else "sze_baxter")
    sizes = [(10, 300), (25, 300), (50, 300), (100, 300), (50, 100), (50, 400)]
    rows = [measure(pilot, *size) for size in sizes]
    print(f"{pilot.name}: processor milliseconds a table, best of {ROUNDS}, one thread")
    print("  ".join(f"{name:>17}" for name in rows[0]))
    for row in rows:
        print(
            "  ".join(
                f"{value:17.3f}" if isinstance(value, float) else f"{value:17d}" for value in row.values()
            )
        )
    for row in rows:
        bare = row["bare_normals"] + row["bare_poisson"] + row["scipy_distances"]
        ours = row["draw"] + row["distances"]
        print(
            f"{row['samples']:4d} samples x {row['taxa']} taxa: "
            f"draw and distances {ours / bare:.2f} x their bare costs"
        )
        if (row["samples"], row["taxa"]) == (100, 300):
            what = "one table of 100 samples x 300 taxa"
            costs(f"{what}, drawn, with distances", ours, "bare random numbers and SciPy", bare, unit="ms")
            peer = "numpy multinomial, shares given"
            faster(f"{what}, drawn", row["draw"], peer, row["plain_multinomial"], unit="ms")


if __name__ == "__main__":
    main()
