"""Archive: finished items of earlier days leave the tree in one commit, and the archive's index says where they are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from factory.line.context import Context
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.archive import ArchivedItem
from factory.model.commit_message import archive_message
from factory.model.errors import InvalidFile
from factory.model.item import Item
from factory.model.journal_lines import read
from factory.model.layout import (
    archive_path,
    artifact_folder,
    finished_artifacts,
    item_path,
    journal_path,
    lane_folder,
    parse,
    stem,
)
from factory.model.lifecycle import Lane, Outcome
from factory.model.places import Artifact, ItemFile
from factory.model.run_layout import JOURNAL
from factory.store.queue import read_item
from factory.store.repository.objects import TreeEntry

FINISHED_MOST = 20_000  # in the tree: every command reads their names, and each clone has their files
_NO_DAY_YET = "9999-99-99"

Told = Callable[[], object]  # of one item more it is found out whether it goes


@dataclass(frozen=True)
class Archivable:
    """What was finished before a day: the items that go, and those that stay, each with the reason."""

    items: tuple[ArchivedItem, ...]
    staying: Mapping[str, str]


class _Stays(Exception):
    """An item has to stay in the tree, and why."""


def finished_before(reader: SnapshotReader, tree: str, before: str) -> int:
    """How many items that were finished before a day lie in a tree."""
    days = _days(reader, tree, before)
    return sum(len(reader.repository.objects.folder(tree, lane_folder(Lane.DONE, day))) for day in days)


def overdue(reader: SnapshotReader, tree: str) -> str:
    """That so much has ended and lies in a tree that each command is slow by it, in words; else empty."""
    days = _days(reader, tree, _NO_DAY_YET)
    count = finished_before(reader, tree, _NO_DAY_YET)
    if count < FINISHED_MOST:
        return ""
    since = f"{count} finished items lie in the tree, the oldest of {days[0]}"
    return f"{since}; factory archive --before DATE takes those of earlier days out of it"


def archivable(reader: SnapshotReader, snapshot: Snapshot, before: str, told: Told = lambda: None) -> Archivable:
    """The items that were finished before a day, the oldest first."""
    looking = _Looking(reader, snapshot)
    items: list[ArchivedItem] = []
    staying: dict[str, str] = {}
    for day in _days(reader, snapshot.tree, before):
        for name, entry in sorted(reader.repository.objects.folder(snapshot.tree, lane_folder(Lane.DONE, day)).items()):
            told()
            if item_id := stem(name):
                try:
                    items.append(looking.archived(item_id, day, entry))
                except _Stays as why:
                    staying[item_id] = str(why)
    return Archivable(tuple(items), staying)


def archive(context: Context, before: str, items: tuple[ArchivedItem, ...]) -> str:
    """Take items out of the tree; the commit that does. The writer writes on top of the one that has them."""
    gone = [path for each in items for path in _places(each)]
    tree = context.repository.objects.commit(context.writer.head).tree
    grown: dict[str, bytes] = {}
    for year, lines in groupby(items, key=lambda each: each.year):
        known = context.repository.objects.file(tree, archive_path(year)) or b""
        grown[archive_path(year)] = known + b"".join(each.line() for each in lines)
    by = context.repository.user()
    commit = context.writer.archive(gone, grown, archive_message(before, len(items), str(by)))
    context.writer.publish_at_once()
    return commit


def _places(item: ArchivedItem) -> tuple[str, str]:
    return item_path(Lane.DONE, item.id, item.day), artifact_folder(item.id, item.day)


def _days(reader: SnapshotReader, tree: str, before: str) -> list[str]:
    folders = reader.repository.objects.folder(tree, lane_folder(Lane.DONE))
    return sorted(name for name, entry in folders.items() if entry.is_folder and name < before and is_day(name))


def is_day(name: str) -> bool:
    """Whether this is a day as folders are named after it."""
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


class _Looking:
    """Looks at one finished item after another, and remembers of none what it was: there may be very many."""

    def __init__(self, reader: SnapshotReader, snapshot: Snapshot) -> None:
        self._reader = reader
        self._objects = reader.repository.objects
        self._snapshot = snapshot
        self._edited = frozenset(_edited(reader))
        self._under_way = reader.artifacts.ids(snapshot.tree) | snapshot.listing.twice | snapshot.items.keys()
        self._missions: dict[str, str] = {}  # the open mission that each belongs to, if any

    def archived(self, item_id: str, day: str, entry: TreeEntry) -> ArchivedItem:
        """The line of an item in the index. Raises _Stays."""
        path, tree = item_path(Lane.DONE, item_id, day), self._snapshot.tree
        artifacts = self._objects.folder(tree, finished_artifacts(day)).get(item_id)
        if artifacts is None or not artifacts.is_folder or not entry.is_file:
            raise _Stays("no pass has recorded its end")
        if item_id in self._under_way or self._reader.archive.get(tree, item_id):
            raise _Stays("another item has its id; factory check")
        if item_id in self._edited:
            raise _Stays("it has uncommitted changes; git status")
        try:
            outcome = self._outcome(artifacts.oid, journal_path(item_id, day))
            item = read_item(path, self._objects.regular(path, entry))
        except InvalidFile as error:
            raise _Stays(f"it cannot be read: {error.problems[0]}") from None
        if mission := self._open_mission(item):
            raise _Stays(f"its mission {mission} has not ended")
        return ArchivedItem(
            id=item_id,
            day=day,
            outcome=outcome,
            title=item.title,
            commit=self._snapshot.head,
            item=entry.oid,
            artifacts=artifacts.oid,
        )

    def _outcome(self, artifacts: str, path: str) -> Outcome:
        journal = self._objects.find(artifacts, JOURNAL)
        history = read(self._objects.regular(path, journal), path) if journal else None
        if history is None or history.lane is not Lane.DONE or history.outcome is None:
            raise _Stays("its journal does not say that it has ended")
        return history.outcome

    def _open_mission(self, item: Item) -> str:
        """The mission that an item is a part of, or one that this is a part of, that has not ended; else empty."""
        mission = item.mission
        if mission is None or mission in self._snapshot.items:
            return mission or ""
        if mission not in self._missions:
            self._missions[mission] = ""  # one that names itself is nobody's
            ended = self._reader.queue.ended(self._snapshot.tree, mission)
            if ended is not None:
                of = read_item(ended.path, self._objects.blob(ended.blob))
                self._missions[mission] = self._open_mission(of)
        return self._missions[mission]


def _edited(reader: SnapshotReader) -> Iterator[str]:
    """The items with files, among the finished ones, that a person has changed and not committed."""
    for view in reader.repository.views():
        if view.branch() == reader.branch:
            for _, path in view.edits(lane_folder(Lane.DONE), finished_artifacts()):
                place = parse(path)
                if isinstance(place, ItemFile):
                    yield place.id
                elif isinstance(place, Artifact):
                    yield place.item_id
