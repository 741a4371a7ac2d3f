"""Bytes from disk: unpacked within limits, told apart by content, hashed as they lie there."""

import bz2
import gzip
import hashlib
import lzma
import os

import pytest

import analysis as an
from analysis.errors import ReadError
from analysis.readers import opening
from analysis.readers.opening import open_file, sniff


@pytest.mark.parametrize(
    ("pack", "packing"),
    [(bytes, ""), (gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz")],
)
def test_compression_is_found_by_content_and_the_checksum_is_of_the_file(write, classic, pack, packing):
    packed = pack(classic.encode())
    opened = open_file(write("anything.dat", packed))
    assert opened.content == classic.encode()
    assert opened.packing == packing
    assert opened.kind == "text"
    assert opened.sha256 == hashlib.sha256(packed).hexdigest()


def test_gzip_of_several_members_is_read_whole(write, classic):
    half = len(classic) // 2
    packed = gzip.compress(classic[:half].encode()) + gzip.compress(classic[half:].encode())
    assert open_file(write("two.gz", packed)).content == classic.encode()


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89HDF\r\n\x1a\n....", "hdf5"),
        (b"PK\x03\x04....", "zip"),
        (b' \n{"id": 1}', "json"),
        (b"\xef\xbb\xbf[1]", "json"),
        (b"RDX3\nX\n", "r"),
        (b"X\n\x00\x00\x00\x03", "r"),
        (b"(a,b);", "newick"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "excel"),
        (b"\xff\xfea\x00", "text"),
        (b"#OTU ID\ta", "text"),
        (b"\x93NUMPY\x01\x00", "binary"),
    ],
)
def test_content_is_told_apart_by_its_start(start, kind):
    assert sniff(start) == kind


def faults_of(path):
    with pytest.raises(ReadError) as caught:
        open_file(path)
    return str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_compressed_file_is_refused(write, classic, pack, share):
    packed = pack(classic.encode() * 50)
    text = faults_of(write("cut.gz", packed[: int(len(packed) * share)]))
    assert "truncated" in text or "damaged" in text
    assert "again" in text


def test_a_damaged_gzip_file_is_refused(write, classic):
    packed = bytearray(gzip.compress(classic.encode()))
    packed[-6] ^= 0xFF  # the checksum of the content
    assert "damaged" in faults_of(write("bad.gz", bytes(packed)))


def test_a_file_compressed_twice_is_refused(write, classic):
    assert "compressed twice" in faults_of(write("t.gz.gz", gzip.compress(gzip.compress(classic.encode()))))


def test_a_decompression_bomb_is_stopped_at_the_limit(write, monkeypatch):
    path = write("bomb.gz", gzip.compress(bytes(4_000_000)))
    monkeypatch.setattr(opening, "MAX_UNPACKED", 1_000_000)
    assert "unpacks to more than 1,000,000 bytes" in faults_of(path)


def test_a_small_file_may_not_unpack_to_far_more_than_deflate_can(write, monkeypatch):
    monkeypatch.setattr(opening, "_SMALL", 100_000)
    path = write("bomb.xz", lzma.compress(bytes(20_000_000)))
    assert "decompression bomb" in faults_of(path)


def test_a_file_over_the_limit_is_not_even_read(write, classic, monkeypatch):
    path = write("table.tsv", classic)
    monkeypatch.setattr(opening, "MAX_UNPACKED", 10)
    assert "at most 10" in faults_of(path)


@pytest.mark.parametrize("content", ["", " \n\n", b"\0\0\0"])
def test_an_empty_file_is_refused(write, content):
    assert "the file is empty" in faults_of(write("empty.tsv", content))


def test_a_missing_file_names_the_nearest_one(write, classic, tmp_path):
    write("table.tsv", classic)
    text = faults_of(tmp_path / "tabel.tsv")
    assert "no such file" in text
    assert "'table.tsv'" in text


def test_a_folder_names_its_files(write, classic, tmp_path):
    write("table.tsv", classic)
    text = faults_of(tmp_path)
    assert "folder" in text
    assert "'table.tsv'" in text


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "regular file" in faults_of(tmp_path / "pipe")


def test_a_pickle_is_never_opened(write, npy_trap):
    with pytest.raises(ReadError, match="no format that is read here"):
        an.read_study(write("table.npy", npy_trap))
