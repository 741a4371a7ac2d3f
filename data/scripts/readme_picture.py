"""Draw the picture of the README from data/results/audit_matrix.csv.

Run: python data/scripts/readme_picture.py [--out data/pictures/gaps.png]
"""

import argparse

import matplotlib as mpl
import pandas as pd

import analysis as an


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="data/pictures/gaps.png")
    given = parser.parse_args()
    mpl.use("Agg")
    ax = an.plots.gap_matrix(pd.read_csv("data/results/audit_matrix.csv", comment="#"))
    ax.figure.savefig(given.out, dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    main()
