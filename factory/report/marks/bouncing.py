"""Bouncing: items that go round and round, as their journals tell. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from factory.line.snapshot import ItemState
from factory.model.failure import FailureClass
from factory.model.journal import Entry
from factory.model.lifecycle import OF_PEOPLE, Event, Lane, NotApplied
from factory.model.text import cut
from factory.model.verdict import Finding
from factory.report.marks.mark import Mark, MarkKind, edit

_OFTEN_SENT_BACK = 2  # in a row, with the same finding
_OFTEN_RELEASED = 3  # in a row, without a new proposal
_LONGEST = 160  # characters of a finding
# What differs between two outputs of one and the same failure: times, addresses, the names of cells.
_PASSING = re.compile(r"\d+(?:\.\d+)? ?(?:ms|s|sec|seconds)\b|0x[0-9a-f]+|factory-cell-\w+")


def bouncing(state: ItemState) -> Mark | None:
    """The mark of an item that goes round and round; None of one that does not, or of which something new is known.

    That is a proposal in review, or another text than the last run worked on.
    """
    worked_on = state.history.worked_on
    if state.lane is Lane.REVIEW or (worked_on and worked_on != state.placed.blob):
        return None
    recent = _since_a_person(state.history.entries)
    return _sent_back(recent, state.placed.path) or _released(recent, state.id)


def _since_a_person(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries since a person moved the item last, or since the first run on what it says now."""
    first, text = 0, ""
    for number, entry in enumerate(entries):
        if entry.event in OF_PEOPLE:
            first = number + 1
        elif entry.event is Event.START and entry.lease and entry.lease.item != text:
            first, text = number, entry.lease.item
    return entries[first:]


def _sent_back(entries: Iterable[Entry], path: str) -> Mark | None:
    rounds = _rounds(entries)
    common, count = rounds[-1] if rounds else {}, 0
    for found in reversed(rounds):
        still = {key: each for key, each in common.items() if key in found}
        if not still:
            break
        common, count = still, count + 1
    if count < _OFTEN_SENT_BACK:
        return None
    text = cut(" ".join(next(iter(common.values())).text.split()), _LONGEST)
    reason = f"it was sent back {count} times in a row with the same finding ({text}): say more in the item"
    return Mark(MarkKind.BOUNCES, reason, edit(path))


def _rounds(entries: Iterable[Entry]) -> list[Mapping[tuple[str, str], Finding]]:
    """What each round was sent back with; one in which nothing changed leaves what was found before, too."""
    rounds: list[Mapping[tuple[str, str], Finding]] = []
    for entry in entries:
        sent_back = entry.event in (Event.REWORK, Event.BLOCK) and entry.findings
        if sent_back and entry.not_applied is not NotApplied.SUBJECT_CHANGED:  # which is no fault of the work
            before = rounds[-1] if rounds and entry.failure is FailureClass.EMPTY else {}
            rounds.append({**before, **{_same(finding): finding for finding in entry.findings}})
    return rounds


def _same(finding: Finding) -> tuple[str, str]:
    """Equal for one finding in every round, whatever a reviewer calls it and however long a check took."""
    return finding.path, " ".join(_PASSING.sub("", finding.text.casefold()).split())


def _released(entries: Iterable[Entry], item_id: str) -> Mark | None:
    ended = [entry for entry in entries if entry.event is not Event.START][::-1]
    released = list(takewhile(lambda entry: entry.event is Event.RELEASE, ended))
    if len(released) < _OFTEN_RELEASED:
        return None
    last = released[0]
    said = cut(" ".join((last.reason or "nobody said why").split()), _LONGEST)
    reason = f"{len(released)} runs in a row ended without a new proposal, the last: {said}"
    kept = last.seconds is not None  # of a run whose lease has died nothing is
    look = f"factory logs {item_id} --run {last.run}" if kept else f"factory log {item_id}"
    return Mark(MarkKind.RELEASED, reason, look)
