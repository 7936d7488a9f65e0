"""The difference: what an item's proposal changes, or what became of it from one round to another."""

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import UsageError
from factory.model.journal import Entry, History
from factory.model.layout import run_file
from factory.model.lease import Lease
from factory.model.run_layout import PATCH
from factory.store.repository.comparison import shown


def difference(reader: SnapshotReader, snapshot: Snapshot, item_id: str, rounds: tuple[int, int] | None = None) -> str:
    """What the newest proposal changes, or the later one of two rounds against the earlier. Raises UsageError."""
    state = snapshot.items.get(item_id)
    day = "" if state else reader.queue.done_day(snapshot.tree, item_id) or ""
    history = state.history if state else reader.artifacts.history(snapshot.tree, item_id, day)
    proposed = {entry.round: entry for entry in history.entries if entry.proposal}
    if not proposed:
        raise UsageError(f"{item_id} has no proposal yet", f"factory log {item_id}")
    for number in rounds or ():
        if number not in proposed:
            known = ", ".join(map(str, sorted(proposed)))
            raise UsageError(f"{item_id} has no proposal of round {number}; there are those of {known}")
    told = _Told(reader, snapshot, item_id, day, history)
    if rounds is None:
        newest = proposed[max(proposed)]
        return shown(reader.repository, told.base(newest), told.content(newest))
    old, new = (told.content(proposed[number]) for number in rounds)
    return shown(reader.repository, old, new)


class _Told:
    """What an item's journal and patches tell of its proposals: in a clone of the branch alone, too."""

    def __init__(self, reader: SnapshotReader, snapshot: Snapshot, item_id: str, day: str, history: History) -> None:
        self._repository = reader.repository
        self._archive = reader.archive
        self._tree = snapshot.tree
        self._item_id = item_id
        self._day = day
        self._history = history

    def base(self, entry: Entry) -> str:
        """The files that a proposal's run began with, as a tree."""
        lease = self._lease(entry)
        return self._of(lease.base if lease else entry.proposal or "")

    def content(self, entry: Entry) -> str:
        """The files as a proposal leaves them, as a tree."""
        objects, proposal = self._repository.objects, entry.proposal or ""
        if objects.has(proposal):
            return self._of(proposal)
        patch = self._archive.file(self._tree, run_file(self._item_id, entry.run, PATCH, self._day))
        if patch is None or self._lease(entry) is None:
            raise UsageError(f"the proposal of round {entry.round} is not in this clone, nor is its patch")
        return self._repository.patched(self.base(entry), patch)

    def _lease(self, entry: Entry) -> Lease | None:
        return next((each.lease for each in self._history.entries if each.run == entry.run and each.lease), None)

    def _of(self, commit: str) -> str:
        return self._repository.content_at(commit)
