"""Occasions: what of a batch that is about to happen is worth a notice, seen from the commit that it makes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from factory.line.snapshot import SnapshotReader
from factory.model.errors import InvalidFile
from factory.model.events import BreakerChanged, Happening, Recorded
from factory.model.failure import FailureClass
from factory.model.item import Budget, Item
from factory.model.journal import Entry, History
from factory.model.layout import item_path, lane_folder, parse
from factory.model.lifecycle import Event, Lane
from factory.model.mission.record import FiledAs
from factory.model.moments import day_of, midnight, rfc3339
from factory.model.notice import Notice, Occasion
from factory.model.places import OpenVerdict
from factory.model.policy import Policy
from factory.model.result import Usage
from factory.store.breakers import breakers_in
from factory.store.mission_parts import Spent, parts_of
from factory.store.missions import MissionFiles
from factory.store.spending import spent_today

_PART = 0.8  # of a budget
_OPEN = "open"


@dataclass(frozen=True)
class Occasions:
    """What a batch brings about, whose newest commit this is. Reads only."""

    reader: SnapshotReader
    policy: Policy
    tip: str
    now: datetime
    happenings: Sequence[Happening]
    entries: Mapping[str, list[Entry]] = field(default_factory=dict)  # by item, in their order

    @classmethod
    def of(
        cls, reader: SnapshotReader, policy: Policy, tip: str, now: datetime, happenings: Sequence[Happening]
    ) -> "Occasions":
        """With the moves of each item together."""
        entries: dict[str, list[Entry]] = {}
        for each in happenings:
            if isinstance(each, Recorded):
                entries.setdefault(each.item_id, []).append(each.entry)
        return cls(reader, policy, tip, now, happenings, entries)

    @cached_property
    def _wanted(self) -> frozenset[Occasion]:
        """What any rule tells; what budgets are at is found by reading all open items, and not for nobody."""
        return frozenset(occasion for rule in self.policy.notify for occasion in rule.on)

    def notices(self) -> Iterator[Notice]:
        """Everything that somebody may want to know, in the order in which it happens."""
        for each in self.happenings:
            if isinstance(each, BreakerChanged) and each.state == _OPEN:
                yield from self._breaker(each)
        for item_id, entries in self.entries.items():
            yield from self._of_item(item_id, entries)
        if Occasion.BUDGET in self._wanted:
            yield from self._day_budget()

    @cached_property
    def _tree(self) -> str:
        return self.reader.repository.objects.commit(self.tip).tree

    @cached_property
    def _judged(self) -> frozenset[str]:
        """The items that a person is asked to judge."""
        names = self.reader.repository.objects.folder(self._tree, lane_folder(Lane.REVIEW))
        found = (parse(f"{lane_folder(Lane.REVIEW)}/{name}") for name in names)
        return frozenset(each.item_id for each in found if isinstance(each, OpenVerdict))

    def _notice(self, event: Occasion, key: str, text: str, **of_item: object) -> Notice:
        values = {"repository": self.reader.repository.root.name, "branch": self.reader.branch, **of_item}
        told = {"event": event, "key": f"{event} {key}", "at": self.now, "text": text, **values}
        return Notice.model_validate(told)

    def _of_item(self, item_id: str, entries: Sequence[Entry]) -> Iterator[Notice]:
        last = entries[-1]
        item = self._item(item_id, last)
        about = {
            "item": item_id,
            "title": item.title if item else "",
            "contract": (self.policy.contract_of(item) if item else None) or "",
            "labels": item.labels if item else (),
            "mission": (item.mission if item else None) or "",
            "lane": last.to,
            "run": last.run,
            "round": last.round,
        }
        for event, key, text in self._events(item_id, item, entries):
            of = {**about, "mission": item_id} if event is Occasion.MILESTONE else about
            yield self._notice(event, f"{item_id} {key}", text, **of)

    def _events(self, item_id: str, item: Item | None, entries: Sequence[Entry]) -> Iterator[tuple[Occasion, str, str]]:
        """(what, what tells it from others of the item, in words) of the moves of one item."""
        last, title = entries[-1], f": {item.title}" if item else ""
        for entry in entries:
            key, why = f"{entry.seq} {rfc3339(entry.at)}", f": {entry.reason}" if entry.reason else ""
            if entry.failure is FailureClass.STALL:
                yield Occasion.STALLED, key, f"run {entry.run} of {item_id} gave no sign of life and was ended{why}"
            came = entry is last and entry.source is not entry.to
            if came and entry.to is Lane.BLOCKED:
                yield Occasion.BLOCKED, key, f"{item_id} is blocked{why}"
            if came and entry.to is Lane.REVIEW and item_id in self._judged:
                yield Occasion.VERDICT, key, f"{item_id} waits for a verdict{title}"
            yield from ((Occasion.MILESTONE, each, text) for each, text in self._milestones(item_id, entry))
        for what in self._budgets(item_id, item, entries) if Occasion.BUDGET in self._wanted else ():
            yield Occasion.BUDGET, f"{last.seq} {rfc3339(last.at)} {what}", f"{item_id}: {what}"

    def _item(self, item_id: str, last: Entry) -> Item | None:
        path = item_path(last.to, item_id, day_of(last.at))
        entry = self.reader.repository.objects.find(self._tree, path)
        with suppress(InvalidFile):
            return self.reader.queue.item(path, entry.oid) if entry else None
        return None

    def _history(self, item_id: str) -> History:
        """What has happened to an item, this batch included; nothing where that cannot be read."""
        with suppress(InvalidFile):
            day = self.reader.artifacts.done_day(self._tree, item_id) or ""
            return self.reader.artifacts.history(self._tree, item_id, day)
        return History()

    def _breaker(self, changed: BreakerChanged) -> Iterator[Notice]:
        states, _ = breakers_in(self.reader.repository.objects, self._tree)
        for state in states:
            if state.of == changed.of:
                until = f" until {rfc3339(state.until)}" if state.until else ""
                text = f"the breaker of the {state.of} is open{until}: {state.reason}"
                yield self._notice(
                    Occasion.BREAKER, f"{state.path} {rfc3339(state.since)}", text, contract=state.contract or ""
                )

    def _milestones(self, mission: str, entry: Entry) -> Iterator[tuple[str, str]]:
        """(its name, in words) of the milestone that a mission begins; or its end."""
        if entry.event is Event.CLOSE:
            yield f"closed {entry.seq}", f"the mission {mission} is at its end: {entry.reason}"
        begun = {each.milestone for each in entry.filed.values() if each.kind is FiledAs.FEATURE}
        if not begun:
            return
        earlier = [each.filed.values() for each in self._history(mission).entries if each.seq < entry.seq]
        for name in sorted(begun - {filed.milestone for all_filed in earlier for filed in all_filed}):
            yield f"{name} {rfc3339(entry.at)}", f"the mission {mission} begins the milestone {name}"

    def _budgets(self, item_id: str, item: Item | None, entries: Sequence[Entry]) -> Iterator[str]:
        """What of an item's budget, or of its mission's, these moves bring to four fifths, in words."""
        used = Spent.of([_only(entries)])
        if item is None or not (used.seconds or used.usage.tokens or used.usage.spent):
            return
        yield from _reached("its budget", item.budget, Spent.of([self._history(item_id)]), used)
        mission = item.mission or ""
        plan = self._plan(mission) if mission and entries[-1].event is not Event.CANCEL else None
        if plan is not None:
            above = self._history(mission)
            parts = parts_of(self.reader.artifacts, self._tree, above).values()
            spent = Spent.of([above, *(part.history for part in parts)])
            yield from _reached(f"the budget of the mission {mission}", plan.plan.budget, spent, used)

    def _plan(self, mission: str) -> MissionFiles | None:
        return self.reader.missions.at(self.tip, self.policy, {mission: None}, []).get(mission)

    def _day_budget(self) -> Iterator[Notice]:
        """Whether the day's budget comes to four fifths."""
        most, began = self.policy.budget.usd_per_day, midnight(self.now)
        moves = [entry for entries in self.entries.values() for entry in entries if entry.at >= began]
        used = sum(entry.usage.spent for entry in moves if entry.usage)
        if most is None or not used:
            return
        artifacts = self.reader.artifacts
        histories = [self._history(item_id) for item_id in artifacts.ids(self._tree)]
        spent, _ = spent_today(artifacts, self._tree, histories, self.now, self.policy, [])
        if spent - used < _PART * most <= spent:
            text = f"{spent:.2f} of {most:.2f} USD of today's budget are used up"
            yield self._notice(Occasion.BUDGET, f"{day_of(self.now)} {most:g}", text)


def _only(entries: Sequence[Entry]) -> History:
    """What these moves alone add up to."""
    usage, seconds = Usage(), 0.0
    for entry in entries:
        usage, seconds = usage.plus(entry.usage), seconds + (entry.seconds or 0.0)
    return History(usage=usage, seconds=seconds)


def _reached(what: str, budget: Budget, spent: Spent, used: Spent) -> Iterator[str]:
    """What of a budget is at four fifths now, and was not before this was used."""
    kinds = (
        (budget.usd, spent.usage.spent, used.usage.spent, "USD"),
        (budget.tokens, spent.usage.tokens, used.usage.tokens, "tokens"),
        (budget.minutes, spent.seconds / 60, used.seconds / 60, "minutes"),
    )
    for most, after, more, unit in kinds:
        if most is not None and after - more < _PART * most <= after:
            yield f"{after:.{0 if unit == 'tokens' else 2}f} of {most:g} {unit} of {what} are used up"
