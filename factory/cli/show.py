"""`factory show`: one item with all that is known of it."""

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import json_option, reading
from factory.cli.text import echo_json, lane_word
from factory.line.person.editing import no_such_item
from factory.model.lifecycle import Lane
from factory.report.detail import detail
from factory.report.detail_lines import detail_lines

_COLOURS = {"good": "green", "bad": "red", "mark": "yellow"}


@click.command("show")
@item_argument(*OPEN, Lane.DONE)
@json_option
def show_command(item_id: str, as_json: bool) -> None:
    """Show one item with its run, evidence and findings."""
    with reading() as (reader, snapshot):
        found = detail(reader, snapshot, item_id)
        if found is None:
            raise no_such_item(reader, snapshot, item_id)
    if as_json:
        echo_json(found.as_json())
        return
    for line in detail_lines(found, _painted):
        click.echo(line)


def _painted(word: str, kind: str) -> str:
    if kind in _COLOURS or kind == "id":
        return click.style(word, fg=_COLOURS.get(kind), bold=kind == "id" or None)
    return lane_word(Lane(kind), word)
