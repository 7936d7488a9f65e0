"""The verdict: what a person says of one delivery, written into its file as they would write it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from factory.line.person.editing import Desk
from factory.line.review.assess import present_subject
from factory.line.review.votes import Refused, read_verdict, vote_in
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile, UsageError
from factory.model.gate import unanswered
from factory.model.verdict import LOOSE_ITEM, Decision, Finding
from factory.store import files
from factory.store.edits import decided, proposed
from factory.store.queue import VerdictFile, read_item
from factory.store.repository.objects import name_of
from factory.store.repository.view import View

_MOST_PROPOSED = 50_000  # bytes of a verdict file


@dataclass(frozen=True)
class Answer:
    """What a person said of one item."""

    decision: Decision
    notes: str | None = None
    accepted: tuple[str, ...] = ()
    handoff: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    seen: str = ""  # the subject of the delivery that they looked at; empty: whichever is there


def verdict_file_of(snapshot: Snapshot, item_id: str, seat: str | None) -> VerdictFile:
    """The one open verdict file that is meant. Raises UsageError when there is none, or more than one."""
    found = [
        file for file in snapshot.listing.verdicts if file.item_id == item_id and (seat is None or file.seat == seat)
    ]
    if not found:
        raise UsageError(f"{item_id} does not wait for a verdict", "factory review")
    if len(found) > 1:
        seats = ", ".join(file.seat for file in found)
        hint = f"factory review {item_id} --seat {found[0].seat}"
        raise UsageError(f"{item_id} waits for several seats: {seats}", hint)
    return found[0]


def give(desk: Desk, item_id: str, seat: str | None, answer: Answer) -> str:
    """Edit the verdict file as the person would, and say so. Raises UsageError for what the tick would refuse."""
    reader, snapshot, view = desk
    file = verdict_file_of(snapshot, item_id, seat)
    if answer.seen and answer.seen != snapshot.items[item_id].history.subject:
        message = f"{item_id} has been delivered anew since you looked at it; nothing was done"
        raise UsageError(message, f"factory diff {item_id}")
    edited = decided(
        file.path,
        _open(view, file),
        answer.decision,
        answer.notes,
        answer.accepted,
        answer.handoff,
        answer.findings,
    )
    refuse_what_the_tick_would(reader, snapshot, file, edited)
    files.write(view.root / file.path, edited)
    return f"{file.path}: {answer.decision}; the next tick takes it in"


def give_proposal(desk: Desk, item_id: str, seat: str | None, decision: Decision, why: str) -> str:
    """Write a proposal into the comments of the verdict file, for the person who decides, and say so."""
    _, snapshot, view = desk
    file = verdict_file_of(snapshot, item_id, seat)
    edited = proposed(file.path, _open(view, file), decision, why)
    if len(edited) > _MOST_PROPOSED:
        raise UsageError(f"{file.path} holds so many proposals that nobody will read another one", "factory review")
    files.write(view.root / file.path, edited)
    return f"{file.path}: {decision} is proposed; a person decides"


def _open(view: View, file: VerdictFile) -> bytes:
    """The verdict file as it lies there. Raises UsageError when it does not."""
    data = files.read_regular(view.root / file.path)
    if data is None:
        raise UsageError(f"{file.path} is not in the working tree", f"git checkout -- {file.path}")
    return data


def _refuse_beside_an_edit(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> None:
    """Raises UsageError when the next pass takes in another text of the item than the one that was judged."""
    state, view = snapshot.items.get(item_id), reader.repository.view_of(reader.branch)
    data = files.read_regular(view.root / state.placed.path) if state and view else None
    if state is None or state.item is None or data is None or name_of("blob", data) == state.placed.blob:
        return
    path = state.placed.path
    try:
        edited = replace(state, item=read_item(path, data))
    except InvalidFile:
        return  # not taken in: the committed text stays in force
    if present_subject(reader, snapshot, edited) != present_subject(reader, snapshot, state):
        message = f"{path} has an uncommitted edit, and what was judged is the text before it; nothing was done"
        raise UsageError(message, f"factory tick takes the edit in, git checkout -- {path} undoes it")


def _refuse_what_is_judged_anew(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> None:
    """Raises UsageError when the next pass sends the item back whatever is said of it."""
    state = snapshot.items.get(item_id)
    if state is None or state.item is None or state.contract is None or not state.history.subject:
        return
    if present_subject(reader, snapshot, state) != state.history.subject:
        changed = "the item, its contract or the policy is another one than at its delivery"
        message = f"{item_id} waits for no verdict any more: {changed}, so that none would count; nothing was done"
        raise UsageError(message, f"factory tick sends it back to be judged anew, factory cancel {item_id} ends it")


def refuse_what_the_tick_would(reader: SnapshotReader, snapshot: Snapshot, file: VerdictFile, edited: bytes) -> None:
    """Raises UsageError, with the command that would do."""
    _refuse_beside_an_edit(reader, snapshot, file.item_id)
    _refuse_what_is_judged_anew(reader, snapshot, file.item_id)
    try:
        vote_in(reader, snapshot, file.path, edited)
    except InvalidFile as error:
        said = "; ".join(problem.message for problem in error.problems)
        answers = " ".join(_left_unsaid(snapshot, file, edited, error)) if isinstance(error, Refused) else ""
        hint = f"factory review {file.item_id}" + (f" --approve {answers}" if answers else "")
        raise UsageError(f"{file.item_id} is left as it was: {said}", hint) from None


def _left_unsaid(snapshot: Snapshot, file: VerdictFile, edited: bytes, refused: Refused) -> Iterator[str]:
    """The options that say what a refused approval says nothing of: criteria without a check, and loose ends."""
    state, verdict = snapshot.items[file.item_id], read_verdict(file.path, edited)
    if verdict.decision is not Decision.APPROVE:
        return
    asked, left = unanswered(state.item) if state.item else (), state.history.loose_ends
    unread = [key for key in asked if verdict.acceptance.get(key, "unread") == "unread"]
    if unread and "acceptance" in refused.keys:
        yield from (f"--accept {key}" for key in asked)
    silent = [key for key in left if verdict.handoff.get(key) != LOOSE_ITEM and not verdict.dismisses(key)]
    if silent and "handoff" in refused.keys:
        yield from (f"--handoff {key}=item" for key in left)
