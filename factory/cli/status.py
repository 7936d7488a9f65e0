"""`factory status`: the queue at a glance."""

import click

from factory.cli.session import json_option, surveyed
from factory.cli.text import ago, echo_json, lane_word, table
from factory.model.base import printable
from factory.model.journal import rfc3339
from factory.model.lifecycle import Lane
from factory.report.status import status


@click.command("status")
@json_option
def status_command(as_json: bool) -> None:
    """Say what is where, since when, and waiting for what."""
    with surveyed() as (surveyor, survey):
        found = status(surveyor, survey)
        now, branch = survey.now, surveyor.branch
    if as_json:
        echo_json(
            {
                "branch": branch,
                "orchestrator": found.orchestrator or None,
                "counts": {**{lane: found.count(lane) for lane in Lane if lane is not Lane.DONE}},
                "done_today": found.done_today,
                "breakers": [state.model_dump(mode="json") for state in found.breakers],
                "items": [row.as_json() for row in found.rows],
                "problems": [problem.__dict__ for problem in found.problems],
            }
        )
        return
    counts = "  ".join(lane_word(lane, f"{found.count(lane)} {lane}") for lane in Lane if lane is not Lane.DONE)
    click.echo(f"{counts}  {lane_word(Lane.DONE, f'{found.done_today} done today')}   (branch {branch})")
    click.echo(f"orchestrator: {found.orchestrator or 'none is running; factory tick makes one pass'}")
    for state in found.breakers:
        until = f" until {rfc3339(state.until)}" if state.until else f", tried with {state.trial}"
        shown = f"breaker of {state.contract}: {state.state}{until} after {state.failures} failures: {state.reason}"
        click.echo(click.style(printable(shown), fg="red"))
    if found.rows:
        rows = [
            (row.id, lane_word(row.lane), row.state, ago(row.since, now), printable(row.note)) for row in found.rows
        ]
        table(rows, ("ITEM", "LANE", "STATE", "FOR", "WHY"))
    for problem in found.problems:
        click.echo(printable(str(problem)), err=True)
    if found.problems:
        click.echo(f"{len(found.problems)} problems; factory check says what would be right", err=True)
