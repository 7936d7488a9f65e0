"""The walk: everything that waits for a verdict, one after another, with what is needed to decide, and the question."""

import re
from collections.abc import Iterator
from enum import Enum, auto

import click

from factory.cli.session import editing, reading
from factory.cli.text import in_pages, lane_word, patch_lines
from factory.line.person.verdict import Answer, give, refuse_what_the_tick_would
from factory.line.review.review_request import review_request_of
from factory.line.review.verdict_file import told
from factory.line.review.votes import vote_in
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import FactoryError, UsageError
from factory.model.gate import unanswered
from factory.model.lifecycle import Lane
from factory.model.text import printable
from factory.model.verdict import LOOSE_ITEM, SHORTEST_REASON, Decision, Finding
from factory.report.difference import difference
from factory.store import files
from factory.store.queue import VerdictFile

_HELD = ", on hold: an approval waits until it is released, all else counts at once"
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
    with reading() as (reader, snapshot):
        meant = [
            file for file in snapshot.listing.verdicts if item_id in (None, file.item_id) and seat in (None, file.seat)
        ]
        waiting = [file for file in meant if file.item_id in snapshot.items and snapshot.items[file.item_id].item]
        if not waiting and item_id is not None:
            raise UsageError(f"{item_id} does not wait for a verdict", "factory review")
        if not waiting:
            click.echo("nothing waits for a verdict")
        waiting.sort(key=lambda file: _on_hold(snapshot, file))  # what can be decided on comes first
        place = 0
        while place < len(waiting):
            held = (
                ", on hold: an approval waits until it is released, all else counts at once"
                if _on_hold(snapshot, waiting[place])
                else ""
            )
            click.echo(f"\n{place + 1} of {len(waiting)}{held}")
            step = _ask(reader, snapshot, waiting[place])
            if step is _Step.OUT:
                return
            place = max(0, place - 1) if step is _Step.BACK else place + 1


def _on_hold(snapshot: Snapshot, file: VerdictFile) -> bool:
    item = snapshot.items[file.item_id].item
    return item is not None and item.hold


def _ask(reader: SnapshotReader, snapshot: Snapshot, file: VerdictFile) -> _Step:
    """Show one item, and ask until there is an answer or the person goes elsewhere."""
    state = snapshot.items[file.item_id]
    in_pages(_shown(reader, snapshot, file))
    while True:
        choice = _Key([*_DECISIONS, *"dosbq?"], case_sensitive=False)
        key = click.prompt(_QUESTION, type=choice, show_choices=False, default="s")
        match key:
            case "?":
                click.echo(_HELP)
            case "d":
                in_pages(_shown(reader, snapshot, file))
            case "o":
                if _edited(file):
                    return _Step.ON
            case "s":
                return _Step.ON
            case "b":
                return _Step.BACK
            case "q":
                return _Step.OUT
            case _ if _confirmed(state, _DECISIONS[key]):
                _give(state, file, _DECISIONS[key])
                return _Step.ON


def _confirmed(state: ItemState, decision: Decision) -> bool:
    """A rejection ends an item, so it is asked for twice."""
    question = f"{state.id} ends as rejected, and nothing of it is applied - reject it?"
    return decision is not Decision.REJECT or click.confirm(question, default=False)


def _give(state: ItemState, file: VerdictFile, decision: Decision) -> None:
    """Ask for what belongs to a decision, and write it down. What is refused is said, and the walk goes on."""
    accepted: tuple[str, ...] = ()
    handoff: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    if decision is Decision.APPROVE:
        accepted, handoff = tuple(_accepted(state)), dict(_answered(state))
    elif decision is Decision.REWORK:
        findings = tuple(_findings())
    must = decision is Decision.REWORK and not findings
    notes = click.prompt("notes", default=None if must else "", show_default=False)
    try:
        with editing() as desk:
            answer = Answer(decision, notes or None, accepted, handoff, findings, state.history.subject)
            said = give(desk, state.id, file.seat, answer)
        click.echo(said)
    except FactoryError as error:
        click.echo(click.style(printable(error.message), fg="red"))


def _accepted(state: ItemState) -> Iterator[str]:
    assert state.item is not None
    open_criteria = unanswered(state.item)
    for criterion in state.item.acceptance:
        question = f"{criterion.id}: {printable(criterion.text)} - does it pass?"
        if criterion.id in open_criteria and click.confirm(question, default=False):
            yield criterion.id


def _answered(state: ItemState) -> Iterator[tuple[str, str]]:
    for loose_end, text in state.history.loose_ends.items():
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
    with reading() as (reader, _):
        view = reader.repository.view_of(reader.branch)
    if view is None:
        click.echo(f"the branch {reader.branch} is not checked out anywhere")
        return False
    try:
        click.edit(filename=str(view.root / file.path))
    except click.ClickException as error:
        click.echo(click.style(printable(error.message), fg="red"))
        return False
    with editing() as (reader, snapshot, view):
        data = files.read_regular(view.root / file.path) or b""
        try:
            refuse_what_the_tick_would(reader, snapshot, file, data)
            decided = vote_in(reader, snapshot, file.path, data) is not None
        except FactoryError as error:
            click.echo(click.style(printable(error.message), fg="red"))
            return False
    click.echo(f"{file.path}: noted; the next tick takes it in" if decided else "nothing is decided yet")
    return decided


def _shown(reader: SnapshotReader, snapshot: Snapshot, file: VerdictFile) -> Iterator[str]:
    """An item that waits: the task, all that is known of its delivery, and the patch in colour."""
    state = snapshot.items[file.item_id]
    item, history = state.item, state.history
    assert item is not None
    where = f"round {history.round}, run {history.run}, seat {file.seat}"
    title = printable(" ".join(item.title.split()))
    yield f"{click.style(state.id, bold=True)}  {lane_word(Lane.REVIEW)}  {title}  ({where})"
    yield from (f"  {line}" for line in printable(item.description).strip().split("\n") if item.description)
    yield ""
    try:
        evidence = reader.artifacts.evidence(snapshot.tree, state.id, history.run)
        if evidence is not None and state.contract is not None:
            yield from told(review_request_of(reader, snapshot, state, evidence), file.seat)
        yield from (f"left {key}: {printable(text)}" for key, text in history.loose_ends.items())
        yield ""
        yield from patch_lines(difference(reader, snapshot, state.id))
    except FactoryError as error:
        yield click.style(printable(error.message), fg="red")
