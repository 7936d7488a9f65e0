"""`factory review`: what waits for a verdict, and the same edit as in the verdict file."""

import click

from factory.cli.session import at_desk, json_option, surveyed
from factory.cli.text import echo_json, encoded, lane_word, table
from factory.line.desk import cast_in
from factory.line.gate import unanswered
from factory.line.survey import Survey, Surveyor
from factory.model.base import printable
from factory.model.errors import InvalidFile, UsageError
from factory.model.lifecycle import Lane
from factory.model.verdict import Decision
from factory.report.status import status
from factory.store import files
from factory.store.edits import decided
from factory.store.queue import VerdictFile


@click.command("review")
@click.argument("item_id", metavar="[ID]", required=False)
@click.option("--approve", "decision", flag_value="approve", help="It may be applied.")
@click.option("--rework", "decision", flag_value="rework", help="It must be done again; say why with -m.")
@click.option("--reject", "decision", flag_value="reject", help="It is not wanted.")
@click.option("--escalate", "decision", flag_value="escalate", help="Somebody else must see it.")
@click.option("--seat", help="The seat, when several wait for a verdict.")
@click.option("-m", "notes", help="What the worker or the next reviewer should know.")
@json_option
@click.option("--accept", "accepted", multiple=True, metavar="CRITERION", help="A criterion that passes, such as A2.")
def review_command(
    item_id: str | None,
    decision: str | None,
    seat: str | None,
    notes: str | None,
    accepted: tuple[str, ...],
    as_json: bool,
) -> None:
    """Give a verdict on ID, or list what waits for one."""
    with surveyed() as (surveyor, survey):
        if item_id is None:
            _list(surveyor, survey, as_json)
            return
        if decision is None:
            file = _file(survey, item_id, seat)
            click.echo(printable(surveyor.repository.objects.blob(file.blob).decode()), nl=False)
            click.echo(f"\nfactory review {item_id} --approve, or edit {file.path}")
            return
    encoded("".join((notes or "", *accepted)))
    with at_desk() as (surveyor, survey, view):
        file = _file(survey, item_id, seat)
        data = files.read_regular(view.root / file.path)
        if data is None:
            raise UsageError(f"{file.path} is not in the working tree", f"git checkout -- {file.path}")
        edited = decided(file.path, data, Decision(decision), notes, accepted)
        _refuse_what_the_tick_would(surveyor, survey, file, edited)
        files.write(view.root / file.path, edited)
    click.echo(f"{file.path}: {decision}; the next tick takes it in")


def _refuse_what_the_tick_would(surveyor: Surveyor, survey: Survey, file: VerdictFile, edited: bytes) -> None:
    try:
        cast_in(surveyor, survey, file.path, edited)
    except InvalidFile as error:
        said = "; ".join(problem.message for problem in error.problems)
        item = survey.cases[file.item_id].item if file.item_id in survey.cases else None
        answers = " ".join(f"--accept {key}" for key in unanswered(item)) if item and "'unread'" in said else ""
        hint = f"factory review {file.item_id}" + (f" --approve {answers}" if answers else "")
        raise UsageError(f"{file.item_id} is left as it was: {said}", hint) from None


def _list(surveyor: Surveyor, survey: Survey, as_json: bool) -> None:
    rows = [row for row in status(surveyor, survey).rows if row.lane is Lane.REVIEW]
    if as_json:
        echo_json([row.as_json() for row in rows])
        return
    if not rows:
        click.echo("nothing waits for a verdict")
        return
    table([(row.id, lane_word(row.lane), printable(row.note)) for row in rows], ("ITEM", "LANE", "WHY"))


def _file(survey: Survey, item_id: str, seat: str | None) -> VerdictFile:
    found = [
        file for file in survey.snapshot.verdicts if file.item_id == item_id and (seat is None or file.seat == seat)
    ]
    if not found:
        raise UsageError(f"{item_id} does not wait for a verdict", "factory review")
    if len(found) > 1:
        seats = ", ".join(file.seat for file in found)
        hint = f"factory review {item_id} --seat {found[0].seat}"
        raise UsageError(f"{item_id} waits for several seats: {seats}", hint)
    return found[0]
