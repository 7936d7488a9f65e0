"""The row: one open item, as people ask about it."""

from dataclasses import dataclass
from datetime import datetime

from factory.line.survey import Case, Survey, Surveyor
from factory.model.journal import rfc3339
from factory.model.lifecycle import Lane, NotApplied
from factory.model.moments import moment_of


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
    surveyor: Surveyor, survey: Survey, case: Case, state: str, note: str, not_applied: NotApplied | None = None
) -> Row:
    """A case's row, in a state and for a reason."""
    arrival = surveyor.arrivals(survey).get(case.placed.path)
    since = case.history.since or (moment_of(arrival.at) if arrival else None)
    item = case.item
    return Row(
        id=case.id,
        title=item.title if item else "",
        lane=case.lane,
        state=state,
        since=since,
        note=note.splitlines()[0] if note else "",
        labels=item.labels if item else (),
        priority=item.priority if item else None,
        run=case.history.run,
        round=case.history.round,
        contract=case.contract_name,
        not_applied=not_applied or (case.history.entries[-1].not_applied if case.history.entries else None),
    )
