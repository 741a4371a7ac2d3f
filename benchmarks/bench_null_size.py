"""Size under the null of permanova's schemes: how often p <= .05 where nothing differs.

Run: python benchmarks/bench_null_size.py [--simulations 2000] [--only TEXT: cells whose name holds it]

Writes data/results/null_size.csv, a row a cell (not with --no-write). Every study is simulated afresh:
log-normal abundances of 30 taxa and Bray-Curtis distances, or normal points in 10 dimensions and Euclidean
distances. Spread differs only in the latter, where groups of unequal spread share one centre. Cages and
subjects have half of the variance.
In the last two cells each subject also drifts from one period to the next, by as much again, whatever it was
given: its samples of one period belong together and are exchanged as a plot.

Labels are assigned to units at random within the scheme, anew every 10 studies, and so are the random
permutations. Units of equal size are exchangeable, and it would make no difference; for units of unequal size
the test is exact over the assignments, not for each of them (one row shows a fixed one). Where spread or the
covariate goes with the arm, the assignment stays fixed.

A design with few arrangements can reach only some p; the rate is then held to the largest of them that is not
above .05 ("attainable"), and 0 where there is none, as for 2 or 3 cages an arm, which permanova refuses.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from reporting import promise, share
from scipy.spatial.distance import cdist

from analysis.comparison.label_plan import LabelPlan, p_values
from analysis.comparison.permutation import Units, exchangeable_units, in_words
from analysis.provenance import write_results

ALPHA, BATCH = 0.05, 10
RESULTS = Path(__file__).resolve().parents[1] / "data" / "results" / "null_size.csv"
EXACT, FIXED, SPREAD, OBSERVED, WRONG = (
    "exact",
    "approximate: unequal units, not assigned at random",
    "not exact: spread differs",
    "approximate: covariate was not randomised",
    "wrong on purpose",
)


@dataclass(frozen=True)
class Cell:
    """One design and how its studies are simulated."""

    name: str
    scheme: str
    arm: np.ndarray
    blocks: np.ndarray | None = None
    plots: np.ndarray | None = None
    shared: np.ndarray | None = None  # samples with one number share half of the variance
    drift: np.ndarray | None = None  # samples with one number share a subject's state in one period
    spread: float = 1.0  # ratio of the SD in the last arm to that in the others
    covariate: Callable[[np.random.Generator, np.ndarray], np.ndarray] | None = None
    expected: str = EXACT
    distance: str = "Bray-Curtis"

    def simulate(self, rng: np.random.Generator, age: np.ndarray | None) -> np.ndarray:
        """Return the squared distances of one study."""
        n, taxa = len(self.arm), 30 if self.distance == "Bray-Curtis" else 10
        values = rng.standard_normal((n, taxa))
        if self.shared is not None:
            common = rng.standard_normal((self.shared.max() + 1, taxa))
            values = np.sqrt(0.5) * (values + common[self.shared])
        if self.drift is not None:
            states = rng.standard_normal((self.drift.max() + 1, taxa))
            values += np.sqrt(0.5) * states[self.drift]
        if age is not None:
            values += age[:, None] * rng.standard_normal(taxa) * 0.5
        values[self.arm == self.arm.max()] *= self.spread
        if self.distance == "Bray-Curtis":
            values = np.exp(values)
            return np.square(cdist(values, values, "braycurtis"))
        return cdist(values, values, "sqeuclidean")

    def units(self, arm: np.ndarray) -> Units:
        """Return the exchangeable units for an assignment of arms."""
        return exchangeable_units(
            pd.Series(arm, name="arm").astype(str),
            None if self.blocks is None else pd.Series(self.blocks, name="block"),
            None if self.plots is None else pd.Series(self.plots, name="plot"),
        )

    def assign(self, rng: np.random.Generator) -> np.ndarray:
        """Assign arms to units at random, within blocks."""
        units = self.units(self.arm)
        codes = units.codes.copy()
        for block in np.unique(units.blocks):
            codes[units.blocks == block] = rng.permutation(codes[units.blocks == block])
        return codes[units.of_sample]

    def run(self, simulations: int, permutations: int, seed: int) -> dict[str, object]:
        """Simulate, test and count."""
        rejected = 0
        streams = np.random.SeedSequence(seed).spawn(simulations // BATCH)
        for batch, stream in enumerate(streams):
            rng = np.random.default_rng(stream)
            arm = self.assign(rng) if self.expected == EXACT else self.arm
            age = None if self.covariate is None else self.covariate(rng, arm)
            units = self.units(arm)
            plan = LabelPlan.build(units, permutations, seed + batch, None if age is None else age[:, None])
            shares = np.array([plan.shares(self.simulate(rng, age)) for _ in range(BATCH)])
            rejected += int((p_values(shares) <= ALPHA + 1e-12).sum())
        count = len(streams) * BATCH
        rate = rejected / count
        smallest = units.smallest_p if plan.exact else 1 / (permutations + 1)
        attainable = np.floor(ALPHA / smallest + 1e-9) * smallest
        error = np.sqrt(attainable * (1 - attainable) / count)
        return {
            "cell": self.name,
            "scheme": self.scheme,
            "samples": len(self.arm),
            "units": len(units.codes),
            "arrangements": in_words(units.n_arrangements).replace(",", ""),
            "smallest_p": units.smallest_p,
            "distance": self.distance,
            "expected": self.expected,
            "attainable": attainable,
            "rate": rate,
            "rate_se": np.sqrt(rate * (1 - rate) / count),
            "within_three_se": abs(rate - attainable) <= 3 * error,
            "simulations": count,
        }


def arms(*sizes: int) -> np.ndarray:
    """Return labels 0, 1, ... in groups of these sizes."""
    return np.repeat(np.arange(len(sizes)), sizes)


def caged(per_arm: tuple[int, ...], mice: int | list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return arm and cage of each mouse."""
    cage = np.repeat(np.arange(sum(per_arm)), mice)
    return arms(*per_arm)[cage], cage


def cells() -> list[Cell]:
    """List the designs."""
    found = [
        Cell("4 and 4 samples", "free", arms(4, 4)),
        Cell("10 and 10 samples", "free", arms(10, 10)),
        Cell("5 and 15 samples", "free", arms(5, 15)),
        Cell("7, 7 and 7 samples", "free", arms(7, 7, 7)),
    ]
    pairs, trios = np.repeat(np.arange(10), 2), np.repeat(np.arange(8), 3)
    ragged = np.repeat(np.arange(8), [2, 3, 4, 5, 2, 3, 4, 5])
    for name, arm, subject in (
        ("10 subjects, before and after", np.tile([0, 1], 10), pairs),
        ("8 subjects, one before and two after", np.tile([0, 1, 1], 8), trios),
        ("8 subjects, three treatments", np.tile([0, 1, 2], 8), trios),
        ("8 subjects, 2 to 5 samples", np.arange(len(ragged)) % 2, ragged),
    ):
        found.append(Cell(name, "blocks", arm, blocks=subject, shared=subject))
    for per_arm in range(2, 9):
        arm, cage = caged((per_arm, per_arm), 3)
        found.append(Cell(f"{per_arm} cages an arm, 3 mice each", "plots", arm, plots=cage, shared=cage))
    arm, cage = caged((5, 5), [1, 2, 3, 4, 5] * 2)
    found.append(Cell("5 cages an arm, 1 to 5 mice", "plots", arm, plots=cage, shared=cage))
    name = "5 cages an arm, 1 to 5 mice, the same in both arms"
    found.append(Cell(name, "plots", arm, plots=cage, shared=cage, expected=FIXED))
    arm, cage = caged((4, 8), [3, 1, 4, 2] * 3)
    found.append(Cell("4 and 8 cages, 1 to 4 mice", "plots", arm, plots=cage, shared=cage))
    cage = np.repeat(np.arange(16), [2, 3] * 8)
    arm, room = (np.arange(16) // 2 % 2)[cage], cage // 4
    found.append(Cell("4 rooms of 2 and 2 cages", "blocks+plots", arm, blocks=room, plots=cage, shared=cage))

    def randomised(rng: np.random.Generator, arm: np.ndarray) -> np.ndarray:
        return rng.standard_normal(len(arm))

    def confounded(rng: np.random.Generator, arm: np.ndarray) -> np.ndarray:
        return rng.standard_normal(len(arm)) + 1.2 * arm  # correlation with the arm about .5

    arm, cage = caged((6, 6), [1, 2, 3] * 4)
    found += [
        Cell("10 and 10 samples, age taken out", "free", arms(10, 10), covariate=randomised),
        Cell("6 cages an arm, age taken out", "plots", arm, plots=cage, shared=cage, covariate=randomised),
        Cell("10 and 10, age differs by arm", "free", arms(10, 10), covariate=confounded, expected=OBSERVED),
        Cell("20 and 20, age differs by arm", "free", arms(20, 20), covariate=confounded, expected=OBSERVED),
    ]
    for name, sizes in (("10 and 10", (10, 10)), ("15 and 5", (15, 5)), ("5 and 15", (5, 15))):
        found.append(
            Cell(
                f"{name} samples, the second arm spread twice as wide",
                "free",
                arms(*sizes),
                spread=2.0,
                expected=SPREAD,
                distance="Euclidean",
            )
        )
    for per_arm in ((6, 6), (9, 3), (3, 9)):
        arm, cage = caged(per_arm, 3)
        name = f"{per_arm[0]} and {per_arm[1]} cages, the second arm spread twice as wide"
        found.append(
            Cell(
                name,
                "plots",
                arm,
                plots=cage,
                shared=cage,
                spread=2.0,
                expected=SPREAD,
                distance="Euclidean",
            )
        )
    arm, cage = caged((5, 5), 3)
    for distance in ("Bray-Curtis", "Euclidean"):
        name = f"5 cages an arm, mice exchanged freely, {distance}"
        found.append(Cell(name, "free", arm, shared=cage, expected=WRONG, distance=distance))
    name = "5 cages an arm, whole cages exchanged, Euclidean"
    found.append(Cell(name, "plots", arm, plots=cage, shared=cage, distance="Euclidean"))
    period = np.repeat(np.arange(20), 3)  # ten subjects, two periods, three stools in each
    subject, arm = period // 2, period % 2
    name = "10 subjects that drift, 3 stools before and 3 after"
    found += [
        Cell(f"{name}, stools", "blocks", arm, subject, shared=subject, drift=period, expected=WRONG),
        Cell(f"{name}, periods", "blocks+plots", arm, subject, period, shared=subject, drift=period),
    ]
    return found


def main() -> None:
    """Run all cells, print them and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=2_000)
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="run these cells alone, and keep the file's other rows")
    parser.add_argument("--no-write", action="store_true", help="leave data/results as it is")
    arguments = parser.parse_args()
    rows = []
    for number, cell in enumerate(cells()):
        if arguments.only not in cell.name:
            continue
        seed = arguments.seed + 1_000_000 * number
        rows.append(cell.run(arguments.simulations, arguments.permutations, seed))
        row = rows[-1]
        verdict = "within" if row["within_three_se"] else "OUTSIDE"
        print(
            f"{row['scheme']:13s}{row['cell']:56s} rate {row['rate']:.4f} (SE {row['rate_se']:.4f}), "
            f"attainable {row['attainable']:.4f}: {verdict} three SE  [{row['expected']}]",
            flush=True,
        )
    frame = pd.DataFrame(rows)
    if arguments.only:
        before = pd.read_csv(RESULTS, comment="#", dtype={"arrangements": str})
        frame = pd.concat([before[~before["cell"].isin(frame["cell"])], frame], ignore_index=True)
    exact = frame[frame["expected"] == EXACT]
    kept = int(exact["within_three_se"].sum())
    print(f"{kept} of {len(exact)} exact cells within three SE")
    share("exact schemes that reject as often as promised, within 3 SE", kept, len(exact))
    error = np.sqrt(exact["attainable"] * (1 - exact["attainable"]) / exact["simulations"])
    # Where nothing is attainable, nothing may be rejected, and there is no error to measure by.
    worst = ((exact["rate"] - exact["attainable"]).abs() / error.where(error > 0)).idxmax()
    farthest = exact.loc[worst]
    what = f"the farthest of them: {farthest['scheme']}, {farthest['cell']}"
    promise(what, farthest["rate"], farthest["attainable"], error[worst])
    if arguments.no_write:
        return
    write_results(
        RESULTS,
        frame,
        f"python benchmarks/bench_null_size.py --simulations {arguments.simulations} "
        f"--permutations {arguments.permutations} --seed {arguments.seed}",
        seed=arguments.seed,
        replicates={"n_sim": arguments.simulations, "permutations": arguments.permutations},
        simulated=True,
        float_format="%.6g",
    )


if __name__ == "__main__":
    main()
