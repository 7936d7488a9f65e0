"""Marks: items that only pretend to move, each with its reason and the one thing that a person could do."""
