"""Reading BIOM and .qza: this library's whole `read_study` beside biom-format's bare table, in one run.

Run: ``python benchmarks/bench_readers.py``. The target is a ratio of at most 1.5. biom-format gives a table;
`read_study` also hashes the file, checks every number and id and parses the taxonomy. The tables are the
embedded ones, and a simulated one with lineages.
"""

from __future__ import annotations

import io
import platform
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

import biom
import h5py
import numpy as np
from reporting import costs
from scipy import sparse

from analysis.paths import data_path
from analysis.readers import read_study

REPEATS = 15
TARGET = 1.5


def simulated(folder: Path) -> Path:
    """Write a BIOM 2.1 table of 200 samples x 10,000 features, 2 % filled, with lineages, by biom-format."""
    rng = np.random.default_rng(0)
    shape = (10_000, 200)
    n = shape[0] * shape[1] // 50
    places = rng.choice(shape[0] * shape[1], n, replace=False)
    counts = sparse.csr_matrix((rng.geometric(0.02, n).astype(float), divmod(places, shape[1])), shape=shape)
    lineage = ["k__Bacteria", "p__Firmicutes", "c__Clostridia", "o__Clostridiales", "f__", "g__", "s__"]
    table = biom.Table(
        counts,
        [f"OTU_{k}" for k in range(shape[0])],
        [f"S{k}" for k in range(shape[1])],
        [{"taxonomy": lineage} for _ in range(shape[0])],
    )
    path = folder / "simulated.biom"
    with h5py.File(path, "w") as file:
        table.to_hdf5(file, "benchmark")
    return path


def as_artifact(path: Path, folder: Path) -> Path:
    """Wrap a BIOM file as a QIIME 2 artifact."""
    root = str(uuid.uuid5(uuid.NAMESPACE_URL, path.name))
    target = folder / f"{path.stem}.qza"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        text = f"uuid: {root}\ntype: FeatureTable[Frequency]\nformat: BIOMV210DirFmt\n"
        archive.writestr(f"{root}/metadata.yaml", text)
        archive.write(path, f"{root}/data/feature-table.biom")
    return target


def biom_format_qza(path: Path) -> biom.Table:
    """Read an artifact with biom-format, as one does without QIIME 2."""
    with zipfile.ZipFile(path) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith("data/feature-table.biom"))
        with h5py.File(io.BytesIO(archive.read(name)), "r") as file:
            return biom.Table.from_hdf5(file)


def seconds(*reads: Callable[[], object]) -> list[float]:
    """Return each reader's best time on the processor; they take turns, so that load slows them alike."""
    times: list[list[float]] = [[] for _ in reads]
    for _ in range(REPEATS):
        for read, taken in zip(reads, times, strict=True):
            start = time.process_time()
            read()
            taken.append(time.process_time() - start)
    return [min(taken) for taken in times]


def main() -> None:
    """Print a line a file."""
    print(f"Python {platform.python_version()}, biom-format {biom.__version__}, h5py {h5py.__version__}")
    print(f"best of {REPEATS} runs in turn, seconds of the processor; target: ratio at most {TARGET}")
    print(f"{'file':38} {'samples x features':>20} {'biom-format':>12} {'read_study':>11} {'ratio':>6}")
    measured = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = [*sorted(data_path("embedded").glob("*.biom")), simulated(folder)]
        for table in tables:
            artifact = as_artifact(table, folder)
            study = read_study(table)
            for path, theirs in (
                (table, lambda p=table: biom.load_table(str(p))),
                (artifact, lambda p=artifact: biom_format_qza(p)),
            ):
                assert theirs().sum() == study.counts.sum(), path
                ours, other = seconds(lambda p=path: read_study(p), theirs)
                measured.append((ours / other, path.suffix, ours, other, path.name))
                size = f"{study.shape[0]:,} x {study.shape[1]:,}"
                print(f"{path.name:38} {size:>20} {other:12.4f} {ours:11.4f} {ours / other:6.2f}")
    worst = max(measured)[0]
    print(f"worst ratio {worst:.2f}: {'within' if worst <= TARGET else 'OVER'} the target")
    for suffix in (".biom", ".qza"):
        _, _, ours, other, name = max(one for one in measured if one[1] == suffix)
        costs(f"reading {suffix}, the worst of the files: {name}", ours, "biom-format", other, at_most=TARGET)


if __name__ == "__main__":
    main()
