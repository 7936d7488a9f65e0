"""Owns the lines on the screen that show that the worker is alive."""

import sys


def say(text: str) -> None:
    """Shows a line at once, even where the output goes to a file."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
