"""`factory list`: open items."""

import click

from factory.cli.session import json_option, surveyed
from factory.cli.text import ago, echo_json, lane_word, table
from factory.model.base import printable
from factory.model.lifecycle import Lane
from factory.report.status import status

_OPEN = [str(lane) for lane in Lane if lane is not Lane.DONE]


@click.command("list")
@click.option("--lane", type=click.Choice(_OPEN), help="Only this lane.")
@click.option("--label", help="Only items with this label.")
@json_option
def list_command(lane: str | None, label: str | None, as_json: bool) -> None:
    """List open items."""
    with surveyed() as (surveyor, survey):
        rows = [
            row
            for row in status(surveyor, survey).rows
            if (lane is None or row.lane == lane) and (label is None or label in row.labels)
        ]
    if as_json:
        echo_json([row.as_json() for row in rows])
        return
    table(
        [
            (row.id, lane_word(row.lane), str(row.priority or "-"), ago(row.since, survey.now), printable(row.title))
            for row in rows
        ],
        ("ITEM", "LANE", "PRIORITY", "FOR", "TITLE"),
    )
