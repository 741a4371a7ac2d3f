"""The depths at which tables can be simulated."""

from __future__ import annotations

from analysis.arguments import check_number
from analysis.errors import Faults

DEPTHS = (100, 60_000)  # fewer reads could leave a sample empty, more do not fit into 16 bits


def check_depth(faults: Faults, depth: int | None) -> None:
    """Add a fault for a depth that cannot be simulated."""
    if depth is not None:
        check_number(
            faults,
            "depth",
            depth,
            lambda reads: DEPTHS[0] <= reads <= DEPTHS[1] and reads == int(reads),
            f"a whole number of reads a sample, {DEPTHS[0]} to {DEPTHS[1]:,}",
        )
