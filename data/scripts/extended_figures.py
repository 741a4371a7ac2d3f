"""Work out the figures of the longer notebooks (notebooks/extended) from the public tables of the catalogue.

Run: ANALYSIS_DATA_DIR=FOLDER python data/scripts/extended_figures.py [NAME ...]

Writes data/results/NAME.csv, by default all four: antibiotic_yardstick, cages_and_vendors, obesity_cohorts
and laxative. Tables that are not on the machine are downloaded. No table is about botulinum toxin. Cages are
the units wherever cages are known.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from extended_cages import cages_and_vendors
from extended_laxative import laxative
from extended_obesity import obesity_cohorts
from extended_yardstick import antibiotic_yardstick

import analysis as an

OUT = Path(__file__).resolve().parents[1] / "results"
FIGURES = {
    "antibiotic_yardstick": antibiotic_yardstick,
    "cages_and_vendors": cages_and_vendors,
    "obesity_cohorts": obesity_cohorts,
    "laxative": laxative,
}


def main() -> None:
    """Work out and write the figures that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    names = parser.parse_args().names or list(FIGURES)
    for name in names:
        note = (
            f"# derived figures; made by python data/scripts/extended_figures.py {name}; version "
            f"{an.__version__}, Python {sys.version.split()[0]}, numpy {np.__version__}; "
            "nothing here is about botulinum toxin\n"
        )
        text = FIGURES[name]().round(6).to_csv(index=False, lineterminator="\n")
        (OUT / f"{name}.csv").write_text(note + text, encoding="utf-8")
        print(f"wrote data/results/{name}.csv")


if __name__ == "__main__":
    main()
