"""News of a pass as it happens: one line an event, with the time."""

import sys
from datetime import datetime

import click

from factory.cli.text import lane_word, safe
from factory.model.errors import Problem
from factory.model.lifecycle import Lane


class News:
    """Prints events, and each problem once until it changes."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __call__(self, item_id: str, text: str) -> None:
        """One event of one item, or of none."""
        clock = click.style(f"{datetime.now():%H:%M:%S}", dim=True)
        shown = safe(text)
        lane = next((lane for lane in Lane if f"-> {lane}" in shown), None)
        if lane is not None and sys.stdout.isatty():
            shown = shown.replace(f"-> {lane}", f"-> {lane_word(lane)}", 1)
        click.echo(f"{clock} {item_id}: {shown}" if item_id else f"{clock} {shown}")

    def problems(self, found: tuple[Problem, ...]) -> None:
        """What is wrong with files; they stay where they are."""
        texts = {str(problem) for problem in found}
        for text in sorted(texts - self._said):
            click.echo(safe(text), err=True)
        self._said = texts
