"""Summarise Shannon diversity in the ten cohorts of Sze & Schloss 2016: mean, SD and n of each, nothing more.

    python data/scripts/summarise_sze_shannon.py FOLDER data/pilots/sze_shannon.csv

FOLDER holds the public table as sze_obesity/data/process/alpha.data; its sha256 is checked. The SD over all
people of a cohort is what the authors took for their power analysis.
"""

import csv
import hashlib
import statistics
import sys
from collections import defaultdict
from pathlib import Path

TABLE = "sze_obesity/data/process/alpha.data"
SHA256 = "39f9a2225cba5a9d5433e236c6ee5625c590dece54565dc7e6c7b47ec7f75a59"

folder, target = map(Path, sys.argv[1:])
raw = (folder / TABLE).read_bytes()
if hashlib.sha256(raw).hexdigest() != SHA256:
    sys.exit(f"{TABLE} is not the file that these figures were made from (sha256 {SHA256})")

cohorts = defaultdict(lambda: {"TRUE": [], "FALSE": []})
for row in csv.DictReader(raw.decode().splitlines(), delimiter="\t"):
    cohorts[row["dataset"]][row["obese"]].append(float(row["shannon"]))

with target.open("w", newline="") as file:
    file.write(
        "# Shannon diversity (nats; mothur, mean over rarefactions) of ten cohorts: summary figures only.\n"
        "# Source: Sze MA, Schloss PD (2016) Looking for a signal in the noise: revisiting obesity and the\n"
        "# microbiome. mBio 7:e01018-16. doi:10.1128/mBio.01018-16 (MIT licence). None is about botulinum\n"
        "# toxin. One sample a person: what lies between and within persons cannot be told apart.\n"
        f"# Table: {TABLE}, sha256 {SHA256}\n"
        f"# Made by: python data/scripts/{Path(__file__).name} FOLDER data/pilots/{target.name}\n"
    )
    writer = csv.writer(file, lineterminator="\n")
    columns = [f"{figure}{group}" for group in ("", "_not_obese", "_obese") for figure in ("n", "mean", "sd")]
    writer.writerow(["cohort", *columns])
    for cohort, groups in cohorts.items():
        figures = []
        for values in (groups["FALSE"] + groups["TRUE"], groups["FALSE"], groups["TRUE"]):
            figures += [len(values), f"{statistics.fmean(values):.6f}", f"{statistics.stdev(values):.6f}"]
        writer.writerow([cohort, *figures])
