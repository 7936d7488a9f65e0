"""Agents: whoever works or reviews in a run."""
