"""The archive: finished items whose files are in the tree no more, found by its index and read from history."""

import re
from collections.abc import Iterator

from pydantic import ValidationError

from factory.model.archive import ArchivedItem
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import ARCHIVE, parse
from factory.model.lifecycle import Lane
from factory.model.places import Artifact, ItemFile
from factory.store.repository.objects import FILE, Objects, TreeEntry

_DAYS = re.compile(rb'^\{"id":"[^"]+","day":"([0-9-]{10})".*$', re.MULTILINE)
_BEGINS = re.compile(rb'^\{"id":"([^"]+)"', re.MULTILINE)


class Archive:
    """Finds archived items in any tree's index, and reads each state of the index only once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._listed = ""
        self._years: dict[str, _Year] = {}  # by the blob of its index

    def get(self, tree: str, item_id: str) -> ArchivedItem | None:
        """An archived item; None when there is none of this id."""
        return next((found for year in self._of(tree) if (found := year.get(item_id))), None)

    def all(self, tree: str) -> Iterator[ArchivedItem]:
        """Every archived item, in the order in which a year's were archived."""
        return (found for year in self._of(tree) for found in year.all())

    def count(self, tree: str) -> int:
        """How many items are archived."""
        return sum(len(year) for year in self._of(tree))

    def days(self, tree: str) -> dict[str, bytes]:
        """The index's lines by the day under which their items lay, as they are written."""
        found: dict[str, list[bytes]] = {}
        for year in self._of(tree):
            for day, line in year.days():
                found.setdefault(day, []).append(line)
        return {day: b"\n".join(found[day]) for day in sorted(found)}

    def _of(self, tree: str) -> list["_Year"]:
        folder = self._objects.find(tree, ARCHIVE)
        if folder is None or not folder.is_folder:
            return []
        if folder.oid != self._listed:
            files = self._objects.tree(folder.oid).values()
            blobs = [each.oid for each in files if each.is_file]
            self._years = {oid: self._years.get(oid) or _Year(self._objects.blob(oid)) for oid in blobs}
            self._listed = folder.oid
        return list(self._years.values())

    def find(self, tree: str, path: str) -> TreeEntry | None:
        """What lies at a path, or lay there when its item was archived.

        Raises InvalidFile where this clone does not have the history that holds it.
        """
        return self._objects.find(tree, path) or self._kept(tree, path)

    def file(self, tree: str, path: str) -> bytes | None:
        """The content of the plain file at a path, or of the one that lay there. Raises InvalidFile as `find` does."""
        entry = self.find(tree, path)
        return self._objects.blob(entry.oid) if entry and entry.is_file else None

    def _kept(self, tree: str, path: str) -> TreeEntry | None:
        place = parse(path)
        if isinstance(place, ItemFile) and place.lane is Lane.DONE:
            item_id, below = place.id, ""
        elif isinstance(place, Artifact) and place.day:
            item_id, below = place.item_id, place.below
        else:
            return None
        found = self.get(tree, item_id)
        if found is None or found.day != place.day:
            return None
        if not self._objects.has(found.artifacts if below else found.item):
            missing = "is archived, and this clone's history does not go back to it; git fetch --unshallow"
            raise InvalidFile(Problem(path, 1, 1, missing))
        return self._objects.find(found.artifacts, below) if below else TreeEntry(FILE, found.item)


class _Year:
    """The lines of one year; each is read when it is asked for. One that cannot be is for the audit to tell of."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._begins = {begin[1].decode(errors="replace"): begin.start() for begin in _BEGINS.finditer(data)}

    def __len__(self) -> int:
        return len(self._begins)

    def get(self, item_id: str) -> ArchivedItem | None:
        begin = self._begins.get(item_id)
        return None if begin is None else archived_in(self._data[begin : self._data.find(b"\n", begin)])

    def days(self) -> Iterator[tuple[str, bytes]]:
        return ((line[1].decode(), line[0]) for line in _DAYS.finditer(self._data))

    def all(self) -> Iterator[ArchivedItem]:
        return filter(None, map(archived_in, self._data.split(b"\n")))


def archived_in(line: bytes) -> ArchivedItem | None:
    """What a line of the index says; None when it cannot be read."""
    try:
        return ArchivedItem.model_validate_json(line)
    except ValidationError:
        return None
