"""Heaps of strings in HDF5: the sound ones pass, those that would be walked for ever do not."""

import struct

import pytest

import analysis as an
from analysis.errors import ReadError
from analysis.readers.hdf5_heaps import check_heaps


@pytest.fixture
def content(hdf5):
    return hdf5().read_bytes()


def heap_objects(content):
    """Return the places of the objects of the first heap."""
    start = content.find(b"GCOL\x01")
    size = struct.unpack_from("<Q", content, start + 8)[0]
    place, places = start + 16, []
    while place + 16 <= start + size:
        index, _, length = struct.unpack_from("<HH4xQ", content, place)
        places.append((place, index))
        place += length if index == 0 else 16 + (length + 7) // 8 * 8
    return places


def test_a_sound_file_passes(content):
    assert content.count(b"GCOL\x01") >= 1
    check_heaps(content, "t.biom")


@pytest.mark.parametrize("length", [0, 8, 2**40, 2**64 - 8])
def test_room_of_impossible_size_is_refused(content, write, length):
    room = next(place for place, index in heap_objects(content) if index == 0)
    damaged = bytearray(content)
    struct.pack_into("<Q", damaged, room + 8, length)
    with pytest.raises(ReadError, match="do not add up"):
        check_heaps(bytes(damaged), "t.biom")
    with pytest.raises(ReadError, match="do not add up"):
        an.read_study(write("t.biom", bytes(damaged)))


@pytest.mark.parametrize("length", [2**20, 2**63, 2**64 - 1])
def test_a_string_of_impossible_size_is_refused(content, length):
    first = next(place for place, index in heap_objects(content) if index)
    damaged = bytearray(content)
    struct.pack_into("<Q", damaged, first + 8, length)
    with pytest.raises(ReadError, match="do not add up"):
        check_heaps(bytes(damaged), "t.biom")


def test_a_heap_over_the_end_of_the_file_is_refused(content):
    start = content.find(b"GCOL\x01")
    with pytest.raises(ReadError, match="reaches over the end"):
        check_heaps(content[: start + 40], "t.biom")
    with pytest.raises(ReadError, match="cut off"):
        check_heaps(content[: start + 10], "t.biom")


def test_other_sizes_of_addresses_are_refused(content):
    damaged = bytearray(content)
    damaged[13] = 4
    with pytest.raises(ReadError, match="not of 8 bytes"):
        check_heaps(bytes(damaged), "t.biom")
    with pytest.raises(ReadError, match="not of 8 bytes"):
        check_heaps(content[:12], "t.biom")
