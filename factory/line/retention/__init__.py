"""Retention: what was finished long ago leaves the tree, and stays in history."""
