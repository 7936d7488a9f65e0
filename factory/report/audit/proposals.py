"""What workers made: which commits are proposals, and whether a finish let one of them in."""

from collections.abc import Callable, Iterator
from datetime import datetime

from factory.model.errors import InvalidFile
from factory.model.journal import Entry, History
from factory.model.lifecycle import Event
from factory.model.run_layout import PATCH, run_path
from factory.model.worker_address import WORKERS, item_of_worker
from factory.report.audit.lines import lines_in
from factory.report.audit.reader import Reader
from factory.report.audit.record import ItemRecord
from factory.store.artifacts import Artifacts
from factory.store.repository.ancestry import Side, Told
from factory.store.repository.objects import Person

Lookup = Callable[[str], ItemRecord]  # what is known of an item, by its id


def item_of(who: Person) -> str:
    """The item for which a worker made a commit; empty when the author is no worker."""
    return item_of_worker(who.email)


def does_no_more(reader: Reader, commit: str, patch: bytes) -> bool:
    """Whether a commit adds and takes away nothing that a patch does not, though perhaps at other places."""
    parents = reader.objects.commit(commit).parents
    return bool(parents) and lines_in(reader.patch(parents[0], commit)) <= lines_in(patch)


class Proposals:
    """Knows every proposal before the first commit is checked, and the same from then on."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._objects = reader.objects
        self._artifacts = Artifacts(reader.objects)
        self._items: dict[str, str] = {}  # the item that each is for, by commit

    def look(self, told: Told) -> None:
        """See a commit, of this branch or another, on the line or beside it."""
        if told.author.email.endswith(WORKERS):
            self._items[told.commit] = item_of(told.author)

    def item(self, commit: str) -> str | None:
        """The item that a proposal is for; None when a commit is no proposal."""
        return self._items.get(commit)

    def let_in(self, commit: str, known: Lookup, until: datetime | None = None, side: Side | None = None) -> bool:
        """Whether its item has been finished with this proposal, or a patch that does the same, by then or so far.

        The history of another repository knows by itself what was finished there.
        """
        item_id = self._items[commit]
        there = self._there(item_id, side.tip) if side and side.foreign else None
        found = list(self._here(known(item_id), until) if there is None else there)
        if commit in {entry.proposal for entry, _ in found}:
            return True
        return any(does_no_more(self._reader, commit, patch) for _, patch in found)

    def picked(self, commit: str, record: ItemRecord) -> bool:
        """Whether a commit does again what a finish of an item let in on another branch."""
        return any(does_no_more(self._reader, commit, patch) for _, patch in self._here(record))

    def _here(self, record: ItemRecord, until: datetime | None = None) -> Iterator[tuple[Entry, bytes]]:
        """The finishes of an item, each with its patch."""
        for entry in record.history.entries:
            if entry.event is Event.FINISH and (until is None or entry.at <= until):
                oid = record.run.get(run_path(entry.run, PATCH))
                yield entry, self._reader.blob(oid) if oid else b""

    def _there(self, item_id: str, commit: str) -> Iterator[tuple[Entry, bytes]]:
        """The finishes, with their patches, of an item of another repository, whose commit this is."""
        tree = self._objects.commit(commit).tree
        day = self._artifacts.done_day(tree, item_id)
        try:
            history = self._artifacts.history(tree, item_id, day) if day else History()
        except InvalidFile:
            return
        for entry in history.entries:
            if entry.event is Event.FINISH:
                yield entry, self._artifacts.patch(tree, item_id, entry.run, day or "")
