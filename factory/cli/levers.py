"""`factory retry`, `hold` and `cancel`: a person's levers."""

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import editing
from factory.line.person.levers import cancel, hold, retry
from factory.model.lifecycle import Lane


@click.command("retry")
@item_argument(Lane.BLOCKED, Lane.DONE)
def retry_command(item_id: str) -> None:
    """Send a blocked item back to work, to rework if it was judged before; open a rejected or cancelled one again.

    A mission that is paused goes on where it was.
    """
    with editing() as desk:
        said = retry(desk, item_id)
    click.echo(said)


@click.command("hold")
@item_argument(*OPEN)
@click.option("--off", is_flag=True, help="Let it go on.")
def hold_command(item_id: str, off: bool) -> None:
    """Keep an item from starting and from being applied, until --off."""
    with editing() as desk:
        said = hold(desk, item_id, off=off)
    click.echo(said)


@click.command("cancel")
@item_argument(*OPEN)
def cancel_command(item_id: str) -> None:
    """End an item; a running worker is stopped by the next pass."""
    with editing() as desk:
        said = cancel(desk, item_id)
    click.echo(said)
