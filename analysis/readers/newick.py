"""Newick text into a phylogeny, token by token and without recursion."""

from __future__ import annotations

import re

import numpy as np

from analysis.errors import Faults, ReadError, listed
from analysis.readers.phylogeny import Phylogeny
from analysis.readers.text import decode

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>[(),;:])
      | (?P<comment>\[[^\]]*\])
      | (?P<quoted>'(?:[^']|'')*+'|"(?:[^"]|"")*+")
      | (?P<label>[^\s(),:;\[\]'"][^(),:;\[\]]*)
    )""",
    re.VERBOSE,
)
_NAMED = 5
_DEEPEST = 100_000


def parse_newick(content: bytes, subject: str) -> Phylogeny:
    """Parse one Newick tree.

    Parameters
    ----------
    content : bytes
        The text.
    subject : str
        The file's name.

    Returns
    -------
    Phylogeny
        The tree; quoted names are unquoted, comments in brackets are left out.

    Raises
    ------
    ReadError
        Where parentheses do not match, a branch length is no number, the closing ";" is missing or a second
        tree follows.

    Examples
    --------
    >>> tree = parse_newick(b"((a:1,'b c':2)x:3,d:4);", "example.nwk")
    >>> tree.names
    [None, 'x', 'a', 'b c', 'd']
    """
    text, _ = decode(content, subject)
    faults = Faults(subject, ReadError)
    builder = _Builder()
    place, ended = 0, False
    text = text.rstrip()
    while place < len(text) and not ended and not builder.problem:
        token = _TOKEN.match(text, place)
        if token is None:
            builder.problem = "an unclosed quote or bracket"
            break
        place = token.end()
        ended = builder.take(token)
    where = f"character {place}"
    if builder.problem:
        faults.add(builder.problem, where=where, expected="Newick such as ((a:1,b:2):1,c:3);")
    elif builder.depth != 0 or not ended:
        faults.add(
            f"the tree ends with {builder.depth} parentheses open"
            if builder.depth
            else "the closing ';' is missing",
            where=where,
            remedy="the file is truncated: download or copy it again",
        )
    elif text[place:].strip():
        faults.add("something follows the tree", where=where, expected="one tree in a file")
    if builder.wrong_lengths:
        faults.add(
            f"{len(builder.wrong_lengths)} branch length(s) are no numbers: "
            f"{listed(builder.wrong_lengths, _NAMED)}",
            expected="a finite number after each ':'",
        )
    if not faults and len(builder.parents) < 2:
        faults.add("the tree has no tips", expected="Newick such as ((a:1,b:2):1,c:3);")
    faults.raise_if_any()
    return Phylogeny(np.array(builder.parents), builder.names, np.array(builder.lengths, dtype=np.float64))


class _Builder:
    """Takes the tokens of a Newick tree one by one."""

    def __init__(self) -> None:
        self.parents: list[int] = [-1]
        self.names: list[str | None] = [None]
        self.lengths: list[float] = [np.nan]
        self.node = 0
        self.depth = 0
        self.problem = ""
        self.wrong_lengths: list[str] = []
        self._length_next = False
        self._closed = False  # the last token was ")": a label now names an inner node

    def take(self, token: re.Match[str]) -> bool:
        """Take one token; return True where it ends the tree."""
        kind, text = token.lastgroup, token[token.lastgroup or 0]
        if kind == "comment":
            return False
        if kind != "mark":
            self._label(text, quoted=kind == "quoted")
            return False
        if self._length_next:
            self.wrong_lengths.append("")
            self._length_next = False
        if text == "(":
            self._open()
            if self.depth > _DEEPEST:
                self.problem = f"more than {_DEEPEST:,} parentheses one inside the other"
        elif text == ",":
            if self.depth == 0:
                self.problem = "a comma outside of all parentheses"
            else:
                self._add(self.parents[self.node])
        elif text == ")":
            self.depth -= 1
            if self.depth < 0:
                self.problem = "a closing parenthesis without an opening one"
            else:
                self.node = self.parents[self.node]
                self._closed = True
        elif text == ":":
            self._length_next = True
        return text == ";"

    def _open(self) -> None:
        if self.names[self.node] is not None or self._closed:
            self.problem = "an opening parenthesis after a name"
            return
        self.depth += 1
        self._add(self.node)

    def _add(self, parent: int) -> None:
        self.parents.append(parent)
        self.names.append(None)
        self.lengths.append(np.nan)
        self.node = len(self.parents) - 1
        self._closed = False

    def _label(self, text: str, *, quoted: bool) -> None:
        if self._length_next:
            self._length_next = False
            try:
                self.lengths[self.node] = float(text)
            except ValueError:
                self.wrong_lengths.append(text)
            else:
                if not np.isfinite(self.lengths[self.node]):
                    self.wrong_lengths.append(text)
        elif self.names[self.node] is not None:
            self.problem = f"two names for one node: {self.names[self.node]!r} and {text[:40]!r}"
        elif quoted:
            self.names[self.node] = text[1:-1].replace(text[0] * 2, text[0])
        else:
            self.names[self.node] = text.strip()
