"""Time and memory of three alpha metrics on a large sparse table, beside scikit-bio.

Run: python benchmarks/bench_alpha.py [--dense-gb 2]

The table has 20,000 samples x 50,000 features, 1 % filled. Each row takes 500 read counts, drawn with
replacement from those of one mouse of `turnbaugh_mice`, so that rare and common features are mixed as they
are there. scikit-bio takes dense arrays only: it is given as many rows as fit into --dense-gb, already dense,
and its time is scaled by the number of rows. As most of its time goes into zeros, a loop of its functions
over the non-zero values of each row is timed too, the kindest that one could write. Each side is timed as the
best of three, in processor seconds, so that other work on the machine weighs less.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
from reporting import faster, limit
from scipy import sparse
from skbio.diversity import alpha
from skbio.diversity import alpha_diversity as skbio_alpha

import analysis as an

METRICS = ["observed_features", "shannon", "chao1"]
LOOPED = 2_000  # rows of the loop over non-zero values
SAMPLES, FEATURES, FILLED = 20_000, 50_000, 500


def large_study(seed: int = 0) -> an.Study:
    """Make the table by resampling the reads of single mice."""
    mice = an.load_dataset("turnbaugh_mice").counts
    rng = np.random.default_rng(seed)
    rows = np.split(mice.data, mice.indptr[1:-1])
    counts = np.concatenate([rng.choice(rows[rng.integers(len(rows))], FILLED) for _ in range(SAMPLES)])
    step = FEATURES // FILLED
    columns = np.arange(FILLED) * step + rng.integers(step, size=(SAMPLES, FILLED))
    table = sparse.csr_array(
        (
            counts,
            columns.ravel().astype(np.int32),
            np.arange(0, SAMPLES * FILLED + 1, FILLED, dtype=np.int32),
        ),
        shape=(SAMPLES, FEATURES),
    )
    return an.Study(
        table,
        pd.Index([f"sample{place}" for place in range(SAMPLES)]),
        pd.Index([f"feature{place}" for place in range(FEATURES)]),
    )


def best_of_three(call: Callable[[], object]) -> float:
    """Return the shortest of three times, in processor seconds."""
    times = []
    for _ in range(3):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print both sides, the ratio and the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dense-gb", type=float, default=2.0, help="size of scikit-bio's dense table")
    dense_rows = min(SAMPLES, int(parser.parse_args().dense_gb * 1e9 / (8 * FEATURES)))

    study = large_study()
    counts = study.counts
    size = counts.data.nbytes + counts.indices.nbytes + counts.indptr.nbytes
    filled = counts.nnz / np.prod(counts.shape)
    print(f"table: {SAMPLES:,} x {FEATURES:,}, {filled:.1%} filled, {size / 1e6:.0f} MB sparse")

    ours = best_of_three(lambda: an.alpha_diversity(study, METRICS))
    tracemalloc.start()
    found = an.alpha_diversity(study, METRICS)
    extra = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    dense = np.ascontiguousarray(counts[:dense_rows].toarray())
    ids = list(study.sample_ids[:dense_rows])
    theirs, difference = 0.0, 0.0
    for metric in METRICS:
        theirs += best_of_three(lambda metric=metric: skbio_alpha(metric, dense, ids=ids))
        values = skbio_alpha(metric, dense, ids=ids).to_numpy(dtype=float)
        difference = max(
            difference, float(np.max(np.abs(found[metric].to_numpy()[:dense_rows] / values - 1)))
        )
    scaled = theirs * SAMPLES / dense_rows
    filled_rows = np.split(counts.data, counts.indptr[1:-1])[:LOOPED]
    functions = [getattr(alpha, metric) for metric in METRICS]
    looped = best_of_three(lambda: [function(row) for function in functions for row in filled_rows])
    looped *= SAMPLES / LOOPED

    print(f"this library: {ours:.3f} s for {SAMPLES:,} samples")
    print(
        f"scikit-bio:   {theirs:.3f} s for {dense_rows:,} dense rows ({dense.nbytes / 1e9:.1f} GB), "
        f"so {scaled:.2f} s for {SAMPLES:,}"
    )
    print(f"ratio: {scaled / ours:.1f} (wanted: 20 or more); largest relative difference {difference:.1e}")
    print(f"scikit-bio's functions, row by row, non-zero values: {looped:.2f} s, ratio {looped / ours:.1f}")
    print(
        f"memory: {extra / 1e6:.0f} MB at the peak beside the table; table and peak together "
        f"{(size + extra) / size:.2f} times the table (wanted: under 3)"
    )
    if difference > 1e-9:
        raise SystemExit("the two sides disagree")
    faster("three metrics of the large table", ours, "scikit-bio, dense rows", scaled, at_least=20)
    faster("the same", ours, "loop of scikit-bio's functions over non-zero values", looped)
    limit("table and peak memory, times the table", (size + extra) / size, 3, unit="")


if __name__ == "__main__":
    main()
