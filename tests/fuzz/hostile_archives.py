"""Hostile zip and gzip files: lying sizes, bombs, names that climb out, links, thousands of members."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import zipfile
import zlib
from functools import cache
from random import Random

from sound_files import ROOT, WHEN, packed, zipped

_CENTRAL, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_NAMES = [
    "../evil", "/etc/evil", "C:\\evil", "a/../../evil", "..\\evil", "", "/", ".", "a" * 60_000, "\0", "a\0b",
    "con",
    f"{ROOT}/data/", f"{ROOT}/data/second.tsv", f"{ROOT}/metadata.yaml", "metadata.yaml",
    "other/metadata.yaml",
    f"{ROOT}/data/./x", f"{ROOT}//data/x", "xl/workbook.xml", "header.npy", "\U0001f600",
]  # fmt: skip
_YAML = [
    b"", b"type: [1]", b"type: " + b"[" * 900, b"!!python/object/apply:os.system ['true']", b"type: &a [*a]",
    b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\ntype: *c", b"- type", b"type: 2026-01-01",
    b"\xff\xfe",
    b"type: !!binary AAAA", b"x" * 2_000, b"type: '", b"? {a: 1}\n: type", b"type: " + b"{a: " * 200,
    b"type: \0",
    b"type: Visualization", b"type: FeatureTable[Frequency]", b"%YAML 9.9\n---\ntype: x", b"type: 1e999",
    b"<<: 1",
]  # fmt: skip


@cache
def bomb(pattern: bytes, size: int, packing: str) -> bytes:
    """Return a packed stream that unpacks to a pattern over and over."""
    squeezer = {
        "gzip": lambda: zlib.compressobj(9, zlib.DEFLATED, 31),
        "deflate": lambda: zlib.compressobj(9, zlib.DEFLATED, -15),
        "bzip2": bz2.BZ2Compressor,
        "xz": lambda: lzma.LZMACompressor(preset=0),
    }[packing]()
    if packing == "bzip2":
        size = min(size, 2**21)  # which takes as long to pack as ten times as much does elsewhere
    piece = pattern * (2**16 // len(pattern))
    parts = [squeezer.compress(piece) for _ in range(size // len(piece))]
    return b"".join(parts) + squeezer.flush()


def xz(content: bytes) -> bytes:
    """Pack quickly."""
    return lzma.compress(content, preset=0)


_PATTERNS = [b"\0", b"\n", b"0\t", b"ab\tc\n", b"#\n", b"(", b"[", b'"\n', b"a,", b"s1\t0\t1\n"]
_SIZES = [2**18] * 12 + [2**20] * 6 + [8 * 2**20]  # bytes; the largest take their time


def hostile_gzip(content: bytes, rng: Random) -> bytes:
    """Damage or replace a packed stream: bombs, several streams, none, twice packed, wrong trailers."""
    good = packed(content)
    match rng.randrange(9):
        case 0:
            size = rng.choice(_SIZES)
            return bomb(rng.choice(_PATTERNS), size, rng.choice(["gzip", "bzip2", "xz"]))
        case 1:
            return good + bomb(rng.choice(_PATTERNS), rng.choice(_SIZES), "gzip")
        case 2 if rng.random() < 0.1:
            return bomb(b"0\t0\n", 70 * 2**20, rng.choice(["gzip", "xz"]))
        case 3:
            return good * rng.choice([2, 3, 500])
        case 4:
            return rng.choice([packed, bz2.compress, xz])(good)
        case 5:
            return good + rng.choice([b"x", b"\0" * 100, b"\x1f\x8b", content])
        case 6:
            return good[:-8] + rng.randbytes(8)
        case 7:
            return rng.choice([bz2.compress, xz])(content)[: -rng.randint(1, 30)]
        case _:
            return good[:3] + bytes([rng.randrange(256)]) + rng.randbytes(rng.choice([0, 6])) + good[4:]


def entries_of(content: bytes) -> list[tuple[str, bytes]]:
    """Return the names and contents of a sound zip file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(entry.filename, archive.read(entry)) for entry in archive.infolist()]


def hostile_zip(content: bytes, rng: Random) -> bytes:
    """Write the members again with something wrong, or patch the headers of the zip file."""
    return rng.choice([_other_members, _other_members, _patched, _patched, _odd_entry])(content, rng)


def _other_members(content: bytes, rng: Random) -> bytes:
    entries = entries_of(content)
    k = rng.randrange(len(entries))
    name, inner = entries[k]
    match rng.randrange(9):
        case 0:
            entries.insert(k, (rng.choice(_NAMES), b"x"))
        case 1:
            entries[k] = (rng.choice(_NAMES), inner)
        case 2:
            entries.append(entries[k])
        case 3:
            del entries[k]
        case 4:
            entries[k] = (name, rng.choice([b"", content, zipped([("a", content)])]))
        case 5:
            entries = [(path, rng.choice(_YAML) if path.endswith("yaml") else data) for path, data in entries]
        case 6 if rng.random() < 0.3:
            entries += [(f"{ROOT}/provenance/{n}", b"") for n in range(rng.choice([500, 3_000]))]
        case 7:
            entries = [(path.replace(ROOT, rng.choice(["", "other", "..", "a/b"])), x) for path, x in entries]
        case _:
            rng.shuffle(entries)
    return zipped(entries)


def _patched(content: bytes, rng: Random) -> bytes:
    """Change one field of a local header, of the directory or of its end."""
    place = rng.choice([m.start() for m in re.finditer(b"PK(?:\x01\x02|\x03\x04|\x05\x06)", content)])
    kind = content[place : place + 4]
    # the places of version, flags, method, checksum, sizes, lengths and offsets, and how many bytes they take
    fields = {
        _LOCAL: [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
        _CENTRAL: [(6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2),
        (42, 4)],
        _END: [(4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    }[kind]  # fmt: skip
    offset, width = rng.choice(fields)
    top = 256**width - 1
    value = rng.choice([0, 1, 8, 9, 12, 14, 99, top, top // 2, rng.randint(0, top)])
    data = bytearray(content)
    data[place + offset : place + offset + width] = value.to_bytes(width, "little")
    return bytes(data)


def _odd_entry(content: bytes, rng: Random) -> bytes:
    """Write one member as a bomb, a symbolic link, encrypted, or by another method."""
    entries = entries_of(content)
    k = rng.randrange(len(entries))
    kind = rng.choice(["bomb", "bomb", "link", "encrypted", "method", "comment", "extra"])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for n, (name, inner) in enumerate(entries):
            entry = zipfile.ZipInfo(name, WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if n == k and kind == "link":
                entry.external_attr = 0o120777 << 16
            elif n == k and kind == "method":
                entry.compress_type = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
            elif n == k and kind == "comment":
                entry.comment = b"x" * 60_000
            elif n == k and kind == "extra":
                entry.extra = struct.pack("<HH", 1, rng.choice([0, 8, 24])) + rng.randbytes(8)
            archive.writestr(entry, b"/etc/passwd" if n == k and kind == "link" else inner)
    data = stream.getvalue()
    if kind == "encrypted":
        return data.replace(_CENTRAL + data[data.find(_CENTRAL) + 4 :][:4], _CENTRAL + b"\x14\0\x14\0\x01", 1)
    return _bombed(entries, k, rng) if kind == "bomb" else data


def _bombed(entries: list[tuple[str, bytes]], k: int, rng: Random) -> bytes:
    """Put a packed bomb in the place of one member, with its honest size or a lie."""
    pattern, size = rng.choice(_PATTERNS), rng.choice(_SIZES)
    packed = bomb(pattern, size, "deflate")
    told = rng.choice([size // 2**16 * (2**16 // len(pattern) * len(pattern)), 100, 2**31, 2**32 - 2])
    parts, directory = [], []
    for n, (name, inner) in enumerate(entries):
        raw, length = (packed, told) if n == k else (inner, len(inner))
        method = 8 if n == k else 0
        fields = struct.pack("<HHHHHIII", 20, 0, method, 0, 0x21, zlib.crc32(inner), len(raw), length)
        sizes = struct.pack("<HH", len(name.encode()), 0)
        where = sum(map(len, parts))
        parts.append(_LOCAL + fields + sizes + name.encode() + raw)
        tail = struct.pack("<HHHII", 0, 0, 0, 0, where)
        directory.append(_CENTRAL + b"\x14\0" + fields + sizes + tail + name.encode())
    body, index = b"".join(parts), b"".join(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(index), len(body), 0)
    return body + index + _END + end
