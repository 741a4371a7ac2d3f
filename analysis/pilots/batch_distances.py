"""Bray-Curtis distances of many simulated tables at once."""

from __future__ import annotations

import numpy as np

_REPLICATES = 32  # tables side by side: their 16-bit counts then fill whole cache lines
_BLOCK = 32  # taxa at a time, so that a block stays in the second-level cache


def bray_curtis_batch(counts: np.ndarray) -> np.ndarray:
    """Compute the Bray-Curtis distances within each of many tables of reads.

    Parameters
    ----------
    counts : numpy.ndarray of uint16, shape (n_replicates, n_samples, n_taxa)
        Reads; no sample may be empty, and none may hold more than 65,535 reads.

    Returns
    -------
    numpy.ndarray of float32, shape (n_replicates, n_samples, n_samples)

    Notes
    -----
    With a and b the reads of two samples, the distance is ``1 - 2 sum(min(a, b)) / (sum(a) + sum(b))`` (Bray
    and Curtis 1957, doi:10.2307/1942268). Minima and sums of whole numbers are exact in 16 bits and are taken
    for many tables side by side; the result does not depend on how tables are grouped.
    """
    counts = np.asarray(counts)
    out = np.empty((counts.shape[0], counts.shape[1], counts.shape[1]), dtype=np.float32)
    for start in range(0, len(counts), _REPLICATES):
        part = counts[start : start + _REPLICATES]
        out[start : start + _REPLICATES] = _distances(part)
    return out


def _distances(counts: np.ndarray) -> np.ndarray:
    n_tables, n, n_taxa = counts.shape
    totals = counts.sum(axis=2, dtype=np.int64)
    half = n // 2
    # Samples stand twice in a row, so that one shift pairs every sample with the one `shift` places on.
    doubled = np.empty((n_taxa, 2, n, n_tables), dtype=np.uint16)
    doubled[:, 0] = counts.transpose(2, 1, 0)
    doubled[:, 1] = doubled[:, 0]
    doubled = doubled.reshape(n_taxa, 2 * n * n_tables)
    width = n * n_tables
    shared = np.zeros((half + 1, width), dtype=np.uint16)
    buffer = np.empty((_BLOCK, width), dtype=np.uint16)
    added = np.empty(width, dtype=np.uint16)
    for first in range(0, n_taxa, _BLOCK):
        block = doubled[first : first + _BLOCK]
        minima = buffer[: len(block)]
        for shift in range(1, half + 1):
            np.minimum(block[:, :width], block[:, shift * n_tables : shift * n_tables + width], out=minima)
            np.add.reduce(minima, axis=0, dtype=np.uint16, out=added)
            shared[shift] += added
    rows = np.arange(n)
    out = np.zeros((n_tables, n, n), dtype=np.float32)
    for shift in range(1, half + 1):
        others = (rows + shift) % n
        both = totals + totals[:, others]
        distance = 1 - 2.0 * shared[shift].reshape(n, n_tables).T / both
        out[:, rows, others] = distance
        out[:, others, rows] = distance
    return out
