"""Leases of a clone that pushes each pass: renewed while it works, given up in time, and not served by late results."""
