"""Egress: the one way out of a sandbox that has no network, to the hosts of a list."""
