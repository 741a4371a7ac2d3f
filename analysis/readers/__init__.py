"""Readers: public tables in the formats of the field, found by content and joined into a `Study`."""

from analysis.readers.assemble import read_study
from analysis.readers.distances import read_distances
from analysis.readers.lineages import read_taxonomy
from analysis.readers.metadata import read_metadata
from analysis.readers.tree import read_tree
from analysis.readers.vectors import read_alpha

__all__ = ["read_alpha", "read_distances", "read_metadata", "read_study", "read_taxonomy", "read_tree"]
