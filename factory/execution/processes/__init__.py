"""Processes: one process, held to its limits."""
