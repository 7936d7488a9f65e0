"""The walk: everything that waits for a verdict, one after another, with what is needed to decide, and the question."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import click

from factory.cli.text import lane_word
from factory.line.gate import unanswered
from factory.line.survey import Case, Survey, Surveyor
from factory.model.base import printable
from factory.model.evidence import Evidence
from factory.model.lifecycle import Lane
from factory.model.verdict import LOOSE_ITEM, SHORTEST_REASON, Decision
from factory.store.queue import VerdictFile

_LINES = 400  # of a patch are shown; more is read in an editor
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_KEYS = {
    "a": Decision.APPROVE,
    "r": Decision.REWORK,
    "j": Decision.REJECT,
    "e": Decision.ESCALATE,
}
_QUESTION = "[a]pprove, [r]ework, re[j]ect, [e]scalate, [s]kip, [q]uit"


@dataclass(frozen=True)
class Answer:
    """What a person said of one item."""

    decision: Decision
    notes: str | None = None
    accepted: tuple[str, ...] = ()
    handoff: dict[str, str] = field(default_factory=dict)


def present(surveyor: Surveyor, survey: Survey, file: VerdictFile, evidence: Evidence | None) -> None:
    """Show an item that waits: the task, the evidence, the findings, and the patch in colour."""
    case = survey.cases[file.item_id]
    for line in _told(case, file, evidence):
        click.echo(line)
    patch = surveyor.artifacts.run_files(survey.tree, case.id, case.history.run).get("patch.diff", b"")
    lines = patch.decode(errors="replace").split("\n")
    click.echo()
    for line in lines[:_LINES]:
        head = line.startswith(("diff --git", "+++", "---"))
        click.echo(click.style(printable(line), bold=head, fg=None if head else _COLOURS.get(line[:1])))
    if len(lines) > _LINES:
        click.echo(f"[{len(lines) - _LINES} lines more in artifacts/{case.id}/run-{case.history.run}/patch.diff]")


def _told(case: Case, file: VerdictFile, evidence: Evidence | None) -> Iterator[str]:
    item, history = case.item, case.history
    assert item is not None
    where = f"round {history.round}, run {history.run}, seat {file.seat}"
    yield f"\n{click.style(case.id, bold=True)}  {lane_word(Lane.REVIEW)}  {printable(item.title)}  ({where})"
    yield from (f"  {line}" for line in printable(item.description).strip().split("\n") if item.description)
    for ran in evidence.ran if evidence else ():
        word = click.style("pass", fg="green") if ran.passed else click.style("fail", fg="red")
        yield f"check    {word}  {printable(ran.name)}: {printable(' '.join(ran.run))} ({ran.seconds:g} s)"
    for vote in history.entries[-1].verdicts:
        yield f"seat     {vote.decision}  {printable(vote.reviewer)}{': ' if vote.lost else ''}{printable(vote.lost)}"
    for row in history.table.rows():
        how = f", {row['how']}" if row["how"] else ""
        yield f"earlier  {row['state']}{how}: {printable(str(row['path']))} {printable(str(row['text']))}"
    for key, text in history.loose_ends.items():
        yield f"left     {key}: {printable(text)}"


def ask(case: Case) -> Answer | None:
    """What the person says; None to go on to the next. Ends the command when they have had enough."""
    assert case.item is not None
    key = click.prompt(_QUESTION, type=click.Choice([*_KEYS, "s", "q"]), show_choices=False, default="s")
    if key == "q":
        raise click.exceptions.Exit(0)
    if key == "s":
        return None
    decision = _KEYS[key]
    accepted: list[str] = []
    handoff: dict[str, str] = {}
    if decision is Decision.APPROVE:
        for criterion in case.item.acceptance:
            question = f"{criterion.id}: {printable(criterion.text)} - does it pass?"
            if criterion.id in unanswered(case.item) and click.confirm(question, default=False):
                accepted.append(criterion.id)
        for loose_end, text in case.history.loose_ends.items():
            how = f"`{LOOSE_ITEM}`, or why nothing is to be done ({SHORTEST_REASON} characters)"
            question = f"{loose_end}: {printable(text)} - {how}"
            handoff[loose_end] = click.prompt(question, default=LOOSE_ITEM)
    must = decision is Decision.REWORK
    notes = click.prompt("notes", default=None if must else "", show_default=False)
    return Answer(decision, notes or None, tuple(accepted), handoff)
