"""Answers: what people decide of what workers ask; once all is answered, the item goes back to where it came from."""

from factory.line.context import Context
from factory.line.intake.answers_file import answers_file, read_answers
from factory.line.snapshot import ItemState, Snapshot
from factory.line.writer import Move
from factory.model.errors import InvalidFile, Problem
from factory.model.events import Payload, Unblocked
from factory.model.layout import answers_path
from factory.model.lifecycle import Lane
from factory.model.mission.events import Resumed
from factory.store import yaml
from factory.store.queue import AnswersFile
from factory.store.repository.objects import FILE, TreeEntry


def honour_answers(context: Context, snapshot: Snapshot) -> tuple[Snapshot, list[Problem]]:
    """Send back to work whatever is answered, and put before a person again what is not; what is wrong with answers."""
    problems: list[Problem] = []
    files = {file.item_id: file for file in snapshot.listing.answers}
    for state in snapshot.in_lane(Lane.BLOCKED):
        if state.unread or not state.recorded or not state.history.questions:
            continue
        file = files.get(state.id)
        if file is None:
            _open_again(context, state)
            continue
        with context.isolating(state):
            try:
                moved = _answered(context, snapshot, state, file)
            except InvalidFile as error:
                problems.extend(error.problems)
            else:
                snapshot = snapshot.after(*moved)
    return snapshot, problems


def answers_of(context: Context, snapshot: Snapshot, state: ItemState) -> dict[str, str] | None:
    """What is answered of what an item's worker asks; None where nothing counts."""
    file = next((each for each in snapshot.listing.answers if each.item_id == state.id), None)
    if file is None or not state.history.questions:
        return None
    try:
        return _read(context, state, file)
    except InvalidFile:
        return None  # whoever moves the item on needs no answer


def _read(context: Context, state: ItemState, file: AnswersFile) -> dict[str, str] | None:
    data = context.repository.objects.regular(file.path, TreeEntry(FILE, file.blob), yaml.MAX_BYTES)
    return read_answers(file.path, data, state.history)


def _answered(context: Context, snapshot: Snapshot, state: ItemState, file: AnswersFile) -> list[ItemState]:
    repository = context.repository
    answers = _read(context, state, file)
    if answers is None:
        return []
    who = repository.last_author(snapshot.head, file.path) or context.me
    said = f"answered by {who}"
    payload: Payload = Unblocked(to=state.came_from, reason=said, answers=answers)
    if state.history.mission.under_way:
        payload = Resumed(reason=said, answers=answers)
    return [context.writer.move(state, Move(payload, actor=who), snapshot.listing.opened)]


def _open_again(context: Context, state: ItemState) -> None:
    """Its file was deleted, or it was put into blocked by a merge without it."""
    history = state.history
    title = state.item.title if state.item else ""
    data = answers_file(state.id, title, history.run, history.questions)
    said = f"factory: {state.id} waits for answers again"
    context.writer.take_in(context.me, {answers_path(state.id): data}, said)
