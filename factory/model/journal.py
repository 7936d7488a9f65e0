"""The journal: an item's append-only events, and what they add up to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from factory.model.agent import AgentIdentity, as_session
from factory.model.base import MOST_SECONDS, Format, Label, Moment, Ordinal, Seconds
from factory.model.failure import FailureClass
from factory.model.findings import Table
from factory.model.item import ItemId
from factory.model.lease import Lease
from factory.model.lifecycle import Event, Lane, NotApplied, Outcome
from factory.model.mission.record import Advance, FiledItems, Issues, Judged, MissionRecord
from factory.model.policy import MergeMode
from factory.model.questions import MOST_QUESTIONS, Answered, Question
from factory.model.result import CappedUsage, Usage
from factory.model.verdict import Decision, Finding

MOST_LIMITS = 20  # of a round that cost nothing: who always tells of one would otherwise never end
MOST_PHASES = 1000  # of one run
# After which the same conversation would only end so again.
_ENDS_SESSION = frozenset({FailureClass.CONTEXT, FailureClass.INVALID_REQUEST, FailureClass.REFUSAL})


class SeatVerdict(Format):
    """What one seat said, as the journal remembers it."""

    seat: str
    decision: Decision
    reviewer: str
    lost: str = ""  # why it does not count


class Phase(Format):
    """A part of an item's way: that it waited, the worker's own time, a check, a seat, checks run again, the apply."""

    name: Label
    at: Moment  # when it began
    seconds: Seconds

    @classmethod
    def between(cls, name: str, since: datetime, until: datetime) -> Self:
        """The phase from one time to another; within bounds, since the clocks of two machines disagree."""
        return cls(name=name, at=since, seconds=round(min(max(0.0, (until - since).total_seconds()), MOST_SECONDS), 3))


class MergeCheck(Format):
    """Which content the checks ran on before an item was merged: its own, or in the mode `tip` that of its batch."""

    mode: MergeMode
    tree: str


class Entry(Format):
    """One line of a journal: when an item moved by whose hand, and what this event has to say.

    The fields of all events stand side by side, as in the file; `events` has a type for each, and makes entries of it.
    """

    model_config = ConfigDict(populate_by_name=True)

    seq: Annotated[Ordinal, Field(ge=1)]
    at: Moment
    event: Event
    source: Annotated[Lane | None, Field(alias="from")] = None
    to: Lane
    run: Ordinal = 0
    round: Ordinal = 1
    actor: str
    reason: str | None = None
    worker: str | None = None
    lease: Lease | None = None
    failure: FailureClass | None = None
    attempt: Ordinal | None = None
    not_before: Moment | None = None
    subject: str | None = None
    proposal: str | None = None
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[SeatVerdict, ...] = ()
    closed: dict[str, str] = {}  # findings of earlier rounds that are put right, by key, and how
    loose_ends: dict[str, str] = {}  # what the worker left undone or came across, by id
    questions: Annotated[tuple[Question, ...], Field(max_length=MOST_QUESTIONS)] = ()  # what its worker asks
    answers: dict[str, str] = {}  # what a person decided of them, by question
    conflicts_with: dict[str, tuple[str, ...]] = {}  # the items that came into review before, and where it clashes
    outcome: Outcome | None = None
    not_applied: NotApplied | None = None
    applied: str | None = None
    merged: MergeCheck | None = None
    target: str | None = None  # the commit that a step of a mission looked at, where the target is another branch
    filed: FiledItems = {}  # items that were made for a mission
    ended: dict[ItemId, Outcome] = {}  # those of them that are at their end, and how
    reviewed: tuple[ItemId, ...] = ()  # those that scrutiny has looked at
    judged: Judged = {}  # what was found, by assertion
    issues: Issues = {}  # what has to be answered, by id
    dismissed: dict[str, str] = {}  # issues about which nothing is done, and why
    usage: CappedUsage | None = None
    seconds: Seconds | None = None
    owner: str | None = None  # the clone whose run it was, or that has taken it from the one that held it
    sandbox: str | None = None  # what contained the run, and what was missing
    phases: tuple[Phase, ...] = ()
    agent: AgentIdentity | None = None

    def line(self) -> bytes:
        """The entry as it is written, with its line end."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True).encode() + b"\n"


@dataclass(frozen=True)
class History:
    """What a journal adds up to."""

    entries: tuple[Entry, ...] = ()
    run: int = 0
    round: int = 1
    rounds_spent: int = 0  # since a person last armed the item
    attempts: int = 0  # transient failures of the present round
    limits: int = 0  # usage limits that cost no attempt of it
    walls: frozenset[str] = frozenset()  # agents that cannot go on with it; another one is asked
    not_before: datetime | None = None
    lease: Lease | None = None
    worker: str = ""
    subject: str = ""
    proposal: str = ""
    findings: tuple[Finding, ...] = ()
    loose_ends: Mapping[str, str] = field(default_factory=dict)
    conflicts_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    table: Table = field(default_factory=Table)  # of seats' findings over all rounds
    questions: tuple[Question, ...] = ()  # that wait for an answer
    answered: tuple[Answered, ...] = ()  # all that were
    mission: MissionRecord = field(default_factory=MissionRecord)  # nothing, of what is none
    reason: str = ""
    failure: FailureClass | None = None
    outcome: Outcome | None = None
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0

    @property
    def lane(self) -> Lane | None:
        """Where the journal says the item is."""
        return self.entries[-1].to if self.entries else None

    @property
    def since(self) -> datetime | None:
        """Since when it has been there."""
        return self.entries[-1].at if self.entries else None

    @property
    def to_be_checked_again(self) -> bool:
        """Whether the last proposal's checks failed, and a person has sent the item back to work since its last run."""
        ended = [entry for entry in self.entries if entry.event not in (Event.START, Event.RELEASE)]
        proposed = next((n for n in range(len(ended), 0, -1) if ended[n - 1].event is Event.DELIVER), None)
        if proposed is None or ended[-1].event not in (Event.UNBLOCK, Event.MOVED):
            return False
        delivered, *later = ended[proposed - 1 :]
        return bool(delivered.findings) or any(entry.not_applied is NotApplied.CHECK_FAILED for entry in later)

    @property
    def makers(self) -> tuple[str, ...]:
        """Whoever has worked on it, by the names that its starts tell."""
        return tuple(dict.fromkeys(entry.worker for entry in self.entries if entry.worker))

    @property
    def question_rounds(self) -> int:
        """How often its workers have asked people."""
        return sum(bool(entry.questions) for entry in self.entries)

    @property
    def session(self) -> str:
        """The conversation in which the last run's agent worked, if it may go on; empty where there is none."""
        ended = next((entry for entry in reversed(self.entries) if entry.source is Lane.ACTIVE), None)
        if ended is None or ended.agent is None or ended.failure in _ENDS_SESSION:
            return ""
        return as_session(ended.agent.session)

    @property
    def came_to_nothing(self) -> bool:
        """Whether the last run was over without a proposal."""
        ended = next((entry for entry in reversed(self.entries) if entry.source is Lane.ACTIVE), None)
        return ended is not None and not ended.proposal

    @property
    def ended_with(self) -> str:
        """Why the item's last run, or the review of it, came to nothing; empty where nobody said."""
        told = (entry for entry in reversed(self.entries) if entry.event in (Event.RELEASE, Event.REWORK, Event.BLOCK))
        return next((entry.reason or "" for entry in told), "")

    @property
    def worked_on(self) -> str:
        """The blob of the item's text that the last run worked on; empty before the first."""
        begun = next((entry.lease for entry in reversed(self.entries) if entry.event is Event.START), None)
        return begun.item if begun else ""

    def _answered(self, entry: Entry) -> Iterator[Answered]:
        """What an entry says that a person decided, of what is asked."""
        asked = {each.id: each for each in self.questions}
        said = ((asked[key], text) for key, text in entry.answers.items() if key in asked)
        return (Answered(question=each, decision=text, by=entry.actor) for each, text in said)

    def next_seq(self) -> int:
        """The number of the next entry."""
        return len(self.entries) + 1

    def add(self, entry: Entry) -> Self:
        """The history with one more entry."""
        after = replace(
            self,
            entries=(*self.entries, entry),
            run=max(self.run, entry.run),
            not_before=entry.not_before,
            lease=entry.lease,
            worker=entry.worker or self.worker,
            reason=entry.reason or "",
            questions=entry.questions,
            failure=entry.failure,
            outcome=entry.outcome,
            usage=self.usage.plus(entry.usage),
            seconds=self.seconds + (entry.seconds or 0.0),
        )
        match entry.event:
            case Event.RELEASE if entry.failure and entry.failure.is_wall:
                return replace(after, walls=self.walls | {self.worker})
            case Event.RELEASE if entry.failure and entry.attempt is None:
                return replace(after, limits=self.limits + 1)
            case Event.RELEASE if entry.failure:
                return replace(after, attempts=self.attempts + 1)
            case Event.DELIVER:
                return replace(
                    after,
                    attempts=0,
                    limits=0,
                    walls=frozenset(),
                    subject=entry.subject or "",
                    proposal=entry.proposal or "",
                    findings=entry.findings,
                    loose_ends=entry.loose_ends,
                    conflicts_with=entry.conflicts_with,
                    table=self.table.close(entry.closed),
                )
            case Event.REWORK:
                return replace(
                    after,
                    attempts=0,
                    limits=0,
                    walls=frozenset(),
                    round=self.round + 1,
                    rounds_spent=self.rounds_spent + 1,
                    proposal=entry.proposal or self.proposal,
                    findings=entry.findings,
                    table=self.table.close(entry.closed).reported(entry.findings),
                )
            case Event.BLOCK if entry.findings:
                table = self.table.close(entry.closed).reported(entry.findings)
                return replace(after, findings=entry.findings, table=table)
            case Event.UNBLOCK | Event.MOVED:
                armed = replace(after, attempts=0, limits=0, walls=frozenset(), rounds_spent=0)
                answered = (*self.answered, *self._answered(entry))
                return replace(armed, answered=answered, mission=self.mission.open(under_way=False))
            case _:
                return after._of_mission(entry, (*self.answered, *self._answered(entry)))

    def _of_mission(self, entry: Entry, answered: tuple[Answered, ...]) -> Self:
        """What an entry that is no matter of a run adds to a mission."""
        match entry.event:
            case Event.RESUME:
                return replace(self, answered=answered, mission=self.mission.resumed(entry.answers))
            case Event.OPEN:
                return replace(self, attempts=0, rounds_spent=0, findings=(), mission=self.mission.open())
            case Event.ADVANCE:
                said = Advance(entry.filed, entry.ended, entry.reviewed, entry.judged, entry.issues, entry.dismissed)
                return replace(self, mission=self.mission.advanced(said))
            case Event.CLOSE | Event.CANCEL:
                return replace(self, mission=self.mission.open(under_way=False))
            case _:
                return self


def fold(entries: Iterable[Entry]) -> History:
    """What these entries add up to."""
    history = History()
    for entry in entries:
        history = history.add(entry)
    return history
