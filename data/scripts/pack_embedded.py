"""Pack what export_embedded.R wrote into the files that the project carries.

    python data/scripts/pack_embedded.py build/embedded data/embedded

Counts become BIOM 2.1, fractions, metadata and taxonomy TSV, the tree Newick; what is large is gzipped.
Nothing in the files depends on the day or the machine, so the same libraries give the same bytes; at the
end each file is compared with data/catalogue.toml.
"""

import argparse
import gzip
import hashlib
import shutil
import sys
import tomllib
from datetime import datetime
from pathlib import Path

import h5py
import pandas as pd
from biom import Table
from scipy.io import mmread

CATALOGUE = Path(__file__).resolve().parents[1] / "catalogue.toml"
MADE_BY = "data/scripts/pack_embedded.py"
MADE_ON = datetime(2026, 11, 22)  # noqa: DTZ001  (BIOM wants a naive date; fixed, so that the bytes are)

LAST_DAY_BEFORE_SWITCH = "2008-01-07"
PEOPLE = {"M3": "M3", "M1": "M1", "F1": "F1", "Twin #1": "TS28", "Twin #2": "TS29"}


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a TSV of R word for word: everything is text, a missing value is empty."""
    return pd.read_csv(path, sep="\t", index_col="id", dtype=str, keep_default_na=False)


def write_gzip(path: Path, content: bytes) -> None:
    """Write compressed bytes without the time and the file name that gzip would add."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(content)


def write_tsv(path: Path, table: pd.DataFrame, ids: str) -> None:
    """Write a table of text, compressed if the name says so; the first column holds the ids."""
    content = table.to_csv(sep="\t", index_label=ids, lineterminator="\n").encode()
    if path.suffix == ".gz":
        write_gzip(path, content)
    else:
        path.write_bytes(content)


def write_biom(path: Path, source: Path, name: str) -> None:
    """Write the counts (features x samples) as BIOM 2.1."""
    ids = [
        (source / part).read_text(encoding="utf-8").splitlines() for part in ("features.txt", "samples.txt")
    ]
    table = Table(mmread(source / "counts.mtx").tocsr(), *ids, table_id=name, type="OTU table")
    with h5py.File(path, "w") as handle:
        table.to_hdf5(handle, generated_by=MADE_BY, compress=True, creation_date=MADE_ON)


def describe_mice(samples: pd.DataFrame) -> pd.DataFrame:
    """Add day, days_since_switch and diet_group to the phenotypes of mouseData.

    R's relativeTime counts December from 2007-12-11 and January onwards from 2007-12-17, so it calls the
    last day before the switch 21 where the dates say 27: the days are counted from the dates.
    """
    dates = pd.to_datetime(samples["date"])
    western = samples["diet"] == "Western"
    switched = western.groupby(samples["mouseID"]).transform("any")
    last_day = pd.Timestamp(LAST_DAY_BEFORE_SWITCH)
    if not (switched == (samples["status"] == "1")).all():
        sys.exit("status no longer tells the mice that ever had the Western diet")
    if not (western == (switched & (dates > last_day))).all():
        sys.exit(
            f"the Western diet no longer begins after {LAST_DAY_BEFORE_SWITCH} in every mouse that has it"
        )
    return samples.assign(
        day=(dates - dates.min()).dt.days,
        days_since_switch=(dates - last_day).dt.days,
        diet_group=switched.map({True: "switched to Western", False: "BK throughout"}),
    )


def describe_habitats(samples: pd.DataFrame) -> pd.DataFrame:
    """Add the person that a sample of GlobalPatterns came from; empty for all but human samples."""
    return samples.assign(person=samples["Description"].str.split(",").str[0].map(PEOPLE).fillna(""))


def pack(source: Path, target: Path) -> None:
    """Write the three tables and copy R's figures."""
    shutil.copyfile(source / "figures.json", target / "figures.json")
    for name, describe in (("turnbaugh_mice", describe_mice), ("global_patterns", describe_habitats)):
        write_biom(target / f"{name}.biom", source / name, name)
        samples = describe(read_text_table(source / name / "metadata.tsv"))
        write_tsv(target / f"{name}.metadata.tsv", samples, "sample_id")
    twins = source / "twins_genera"
    write_tsv(target / "twins_genera.fractions.tsv.gz", read_text_table(twins / "fractions.tsv"), "sample_id")
    write_tsv(target / "twins_genera.metadata.tsv", read_text_table(twins / "metadata.tsv"), "sample_id")
    for name in ("turnbaugh_mice", "global_patterns", "twins_genera"):
        lineages = read_text_table(source / name / "taxonomy.tsv")
        write_tsv(target / f"{name}.taxonomy.tsv.gz", lineages, "feature_id")
    write_gzip(target / "global_patterns.tree.nwk.gz", (source / "global_patterns" / "tree.nwk").read_bytes())


def compare_with_catalogue(target: Path) -> int:
    """Print size and checksum of each file and return how many are not what the catalogue says."""
    catalogue = tomllib.loads(CATALOGUE.read_text(encoding="utf-8")) if CATALOGUE.is_file() else {}
    expected = {Path(f["path"]).name: f["sha256"] for entry in catalogue.values() for f in entry["files"]}
    different = 0
    for path in sorted(target.iterdir()):
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.name not in expected:
            verdict = "R's figures" if path.name == "figures.json" else "not in the catalogue"
        else:
            verdict = (
                "as in the catalogue" if expected[path.name] == checksum else "DIFFERS from the catalogue"
            )
        different += verdict.startswith("DIFFERS")
        print(f"{path.name:34} {path.stat().st_size:9,} bytes  sha256 {checksum}  {verdict}")
    return different


def main() -> None:
    """Pack, then check."""
    parser = argparse.ArgumentParser(description="Pack the embedded tables.")
    parser.add_argument("source", type=Path, help="the folder that export_embedded.R wrote")
    parser.add_argument("target", type=Path, help="where the packed files go: data/embedded")
    arguments = parser.parse_args()
    arguments.target.mkdir(parents=True, exist_ok=True)
    pack(arguments.source, arguments.target)
    different = compare_with_catalogue(arguments.target)
    if different:
        sys.exit(
            f"{different} file(s) differ in bytes from data/catalogue.toml. Other versions of HDF5 or zlib "
            "may compress differently: run tests/test_catalogue.py, which compares the content; if it holds, "
            "write the new sha256 and bytes into the catalogue"
        )


if __name__ == "__main__":
    main()
