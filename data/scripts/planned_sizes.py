"""Search the sample sizes of the claims about compositions and write data/results/planned_sizes.csv.

Run: python data/scripts/planned_sizes.py [--jobs 2] [--out FILE]
"""

import argparse
from pathlib import Path

import pandas as pd

import analysis as an
from analysis.claims.planned import sign_of, trial_design, trial_endpoint
from analysis.claims.searched import N_SIM, SEED, search, search_key, to_row
from analysis.provenance import claims_inputs, write_results


def main() -> None:
    """Search and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", default="data/results/planned_sizes.csv")
    given = parser.parse_args()
    rows = []
    for name, claim in an.load_claims().items():
        if claim.kind == "community":
            asked = (trial_design(claim), trial_endpoint(claim))
            target = claim.trial.power
            to_show = (sign_of(claim) * claim.effect.smallest, target, None)
            to_refute = (0.0, target, claim.effect.margin)
            for searched in (to_show, to_refute):
                found = search(*asked, *searched, n_jobs=given.jobs)
                print(f"{name}: {found.n_per_arm} an arm ({found.n_low} to {found.n_high}), {found.test}")
                rows.append(to_row(search_key(*asked, *searched), found))
    claims = an.load_claims().values()
    write_results(
        Path(given.out),
        pd.DataFrame(rows),
        "python data/scripts/planned_sizes.py",
        inputs=claims_inputs([claim for claim in claims if claim.kind == "community"]),
        seed=SEED,
        replicates={"n_sim": N_SIM, "permutations": 999},
        simulated=True,
    )


if __name__ == "__main__":
    main()
