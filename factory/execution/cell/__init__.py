"""Cells: the bounded place of a run."""
