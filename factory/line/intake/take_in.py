"""Intake: people's edits are committed as theirs, and batches made into items. The act to the look in `edits`."""

from collections.abc import Mapping
from functools import partial

from factory.line.intake.batch import new_items
from factory.line.intake.edits import Edits, find_edits
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.line.writer import Writer
from factory.model.errors import InvalidFile, Problem
from factory.model.text import counted
from factory.store.queue import MOST_BYTES, read_item
from factory.store.repository.file_history import versions
from factory.store.repository.objects import FILE, TreeEntry, name_of
from factory.store.repository.trees import Change


class Intake:
    """Takes people's edits in, once they have settled and say something valid."""

    def __init__(self, reader: SnapshotReader, writer: Writer) -> None:
        self._reader = reader
        self._repository = reader.repository
        self._writer = writer
        self._never_held: set[tuple[str, str]] = set()  # (path, blob) of what lies there and was never committed

    def take(self, snapshot: Snapshot) -> list[Problem]:
        """Commit every valid edit as the person's; what was wrong with the others."""
        problems: list[Problem] = []
        found = find_edits(self._reader, snapshot, settle=True)
        for edits in found:
            if not edits.home:  # before anything is waited for: whoever drops files on a branch soon leaves it
                stale = {path: data for path, data in edits.stale.items() if self._was_taken(snapshot, path, data)}
                self._clear(edits, stale)
        for edits in found:
            if edits.valid:
                names = sorted(edits.valid)
                shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
                self._writer.take_in(self._repository.user(), edits.valid, f"factory: take in {shown}")
                self._writer.batch.taken_in = self._writer.head
            problems.extend(edits.problems)
        for edits in found:
            if not edits.home:
                self._writer.once_published(partial(self._clear, edits, edits.valid))
        self._writer.publish()
        return problems

    def _clear(self, edits: Edits, taken: Mapping[str, bytes | None]) -> None:
        """Take out of another branch's working tree what the factory's branch has: it would be in the way."""
        changes = [
            Change(
                path,
                None if data is None else TreeEntry(FILE, name_of("blob", data)),
                self._repository.objects.find(edits.tree, path),
            )
            for path, data in taken.items()
        ]
        if changes:
            edits.view.clear(self._repository.objects, edits.head, changes)

    def _was_taken(self, snapshot: Snapshot, path: str, data: bytes) -> bool:
        """Whether exactly this was committed at this path on the factory's branch, so that no byte can be lost."""
        blob = name_of("blob", data)
        if (path, blob) in self._never_held:
            return False
        now = self._repository.objects.find(snapshot.tree, path)
        if (now is not None and now.oid == blob) or blob in versions(self._repository, snapshot.head, path):
            return True
        self._never_held.add((path, blob))
        return False

    def split_batches(self, snapshot: Snapshot) -> list[Problem]:
        """Make an item of every good line of every committed batch; what was wrong with the others."""
        problems: list[Problem] = []
        for batch in snapshot.listing.batches:
            try:
                data = self._repository.objects.regular(batch.path, TreeEntry(FILE, batch.blob), MOST_BYTES)
            except InvalidFile as error:
                problems.extend(error.problems)
                continue
            made, bad = new_items(self._reader, snapshot, batch.path, data)
            for path, item in made.items():
                self._reader.queue.remember(name_of("blob", item), read_item(path, item))
            taken: dict[str, bytes | None] = {**made}
            if not bad:
                taken[batch.path] = None
            if taken:
                author = self._repository.last_author(snapshot.head, batch.path) or self._repository.user()
                message = f"factory: take in {counted(len(made), 'item')} of {batch.path}"
                self._writer.take_in(author, taken, message)
            problems.extend(bad)
        self._writer.publish()
        return problems
