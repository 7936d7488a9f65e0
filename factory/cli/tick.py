"""`factory tick`: one pass, for cron, CI and people; no more than a look where nothing changed since the last one."""

import importlib
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from factory.cli.job_log import for_hosts, job_log
from factory.cli.markdown import code
from factory.connect.otel.note import is_overdue
from factory.connect.otel.settings import settings_of
from factory.line.lock import locked
from factory.model.errors import Problem
from factory.model.layout import item_path
from factory.model.lifecycle import Lane
from factory.model.text import counted, printable
from factory.store.repository.repository import Repository
from factory.store.standstill import Standstill, remembered, sight_of
from factory.store.state import STANDSTILL

_WHOLE = "factory.cli.one_tick"  # which loads all that a pass may need


@dataclass(frozen=True)
class Asked:
    """What a tick was asked for."""

    drain: bool
    most: int | None
    patience: float  # seconds
    strict: bool
    as_json: bool
    push: bool | None  # none: as the policy says


@click.command("tick")
@click.option("--drain", is_flag=True, help="Go on until nothing can move.")
@click.option("--max", "most", type=click.IntRange(1), help="Start at most so many items in a pass.")
@click.option("--dry-run", is_flag=True, help="Say what would happen to every item, or why nothing will.")
@click.option(
    "--patience",
    type=click.FloatRange(0),
    default=60.0,
    metavar="SECONDS",
    show_default=True,
    help="With --drain: wait so long for what comes due, say a second attempt.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Exit status 1 when something is wrong with a file, an item is blocked, or --drain leaves one that still "
    "comes due.",
)
@click.option(
    "--push/--no-push",
    default=None,
    help="Exchange with the git remote: take over what is new there, and push each pass before it counts. By default "
    "as `sync: {push: …}` in WORKFLOW.md says.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@for_hosts
def tick_command(
    drain: bool, most: int | None, dry_run: bool, patience: float, strict: bool, push: bool | None, as_json: bool
) -> int:
    """Make one pass: take in what people wrote, finish what can be finished, start what may start, and wait for it."""
    if dry_run:
        importlib.import_module(_WHOLE).dry_run(as_json)
        return 0
    asked = Asked(drain, most, patience, strict, as_json, push)
    with closing(Repository(Path.cwd())) as opened:
        last = remembered(opened.state / STANDSTILL, Standstill)
        seen = sight_of(opened, last)
        soon = opened.system.now() + timedelta(seconds=patience if drain else 0)
        alone = last is not None and not (last.synced if push is None else push)
        alone = alone and not is_overdue(opened.state, settings_of().receivers)
        if last is not None and alone and last.lasts(seen, soon) and not as_json and not (strict and drain):
            with locked(opened.state, opened.system):
                summary(0, last)
                return 1 if strict and last.counts.get(Lane.BLOCKED) else 0
        code: int = importlib.import_module(_WHOLE).one_tick(opened, seen, asked)
    return code


def summary(commits: int, found: Standstill) -> None:
    """Say how much was done, how much there is, and what stays where it is."""
    counts = ", ".join(f"{count} {lane}" for lane, count in found.counts.items() if count)
    told = f"{counted(commits, 'commit')}; {counts or 'no open item'}; {found.done_today} done today"
    click.echo(told)
    job_log().note("What there is", told)
    for item in found.waiting:
        job_log().note("What waits", f"{code(item.id)} ({item.lane}): {code(item.why)}")
        line = f"  {item.id} ({item.lane}): {printable(item.why)}"
        if item.lane == Lane.BLOCKED:
            job_log().problem(Problem(item_path(Lane.BLOCKED, item.id), 1, 1, item.why), line, level="warning")
        else:
            click.echo(line)
    if found.all_waiting > len(found.waiting):
        click.echo(f"  and {found.all_waiting - len(found.waiting)} more; factory status shows them all")
