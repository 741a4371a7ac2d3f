"""Run the benchmarks, one after the other, and write what they measured to benchmarks/RESULTS.md.

    python benchmarks/run_all.py [--full] [--only NAME ...]

Long simulations run at a short setting and write nothing into data/results; --full runs each at its defaults,
which is how the files there are made (hours). --only runs some and keeps the sections of the others, with
their own dates. Ends with 1 where a benchmark did not run through; a figure that falls short of what is
wanted is shown, and is no failure: times depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from reporting import read_rows

import analysis

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "RESULTS.md"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PACKAGES = ("numpy", "scipy", "pandas", "scikit-bio", "biom-format", "statsmodels", "joblib")
# A claim of each kind but correlation, whose trials are slow; the others of a kind run the same code.
_KINDS = (
    "diversity_falls_mice composition_shifts_mice harmful_bacteria_rise_mice digestive_complaints_humans "
    "permeability_rises_mice"
)
# The usual models of the largest tables (sze_goodrich) take 12 GB.
_SMALL_PILOTS = (
    "turnbaugh_mice twins_genera sze_baxter sze_ross sze_schubert tap_fibre schubert_mice apgar_mice"
)
SHORT = {
    "bench_backtest": "--splits 2 --draws 100 --simulations 50 --permutations 199 --no-write",
    "bench_means_size": "--no-write",
    "bench_null_size": "--no-write",
    "bench_pilot_fit": f"--only {_SMALL_PILOTS} --no-write",
    "bench_rehearsal": f"--trials 100 --claims {_KINDS} --no-write",
}
FULL_RUNS = {
    "bench_backtest": "backtest.csv",
    "bench_means_size": "means_size.csv",
    "bench_null_size": "null_size.csv",
    "bench_pilot_fit": "pilot_fit.csv",
    "bench_rehearsal": "rehearsal.csv",
}
COLUMNS = "| benchmark | what | this library | peer | ratio | wanted | met |"
# Load a core from which other work slows what is measured: before the first benchmark, and between them,
# where the one before still counts.
QUIET, BETWEEN = 0.5, 1.25


@dataclass(frozen=True)
class Section:
    """What RESULTS.md says of one benchmark: its rows of the summary and its own section."""

    name: str
    rows: tuple[str, ...]
    text: str


def names() -> list[str]:
    """List every benchmark there is."""
    return sorted(path.stem for path in HERE.glob("bench_*.py"))


def figure(value: float | None, unit: str = "") -> str:
    """Write a number to three digits."""
    if value is None:
        return "-"
    text = f"{value:.0f}" if float(value).is_integer() or abs(value) >= 1_000 else f"{value:#.3g}".rstrip(".")
    return f"{text} {unit}".strip()


def summary_row(name: str, row: dict) -> str:
    """Write one row of the summary."""
    unit = row["unit"]
    peer = f"{figure(row['peer'], unit)} ({row['peer_name']})" if row["peer_name"] else "-"
    ratio = f"not run: {row['reason']}" if row["reason"] else figure(row["ratio"])
    met = {True: "yes", False: "**no**", None: "-"}[row["met"]]
    cells = (name, row["what"], figure(row["ours"], unit), peer, ratio, row["wanted"] or "-", met)
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def commit() -> str:
    """Name the commit, and say where the code is not what was committed."""

    def git(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True)

    found = git("rev-parse", "--short=10", "HEAD").stdout.strip() if shutil.which("git") else ""
    if not found:
        return "of no known commit"
    changed = git("diff", "--quiet", "HEAD", "--", "analysis", "benchmarks/*.py", "benchmarks/*.R").returncode
    return f"commit {found}" + (", with changes that are not committed" if changed else "")


def machine() -> str:
    """Describe the machine, without its name."""
    cpu = Path("/proc/cpuinfo")
    told = re.search(r"model name\s*:\s*(.+)", cpu.read_text()) if cpu.is_file() else None
    processor = told[1].strip() if told else platform.processor() or platform.machine()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        system = f"{platform.system()} {platform.release()}"
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GB, {system}"


def versions() -> str:
    """List what the figures depend on."""
    found = [f"Python {platform.python_version()}", f"analysis {analysis.__version__} ({commit()})"]
    found += [f"{name} {version(name)}" for name in PACKAGES]
    if shutil.which("Rscript"):
        asked = (
            'cat(paste("R", getRversion())); for (p in c("vegan", "pwr")) '
            'if (requireNamespace(p, quietly = TRUE)) cat(paste0(", ", p, " ", packageVersion(p)))'
        )
        found.append(
            subprocess.run(["Rscript", "-e", asked], check=True, capture_output=True, text=True).stdout
        )
    else:
        found.append("no R")
    return ", ".join(found)


def load(most: float) -> str:
    """Return the load average, with a warning where other work takes the processor."""
    now = os.getloadavg()[0]
    return f"{now:.2f}" + (" (**noisy**: other work was running)" if now > most * os.cpu_count() else "")


def run(name: str, arguments: str, system: str) -> tuple[Section, bool]:
    """Run one benchmark in a process of its own."""
    command = f"python benchmarks/{name}.py {arguments}".strip()
    date, load_before, before = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", load(BETWEEN), processor_seconds()
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
        check=False,
        capture_output=True,
        text=True,
    )
    wall = time.perf_counter() - start
    rows, shown = read_rows(done.stdout)
    good = done.returncode == 0
    if not good:
        shown += "\n" + "\n".join(done.stderr.splitlines()[-15:])
    lines = [
        f"## {name}",
        "",
        f"- command: `OMP_NUM_THREADS=1 {command}`",
        f"- date: {date}",
        f"- time: {wall:.0f} s, {processor_seconds() - before:.0f} s of the processor",
        f"- load at the start: {load_before}",
        f"- {system}",
    ]
    if arguments and name in FULL_RUNS:
        lines.append(f"- the full run's figures: `data/results/{FULL_RUNS[name]}`, by `make bench-full`")
    if not good:
        lines.append(f"- **failed**, exit code {done.returncode}")
        rows.append(
            dict.fromkeys(("ours", "peer", "ratio", "peer_name", "wanted", "unit"))
            | {"what": "failed", "reason": f"exit code {done.returncode}", "met": False}
        )
    # A path of this machine tells nobody anything.
    shown = shown.replace(str(ROOT), ".").replace(str(Path.home()), "~").strip()
    lines += ["", "```text", *(line.rstrip() for line in shown.splitlines()), "```", ""]
    return Section(name, tuple(summary_row(name, row) for row in rows), "\n".join(lines)), good


def processor_seconds() -> float:
    """Return what all finished benchmarks have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read(text: str) -> dict[str, Section]:
    """Read the sections of an earlier RESULTS.md."""
    found = {}
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE):
        name = part.split("\n", 1)[0].removeprefix("## ").strip()
        if name.startswith("bench_"):
            rows = re.findall(rf"^\| {name} \|.*$", text, flags=re.MULTILINE)
            found[name] = Section(name, tuple(rows), part.rstrip() + "\n")
    return found


def write(head: str, section: Section) -> None:
    """Put a section into RESULTS.md, benchmarks in the order of their names; those that are no more go."""
    kept = read(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    found = kept | {section.name: section}
    ordered = [found[name] for name in names() if name in found]
    table = [COLUMNS, "|---" * COLUMNS.count(" | ") + "|---|", *(row for one in ordered for row in one.rows)]
    RESULTS.write_text("\n".join([head, *table, "", *(one.text for one in ordered)]), encoding="utf-8")


def main() -> int:
    """Run what was asked for; write after each, so that what is done is kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="the long settings, which rewrite data/results")
    parser.add_argument("--only", nargs="+", default=names(), choices=names(), metavar="NAME")
    given = parser.parse_args()
    system = f"on: {machine()}; {versions()}"
    head = f"""# Results of the benchmarks

Made by `make bench` (`benchmarks/run_all.py`), not by hand; [README.md](README.md) says what each measures
and how the sides are made equal. A ratio is how many times as fast as the peer this library is; in rows that
begin with "cost", this library's cost over the peer's; for rates, what was measured over what was promised.

- date: {datetime.now(UTC):%Y-%m-%d}
- machine: {machine()}
- load average at the start: {load(QUIET)}
- versions: {versions()}

A section below names the machine and versions of its own run, which may be an earlier one.

## Summary
"""
    failed = []
    for name in given.only:
        print(f"{name} ...", flush=True)
        section, good = run(name, "" if given.full else SHORT.get(name, ""), system)
        failed += [] if good else [name]
        write(head, section)
        print(section.text, *section.rows, sep="\n", flush=True)
    for name in failed:
        print(f"{name} did not run through: see its section in benchmarks/RESULTS.md", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
