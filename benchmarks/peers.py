"""What a machine may lack: R with vegan, and the public tables. A benchmark then says so and goes on."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NO_TABLES = "the public tables are not on this machine; name a folder in ANALYSIS_DATA_DIR and run make data"
_INSTALL = {
    "vegan": "on Debian: apt install r-base-core r-cran-vegan",
    "pwr": "on Debian: apt install r-cran-pwr",
}


@functools.cache
def missing_r(package: str = "vegan") -> str:
    """Return why R with a package cannot run here, or an empty text."""
    asked = ["Rscript", "-e", f'quit(status = !requireNamespace("{package}", quietly = TRUE))']
    if shutil.which("Rscript") and subprocess.run(asked, check=False, capture_output=True).returncode == 0:
        return ""
    return f"R with {package} is not on this machine ({_INSTALL[package]})"


def run_r(script: Path, *arguments: object) -> str:
    """Run a benchmark's R script and return the last line that it printed."""
    command = ["Rscript", str(script), *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()[-1]


def tables_folder() -> Path:
    """Return where the public tables are looked for."""
    return Path(os.environ.get("ANALYSIS_DATA_DIR") or ROOT.parent / "shared" / "data")
