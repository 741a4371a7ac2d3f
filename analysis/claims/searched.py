"""Sample sizes that only simulation gives: searched once, kept in a file, and looked up after that."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

import pandas as pd

from analysis.designs import Design
from analysis.paths import data_path
from analysis.planning.community import CommunityEndpoint
from analysis.planning.power import sample_size
from analysis.planning.results import SampleSize

FILE = "results/planned_sizes.csv"
N_SIM = 500  # simulated experiments of each step of the search
SEED = 0


def searched_size(
    design: Design, endpoint: CommunityEndpoint, effect: float, target: float, margin: float | None = None
) -> SampleSize:
    """Return the sample size of a composition, from the file where the very same search is in it.

    Parameters
    ----------
    design, endpoint, effect, target, margin
        As in `sample_size`; with a margin, to rule out that the arms explain so much.

    Notes
    -----
    A search takes a minute. ``data/scripts/planned_sizes.py`` runs those of the project's claims and writes
    the file; a row holds only where everything that enters the search is the same.
    """
    key = search_key(design, endpoint, effect, target, margin)
    known = known_sizes()
    if key in known:
        return known[key]
    return search(design, endpoint, effect, target, margin)


def search(
    design: Design,
    endpoint: CommunityEndpoint,
    effect: float,
    target: float,
    margin: float | None = None,
    n_jobs: int = 1,
) -> SampleSize:
    """Run the search."""
    how = {"n_sim": N_SIM, "seed": SEED, "n_jobs": n_jobs, "margin": margin}
    return sample_size(design, endpoint, effect, target, **how)


def search_key(
    design: Design, endpoint: CommunityEndpoint, effect: float, target: float, margin: float | None = None
) -> str:
    """Write down everything that enters a search."""
    told = {
        "pilot": endpoint.pilot.name,
        "metric": endpoint.metric,
        "depth": endpoint.depth or endpoint.pilot.depth,
        "icc": endpoint.icc,
        "omega_squared": effect,
        "margin": margin,
        "power": target,
        "follow_up": design.follow_up,
        "cluster_size": design.cluster_size,
        "dropout": design.dropout,
        "alpha": design.alpha,
        "n_sim": N_SIM,
        "seed": SEED,
    }
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in told.items()
    )


def to_row(key: str, found: SampleSize) -> dict[str, Any]:
    """Return a result as a row of the file."""
    row = {entry.name: getattr(found, entry.name) for entry in fields(found)}
    return {"search": key} | row | {"notes": "; ".join(found.notes)}


@cache
def known_sizes() -> dict[str, SampleSize]:
    """Read the sizes that were searched before, by what entered the search."""
    path = data_path(FILE)
    if not path.is_file():
        return {}
    known = {}
    for row in pd.read_csv(path, comment="#").to_dict("records"):
        values = {name: None if pd.isna(value) else value for name, value in row.items()}
        key, notes = values.pop("search"), tuple(str(values.pop("notes") or "").split("; "))
        known[key] = SampleSize(**values, notes=notes)
    return known
