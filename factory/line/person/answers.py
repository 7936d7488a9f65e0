"""Answers: what people decide of what workers ask, the same edit as in the file of answers."""

from collections.abc import Mapping, Sequence

from factory.line.intake.answers_file import read_answers
from factory.line.person.editing import Desk
from factory.line.snapshot import ItemState, Snapshot
from factory.model.errors import InvalidFile, UsageError
from factory.model.layout import answers_path
from factory.model.lifecycle import Lane
from factory.model.questions import Question
from factory.store import files
from factory.store.edits import answered


def asking(snapshot: Snapshot, item_id: str) -> ItemState:
    """An item that waits for answers. Raises UsageError for another one."""
    state = snapshot.items.get(item_id)
    if state is None or state.lane is not Lane.BLOCKED or not state.history.questions:
        raise UsageError(f"{item_id} does not ask anything", "factory answer")
    return state


def answer(desk: Desk, item_id: str, decisions: Mapping[str, str], seen: Sequence[Question] = ()) -> str:
    """Edit the file as the person would, and say so. Raises UsageError for what the tick would refuse.

    `seen` are the questions that they were shown, where these may have become others since.
    """
    _, snapshot, view = desk
    path, state = answers_path(item_id), asking(snapshot, item_id)
    if seen and tuple(seen) != state.history.questions:
        raise UsageError(f"{item_id} asks something else by now; nothing was done", f"factory answer {item_id}")
    data = files.read_regular(view.root / path)
    if data is None:
        raise UsageError(f"{path} is not in the working tree", f"git checkout -- {path}")
    try:
        edited = answered(path, data, decisions)
        read_answers(path, edited, state.history)
    except InvalidFile as error:
        said = "; ".join(problem.message for problem in error.problems)
        raise UsageError(f"{item_id} is left as it was: {said}", f"factory answer {item_id}") from None
    files.write(view.root / path, edited)
    return f"{path}: answered; the next tick takes it in"
