"""Measurements of what the factory costs, each beside what a person would do without it."""
