"""`factory propose`: what somebody would decide of a delivery, in the comments of its verdict file."""

import click

from factory.cli.ids import item_argument
from factory.cli.session import editing
from factory.cli.text import encoded
from factory.line.person.verdict import give_proposal
from factory.model.lifecycle import Lane
from factory.model.verdict import Decision

_DECISIONS = [str(decision) for decision in Decision if decision is not Decision.PENDING]


@click.command("propose")
@item_argument(Lane.REVIEW)
@click.argument("decision", type=click.Choice(_DECISIONS))
@click.option("-m", "why", required=True, help="Why; whoever decides reads it in the verdict file.")
@click.option("--seat", help="The seat, when several wait for a verdict.")
def propose_command(item_id: str, decision: str, why: str, seat: str | None) -> None:
    """Say what you would decide of ID, and decide nothing: for whoever may not judge it, an agent for one."""
    encoded(why)
    with editing() as desk:
        said = give_proposal(desk, item_id, seat, Decision(decision), why)
    click.echo(said)
