"""A row of the status: one open item, as people ask about it."""

from dataclasses import dataclass
from datetime import datetime

from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.lifecycle import Lane, NotApplied
from factory.model.moments import moment_of, rfc3339


@dataclass(frozen=True)
class Row:
    """One open item."""

    id: str
    title: str
    lane: Lane
    state: str  # new | ready | waiting | running | checking | judging | stalled | invalid
    since: datetime | None
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


def row_of(
    reader: SnapshotReader,
    snapshot: Snapshot,
    state: ItemState,
    condition: str,
    note: str,
    not_applied: NotApplied | None = None,
) -> Row:
    """An item's row, in a state and for a reason."""
    arrival = reader.arrivals(snapshot).get(state.placed.path)
    since = state.history.since or (moment_of(arrival.at) if arrival else None)
    item = state.item
    return Row(
        id=state.id,
        title=item.title if item else "",
        lane=state.lane,
        state=condition,
        since=since,
        note=note.splitlines()[0] if note else "",
        labels=item.labels if item else (),
        priority=item.priority if item else None,
        run=state.history.run,
        round=state.history.round,
        contract=state.contract_name,
        not_applied=not_applied or (state.history.entries[-1].not_applied if state.history.entries else None),
    )
