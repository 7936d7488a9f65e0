"""Serve: what shows the views while they change."""
