"""Links: from the page to the files of items in the working tree, as far as these are there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from factory.line.snapshot import SnapshotReader
from factory.model.layout import item_path, journal_path, parse, run_file, run_folder
from factory.model.places import RunFile
from factory.model.run_layout import EVIDENCE, PATCH, RESULT, seat_in
from factory.report.board.values import Link
from factory.report.board.words import line
from factory.report.fold.facts import ItemFacts

_NAMES = {PATCH: "patch", EVIDENCE: "evidence", RESULT: "result"}
_LONGEST_SEAT = 30  # characters


@dataclass(frozen=True)
class Links:
    """Of the files that a tree has: which there are is asked of it; where they lie now, of the branch's newest."""

    reader: SnapshotReader
    tree: str
    newest: str  # the tree of the branch's newest commit, which the working tree is a view of
    way: str | None  # from the page's folder to the working tree; None where there is none, and so no link

    @classmethod
    def made(cls, reader: SnapshotReader, commit: str, folder: Path) -> "Links":
        """For a page about a commit, which will lie in a folder."""
        objects = reader.repository.objects
        view = reader.repository.view_of(reader.branch)
        way = os.path.relpath(view.root.resolve(), folder.resolve()) if view else None
        newest = objects.commit(reader.repository.tip(reader.branch)).tree
        return cls(reader, objects.commit(commit).tree, newest, way)

    def of_item(self, item: ItemFacts) -> tuple[Link, ...]:
        """What the last run that left anything left, what people are asked to fill in, the journal and the item."""
        paths = [*self._of_run(item), *self._asked.get(item.id, ())]
        paths += [("journal", journal_path(item.id, item.day)), ("item", item_path(item.lane, item.id, item.day))]
        return tuple(link for text, path in paths if (link := self.to(text, path)))

    def to(self, text: str, path: str) -> Link | None:
        """A link to a file of the repository; None where it is not there, or not there any more."""
        now = self._now(path) if self.way is not None else ""
        return Link(text, quote(f"{self.way}/{now}", errors="surrogateescape")) if now else None

    def _of_run(self, item: ItemFacts) -> Iterator[tuple[str, str]]:
        for run in reversed(item.runs):
            folder = run_folder(item.id, run.number, item.day)
            names = self.reader.repository.objects.folder(self.tree, folder)
            if names:
                seats = {name: f"verdict of {line(seat_in(name), _LONGEST_SEAT)}" for name in names if seat_in(name)}
                there = {name: word for name, word in {**_NAMES, **seats}.items() if name in names}
                yield from ((word, run_file(item.id, run.number, name, item.day)) for name, word in there.items())
                return

    @cached_property
    def _asked(self) -> dict[str, list[tuple[str, str]]]:
        """The verdict files that wait for people, by item."""
        found: dict[str, list[tuple[str, str]]] = {}
        for each in self.reader.queue.listing(self.tree).verdicts:
            found.setdefault(each.item_id, []).append((f"verdict for {line(each.seat, _LONGEST_SEAT)}", each.path))
        return found

    def _now(self, path: str) -> str:
        """Where a file lies now that lies at a path of the tree; empty where it lies nowhere."""
        objects = self.reader.repository.objects
        if objects.find(self.newest, path) is not None:
            return path
        place = parse(path)
        if self.tree == self.newest or not isinstance(place, RunFile):
            return ""
        day = self.reader.artifacts.done_day(self.newest, place.item_id)
        moved = run_file(place.item_id, place.run, place.name, day) if day else ""
        return moved if moved and objects.find(self.newest, moved) is not None else ""
