"""Hostile JSON, Newick and TOML: deep, contradictory, with numbers that no computer holds."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from random import Random

RAW = {  # texts that no JSON library writes, put in the place of a marker
    "@huge@": "9" * 5_000,
    "@infinite@": "1e999",
    "@nan@": "NaN",
    "@minus@": "-Infinity",
    "@deep@": "[" * 100_000 + "]" * 100_000,
    "@deep objects@": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "@shallow@": "[" * 200 + "]" * 200,
    "@open@": "[" * 100_000,
    "@surrogate@": '"\\ud800"',
    "@twice@": '{"id": "a", "id": "b"}',
}
VALUES = [
    None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, -(2**70), "", "0", "a", "x" * 100_000, [], {},
    [[]], [[0, 0]], [0, 0, 1], [[0, 0, "1"]], [[0, 0, None]], [[[1]]], {"id": "a"}, {"id": None}, {"id": [1]},
    {"taxonomy": {"a": 1}}, {"taxonomy": [[1], None]}, [10**9, 10**9], [2**40, 2], ["3", "2"], "sparse",
    "dense",
    "@near@", *RAW,
]  # fmt: skip


def hostile_json(content: bytes, rng: Random) -> bytes:
    """Replace, add, repeat or take out one to three values anywhere in a document."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):  # damaged before
        return content
    if rng.random() < 0.03:
        return _large(document, rng)
    for _ in range(rng.randint(1, 3)):
        _change_one(document, rng)
    text = json.dumps(document)
    if rng.random() < 0.1:  # the same key twice
        key = rng.choice(["shape", "data", "rows", "format", "matrix_type"])
        text = text.replace("{", f'{{"{key}": {json.dumps(deepcopy(rng.choice(VALUES)))}, ', 1)
    depth = rng.randint(200, 1_200)  # near what Python can nest, in one place of a reader or another
    text = text.replace('"@near@"', "[" * depth + "]" * depth)
    for marker, raw in RAW.items():
        text = text.replace(f'"{marker}"', raw)
    return text.encode()


def _change_one(document: dict, rng: Random) -> None:
    """Walk down a random way and change what is there."""
    node, inside = document, document
    while isinstance(inside, dict | list) and inside and (inside is document or rng.random() < 0.7):
        node = inside
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        inside = node[key]
    if not node:
        return
    kind = rng.randrange(10)
    if kind == 0:
        del node[key]
    elif kind == 1 and isinstance(node, list):
        node[key:key] = [node[key]] * rng.choice([1, 1, 1_000])
    elif kind == 2 and isinstance(node, dict):
        node[rng.choice(["", "taxonomy", "Kingdom", "Phylum", "Rank1", "x" * 1_000])] = deepcopy(
            rng.choice(VALUES)
        )
    else:
        node[key] = deepcopy(rng.choice(VALUES))


def _large(document: dict, rng: Random) -> bytes:
    """Many rows with next to no data, as a table of a shape that no memory holds when it is dense."""
    size = rng.choice([300] * 6 + [3_000] * 3 + [20_000])
    document["rows"] = [{"id": f"r{k}", "metadata": None} for k in range(size)]
    document["columns"] = [{"id": f"c{k}"} for k in range(rng.choice([2, size]))]
    document["shape"] = [len(document["rows"]), len(document["columns"])]
    return json.dumps(document).encode()


def hostile_newick(content: bytes, rng: Random) -> bytes:
    """Nest deeply, repeat, leave open; or replace a name or a length."""
    size = rng.choice([50] * 40 + [1_000] * 15 + [10_000] * 2 + [100_000])
    match rng.randrange(12):
        case 0:
            return b"(" * size + b"a" + b")" * rng.choice([size, size - 1, size + 1, 0]) + b";"
        case 1:
            return b"(" * size + b"a:1" + b":1)" * size + b";"
        case 2:
            return b"(a:1," * size + b"b:1" + b"):1" * size + b";"
        case 3:
            return b"(" + b",".join(b"t%d:1" % k for k in range(size // 2)) + b");"
        case 4:
            return b"(" + b"," * size + b");"
        case 5:
            return content.replace(b"a", rng.choice([b"x" * size, b"'" * size, b"[" * size, b"_" * size]), 1)
        case 6:
            return content.replace(b";", rng.choice([b"", b";;", b";" * size, b"[" + b"x" * size, content]))
        case 7:
            return content[:-1] + rng.choice([b":", b"'x", b'"', b"]", b"root", b":-1", b" "]) + b";"
        case 8:
            return b"(" + content[:-1] * rng.choice([1, 2, 100]) + b");"
        case 9:
            return b"(" * (size // 2) + content[:-1] + b":0.5)" * (size // 2) + b";"
        case _:
            lengths = [
                b"1e999",
                b"nan",
                b"-1",
                b"1e-999",
                b"1_0",
                b"",
                b"0x1p3",
                b"9" * 5_000,
                b"1e308",
                b"x",
                b"9" * 100_000 + b"x",
            ]
            numbers = list(re.finditer(rb":[\d.e-]+", content))
            if not numbers:
                return content
            found = rng.choice(numbers)
            return content[: found.start()] + b":" + rng.choice(lengths) + content[found.end() :]


DEEP_TOML = [
    b"[" * 100_000,
    b"[" * 150 + b"]" * 150,
    b"[" * 240 + b"]" * 240,
    b"[" * 3_000 + b"]" * 3_000,
    b"{a=" * 3_000 + b"1" + b"}" * 3_000,
]
TOML_VALUES = [
    *DEEP_TOML, b"9" * 5_000, b"1e999",
    b"-inf", b"nan", b"0xffffffffffffffffffffffff", b"0x" + b"f" * 5_000, b"1979-05-27T07:32:00Z",
    b"1979-13-45", b"2026-02-30", b"07:32:00",
    b"[]", b"{}", b'""', b'"x"', b"''", b"true", b"-1", b"0", b"1.5", b"[1, 'a', [2]]", b"[[1], {a = 1}]",
    b"[{}]",
    b"{a = 1, b = {c = []}}", b'"\\ud800"', b'"\\U0010FFFF"', b"[nan]", b"9" * 4_000, b"1" + b"0" * 400,
    b'["shannon"]',
    b'"higher"', b'"knowledge"', b'"' + b"x" * 100_000 + b'"', b'"a' + b" " * 100_000 + b'b"',
    b"[" + b"1," * 50_000 + b"]",
]  # fmt: skip


def hostile_toml(content: bytes, rng: Random) -> bytes:
    """Replace values, rename or repeat keys and tables, or nest them deeply."""
    entries = list(re.finditer(rb"(?m)^([\w.-]+ = )(.+)$", content))
    headings = list(re.finditer(rb"(?m)^\[+[^\]\n]+\]+$", content))
    kind = rng.randrange(10)
    if kind < 6 and entries:
        found = rng.choice(entries)
        return content[: found.start(2)] + rng.choice(TOML_VALUES) + content[found.end(2) :]
    found = rng.choice(headings or entries or [re.search(rb"", content)])
    start, end, text = found.start(), found.end(), found[0]
    match kind:
        case 6:
            new = rng.choice([b"[x]", b"[[x]]", b"[" + b"a." * 3_000 + b"a]", b"", b"[" * 5_000, b"[claims]"])
        case 7:
            new = text + b"\n" + rng.choice([b"a." * 3_000 + b"a", b"name", b"'' ", b"x"]) + b" = 1\n"
        case 8:
            new = text.replace(b"[", b"[[").replace(b"]", b"]]")
        case _:
            new = text + b"\n" + text
    return content[:start] + new + content[end:]
