"""Levers: retry, hold, cancel, and the pause of a mission, each the same as an edit or a move of the file by hand."""

from collections.abc import Sequence
from pathlib import Path

from factory.line.person.editing import Desk, just_added, no_such_item
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.layout import item_path, lane_folder
from factory.model.lifecycle import Lane, Outcome
from factory.store import edits, files
from factory.store.repository.objects import name_of
from factory.store.repository.view import View


class _Absent(UsageError):
    """An item that the branch has, and the working tree does not."""


def _open_item(reader: SnapshotReader, snapshot: Snapshot, view: View, item_id: str) -> tuple[ItemState, Path]:
    """An open item, and its file in the working tree. Raises UsageError where there is no such item or file."""
    state = snapshot.items.get(item_id)
    if state is None:
        raise no_such_item(reader, snapshot, item_id)
    return state, _file(view, item_id, state.placed.path)


def _file(view: View, item_id: str, known: str) -> Path:
    """An item's file in the working tree, where the branch has it."""
    path = view.root / known
    if path.is_file():
        return path
    places = (*(item_path(lane, item_id) for lane in Lane if lane is not Lane.DONE), _ended(item_id))
    moved = next((place for place in places if (view.root / place).is_file()), None)
    if moved:
        raise UsageError(f"{item_id} has been moved to {moved} already; the next tick takes that in", "factory tick")
    raise _Absent(f"{known} is not in the working tree", f"git checkout -- {known}")


def _ended(item_id: str) -> str:
    """Where a person moves an item to end it."""
    return item_path(Lane.DONE, item_id)


def _move_file(view: View, source: Path, target: str, besides: Sequence[str] = ()) -> None:
    """Move an item's file, and stage the move, so that any commit holds both halves of it."""
    if files.move_new(source, view.root / target):
        view.index.stage([str(source.relative_to(view.root)), target, *besides])
        return
    if source.exists():
        raise UsageError(f"{target} exists already", "factory check")
    raise UsageError(f"somebody has just moved {source.name}; nothing was done", "factory status")


def retry(desk: Desk, item_id: str) -> str:
    """Send an item back to work, or open a rejected or cancelled one again, and say so. Raises UsageError."""
    reader, snapshot, view = desk
    day = None if item_id in snapshot.items else reader.queue.done_day(snapshot.tree, item_id)
    if day is not None:
        path, lane = _reopened(reader, snapshot, view, item_id, day), Lane.INBOX
    else:
        state, path = _open_item(reader, snapshot, view, item_id)
        if state.lane is not Lane.BLOCKED:
            raise UsageError(f"{item_id} is not blocked, it is in {state.lane}", "factory status")
        lane = _back_to(state)
    _move_file(view, path, item_path(lane, item_id))
    return f"{item_id}: moved to {lane_folder(lane)}; the next tick takes it up"


def _back_to(state: ItemState) -> Lane:
    """Where a blocked item goes on."""
    if state.history.mission.under_way:
        return Lane.ACTIVE  # a mission is not planned anew
    return Lane.REWORK if state.history.findings else Lane.INBOX


def _reopened(reader: SnapshotReader, snapshot: Snapshot, view: View, item_id: str, day: str) -> Path:
    """The file of a finished item that brought nothing in. Raises UsageError for one that did."""
    outcome = reader.artifacts.history(snapshot.tree, item_id, day).outcome
    if outcome in (Outcome.APPLIED, Outcome.ACCEPTED):
        raise UsageError(
            f"{item_id} is done, and was {outcome}; add a new item, or undo it", f"factory revert {item_id}"
        )
    if (archived := reader.queue.archived(snapshot.tree, item_id)) is not None:
        told = f"git show {archived.commit[:12]}:{item_path(Lane.DONE, item_id, day)}"
        raise UsageError(f"{item_id} is archived, and what is archived stays so; add a new item like it", told)
    return _file(view, item_id, item_path(Lane.DONE, item_id, day))


def hold(desk: Desk, item_id: str, *, off: bool = False) -> str:
    """Keep an item from starting and from being applied, or let it go on, and say so. Raises UsageError."""
    reader, snapshot, view = desk
    new = just_added(view, snapshot, item_id)
    path = view.root / new[0].path if new else _open_item(reader, snapshot, view, item_id)[1]
    known, data = str(path.relative_to(view.root)), files.read_regular(path)
    if data is None:
        raise UsageError(f"{known} is not a plain file", "factory check")
    files.write(path, edits.held(known, data, not off))
    return f"{item_id}: hold is {'off' if off else 'on'}; the next tick takes it in"


def cancel(desk: Desk, item_id: str) -> str:
    """End an item, and say so. Raises UsageError."""
    reader, snapshot, view = desk
    target = _ended(item_id)
    new = just_added(view, snapshot, item_id)
    if new:
        raise UsageError(f"{item_id} has not been taken in yet, so nothing has to be ended", f"rm {new[0].path}")
    try:
        _, path = _open_item(reader, snapshot, view, item_id)
    except _Absent:
        path = _brought_back(reader, snapshot, view, item_id)
    _move_file(view, path, target, _unanswered(snapshot, view, item_id))
    return f"{item_id}: moved to {target}; the next tick records it as cancelled"


def pause(desk: Desk, item_id: str) -> str:
    """Let a mission wait, and say so. Raises UsageError."""
    return _move_mission(desk, item_id, Lane.ACTIVE, Lane.BLOCKED, "resume")


def resume(desk: Desk, item_id: str) -> str:
    """Let a paused mission go on, and say so. Raises UsageError."""
    return _move_mission(desk, item_id, Lane.BLOCKED, Lane.ACTIVE, "pause")


def _move_mission(desk: Desk, item_id: str, source: Lane, target: Lane, back: str) -> str:
    reader, snapshot, view = desk
    state, path = _open_item(reader, snapshot, view, item_id)
    if not state.history.mission.under_way:
        raise UsageError(f"{item_id} is no mission under way, it is in {state.lane}", "factory mission list")
    if state.lane is not source:
        raise UsageError(f"{item_id} is in {state.lane} already", f"factory mission {back} {item_id}")
    _move_file(view, path, item_path(target, item_id))
    return f"{item_id}: moved to {lane_folder(target)}; the next tick takes it up"


def _brought_back(reader: SnapshotReader, snapshot: Snapshot, view: View, item_id: str) -> Path:
    """An item's file as the branch has it, put back where a person deleted it."""
    placed = snapshot.items[item_id].placed
    path = view.root / placed.path
    if not files.write_new(path, reader.repository.objects.blob(placed.blob)):
        raise UsageError(f"{placed.path} is not a plain file", "factory check")
    return path


def _unanswered(snapshot: Snapshot, view: View, item_id: str) -> list[str]:
    """What was put before people of an item, taken away since nobody is asked now; what a person has edited stays."""
    gone: list[str] = []
    for file in snapshot.listing.opened:
        data = files.read_regular(view.root / file.path) if file.item_id == item_id else None
        if data is not None and name_of("blob", data) == file.blob:
            (view.root / file.path).unlink()
            gone.append(file.path)
    return gone
