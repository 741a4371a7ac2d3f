"""Random tables and trees that several test modules share."""

import io

import numpy as np
import pandas as pd

from analysis.study import Study


def random_newick(names, rng, polytomy=False):
    """Join random clades until two are left, which the root joins."""
    clades = [f"{name}:{rng.random():.6f}" for name in names]
    while len(clades) > 2:
        take = min(len(clades) - 1, 3 if polytomy and rng.random() < 0.3 else 2)
        chosen = sorted(rng.choice(len(clades), take, replace=False), reverse=True)
        joined = ",".join(clades.pop(place) for place in chosen)
        clades.append(f"({joined}):{rng.random():.6f}")
    return f"({','.join(clades)});"


def read_newick(text):
    from skbio import TreeNode

    return TreeNode.read(io.StringIO(text), convert_underscores=False)


def random_study(seed, n_samples=30, n_features=200, tree=False, polytomy=False):
    """Make counts with a long tail, so that features seen once, rarely and often all occur."""
    rng = np.random.default_rng(seed)
    mean = rng.gamma(0.15, 1, (n_samples, n_features)) * rng.lognormal(3, 1, (n_samples, 1))
    counts = rng.poisson(mean)
    counts[:, 0] += 1
    counts[:, 1] += 2  # ACE needs a rare feature with more than one read
    names = [f"f{place:03d}" for place in range(n_features)]
    table = pd.DataFrame(counts, index=[f"s{place:02d}" for place in range(n_samples)], columns=names)
    parsed = read_newick(random_newick(names, rng, polytomy)) if tree else None
    return Study.from_frame(table, tree=parsed, name=f"random {seed}")
