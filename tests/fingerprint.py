"""Print a few numbers of every function that computes, as JSON: whatever the machine, they must be the same.

    python tests/fingerprint.py [--jobs 2] [--out FILE]

Embedded tables and shipped pilots only, a minute or two. tests/test_same_everywhere.py runs it with one and
two processes and threads, and compares it with tests/reference/fingerprint.json on every Python.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import analysis as an
from analysis.claims.rehearsal import rehearse
from analysis.pilots import composition_shift, load_pilot

KEPT = 60  # numbers of a result; its sum is kept too
POST = an.Design(12, baseline=0)


def diversity() -> dict[str, Any]:
    """Return diversity within and between samples, with and without rarefying."""
    mice, sites = an.load_dataset("turnbaugh_mice"), an.load_dataset("global_patterns")
    apart = an.beta_diversity(mice)
    found = an.pcoa(apart)
    return {
        "alpha": an.alpha_diversity(mice, ["observed_features", "shannon", "simpson", "chao1", "pielou_e"]),
        "alpha rarefied": an.alpha_diversity(mice, depth=800, iterations=20),
        "faith": an.alpha_diversity(sites, "faith_pd"),
        "rarefaction": an.rarefaction_curve(mice, depths=[100, 400, 800]),
        "braycurtis": apart.data,
        "braycurtis rarefied": an.beta_diversity(mice, depth=800, iterations=3).data,
        "aitchison": an.beta_diversity(mice, "aitchison").data,
        "unweighted unifrac": an.beta_diversity(sites, "unweighted_unifrac").data,
        "weighted unifrac": an.beta_diversity(sites, "weighted_unifrac").data,
        "pcoa": found.coordinates,
        "pcoa shares": found.proportion_explained,
    }


def comparisons() -> dict[str, Any]:
    """Return the tests of distances, means and taxa."""
    mice = an.load_dataset("turnbaugh_mice")
    shannon, told = an.alpha_diversity(mice)["shannon"], mice.metadata
    apart, mouse = an.beta_diversity(mice), told["mouseID"]
    after = mice.select(samples=told["days_since_switch"].astype(int) == 28)
    caged = after.metadata.sort_values(["diet_group", "mouseID"])
    caged = caged.assign(cage=[f"cage {place // 2}" for place in range(len(caged))])
    with_blocks = an.permanova(apart, told, "diet", blocks="mouseID")
    with_plots = an.permanova(apart, told, "diet_group", plots="mouseID", permutations=499)
    return {
        "permanova, blocks": with_blocks.to_frame(),
        "permanova, plots": with_plots.to_frame(),
        "means": an.compare_means(shannon, mice, missing="drop").to_frame(),
        "means, mixed": an.compare_means(shannon, mice, method="mixed").to_frame(),
        "means, cages": an.compare_means(
            shannon[caged.index], caged, "diet_group", "BK throughout", cluster="cage"
        ).to_frame(),
        "components": an.variance_components(shannon, mouse).to_frame(),
        "components of distances": an.variance_components(apart, mouse).to_frame(),
        "panel": an.panel_scores(mice).scores,
        **{
            f"abundance, {method}": an.differential_abundance(
                after, "diet_group", "BK throughout", method, compare="level", rank="genus", draws=8
            ).to_frame()
            for method in ("clr", "ancombc2", "dirmult")
        },
    }


def planning(jobs: int) -> dict[str, Any]:
    """Return pilots, power, sample sizes and rehearsed verdicts."""
    mice = an.load_dataset("turnbaugh_mice")
    fitted = an.fit_pilot(mice.select(samples=mice.metadata["diet_group"] == "BK throughout"), max_taxa=100)
    people, drawn = load_pilot("sze_baxter"), {"n_sim": 40, "n_jobs": jobs}
    community = an.CommunityEndpoint(people)
    taxa = an.TaxaEndpoint(people, list(people.taxa.index[:3]))
    gut = an.MeanEndpoint(3.6, 0.5, icc=0.5)
    claims = an.load_claims()
    shift = composition_shift(people, 0.03)
    return {
        "pilot": fitted.taxa.select_dtypes("number"),
        "pilot fit": fitted.fit.select_dtypes("number"),
        "power, closed": an.power(POST, gut, -0.5).to_frame(),
        "power, simulated": an.power(an.Design(12), gut, -0.5, method="simulation", **drawn).to_frame(),
        "power, community": an.power(POST, community, shift, permutations=199, **drawn).to_frame(),
        "power, taxa": an.power(POST, taxa, 0.5, **drawn).to_frame(),
        "power, correlation": an.power(an.Design(), an.CorrelationEndpoint(0.8, 0.7), 0.5).to_frame(),
        "sample size, closed": an.sample_size(POST, gut, -0.5).to_frame(),
        "sample size, community": an.sample_size(
            POST, community, 0.05, max_n=60, permutations=199, **drawn
        ).to_frame(),
        "smallest effect": an.smallest_detectable_effect(POST, gut).to_frame(),
        "rehearsal": rehearse(
            claims["diversity_falls_mice"], 6, truths=(0, 1), permutations=99, n_jobs=jobs
        ).to_frame(),
    }


def numbers(result: Any) -> list[float]:
    """Return the sum of a result's numbers, and some of them."""
    if isinstance(result, pd.DataFrame):
        result = result.select_dtypes(["number", "bool"])
    values = np.asarray(result, dtype=float).ravel()
    values = values[np.isfinite(values)]
    step = max(1, len(values) // KEPT)
    return [float(np.abs(values).sum()), *map(float, values[::step])]


def fingerprint(jobs: int = 1) -> dict[str, list[float]]:
    """Return some numbers of every function that computes, by name."""
    parts: list[Callable[[], dict[str, Any]]] = [diversity, comparisons, lambda: planning(jobs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # small studies warn, and how is tested elsewhere
        return {name: numbers(result) for part in parts for name, result in part().items()}


def main() -> None:
    """Print or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = fingerprint(given.jobs)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(values)}" for name, values in found.items())
    text = f"{{\n{lines}\n}}\n"
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
