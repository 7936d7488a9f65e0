"""`factory prompt`: what would be sent to whoever works on an item next, or judges it."""

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import reading
from factory.line.person.editing import just_added, no_such_item
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.text import printable
from factory.report.prompt import begun, prompt_for


@click.command("prompt")
@item_argument(*OPEN)
@click.option("--seat", metavar="NAME", help="What the agent in this seat would be asked.")
def prompt_command(item_id: str, seat: str | None) -> None:
    """Show exactly what would be sent to an item's worker, or to the agent in one of its seats.

    What was sent lies in the artifacts of each run: prompt.md.
    """
    with reading() as (reader, snapshot):
        state = snapshot.items.get(item_id) or _just_added(reader, snapshot, item_id)
        if state is None:
            raise no_such_item(reader, snapshot, item_id)
        if state.item is None or state.contract is None:
            raise UsageError(f"{item_id} or its contract cannot be read", "factory check")
        text = prompt_for(reader, snapshot, state, seat)
    click.echo(printable(text).rstrip("\n"))


def _just_added(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> ItemState | None:
    """An item that no pass has taken in yet, as the next one will find it."""
    view = reader.repository.view_of(reader.branch)
    new = just_added(view, snapshot, item_id) if view else None
    return begun(reader, snapshot, *new) if new else None
