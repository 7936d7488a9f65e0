"""Missions under way: where they stand, what follows, and what their validators found."""
