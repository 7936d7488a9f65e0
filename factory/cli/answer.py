"""The answer: what a person says of one delivery, written into the verdict file as they would write it."""

from dataclasses import dataclass, field, replace

import click

from factory.cli.session import at_desk
from factory.line.desk import cast_in
from factory.line.gate import unanswered
from factory.line.judge import present_subject
from factory.line.survey import Survey, Surveyor
from factory.model.errors import InvalidFile, UsageError
from factory.model.verdict import Decision, Finding
from factory.store import files
from factory.store.edits import decided
from factory.store.queue import VerdictFile, read_item
from factory.store.repository.objects import name_of


@dataclass(frozen=True)
class Answer:
    """What a person said of one item."""

    decision: Decision
    notes: str | None = None
    accepted: tuple[str, ...] = ()
    handoff: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def verdict_file_of(survey: Survey, item_id: str, seat: str | None) -> VerdictFile:
    """The one open verdict file that is meant. Raises UsageError when there is none, or more than one."""
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


def give(item_id: str, seat: str | None, answer: Answer) -> None:
    """Edit the verdict file as the person would. Raises UsageError for what the tick would refuse."""
    with at_desk() as (surveyor, survey, view):
        file = verdict_file_of(survey, item_id, seat)
        data = files.read_regular(view.root / file.path)
        if data is None:
            raise UsageError(f"{file.path} is not in the working tree", f"git checkout -- {file.path}")
        edited = decided(
            file.path, data, answer.decision, answer.notes, answer.accepted, answer.handoff, answer.findings
        )
        refuse_what_the_tick_would(surveyor, survey, file, edited)
        files.write(view.root / file.path, edited)
    click.echo(f"{file.path}: {answer.decision}; the next tick takes it in")


def _refuse_beside_an_edit(surveyor: Surveyor, survey: Survey, item_id: str) -> None:
    """Raises UsageError when the next pass takes in another text of the item than the one that was judged."""
    case, view = survey.cases.get(item_id), surveyor.repository.view_of(surveyor.branch)
    data = files.read_regular(view.root / case.placed.path) if case and view else None
    if case is None or case.item is None or data is None or name_of("blob", data) == case.placed.blob:
        return
    path = case.placed.path
    try:
        edited = replace(case, item=read_item(path, data))
    except InvalidFile:
        return  # not taken in: the committed text stays in force
    if present_subject(surveyor, survey, edited) != present_subject(surveyor, survey, case):
        message = f"{path} has an uncommitted edit, and what was judged is the text before it; nothing was done"
        raise UsageError(message, f"factory tick takes the edit in, git checkout -- {path} undoes it")


def refuse_what_the_tick_would(surveyor: Surveyor, survey: Survey, file: VerdictFile, edited: bytes) -> None:
    """Raises UsageError, with the command that would do."""
    _refuse_beside_an_edit(surveyor, survey, file.item_id)
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
