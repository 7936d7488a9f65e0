"""`factory why`: an item's story, and what would move it now."""

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import json_option, reading
from factory.cli.text import echo_json, lane_word
from factory.line.person.editing import no_such_item
from factory.model.lifecycle import Lane
from factory.model.moments import rfc3339
from factory.model.text import one_line, printable
from factory.report.why import FIRST, Why, why_of


@click.command("why")
@item_argument(*OPEN, Lane.DONE)
@json_option
def why_command(item_id: str, as_json: bool) -> None:
    """Tell an item's story, and what would move it now."""
    with reading() as (reader, snapshot):
        found = why_of(reader, snapshot, item_id)
        if found is None:
            raise no_such_item(reader, snapshot, item_id)
    if as_json:
        echo_json(found.as_json())
    else:
        _print(found)


def _print(found: Why) -> None:
    lane = lane_word(found.lane, found.state if found.lane is Lane.DONE else f"{found.state} in {found.lane}")
    click.echo(f"{click.style(found.id, bold=True)}  {lane}  {printable(found.title)}")
    told = [f"{rfc3339(chapter.at)}  {one_line(chapter.said)}" for chapter in found.story]
    if found.left_out:
        told.insert(FIRST, f"{' ' * 20}  … {found.left_out} lines of its journal in between (factory log {found.id})")
    for line in told or ["nothing has happened to it yet"]:
        click.echo(f"  {line}")
    if found.note:
        click.echo(f"now    {one_line(found.note)}")
    for mark in found.marks:
        click.echo(f"mark   {click.style(str(mark.kind), fg='yellow')}: {one_line(mark.in_words())}")
    click.echo(f"moves  {one_line(found.moves)}")
    if found.do:
        click.echo(f"do     {found.do}")
