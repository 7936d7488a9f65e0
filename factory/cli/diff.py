"""`factory diff`: what a proposal changes, or what changed between two rounds."""

import re

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import reading
from factory.cli.text import in_pages, patch_lines
from factory.line.person.editing import no_such_item
from factory.model.errors import UsageError
from factory.model.lifecycle import Lane
from factory.report.difference import difference

_ROUNDS = re.compile(r"([1-9]\d{0,5})\.\.([1-9]\d{0,5})")


def _rounds(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _ROUNDS.fullmatch(text)
    if found is None:
        raise UsageError(f"--rounds {text!r} is not of the form A..B, such as 1..2", "factory diff --help")
    return int(found[1]), int(found[2])


@click.command("diff")
@item_argument(*OPEN, Lane.DONE)
@click.option("--rounds", metavar="A..B", help="What changed from the proposal of round A to that of round B.")
def diff_command(item_id: str, rounds: str | None) -> None:
    """Show what the newest proposal of an item changes, in pages on a terminal."""
    asked = _rounds(rounds)
    with reading() as (reader, snapshot):
        if item_id not in snapshot.items and not reader.queue.done_day(snapshot.tree, item_id):
            raise no_such_item(reader, snapshot, item_id)
        text = difference(reader, snapshot, item_id, asked)
    in_pages(patch_lines(text))
