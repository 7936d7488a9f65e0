"""Collect: what came of the runs that have ended is checked, brought into this clone and written down."""
