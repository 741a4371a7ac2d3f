"""The pilots that ship with the project."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.errors import ParameterError, did_you_mean, one_fault
from analysis.paths import data_path
from analysis.pilots.model import Pilot
from analysis.pilots.reading import read_pilot

__all__ = ["list_pilot_names", "list_pilots", "load_pilot"]


def load_pilot(name: str) -> Pilot:
    """Load a pilot that ships with the project.

    Parameters
    ----------
    name : str
        One of `list_pilots`.

    Returns
    -------
    Pilot
        As it was fitted to its public table.

    Raises
    ------
    ParameterError
        Where there is none of that name; the message names the nearest.

    Examples
    --------
    >>> import analysis as an
    >>> pilot = an.pilots.load_pilot("turnbaugh_mice")
    >>> pilot.depth, pilot.has_repeats
    (1574, True)
    """
    files = _files()
    if name not in files:
        raise one_fault(
            ParameterError,
            "load_pilot",
            f"there is no pilot {name!r}",
            remedy=did_you_mean(name, list(files)),
        )
    return read_pilot(files[name])


def list_pilots() -> pd.DataFrame:
    """List the pilots that ship with the project.

    Returns
    -------
    pandas.DataFrame
        Index: the names. Columns: host, samples, subjects, repeats, clusters, taxa, depth, shannon_mean,
        shannon_sd, missed (targets of the fit that are missed) and citation.

    Examples
    --------
    >>> import analysis as an
    >>> pilots = an.pilots.list_pilots()
    >>> [str(told) for told in pilots.loc["turnbaugh_mice", ["host", "subjects"]]]
    ['mouse', '12']
    """
    rows = {}
    for name, path in _files().items():
        pilot = read_pilot(path)
        told = pilot.source
        rows[name] = {
            "host": told.get("host", ""),
            "samples": told["samples"],
            "subjects": told["subjects"],
            "repeats": pilot.has_repeats,
            "clusters": told["clusters"],
            "taxa": len(pilot),
            "depth": pilot.depth,
            "shannon_mean": pilot.shannon["mean"],
            "shannon_sd": pilot.shannon["sd"],
            "missed": ", ".join(pilot.missed),
            "citation": told.get("citation", ""),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def list_pilot_names() -> list[str]:
    """List the names of the pilots that ship with the project, without reading them."""
    return list(_files())


def _files() -> dict[str, Any]:
    return {path.stem: path for path in sorted(data_path("pilots").glob("*.npz"))}
