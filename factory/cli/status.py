"""`factory status`: the queue at a glance; what was said last is said again where nothing changed since."""

import importlib
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from factory.cli.text import lane_word, table
from factory.line.lock import holder
from factory.model.lifecycle import Lane
from factory.model.moments import ago, moment_of
from factory.model.text import one_line, printable
from factory.report.status_row import REMEMBERED_MOST, LastStatus, ShownRow
from factory.store.repository.repository import Repository
from factory.store.standstill import remembered, sight_of
from factory.store.state import STATUS

_WHOLE = "factory.cli.whole_status"  # which loads all that a look at the queue needs
_MOST_MARKED = 20  # items of which the marks are told in words
_NOBODY = "none is running; factory tick makes one pass"


@click.command("status")
@click.option("-w", "--watch", is_flag=True, help="Show it anew every two seconds, until ^C.")
@click.option("--branches", is_flag=True, help="Name only the branches to push: the factory's, and another target.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status_command(as_json: bool, watch: bool, branches: bool) -> None:
    """Say what is where, since when, and waiting for what."""
    if branches:
        importlib.import_module(_WHOLE).show_branches(as_json)
        return
    if watch:
        importlib.import_module(_WHOLE).watch()
        return
    with closing(Repository(Path.cwd())) as opened:
        last = remembered(opened.state / STATUS, LastStatus, REMEMBERED_MOST)
        now = opened.system.now()
        if last and not as_json and last.lasts(sight_of(opened, last), now) and holder(opened.state) is None:
            heading(last.rows, last.done_today, last.branch)
            alarms(last.alarms)
            rows_table(last.rows, now)
            marks(last.rows)
            return
    importlib.import_module(_WHOLE).show(as_json)


def heading(rows: Iterable[ShownRow], done_today: int, branch: str, orchestrator: str = "") -> None:
    """Print how many items are in each lane, and who moves them."""
    lanes = [row.lane for row in rows]
    counts = "  ".join(lane_word(lane, f"{lanes.count(lane)} {lane}") for lane in Lane if lane is not Lane.DONE)
    click.echo(f"{counts}  {lane_word(Lane.DONE, f'{done_today} done today')}   (branch {branch})")
    click.echo(f"orchestrator: {orchestrator or _NOBODY}")


def alarms(said: Iterable[str]) -> None:
    """Print what keeps items from starting or proving anything."""
    for each in said:
        click.echo(click.style(printable(each), fg="red"))


def rows_table(rows: Sequence[ShownRow], now: datetime, most: int | None = None) -> None:
    """Print a row for each open item, at most so many; nothing when there is none. Marks get a column if needed."""
    lanes = {lane.value: lane_word(lane) for lane in Lane}
    marked = any(row.marks for row in rows)
    shown = [
        (row.id, lanes[row.lane], row.state, ago(_since(row), now))
        + ((_kinds(row),) if marked else ())
        + (printable(row.title), one_line(row.note))
        for row in rows
    ]
    if shown:
        table(shown, ("ITEM", "LANE", "STATE", "FOR", *(["MARK"] if marked else []), "TITLE", "WHY"), most)


def _kinds(row: ShownRow) -> str:
    return ", ".join(kind for kind, _ in row.marks) or "-"


def marks(rows: Iterable[ShownRow]) -> None:
    """Print of each item that only pretends to move why that is, and what a person could do; of so many at most."""
    marked = [row for row in rows if row.marks]
    for row in marked[:_MOST_MARKED]:
        for kind, said in row.marks:
            click.echo(f"{click.style(f'{row.id} {kind}', fg='yellow')}: {printable(said)}")
    if len(marked) > _MOST_MARKED:
        click.echo(f"and {len(marked) - _MOST_MARKED} more; factory why ID tells of each")


def _since(row: ShownRow) -> datetime | None:
    return None if row.since is None else moment_of(row.since)
