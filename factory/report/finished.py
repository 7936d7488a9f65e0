"""Finished: the items that have ended, the newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.journal import History
from factory.model.layout import finished_artifacts, item_path, lane_folder, stem
from factory.model.lifecycle import Lane, Outcome
from factory.model.moments import rfc3339


@dataclass(frozen=True)
class Finished:
    """One item that has ended."""

    id: str
    title: str
    outcome: Outcome | None  # None when its journal cannot be read
    since: datetime | None
    labels: tuple[str, ...]
    priority: int | None
    path: str

    def as_json(self) -> dict[str, object]:
        """The item for programs."""
        since = rfc3339(self.since) if self.since else None
        return {**self.__dict__, "lane": str(Lane.DONE), "labels": list(self.labels), "since": since}


def finished(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Finished]:
    """Every item that has ended, the newest first."""
    days = reader.repository.objects.folder(snapshot.tree, lane_folder(Lane.DONE))
    for day in sorted((name for name, entry in days.items() if entry.is_folder), reverse=True):
        names = reader.repository.objects.folder(snapshot.tree, lane_folder(Lane.DONE, day))
        ids = [item_id for name in names if (item_id := stem(name))]
        of_day = [_one(reader, snapshot, item_id, day) for item_id in ids]
        yield from sorted(of_day, key=lambda each: (each.since is not None and each.since.timestamp(), each.id))[::-1]


def newest(reader: SnapshotReader, tree: str, most: int) -> Iterator[tuple[str, str]]:
    """(id, day) of so many finished items of the newest days; of one day in no order, since no journal is read."""
    objects = reader.repository.objects
    days = sorted((name for name, entry in objects.folder(tree, finished_artifacts()).items() if entry.is_folder))
    ids = ((item_id, day) for day in reversed(days) for item_id in reader.artifacts.finished_on(tree, day))
    yield from islice(ids, most)


def _one(reader: SnapshotReader, snapshot: Snapshot, item_id: str, day: str) -> Finished:
    path = item_path(Lane.DONE, item_id, day)
    try:
        history = reader.artifacts.history(snapshot.tree, item_id, day)
    except InvalidFile:
        history = History()
    try:
        entry = reader.repository.objects.find(snapshot.tree, path)
        item = reader.queue.item(path, entry.oid) if entry else None
    except InvalidFile:
        item = None
    title, labels, priority = (item.title, item.labels, item.priority) if item else ("", (), None)
    return Finished(item_id, title, history.outcome, history.since, labels, priority, path)
