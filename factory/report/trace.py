"""Trace: an item's whole way as spans within spans, from its journal alone.

The root lasts as long as the item. Below it each stay in a lane is a span: waiting, a run, the review, blocked. Below
these lie the phases that the journal line has which ended the stay, and the human seats that decided then.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from factory.line.snapshot import SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.journal import Entry, Phase
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.policy import Policy
from factory.model.text import cut
from factory.model.trace_context import run_name, seat_phase, span_id, trace_id
from factory.report.trace_attributes import Attribute, of_item, of_run, of_seat, of_stay

_LONGEST_REASON = 200  # characters
_WAITING = "waiting"  # also the phase by which a start tells how long it took, which is that stay
_STAYS = {Lane.REVIEW: "review", Lane.BLOCKED: "blocked", Lane.ACTIVE: "under way"}


@dataclass(frozen=True)
class Span:
    """A part of an item's way."""

    name: str
    trace: str  # 32 hexadecimal digits
    id: str  # 16
    parent: str  # the id of the span that it is a part of; empty for the root
    start: datetime
    end: datetime | None  # None: it goes on
    seq: int  # the number of the journal line that ended it; 0 while it goes on
    attributes: Mapping[str, Attribute]
    error: str = ""  # why it failed, in words; empty where it did not

    def as_json(self) -> dict[str, object]:
        """The span for programs."""
        times = {"start": _with_milliseconds(self.start), "end": self.end and _with_milliseconds(self.end)}
        return {**self.__dict__, **times, "attributes": dict(self.attributes)}


@dataclass(frozen=True)
class Trace:
    """An item's way so far."""

    item_id: str
    outcome: Outcome | None
    spans: tuple[Span, ...]  # each after the one that it is a part of


def trace_of(reader: SnapshotReader, tree: str, policy: Policy, item_id: str) -> Trace | None:
    """The trace of an item, open, finished or archived; None when there is no such journal. Raises InvalidFile."""
    day = "" if item_id in reader.artifacts.ids(tree) else reader.artifacts.done_day(tree, item_id) or ""
    history = reader.artifacts.history(tree, item_id, day)
    if not history.entries:
        return None
    spans = spans_of(item_id, history.entries, contract_of(reader, tree, policy, item_id))
    return Trace(item_id, history.outcome, tuple(spans))


def contract_of(reader: SnapshotReader, tree: str, policy: Policy, item_id: str) -> str | None:
    """The contract that an item names, or that routes give it now."""
    placed = reader.queue.listing(tree).items.get(item_id) or reader.queue.ended(tree, item_id)
    try:
        return policy.contract_of(reader.queue.item(placed.path, placed.blob)) if placed else None
    except InvalidFile:
        return None


def spans_of(item_id: str, entries: Sequence[Entry], contract: str | None) -> Iterator[Span]:
    """The spans of an item with this journal, which has a line at least."""
    first, last = entries[0], entries[-1]
    trace = trace_id(item_id, first.at)
    over = last.to is Lane.DONE
    told = of_item(item_id, contract, last)
    root = Span("item", trace, span_id(trace, "item"), "", first.at, last.at, last.seq, told)
    below = [span for stay in _stays(entries) for span in _of_stay(root, stay, entries)]
    yield _around(root, below) if over else replace(root, end=None, seq=0)
    yield from below


@dataclass(frozen=True)
class _Stay:
    """A time in one lane: the line that began it, and the one that ended it, if it is over."""

    began: Entry
    ended: Entry | None

    @property
    def run(self) -> int:
        """The run that it was; 0 where nobody worked."""
        return self.began.run if self.began.event is Event.START else 0

    @property
    def name(self) -> str:
        """What the item did meanwhile."""
        return run_name(self.run) if self.run else _STAYS.get(self.began.to, _WAITING)


def _stays(entries: Sequence[Entry]) -> Iterator[_Stay]:
    """All that an item has been in, one after the other; done is none, as its way ends there."""
    began = entries[0]
    for entry in entries[1:]:
        if entry.event is Event.ADVANCE:  # a mission takes a step, and stays where it is
            continue
        if began.to is not Lane.DONE:
            yield _Stay(began, entry)
        began = entry
    if began.to is not Lane.DONE:
        yield _Stay(began, None)


def _of_stay(root: Span, stay: _Stay, entries: Sequence[Entry]) -> Iterator[Span]:
    ended, names = stay.ended, (run_name(stay.run),) if stay.run else (str(stay.began.seq), stay.name)
    told = of_run(stay.began, ended) if stay.run else of_stay(stay.began, ended)
    own = Span(stay.name, root.trace, span_id(root.trace, *names), root.id, stay.began.at, None, 0, told)
    if ended is None:
        yield own
        return
    failed = cut(ended.reason or ended.failure, _LONGEST_REASON) if ended.failure else ""
    own = replace(own, end=ended.at, seq=ended.seq, error=failed)
    below = [*_people(own, names, ended, entries)] if stay.began.to is Lane.REVIEW else []
    below += _phases(own, names, ended)
    yield _around(own, below)
    yield from below


def _phases(parent: Span, names: tuple[str, ...], ended: Entry) -> Iterator[Span]:
    """What was measured; a name that comes again has its number."""
    seen, verdicts = Counter[str](), {seat_phase(each.seat): each for each in ended.verdicts}
    for phase in ended.phases:
        if phase.name == _WAITING:
            continue
        seen[phase.name] += 1
        again = (str(seen[phase.name]),) if seen[phase.name] > 1 else ()
        told = of_seat(verdicts[phase.name]) if phase.name in verdicts else {}
        own = span_id(parent.trace, *names, phase.name, *again)
        yield Span(phase.name, parent.trace, own, parent.id, phase.at, _end(phase), ended.seq, told)


def _people(parent: Span, names: tuple[str, ...], ended: Entry, entries: Sequence[Entry]) -> Iterator[Span]:
    """The seats whose verdict came while it lay before people: they had all that time."""
    by_machine = {phase.name for entry in entries for phase in entry.phases}
    by_machine |= {
        seat_phase(each.seat) for entry in entries if entry.event is Event.DELIVER for each in entry.verdicts
    }
    for verdict in ended.verdicts:
        name = seat_phase(verdict.seat)
        if name not in by_machine:
            own = span_id(parent.trace, *names, name)
            yield Span(name, parent.trace, own, parent.id, parent.start, ended.at, ended.seq, of_seat(verdict))


def _with_milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _end(phase: Phase) -> datetime:
    return phase.at + timedelta(seconds=phase.seconds)


def _around(span: Span, below: Sequence[Span]) -> Span:
    """The span as long as all that is a part of it: the journal's own times are whole seconds."""
    ends = [each.end for each in (span, *below) if each.end]
    return replace(span, start=min(each.start for each in (span, *below)), end=max(ends))
