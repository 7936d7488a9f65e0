"""`factory retry`, `hold` and `cancel`: a person's levers, each the same as an edit or a move of the file by hand."""

from collections.abc import Sequence
from pathlib import Path

import click

from factory.cli.ids import OPEN, item_argument
from factory.cli.session import editing, just_added, no_such_item
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.layout import item_path, lane_folder
from factory.model.lifecycle import Lane, Outcome
from factory.store import edits, files
from factory.store.repository.objects import name_of
from factory.store.repository.view import View


class _Absent(UsageError):
    """An item that the branch has, and the working tree does not."""


def open_item(reader: SnapshotReader, snapshot: Snapshot, view: View, item_id: str) -> tuple[ItemState, Path]:
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


def move_file(view: View, source: Path, target: str, besides: Sequence[str] = ()) -> None:
    """Move an item's file, and stage the move, so that any commit holds both halves of it."""
    if files.move_new(source, view.root / target):
        view.index.stage([str(source.relative_to(view.root)), target, *besides])
        return
    if source.exists():
        raise UsageError(f"{target} exists already", "factory check")
    raise UsageError(f"somebody has just moved {source.name}; nothing was done", "factory status")


@click.command("retry")
@item_argument(Lane.BLOCKED, Lane.DONE)
def retry_command(item_id: str) -> None:
    """Send a blocked item back to work, to rework if it was judged before; open a rejected or cancelled one again.

    A mission that is paused goes on where it was.
    """
    with editing() as (reader, snapshot, view):
        day = None if item_id in snapshot.items else reader.queue.done_day(snapshot.tree, item_id)
        if day is not None:
            path, lane = _reopened(reader, snapshot, view, item_id, day), Lane.INBOX
        else:
            state, path = open_item(reader, snapshot, view, item_id)
            if state.lane is not Lane.BLOCKED:
                raise UsageError(f"{item_id} is not blocked, it is in {state.lane}", "factory status")
            lane = _back_to(state)
        move_file(view, path, item_path(lane, item_id))
    click.echo(f"{item_id}: moved to {lane_folder(lane)}; the next tick takes it up")


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


@click.command("hold")
@item_argument(*OPEN)
@click.option("--off", is_flag=True, help="Let it go on.")
def hold_command(item_id: str, off: bool) -> None:
    """Keep an item from starting and from being applied, until --off."""
    with editing() as (reader, snapshot, view):
        new = just_added(view, snapshot, item_id)
        path = view.root / new[0].path if new else open_item(reader, snapshot, view, item_id)[1]
        known, data = str(path.relative_to(view.root)), files.read_regular(path)
        if data is None:
            raise UsageError(f"{known} is not a plain file", "factory check")
        files.write(path, edits.held(known, data, not off))
    click.echo(f"{item_id}: hold is {'off' if off else 'on'}; the next tick takes it in")


@click.command("cancel")
@item_argument(*OPEN)
def cancel_command(item_id: str) -> None:
    """End an item; a running worker is stopped by the next pass."""
    with editing() as (reader, snapshot, view):
        target = _ended(item_id)
        new = just_added(view, snapshot, item_id)
        if new:
            raise UsageError(f"{item_id} has not been taken in yet, so nothing has to be ended", f"rm {new[0].path}")
        try:
            _, path = open_item(reader, snapshot, view, item_id)
        except _Absent:
            path = _brought_back(reader, snapshot, view, item_id)
        move_file(view, path, target, _unanswered(snapshot, view, item_id))
    click.echo(f"{item_id}: moved to {target}; the next tick records it as cancelled")


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
