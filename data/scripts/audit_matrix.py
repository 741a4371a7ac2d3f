"""Hold every public table of the catalogue against every claim; write data/results/audit_matrix.csv.

Run: ANALYSIS_DATA_DIR=FOLDER python data/scripts/audit_matrix.py [--out FILE]

Tables that are not on the machine are downloaded. No table is about botulinum toxin: the file says what each
one lacks.
"""

import argparse
from pathlib import Path

import pandas as pd

import analysis as an
from analysis.catalogue import read_catalogue
from analysis.claims.auditing import audit
from analysis.provenance import write_results


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
    names = list(read_catalogue())
    rows = [row for name in names for row in rows_of(name, claims)]
    write_results(
        Path(given.out),
        pd.DataFrame(rows),
        "python data/scripts/audit_matrix.py",
        inputs=[*names, "claims.toml", "panels.toml"],
    )


if __name__ == "__main__":
    main()
