"""Download every public table of the catalogue and verify it.

Run: make data, or ANALYSIS_DATA_DIR=<folder> python data/scripts/fetch_all.py
"""

from __future__ import annotations

import sys

from analysis.catalogue import read_catalogue
from analysis.fetching import cache_folder, fetch_all


def main() -> int:
    """Print a line a dataset and the failures in full; return 1 where there are any."""
    errors = []
    for fetched in fetch_all({name: dataset.files for name, dataset in read_catalogue().items()}):
        print(fetched, flush=True)
        errors += [fetched.error] if fetched.error else []
    print(f"Downloaded tables are kept in {cache_folder()}")
    for error in errors:
        print(f"\n{error}", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
