"""A little shop on the web."""
