"""`factory tick`: one pass, for cron, CI and people."""

from dataclasses import replace

import click

from factory.cli.interrupts import holding
from factory.cli.news import News
from factory.cli.session import json_option, reading, repository
from factory.cli.text import echo_json, lane_word, table
from factory.line.intake.edits import find_edits
from factory.line.orchestrator import Orchestrator, PassReport
from factory.line.tick import tick
from factory.model.base import counted, printable
from factory.model.errors import BusyError
from factory.model.lifecycle import Lane
from factory.report.coming import coming
from factory.report.status import Status, status

_SHOWN = 20


def _dry_run(as_json: bool) -> None:
    with reading() as (reader, snapshot):
        reader.repository.tip(snapshot.policy.target_branch, "target")
        found = status(reader, snapshot)
        edited = find_edits(reader, snapshot)
        edits = sorted({path for each in edited for path in each.valid})
        rows = [row for row in found.rows if row.state != "new"] + coming(reader, snapshot, edited, found.busy)
    found = replace(found, rows=tuple(rows))
    if as_json:
        echo_json({**_as_json(found), "edits": [printable(path) for path in edits]})
        return
    shown = [
        (row.id, lane_word(row.lane), "would move" if row.state == "ready" else row.state, printable(row.note))
        for row in found.rows
    ]
    table(shown, ("ITEM", "LANE", "STATE", "WHY"))
    for path in edits:
        click.echo(f"{printable(path)}: would be taken in")
    for problem in found.problems:
        click.echo(printable(str(problem)), err=True)


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
@json_option
def tick_command(drain: bool, most: int | None, dry_run: bool, patience: float, strict: bool, as_json: bool) -> int:
    """Make one pass: take in what people wrote, finish what can be finished, start what may start, and wait for it."""
    if dry_run:
        _dry_run(as_json)
        return 0
    news = News(err=as_json)
    with repository() as opened:
        orchestrator = Orchestrator(opened, news)
        with holding(orchestrator):
            report = tick(orchestrator, drain=drain, most=most, patience=patience, waiting=news.waiting)
            found = status(orchestrator.context.reader, orchestrator.present())
            moved = sorted(orchestrator.context.writer.moved_branches)
            elsewhere = moved != [opened.checked_out()]
    if as_json:
        echo_json({"commits": report.commits, "moved": moved, **_as_json(found)})
    if report.waiting:
        raise BusyError(f"{report.waiting}; nothing was done", "finish or abort it, then factory tick")
    news.problems(report.problems)
    if not as_json:
        _summary(report, found)
        if moved and elsewhere:
            click.echo(f"moved: {', '.join(moved)}")
    left = drain and any(entry.start or entry.until for entry in report.schedule)
    return 1 if strict and (report.problems or found.count(Lane.BLOCKED) or left) else 0


def _as_json(found: Status) -> dict[str, object]:
    return {
        "waits_for_a_person": found.busy or None,
        "counts": {**{lane: found.count(lane) for lane in Lane if lane is not Lane.DONE}},
        "done_today": found.done_today,
        "items": [row.as_json() for row in found.rows],
        "problems": [problem.__dict__ for problem in found.problems],
    }


def _summary(report: PassReport, found: Status) -> None:
    counts = ", ".join(f"{found.count(lane)} {lane}" for lane in Lane if lane is not Lane.DONE and found.count(lane))
    click.echo(f"{counted(report.commits, 'commit')}; {counts or 'no open item'}; {found.done_today} done today")
    held = [row for row in found.rows if row.state != "ready" and row.lane is not Lane.ACTIVE]
    held.sort(key=lambda row: row.lane not in (Lane.REVIEW, Lane.BLOCKED))
    for row in held[:_SHOWN]:
        click.echo(f"  {row.id} ({row.lane}): {printable(row.note)}")
    if len(held) > _SHOWN:
        click.echo(f"  and {len(held) - _SHOWN} more; factory status shows them all")
