"""Damage that needs no knowledge of a format: to bytes, and to the lines and cells of a text."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random], bytes]

SEPARATORS = (b"\t", b",", b";", b" ", b":", b"|")
TOKENS = [
    b"", b"0", b"-1", b"1.5", b"1e999", b"-1e999", b"nan", b"inf", b"NA", b"None", b"1_000", b"1,234",
    b"0x10",
    b"9007199254740993", b"9" * 5_000, b"1" + b"0" * 400, b"1e-400", b"-0", b"+5", b"5.", b".5", b"\xc2\xb2",
    b"\xd9\xa3", b"\xef\xbc\x95", b"TRUE", b"#OTU ID", b"taxonomy", b"sample-id", b"#q2:types", b"numeric",
    b"Genus",
    b"k__", b"D_99999999999__x", b";;;;",
    b'"', b'""', b"'", b"\xed\xa0\x80", b"\xff\xfe", b"\0", b"\xe2\x80\xa8",
    b"\x0b", b"\x1c", b"\x85", b"\xc2\x85", b"\xef\xbb\xbf", b"a", b"s1", b"x" * 100_000,
    b"9" * 100_000 + b"x", b"(" * 1_000,
    b"[[", b"{",
]  # fmt: skip
WORDS = [
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
]


def flip_bits(content: bytes, rng: Random) -> bytes:
    """Turn over one to eight bits."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def set_bytes(content: bytes, rng: Random) -> bytes:
    """Write other bytes over some."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data))
        data[place : place + 1] = rng.randbytes(1)
    return bytes(data)


def set_word(content: bytes, rng: Random) -> bytes:
    """Write an extreme whole number of one, two, four or eight bytes over another."""
    place = rng.randrange(len(content))
    width = rng.choice([1, 2, 4, 8])
    word = (rng.choice(WORDS) * 2)[:width]
    return content[:place] + word + content[place + width :]


def cut_out(content: bytes, rng: Random) -> bytes:
    """Take a stretch out."""
    place = rng.randrange(len(content))
    return content[:place] + content[place + rng.choice([1, 2, 8, 64, 512]) :]


def repeat(content: bytes, rng: Random) -> bytes:
    """Repeat a stretch, a few or many times, where it stands or elsewhere."""
    start = rng.randrange(len(content))
    stretch = content[start : start + rng.randint(1, 64)]
    place = rng.choice([start, rng.randrange(len(content))])
    return content[:place] + stretch * rng.choice([1, 1, 1, 2, 10, 200]) + content[place:]


def truncate(content: bytes, rng: Random) -> bytes:
    """Cut the end off."""
    return content[: rng.randrange(len(content))]


def insert(content: bytes, rng: Random) -> bytes:
    """Put something odd anywhere."""
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(TOKENS) + content[place:]


def swap_stretches(content: bytes, rng: Random) -> bytes:
    """Exchange two stretches."""
    a, b, c, d = sorted(rng.randrange(len(content) + 1) for _ in range(4))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


BYTES: list[Mutation] = [flip_bits, set_bytes, set_word, cut_out, repeat, truncate, insert, swap_stretches]


def _separator(content: bytes) -> bytes:
    return max(SEPARATORS[:3], key=content.count)


def change_lines(content: bytes, rng: Random) -> bytes:
    """Drop, repeat, exchange or shuffle lines."""
    lines = content.split(b"\n")
    k, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[k]
        case 1:
            lines[k:k] = [lines[other]] * rng.choice([1, 1, 1, 3, 30, 300])
        case 2:
            lines[k], lines[other] = lines[other], lines[k]
        case 3:
            rng.shuffle(lines)
        case _:
            lines[k:k] = [b""] * rng.choice([1, 30, 5_000])
    return b"\n".join(lines)


def change_cells(content: bytes, rng: Random) -> bytes:
    """Replace, empty, drop, repeat or exchange cells of one line."""
    separator = _separator(content)
    lines = content.split(b"\n")
    k = rng.randrange(len(lines))
    cells = lines[k].split(separator)
    a, b = rng.randrange(len(cells)), rng.randrange(len(cells))
    match rng.randrange(4):
        case 0 | 1:
            cells[a] = rng.choice(TOKENS)
        case 2:
            cells[a], cells[b] = cells[b], cells[a]
        case _:
            cells[a : a + rng.randrange(2)] = [cells[b]] * rng.choice([0, 1, 1, 2, 2, 1_000])
    lines[k] = separator.join(cells)
    return b"\n".join(lines)


def change_column(content: bytes, rng: Random) -> bytes:
    """Drop, repeat, replace or move a column, in all lines."""
    separator = _separator(content)
    rows = [line.split(separator) for line in content.split(b"\n")]
    width = max(map(len, rows))
    a, b = rng.randrange(width), rng.randrange(width)
    kind, token, times = rng.randrange(4), rng.choice(TOKENS), rng.choice([1, 1, 1, 2, 30, 300])
    for row in rows:
        if len(row) <= max(a, b):
            continue
        if kind == 0:
            del row[a]
        elif kind == 1:
            row[a:a] = [row[b]] * times
        elif kind == 2:
            row[a] = token
        else:
            row[a], row[b] = row[b], row[a]
    return b"\n".join(separator.join(row) for row in rows)


def change_encoding(content: bytes, rng: Random) -> bytes:
    """Write the text in another encoding, with another separator or other line ends."""
    text = content.decode("latin-1")
    match rng.randrange(8):
        case 0:
            return b"\xff\xfe" + text.encode("utf-16-le") + rng.choice([b"", b"\0", b"\0\xd8"])
        case 1:
            return b"\xfe\xff" + text.encode("utf-16-be")
        case 2:
            return b"\xef\xbb\xbf" + content
        case 3:
            return content.replace(b"a", b"\xe9")
        case 4:
            return content.replace(b"\n", rng.choice([b"\r", b"\r\n", b"\n\r", b"\x0b", b"\xe2\x80\xa8"]))
        case 5:
            return content.replace(_separator(content), rng.choice(SEPARATORS))
        case 6:
            return content.replace(b"1", rng.choice(["\u0661", "\uff11", "\xb2"]).encode())  # digits too
        case _:
            return text.encode("utf-32")


def grow(content: bytes, rng: Random) -> bytes:
    """Make one line or the number of lines, cells or quotes very large."""
    lines = content.split(b"\n")
    k = rng.randrange(len(lines))
    size = rng.choice([300] * 20 + [2_000] * 5 + [20_000] * 2 + [100_000])
    match rng.randrange(6):
        case 0:
            lines[k] += _separator(content) * size
        case 1:
            lines[k] += _separator(content).join(b"n%d" % n for n in range(size))
        case 2:
            lines[k] = rng.choice([b"x", b'"', b"'", b"#", b" ", b"_", b"("]) * size
        case 3:
            lines += [b"r%d" % n + lines[k][1:] for n in range(size // 20)]
        case 4:
            lines[k:k] = [rng.choice([b'"', b'a\t"b', b"#", b"# x\ty", b",", b"\t\t"])] * (size // 10)
        case _:
            lines = [line.replace(_separator(line), _separator(line) + b'"', 1) for line in lines]
    return b"\n".join(lines)


TEXT: list[Mutation] = [
    change_lines,
    change_cells,
    change_cells,
    change_column,
    change_column,
    change_encoding,
    grow,
]
