"""Time of a PERMANOVA power cell beside plain loops, its parts beside their bare costs, and how it grows.

Run: python benchmarks/bench_power_community.py [--n-sim 1000] [--peer-n-sim 40] [--jobs 2]

The cell has 50 subjects an arm, 300 taxa and 999 permutations, n_sim experiments with an effect and as many
without. The plain loop draws each table with the same simulator, takes SciPy's Bray-Curtis and tests with
scikit-bio's permanova. The other tests with vegan's adonis2: R's own time a test (it gets the distances
before its clock starts) plus the draw and SciPy. Loops are slow, so they run fewer experiments; compared is
the time an experiment. The power of all sides is printed too.

All sides have the same cores. On one, times are processor seconds of one process, so that other work on the
machine weighs less. On --jobs cores it is the clock on the wall: this library runs that many processes,
scikit-bio's permanova that many threads and adonis2 `parallel` as many; a peer that is no faster so is taken
at its time on one core.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy is imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from peers import missing_r, run_r
from reporting import costs, faster, not_run
from scipy.spatial.distance import pdist, squareform

from analysis.comparison.label_plan import p_values, shares_many
from analysis.designs import Design
from analysis.pilots import Pilot, load_pilot
from analysis.pilots.batch_distances import bray_curtis_batch
from analysis.pilots.effects import composition_shift
from analysis.pilots.simulator import Simulator
from analysis.planning.community import CommunityEndpoint
from analysis.planning.designed_permanova import DesignedPermanova
from analysis.planning.power import power
from analysis.planning.results import Power

EFFECT, BATCH = 0.01, 32


def cut_to(pilot: Pilot, n_taxa: int) -> Pilot:
    """Keep the most abundant columns."""
    keep = np.sort(np.argsort(-pilot.taxa["mean_share"].to_numpy(), kind="stable")[:n_taxa])
    arrays = {name: getattr(pilot, name)[keep] for name in ("log_quantiles", "loadings", "taxon_shares")}
    return replace(pilot, taxa=pilot.taxa.iloc[keep], **arrays)


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the shortest time of a call, in processor seconds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def plain_loop(simulator: Simulator, labels: list[str], n_sim: int, permutations: int) -> dict[str, float]:
    """Return seconds an experiment and the share of experiments that scikit-bio's permanova rejects."""
    from skbio.stats.distance import DistanceMatrix, permanova

    def run(streams: list[np.random.Generator]) -> int:
        hits = 0
        for rng in streams:
            table = simulator.batch(rng, 1)[0].astype(float)
            distances = DistanceMatrix(squareform(pdist(table, "braycurtis")))
            hits += permanova(distances, labels, permutations=permutations)["p-value"] <= 0.05
        return hits

    run(np.random.default_rng(2).spawn(2))
    wall, processor = time.perf_counter(), time.process_time()
    hits = run(np.random.default_rng(1).spawn(n_sim))
    return {
        "wall": (time.perf_counter() - wall) / n_sim,
        "processor": (time.process_time() - processor) / n_sim,
        "power": hits / n_sim,
    }


def with_threads(threads: int, work: Callable[..., dict], *arguments: object) -> dict[str, float]:
    """Run in a fresh process, as the number of threads is read when libraries are loaded."""
    # Threads that spin while they wait take a hundred times as long on a machine with other work.
    before = dict(os.environ)
    os.environ.update(OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive")
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(work, *arguments).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


def of_vegan(
    simulator: Simulator, labels: list[str], n_sim: int, permutations: int, cores: int
) -> dict[str, float]:
    """Return R's seconds an experiment, on one core and on several, and its rejections."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, rng in enumerate(np.random.default_rng(1).spawn(n_sim), start=1):
            table = simulator.batch(rng, 1)[0].astype(float)
            np.savetxt(folder / f"{number}.csv", pdist(table, "braycurtis"), fmt="%.9g")
        (folder / "arms.csv").write_text("\n".join(["arm", *labels]) + "\n")
        return json.loads(run_r(Path(__file__).with_suffix(".R"), folder, n_sim, permutations, cores))


def parts(pilot: Pilot, n: int, permutations: int = 999) -> dict[str, float]:
    """Return milliseconds an experiment of draw, distances and test, and of their bare costs; one process."""
    test = DesignedPermanova.of(Design(n, baseline=0), permutations)
    simulator = Simulator(pilot, test.plan)
    tables = simulator.batch(np.random.default_rng(1), BATCH)
    squared = np.square(bray_curtis_batch(tables), dtype=np.float64)
    rng = np.random.default_rng(2)
    means = simulator.shares(rng) * np.float64(simulator.depth)
    columns = rng.standard_normal((2 * n, permutations + 1))
    one = tables[0].astype(float)
    work = {
        "draw": (lambda: simulator.batch(np.random.default_rng(1), BATCH), BATCH),
        "distances": (lambda: bray_curtis_batch(tables), BATCH),
        "test": (lambda: p_values(shares_many(squared, test.labels)), BATCH),
        "bare_draw": (lambda: (rng.standard_normal(means.shape, dtype=np.float32), rng.poisson(means)), 1),
        "bare_distances": (lambda: pdist(one, "braycurtis"), 1),
        "bare_product": (lambda: squared[0] @ columns, 1),
    }
    return {name: 1e3 * seconds(call, 5) / per for name, (call, per) in work.items()}


def print_parts(pilot: Pilot) -> None:
    """Print the parts of an experiment over sizes."""
    cells = [(10, 300, 999), (25, 300, 999), (50, 300, 999), (100, 300, 999)]
    cells += [(50, 100, 999), (50, 200, 999), (50, 300, 4_999)]
    print("milliseconds an experiment, one process")
    for n, taxa, permutations in cells:
        cell = parts(cut_to(pilot, taxa), n, permutations)
        ours = cell["draw"] + cell["distances"] + cell["test"]
        bare = cell["bare_draw"] + cell["bare_distances"] + cell["bare_product"]
        text = ", ".join(f"{name} {value:.2f}" for name, value in cell.items())
        print(f"  {n} an arm, {taxa} taxa, {permutations}: {text}; {ours / bare:.2f} x the bare costs")
        what = f"one experiment, {n} an arm, {taxa} taxa, {permutations} permutations"
        costs(what, ours, "bare costs", bare, at_most=1.5, unit="ms")


def main() -> None:
    """Print all sides and the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n-sim", type=int, default=1_000)
    parser.add_argument("--peer-n-sim", type=int, default=40)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pilot", default="sze_baxter")
    given = parser.parse_args()
    pilot = cut_to(load_pilot(given.pilot), 300)
    design, endpoint = Design(50, baseline=0), CommunityEndpoint(pilot)
    effect = composition_shift(pilot, EFFECT)

    def cell(n_sim: int, n_jobs: int) -> Power:
        return power(design, endpoint, effect, n_sim=n_sim, n_jobs=n_jobs)

    cell(64, given.jobs)  # processes start before the clock does
    one = seconds(lambda: cell(given.n_sim, 1)) / (2 * given.n_sim)
    start = time.perf_counter()
    found = cell(given.n_sim, given.jobs)
    several = (time.perf_counter() - start) / (2 * given.n_sim)
    print(
        f"{pilot.name}, 50 an arm, {len(pilot)} taxa, 999 permutations, {given.n_sim} + {given.n_sim}; "
        f"an experiment\n"
        f"  this library: one core {1e3 * one:.2f} ms, {given.jobs} processes {1e3 * several:.2f} ms "
        f"(PERMDISP of every 4th too)\n"
        f"  power {found.power:.3f} ± {found.power_se:.3f}, type I {found.type_i:.3f} ± {found.type_i_se:.3f}"
    )

    def compare(name: str, single: float, parallel: float, share: float, wanted: float) -> None:
        best = min(single, parallel)
        print(
            f"  same simulator, SciPy, {name} ({given.peer_n_sim} run): one core {1e3 * single:.1f} ms, "
            f"ratio {single / one:.1f}; {given.jobs} cores {1e3 * best:.1f} ms, ratio {best / several:.1f} "
            f"(wanted: {wanted}); power {share:.2f}"
        )
        peer = f"loop of SciPy and {name}"
        faster("one experiment, one core", 1e3 * one, peer, 1e3 * single, unit="ms")
        what = f"one experiment, {given.jobs} cores"
        faster(what, 1e3 * several, peer, 1e3 * best, wanted, unit="ms")

    test = DesignedPermanova.of(design)
    simulator = Simulator(pilot, test.plan, effect)
    labels = test.plan.metadata()["arm"].tolist()
    loop = (plain_loop, simulator, labels, given.peer_n_sim, 999)
    single, parallel = with_threads(1, *loop), with_threads(given.jobs, *loop)
    compare("scikit-bio permanova", single["processor"], parallel["wall"], single["power"], 10)
    absent = missing_r()
    if absent:
        print(f"  vegan adonis2: not run: {absent}")
        not_run("one experiment", "loop of SciPy and vegan adonis2", absent)
    else:
        vegan = of_vegan(simulator, labels, given.peer_n_sim, 999, given.jobs)
        table = simulator.batch(np.random.default_rng(1), 1)[0].astype(float)
        before = seconds(lambda: simulator.batch(np.random.default_rng(1), 1), 5)
        before += seconds(lambda: pdist(table, "braycurtis"), 5)
        compare("vegan adonis2", vegan["processor"] + before, vegan["parallel"] + before, vegan["power"], 40)
    print_parts(load_pilot(given.pilot))


if __name__ == "__main__":
    main()
