"""Coming: what becomes of the items that the next pass takes in, and no commit has brought yet."""

from collections.abc import Iterable
from dataclasses import replace

from factory.line.dispatch.schedule import schedule
from factory.line.intake.batch import new_items
from factory.line.intake.edits import Edits
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.lifecycle import Lane
from factory.report.pending_edits import batches
from factory.report.status_row import Row
from factory.store.repository.batch import plumbing_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Arrival
from factory.store.repository.trees import TreeEditor

_NOBODY = Person("", "")


def coming(reader: SnapshotReader, snapshot: Snapshot, edits: Iterable[Edits], busy: str) -> list[Row]:
    """A row for each new item: whether the next pass starts it, and if not, why not. Nothing is written to the disk.

    `busy` says what every pass waits for; then nothing is taken in.
    """
    then = _taken_in(reader, snapshot, list(edits))
    new = [state for item_id, state in then.items.items() if item_id not in snapshot.items]
    now = int(snapshot.now.timestamp())
    arrivals = {state.placed.path: Arrival(now, _NOBODY, state.placed.blob) for state in new}
    planned = {entry.id: entry for entry in schedule(reader, then, arrivals)}
    rows: list[Row] = []
    for state in new:
        if state.lane is Lane.INBOX:
            entry, title = planned[state.id], state.item.title if state.item else ""
            starts = entry.start and not busy
            note = f"waits: {busy}" if busy else entry.reason or "is taken in, and starts with the next tick"
            word = "ready" if starts else "invalid" if state.problem else "waiting"
            rows.append(Row(state.id, title, state.lane, word, None, note, contract=state.contract_name))
    return rows


def _taken_in(reader: SnapshotReader, snapshot: Snapshot, edits: list[Edits]) -> Snapshot:
    """The queue as it will be once the edits are taken in; a look at objects that stay in memory."""
    objects = reader.repository.objects
    tree = TreeEditor(objects, snapshot.tree)
    for each in edits:
        for path, data in each.valid.items():
            if data is None:
                tree.remove(path)
            else:
                tree.put_file(path, data)
    for path, data in batches(reader, snapshot, edits).items():
        for made, item in new_items(reader, snapshot, path, data)[0].items():
            tree.put_file(made, item)
    head = plumbing_commit(objects, tree.write(), (snapshot.head,), "What would be taken in.\n")
    return replace(reader.snapshot(snapshot.now, head), head=snapshot.head)
