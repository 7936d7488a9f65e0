"""The audit: whether a history is one that the factory, keeping its own rules, could have made.

It reads commits, and beside them only the time and, for advice, this clone's reflog.
"""
