"""Small files of each format, written by the tests themselves."""

import io
import zipfile
from pathlib import Path

import biom
import h5py
import numpy as np
import pytest

COUNTS = np.array([[5, 0, 2, 0], [1, 7, 0, 0], [0, 3, 3, 9]])
SAMPLES = ["s1", "s2", "s3"]
FEATURES = ["a", "b", "c", "d"]
LINEAGES = ["k__Bacteria; p__Firmicutes", "k__Bacteria; p__Bacteroidetes", "k__Bacteria; p__", "k__Archaea"]


@pytest.fixture
def counts():
    """Return the numbers that the fixtures below write: samples s1 to s3, features a to d."""
    return COUNTS


@pytest.fixture
def write(tmp_path):
    """Write a file of text or bytes and return its path."""

    def _write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture
def classic():
    """Return the text of a classic QIIME table of `COUNTS`."""
    lines = ["# Constructed from biom file", "#OTU ID\t" + "\t".join(SAMPLES)]
    lines += [f"{name}\t" + "\t".join(map(str, row)) for name, row in zip(FEATURES, COUNTS.T, strict=True)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def biom_table():
    """Return `COUNTS` as a table of the biom-format library, with lineages and sample metadata."""
    return biom.Table(
        COUNTS.T.astype(float),
        FEATURES,
        SAMPLES,
        [{"taxonomy": [*lineage.split("; "), *[""] * 7][:7]} for lineage in LINEAGES],
        [{"day": str(day), "arm": arm} for day, arm in ((0, "drug"), (7, "none"), (14, "drug"))],
    )


@pytest.fixture
def hdf5(tmp_path, biom_table):
    """Write the table as BIOM 2.1, let a function change the file, and return its path."""

    def _write(change=lambda file: None, table: biom.Table = biom_table, name: str = "table.biom") -> Path:
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            table.to_hdf5(file, "tests")
            change(file)
        return path

    return _write


@pytest.fixture
def artifact(tmp_path):
    """Write a QIIME 2 artifact and return its path."""

    def _write(
        kind: str, inner: str, content: bytes | str, *, name: str = "some.qza", extra=(), yaml=None
    ) -> Path:
        root = "0f1e2d3c-0000-4000-8000-000000000000"
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{root}/metadata.yaml", yaml or f"uuid: {root}\ntype: {kind}\nformat: X\n")
            archive.writestr(f"{root}/data/{inner}", content)
            archive.writestr(f"{root}/provenance/metadata.yaml", "type: other\n")
            for entry, text in extra:
                archive.writestr(entry, text)
        return path

    return _write


@pytest.fixture
def biom_bytes(hdf5):
    """Return the bytes of the table as BIOM 2.1."""
    return hdf5(name="inner.biom").read_bytes()


@pytest.fixture
def npy_trap():
    """Return a NumPy file that would run code when it is unpickled."""

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    stream = io.BytesIO()
    np.save(stream, np.array([Trap()], dtype=object), allow_pickle=True)
    return stream.getvalue()
