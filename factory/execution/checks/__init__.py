"""Checks: what proves a proposal."""
