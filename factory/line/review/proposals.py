"""Proposals in this clone: one that is not here is made again from what is recorded of its run."""

from factory.execution.proposal import Origin, proposal_commit
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import FactoryError, InvalidFile, MachineError, told_by
from factory.model.journal import Entry
from factory.model.layout import run_file
from factory.model.lifecycle import Event
from factory.model.run_layout import PATCH
from factory.model.subject import task_of
from factory.store.repository.objects import MissingObject
from factory.store.repository.repository import Repository


class Unreadable(MachineError):
    """A proposal that this clone does not hold and cannot make again, or a commit that is none."""


def base_of(repository: Repository, proposal: str) -> str:
    """The commit that a proposal was made on, by git and not by any file. Raises Unreadable for one made on none."""
    parents = repository.objects.commit(proposal).parents
    if not parents:
        raise Unreadable(f"{proposal[:10]} is no proposal: it was made on no other commit")
    return parents[0]


def restore_proposal(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, proposal: str) -> None:
    """See to it that a proposal of an item's can be read here: make it again when it is missing. Raises Unreadable."""
    objects = reader.repository.objects
    if not proposal or (objects.has(proposal) and objects.has(objects.commit(proposal).tree)):
        return
    try:
        made = _made_again(reader, snapshot, state, proposal)
    except (FactoryError, OSError) as error:
        raise _unreadable(state, proposal, told_by(error)) from None
    if made != proposal:
        raise _unreadable(state, proposal, f"made again from what is recorded it is another one ({made[:10]})")


def _unreadable(state: ItemState, proposal: str, why: str) -> Unreadable:
    hint = "fetch it from the clone that made it, or move the item to queue/inbox to have it made anew"
    return Unreadable(f"the proposal {proposal[:10]} of {state.id} is not in this clone, and {why}; {hint}")


def _made_again(reader: SnapshotReader, snapshot: Snapshot, state: ItemState, proposal: str) -> str:
    """What the recorded patch makes of the recorded base."""
    repository = reader.repository
    start = _start_of(state, proposal)
    if start is None or start.lease is None:
        raise FactoryError("its journal does not say how it was made")
    lease = start.lease
    if not repository.objects.has(lease.base):
        raise FactoryError(f"its base {lease.base[:10]} is not here either")
    path = run_file(state.id, start.run, PATCH)
    patch = repository.objects.file(snapshot.tree, path)
    if patch is None:
        raise FactoryError(f"there is no {path}")
    item = reader.queue.item(state.placed.path, lease.item)  # as it was when the run began
    content = repository.patched(repository.content_at(lease.base), patch)
    origin = Origin(lease.base, state.id, item.title, start.worker or "", start.run, start.at)
    return proposal_commit(repository, origin, content)


def _start_of(state: ItemState, proposal: str) -> Entry | None:
    """The beginning of the run that a proposal came of."""
    entries = state.history.entries
    run = run_of(state, proposal)
    return next((entry for entry in entries if entry.event is Event.START and entry.run == run), None)


def run_of(state: ItemState, proposal: str) -> int | None:
    """The number of the run that a proposal of an item's came of; None where its journal does not say."""
    made = (entry for entry in state.history.entries if entry.proposal == proposal and entry.event is not Event.FINISH)
    return next((entry.run for entry in made), None)


def is_of_this_task(reader: SnapshotReader, state: ItemState) -> bool:
    """Whether an item's last proposal was made for what the item asks for now."""
    start = _start_of(state, state.history.proposal)
    if start is None or start.lease is None or state.item is None:
        return False
    if start.lease.item == state.placed.blob:
        return True
    try:
        return task_of(reader.queue.item(state.placed.path, start.lease.item)) == task_of(state.item)
    except (InvalidFile, MissingObject):
        return False
