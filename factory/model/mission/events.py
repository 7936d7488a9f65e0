"""What happens to missions: one type an event, beside those of every item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from factory.model.journal import MergeCheck, Phase, SeatVerdict
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.mission.assertions import Judgement
from factory.model.mission.record import Filed, Issue
from factory.model.questions import Question

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Opened:
    """The plan of a mission is merged: it is carried out from now on."""

    event: ClassVar = Event.OPEN
    to: ClassVar = Lane.ACTIVE
    reason: str | None = None
    subject: str | None = None
    proposal: str | None = None
    verdicts: tuple[SeatVerdict, ...] = ()
    applied: str | None = None  # the commit that brought the plan into the target
    merged: MergeCheck | None = None
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Advanced:
    """Items were made for a mission, or what its validators found was read."""

    event: ClassVar = Event.ADVANCE
    to: ClassVar = Lane.ACTIVE
    reason: str
    filed: Mapping[str, Filed] = field(default_factory=dict)
    ended: Mapping[str, Outcome] = field(default_factory=dict)
    reviewed: tuple[str, ...] = ()
    judged: Mapping[str, Judgement] = field(default_factory=dict)
    issues: Mapping[str, Issue] = field(default_factory=dict)
    dismissed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    target: str | None = None  # on which commit of it, where that is another branch


@dataclass(frozen=True, kw_only=True)
class Paused:
    """A mission waits for a person."""

    event: ClassVar = Event.PAUSE
    to: ClassVar = Lane.BLOCKED
    reason: str
    target: str | None = None
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """A person lets a mission go on, or has answered what was asked."""

    event: ClassVar = Event.RESUME
    to: ClassVar = Lane.ACTIVE
    reason: str
    answers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, kw_only=True)
class Closed:
    """All assertions of a mission have passed, and are fresh."""

    event: ClassVar = Event.CLOSE
    to: ClassVar = Lane.DONE
    outcome: Outcome = Outcome.APPLIED
    reason: str
    target: str | None = None
