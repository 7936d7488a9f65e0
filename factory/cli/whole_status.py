"""`factory status`, where something may have changed since it was asked last."""

import shutil
import sys
from datetime import datetime

import click

from factory.cli.session import reading, repository
from factory.cli.status import alarms, heading, marks, rows_table
from factory.cli.text import echo_json
from factory.model.text import counted, printable
from factory.report.status import Status, status, to_remember
from factory.report.status_row import shown
from factory.store.library import branches_of
from factory.store.standstill import remember, sight
from factory.store.state import STATUS
from factory.store.system import MACHINE

_EVERY_S = 2.0
_MOST_PROBLEMS = 20
_AROUND = 6  # lines of a screen that are not rows of the table


def show(as_json: bool) -> None:
    """Say it once, and leave it for the next time."""
    with reading() as (reader, snapshot):
        seen = sight(reader.repository, reader.branch, snapshot.policy.target_branch)
        if reader.repository.head(reader.branch) != snapshot.head:
            seen = ""  # it moved in between
        found = status(reader, snapshot)
        if (last := to_remember(reader, snapshot, found, seen)) is not None:
            remember(reader.repository.state / STATUS, last)
    if as_json:
        echo_json(found.as_json(reader.branch))
    else:
        _print(found, snapshot.now, reader.branch)


def show_branches(as_json: bool) -> None:
    """Name the branches to push."""
    with repository() as opened:
        found = branches_of(opened)
    if as_json:
        echo_json(list(found))
    else:
        click.echo("\n".join(found))


def watch() -> None:
    """Show it again and again, until ^C."""
    if not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal; a program asks for --json again and again")
    try:
        while True:
            with reading() as (reader, snapshot):
                found = status(reader, snapshot)
            click.clear()
            rows = max(1, shutil.get_terminal_size().lines - _AROUND - len(found.breakers) - len(found.canaries))
            _print(found, snapshot.now, reader.branch, rows)
            MACHINE.sleep(_EVERY_S)
    except KeyboardInterrupt:
        click.echo()


def _print(found: Status, now: datetime, branch: str, most: int | None = None) -> None:
    rows = tuple(map(shown, found.rows))
    heading(rows, found.done_today, branch, found.orchestrator)
    if found.busy:
        click.echo(click.style(f"waiting: {printable(found.busy)}; nothing moves until it is finished", fg="yellow"))
    alarms(found.alarms())
    rows_table(rows, now, most)
    if most is None:  # else there is no room
        marks(rows)
    shown_problems = found.problems[:_MOST_PROBLEMS] if most is None else ()
    for problem in shown_problems:
        click.echo(printable(str(problem)), err=True)
    if len(found.problems) > len(shown_problems) > 0:
        click.echo(f"and {len(found.problems) - len(shown_problems)} more", err=True)
    if found.problems:
        told = counted(len(found.problems), "problem")
        click.echo(f"{told}; factory check says what would be right", err=True)
