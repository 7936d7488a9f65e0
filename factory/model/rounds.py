"""Rounds: what an item's next run has to put right, of the last round and of those before it. Pure."""

from collections.abc import Iterator
from itertools import takewhile

from factory.model.journal import Entry, History
from factory.model.lifecycle import Event, Lane, NotApplied
from factory.model.verdict import Finding


def to_put_right(history: History) -> tuple[Finding, ...]:
    """What the last round was sent back with; then what is left of earlier ones, each by its key, as reviewers know it.

    Left is what seats found and nobody has put right, and all that the last delivery was sent back with.
    """
    left = {finding.key: finding for finding in (*_said_of_delivery(history), *history.table.open.values())}
    for finding in history.findings:
        left.pop(finding.key, None)
    return (*history.findings, *(finding.model_copy(update={"id": key}) for key, finding in left.items()))


def is_judged_anew(history: History) -> bool:
    """Whether the last delivery came back because what it is judged by is another one now."""
    return any(entry.not_applied is NotApplied.SUBJECT_CHANGED for entry in _since_delivery(history))


def _said_of_delivery(history: History) -> Iterator[Finding]:
    """What the last delivery was sent back with, however many runs have come to nothing since."""
    for entry in _since_delivery(history):
        if entry.source is Lane.REVIEW:
            yield from entry.findings


def _since_delivery(history: History) -> Iterator[Entry]:
    """The entries since the last delivery, newest first."""
    return takewhile(lambda entry: entry.event is not Event.DELIVER, reversed(history.entries))
