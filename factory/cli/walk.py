"""The walk: everything that waits for a verdict, one after another, with what is needed to decide, and the question."""

import re
from collections.abc import Iterator
from enum import Enum, auto

import click

from factory.cli.answer import Answer, give, refuse_what_the_tick_would
from factory.cli.session import at_desk, surveyed
from factory.cli.text import in_pages, lane_word, patch_lines
from factory.line.desk import cast_in
from factory.line.gate import unanswered
from factory.line.request import request_of
from factory.line.survey import Case, Survey, Surveyor
from factory.line.verdict_file import told
from factory.model.base import printable
from factory.model.errors import FactoryError, UsageError
from factory.model.lifecycle import Lane
from factory.model.verdict import LOOSE_ITEM, SHORTEST_REASON, Decision, Finding
from factory.report.difference import difference
from factory.store import files
from factory.store.queue import VerdictFile

_QUESTION = "[a]pprove, [r]ework, re[j]ect, [e]scalate, [d]iff, [o]pen, [s]kip, [b]ack, [q]uit, [?]"
_HELP = """  a  approve: it may be applied
  r  rework: it is done again, with your findings and notes
  j  reject: it ends here, and nothing of it is applied
  e  escalate: somebody else must look at it
  d  show the request and the patch again
  o  open the verdict file in your editor
  s  skip it   b  back to the one before   q  leave the rest as it is"""
_DECISIONS = {"a": Decision.APPROVE, "r": Decision.REWORK, "j": Decision.REJECT, "e": Decision.ESCALATE}
_WORDS = {"diff": "d", "open": "o", "skip": "s", "back": "b", "quit": "q", "help": "?"}
_PLACED = re.compile(r"(?P<path>[^\s:]+)(?::(?P<line>[1-9]\d{0,8}))?: +(?P<text>.*\S)")


class _Step(Enum):
    """Where to go when nothing more is to be said of an item."""

    ON = auto()
    BACK = auto()
    OUT = auto()


class _Key(click.Choice[str]):
    """A key of the question, or the word that it stands for."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The key."""
        words = _WORDS | {str(decision): key for key, decision in _DECISIONS.items()}
        return super().convert(words.get(value.strip().lower(), value), param, ctx)


def walk(item_id: str | None, seat: str | None) -> None:
    """One after another, as they waited when the walk began; only those of one item when there is an id."""
    with surveyed() as (surveyor, survey):
        meant = [
            file for file in survey.snapshot.verdicts if item_id in (None, file.item_id) and seat in (None, file.seat)
        ]
        waiting = [file for file in meant if file.item_id in survey.cases and survey.cases[file.item_id].item]
        if not waiting and item_id is not None:
            raise UsageError(f"{item_id} does not wait for a verdict", "factory review")
        if not waiting:
            click.echo("nothing waits for a verdict")
        place = 0
        while place < len(waiting):
            click.echo(f"\n{place + 1} of {len(waiting)}")
            step = _ask(surveyor, survey, waiting[place])
            if step is _Step.OUT:
                return
            place = max(0, place - 1) if step is _Step.BACK else place + 1


def _ask(surveyor: Surveyor, survey: Survey, file: VerdictFile) -> _Step:
    """Show one item, and ask until there is an answer or the person goes elsewhere."""
    case = survey.cases[file.item_id]
    in_pages(_shown(surveyor, survey, file))
    while True:
        choice = _Key([*_DECISIONS, *"dosbq?"], case_sensitive=False)
        key = click.prompt(_QUESTION, type=choice, show_choices=False, default="s")
        match key:
            case "?":
                click.echo(_HELP)
            case "d":
                in_pages(_shown(surveyor, survey, file))
            case "o":
                if _edited(file):
                    return _Step.ON
            case "s":
                return _Step.ON
            case "b":
                return _Step.BACK
            case "q":
                return _Step.OUT
            case _ if _confirmed(case, _DECISIONS[key]):
                _give(case, file, _DECISIONS[key])
                return _Step.ON


def _confirmed(case: Case, decision: Decision) -> bool:
    """A rejection ends an item, so it is asked for twice."""
    question = f"{case.id} ends as rejected, and nothing of it is applied - reject it?"
    return decision is not Decision.REJECT or click.confirm(question, default=False)


def _give(case: Case, file: VerdictFile, decision: Decision) -> None:
    """Ask for what belongs to a decision, and write it down. What is refused is said, and the walk goes on."""
    accepted: tuple[str, ...] = ()
    handoff: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    if decision is Decision.APPROVE:
        accepted, handoff = tuple(_accepted(case)), dict(_answered(case))
    elif decision is Decision.REWORK:
        findings = tuple(_findings())
    must = decision is Decision.REWORK and not findings
    notes = click.prompt("notes", default=None if must else "", show_default=False)
    try:
        give(case.id, file.seat, Answer(decision, notes or None, accepted, handoff, findings))
    except FactoryError as error:
        click.echo(click.style(printable(error.message), fg="red"))


def _accepted(case: Case) -> Iterator[str]:
    assert case.item is not None
    open_criteria = unanswered(case.item)
    for criterion in case.item.acceptance:
        question = f"{criterion.id}: {printable(criterion.text)} - does it pass?"
        if criterion.id in open_criteria and click.confirm(question, default=False):
            yield criterion.id


def _answered(case: Case) -> Iterator[tuple[str, str]]:
    for loose_end, text in case.history.loose_ends.items():
        how = f"`{LOOSE_ITEM}`, or why nothing is to be done ({SHORTEST_REASON} characters)"
        yield loose_end, click.prompt(f"{loose_end}: {printable(text)} - {how}", default=LOOSE_ITEM)


def _findings() -> Iterator[Finding]:
    """What is wrong, one by one, until there is no more."""
    for number in range(1, 100):
        said = click.prompt(f"finding {number}, as path:line: text (empty: no more)", default="", show_default=False)
        if not said.strip():
            return
        placed = _PLACED.fullmatch(said.strip())
        path, line, text = placed.group("path", "line", "text") if placed else ("", None, said.strip())
        yield Finding(id=f"F{number}", path=path, line=int(line) if line else None, text=text)


def _edited(file: VerdictFile) -> bool:
    """Let the person write the verdict themselves; whether it now says something that counts."""
    with surveyed() as (surveyor, _):
        view = surveyor.repository.view_of(surveyor.branch)
    if view is None:
        click.echo(f"the branch {surveyor.branch} is not checked out anywhere")
        return False
    try:
        click.edit(filename=str(view.root / file.path))
    except click.ClickException as error:
        click.echo(click.style(printable(error.message), fg="red"))
        return False
    with at_desk() as (surveyor, survey, view):
        data = files.read_regular(view.root / file.path) or b""
        try:
            refuse_what_the_tick_would(surveyor, survey, file, data)
            decided = cast_in(surveyor, survey, file.path, data) is not None
        except FactoryError as error:
            click.echo(click.style(printable(error.message), fg="red"))
            return False
    click.echo(f"{file.path}: noted; the next tick takes it in" if decided else "nothing is decided yet")
    return decided


def _shown(surveyor: Surveyor, survey: Survey, file: VerdictFile) -> Iterator[str]:
    """An item that waits: the task, all that is known of its delivery, and the patch in colour."""
    case = survey.cases[file.item_id]
    item, history = case.item, case.history
    assert item is not None
    where = f"round {history.round}, run {history.run}, seat {file.seat}"
    title = printable(" ".join(item.title.split()))
    yield f"{click.style(case.id, bold=True)}  {lane_word(Lane.REVIEW)}  {title}  ({where})"
    yield from (f"  {line}" for line in printable(item.description).strip().split("\n") if item.description)
    yield ""
    try:
        evidence = surveyor.artifacts.evidence(survey.tree, case.id, history.run)
        if evidence is not None and case.contract is not None:
            yield from told(request_of(surveyor, survey, case, evidence), file.seat)
        yield from (f"left {key}: {printable(text)}" for key, text in history.loose_ends.items())
        yield ""
        yield from patch_lines(difference(surveyor, survey, case.id))
    except FactoryError as error:
        yield click.style(printable(error.message), fg="red")
