"""Tests that follow the design, and how much of the variation lies where."""
