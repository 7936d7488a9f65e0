"""Tallies: counts and samples of what items have come to, by group and by day, which can be added to one another."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from factory.model.failure import FailureClass
from factory.model.lifecycle import Lane
from factory.model.verdict import Decision
from factory.report.fold.facts import ItemFacts, RunFact
from factory.report.fold.story import ENDED
from factory.report.metrics.grouping import Grouping

DAY = 86_400  # seconds
STANDING = -1_000_000  # in place of a day: what is so now
_JUDGES = frozenset({Decision.APPROVE, Decision.REWORK, Decision.REJECT})


@dataclass
class Tally:
    """How often, or how much, by name; and everything that was measured, by name."""

    counts: dict[str, int | float] = field(default_factory=dict)
    samples: dict[str, list[int | float]] = field(default_factory=dict)

    def count(self, name: str, more: int | float = 1) -> None:
        """One more, or so much more."""
        self.counts[name] = (self.counts.get(name) or 0) + more

    def sample(self, name: str, value: int | float) -> None:
        """Something was measured."""
        self.samples.setdefault(name, []).append(value)

    def add(self, other: "Tally") -> None:
        """All of another one."""
        for name, more in other.counts.items():
            self.count(name, more)
        for name, values in other.samples.items():
            self.samples.setdefault(name, []).extend(values)

    def of(self, name: str) -> int | float:
        """How often, or how much; 0 of what never was."""
        return self.counts.get(name) or 0

    def labelled(self, name: str) -> Iterator[tuple[str, int | float]]:
        """(label, how often) of all that are counted under one name."""
        begin = f"{name}/"
        return ((key.removeprefix(begin), value) for key, value in sorted(self.counts.items()) if key.startswith(begin))


Tallies = dict[str, dict[int, Tally]]  # by group, and by day since 1970


def tallied(items: Iterable[ItemFacts], grouping: Grouping) -> Tallies:
    """What these items have come to."""
    counting = _Counting(grouping)
    for item in items:
        counting.add(item)
    return {group: dict(days) for group, days in counting.found.items()}


class _Counting:
    def __init__(self, grouping: Grouping) -> None:
        self._grouping = grouping
        self.found: dict[str, dict[int, Tally]] = defaultdict(lambda: defaultdict(Tally))

    def add(self, item: ItemFacts) -> None:
        """Count everything about an item, each on its day."""
        groups = self._grouping.of_item(item)
        if item.submitted is not None:
            for tally in self._at(groups, item.submitted):
                tally.count("came")
                tally.count("came at", item.submitted)
        if item.opened is not None:
            for tally in self._at(groups, item.opened):
                tally.count(f"mission/{item.id}/{item.approved}")
        if item.is_open:
            self._standing(item, groups)
        elif item.ended is not None:
            for tally in self._at(groups, item.ended):
                _end(tally, item)
        for run in item.runs:
            self._run(item, run)
        for each in item.setbacks:
            for tally in self._at(self._grouping.of_run(item, each.run), each.at):
                tally.count(f"{each.event}/{each.cause}")
        self._seats(item)
        for end in item.loose_ends:
            for tally in self._at(self._grouping.of_run(item, end.run), end.since):
                tally.count("left")
            if end.until is not None:
                for tally in self._at(self._grouping.of_run(item, end.run), end.until):
                    tally.count(f"answered/{end.answer}")
                    tally.sample("loose", end.until - end.since)

    def _at(self, groups: Iterable[str], moment: int) -> list[Tally]:
        return [self.found[group][moment // DAY] for group in groups]

    def _standing(self, item: ItemFacts, groups: tuple[str, ...]) -> None:
        for tally in (self.found[group][STANDING] for group in groups):
            tally.count(f"wip/{item.lane}")
            if item.submitted is not None and item.since is not None:
                tally.sample("submitted", item.submitted)
                tally.sample(f"since/{item.lane}", item.since)
            tally.count("loose", sum(each.until is None for each in item.loose_ends))

    def _run(self, item: ItemFacts, run: RunFact) -> None:
        groups = self._grouping.of_run(item, run.number)
        for tally in self._at(groups, run.ended) if run.ended is not None else ():
            tally.count("runs")
            tally.count(f"runs/{run.ended_by}")
            tally.count("input", run.input_tokens)
            tally.count("output", run.output_tokens)
            if run.seconds is not None:
                tally.sample("run", run.seconds)
            if run.usd is None:
                tally.count("unpriced")
            else:
                tally.count("priced")
                tally.count("usd", run.usd)
            if run.failure is not None:
                tally.count(f"failure/{run.failure}")
            if run.proposed or run.failure is FailureClass.EVIDENCE:
                tally.count("claims")
                tally.count("broken", run.failure is FailureClass.EVIDENCE)
        lost = not item.landed or not run.proposed
        for tally in self._at(groups, item.ended) if not item.is_open and item.ended is not None else ():
            tally.count("decided")
            tally.count("decided usd", run.usd or 0.0)
            tally.count("decided tokens", run.input_tokens + run.output_tokens)
            if lost:
                tally.count("wasted")
                tally.count("wasted usd", run.usd or 0.0)
                tally.count("wasted tokens", run.input_tokens + run.output_tokens)

    def _seats(self, item: ItemFacts) -> None:
        for each in item.seats:
            for tally in self._at(self._grouping.of_seat(item, each), each.at):
                tally.count("verdicts")
                tally.count("verdict/lost" if each.lost else f"verdict/{each.decision}")
                if not each.lost:
                    tally.sample("latency/person" if each.human else "latency/machine", each.seconds)
                    tally.count("judged", each.decision in _JUDGES)
                    tally.count("overturned", each.overturned)


def _end(tally: Tally, item: ItemFacts) -> None:
    """What is known of an item once it has ended."""
    assert item.ended is not None
    tally.count("went")
    tally.count("went at", item.ended)
    tally.count(f"ended/{item.outcome or ENDED}")
    if item.strayed is not None:
        tally.count("scoped")
        tally.count("strayed", bool(item.strayed))
    if not item.landed or item.submitted is None:
        return
    tally.count("landed")
    tally.sample("lead", max(0, item.ended - item.submitted))
    if item.started is not None:
        tally.sample("cycle", max(0, item.ended - item.started))
    tally.sample("rounds", item.round)
    tally.count("first pass", not any(str(each.event) in ("rework", "block") for each in item.setbacks))
    for lane, (stayed, worked) in _by_lane(item).items():
        tally.count(f"waited/{lane}", stayed - worked)
        tally.count(f"worked/{lane}", worked)
    usd = item.usd
    if usd is not None:
        tally.count("landed priced")
        tally.count("landed usd", usd)
    tally.count("landed tokens", sum(run.input_tokens + run.output_tokens for run in item.runs))


def _by_lane(item: ItemFacts) -> dict[Lane, tuple[float, float]]:
    """(seconds there, seconds of these in which it was worked on) by lane. Only a run is known to be work."""
    found: dict[Lane, tuple[float, float]] = {}
    at_work = {run.began: run.busy for run in item.runs}
    for stay in item.stays:
        if stay.until is None:
            continue
        stayed = float(max(0, stay.until - stay.since))
        worked = min(stayed, at_work.get(stay.since) or 0.0) if stay.lane is Lane.ACTIVE else 0.0
        before = found.get(stay.lane, (0.0, 0.0))
        found[stay.lane] = before[0] + stayed, before[1] + worked
    return found
