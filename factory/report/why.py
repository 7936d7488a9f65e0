"""Why an item is where it is: what happened to it, in order and in words, and what would move it now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.journal import Entry, History
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.moments import rfc3339
from factory.report.detail import Detail, detail
from factory.report.journal_words import told
from factory.report.marks.mark import Mark
from factory.report.marks.obstacle import Obstacle, obstacle_of
from factory.report.mission_progress import UNDER_WAY
from factory.report.status import status
from factory.report.status_row import Row

FIRST, _LAST = 2, 8  # chapters of a long story that are told, of its beginning and its end


@dataclass(frozen=True)
class Chapter:
    """What happened at one time, or several times in a row."""

    at: datetime
    said: str
    count: int = 1  # of journal lines

    def as_json(self) -> dict[str, object]:
        """The chapter for programs."""
        return {"at": rfc3339(self.at), "said": self.said, "lines": self.count}


@dataclass(frozen=True)
class Why:
    """An item's story, and what would move it."""

    id: str
    title: str
    lane: Lane
    state: str  # as the status has it; of a finished item its outcome
    story: tuple[Chapter, ...]
    left_out: int  # journal lines in the middle of the story
    note: str  # why it is where it is
    marks: tuple[Mark, ...]
    moves: str  # what would move it now, as a sentence without its full stop
    do: str  # a command for that; empty where nobody has to do anything

    def as_json(self) -> dict[str, object]:
        """The story for programs."""
        return {
            **self.__dict__,
            "lane": str(self.lane),
            "story": [chapter.as_json() for chapter in self.story],
            "marks": [mark.as_json() for mark in self.marks],
            "do": self.do or None,
        }


def why_of(reader: SnapshotReader, snapshot: Snapshot, item_id: str) -> Why | None:
    """The story of an item, open or finished; None when there is none."""
    row = next((row for row in status(reader, snapshot).rows if row.id == item_id), None)
    if row is None:
        found = detail(reader, snapshot, item_id)
        return _of_finished(found) if found else None
    state = snapshot.items.get(item_id)
    history = state.history if state else History()
    come = [Chapter(row.since, "came into the inbox")] if row.since and not history.entries else []
    story, left_out = _shortened(come or _chapters(history.entries))
    moves, do = what_moves(row, obstacle_of(state) if state else None)
    return Why(item_id, row.title, row.lane, row.state, story, left_out, row.note, row.marks, moves, do)


def _of_finished(found: Detail) -> Why:
    history = found.history
    story, left_out = _shortened(_chapters(history.entries))
    again = history.outcome in (Outcome.REJECTED, Outcome.CANCELLED) and not found.archived
    moves = "nothing moves it any more: it is done" + ("; it can be opened again" if again else "")
    do = f"factory retry {found.id}" if again else ""
    return Why(found.id, found.title, Lane.DONE, str(history.outcome or ""), story, left_out, found.note, (), moves, do)


def _chapters(entries: Sequence[Entry]) -> list[Chapter]:
    """The story: a run and how it ended is one chapter, and so are several in a row that came to nothing."""
    chapters: list[Chapter] = []
    for tried, group in groupby(_runs(entries), lambda lines: lines[-1].event is Event.RELEASE):
        runs = list(group)
        if tried and len(runs) > 1:
            last = runs[-1][-1].reason or "nobody said why"
            said = f"{len(runs)} runs in a row came to nothing, the last: {last}"
            chapters.append(Chapter(runs[0][0].at, said, sum(map(len, runs))))
        else:
            chapters += [Chapter(lines[0].at, _told(lines), len(lines)) for lines in runs]
    return chapters


def _runs(entries: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The journal's lines, that of the beginning of a run with the one that follows if that is how it ended."""
    begun: Entry | None = None
    for entry in entries:
        if begun is not None and entry.source is Lane.ACTIVE:
            yield begun, entry
        else:
            yield from ((each,) for each in (begun, entry) if each and each.event is not Event.START)
        begun = entry if entry.event is Event.START else None
    if begun is not None:
        yield (begun,)


def _told(lines: tuple[Entry, ...]) -> str:
    said = told(lines[-1])
    if len(lines) == 1:
        return said
    run = f"run {lines[0].run}"
    return f"{run}, by {lines[0].worker}: {said.removeprefix(f'{run} ')}"


def _shortened(chapters: list[Chapter]) -> tuple[tuple[Chapter, ...], int]:
    """(the chapters that are told, how many journal lines are left out in their middle)."""
    if len(chapters) <= FIRST + _LAST:
        return tuple(chapters), 0
    left_out = sum(chapter.count for chapter in chapters[FIRST:-_LAST])
    return (*chapters[:FIRST], *chapters[-_LAST:]), left_out


def what_moves(row: Row, obstacle: Obstacle | None) -> tuple[str, str]:
    """(what would move an open item now, a command for that if a person has to do something)."""
    if row.marks:
        return row.marks[0].reason, row.marks[0].do
    if row.state in ("ready", "new", "stalled"):
        return "the next pass takes it on", "factory tick"
    if obstacle is not None:
        return f"it {obstacle.said}", obstacle.do
    if row.state == "invalid":
        return f"a person mends what is wrong: {row.note}", "factory check"
    if row.lane is Lane.REVIEW and row.state == "waiting" and row.not_applied is None:
        return f"somebody judges it: {row.note}", f"factory review {row.id}"
    if row.lane is Lane.ACTIVE and row.state != UNDER_WAY:
        return f"its run comes to an end ({row.note})" if row.note else "its run comes to an end", ""
    return row.note, ""
