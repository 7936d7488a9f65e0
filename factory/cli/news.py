"""News of a pass as it happens: one line an event, with the time."""

import shutil
import sys
import time
from datetime import datetime

import click

from factory.cli.say import say
from factory.cli.text import lane_word
from factory.line.crew import Crew
from factory.model.base import printable
from factory.model.errors import Problem
from factory.model.lifecycle import Lane


class News:
    """Prints events, and each problem once until it changes."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._transient = False

    def __call__(self, item_id: str, text: str) -> None:
        """One event of one item, or of none."""
        self._clear()
        clock = click.style(f"{datetime.now():%H:%M:%S}", dim=True)
        shown = printable(text)
        lane = next((lane for lane in Lane if f"-> {lane}" in shown), None)
        if lane is not None and sys.stdout.isatty():
            shown = shown.replace(f"-> {lane}", f"-> {lane_word(lane)}", 1)
        say(f"{clock} {item_id}: {shown}" if item_id else f"{clock} {shown}")

    def waiting(self, crew: Crew) -> None:
        """Who is at work and for how long; on a terminal only, in a line that the next news replaces."""
        if sys.stdout.isatty():
            now = time.monotonic()
            names = [f"{item_id} {now - running.since:.0f} s" for item_id, running in crew.running.items()]
            text = f"at work: {', '.join(names) or 'checks'}"
            self._transient = True
            say(f"\r\x1b[K{click.style(text[: shutil.get_terminal_size().columns - 1], dim=True)}", nl=False)

    def _clear(self) -> None:
        if self._transient:
            say("\r\x1b[K", nl=False)
            self._transient = False

    def problems(self, found: tuple[Problem, ...]) -> None:
        """What is wrong with files; they stay where they are."""
        self._clear()
        texts = {str(problem) for problem in found}
        for text in sorted(texts - self._said):
            say(printable(text), err=True)
        self._said = texts
