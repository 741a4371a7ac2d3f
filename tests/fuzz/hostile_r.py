"""Hostile R streams: lengths that lie, deep lists, circles, sequences written as three numbers."""

from __future__ import annotations

import struct
from random import Random

HEADER = b"X\n" + bytes.fromhex("00000003 00040200 00030500 00000005") + b"UTF-8"
_NULL, _REF, _LIST, _VECTOR, _TEXTS, _INTEGERS, _REALS = 0xFE, 0xFF, 0x02, 0x13, 0x10, 0x0D, 0x0E
_SYMBOL, _CHARACTERS, _ALTREP, _S4, _ENVIRONMENT = 0x01, 0x09, 0xEE, 0x19, 0x04
_LENGTHS = [-1, -2, 0, 1, 3, 255, 65_536, 10**6, 2**31 - 1, -(2**31)]
_FLAGS = [0, 0x100, 0x200, 0x400, 0x700]  # object, attributes, tag


def word(*numbers: int) -> bytes:
    """Write whole numbers as R does."""
    return b"".join(struct.pack(">I", number & 0xFFFFFFFF) for number in numbers)


def symbol(name: bytes) -> bytes:
    """Write a name."""
    return word(_SYMBOL, 0x40000 | _CHARACTERS, len(name)) + name


def altrep(name: bytes, state: bytes) -> bytes:
    """Write a vector in one of R's short forms."""
    about = word(_LIST) + symbol(name) + word(_LIST) + symbol(b"base") + word(_NULL)
    return word(_ALTREP) + about + state + word(_NULL)


def sequence(count: float, start: float = 1, step: float = 1) -> bytes:
    """Write a sequence as three numbers."""
    return altrep(b"compact_intseq", word(_REALS, 3) + struct.pack(">3d", count, start, step))


def hostile_r(content: bytes, rng: Random) -> bytes:
    """Replace lengths or types in a sound stream, or write a stream that is hostile from the start."""
    if rng.random() < 0.3 or len(content) < 2:
        return _written(rng)
    data = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(data) // 2) * 2
        match rng.randrange(5):
            case 0:
                new = word(rng.choice(_LENGTHS))
            case 1:
                new = word(rng.randrange(256) | rng.choice(_FLAGS))
            case 2:
                new = word(_REF | rng.randrange(6) << 8)
            case 3:
                new = data[(start := rng.randrange(len(data))) : start + rng.randint(1, 200)]
                data[place:place] = new
                continue
            case _:
                new = word(_NULL)
        data[place : place + len(new)] = new
    return bytes(data)


def _written(rng: Random) -> bytes:
    depth = rng.choice([10, 500, 3_000, 30_000])
    kinds = [_VECTOR, _TEXTS, _INTEGERS, _REALS, _CHARACTERS, 0x0A, 0x0F, 0x18, 0x14]
    match rng.randrange(9):
        case 0:
            body = word(_VECTOR, 1) * depth + word(_NULL)
        case 1:
            body = (word(_LIST) + word(_NULL)) * depth + word(_NULL)
        case 2:
            body = word(rng.choice(kinds) | rng.choice(_FLAGS), rng.choice(_LENGTHS)) + rng.randbytes(64)
        case 3:
            body = word(
                rng.choice(kinds), -1, *rng.choice([(0, 1), (0x7FFFFFFF, 0), (1, 0)])
            ) + rng.randbytes(8)
        case 4:
            count = rng.choice([3, -1, 1e6, 2e7, 4.9e7, 1e300, float("nan"), float("inf")])
            body = sequence(count, rng.choice([1, 1e300, float("nan")]), rng.choice([1, -1, 0]))
            body = word(_VECTOR, 40) + body * 40 if rng.random() < 0.3 else body
        case 5:
            name = rng.choice([b"deferred_string", b"wrap_real", b"wrap_string", b"mmap_real", b"x"])
            body = altrep(name, rng.choice([sequence(1e6), word(_NULL), word(_INTEGERS, 2, 1, 2)]))
            body = altrep(name, body) if rng.random() < 0.5 else body
        case 6:
            body = word(_ENVIRONMENT, 0) + word(_REF | 1 << 8) * 4
        case 7:
            body = word(_S4 | 0x200) + (word(_LIST | 0x400) + symbol(b"otu_table")) * min(depth, 2_000)
        case _:
            body = (
                word(_VECTOR | 0x200, 2) + word(_REF | 1 << 8) * rng.choice([1, 2, 9]) + word(_LIST | 0x400)
            )
    return HEADER + body
