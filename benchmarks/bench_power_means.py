"""Time power for means: closed-form curves beside statsmodels and R, and simulation beside a plain loop.

    python benchmarks/bench_power_means.py

Prints processor seconds (best of three) and holds the curve of 1,000 points to its limit of 0.5 s. The closed
forms are those of the same test on every side: the pooled t test, two-sided, one call a point for the peers,
which have no other way. A sample of the points is compared.
"""

import subprocess
import time
import warnings

import numpy as np
from peers import missing_r
from reporting import faster, limit, not_run
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from analysis.designs import Design
from analysis.planning.endpoints import CorrelationEndpoint, MeanEndpoint
from analysis.planning.power import power, power_curve, sample_size

LIMIT = 0.5
SHANNON = MeanEndpoint(mean=3.45, sd=0.598, icc=0.45, cluster_icc=0.2)
EFFECTS = np.linspace(-0.5, -0.01, 25)
SIZES = np.arange(10, 210, 5)  # 25 x 40 = 1,000 points
R_LOOP = """
library(pwr)
started <- proc.time()
for (d in seq(0.02, 0.8, length.out = 25)) for (n in seq(10, 205, 5)) pwr.t.test(n = n, d = d)
cat(sum((proc.time() - started)[1:2]))
"""


def best_of_three(work):
    """Return the shortest of three times."""
    times = []
    for _ in range(3):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def statsmodels_loop():
    """Compute the same points one by one."""
    solver = TTestIndPower()
    return [solver.power(abs(effect) / SHANNON.sd, n, 0.05) for effect in EFFECTS for n in SIZES]


def plain_loop(n_sim, n=20, effect=-0.5):
    """One experiment after the other, SciPy's t test on each."""
    rng = np.random.default_rng(0)
    hits = 0
    for shift in (effect, 0.0):
        for _ in range(n_sim):
            treated, reference = rng.normal(3.45, 0.598, (2, n))
            hits += stats.ttest_ind(treated + shift, reference).pvalue <= 0.05
    return hits


def main():
    """Time and print."""
    warnings.simplefilter("ignore")
    designs = {
        "pooled t": (Design(baseline=0), None),
        "ANCOVA": (Design(), None),
        "Welch": (Design(baseline=0, model="welch"), None),
        "ANCOVA, cages of 5": (Design(cluster_size=5), None),
        "ANCOVA, cages of 5, losses": (Design(cluster_size=5, dropout=0.1), None),
        "equivalence, pooled t": (Design(baseline=0), 0.6),
        "equivalence, ANCOVA": (Design(), 0.6),
    }
    print(f"Curve of {len(EFFECTS) * len(SIZES):,} points (seconds)")
    taken = {}
    for name, (design, margin) in designs.items():
        seconds = best_of_three(
            lambda design=design, margin=margin: power_curve(design, SHANNON, EFFECTS, SIZES, margin=margin)
        )
        taken[name] = seconds
        print(f"  {name:28s} {seconds:8.3f}")
    slowest = max(taken.values())
    limit("slowest curve of 1,000 points", slowest, LIMIT)

    curve = power_curve(designs["pooled t"][0], SHANNON, EFFECTS, SIZES).set_index(["effect", "n_per_arm"])
    points = curve["power"].reindex([(effect, n) for effect in EFFECTS for n in SIZES]).to_numpy()
    gap = float(np.abs(points - statsmodels_loop()).max())
    if not gap < 1e-6:
        raise SystemExit(f"power differs from that of statsmodels by {gap:.1e}")
    what = "curve of 1,000 points, pooled t"
    loop = best_of_three(statsmodels_loop)
    print(f"  {'statsmodels, pooled t':28s} {loop:8.3f}   (largest difference of power {gap:.1e})")
    faster(what, taken["pooled t"], "loop of statsmodels", loop)
    absent = missing_r("pwr")
    if absent:
        print(f"  R pwr, pooled t: not run: {absent}")
        not_run(what, "loop of pwr", absent, taken["pooled t"])
    else:
        found = subprocess.run(["Rscript", "-e", R_LOOP], stdout=subprocess.PIPE, text=True, check=True)
        print(f"  {'R pwr, pooled t':28s} {float(found.stdout):8.3f}")
        faster(what, taken["pooled t"], "loop of pwr", float(found.stdout))

    print("One answer (seconds)")
    answers = {
        "sample size, ANCOVA": lambda: sample_size(Design(), SHANNON, -0.17),
        "sample size, equivalence": lambda: sample_size(Design(), SHANNON, 0, margin=0.17),
        "sample size, correlation": lambda: sample_size(Design(), CorrelationEndpoint(0.5, 0.7), 0.4),
        "sample size by simulation": lambda: sample_size(Design(), SHANNON, -0.3, method="simulation"),
    }
    for name, work in answers.items():
        print(f"  {name:28s} {best_of_three(work):8.3f}")

    print("Power and type I error, 20 an arm, pooled t, 1,000 experiments each (seconds)")
    together = best_of_three(
        lambda: power(Design(20, baseline=0), SHANNON, -0.5, method="simulation", n_sim=1_000)
    )
    plain = best_of_three(lambda: plain_loop(1_000))
    print(f"  {'all experiments at once':28s} {together:8.3f}")
    print(f"  {'a loop with scipy.ttest_ind':28s} {plain:8.3f}   ({plain / together:.0f} times)")
    faster("2,000 simulated t tests", together, "loop of scipy.stats.ttest_ind", plain)
    rng = np.random.default_rng(0)
    print(f"  {'the random draws alone':28s} {best_of_three(lambda: rng.standard_normal((2_000, 40))):8.3f}")

    verdict = "within" if slowest <= LIMIT else "ABOVE"
    print(f"Slowest curve {slowest:.3f} s: {verdict} the limit of {LIMIT} s")


if __name__ == "__main__":
    main()
