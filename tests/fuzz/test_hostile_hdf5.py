"""HDF5 files that are more than the HDF5 library can take, as fuzzing found, and sound ones beside them."""

import zlib

import h5py
import numpy as np
import pytest
from biom_files import COUNTS, biom_hdf5
from checks import refused

import analysis as an


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["i2", "i4", "i8", "u4", "f2", "f4", "f8"])
def test_numbers_of_any_width_and_order_are_read(order, kind, tmp_path):
    def change(file):
        for part in ("data", "indices", "indptr"):
            values = file[f"sample/matrix/{part}"][...]
            del file[f"sample/matrix/{part}"]
            file[f"sample/matrix/{part}"] = values.astype(order + (kind if part == "data" else "i4"))

    path = tmp_path / "a.biom"
    path.write_bytes(biom_hdf5(change))
    assert np.array_equal(an.read_study(path).counts.toarray(), COUNTS)


def test_metadata_behind_a_link_out_of_the_file_are_not_read(tmp_path):
    other = tmp_path / "other.h5"
    other.write_bytes(biom_hdf5())

    def change(file):
        del file["sample/metadata"], file["observation/metadata"]
        file["sample/metadata"] = h5py.ExternalLink(str(other), "sample/metadata")
        file["observation/metadata"] = h5py.SoftLink("/observation/matrix")

    path = tmp_path / "a.biom"
    path.write_bytes(biom_hdf5(change))
    study = an.read_study(path)
    assert study.metadata.shape == (3, 0)
    assert study.taxonomy is None


@pytest.mark.parametrize(
    "packing", [{}, {"chunks": (2,)}, {"chunks": (3,), "compression": "gzip", "shuffle": True}]
)
def test_a_string_of_four_billion_bytes_is_not_asked_for(packing, tmp_path):
    def change(file):
        values = file["sample/ids"][...]
        del file["sample/ids"]
        ids = file.create_dataset("sample/ids", data=values, dtype=h5py.string_dtype(), **packing)
        file.flush()
        spots.append(ids.id.get_offset() or ids.id.get_chunk_info(0).byte_offset)
        spots.append(ids.id.read_direct_chunk((0,))[1] if packing else b"")

    spots = []
    path = tmp_path / "a.biom"
    path.write_bytes(biom_hdf5(change))
    assert an.read_study(path).sample_ids.tolist() == ["s1", "s2", "s3"]
    if "compression" in packing:
        places = np.frombuffer(zlib.decompress(spots[1]), np.uint8).copy()
        places[3] = 255  # the highest byte of the first length: HDF5 shuffles no strings, though asked to

        def rewrite(file):
            change(file)
            file["sample/ids"].id.write_direct_chunk((0,), zlib.compress(places.tobytes()), 1)

        content = biom_hdf5(rewrite)
    else:
        content = bytearray(path.read_bytes())
        content[spots[0] + 3] = 255
    assert "is said to take 4,278,190,08" in refused(an.read_study, path, bytes(content))


def test_many_long_texts_in_one_biom_file_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.readers.hdf5_heaps._SMALL", 1_000)

    def change(file):
        file["sample/metadata"].create_dataset(
            "note", data=["x" * 900, "y" * 900, "z"], dtype=h5py.string_dtype()
        )

    path = tmp_path / "a.biom"
    path.write_bytes(biom_hdf5(change))
    assert an.read_study(path).metadata["note"].str.len().tolist() == [900, 900, 1]


def with_piece(raw, mask, **packing):
    """Return a BIOM file whose numbers are one piece of 8,000 bytes, stored as these bytes."""

    def change(file):
        del file["sample/matrix/data"]
        data = file.create_dataset("sample/matrix/data", (1_000,), "f8", chunks=(1_000,), **packing)
        data.id.write_direct_chunk((0,), raw, mask)

    return biom_hdf5(change)


@pytest.mark.parametrize(
    ("raw", "mask", "packing"),
    [
        (b"abc", 1, {"compression": "gzip"}),
        (zlib.compress(b"abc"), 0, {"compression": "gzip"}),
        (zlib.compress(bytes(8_001)), 0, {"compression": "gzip"}),
        (zlib.compress(bytes(8_000))[:-9], 0, {"compression": "gzip"}),
        (zlib.compress(b"abc"), 0, {"compression": "gzip", "shuffle": True}),
        (b"abc", 3, {"compression": "gzip", "shuffle": True}),
        (b"abcdefgh", 1, {"fletcher32": True}),
        (b"abc", 1, {"compression": "lzf"}),
        (b"\x02abc", 0, {"compression": "lzf"}),
        (b"\xe0", 0, {"compression": "lzf"}),
        (b"abc", 0, {"scaleoffset": 2}),
    ],
)
def test_pieces_of_hdf5_that_are_too_short_never_reach_the_library(raw, mask, packing, tmp_path):
    text = refused(an.read_study, tmp_path / "a.biom", with_piece(raw, mask, **packing))
    assert "truncated or damaged" in text


@pytest.mark.parametrize(
    "packing",
    [
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "gzip", "chunks": (2,)},
        {"compression": "lzf"},
        {"compression": "lzf", "shuffle": True, "fletcher32": True},
        {"fletcher32": True},
        {"chunks": (3,)},
    ],
)
def test_sound_pieces_are_read_however_they_are_packed(packing, tmp_path):
    def change(file):
        for path in ("matrix/data", "matrix/indices", "matrix/indptr", "ids", "metadata/arm"):
            place = f"sample/{path}"
            values, kind = file[place][...], file[place].dtype
            del file[place]
            ways = {"chunks": values.shape} | packing
            if kind.kind == "O":
                ways.pop("fletcher32", None)
            file.create_dataset(place, data=values, dtype=kind, **ways)

    path = tmp_path / "a.biom"
    path.write_bytes(biom_hdf5(change))
    study = an.read_study(path)
    assert np.array_equal(study.counts.toarray(), COUNTS)
    assert study.metadata["arm"].tolist() == ["drug", "none", "drug"]


@pytest.mark.parametrize(
    "path", ["sample/ids", "observation/ids", "sample/matrix/data", "sample/metadata/arm"]
)
@pytest.mark.parametrize(
    "kind",
    [
        h5py.ref_dtype,
        h5py.vlen_dtype(np.int32),
        np.dtype(("i4", (3,))),
        np.dtype([("a", "i4")]),
        np.dtype("V4"),
    ],
)
def test_values_that_are_neither_numbers_nor_text(path, kind, tmp_path):
    def change(file):
        shape = file[path].shape
        del file[path]
        file.create_dataset(path, shape, kind)

    assert path in refused(an.read_study, tmp_path / "a.biom", biom_hdf5(change))
