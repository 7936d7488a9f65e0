"""Folding: the items of one tree are read, many at once, unless it is remembered what they came to."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice

from pydantic import ValidationError

from factory import __version__
from factory.line.snapshot import SnapshotReader
from factory.model.base import digest
from factory.model.errors import InvalidFile, Problem
from factory.model.layout import (
    ARTIFACTS,
    finished_artifacts,
    item_path,
    journal_path,
    lane_folder,
    stem,
)
from factory.model.lifecycle import Lane
from factory.model.run_layout import JOURNAL
from factory.report.fold.besides import asked_besides, with_besides
from factory.report.fold.facts import ItemFacts
from factory.report.fold.part import FORM, NOTE, Note, Part, Problematic, line_of, lines_by_key
from factory.report.fold.source import Source
from factory.report.fold.story import facts_of
from factory.report.fold.words import words_of
from factory.store.archive import archived_in
from factory.store.remembered import Remembered
from factory.store.repository.bulk import contents
from factory.store.state import FOLD

_AT_ONCE = 500  # items that are read together
_OPEN = "open"
_UNREACHED = "is archived, and this clone's history does not go back to it; git fetch --unshallow"


Sources = Callable[[], Sequence[Source]]


def memory_of(reader: SnapshotReader) -> Remembered:
    """What this clone remembers of folds."""
    return Remembered(reader.repository.state / FOLD, f"{__version__} {digest(FORM.encode())}")


class Folding:
    """Reads the items of one tree."""

    def __init__(self, reader: SnapshotReader, tree: str) -> None:
        self._reader = reader
        self._objects = reader.repository.objects
        self._tree = tree
        self._memory = memory_of(reader)

    def open(self) -> Part:
        """The items that lie in an open lane."""
        lanes = [lane_folder(lane) for lane in Lane if lane is not Lane.DONE]
        found = [self._objects.find(self._tree, path) for path in (*lanes, ARTIFACTS)]
        key = digest(" ".join(each.oid if each else "-" for each in found).encode())
        return self._part(_OPEN, key, "", self._open_sources)

    def finished(self) -> Iterator[Part]:
        """The items that are at their end, by day, the oldest first; those that are archived after the others."""
        artifacts = self._objects.folder(self._tree, finished_artifacts())
        days = self._objects.folder(self._tree, lane_folder(Lane.DONE))
        archived = self._reader.archive.days(self._tree)
        for day in sorted({*(day for day, entry in days.items() if entry.is_folder), *archived}):
            if day in days:
                queued, kept = days[day].oid, artifacts[day].oid if day in artifacts else ""
                sources = partial(self._finished_sources, day, queued, kept)
                yield self._part(f"done-{day}", f"{queued} {kept or '-'}", day, sources)
            if day in archived:
                sources = partial(self._archived_sources, archived[day])
                yield self._part(f"archived-{day}", digest(archived[day]), day, sources)

    def _open_sources(self) -> list[Source]:
        folders = self._objects.folder(self._tree, ARTIFACTS)
        placed = sorted(self._reader.queue.listing(self._tree).items.values(), key=lambda each: each.id)
        return [
            Source(each.id, each.lane, "", each.blob, folders[each.id].oid if each.id in folders else "")
            for each in placed
            if each.id in folders or self._reader.queue.ended(self._tree, each.id) is None
        ]

    def _finished_sources(self, day: str, queued: str, kept: str) -> list[Source]:
        folders = self._objects.tree(kept) if kept else {}
        files = ((stem(name), entry) for name, entry in self._objects.tree(queued).items() if entry.is_file)
        return [
            Source(item_id, Lane.DONE, day, entry.oid, folders[item_id].oid if item_id in folders else "")
            for item_id, entry in files
            if item_id
        ]

    def _archived_sources(self, lines: bytes) -> list[Source]:
        found = filter(None, map(archived_in, lines.split(b"\n")))
        return [Source(each.id, Lane.DONE, each.day, each.item, each.artifacts, archived=True) for each in found]

    def _part(self, name: str, key: str, day: str, sources: Sources) -> Part:
        """The items of one name: what is remembered of them, if it is of the same, else what is read now."""
        note = self._noted(name, key)
        if note is None:
            note, _ = self._fold(name, key, sources(), afresh=False)

        def lines(afresh: bool) -> Sequence[bytes]:
            body = None if afresh else self._memory.body(name, key)
            if body is None:
                _, body = self._fold(name, key, sources(), afresh=afresh)
            return body.split(b"\n") if body else []

        return Part(name, key, day, note, lines, keep=name == _OPEN)

    def _noted(self, name: str, key: str) -> Note | None:
        try:
            return NOTE.validate_json(self._memory.note(name, key) or b"")
        except ValidationError:
            return None

    def _fold(self, name: str, key: str, sources: Sequence[Source], *, afresh: bool) -> tuple[Note, bytes]:
        """Read what is not remembered, and remember it."""
        before = b"" if afresh else self._memory.body(name) or b""
        known = lines_by_key(before)
        new = iter([source for source in sources if source.key not in known])
        problems: list[Problem] = []
        with _uncollected():
            while some := list(islice(new, _AT_ONCE)):
                for source, read in zip(some, self._read(some), strict=True):
                    if isinstance(read, ItemFacts):
                        known[source.key] = line_of(source.key, read)
                    else:
                        problems += read.problems
        body = b"\n".join(known[source.key] for source in sources if source.key in known)
        told = tuple(Problematic(each.path, each.line, each.column, each.message) for each in problems)
        note = Note(len(sources) - len(told), told)
        self._memory.put(name, key, NOTE.dump_json(note), body)
        return note, body

    def _read(self, sources: Sequence[Source]) -> Iterator[ItemFacts | InvalidFile]:
        """Each one's facts, or what is wrong with its journal."""
        names = [name for source in sources for name in (source.blob, source.below(JOURNAL))]
        found = contents(self._reader.repository, names)
        read = [_one(source, next(found), next(found)) for source in sources]
        told = [(source, item) for source, item in zip(sources, read, strict=True) if isinstance(item, ItemFacts)]
        asked = [source.below(path) for source, item in told for path in asked_besides(item)]
        besides = contents(self._reader.repository, asked) if asked else iter(())
        return (with_besides(each, besides) if isinstance(each, ItemFacts) else each for each in read)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing that is read refers to itself: to look for what does would take a tenth of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _one(source: Source, text: bytes | None, journal: bytes | None) -> ItemFacts | InvalidFile:
    """An item's facts, or what is wrong with its journal."""
    where = journal_path(source.id, source.day)
    if source.archived and journal is None:
        return InvalidFile(Problem(where, 1, 1, _UNREACHED))
    words = words_of(item_path(source.lane, source.id, source.day), text or b"")
    try:
        return facts_of(source, words, journal or b"", where)
    except InvalidFile as error:
        return error
