"""Rows that a benchmark prints beside its text, for run_all.py: both sides, ratio, what was wanted.

A row is one line, ROW and then JSON, so that nobody has to read figures out of prose.
"""

from __future__ import annotations

import json

ROW = "@row "
_SE = 3  # Monte Carlo errors that a rate may be off what was promised


def row(
    what: str,
    ours: float | None = None,
    peer_name: str = "",
    peer: float | None = None,
    ratio: float | None = None,
    wanted: str = "",
    met: bool | None = None,
    unit: str = "s",
    reason: str = "",
) -> None:
    """Print one row; `reason` says why a side was not run."""
    told = {
        "what": what,
        "ours": ours,
        "peer_name": peer_name,
        "peer": peer,
        "ratio": ratio,
        "wanted": wanted,
        "met": met,
        "unit": unit,
        "reason": reason,
    }
    # numpy's own numbers and truths are no JSON.
    print(ROW + json.dumps(told, default=lambda value: value.item()), flush=True)


def faster(
    what: str, ours: float, peer_name: str, peer: float, at_least: float | None = None, unit: str = "s"
) -> None:
    """Print how many times as fast as the peer."""
    ratio = peer / ours
    wanted, met = ("", None) if at_least is None else (f">= {at_least:g}", ratio >= at_least)
    row(what, ours, peer_name, peer, ratio, wanted, met, unit)


def costs(
    what: str, ours: float, peer_name: str, peer: float, at_most: float | None = None, unit: str = "s"
) -> None:
    """Print how many times the peer's cost."""
    ratio = ours / peer
    wanted, met = ("", None) if at_most is None else (f"<= {at_most:g}", ratio <= at_most)
    row(f"cost: {what}", ours, peer_name, peer, ratio, wanted, met, unit)


def limit(what: str, ours: float, at_most: float, unit: str = "s") -> None:
    """Print a figure beside the limit set for it."""
    row(what, ours, wanted=f"<= {at_most:g} {unit}".rstrip(), met=ours <= at_most, unit=unit)


def promise(what: str, measured: float, promised: float, error: float, side: str = "near") -> None:
    """Print a rate and its Monte Carlo error beside the promise; side: near, at most or at least."""
    gap, slack = measured - promised, _SE * error + 1e-12
    met = {"near": abs(gap) <= slack, "at most": gap <= slack, "at least": gap >= -slack}[side]
    ratio = measured / promised if promised else None
    words = f"{side} promised, within {_SE} SE of {error:.2g}"
    row(what, measured, "promised", promised, ratio, words, met, unit="")


def share(what: str, good: int, of: int) -> None:
    """Print how many of the cells keep a promise, where all should."""
    row(what, good, "all cells", of, good / of, "all", good == of, unit="")


def not_run(what: str, peer_name: str, reason: str, ours: float | None = None) -> None:
    """Print that a side is missing, and why."""
    row(what, ours, peer_name, reason=reason)


def read_rows(printed: str) -> tuple[list[dict], str]:
    """Part what a benchmark printed into its rows and the text for people."""
    lines = printed.splitlines()
    rows = [json.loads(line.removeprefix(ROW)) for line in lines if line.startswith(ROW)]
    return rows, "\n".join(line for line in lines if not line.startswith(ROW))
