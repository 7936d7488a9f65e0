"""`factory review`: what waits for a verdict, and the same edit as in the verdict file."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from factory.cli.ids import item_argument
from factory.cli.session import editing, json_option, reading
from factory.cli.text import echo_json, encoded, lane_word, table
from factory.cli.walk import walk
from factory.line.person.verdict import Answer, give, verdict_file_of
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.lifecycle import Lane
from factory.model.text import printable
from factory.model.verdict import Decision
from factory.report.status import status

Command = TypeVar("Command", bound=Callable[..., object])


def decision_option(decision: Decision, said: str) -> Callable[[Command], Command]:
    """A flag that gives a decision, and excludes the others."""

    def given(context: click.Context, _option: click.Parameter, flag: bool) -> None:
        earlier = context.params.setdefault("decision", None)
        if flag and earlier is not None:
            raise click.UsageError(f"--{earlier} and --{decision} exclude each other; give one")
        if flag:
            context.params["decision"] = decision

    return click.option(f"--{decision}", is_flag=True, expose_value=False, callback=given, help=said)


@click.command("review")
@item_argument(Lane.REVIEW, required=False)
@decision_option(Decision.APPROVE, "It may be applied.")
@decision_option(Decision.REWORK, "It must be done again; say why with -m.")
@decision_option(Decision.REJECT, "It is not wanted.")
@decision_option(Decision.ESCALATE, "Somebody else must see it.")
@click.option("--seat", help="The seat, when several wait for a verdict.")
@click.option("-m", "notes", help="What the worker or the next reviewer should know.")
@json_option
@click.option("--accept", "accepted", multiple=True, metavar="CRITERION", help="A criterion that passes, such as A2.")
@click.option(
    "--handoff", multiple=True, metavar="KEY=ANSWER", help="Of what is left: item, or why nothing is to be done."
)
def review_command(
    item_id: str | None,
    decision: Decision | None,
    seat: str | None,
    notes: str | None,
    accepted: tuple[str, ...],
    handoff: tuple[str, ...],
    as_json: bool,
) -> None:
    """Give a verdict on ID, or walk through what waits for one; where nobody can be asked, list it."""
    if item_id is None and decision is not None:
        raise UsageError(f"--{decision} needs to know of which item", "factory review")
    if decision is None and (notes or accepted or handoff):
        raise UsageError("an answer needs a decision with it", f"factory review {item_id or 'ID'} --approve")
    if decision is None and sys.stdin.isatty() and not as_json:
        walk(item_id, seat)
        return
    with reading() as (reader, snapshot):
        if item_id is None:
            _list(reader, snapshot, as_json)
            return
        if decision is None:
            file = verdict_file_of(snapshot, item_id, seat)
            click.echo(printable(reader.repository.objects.blob(file.blob).decode(errors="replace")), nl=False)
            click.echo(f"\nfactory review {item_id} --approve, or edit {file.path}")
            return
    encoded("".join((notes or "", *accepted, *handoff)))
    with editing() as desk:
        said = give(desk, item_id, seat, Answer(decision, notes, accepted, _answers(handoff)))
    click.echo(said)


def _answers(pairs: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, said = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--handoff {pair!r} is not of the form KEY=ANSWER", "factory review --help")
        found[key] = said
    return found


def _list(reader: SnapshotReader, snapshot: Snapshot, as_json: bool) -> None:
    rows = [row for row in status(reader, snapshot).rows if row.lane is Lane.REVIEW]
    if as_json:
        echo_json([row.as_json() for row in rows])
        return
    if not rows:
        click.echo("nothing waits for a verdict")
        return
    table([(row.id, lane_word(row.lane), printable(row.note)) for row in rows], ("ITEM", "LANE", "WHY"))
