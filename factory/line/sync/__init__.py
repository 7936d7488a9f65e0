"""Sync: one queue in many clones, by way of a git remote."""
