"""A worker that repairs a Python program by searching for the one edit that makes its tests pass."""
