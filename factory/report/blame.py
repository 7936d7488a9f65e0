"""Blame: who made an assertion of a mission pass, when, and on what that rests."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from factory.line.snapshot import Snapshot, SnapshotReader
from factory.model.agent import AgentIdentity
from factory.model.errors import InvalidFile
from factory.model.item import Item
from factory.model.journal import Entry, SeatVerdict
from factory.model.layout import item_path, run_file
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.moments import rfc3339
from factory.model.product import changed_lines
from factory.model.reads import Reads
from factory.model.run_layout import EVIDENCE, PROMPT, RESULT, kept_verdict
from factory.report.mission_views import AssertionRow, MissionView, assertion_rows, missions, purpose
from factory.store.mission_parts import Part

_EVERYTHING = ("**",)  # what an assertion rests on that names no paths


@dataclass(frozen=True)
class Said:
    """What a seat said of a run, and where that lies."""

    seat: str
    decision: str
    reviewer: str
    path: str  # empty where it is in the journal alone


@dataclass(frozen=True)
class RunAccount:
    """One run of an item: who was at work, with what, and what became of it."""

    item: str
    purpose: str  # of the item: feature, follow-up, scrutiny or testing
    run: int
    worker: str
    agent: AgentIdentity | None  # what it said of itself
    began: datetime | None
    ended: datetime | None
    outcome: str  # of the item; empty while it is open
    applied: str  # the commit that brought it in; empty when nothing was
    files: tuple[str, ...]  # what it was asked and what it left, by path
    verdicts: tuple[Said, ...]

    def as_json(self) -> dict[str, object]:
        """The run for programs."""
        return {
            **self.__dict__,
            "agent": self.agent.model_dump(mode="json") if self.agent else None,
            "began": rfc3339(self.began) if self.began else None,
            "ended": rfc3339(self.ended) if self.ended else None,
            "files": [*self.files],
            "verdicts": [{**each.__dict__} for each in self.verdicts],
        }


@dataclass(frozen=True)
class Blame:
    """Where an assertion's state is from."""

    mission: str
    row: AssertionRow
    judged_in: RunAccount | None  # the run of the validator that judged it last
    made_by: tuple[RunAccount, ...]  # the runs of the features that fulfil it, and of follow-ups to its failures
    touched_by: tuple[RunAccount, ...]  # those of others that were merged, and changed what a pass rests on


def missions_with(reader: SnapshotReader, snapshot: Snapshot, assertion: str) -> list[MissionView]:
    """The missions that have an assertion of this id, open ones first."""
    found = missions(reader, snapshot, ended=True)
    return [view for view in found if view.standing and assertion in view.standing.known]


def blame(reader: SnapshotReader, snapshot: Snapshot, view: MissionView, assertion: str) -> Blame | None:
    """Who made an assertion pass; None when the mission has none of this id."""
    row = next((each for each in assertion_rows(reader, snapshot, view) if each.assertion.id == assertion), None)
    if row is None:
        return None
    looking = _Looking(reader, snapshot, view)
    parts = {**view.parts, **view.guards}
    judge = parts.get(row.judgement.item) if row.judgement else None
    made = [part for part in parts.values() if part.filed.builds and part.history.run]
    makers = [part for part in made if assertion in looking.fulfills(part)]
    rests_on = row.assertion.rests_on
    touched = [part for part in made if part not in makers and looking.touches(part, rests_on)]
    return Blame(
        mission=view.id,
        row=row,
        judged_in=looking.run(judge, row.judgement.run) if judge and row.judgement else None,
        made_by=tuple(looking.run(part, part.history.run) for part in makers),
        touched_by=tuple(looking.run(part, part.history.run) for part in touched),
    )


class _Looking:
    """Reads what lies in the artifacts of a mission's items."""

    def __init__(self, reader: SnapshotReader, snapshot: Snapshot, view: MissionView) -> None:
        self._reader = reader
        self._snapshot = snapshot
        self._view = view

    def fulfills(self, part: Part) -> tuple[str, ...]:
        """The assertions that hold once an item is done; of what a guard filed, those that it is to put right."""
        item = self._item(part)
        answered = (issue.partition("/")[2] for issue in part.filed.answers if part.id in self._view.guards)
        return (*(item.fulfills if item else ()), *answered)

    def touches(self, part: Part, rests_on: tuple[str, ...]) -> bool:
        """Whether an item was merged and changed any of these paths; of what rests on everything nobody asks."""
        if rests_on == _EVERYTHING or part.history.outcome is not Outcome.APPLIED:
            return False
        patch = self._reader.artifacts.patch(self._snapshot.tree, part.id, part.history.run, part.day)
        reads = Reads.of(rests_on)
        return any(reads.covers(path) for path in changed_lines(patch))

    def _item(self, part: Part) -> Item | None:
        state = self._snapshot.items.get(part.id)
        if state is not None or not part.day:
            return state.item if state else None
        path = item_path(Lane.DONE, part.id, part.day)
        entry = self._reader.archive.find(self._snapshot.tree, path)
        with suppress(InvalidFile):
            return self._reader.queue.item(path, entry.oid) if entry else None
        return None

    def run(self, part: Part, run: int) -> RunAccount:
        """One run of an item."""
        entries = [entry for entry in part.history.entries if entry.run == run]
        start = next((entry for entry in entries if entry.event is Event.START), None)
        end = next((entry for entry in entries if entry.source is Lane.ACTIVE), None)
        last = entries[-1] if entries else None
        names = (PROMPT, RESULT, EVIDENCE)
        return RunAccount(
            item=part.id,
            purpose=purpose(part.filed),
            run=run,
            worker=(start.worker if start else "") or "",
            agent=end.agent if end else None,
            began=start.at if start else None,
            ended=end.at if end else None,
            outcome=str(part.history.outcome or ""),
            applied=(last.applied if last else "") or "",
            files=tuple(self._there(part.id, run, part.day, *names)),
            verdicts=tuple(self._said(part, run, entries)),
        )

    def _said(self, part: Part, run: int, entries: list[Entry]) -> Iterator[Said]:
        """What its own seats said, and then what the scrutiny of its milestone said of it."""
        own = {vote.seat: vote for entry in entries for vote in entry.verdicts}
        yield from (self._of(part, run, vote) for vote in own.values())
        for scrutiny in self._view.parts.values():
            if part.id in scrutiny.filed.reviews:
                votes = {vote.seat: vote for entry in scrutiny.history.entries for vote in entry.verdicts}
                seat = part.id.rpartition(".")[2]
                if seat in votes:
                    yield self._of(scrutiny, scrutiny.history.run, votes[seat])

    def _of(self, part: Part, run: int, vote: SeatVerdict) -> Said:
        path = "".join(self._there(part.id, run, part.day, kept_verdict(vote.seat)))
        return Said(vote.seat, str(vote.decision), vote.reviewer, path)

    def _there(self, item: str, run: int, day: str, *names: str) -> Iterator[str]:
        """The paths of those files of a run that are there."""
        paths = (run_file(item, run, name, day) for name in names)
        archive = self._reader.archive
        return (path for path in paths if archive.find(self._snapshot.tree, path) is not None)
