"""The command line: ``python -m analysis report``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis import __version__
from analysis.errors import AnalysisError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and call the library; return the exit code (0 done, 1 refused, 2 misused)."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Evidence on Botox and the gut.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="run the notebooks and write build/report/index.html")
    report.add_argument("--in-place", action="store_true", help="also update the notebooks themselves")
    report.add_argument(
        "--root", type=Path, default=Path.cwd(), help="the clone of the project (default: here)"
    )
    options = parser.parse_args(arguments)
    try:
        from analysis.report import make_report

        page = make_report(options.root.resolve(), in_place=options.in_place)
    except AnalysisError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The report is at {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
