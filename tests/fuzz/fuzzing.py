"""A damaged file for each format, seed and number; the three together always make the same bytes."""

from __future__ import annotations

import lzma
from random import Random

from hostile_archives import entries_of, hostile_gzip, hostile_zip, xz
from hostile_hdf5 import hostile_hdf5
from hostile_r import hostile_r
from hostile_text import hostile_json, hostile_newick, hostile_toml
from mutations import BYTES, TEXT, Mutation
from sound_files import FORMATS, ROOT, original, packed, zipped

# what is done to a file of each nature, beside the damage to its bytes
KNOWING: dict[str, list[Mutation]] = {
    "text": TEXT,
    "json": [hostile_json],
    "newick": [hostile_newick],
    "toml": [hostile_toml, hostile_toml, *TEXT],
    "hdf5": [hostile_hdf5],
    "r": [hostile_r],
    "npy": [],
    "gzip": [hostile_gzip],
    "xz": [hostile_gzip],
    "zip": [hostile_zip],
}
_SHARE_KNOWING = 0.6
_SHARE_INNER = 0.5
_LARGEST = (
    2 * 2**20
)  # bytes: limits hold for files as small as these; a larger one may take more in proportion


def damaged(name: str, seed: int, number: int) -> bytes:
    """Return the bytes of one damaged file.

    Parameters
    ----------
    name : str
        One of `FORMATS`.
    seed, number : int
        The run, and the file in it.
    """
    rng = Random(f"{name}/{seed}/{number}")
    content, kind = original(name), FORMATS[name]
    if not kind.inner:
        return _changed(content, kind.nature, rng)
    if kind.nature == "xz":
        content = lzma.decompress(content)
    inner = rng.random() < _SHARE_INNER
    if kind.nature == "zip":
        return _inside(content, kind.inner, rng) if inner else _changed(content, "zip", rng)
    if inner:
        changed = _changed(content, kind.inner, rng)
        return packed(changed) if kind.nature == "gzip" else xz(changed)
    if rng.random() < 0.5:
        return hostile_gzip(content, rng)
    return _changed(packed(content), "", rng)


def _changed(content: bytes, nature: str, rng: Random) -> bytes:
    """Damage once, mostly; damage that leaves nothing over is the last."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        knowing = KNOWING.get(nature) if rng.random() < _SHARE_KNOWING else None
        if not content:
            break
        content = rng.choice(knowing or BYTES)(content, rng)[:_LARGEST]
        if nature in ("zip", "hdf5"):  # these write the file afresh, from a sound one
            break
    return content


def _inside(content: bytes, nature: str, rng: Random) -> bytes:
    """Damage the file that a zip file carries, and pack it soundly again."""
    entries = entries_of(content)
    places = [k for k, (path, _) in enumerate(entries) if path.startswith(f"{ROOT}/data/")]
    k = rng.choice(places or range(len(entries)))
    path, inner = entries[k]
    entries[k] = (path, _changed(inner, nature, rng))
    return zipped(entries)
