"""Coding agents that are programs: a module for each, with its command line and what it prints; and what they share."""
