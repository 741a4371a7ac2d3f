"""Hold every public table of the catalogue against every claim; write data/results/audit_matrix.csv.

Run: ANALYSIS_DATA_DIR=FOLDER python data/scripts/audit_matrix.py [--out FILE]

Tables that are not on the machine are downloaded. No table is about botulinum toxin: the file says what each
one lacks.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

import analysis as an
from analysis.claims.auditing import audit


def rows_of(name: str, claims: dict) -> list[dict]:
    """Return a row a claim for one table."""
    study = an.load_dataset(name)
    rows = []
    for claim in claims.values():
        found = audit(study, claim)
        lacking = [row for row in found.rows if row.essential and row.status == "missing"]
        rows.append(
            {
                "claim": claim.id,
                "dataset": name,
                "essential": sum(row.essential for row in found.rows),
                "essential_missing": len(lacking),
                "lacks": "; ".join(row.id for row in lacking),
                **found.counts,
            }
        )
    return rows


def main() -> None:
    """Audit and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", default="data/results/audit_matrix.csv")
    given = parser.parse_args()
    claims = {name: claim for name, claim in an.load_claims().items() if claim.testable}
    rows = [row for name in an.list_datasets().index for row in rows_of(name, claims)]
    note = (
        f"# derived; made by python data/scripts/audit_matrix.py; version {an.__version__}, Python "
        f"{sys.version.split()[0]}; no table is about botulinum toxin\n"
    )
    text = note + pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
    Path(given.out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
