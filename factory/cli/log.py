"""`factory log`: an item's journal."""

import click

from factory.cli.session import json_option, no_such_item, surveyed
from factory.cli.text import echo_json, lane_word, table
from factory.model.base import printable
from factory.model.journal import rfc3339
from factory.report.detail import detail, journal


@click.command("log")
@click.argument("item_id", metavar="ID")
@json_option
def log_command(item_id: str, as_json: bool) -> None:
    """Show an item's journal."""
    with surveyed() as (surveyor, survey):
        found = detail(surveyor, survey, item_id)
        if found is None:
            raise no_such_item(surveyor, survey, item_id)
    if as_json:
        echo_json(journal(found.history))
        return
    if not found.history.entries:
        click.echo(f"{item_id} lies in {found.lane}, and the factory has not touched it yet")
        return
    rows = [
        (
            rfc3339(entry.at),
            str(entry.event),
            f"{entry.source or '-'} -> {lane_word(entry.to)}",
            str(entry.run or "-"),
            printable((entry.reason or "").splitlines()[0] if entry.reason else entry.actor),
        )
        for entry in found.history.entries
    ]
    table(rows, ("AT", "EVENT", "MOVE", "RUN", "WHY"))
