"""Diversity within samples and between them, at full depth and rarefied."""
