"""News of a pass as it happens: one line an event, with the time."""

import shutil
import sys
from typing import assert_never

import click

from factory.cli.job_log import job_log
from factory.cli.markdown import code
from factory.cli.say import say
from factory.cli.text import lane_word
from factory.line.runs import Runs
from factory.model.errors import Problem
from factory.model.events import BreakerChanged, ComesDue, Happening, Noticed, Recorded, TookIn
from factory.model.journal import Entry
from factory.model.lifecycle import Event
from factory.model.moments import rfc3339
from factory.model.text import printable
from factory.report.journal_words import why
from factory.store.system import MACHINE

_PATIENCE_S = 2.0  # before a pipe is told what is waited for
_AGAIN_S = 60.0
_LONGEST = 160  # characters of a reason


class News:
    """Prints events, and each problem once until it changes."""

    def __init__(self, *, err: bool = False) -> None:
        self._err = err  # for a command whose output is for programs
        self._said: set[str] = set()
        self._transient = False
        self._awaited = ("", 0.0, 0.0)  # what is waited for, since when, and when that was said

    def __call__(self, happening: Happening) -> None:
        """Print what happens to one item, or to none."""
        self._clear()
        clock = click.style(f"{MACHINE.now().astimezone():%H:%M:%S}", dim=True)
        item_id, shown = in_words(happening, coloured=self._seen)
        if isinstance(happening, Recorded):
            job_log().note("What moved", f"{code(item_id)}: {code(in_words(happening)[1])}")
        say(f"{clock} {item_id}: {shown}" if item_id else f"{clock} {shown}", err=self._err)

    @property
    def _seen(self) -> bool:
        """Whether somebody watches it."""
        return (sys.stderr if self._err else sys.stdout).isatty()

    def waiting(self, runs: Runs) -> None:
        """What is waited for; on a terminal in a line that the next news replaces, else once and every minute."""
        now = MACHINE.monotonic()
        if self._seen:
            text = f"waiting for {_awaited(runs, now)}"
            self._transient = True
            shown = click.style(text[: shutil.get_terminal_size().columns - 1], dim=True)
            say(f"\r\x1b[K{shown}", nl=False, err=self._err)
            return
        awaited, (before, since, said) = _awaited(runs), self._awaited
        if awaited != before:
            since, said = now, 0.0
        if now - since >= _PATIENCE_S and (not said or now - said >= _AGAIN_S):
            self(Noticed(f"waiting for {_awaited(runs, now)}"))
            said = now
        self._awaited = awaited, since, said

    def _clear(self) -> None:
        if self._transient:
            say("\r\x1b[K", nl=False, err=self._err)
            self._transient = False

    def problems(self, found: tuple[Problem, ...]) -> None:
        """What is wrong with files; they stay where they are."""
        self._clear()
        texts = {str(problem) for problem in found}
        for problem in sorted(each for each in set(found) if str(each) not in self._said):
            job_log().problem(problem, err=True)
        self._said = texts


def in_words(happening: Happening, *, coloured: bool = False) -> tuple[str, str]:
    """(the item that it is about, or nothing; what happens) as people read it."""
    match happening:
        case Recorded(item_id, entry):
            return item_id, _move(entry, coloured=coloured)
        case TookIn(_, what):
            return "", printable(what)
        case BreakerChanged(of, state):
            return "", f"the breaker of the {of} is now {state}"
        case ComesDue(item_id, until):
            return item_id, f"comes due at {rfc3339(until)}, and is waited for"
        case Noticed(text, item_id):
            return item_id, printable(text)
        case _:
            assert_never(happening)


def _move(entry: Entry, *, coloured: bool) -> str:
    """A move in one line: from where to where, or to which end, and why."""
    if entry.event is Event.ADVANCE:
        return printable(why(entry)[:_LONGEST])  # it stays where it is
    to = lane_word(entry.to) if coloured and entry.outcome is None else str(entry.outcome or entry.to)
    run = f" (run {entry.run})" if entry.run else ""
    said = why(entry)
    reason = f": {printable(said[:_LONGEST])}" if said else ""
    return f"{entry.source or '-'} -> {to}{run}{reason}"


def _awaited(runs: Runs, now: float | None = None) -> str:
    """Who is at work and at what; for how long when there is a time."""
    under_way = [(item_id, running.since, "running") for item_id, running in list(runs.running.items())]
    under_way += [(batch[-1].item_id, recheck.since, "checking") for batch, recheck in list(runs.rechecking.items())]
    names = []
    for item_id, since, at in under_way:
        seconds = f", {now - since:.0f} s" if now is not None else ""
        names.append(f"{item_id} ({printable(runs.doing.get(item_id) or at)}{seconds})")
    return ", ".join(names + ["an apply command"] * bool(runs.applying)) or "what has ended to be taken in"
