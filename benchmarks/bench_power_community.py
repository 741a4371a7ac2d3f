"""Time of a PERMANOVA power cell beside plain loops, its parts beside their bare costs, and how it grows.

Run: python benchmarks/bench_power_community.py [--n-sim 1000] [--peer-n-sim 40] [--jobs 2]

The cell has 50 subjects an arm, 300 taxa and 999 permutations, n_sim experiments with an effect and as many
without. The plain loop draws each table with the same simulator, takes SciPy's Bray-Curtis and tests with
scikit-bio's permanova, which may use all cores. The other tests with vegan's adonis2: R's own time a test (it
gets the distances before its clock starts) plus the draw and SciPy. Loops are slow, so they run fewer
experiments; compared is the time an experiment. The power of all sides is printed too.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
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

EFFECT, BATCH = 0.01, 32


def cut_to(pilot: Pilot, n_taxa: int) -> Pilot:
    """Keep the most abundant columns."""
    keep = np.sort(np.argsort(-pilot.taxa["mean_share"].to_numpy(), kind="stable")[:n_taxa])
    arrays = {name: getattr(pilot, name)[keep] for name in ("log_quantiles", "loadings", "taxon_shares")}
    return replace(pilot, taxa=pilot.taxa.iloc[keep], **arrays)


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the shortest time of a call."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_loop(simulator: Simulator, labels: list[str], n_sim: int, permutations: int) -> float:
    """Return the share of experiments that scikit-bio's permanova rejects."""
    from skbio.stats.distance import DistanceMatrix, permanova

    hits = 0
    for rng in np.random.default_rng(1).spawn(n_sim):
        table = simulator.batch(rng, 1)[0].astype(float)
        distances = DistanceMatrix(squareform(pdist(table, "braycurtis")))
        hits += permanova(distances, labels, permutations=permutations)["p-value"] <= 0.05
    return hits / n_sim


def of_vegan(simulator: Simulator, labels: list[str], n_sim: int, permutations: int) -> dict | None:
    """Return R's seconds an experiment and its rejections, or None where there is no R."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, rng in enumerate(np.random.default_rng(1).spawn(n_sim), start=1):
            table = simulator.batch(rng, 1)[0].astype(float)
            np.savetxt(folder / f"{number}.csv", pdist(table, "braycurtis"), fmt="%.9g")
        (folder / "arms.csv").write_text("\n".join(["arm", *labels]) + "\n")
        script = str(Path(__file__).with_suffix(".R"))
        command = ["Rscript", script, str(folder), str(n_sim), str(permutations)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


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
    power(design, endpoint, effect, n_sim=64, n_jobs=given.jobs)  # processes start before the clock does

    start = time.perf_counter()
    found = power(design, endpoint, effect, n_sim=given.n_sim, n_jobs=given.jobs)
    own = time.perf_counter() - start
    each = own / (2 * given.n_sim)
    growth = [
        (n_jobs, seconds(lambda n=n_jobs: power(design, endpoint, effect, n_sim=given.n_sim, n_jobs=n)))
        for n_jobs in sorted({1, given.jobs})
    ]
    print(f"{pilot.name}, 50 an arm, {len(pilot)} taxa, 999 permutations, {given.n_sim} + {given.n_sim}")
    print(
        f"  this library, {given.jobs} processes: {own:.2f} s, {1e3 * each:.2f} ms an experiment (PERMDISP "
        f"of every 4th too)\n"
        f"  power {found.power:.3f} ± {found.power_se:.3f}, type I {found.type_i:.3f} ± {found.type_i_se:.3f}"
    )
    base = growth[0][1]
    for n_jobs, took in growth:
        print(f"  the whole cell with n_jobs={n_jobs}: {took:.2f} s, {base / took:.2f} x as fast as with one")
    test = DesignedPermanova.of(design)
    simulator = Simulator(pilot, test.plan, effect)
    labels = test.plan.metadata()["arm"].tolist()
    plain_loop(simulator, labels, 2, 999)
    start = time.perf_counter()
    share = plain_loop(simulator, labels, given.peer_n_sim, 999)
    theirs = (time.perf_counter() - start) / given.peer_n_sim
    print(
        f"  same simulator, SciPy, scikit-bio permanova: {1e3 * theirs:.1f} ms an experiment "
        f"({given.peer_n_sim} run), ratio {theirs / each:.1f} (wanted: 10); power {share:.2f}"
    )
    vegan = of_vegan(simulator, labels, given.peer_n_sim, 999)
    if vegan:
        table = simulator.batch(np.random.default_rng(1), 1)[0].astype(float)
        before = seconds(lambda: simulator.batch(np.random.default_rng(1), 1), 5)
        total = vegan["seconds"] + before + seconds(lambda: pdist(table, "braycurtis"), 5)
        print(
            f"  same simulator, SciPy, vegan adonis2: {1e3 * total:.1f} ms an experiment, "
            f"ratio {total / each:.1f} (wanted: 40); power {vegan['power']:.2f}"
        )
    else:
        print("  vegan adonis2: not run, Rscript is not on this machine")
    print_parts(load_pilot(given.pilot))


if __name__ == "__main__":
    main()
