"""Work out the figures of the longer notebooks (notebooks/extended) from the public tables of the catalogue.

Run: ANALYSIS_DATA_DIR=FOLDER python data/scripts/extended_figures.py [NAME ...]

Writes data/results/NAME.csv, by default all four: antibiotic_yardstick, cages_and_vendors, obesity_cohorts
and laxative. Tables that are not on the machine are downloaded. No table is about botulinum toxin. Cages are
the units wherever cages are known.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from extended_cages import cages_and_vendors
from extended_laxative import laxative
from extended_obesity import COHORTS, obesity_cohorts
from extended_yardstick import antibiotic_yardstick

from analysis.provenance import write_results

OUT = Path(__file__).resolve().parents[1] / "results"
FIGURES = {
    "antibiotic_yardstick": antibiotic_yardstick,
    "cages_and_vendors": cages_and_vendors,
    "obesity_cohorts": obesity_cohorts,
    "laxative": laxative,
}
MICE = ["schubert_antibiotics", "tomkovich_vendors"]
TABLES = {
    "antibiotic_yardstick": [*MICE, "apgar_stool", "cho_antibiotics", "dethlefsen_cipro"],
    "cages_and_vendors": MICE,
    "obesity_cohorts": [f"sze_{cohort}" for cohort in COHORTS],
    "laxative": ["tomkovich_peg3350"],
}
# What the functions repeat by default; the seed of all is 0.
REPLICATES = {
    "antibiotic_yardstick": {"rarefactions": 20},
    "cages_and_vendors": {"splits": 500, "permutations of a split": 199, "permutations": 999},
    "obesity_cohorts": {"rarefactions": 20},
    "laxative": {"permutations": 999},
}


def main() -> None:
    """Work out and write the figures that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    names = parser.parse_args().names or list(FIGURES)
    for name in names:
        write_results(
            OUT / f"{name}.csv",
            FIGURES[name]().round(6),
            f"python data/scripts/extended_figures.py {name}",
            inputs=TABLES[name],
            seed=0,
            replicates=REPLICATES[name],
        )
        print(f"wrote data/results/{name}.csv")


if __name__ == "__main__":
    main()
