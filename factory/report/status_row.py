"""Rows of the status: open items as people ask about them, and those that `factory status` found last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from factory.model.lifecycle import Lane, NotApplied
from factory.model.moments import epoch, rfc3339
from factory.report.marks.mark import Mark
from factory.store.standstill import Seen

REMEMBERED_MOST = 32_000_000  # bytes


@dataclass(frozen=True)
class Row:
    """One open item."""

    id: str
    title: str
    lane: Lane
    state: str  # new | ready | waiting | running | checking | judging | stalled | invalid | under-way
    since: datetime | None
    note: str
    labels: tuple[str, ...] = ()
    priority: int | None = None
    run: int = 0
    round: int = 1
    contract: str | None = None
    not_applied: NotApplied | None = None  # why what was approved is not applied
    progress: Mapping[str, object] | None = None  # of a mission under way
    marks: tuple[Mark, ...] = ()  # in which way it only pretends to move

    def as_json(self) -> dict[str, object]:
        """The row for programs."""
        since = rfc3339(self.since) if self.since else None
        marks = [mark.as_json() for mark in self.marks]
        return {**self.__dict__, "lane": str(self.lane), "labels": list(self.labels), "since": since, "marks": marks}


class ShownRow(NamedTuple):
    """What the table shows of a row."""

    id: str
    title: str
    lane: str
    state: str
    since: int | None  # seconds since 1970
    note: str
    marks: Sequence[Sequence[str]] = ()  # (kind, in words) of each


def shown(row: Row) -> ShownRow:
    """A row as it is shown."""
    since = epoch(row.since) if row.since else None
    marks = tuple((str(mark.kind), mark.in_words()) for mark in row.marks)
    return ShownRow(row.id, row.title, row.lane, row.state, since, row.note, marks)


@dataclass(frozen=True)
class LastStatus(Seen):
    """A status in which nothing was wrong, no item was at work, and nobody held the lock."""

    done_today: int
    alarms: tuple[str, ...]
    rows: tuple[ShownRow, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(ShownRow(*row) for row in self.rows))  # JSON has lists
