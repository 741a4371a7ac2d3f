"""Work out the numbers of the planner: analysis.sample_size at every step of its sliders.

Run: python data/scripts/planner_grid.py [closed | composition] [--jobs 2] [--checkpoint FILE]

Writes data/results/planner_grid.csv (closed forms) and data/results/planner_composition.csv (simulation). The
first takes about ten minutes on two idle cores, the second about half an hour. With a checkpoint, a run that
was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import warnings
from pathlib import Path

# One thread each: the processes share the cores already.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd

import analysis as an
from analysis.planner.settings import CONTROLS, N_SIM, PERMUTATIONS, QUESTIONS, SEED, Question, Setting
from analysis.planning.checkpoint import opened
from analysis.planning.community import CommunityEngine
from analysis.planning.replicates import run_missing
from analysis.planning.results import SizeWarning
from analysis.provenance import claims_inputs, write_results

RESULTS = Path(__file__).resolve().parents[1] / "results"
DRAWN = {"n_sim": N_SIM, "permutations": PERMUTATIONS, "seed": SEED}
CURVE = (0.5,)  # part of the number for the highest power, where the curve is drawn too


def rows_of(question: Question) -> list[Setting]:
    """Return the settings of a question, each at its first power."""
    first = question.axes["power"].first
    return [setting for setting in question.settings() if setting.power == first]


def described(setting: Setting) -> dict[str, object]:
    """Return the controls of a setting but for the power."""
    names = ("host", "endpoint", *CONTROLS[:-1])
    return {name: getattr(setting, name) for name in names}


def closed(setting: Setting) -> dict[str, object]:
    """Return the numbers for every power, and the powers reached with them."""
    numbers, reached = {}, {}
    for power in setting.question.axes["power"].values:
        found = an.sample_size(setting.design(), setting.question.noise, setting.effect_size(), power / 100)
        if abs(found.type_i - found.alpha) > 1e-6:
            raise RuntimeError(f"{setting}: the type I error is {found.type_i}")
        numbers[f"n_{power:g}"] = found.n_per_arm
        reached[f"power_{power:g}"] = round(found.power, 3)
    return described(setting) | numbers | reached


def simulated(setting: Setting) -> list[dict[str, object]]:
    """Return a row for each power that is asked for, and one for each further point of the curve."""
    design, noise, effect = setting.design(), setting.question.noise, setting.effect_size()
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SizeWarning)  # the type I error is written down, whatever it is
        for power in setting.question.axes["power"].values:
            found = an.sample_size(design, noise, effect, power / 100, **DRAWN)
            rows.append(
                {"asked": power, "n_low": found.n_low, "n_high": found.n_high, **figures(vars(found))},
            )
        known = {row["n_per_arm"] for row in rows}
        step, most, least = design.step, max(known), CommunityEngine().smallest_n(design)
        sizes = {max(least, round(part * most / step) * step) for part in CURVE}
        if sizes - known:
            curve = an.power_curve(design, noise, [effect], sorted(sizes - known), **DRAWN)
            rows += [figures(row) for row in curve.to_dict("records")]
    return [described(setting) | row for row in sorted(rows, key=lambda row: row["n_per_arm"])]


def figures(found: dict[str, object]) -> dict[str, object]:
    """Pick what the planner shows."""
    rounded = {name: round(found[name], 4) for name in ("power", "power_se", "type_i", "type_i_se")}
    return {"n_per_arm": found["n_per_arm"], **rounded}


def write(rows: list[dict[str, object]], name: str, part: str, **drawn: object) -> None:
    """Write a table with where it is from."""
    claims = [question.claim for question in QUESTIONS if question.simulated == bool(drawn)]
    command = f"python data/scripts/planner_grid.py {part}"
    table = pd.DataFrame(rows).convert_dtypes()
    write_results(RESULTS / name, table, command, inputs=claims_inputs(claims), **drawn)
    print(f"{name}: {len(rows)} rows")


def main() -> None:
    """Work out the parts asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    both = ["closed", "composition"]
    parser.add_argument("parts", nargs="*", default=both, help="closed, composition; both by default")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--checkpoint", help="file of finished rows; run again, only the others are made")
    given = parser.parse_args()
    enter = {f"noise of {q.key}": q.noise for q in QUESTIONS}
    enter |= {f"powers of {q.key}": q.axes["power"].values for q in QUESTIONS}
    with opened(given.checkpoint, {"function": "planner_grid", "curve": CURVE, **DRAWN, **enter}) as found:
        if "closed" in given.parts:
            asked = {str(setting): setting for q in QUESTIONS if not q.simulated for setting in rows_of(q)}
            rows = run_missing(closed, asked, found, n_jobs=given.jobs, describe="closed")
            write(rows, "planner_grid.csv", "closed")
        if "composition" in given.parts:
            asked = {str(setting): setting for q in QUESTIONS if q.simulated for setting in rows_of(q)}
            each = run_missing(simulated, asked, found, n_jobs=given.jobs, describe="composition")
            table = [row for rows in each for row in rows]
            repeats = {"n_sim": N_SIM, "permutations": PERMUTATIONS}
            write(
                table, "planner_composition.csv", "composition", seed=SEED, replicates=repeats, simulated=True
            )


if __name__ == "__main__":
    main()
