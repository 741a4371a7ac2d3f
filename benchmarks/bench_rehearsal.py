"""Operating characteristics of the protocols: how often each verdict comes out of simulated trials.

Run: python benchmarks/bench_rehearsal.py [--trials 1000] [--jobs 2] [--claims ID ...] [--keep] [--out FILE]
     [--checkpoint FOLDER]

For each claim and each truth (no effect, half the smallest of interest, the smallest, twice it) that many
trials are simulated as the protocol asks for them, and each goes through `evaluate`. Promised: "supported"
under no effect at most alpha, "refuted" under no effect at least the planned power. Writes
data/results/rehearsal.csv (not with --no-write), each rate with its Monte Carlo error.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from reporting import promise

import analysis as an
from analysis.claims.model import Claim
from analysis.claims.needs import data_needed
from analysis.claims.rehearsal import rehearse
from analysis.provenance import claims_inputs, write_results

COLUMNS = ["claim", "kind", "n_per_arm", "truth", "outcome", "trials", "rate", "rate_se", "n_trials", "seed"]


def write(table: pd.DataFrame, order: list[str], seed: int, out: Path) -> None:
    """Write what is there so far, claims in the order of their file."""
    claims_of = table.groupby("n_trials")["claim"].unique()  # with --keep, of several runs
    trials = [int(number) for number in claims_of.index]
    script = "python benchmarks/bench_rehearsal.py"
    runs = [
        f"{script} --trials {number} --seed {seed} --claims {' '.join(sorted(names))} --keep"
        for number, names in claims_of.items()
    ]
    rows = table.sort_values("claim", key=lambda names: names.map(order.index), kind="stable")
    write_results(
        out,
        rows,
        " && ".join(runs),
        inputs=[*claims_inputs(an.load_claims().values()), "panels.toml"],
        seed=seed,
        replicates={"trials": trials if len(trials) > 1 else trials[0], "permutations": 999},
        simulated=True,
        float_format="%.6g",
    )


def report(table: pd.DataFrame, claims: dict[str, Claim]) -> None:
    """Print, of all claims, those that are farthest from what was promised."""
    null = table[table["truth"] == 0]
    for outcome, side, promised in (
        ("supported", "at most", lambda trial: trial.alpha),
        ("refuted", "at least", lambda trial: trial.power),
    ):
        found = null[null["outcome"] == outcome].set_index("claim")
        level = pd.Series({name: promised(claims[name].trial) for name in found.index})
        error = np.sqrt(level * (1 - level) / found["n_trials"].astype(float))
        gap = (found["rate"] - level).astype(float) / error
        worst = gap.idxmax() if side == "at most" else gap.idxmin()
        what = f"'{outcome}' where there is no effect, worst of {len(found)} claims: {worst}"
        promise(what, found["rate"][worst], level[worst], error[worst], side)


def main() -> None:
    """Rehearse, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--claims", nargs="*", help="ids; all that a trial could settle by default")
    parser.add_argument("--keep", action="store_true", help="keep the claims in the file that are not run")
    parser.add_argument("--out", default="data/results/rehearsal.csv")
    parser.add_argument("--no-write", action="store_true", help="leave data/results as it is")
    parser.add_argument(
        "--checkpoint", type=Path, help="folder of a file a claim; run again, only what is missing is made"
    )
    given = parser.parse_args()
    claims = an.load_claims()
    chosen = given.claims or [name for name, claim in claims.items() if claim.testable]
    out = Path(given.out)
    if given.checkpoint:
        given.checkpoint.mkdir(parents=True, exist_ok=True)
    kept = pd.read_csv(out, comment="#") if given.keep and out.is_file() else pd.DataFrame(columns=COLUMNS)
    for name in chosen:
        claim = claims[name]
        start = time.perf_counter()
        kept_trials = given.checkpoint / f"{name}.jsonl" if given.checkpoint else None
        found = rehearse(claim, given.trials, seed=given.seed, n_jobs=given.jobs, checkpoint=kept_trials)
        table = found.to_frame().assign(
            claim=name, kind=claim.kind, n_per_arm=found.n_per_arm, n_trials=given.trials, seed=given.seed
        )
        kept = pd.concat([kept[kept["claim"] != name], table[COLUMNS]])
        if not given.no_write:
            write(kept, list(claims), given.seed, out)
        wrong, refuted = found.rate(0.0, "supported"), found.rate(0.0, "refuted")
        print(
            f"{name}: {found.n_per_arm} an arm, {time.perf_counter() - start:.0f} s\n"
            f"  no effect: supported {wrong:.3f} (at most {claim.trial.alpha:g}), refuted {refuted:.3f} "
            f"(planned {claim.trial.power:g})\n"
            f"  smallest effect: supported {found.rate(1.0, 'supported'):.3f} (planned "
            f"{data_needed(claim).plan.power.power:.3f})"
        )
    report(kept[kept["claim"].isin(chosen)], claims)


if __name__ == "__main__":
    main()
