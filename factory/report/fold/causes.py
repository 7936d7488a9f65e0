"""Causes: a closed list of words for why an item was released, sent back or blocked, so that they can be counted."""

import re
from collections.abc import Iterable

from factory.model.failure import FailureClass
from factory.model.lifecycle import NotApplied
from factory.model.verdict import Decision

QUESTION, CONFIDENCE, ESCALATED, REPEATED, ROUNDS, ATTEMPTS = (
    "question",
    "confidence",
    "escalated",
    "repeated finding",
    "rounds used up",
    "attempts used up",
)
SEAT, CHECKS, STOPPED, OTHER = "seat", "checks", "stopped", "other"
CAUSES = frozenset({QUESTION, CONFIDENCE, ESCALATED, REPEATED, ROUNDS, ATTEMPTS, SEAT, CHECKS, STOPPED, OTHER})
CAUSES |= {*map(str, FailureClass), *map(str, NotApplied)}

# As `line` words it: of these the journal has no field of its own.
_TOLD = re.compile(
    r"(the same finding twice in a row)|(\d+ rounds? used up)|(\d+ attempts? used up)|(the worker's confidence is)"
    r"|(the run was stopped|its text changed while it ran)"
)
_WORDS = (REPEATED, ROUNDS, ATTEMPTS, CONFIDENCE, STOPPED)


def cause_of(
    reason: str,
    failure: FailureClass | None,
    not_applied: NotApplied | None,
    decisions: Iterable[Decision],
    *,
    asks: bool,
    found: bool,
) -> str:
    """The word for a release, a rework or a block; `found`: with findings."""
    if asks:
        return QUESTION
    if (told := _TOLD.match(reason)) and told.lastindex:
        return _WORDS[told.lastindex - 1]
    if failure is not None:
        return str(failure)
    if not_applied is not None:
        return str(not_applied)
    said = {*decisions}
    if Decision.ESCALATE in said:
        return ESCALATED
    if Decision.REWORK in said:
        return SEAT
    return CHECKS if found else OTHER
