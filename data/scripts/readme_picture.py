"""Draw the picture of the README: the first of the report's front page.

Run: python data/scripts/readme_picture.py [--out data/pictures/gaps.png]
"""

import argparse
from pathlib import Path

import matplotlib as mpl

from analysis.report.front import front_figures


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/pictures/gaps.png"))
    given = parser.parse_args()
    mpl.use("Agg")
    given.out.write_bytes(front_figures()[0].png)


if __name__ == "__main__":
    main()
