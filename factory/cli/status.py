"""`factory status`: the queue at a glance."""

import shutil
import sys
from datetime import datetime

import click

from factory.cli.session import json_option, reading, repository
from factory.cli.text import ago, echo_json, lane_word, table
from factory.model.base import counted, printable
from factory.model.lifecycle import Lane
from factory.model.moments import rfc3339
from factory.report.status import Status, status
from factory.store.library import branches_of
from factory.store.system import MACHINE

_EVERY_S = 2.0
_AROUND = 6  # lines of a screen that are not rows of the table


@click.command("status")
@click.option("-w", "--watch", is_flag=True, help="Show it anew every two seconds, until ^C.")
@click.option("--branches", is_flag=True, help="Name only the branches to push: the factory's, and another target.")
@json_option
def status_command(as_json: bool, watch: bool, branches: bool) -> None:
    """Say what is where, since when, and waiting for what."""
    if branches:
        _branches(as_json)
        return
    if watch:
        _watch()
        return
    with reading() as (reader, snapshot):
        found = status(reader, snapshot)
    if as_json:
        echo_json(_as_json(found, reader.branch))
    else:
        _print(found, snapshot.now, reader.branch)


def _branches(as_json: bool) -> None:
    with repository() as opened:
        found = branches_of(opened)
    if as_json:
        echo_json(list(found))
    else:
        click.echo("\n".join(found))


def _watch() -> None:
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


def _as_json(found: Status, branch: str) -> dict[str, object]:
    return {
        "branch": branch,
        "orchestrator": found.orchestrator or None,
        "waits_for_a_person": found.busy or None,
        "counts": {**{lane: found.count(lane) for lane in Lane if lane is not Lane.DONE}},
        "done_today": found.done_today,
        "breakers": [state.model_dump(mode="json") for state in found.breakers],
        "canaries": [canary.model_dump(mode="json") for canary in found.canaries],
        "items": [row.as_json() for row in found.rows],
        "problems": [problem.__dict__ for problem in found.problems],
    }


def _print(found: Status, now: datetime, branch: str, most: int | None = None) -> None:
    counts = "  ".join(lane_word(lane, f"{found.count(lane)} {lane}") for lane in Lane if lane is not Lane.DONE)
    click.echo(f"{counts}  {lane_word(Lane.DONE, f'{found.done_today} done today')}   (branch {branch})")
    click.echo(f"orchestrator: {found.orchestrator or 'none is running; factory tick makes one pass'}")
    if found.busy:
        click.echo(click.style(f"waiting: {printable(found.busy)}; nothing moves until it is finished", fg="yellow"))
    for state in found.breakers:
        until = f" until {rfc3339(state.until)}" if state.until else f", tried with {state.trial}"
        failures = counted(state.failures, "failure")
        shown = f"breaker of {state.contract}: {state.state}{until} after {failures}: {state.reason}"
        click.echo(click.style(printable(shown), fg="red"))
    for canary in found.canaries:
        silent = ", ".join(canary.silent)
        shown = (
            f"canary of {canary.contract}: {silent} passes without the product, as tried last; factory doctor --checks"
        )
        click.echo(click.style(printable(shown), fg="red"))
    if found.rows:
        rows = [
            (row.id, lane_word(row.lane), row.state, ago(row.since, now), printable(row.title), printable(row.note))
            for row in found.rows
        ]
        table(rows, ("ITEM", "LANE", "STATE", "FOR", "TITLE", "WHY"), most)
    for problem in found.problems if most is None else ():
        click.echo(printable(str(problem)), err=True)
    if found.problems:
        told = counted(len(found.problems), "problem")
        click.echo(f"{told}; factory check says what would be right", err=True)
