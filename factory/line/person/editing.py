"""Editing: the snapshot of now, and the working tree in which a person edits."""

from collections.abc import Iterator
from contextlib import contextmanager

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import FactoryError, InvalidFile, UsageError
from factory.model.item import Item
from factory.model.layout import item_path
from factory.model.lifecycle import Lane
from factory.store import files
from factory.store.library import locate_branch
from factory.store.queue import Placed, read_item
from factory.store.repository.objects import name_of
from factory.store.repository.repository import Repository
from factory.store.repository.view import View

Desk = tuple[SnapshotReader, Snapshot, View]  # what is known, and the working tree to edit


@contextmanager
def reading(repository: Repository) -> Iterator[tuple[SnapshotReader, Snapshot]]:
    """The branch's snapshot at this moment."""
    branch = locate_branch(repository)
    head = repository.tip(branch)
    reader = SnapshotReader(repository, branch)
    yield reader, reader.snapshot(repository.system.now(), head)
    reader.queue.save()


def queue_checkout(reader: SnapshotReader) -> View:
    """The working tree in which people edit the queue. Raises UsageError when the branch is not checked out."""
    view = reader.repository.view_of(reader.branch)
    if view is None:
        raise UsageError(f"the branch {reader.branch} is not checked out anywhere", f"git switch {reader.branch}")
    return view


@contextmanager
def editing(repository: Repository) -> Iterator[Desk]:
    """The snapshot of now and the working tree to edit; meanwhile no orchestrator moves a file there."""
    with reading(repository) as (reader, snapshot):
        view = queue_checkout(reader)
        with view.lock.held():
            head = reader.repository.head(reader.branch)
            moved = head is not None and head != snapshot.head
            yield reader, reader.snapshot(reader.repository.system.now(), head) if head and moved else snapshot, view


def just_added(view: View, snapshot: Snapshot, item_id: str) -> tuple[Placed, Item] | None:
    """An item in the inbox that no pass has taken in yet; None where there is none.

    Raises InvalidFile when it cannot be read.
    """
    path, known = item_path(Lane.INBOX, item_id), item_id in snapshot.items or item_id in snapshot.listing.twice
    data = None if known else files.read_regular(view.root / path)
    if data is None:
        return None
    return Placed(item_id, Lane.INBOX, path, name_of("blob", data)), read_item(path, data)


def no_such_item(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> FactoryError:
    """The error for an id that is not open."""
    if ended := reader.queue.ended(snapshot.tree, item_id):
        return UsageError(f"{item_id} is done ({ended.path})", f"factory log {item_id}")
    if item_id in snapshot.listing.twice:
        return UsageError(f"{item_id} lies in two lanes; delete one of the two files", "factory check")
    view, path = reader.repository.view_of(reader.branch), item_path(Lane.INBOX, item_id)
    try:
        there = view is not None and just_added(view, snapshot, item_id) is not None
    except InvalidFile as error:
        return error
    if there:
        said = f"{item_id} lies in {path} and has not been taken in yet; the next tick does so, and may start it"
        return UsageError(said, f"factory tick; or keep it from starting: factory hold {item_id}")
    return UsageError(f"there is no item {item_id!r}", "factory list")
