"""Time of 100 rarefactions of turnbaugh_mice to 1,000 reads, beside scikit-bio and vegan.

Run: python benchmarks/bench_rarefaction.py

Times are processor seconds, the median of several runs (five of this library, three of the slower peers), so
that other work on the machine weighs less; every side runs on one core.
Draws alone: no metric is computed from them. Samples of fewer than 1,000 reads are left out, for all sides.
For vegan, R runs bench_rarefaction.R on the same table; it reads the table before its clock starts. vegan is
also the reason that features which no sample has are left out: it would copy them as zeros.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from peers import missing_r, run_r
from reporting import faster, not_run
from skbio.stats import subsample_counts

import analysis as an
from analysis.diversity.draws import draw_reads, open_streams

DEPTH, DRAWS, PEER_RUNS = 1_000, 100, 3


def ours(study: an.Study) -> float:
    """Return the median of five times, from the study to all draws of all samples."""
    times = []
    for seed in range(5):
        start = time.process_time()
        draws = [
            draw_reads(stream.reads, DEPTH, DRAWS, stream.generator)
            for stream in open_streams(study, DEPTH, seed)
        ]
        times.append(time.process_time() - start)
        if not all((draw.sum(axis=1) == DEPTH).all() for draw in draws):
            raise SystemExit("a draw has the wrong number of reads")
    return statistics.median(times)


def of_skbio(rows: list[np.ndarray]) -> float:
    """Return the median time of a loop over draws and samples."""
    rng = np.random.default_rng(0)
    times = []
    for _ in range(PEER_RUNS):
        start = time.process_time()
        for _ in range(DRAWS):
            for row in rows:
                subsample_counts(row, DEPTH, seed=rng)
        times.append(time.process_time() - start)
    return statistics.median(times)


def of_vegan(study: an.Study) -> float:
    """Return the median time that R measures."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        study.to_frame().to_csv(table)
        return float(run_r(Path(__file__).with_suffix(".R"), table, DEPTH, DRAWS, PEER_RUNS))


def main() -> None:
    """Print all sides and the ratios."""
    study = an.load_dataset("turnbaugh_mice")
    study = study.select(samples=study.depths >= DEPTH)
    study = study.select(features=np.asarray(study.counts.sum(axis=0)) > 0)
    dense = study.counts.toarray()
    print(
        f"{DRAWS} draws of {DEPTH} reads from each of {study.shape[0]} samples x {study.shape[1]:,} features"
    )

    own = ours(study)
    print(f"this library:                    {own:.3f} s")
    for name, rows in (("whole rows", list(dense)), ("non-zero only", [row[row > 0] for row in dense])):
        theirs = of_skbio(rows)
        print(
            f"scikit-bio loop ({name}):".ljust(33) + f"{theirs:.3f} s, ratio {theirs / own:.1f} (wanted: 10)"
        )
        faster(f"{DRAWS} rarefactions", own, f"scikit-bio subsample_counts, {name}", theirs, at_least=10)
    absent = missing_r()
    if absent:
        print(f"vegan rrarefy: not run: {absent}")
        not_run(f"{DRAWS} rarefactions", "vegan rrarefy", absent, own)
    else:
        vegan = of_vegan(study)
        print(f"vegan rrarefy:                   {vegan:.3f} s, ratio {vegan / own:.1f} (wanted: 50)")
        faster(f"{DRAWS} rarefactions", own, "vegan rrarefy", vegan, at_least=50)


if __name__ == "__main__":
    main()
