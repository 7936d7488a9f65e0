"""`factory archive`: what was finished long ago leaves the tree, and is found in history."""

import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import click

from factory.cli.interrupts import holding
from factory.cli.news import News
from factory.cli.say import say
from factory.cli.session import json_option, reading, repository
from factory.cli.text import echo_json
from factory.line.orchestrator import Orchestrator
from factory.line.retention.archive import Archivable, archivable, archive, finished_before
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.moments import day_of
from factory.model.text import counted, printable
from factory.store.system import MACHINE

_DAY = "%Y-%m-%d"
_MOST_STAYING = 20


@click.command("archive")
@click.option("--before", "before", type=click.DateTime([_DAY]), required=True, metavar="DATE", help="As 2026-11-21.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@json_option
def archive_command(before: datetime, dry_run: bool, as_json: bool) -> None:
    """Take what was finished before DATE out of the tree, in one commit.

    Items and artifacts stay in the branch's history; artifacts/archive/ has a line for each, by which `show`, `log`,
    `diff`, `revert` and `audit` find them.
    """
    day, today = f"{before:{_DAY}}", day_of(MACHINE.now())
    if day > today:
        raise UsageError(f"{day} is yet to come", f"factory archive --before {today}")
    commit, found = ("", _planned(day)) if dry_run else _archived(day, as_json)
    if as_json:
        items = [each.model_dump(mode="json") for each in found.items]
        staying = [{"id": item_id, "why": why} for item_id, why in found.staying.items()]
        echo_json({"before": day, "commit": commit or None, "items": items, "staying": staying})
    else:
        _print(found, day, commit)


def _planned(day: str) -> Archivable:
    with reading() as (reader, snapshot):
        return _looked(reader, snapshot, day)


def _archived(day: str, as_json: bool) -> tuple[str, Archivable]:
    """The commit, empty where there is nothing to archive, and what it takes out of the tree."""
    with repository() as opened:
        orchestrator = Orchestrator(opened, News(err=as_json))
        context = orchestrator.context

        def step(snapshot: Snapshot) -> tuple[str, Archivable]:
            found = _looked(context.reader, snapshot, day, orchestrator.raise_if_stopped)
            if found.items and sys.stderr.isatty():
                say(f"taking the files of {counted(len(found.items), 'item')} out of the tree", err=True)
            return archive(context, day, found.items) if found.items else "", found

        with holding(orchestrator):
            commit, found = orchestrator.at_head(step)
            if commit:
                orchestrator.tidy()
    return commit, found


def _looked(
    reader: SnapshotReader, snapshot: Snapshot, day: str, may_go_on: Callable[[], object] = lambda: None
) -> Archivable:
    """What can be archived; a terminal is shown how far that has been found out."""
    length, hidden = finished_before(reader, snapshot.tree, day), not sys.stderr.isatty()
    with click.progressbar(length=length, label="looking", file=sys.stderr, hidden=hidden) as bar:

        def told() -> None:
            may_go_on()
            bar.update(1)

        return archivable(reader, snapshot, day, told)


def _print(found: Archivable, day: str, commit: str) -> None:
    years = Counter(each.year for each in found.items)
    by_year = ", ".join(f"{year}: {count}" for year, count in sorted(years.items()))
    items = f"{counted(len(found.items), 'item')} finished before {day}"
    if not found.items:
        click.echo(f"nothing to archive: no item that was finished before {day} can leave the tree")
    elif commit:
        click.echo(f"archived {items} ({by_year}) in {commit[:10]}; factory show ID finds each")
    else:
        click.echo(f"would archive {items} ({by_year})")
    for item_id, why in list(found.staying.items())[:_MOST_STAYING]:
        click.echo(f"stays: {printable(item_id)}: {printable(why)}")
    if len(found.staying) > _MOST_STAYING:
        click.echo(f"and {len(found.staying) - _MOST_STAYING} more; --json has them all")
