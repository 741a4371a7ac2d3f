"""Reads drawn without replacement, one random stream a sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from analysis.errors import DepthError, Faults, ParameterError, TableError, one_fault

if TYPE_CHECKING:
    from analysis.study import Study

_BATCH = 100  # draws of one sample held at a time
_TABLES = 10  # rarefied tables of a whole study held at a time
_READS_PER_FEATURE = 10  # drawing one feature's marginal takes as long as drawing this many reads
_MOST_READS = 10**9  # numpy draws from fewer
_NAMED = 10


@dataclass(frozen=True)
class Stream:
    """One sample's reads, sorted by feature id, and the random numbers that are its own.

    Attributes
    ----------
    columns : numpy.ndarray of int, shape (n_features_of_the_sample,)
        Where its features stand in the table.
    reads : numpy.ndarray of int, shape (n_features_of_the_sample,)
        Their reads.
    generator : numpy.random.Generator
        Moved on by each draw.
    """

    columns: np.ndarray
    reads: np.ndarray
    generator: np.random.Generator


def open_streams(study: Study, depth: int, seed: int) -> Iterator[Stream]:
    """Open a stream for each sample.

    Parameters
    ----------
    study : Study
        Read counts.
    depth, seed : int
        Part of the random state.

    Yields
    ------
    Stream
        In the order of the samples. Its state is made of seed, depth and sample id, and its features are
        sorted by id: what is drawn does not depend on the order of samples or features, nor on what else is
        in the table.
    """
    rank = np.empty(study.shape[1], dtype=np.intp)
    rank[np.argsort(study.feature_ids.to_numpy())] = np.arange(study.shape[1])
    counts = study.counts
    for sample, start, stop in zip(study.sample_ids, counts.indptr[:-1], counts.indptr[1:], strict=True):
        columns = counts.indices[start:stop]
        order = np.argsort(rank[columns])
        key = int.from_bytes(hashlib.blake2b(sample.encode(), digest_size=16).digest(), "big")
        state = np.random.SeedSequence([int(seed), int(depth), key])
        yield Stream(
            columns[order], counts.data[start:stop][order], np.random.Generator(np.random.SFC64(state))
        )


def draw_reads(reads: np.ndarray, depth: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw reads from one sample without replacement, several times over.

    Parameters
    ----------
    reads : numpy.ndarray of int, shape (n_features,)
        Reads of each feature.
    depth : int
        Reads a draw.
    size : int
        Number of draws.
    generator : numpy.random.Generator
        Moved on by the draws.

    Returns
    -------
    numpy.ndarray of int64, shape (size, n_features)
        Each row sums to `depth`.

    Notes
    -----
    numpy shuffles reads ("count") or draws one hypergeometric number a feature ("marginals"). The first is
    quicker unless a sample has very many reads for its features. numpy itself draws the reads to leave out
    where they are the fewer.
    """
    total = int(reads.sum())
    shuffled = min(depth, total - depth) + total // _BATCH
    method = "count" if shuffled <= _READS_PER_FEATURE * len(reads) else "marginals"
    return generator.multivariate_hypergeometric(reads, depth, size=size, method=method)


def draws_of_sample(
    stream: Stream, depth: int, iterations: int, n_features: int
) -> Iterator[sparse.csr_array]:
    """Draw one sample again and again.

    Parameters
    ----------
    stream : Stream
        The sample.
    depth, iterations : int
        Reads a draw, and draws.
    n_features : int
        Columns of the tables.

    Yields
    ------
    scipy.sparse.csr_array of int, shape (n_draws, n_features)
        A row a draw, at most 100 in a table.
    """
    for start in range(0, iterations, _BATCH):
        draws = draw_reads(stream.reads, depth, min(_BATCH, iterations - start), stream.generator)
        rows, places = np.nonzero(draws)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(draws)))])
        yield sparse.csr_array(
            (draws[rows, places], stream.columns[places], indptr), shape=(len(draws), n_features)
        )


def rarefied_tables(study: Study, depth: int, iterations: int, seed: int) -> Iterator[sparse.csr_array]:
    """Rarefy a whole study again and again.

    Parameters
    ----------
    study : Study
        Read counts; every sample reaches `depth`.
    depth, iterations : int
        Reads a draw, and draws.
    seed : int
        As for `open_streams`.

    Yields
    ------
    scipy.sparse.csr_array of int, shape (n_samples, n_features)
        One rarefied table a turn; ten are held at once.
    """
    streams = list(open_streams(study, depth, seed))
    for start in range(0, iterations, _TABLES):
        size = min(_TABLES, iterations - start)
        draws = [draw_reads(stream.reads, depth, size, stream.generator) for stream in streams]
        for turn in range(size):
            kept = [draw[turn] > 0 for draw in draws]
            indices = [stream.columns[mask] for stream, mask in zip(streams, kept, strict=True)]
            data = [draw[turn][mask] for draw, mask in zip(draws, kept, strict=True)]
            indptr = np.concatenate([[0], np.cumsum([len(row) for row in indices])])
            yield sparse.csr_array((np.concatenate(data), np.concatenate(indices), indptr), shape=study.shape)


def deep_enough(study: Study, depth: int, *, drop_shallow: bool) -> Study:
    """Return the study with the samples that reach a depth, or say which do not.

    Parameters
    ----------
    study : Study
        Any study.
    depth : int
        Reads a sample.
    drop_shallow : bool
        Leave out the samples of fewer reads.

    Raises
    ------
    DepthError, TableError, ParameterError
        As for `analysis.rarefy`.
    """
    refuse_fractions(study)
    if not is_whole(depth) or depth < 1:
        raise one_fault(
            ParameterError,
            "depth",
            f"{depth!r} is no number of reads",
            expected="a whole number of 1 or more",
        )
    shallow = study.depths[study.depths < depth].sort_values()
    if shallow.empty:
        return study
    named = ", ".join(f"{name!r} ({reads:,})" for name, reads in shallow.head(_NAMED).items())
    rest = f" and {len(shallow) - _NAMED} more" if len(shallow) > _NAMED else ""
    everyone = len(shallow) == study.shape[0]
    if drop_shallow and not everyone:
        return study.select(samples=study.depths >= depth)
    raise one_fault(
        DepthError,
        study.source.name,
        f"{len(shallow)} of {study.shape[0]} samples have under {depth:,} reads and would go: {named}{rest}",
        expected=f"a depth of at most {shallow.iloc[-1] if everyone else study.depths.min():,} reads",
        remedy="choose a smaller depth" + ("" if everyone else ", or leave these out with drop_shallow=True"),
    )


def refuse_fractions(study: Study) -> None:
    """Raise `TableError` where there are no reads to draw from, or more than can be drawn from."""
    if study.kind == "fractions":
        raise one_fault(
            TableError,
            study.source.name,
            "rarefaction draws reads, and the table holds fractions",
            expected="read counts",
            remedy="give the raw counts",
        )
    if study.depths.max() >= _MOST_READS:
        raise one_fault(
            TableError,
            study.source.name,
            f"sample {study.depths.idxmax()!r} has {study.depths.max():,} reads",
            expected="fewer than a thousand million reads a sample, to draw from them",
        )


def check_draws(iterations: int, seed: int) -> None:
    """Raise `ParameterError` where the number of draws or the seed is no whole number in range."""
    faults = Faults("rarefaction", ParameterError)
    if not is_whole(iterations) or iterations < 1:
        faults.add(f"iterations={iterations!r}", expected="a whole number of draws, 1 or more")
    if not is_whole(seed) or seed < 0:
        faults.add(f"seed={seed!r}", expected="a whole number of 0 or more")
    faults.raise_if_any()


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number, of Python or numpy, and not True or False."""
    return isinstance(value, Integral) and not isinstance(value, bool)
