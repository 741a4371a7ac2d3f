"""Size of `compare_means` where nothing differs: how often p <= .05, with cages, repeats and unequal numbers.

    python benchmarks/bench_means_size.py [--simulations 2000] [--seed 0]

Every row simulates studies without an effect and counts rejections at .05. A size is called nominal within
three Monte Carlo standard errors of .05. Rows named "naive" ignore the cage or the subject on purpose: they
show what the defaults prevent. The figures go to data/results/means_size.csv (--output), or with --no-write
nowhere.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from reporting import promise, share

from analysis.comparison.arm_models import Draws, choose, fit
from analysis.comparison.arms import lay_out
from analysis.comparison.layout import Layout
from analysis.provenance import write_results
from analysis.roles import Roles

ALPHA = 0.05
DESIGNS = 20  # different draws of the unequal sizes a row


@dataclass(frozen=True)
class Cell:
    """A design to simulate under the null.

    Attributes
    ----------
    name : str
        What the row is about.
    arms : tuple of int
        Units (cages, or people) in each arm.
    sizes : tuple of int
        Smallest and largest number of samples a unit.
    share : float
        The unit's share of the variance.
    method : str or None
        None: the default.
    naive : bool
        Ignore the unit.
    spread : float
        SD in the second arm over that in the first.
    skewed : bool
        Units' effects are log-normal (SD of the logarithm .7), not normal.
    baseline : bool
        One sample a mouse before, correlated .6 with that after, in cage and in mouse.
    unit : str
        "cluster" or "subject".
    """

    name: str
    arms: tuple[int, int]
    sizes: tuple[int, int] = (1, 5)
    share: float = 0.3
    method: str | None = None
    naive: bool = False
    spread: float = 1.0
    skewed: bool = False
    baseline: bool = False
    unit: str = "cluster"


CELLS = [
    *(Cell("default, unequal cages", (n, n)) for n in (2, 3, 4, 6, 8)),
    *(Cell("default, unequal arms", arms) for arms in ((2, 3), (3, 6), (2, 8), (4, 8))),
    *(Cell("default, equal cages", (n, n), sizes=(3, 3)) for n in (2, 4, 8)),
    *(Cell("default, little cage effect", (n, n), share=0.02) for n in (2, 4, 8)),
    *(Cell("default, skewed cages", (n, n), skewed=True) for n in (3, 8)),
    *(Cell("default, spread doubled in one arm", (n, n), spread=2.0) for n in (3, 8)),
    Cell("default, spread doubled in the smaller arm", (8, 4), spread=2.0),
    Cell("pooled on request, spread doubled in the smaller arm", (8, 4), method="cluster_means", spread=2.0),
    *(
        Cell("default, baseline, spread doubled in the smaller arm", arms, spread=2.0, baseline=True)
        for arms in ((6, 3), (8, 4))
    ),
    Cell(
        "ancova on request, spread doubled in the smaller arm",
        (8, 4),
        (1, 5),
        0.3,
        "ancova",
        spread=2.0,
        baseline=True,
    ),
    Cell("default, baseline, unequal arms", (4, 8), baseline=True),
    *(Cell("default, baseline", (n, n), baseline=True) for n in (2, 3, 4, 8)),
    Cell("default, many unequal cages", (12, 12)),
    *(Cell("default, people, unequal repeats", (n, n), (1, 8), 0.45, unit="subject") for n in (6, 25)),
    *(Cell("cluster_mixed on request", (n, n), method="cluster_mixed") for n in (2, 4, 8)),
    *(Cell("cluster_permutation on request", (n, n), method="cluster_permutation") for n in (4, 8)),
    *(Cell("naive: mice as units", (n, n), naive=True) for n in (3, 8)),
    Cell("naive: cage share .5, 3 mice a cage", (5, 5), (3, 3), 0.5, naive=True),
    Cell("naive: samples as people", (25, 25), (1, 8), 0.45, naive=True, unit="subject"),
]


def draw_design(cell: Cell, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the numbers of samples of each unit; a row a sample: unit, arm, mouse, day."""
    low, high = cell.sizes
    n = sum(cell.arms)
    sizes = rng.integers(low, high, size=n, endpoint=True)
    sizes[[0, -1]] = np.maximum(sizes[[0, -1]], min(2, high))  # at least one repeat in each arm
    unit = np.repeat(np.arange(n), sizes)
    frame = pd.DataFrame({"unit": unit, "arm": np.where(unit < cell.arms[0], "a", "b")})
    frame["mouse"] = np.arange(len(frame))
    if cell.baseline:
        frame = pd.concat([frame.assign(day=0), frame.assign(day=1)], ignore_index=True)
    return frame


def draw_values(cell: Cell, frame: pd.DataFrame, rng: np.random.Generator, number: int) -> np.ndarray:
    """Draw null values, shape (number, n_samples): a part of the unit and a part of the sample."""
    unit, n = frame["unit"].to_numpy(), int(frame["unit"].max()) + 1
    second = (frame["arm"] == "b").to_numpy()

    def correlated(columns: int) -> np.ndarray:
        """Effects before and after, correlated .6; without a baseline, after only."""
        after = rng.standard_normal((number, columns))
        if not cell.baseline:
            return after
        return np.concatenate([0.6 * after + 0.8 * rng.standard_normal((number, columns)), after], axis=1)

    own = correlated(n)
    if cell.skewed:
        own = (np.exp(0.7 * own) - np.exp(0.245)) / np.sqrt(np.expm1(0.49) * np.exp(0.49))
    period = frame["day"].to_numpy() if cell.baseline else 0
    noise = correlated(len(frame) // 2 if cell.baseline else len(frame))
    values = np.sqrt(cell.share) * own[:, unit + n * period] + np.sqrt(1 - cell.share) * noise
    return values * np.where(second, cell.spread, 1.0)


def lay_out_cell(cell: Cell, frame: pd.DataFrame) -> Layout:
    """Read the design as compare_means does."""
    roles = {"treatment": "arm", "reference": "a"}
    if not cell.naive:
        roles |= {"cluster": "unit", "subject": "mouse"} if cell.unit == "cluster" else {"subject": "unit"}
    if cell.baseline:
        roles |= {"time": "day", "baseline": (0,)}
    return lay_out(pd.Series(0.0, index=frame.index), frame, Roles(**roles), method=cell.method)


def measure(cell: Cell, simulations: int, seed: np.random.SeedSequence) -> dict[str, object]:
    """Count the rejections of one cell."""
    rng = np.random.default_rng(seed)
    draws = Draws("two-sided", ALPHA, 999, 0)
    rejected, methods, done = 0, set(), 0
    for number in np.diff(np.linspace(0, simulations, DESIGNS + 1).astype(int)):
        frame = draw_design(cell, rng)
        layout = lay_out_cell(cell, frame)
        model = choose(layout, cell.method)
        methods.add(model.method)
        order = layout.samples.index.astype(int)
        for values in draw_values(cell, frame, rng, int(number)):
            pivot = fit(layout.with_values(values[order]), model, draws)
            rejected += pivot.p_value(0.0, "two-sided") <= ALPHA
        done += int(number)
    size = rejected / done
    error = float(np.sqrt(ALPHA * (1 - ALPHA) / done))
    verdict = (
        "nominal" if abs(size - ALPHA) <= 3 * error else ("too high" if size > ALPHA else "conservative")
    )
    return {
        "design": cell.name,
        "units_a": cell.arms[0],
        "units_b": cell.arms[1],
        "samples_a_unit": f"{cell.sizes[0]}-{cell.sizes[1]}",
        "unit_share": cell.share,
        "method": "/".join(sorted(methods)),
        "size": size,
        "mc_se": error,
        "verdict": verdict,
        "n_sim": done,
    }


def report(table: pd.DataFrame) -> None:
    """Print what was promised, for the methods that are chosen by default, beside what was measured."""
    promised = table[table["design"].str.startswith("default")]
    kept = int((promised["verdict"] == "nominal").sum())
    share("default tests that reject as often as promised, within 3 SE", kept, len(promised))
    row = promised.loc[(promised["size"] - ALPHA).abs().idxmax()]
    what = f"the farthest of them: {row['design']}, {row['units_a']} v {row['units_b']}"
    promise(what, row["size"], ALPHA, row["mc_se"])


def main() -> None:
    """Measure all cells, print them and write them with their provenance."""
    parser = argparse.ArgumentParser(description="Size of compare_means under the null")
    parser.add_argument("--simulations", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("data/results/means_size.csv"))
    parser.add_argument("--no-write", action="store_true", help="leave data/results as it is")
    options = parser.parse_args()
    rows = []
    for cell, seed in zip(CELLS, np.random.SeedSequence(options.seed).spawn(len(CELLS)), strict=True):
        row = measure(cell, options.simulations, seed)
        rows.append(row)
        sys.stdout.write(
            f"{row['design']:<57} {row['units_a']:>2} v {row['units_b']:<2} {row['method']:<20} "
            f"size {row['size']:.4f} (MC SE {row['mc_se']:.4f})  {row['verdict']}\n"
        )
        sys.stdout.flush()
    report(pd.DataFrame(rows))
    if options.no_write:
        return
    asked = f"--simulations {options.simulations} --seed {options.seed}"
    write_results(
        options.output,
        pd.DataFrame(rows),
        f"python benchmarks/bench_means_size.py {asked}",
        seed=options.seed,
        replicates={"n_sim": options.simulations},
        simulated=True,
        float_format="%.6g",
    )


if __name__ == "__main__":
    main()
