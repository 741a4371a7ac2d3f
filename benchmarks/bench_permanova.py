"""Time of PERMANOVA with 999 permutations, beside scikit-bio's permanova and vegan's adonis2.

Run: python benchmarks/bench_permanova.py [--threads 1]

Two tasks. One blocked test, from distances and metadata to the full result (checks, permutations, PERMDISP
included), of 50 subjects x 4 samples: beside adonis2 with strata, which has no PERMDISP. And many studies of
one free design of 2 x 50 samples, as a power calculation has them: the plan is made once, and each study is
tested against it; scikit-bio and adonis2 test each study on its own. scikit-bio gets its DistanceMatrix, and
R its dist, before the clock starts. All sides use the same number of threads (adonis2 is never asked to use
more than one). Each time is the best of 20 rounds, in which the sides take turns (R has its own 20, before);
pseudo-F is compared as well. With one thread times are processor seconds, so that other work on the machine
weighs less: R's rounds are long, and would otherwise be slowed where short ones find a gap.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
_PARSER.add_argument("--threads", type=int, default=1)
ARGUMENTS = _PARSER.parse_args()
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = str(ARGUMENTS.threads)  # read when numpy is imported

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from peers import missing_r, run_r  # noqa: E402
from reporting import faster, not_run  # noqa: E402
from scipy.spatial.distance import cdist  # noqa: E402
from skbio.stats.distance import DistanceMatrix  # noqa: E402
from skbio.stats.distance import permanova as skbio_permanova  # noqa: E402

from analysis.comparison.label_plan import LabelPlan, p_values, shares_many  # noqa: E402
from analysis.comparison.permanova import permanova  # noqa: E402
from analysis.comparison.permutation import exchangeable_units  # noqa: E402

PERMUTATIONS, STUDIES, ROUNDS = 999, 5, 20
CLOCK = time.process_time if ARGUMENTS.threads == 1 else time.perf_counter


def distances(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return Bray-Curtis distances of a log-normal table of 50 taxa."""
    table = rng.lognormal(sigma=1.5, size=(n, 50))
    return cdist(table, table, "braycurtis")


def best(*calls: Callable[[], object]) -> list[float]:
    """Return the shortest time of each call, in seconds; the calls take turns."""
    times = np.empty((ROUNDS, len(calls)))
    for turn in range(ROUNDS):
        for number, call in enumerate(calls):
            start = CLOCK()
            call()
            times[turn, number] = CLOCK() - start
    return times.min(axis=0).tolist()


def of_vegan(folder: Path) -> dict[str, float]:
    """Return the times and pseudo-F of R."""
    kind = "processor" if ARGUMENTS.threads == 1 else "elapsed"
    return json.loads(run_r(Path(__file__).with_suffix(".R"), folder, PERMUTATIONS, ROUNDS, kind))


def line(what: str, name: str, own: float, theirs: float, wanted: float, gap: float) -> None:
    """Print one comparison; both sides must find the same pseudo-F."""
    if gap > 1e-9:
        raise SystemExit(f"pseudo-F differs from that of {name} by {gap:.1e}")
    faster(what, own, name, theirs, at_least=wanted)
    print(
        f"  {name}: {theirs * 1e3:.2f} ms, ratio {theirs / own:.0f} (wanted: {wanted}); "
        f"largest relative difference of pseudo-F {gap:.1e}"
    )


def main() -> None:
    """Print all sides and the ratios."""
    rng = np.random.default_rng(1)
    blocked = distances(rng, 200)
    metadata = pd.DataFrame(
        {"subject": np.repeat([f"p{i:02d}" for i in range(50)], 4), "arm": list("aabb") * 50},
        index=[f"s{i:03d}" for i in range(200)],
    )
    studies = np.stack([distances(rng, 100) for _ in range(STUDIES)])
    arms = pd.Series(np.repeat(["a", "b"], 50), name="arm")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savetxt(folder / "blocked.csv", blocked, delimiter=",", fmt="%.17g")
        metadata.to_csv(folder / "metadata.csv", index=False)
        np.savetxt(folder / "study.csv", studies[0], delimiter=",", fmt="%.17g")
        arms.to_csv(folder / "arms.csv", index=False)
        absent = missing_r()
        vegan = None if absent else of_vegan(folder)

    print(
        f"{PERMUTATIONS} permutations; {ARGUMENTS.threads} thread(s) on every side; best of {ROUNDS} rounds"
    )
    result = permanova(blocked, metadata, "arm", blocks="subject", permutations=PERMUTATIONS)
    (own,) = best(lambda: permanova(blocked, metadata, "arm", blocks="subject", permutations=PERMUTATIONS))
    print(f"one blocked test, n=200, with PERMDISP\n  this library: {own * 1e3:.2f} ms")
    blocked_test, one_study = "one blocked test, n = 200", "a study of a shared design, n = 100"
    if vegan:
        gap = abs(result.pseudo_f / vegan["blocked_f"] - 1)
        line(blocked_test, "vegan adonis2, strata", own, vegan["blocked_s"], 10, gap)
    else:
        not_run(blocked_test, "vegan adonis2, strata", absent, own)

    plan = LabelPlan.build(exchangeable_units(arms), PERMUTATIONS)
    squared = np.square(studies)
    ours = plan.pseudo_f(shares_many(squared, plan)[:, :1])[:, 0]
    matrices = [DistanceMatrix(one) for one in studies]
    groups = arms.tolist()
    theirs = [skbio_permanova(one, groups, permutations=0)["test statistic"] for one in matrices]
    own, skbio, making = best(
        lambda: p_values(shares_many(squared, plan)),
        lambda: [skbio_permanova(one, groups, permutations=PERMUTATIONS) for one in matrices],
        lambda: LabelPlan.build(exchangeable_units(arms), PERMUTATIONS).shares(squared[0]),
    )
    own, skbio = own / STUDIES, skbio / STUDIES
    print(
        f"studies of one design, n=100, a study\n  this library: {own * 1e3:.3f} ms "
        f"(the plan, made once, with its first study: {making * 1e3:.1f} ms)"
    )
    line(one_study, "scikit-bio permanova", own, skbio, 30, float(np.abs(ours / theirs - 1).max()))
    if vegan:
        line(one_study, "vegan adonis2", own, vegan["study_s"], 150, abs(ours[0] / vegan["study_f"] - 1))
    else:
        print(f"  vegan adonis2: not run: {absent}")
        not_run(one_study, "vegan adonis2", absent, own)


if __name__ == "__main__":
    main()
