"""The life of an item: lanes, events, and the one table that says which moves there are."""

from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from factory.model.errors import IllegalMove


class Lane(StrEnum):
    """The folder an item lies in, which is its state."""

    INBOX = "inbox"
    ACTIVE = "active"
    REVIEW = "review"
    REWORK = "rework"
    BLOCKED = "blocked"
    DONE = "done"


class Event(StrEnum):
    """What moves an item."""

    SUBMIT = "submit"
    START = "start"
    RELEASE = "release"
    DELIVER = "deliver"
    BLOCK = "block"
    REWORK = "rework"
    FINISH = "finish"
    REJECT = "reject"
    CANCEL = "cancel"
    UNBLOCK = "unblock"
    MOVED = "moved"
    # Of missions alone.
    OPEN = "open"
    ADVANCE = "advance"
    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"


class Outcome(StrEnum):
    """How a finished item ended."""

    APPLIED = "applied"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class NotApplied(StrEnum):
    """Why something that was approved is not applied: a closed list, so that programs can tell them apart."""

    HELD = "held"  # the item says hold: true
    UNCOMMITTED = "uncommitted"  # a person's changes are where files would be written
    TARGET_MOVED = "target-moved"  # the checks have to be run again first
    UNCHECKED = "unchecked"  # checks that were left to the merge train have not been run yet
    SUBJECT_CHANGED = "subject-changed"  # the item, its contract or the policy is another one than was judged
    CONFLICT = "conflict"  # it does not merge with what the target holds now
    CHECK_FAILED = "check-failed"  # on what the target holds now
    UNPROVABLE = "unprovable"  # the checks cannot be run again
    COMMAND_FAILED = "command-failed"
    COMMAND_UNKNOWN = "command-unknown"  # a crash came while the apply command ran


class Rule(NamedTuple):
    """From which lanes an event may take an item, and to which; None is "not in the queue yet"."""

    sources: frozenset[Lane | None]
    targets: frozenset[Lane]


def _rule(sources: set[Lane | None], targets: set[Lane]) -> Rule:
    return Rule(frozenset(sources), frozenset(targets))


_OPEN: set[Lane | None] = {Lane.INBOX, Lane.ACTIVE, Lane.REVIEW, Lane.REWORK, Lane.BLOCKED}

RULES = MappingProxyType(
    {
        Event.SUBMIT: _rule({None}, {Lane.INBOX}),
        Event.START: _rule({Lane.INBOX, Lane.REWORK}, {Lane.ACTIVE}),
        Event.RELEASE: _rule({Lane.ACTIVE}, {Lane.INBOX, Lane.REWORK}),
        Event.DELIVER: _rule({Lane.ACTIVE}, {Lane.REVIEW}),
        Event.BLOCK: _rule({Lane.ACTIVE, Lane.REVIEW, Lane.INBOX, Lane.REWORK}, {Lane.BLOCKED}),
        # From active when the result itself breaks the contract: there is nothing a reviewer could look at.
        Event.REWORK: _rule({Lane.ACTIVE, Lane.REVIEW}, {Lane.REWORK}),
        Event.FINISH: _rule({Lane.REVIEW}, {Lane.DONE}),
        Event.REJECT: _rule({Lane.REVIEW}, {Lane.DONE}),
        Event.CANCEL: _rule(_OPEN, {Lane.DONE}),
        Event.UNBLOCK: _rule({Lane.BLOCKED}, {Lane.INBOX, Lane.REWORK}),
        # A person may put an item anywhere; only ending it (cancel) and unblocking it have names of their own.
        Event.MOVED: _rule(_OPEN | {Lane.DONE}, {lane for lane in Lane if lane is not Lane.DONE}),
        # A mission under way lies among the active, and nobody works on it: its features do the moving.
        Event.OPEN: _rule({Lane.REVIEW}, {Lane.ACTIVE}),
        Event.ADVANCE: _rule({Lane.ACTIVE}, {Lane.ACTIVE}),
        Event.PAUSE: _rule({Lane.ACTIVE}, {Lane.BLOCKED}),
        Event.RESUME: _rule({Lane.BLOCKED}, {Lane.ACTIVE}),
        Event.CLOSE: _rule({Lane.ACTIVE}, {Lane.DONE}),
    }
)


OF_PEOPLE = frozenset({Event.CANCEL, Event.UNBLOCK, Event.MOVED, Event.RESUME})
OF_MISSIONS = frozenset({Event.OPEN, Event.ADVANCE, Event.PAUSE, Event.RESUME, Event.CLOSE})


def check_move(event: Event, source: Lane | None, target: Lane) -> None:
    """Do nothing when the table has this move. Raises IllegalMove otherwise."""
    rule = RULES[event]
    same = source is target and event is not Event.ADVANCE
    unblocking = event is Event.MOVED and source is Lane.BLOCKED and target in RULES[Event.UNBLOCK].targets
    if source not in rule.sources or target not in rule.targets or same or unblocking:
        raise IllegalMove(f"there is no move {source or '-'} -> {target} by the event {event}")


def human_event(source: Lane, target: Lane, *, under_way: bool = False) -> Event:
    """The event that a person's move of a file from one lane to another stands for; `under_way`: of such a mission."""
    if target is Lane.DONE:
        return Event.CANCEL
    if under_way and (source, target) == (Lane.ACTIVE, Lane.BLOCKED):
        return Event.PAUSE
    if under_way and (source, target) == (Lane.BLOCKED, Lane.ACTIVE):
        return Event.RESUME
    if source is Lane.BLOCKED and target in RULES[Event.UNBLOCK].targets:
        return Event.UNBLOCK
    return Event.MOVED
