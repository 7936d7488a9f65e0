"""Archiving: what a commit of the factory takes out of the tree, and puts into the archive's index instead."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from factory.model.archive import ArchivedItem
from factory.model.layout import artifact_folder, item_path, parse
from factory.model.lifecycle import Lane
from factory.model.places import ArchiveIndex, Artifact, ItemFile
from factory.model.trailers import Trailer
from factory.report.audit.reader import Reader
from factory.store.archive import archived_in
from factory.store.repository.commit_walk import CommitDiff
from factory.store.repository.objects import Objects
from factory.store.repository.trees import Change


class Archiving(NamedTuple):
    """What a commit of the factory takes out of the tree, by its own words."""

    before: str = ""  # the day that its trailer names; empty: it says nothing of the kind
    items: Mapping[str, ArchivedItem] = {}  # whose files were as their lines say, and are there no more
    untrue: tuple[ArchivedItem, ...] = ()  # lines of which that does not hold

    def takes(self, change: Change) -> bool:
        """Whether a change is that a file of an archived item is gone."""
        place = parse(change.path)
        if change.new is not None or not isinstance(place, ItemFile | Artifact):
            return False
        item = self.items.get(place.id if isinstance(place, ItemFile) else place.item_id)
        lane = place.lane if isinstance(place, ItemFile) else Lane.DONE
        return item is not None and lane is Lane.DONE and place.day == item.day


def archiving_of(step: CommitDiff, reader: Reader) -> Archiving:
    """What a commit of the factory archives."""
    before = step.trailer(Trailer.ARCHIVE)
    if not before:
        return Archiving()
    items: dict[str, ArchivedItem] = {}
    untrue: list[ArchivedItem] = []
    for change in indexes_in(step):
        for line in added_by(change, reader):
            item = archived_in(line)
            if item is not None:
                holds = _left(reader.objects, step, item) and item.id not in items
                items |= {item.id: item} if holds else {}
                untrue += [] if holds else [item]
    return Archiving(before, items, tuple(untrue))


def _left(objects: Objects, step: CommitDiff, item: ArchivedItem) -> bool:
    """Whether an item's files lay where its line says, were what it says, and are gone."""
    places = {item_path(Lane.DONE, item.id, item.day): item.item, artifact_folder(item.id, item.day): item.artifacts}
    lay = ((path, objects.find(step.tree_before, path), oid) for path, oid in places.items())
    return all(was is not None and was.oid == oid and not objects.find(step.tree, path) for path, was, oid in lay)


def indexes_in(step: CommitDiff) -> Iterator[Change]:
    """What a commit changed of the index."""
    return (change for change in step.changes if isinstance(parse(change.path), ArchiveIndex))


def added_by(change: Change, reader: Reader) -> list[bytes]:
    """The lines that came to the end of an index; none where it was changed otherwise."""
    old, new = (reader.blob(entry.oid) if entry else b"" for entry in (change.old, change.new))
    return new[len(old) :].splitlines() if new.startswith(old) else []
