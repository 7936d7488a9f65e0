"""`factory tick`, when there may be something to do, or to say of what would be done."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

import click

from factory.cli.engine import orchestrator_of
from factory.cli.exports import exporting
from factory.cli.interrupts import holding
from factory.cli.job_log import job_log
from factory.cli.news import News
from factory.cli.session import reading
from factory.cli.text import echo_json, lane_word, table
from factory.cli.tick import Asked, summary
from factory.connect.notify.notifier import Notifier
from factory.line.dispatch.still import same_until
from factory.line.intake.edits import find_edits
from factory.line.orchestrator import Orchestrator, PassReport
from factory.line.sync.branches import bring_branches
from factory.line.tick import tick
from factory.model.errors import BusyError
from factory.model.lifecycle import Lane
from factory.model.moments import epoch
from factory.model.text import printable, said
from factory.report.coming import coming
from factory.report.status import Status, status
from factory.store.repository.repository import Repository
from factory.store.standstill import WAITING_MOST, Standstill, Waiting, remember
from factory.store.state import STANDSTILL


def dry_run(as_json: bool) -> None:
    """Say what a tick would do, and do nothing."""
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


def one_tick(opened: Repository, seen: str, asked: Asked) -> int:
    """Make the passes, and say what they came to; the exit code. `seen` is what there was to be seen before."""
    news = News(err=asked.as_json)
    bring_branches(opened, asked.push)
    with ExitStack() as stack:
        notifier = Notifier(opened, stack.enter_context(exporting(opened, news)))
        orchestrator = orchestrator_of(opened, notifier, push=asked.push)
        stack.enter_context(holding(orchestrator))
        stack.enter_context(notifier.beside(orchestrator))
        with job_log().section("The pass", err=asked.as_json):
            report = tick(
                orchestrator, drain=asked.drain, most=asked.most, patience=asked.patience, waiting=news.waiting
            )
        found = status(orchestrator.context.reader, orchestrator.present())
        moved = sorted(orchestrator.context.writer.moved_branches)
        elsewhere = moved != [opened.checked_out()]
        left = _left(orchestrator, report, found, seen, notifier.due())
        remember(opened.state / STANDSTILL, left)
    if asked.as_json:
        echo_json({"commits": report.commits, "moved": moved, **_as_json(found)})
    if report.waiting:
        raise BusyError(f"{report.waiting}; nothing was done", "finish or abort it, then factory tick")
    news.problems(report.problems)
    if not asked.as_json:
        summary(report.commits, left)
        if moved and elsewhere:
            click.echo(f"moved: {', '.join(moved)}")
    pending = asked.drain and any(entry.start or entry.until for entry in report.schedule)
    return 1 if asked.strict and (report.problems or found.count(Lane.BLOCKED) or pending) else 0


def _left(
    orchestrator: Orchestrator, report: PassReport, found: Status, seen: str, told: datetime | None
) -> Standstill:
    """What is left for the next tick, which may rely on what was seen if this one found nothing to do.

    `told` is when people are to be told something that waits for it.
    """
    snapshot = orchestrator.present()
    until = same_until(orchestrator.context, snapshot, report) if seen else None
    until = min(until, told) if until and told else until
    waiting = [row for row in found.rows if row.state != "ready" and row.lane is not Lane.ACTIVE]
    waiting.sort(key=lambda row: row.lane not in (Lane.REVIEW, Lane.BLOCKED))
    return Standstill(
        branch=orchestrator.context.branch,
        target=snapshot.policy.target_branch,
        head=snapshot.head,
        sight=seen if until else "",
        synced=orchestrator.context.synced,
        since=epoch(snapshot.now),
        until=epoch(until) if until else None,
        counts={lane: found.count(lane) for lane in Lane if lane is not Lane.DONE},
        done_today=found.done_today,
        waiting=tuple(Waiting(id=row.id, lane=row.lane, why=said(row.note)) for row in waiting[:WAITING_MOST]),
        all_waiting=len(waiting),
    )


def _as_json(found: Status) -> dict[str, object]:
    return {
        "waits_for_a_person": found.busy or None,
        "counts": {**{lane: found.count(lane) for lane in Lane if lane is not Lane.DONE}},
        "done_today": found.done_today,
        "items": [row.as_json() for row in found.rows],
        "problems": [problem.__dict__ for problem in found.problems],
    }
