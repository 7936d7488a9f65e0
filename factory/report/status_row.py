"""Rows of the status: open items as people ask about them, and those that `factory status` found last."""

from dataclasses import dataclass

from factory.model.lifecycle import Lane, NotApplied
from factory.model.moments import Moment, rfc3339
from factory.store.standstill import Seen

REMEMBERED_MOST = 32_000_000  # bytes


@dataclass(frozen=True)
class Row:
    """One open item."""

    id: str
    title: str
    lane: Lane
    state: str  # new | ready | waiting | running | checking | judging | stalled | invalid
    since: Moment | None
    note: str
    labels: tuple[str, ...] = ()
    priority: int | None = None
    run: int = 0
    round: int = 1
    contract: str | None = None
    not_applied: NotApplied | None = None  # why what was approved is not applied

    def as_json(self) -> dict[str, object]:
        """The row for programs."""
        since = rfc3339(self.since) if self.since else None
        return {**self.__dict__, "lane": str(self.lane), "labels": list(self.labels), "since": since}


class LastStatus(Seen):
    """A status in which nothing was wrong, no item was at work, and nobody held the lock."""

    done_today: int
    alarms: tuple[str, ...]
    rows: tuple[Row, ...]
