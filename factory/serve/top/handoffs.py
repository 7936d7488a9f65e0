"""Handoffs: what workers said when they handed something over, the newest first."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import nlargest
from itertools import islice

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.journal import History
from factory.model.lifecycle import Lane
from factory.model.moments import day_of

_MOST = 30
_MOST_FINISHED = 200  # of today that are looked at
_HANDED_OVER = (Lane.REVIEW, Lane.REWORK, Lane.BLOCKED)


@dataclass(frozen=True)
class Handoff:
    """What came of one run, in its worker's words."""

    at: datetime
    id: str
    run: int
    to: Lane  # where the item went with it
    summary: str
    left: tuple[str, ...]  # what it left undone, and what it came across


class Handoffs:
    """Reads each result once: what a run has said does not change."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Handoff] = {}

    def newest(self, reader: SnapshotReader, snapshot: Snapshot) -> tuple[Handoff, ...]:
        """Of open items, of what was finished today, and those that were named before."""
        ended = {(each.id, each.run): each for each in (*self._known.values(), *_ended(reader, snapshot))}
        chosen = nlargest(_MOST, ended.values(), key=lambda each: (each.at, each.id))
        self._known = {
            (each.id, each.run): self._known.get((each.id, each.run)) or _with_words(reader, snapshot, each)
            for each in chosen
        }
        return tuple(self._known.values())


def _ended(reader: SnapshotReader, snapshot: Snapshot) -> Iterator[Handoff]:
    """The runs that have handed something over, without what they said."""
    for state in snapshot.items.values():
        yield from _of(state.id, state.history)
    day = day_of(snapshot.now)
    for item_id in islice(reader.artifacts.finished_on(snapshot.tree, day), _MOST_FINISHED):
        with suppress(InvalidFile):  # the status tells of it
            yield from _of(item_id, reader.artifacts.history(snapshot.tree, item_id, day))


def _of(item_id: str, history: History) -> Iterator[Handoff]:
    for entry in history.entries:
        if entry.source is Lane.ACTIVE and entry.to in _HANDED_OVER and entry.run:
            yield Handoff(entry.at, item_id, entry.run, entry.to, entry.reason or "", ())


def _with_words(reader: SnapshotReader, snapshot: Snapshot, handoff: Handoff) -> Handoff:
    folder = (snapshot.tree, handoff.id, handoff.run, reader.artifacts.done_day(snapshot.tree, handoff.id) or "")
    result = reader.artifacts.result(*folder)
    if result is None:
        return handoff
    left = tuple(result.handoff.loose_ends().values())
    return replace(handoff, summary=result.summary or handoff.summary, left=left)
