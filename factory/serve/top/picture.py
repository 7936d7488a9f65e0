"""The picture: all that mission control shows of one commit, as a plain value. What is live lies over it, apart."""

from dataclasses import dataclass
from datetime import datetime

from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.gate import unanswered
from factory.model.item import Budget
from factory.model.lifecycle import Lane
from factory.model.mission.assertions import AssertionState
from factory.model.questions import Question
from factory.report.mission_views import MissionView, open_issues, open_missions
from factory.report.status import Status, status
from factory.report.status_row import Row
from factory.serve.top.handoffs import Handoff
from factory.store.mission_parts import Spent
from factory.store.queue import QueueListing


@dataclass(frozen=True)
class Card:
    """One open item, with what somebody who decides something about it has looked at."""

    row: Row
    held: bool = False
    under_way: bool = False  # a mission that is carried out
    proposed: bool = False  # there is something to compare
    seats: tuple[str, ...] = ()  # that wait for a person's verdict
    subject: str = ""  # of the delivery that they judge
    criteria: tuple[tuple[str, str], ...] = ()  # that no check answers: id, text
    loose_ends: tuple[tuple[str, str], ...] = ()  # id, text
    questions: tuple[Question, ...] = ()
    spent: Spent | None = None  # by the runs that are over
    budget: Budget | None = None
    minutes: float | None = None  # that a run may take


@dataclass(frozen=True)
class MilestoneSeen:
    """One milestone of a mission."""

    title: str
    now: bool
    passed: int  # assertions of its features
    assertions: int


@dataclass(frozen=True)
class MissionSeen:
    """One open mission."""

    id: str
    title: str
    word: str
    far: str  # how far it is, and what it has used
    milestones: tuple[MilestoneSeen, ...]
    issues: int  # that have to be answered before a milestone is over


@dataclass(frozen=True)
class Picture:
    """The whole queue at one commit."""

    at: datetime
    branch: str
    orchestrator: str
    alarms: tuple[str, ...]
    problems: int
    done_today: int
    spent: float  # USD today; only where a day has a budget
    budget: float | None
    unpriced: int  # runs today of which nobody knows what they cost, likewise
    until: datetime | None  # something comes due by itself
    cards: tuple[Card, ...]
    missions: tuple[MissionSeen, ...] = ()
    handoffs: tuple[Handoff, ...] = ()  # the newest first

    def card(self, item_id: str) -> Card | None:
        """The card of an item; None when it is open no more."""
        return next((card for card in self.cards if card.row.id == item_id), None)

    def count(self, lane: Lane) -> int:
        """How many items lie in an open lane."""
        return sum(card.row.lane is lane for card in self.cards)


def picture(reader: SnapshotReader, snapshot: Snapshot, handoffs: tuple[Handoff, ...]) -> Picture:
    """What is to be seen at a snapshot's commit, and in the working tree beside it. Reads only."""
    found = status(reader, snapshot)
    return Picture(
        at=snapshot.now,
        branch=reader.branch,
        orchestrator=found.orchestrator,
        alarms=_alarms(found),
        problems=len(found.problems),
        done_today=found.done_today,
        spent=snapshot.spent_today,
        budget=snapshot.policy.budget.usd_per_day,
        unpriced=snapshot.unpriced_today,
        until=found.until,
        cards=tuple(_card(row, snapshot.items.get(row.id), snapshot.listing) for row in found.rows),
        missions=tuple(map(_mission, open_missions(reader, snapshot, found.rows))),
        handoffs=handoffs,
    )


def _alarms(found: Status) -> tuple[str, ...]:
    waiting = (f"waiting: {found.busy}; nothing moves until it is finished",) if found.busy else ()
    return (*waiting, *found.alarms())


def _card(row: Row, state: ItemState | None, listing: QueueListing) -> Card:
    if state is None or state.item is None:
        return Card(row)
    item, history = state.item, state.history
    open_criteria = unanswered(item)
    return Card(
        row=row,
        held=item.hold,
        under_way=history.mission.under_way,
        proposed=any(entry.proposal for entry in history.entries),
        seats=tuple(file.seat for file in listing.verdicts if file.item_id == row.id and row.lane is Lane.REVIEW),
        subject=history.subject,
        criteria=tuple((each.id, each.text) for each in item.acceptance if each.id in open_criteria),
        loose_ends=tuple(history.loose_ends.items()),
        questions=history.questions if row.lane is Lane.BLOCKED else (),
        spent=Spent.of([history]),
        budget=item.budget,
        minutes=state.contract.limits.minutes if state.contract else None,
    )


def _mission(view: MissionView) -> MissionSeen:
    progress, standing = view.progress, view.standing
    milestones: list[MilestoneSeen] = []
    for each in standing.plan.milestones if standing else ():
        fulfilled = {assertion for feature in each.features for assertion in feature.fulfills}
        passed = sum(standing.state_of(assertion) is AssertionState.PASSED for assertion in fulfilled if standing)
        milestones.append(MilestoneSeen(each.title, each == view.milestone, passed, len(fulfilled)))
    far = progress.in_words() if progress else view.note or "no plan that can be read"
    return MissionSeen(view.id, view.title, view.word, far, tuple(milestones), len(open_issues(view)))
