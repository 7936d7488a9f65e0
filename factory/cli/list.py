"""`factory list`: items, the open ones unless others are asked for."""

import click

from factory.cli.session import json_option, reading
from factory.cli.text import echo_json, lane_word, table
from factory.model.lifecycle import Lane
from factory.model.moments import ago
from factory.model.text import printable
from factory.report.finished import Finished, finished
from factory.report.status import status
from factory.report.status_row import Row


@click.command("list")
@click.option("--lane", type=click.Choice([str(lane) for lane in Lane]), help="Only this lane.")
@click.option("--label", help="Only items with this label.")
@click.option("--done", is_flag=True, help="Those that have ended, the newest first; the same as --lane done.")
@click.option("--all", "everything", is_flag=True, help="The open ones and those that have ended.")
@json_option
def list_command(lane: str | None, label: str | None, done: bool, everything: bool, as_json: bool) -> None:
    """List items: the open ones, unless others are asked for."""
    if lane is not None and (done or everything):
        raise click.UsageError("--lane excludes --done and --all")
    ended = done or everything or lane == Lane.DONE
    with reading() as (reader, snapshot):
        rows: list[Row | Finished] = []
        if everything or not ended:
            rows += [row for row in status(reader, snapshot).rows if lane in (None, row.lane)]
        if ended:
            rows += finished(reader, snapshot)
    rows = [row for row in rows if label is None or label in row.labels]
    if as_json:
        echo_json([row.as_json() for row in rows])
        return
    table(
        [
            (row.id, _where(row), str(row.priority or "-"), ago(row.since, snapshot.now), printable(row.title))
            for row in rows
        ],
        ("ITEM", "LANE", "PRIORITY", "FOR", "TITLE"),
    )


def _where(row: Row | Finished) -> str:
    return lane_word(row.lane) if isinstance(row, Row) else lane_word(Lane.DONE, str(row.outcome or "unreadable"))
