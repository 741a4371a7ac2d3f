"""Pilots from files: every part checked against the others before a study is simulated from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import Faults, ReadError
from analysis.pilots.marginals import NODES
from analysis.pilots.model import ARRAYS, FRAME, Pilot
from analysis.pilots.plans import LEVELS
from analysis.readers.npz import read_arrays
from analysis.readers.opening import open_file

_EXPECTED = "a file written by Pilot.save"
_REMEDY = "fit_pilot(study).save(path) writes one"
_DEPTHS = 21  # quantiles
_TYPES = {
    "name": str,
    "depth": int,
    "log_floor": float,
    "source": dict,
    "shannon": dict,
    "fit": dict,
    "taxa": list,
    "members": list,
}


def read_pilot(path: str | Path) -> Pilot:
    """Read a pilot written by `Pilot.save`.

    Parameters
    ----------
    path : str or pathlib.Path
        The .npz file. Its arrays are read as plain numbers; nothing in it is ever unpickled.

    Raises
    ------
    ReadError
        Where the file is not there, is damaged or is not a pilot, or its parts do not fit each other.
    """
    opened = open_file(path)
    stored = read_arrays(opened, _EXPECTED)
    faults = Faults(opened.name, ReadError)
    header = _header(stored.get("header"), faults)
    if header is not None:
        _check_taxa(header, faults)
        _check_fit(header["fit"], faults)
    faults.raise_if_any()
    _check_arrays(stored, len(header["taxa"]), faults)
    faults.raise_if_any()
    arrays = {name: stored[name].astype(np.float64) for name in (*ARRAYS, *FRAME)}
    taxa = pd.DataFrame(
        {name: arrays.pop(name) for name in FRAME} | {"members": header["members"]},
        index=pd.Index(header["taxa"], name="taxon", dtype=object),
    )
    if header["lineage"] is not None:
        taxa["lineage"] = header["lineage"]
    fit = pd.DataFrame(header["fit"]).set_index("target")
    fixed = {name: header[name] for name in ("name", "depth", "log_floor", "source", "shannon")}
    return Pilot(taxa=taxa, fit=fit, **arrays, **fixed)


def _header(content: np.ndarray | None, faults: Faults) -> dict[str, Any] | None:
    """Return what the file says in words; None where anything of it is missing or of the wrong type."""
    try:
        header = None if content is None else json.loads(content.tobytes())
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        faults.add("its header is no JSON", where="header", expected=_EXPECTED, remedy=_REMEDY)
        return None
    for key, kind in _TYPES.items():
        if not isinstance(header.get(key), kind) or isinstance(header.get(key), bool):
            faults.add(f"{header.get(key)!r}", where=f"header, {key}", expected=f"a {kind.__name__}")
    return None if faults else {"lineage": None} | header


def _check_taxa(header: dict[str, Any], faults: Faults) -> None:
    """Note names, members and lineages that do not belong together, and numbers that are none."""
    taxa, members, lineage = header["taxa"], header["members"], header["lineage"]
    if not taxa or not all(isinstance(name, str) for name in taxa) or len(set(taxa)) < len(taxa):
        faults.add("names are missing or stand twice", where="header, taxa", expected="a name for each taxon")
    if len(members) != len(taxa) or not all(type(n) is int and 0 < n < 2**53 for n in members):
        faults.add("no number for each taxon", where="header, members", expected="1 or more for each")
    if lineage is not None and not (
        isinstance(lineage, list) and len(lineage) == len(taxa) and all(isinstance(x, str) for x in lineage)
    ):
        faults.add("no text for each taxon", where="header, lineage", expected="a lineage for each, or null")
    numbers = (header["log_floor"], *header["shannon"].values())
    if not all(type(x) in (int, float) and abs(x) < 2**53 for x in numbers):
        faults.add("not all are numbers", where="header, log_floor and shannon", expected="finite numbers")
    if not 0 < header["depth"] < 2**53:
        faults.add(f"{header['depth']!r}", where="header, depth", expected="reads a sample, above 0")


def _check_fit(fit: dict[str, Any], faults: Faults) -> None:
    """Note where the account of the fit is no table of targets."""
    columns = list(fit.values())
    whole = all(isinstance(column, list) for column in columns) and len(set(map(len, columns))) == 1
    if not whole or not {"target", "met"} <= fit.keys():
        faults.add("no table", where="header, fit", expected="rows of targets, and whether each was met")
    elif not all(isinstance(x, str) for x in fit["target"]) or not all(
        isinstance(x, bool) for x in fit["met"]
    ):
        faults.add("names or answers are wrong", where="header, fit", expected="a name, and true or false")


def _check_arrays(stored: dict[str, np.ndarray], n_taxa: int, faults: Faults) -> None:
    """Note arrays that are missing, of another shape than the others ask for, or not finite."""
    n_axes = stored["loadings"].shape[-1] if getattr(stored.get("loadings"), "ndim", 0) == 2 else -1
    shapes = {
        "log_quantiles": (n_taxa, NODES),
        "loadings": (n_taxa, n_axes),
        "taxon_shares": (n_taxa, len(LEVELS)),
        "axis_shares": (n_axes, len(LEVELS)),
        "depth_quantiles": (_DEPTHS,),
        **dict.fromkeys(FRAME, (n_taxa,)),
    }
    for name, shape in shapes.items():
        found = stored.get(name)
        if found is None or found.shape != shape:
            told = "it is missing" if found is None else f"its shape is {found.shape}"
            faults.add(told, where=name, expected=f"{shape}, as {n_taxa} taxa ask for")
        elif not np.isfinite(found).all():
            faults.add("some numbers are missing or infinite", where=name, expected="finite numbers")
