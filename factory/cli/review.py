"""`factory review`: what waits for a verdict, and the same edit as in the verdict file."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from factory.cli.session import at_desk, json_option, surveyed
from factory.cli.text import echo_json, encoded, lane_word, table
from factory.cli.walk import Answer, ask, present
from factory.line.desk import cast_in
from factory.line.gate import unanswered
from factory.line.survey import Survey, Surveyor
from factory.model.base import printable
from factory.model.errors import FactoryError, InvalidFile, UsageError
from factory.model.lifecycle import Lane
from factory.model.verdict import Decision
from factory.report.detail import detail
from factory.report.status import status
from factory.store import files
from factory.store.edits import decided
from factory.store.queue import VerdictFile

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
@click.argument("item_id", metavar="[ID]", required=False)
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
    if item_id is None and sys.stdin.isatty() and not as_json:
        _walk()
        return
    with surveyed() as (surveyor, survey):
        if item_id is None:
            _list(surveyor, survey, as_json)
            return
        if decision is None:
            file = _file(survey, item_id, seat)
            click.echo(printable(surveyor.repository.objects.blob(file.blob).decode()), nl=False)
            click.echo(f"\nfactory review {item_id} --approve, or edit {file.path}")
            return
    encoded("".join((notes or "", *accepted, *handoff)))
    _decide(item_id, seat, Answer(decision, notes, accepted, _answers(handoff)))


def _answers(pairs: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, said = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--handoff {pair!r} is not of the form KEY=ANSWER", "factory review --help")
        found[key] = said
    return found


def _walk() -> None:
    """One item after another, as they waited when the walk began."""
    with surveyed() as (surveyor, survey):
        files_there = list(survey.snapshot.verdicts)
        if not files_there:
            click.echo("nothing waits for a verdict")
        for number, file in enumerate(files_there, 1):
            case = survey.cases.get(file.item_id)
            if case is None or case.item is None:
                continue
            evidence = detail(surveyor, survey, case.id)
            click.echo(f"\n{number} of {len(files_there)}")
            present(surveyor, survey, file, evidence.evidence if evidence else None)
            answer = ask(case)
            if answer is not None:
                try:
                    _decide(case.id, file.seat, answer)
                except FactoryError as error:  # said, and the walk goes on
                    click.echo(click.style(error.message, fg="red"))


def _decide(item_id: str, seat: str | None, answer: Answer) -> None:
    """Edit the verdict file as the person would."""
    with at_desk() as (surveyor, survey, view):
        file = _file(survey, item_id, seat)
        data = files.read_regular(view.root / file.path)
        if data is None:
            raise UsageError(f"{file.path} is not in the working tree", f"git checkout -- {file.path}")
        edited = decided(file.path, data, answer.decision, answer.notes, answer.accepted, answer.handoff)
        _refuse_what_the_tick_would(surveyor, survey, file, edited)
        files.write(view.root / file.path, edited)
    click.echo(f"{file.path}: {answer.decision}; the next tick takes it in")


def _refuse_what_the_tick_would(surveyor: Surveyor, survey: Survey, file: VerdictFile, edited: bytes) -> None:
    try:
        cast_in(surveyor, survey, file.path, edited)
    except InvalidFile as error:
        said = "; ".join(problem.message for problem in error.problems)
        item = survey.cases[file.item_id].item if file.item_id in survey.cases else None
        answers = " ".join(f"--accept {key}" for key in unanswered(item)) if item and "'unread'" in said else ""
        left = survey.cases[file.item_id].history.loose_ends if "item`, or a reason" in said else {}
        answers = " ".join(filter(None, (answers, *(f"--handoff {key}=item" for key in left))))
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
