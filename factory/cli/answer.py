"""`factory answer`: what workers ask, and the same edit as in the file of answers."""

import sys
from collections.abc import Sequence
from functools import partial

import click

from factory.cli.ids import item_argument
from factory.cli.session import editing, json_option, reading
from factory.cli.text import echo_json, encoded, table
from factory.line.intake.answers_file import told
from factory.line.person.answers import answer, asking
from factory.line.snapshot import ItemState
from factory.model.errors import UsageError
from factory.model.layout import answers_path
from factory.model.lifecycle import Lane
from factory.model.questions import Question
from factory.model.text import counted, printable


@click.command("answer")
@item_argument(Lane.BLOCKED, required=False)
@click.argument("decisions", nargs=-1, metavar="[KEY=DECISION]...")
@json_option
def answer_command(item_id: str | None, decisions: tuple[str, ...], as_json: bool) -> None:
    """Answer what ID asks, an option's id or text for each question, or walk through all that is asked.

    Of an item that asks one question alone the decision is enough. Where nobody can be asked, what waits is listed.
    """
    encoded("".join(decisions))
    if as_json and decisions:
        raise UsageError("--json lists what is asked; leave it out to answer", f"factory answer {item_id} KEY=DECISION")
    with reading() as (_, snapshot):
        waiting = [state for state in snapshot.in_lane(Lane.BLOCKED) if state.history.questions]
    if item_id is not None:
        waiting = [asking(snapshot, item_id)]
    if as_json:
        echo_json([_as_json(state) for state in waiting])
    elif item_id is not None and decisions:
        _give(item_id, _decided(waiting[0].history.questions, decisions))
    elif sys.stdin.isatty():
        _walk(waiting)
    elif item_id is not None:
        _show(waiting[0])
    elif waiting:
        rows = [(each.id, counted(len(each.history.questions), "question"), _first(each)) for each in waiting]
        table(rows, ("ITEM", "ASKS", "FIRST"))
    else:
        click.echo("nobody asks anything")


def _first(state: ItemState) -> str:
    return printable(" ".join(state.history.questions[0].text.split()))


def _as_json(state: ItemState) -> dict[str, object]:
    questions = [each.model_dump(mode="json") for each in state.history.questions]
    return {"id": state.id, "path": answers_path(state.id), "questions": questions}


def _decided(questions: Sequence[Question], decisions: Sequence[str]) -> dict[str, str]:
    """The decision for each key. Raises UsageError for what names no question."""
    keys = {question.id for question in questions}
    found: dict[str, str] = {}
    for said in decisions:
        key, equals, decision = said.partition("=")
        if equals and key in keys:
            found[key] = decision
        elif len(keys) == 1 == len(decisions):
            found[next(iter(keys))] = said
        else:
            raise UsageError(f"{said!r} is not of the form KEY=DECISION, with a KEY of {', '.join(sorted(keys))}")
    return found


def _give(item_id: str, decisions: dict[str, str], seen: Sequence[Question] = ()) -> None:
    with editing() as desk:
        said = answer(desk, item_id, decisions, seen)
    click.echo(said)


def _known(question: Question, said: str) -> str:
    """A decision that counts, or none yet. Raises UsageError for what looks like an option and is none."""
    if said.strip() and question.lacks(said.strip()):
        known = ", ".join(option.id for option in question.options)
        raise click.UsageError(f"{said!r} is none of {known}; to say something else, say it in several words")
    return said


def _show(state: ItemState) -> None:
    click.echo(f"{state.id}: {printable(state.item.title if state.item else '')}")
    for question in state.history.questions:
        click.echo("\n".join(told(question)))
    keys = " ".join(f"{question.id}=…" for question in state.history.questions)
    click.echo(f"\nfactory answer {state.id} {keys}, or edit {answers_path(state.id)}")


def _walk(waiting: Sequence[ItemState]) -> None:
    """Ask for each decision in turn; an empty one leaves its item for another time."""
    if not waiting:
        click.echo("nobody asks anything")
    for state in waiting:
        click.echo(f"\n{click.style(state.id, bold=True)}: {printable(state.item.title if state.item else '')}")
        decisions: dict[str, str] = {}
        for question in state.history.questions:
            click.echo("\n".join(told(question)))
            asked = f"{question.id}, an option or your own words; empty for later"
            said = click.prompt(asked, default="", show_default=False, value_proc=partial(_known, question))
            if not said.strip():
                break
            decisions[question.id] = said
        else:
            _give(state.id, decisions, state.history.questions)
