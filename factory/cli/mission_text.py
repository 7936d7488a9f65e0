"""Missions as people read them on a terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import click

from factory.cli.text import lane_word, table
from factory.line.snapshot import Snapshot
from factory.model.layout import plan_path
from factory.model.lifecycle import Lane
from factory.model.mission.assertions import AssertionState
from factory.model.moments import ago
from factory.model.text import printable
from factory.report.mission_progress import Progress
from factory.report.mission_views import AssertionRow, MissionView, open_issues, purpose, word_of
from factory.store.mission_parts import Part

_COLOURS = {AssertionState.PASSED: "green", AssertionState.FAILED: "red", AssertionState.BLOCKED: "red"}


def print_missions(found: Sequence[MissionView], now: datetime) -> None:
    """A row for each mission."""
    if not found:
        click.echo("no mission is under way; --all lists those that have ended, and factory mission new files one")
        return
    rows = [
        (view.id, lane_word(view.lane, view.word), *_far(view.progress), ago(view.since, now), printable(view.title))
        for view in found
    ]
    table(rows, ("MISSION", "STATE", "PASSED", "MILESTONE", "USED", "FOR", "TITLE"))


def _far(progress: Progress | None) -> tuple[str, str, str]:
    """How many assertions have passed, which milestone it is, and what was used."""
    if progress is None:
        return "-", "-", "-"
    used = progress.spent.in_words(progress.budget)
    return f"{progress.passed}/{progress.assertions}", f"{progress.milestone}/{progress.milestones}", used or "-"


def print_mission(snapshot: Snapshot, view: MissionView, report: str) -> None:
    """One mission: how far it is, its milestones with the items of each, what is open, and where its report lies."""
    click.echo(f"{click.style(view.id, bold=True)}  {lane_word(view.lane, view.word)}  {printable(view.title)}")
    if view.note:
        click.echo(f"{'ended' if view.lane is Lane.DONE else 'now':9}  {printable(view.note)}")
    standing, progress = view.standing, view.progress
    if standing is None or progress is None:
        click.echo("plan       none that can be read")
        return
    click.echo(f"goal       {printable(' '.join(standing.plan.goal.split()))}")
    click.echo(f"plan       {plan_path(view.id)}")
    if report:
        click.echo(f"report     {report}")
    click.echo(f"{'now' if view.lane is Lane.DONE else 'so far':9}  {progress.in_words()}")
    for milestone in standing.plan.milestones:
        mark = " (now)" if milestone == view.milestone else ""
        click.echo(f"milestone  {click.style(milestone.id, bold=True)}{mark}  {printable(milestone.title)}")
        _print_parts(snapshot, (part for part in view.parts.values() if part.filed.milestone == milestone.id))
    if view.guards:
        click.echo("guards     what was filed since its end, to look again and to put right")
        _print_parts(snapshot, view.guards.values())
    for key, text in open_issues(view).items():
        click.echo(f"open       {printable(key)}: {printable(' '.join(text.split()))}")
    for key, reason in view.history.mission.dismissed.items():
        click.echo(f"dismissed  {printable(key)}: {printable(' '.join(reason.split()))}")
    for question in view.history.questions:
        click.echo(f"asks       {question.id}: {printable(' '.join(question.text.split()))}")


def _print_parts(snapshot: Snapshot, parts: Iterable[Part]) -> None:
    """A line for each item of the mission's own."""
    for part in parts:
        if part.within:
            continue
        word = lane_word(Lane.DONE if part.day else Lane.ACTIVE, word_of(snapshot, part))
        answers = f"  answers {', '.join(part.filed.answers)}" if part.filed.answers else ""
        inner = "  a mission itself" if part.history.mission.filed else ""
        click.echo(f"           {purpose(part.filed):9}  {part.id}  {word}{printable(answers)}{inner}")


def evidence_cell(row: AssertionRow) -> str:
    """The first file of its evidence, and how many more there are; `factory blame` names them all."""
    more = f" (+{len(row.evidence) - 1})" if len(row.evidence) > 1 else ""
    return f"{printable(row.evidence[0])}{more}" if row.evidence else "-"


def print_assertions(rows: Iterable[AssertionRow]) -> None:
    """A row for each assertion."""
    shown = []
    for row in rows:
        found = row.judgement
        state = click.style(str(row.state), fg=_COLOURS.get(row.state, "yellow"))
        text = printable(" ".join(row.assertion.text.split()))
        if found is None:
            shown.append((row.assertion.id, state, "-", "-", "-", text))
        else:
            shown.append((row.assertion.id, state, printable(found.by), found.commit[:10], evidence_cell(row), text))
    if shown:
        table(shown, ("ASSERTION", "STATE", "BY", "COMMIT", "EVIDENCE", "TEXT"))
    else:
        click.echo("it has no assertions yet: they come with its plan")
