"""Events: what happens to an item, as one type an event, and what is told of it while it happens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar, Protocol

from factory.model.agent import AgentIdentity
from factory.model.failure import FailureClass
from factory.model.journal import Entry, MergeCheck, Phase, SeatVerdict
from factory.model.lease import Lease
from factory.model.lifecycle import Event, Lane, NotApplied, Outcome
from factory.model.mission.events import Paused, Resumed
from factory.model.questions import Question
from factory.model.result import Usage
from factory.model.verdict import Finding

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NOBODY: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Payload(Protocol):
    """What an event has to say: a frozen dataclass whose fields are an entry's, and which says where it takes an item.

    Any such type can be written, told and read: those below are what the factory itself does.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def event(self) -> Event:
        """The event in the table of moves."""

    @property
    def to(self) -> Lane:
        """The lane that it takes the item to."""


@dataclass(frozen=True)
class RunSummary:
    """What an ended run has cost, and how it went."""

    seconds: float | None = None
    usage: Usage | None = None
    owner: str | None = None  # the clone whose run it was, or that has taken it from the one that held it
    sandbox: str | None = None  # what contained the run, and what was missing
    phases: tuple[Phase, ...] = ()
    agent: AgentIdentity | None = None


@dataclass(frozen=True)
class Submitted:
    """A valid new file has appeared."""

    event: ClassVar = Event.SUBMIT
    to: ClassVar = Lane.INBOX


@dataclass(frozen=True, kw_only=True)
class Started:
    """A run was claimed."""

    event: ClassVar = Event.START
    to: ClassVar = Lane.ACTIVE
    lease: Lease
    worker: str
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Released:
    """A run ended without a result: it is tried again, or nobody works on it any more."""

    event: ClassVar = Event.RELEASE
    to: Lane
    reason: str
    failure: FailureClass | None = None
    attempt: int | None = None
    not_before: datetime | None = None
    summary: RunSummary | None = None


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A run's result is whole, and there is evidence for it."""

    event: ClassVar = Event.DELIVER
    to: ClassVar = Lane.REVIEW
    subject: str
    proposal: str
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[SeatVerdict, ...] = ()
    closed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    loose_ends: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    conflicts_with: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOBODY)
    summary: RunSummary | None = None


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """It waits for a person."""

    event: ClassVar = Event.BLOCK
    to: ClassVar = Lane.BLOCKED
    reason: str | None = None
    failure: FailureClass | None = None
    attempt: int | None = None
    subject: str | None = None
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[SeatVerdict, ...] = ()
    closed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    not_applied: NotApplied | None = None
    questions: tuple[Question, ...] = ()
    phases: tuple[Phase, ...] = ()  # since the run
    summary: RunSummary | None = None


@dataclass(frozen=True, kw_only=True)
class SentBack:
    """A round is used up, by a seat, a check or a breach of the contract."""

    event: ClassVar = Event.REWORK
    to: ClassVar = Lane.REWORK
    reason: str
    failure: FailureClass | None = None
    proposal: str | None = None
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[SeatVerdict, ...] = ()
    closed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    not_applied: NotApplied | None = None
    summary: RunSummary | None = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What was approved is applied, or there was nothing to apply."""

    event: ClassVar = Event.FINISH
    to: ClassVar = Lane.DONE
    outcome: Outcome
    reason: str | None = None
    subject: str | None = None
    proposal: str | None = None
    verdicts: tuple[SeatVerdict, ...] = ()
    applied: str | None = None  # the commit that brought it into the target
    merged: MergeCheck | None = None
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """Review refused it for good."""

    event: ClassVar = Event.REJECT
    to: ClassVar = Lane.DONE
    outcome: Outcome = Outcome.REJECTED
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[SeatVerdict, ...] = ()
    closed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    failure: FailureClass | None = None
    not_applied: NotApplied | None = None


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """A person ended it."""

    event: ClassVar = Event.CANCEL
    to: ClassVar = Lane.DONE
    outcome: Outcome = Outcome.CANCELLED
    reason: str
    summary: RunSummary | None = None


@dataclass(frozen=True, kw_only=True)
class Unblocked:
    """A person sent it back to work, or has answered what its worker asked."""

    event: ClassVar = Event.UNBLOCK
    to: Lane
    reason: str
    answers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A person moved it to another lane."""

    event: ClassVar = Event.MOVED
    to: Lane
    reason: str
    summary: RunSummary | None = None


def entry_of(
    payload: Payload, *, seq: int, at: datetime, source: Lane | None, run: int = 0, round: int = 1, actor: str
) -> Entry:
    """The journal's line for what happened. Raises ValidationError for what no journal may hold."""
    said = _fields(payload)
    summary = said.pop("summary", None)
    if isinstance(summary, RunSummary):
        said |= _fields(summary)
    envelope = {"seq": seq, "at": at, "source": source, "run": run, "round": round, "actor": actor}
    return Entry.model_validate({**envelope, "event": payload.event, "to": payload.to, **said})


def _fields(value: Payload | RunSummary) -> dict[str, object]:
    found = {each.name: getattr(value, each.name) for each in fields(value)}
    return {name: dict(each) if isinstance(each, Mapping) else each for name, each in found.items()}


def by_hand(
    event: Event, to: Lane, reason: str, summary: RunSummary | None
) -> Cancelled | Unblocked | Paused | Resumed | Moved:
    """What a person did by moving a file."""
    match event:
        case Event.PAUSE:
            return Paused(reason=reason)
        case Event.RESUME:
            return Resumed(reason=reason)
        case Event.CANCEL:
            return Cancelled(reason=reason, summary=summary)
        case Event.UNBLOCK:
            return Unblocked(to=to, reason=reason)
        case _:
            return Moved(to=to, reason=reason, summary=summary)


@dataclass(frozen=True)
class Recorded:
    """An item has moved, and this is its journal's new line."""

    item_id: str
    entry: Entry
    commit: str = field(default="", compare=False)  # by which it happened


@dataclass(frozen=True)
class TookIn:
    """Files under `queue/` or `contracts/` were committed that no move brought."""

    paths: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class BreakerChanged:
    """The breaker of a contract or an agent has opened, closed, or lets one item be tried."""

    of: str  # the contract, or the agent, in words
    state: str


@dataclass(frozen=True)
class ComesDue:
    """A waiting item starts by itself at this time, and is waited for."""

    item_id: str
    until: datetime


@dataclass(frozen=True)
class Noticed:
    """Something that is worth a line, of an item or of none."""

    text: str
    item_id: str = ""


Happening = Recorded | TookIn | BreakerChanged | ComesDue | Noticed
Tell = Callable[[Happening], None]
Foretell = Callable[[Sequence[Happening], str], None]


@dataclass(frozen=True)
class Telling:
    """What is told as soon as it has happened."""

    tell: Tell
    happening: Happening

    def __call__(self) -> None:
        """Tell it."""
        self.tell(self.happening)
