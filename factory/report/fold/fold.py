"""The fold of one commit: every item that it knows, open, finished and archived, as facts."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from factory.line.snapshot import SnapshotReader
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem, UnusableError
from factory.model.item import Item, Validator
from factory.model.layout import item_path, journal_path, lane_folder, stem
from factory.model.lifecycle import Lane
from factory.model.policy import Policy, Route
from factory.model.roles import Role
from factory.report.fold.facts import ItemFacts
from factory.report.fold.story import with_story


@dataclass(frozen=True)
class Fold:
    """All items at one commit. What the clock has to do with is told by `at`, in seconds since 1970."""

    commit: str
    at: int
    open: tuple[ItemFacts, ...]  # by id
    days: Mapping[str, tuple[ItemFacts, ...]]  # what was finished, archived or not, by day, oldest first
    unreadable: tuple[Problem, ...]  # journals that say nothing which can be read; their items are left out
    routes: tuple[Route, ...] = ()
    plans: frozenset[str] = frozenset()  # the contracts that make the plan of a mission

    def finished(self, since: str = "") -> Iterator[ItemFacts]:
        """The items that are at their end, the oldest day first; of the days from one on, written as 2026-11-21."""
        return (item for day, items in self.days.items() if day >= since for item in items)

    def items(self) -> Iterator[ItemFacts]:
        """All items: the finished ones first, then the open ones."""
        yield from self.finished()
        yield from self.open

    def get(self, item_id: str) -> ItemFacts | None:
        """The item of an id; None when there is none, or its journal cannot be read."""
        return self._by_id.get(item_id)

    @cached_property
    def _by_id(self) -> Mapping[str, ItemFacts]:
        return {item.id: item for item in self.items()}

    def contract_of(self, item: ItemFacts) -> str:
        """The contract that an item names, or that the routes give it today; empty when it has none."""
        return item.contract or next((route.contract for route in self.routes if _takes(route, item)), "")

    def role_of(self, item: ItemFacts) -> Role:
        """In which role an item's worker works."""
        if item.validates is not None:
            return Role.TEST if item.validates is Validator.TESTING else Role.REVIEW
        if item.steers:
            return Role.STEER
        return Role.PLAN if item.opened is not None or self.contract_of(item) in self.plans else Role.WORK


def _takes(route: Route, item: ItemFacts) -> bool:
    asked = Item.model_construct(labels=item.labels, priority=item.priority, mission=item.mission or None)
    return route.takes(asked)


def fold_of(reader: SnapshotReader, commit: str, at: int | None = None) -> Fold:
    """All items at a commit, whichever of the past; the time is the commit's own unless another is given.

    Raises MissingObject when this clone does not have the commit.
    """
    known = reader.repository.objects.commit(commit)
    folding = _Folding(reader, known.tree)
    policy = folding.policy()
    return Fold(
        commit=commit,
        at=known.committed_at if at is None else at,
        open=tuple(folding.open()),
        days=folding.days(),
        unreadable=tuple(folding.unreadable),
        routes=policy.routes,
        plans=frozenset(name for name, each in reader.library.contracts(known.tree) if _plans(each)),
    )


def _plans(contract: Contract) -> bool:
    return contract.produces.plan


class _Folding:
    """Reads the items of one tree."""

    def __init__(self, reader: SnapshotReader, tree: str) -> None:
        self._reader = reader
        self._objects = reader.repository.objects
        self._tree = tree
        self.unreadable: list[Problem] = []

    def policy(self) -> Policy:
        """The policy there; the usual one where it cannot be used."""
        try:
            return self._reader.library.workflow(self._tree, self._reader.branch).policy
        except UnusableError:
            return Policy()

    def open(self) -> Iterator[ItemFacts]:
        """The items that lie in an open lane."""
        for placed in sorted(self._reader.queue.listing(self._tree).items.values(), key=lambda each: each.id):
            yield from self._one(ItemFacts(placed.id, placed.lane), placed.path, placed.blob)

    def days(self) -> dict[str, tuple[ItemFacts, ...]]:
        """The items that are at their end, by day, the oldest first."""
        found: dict[str, list[ItemFacts]] = {}
        for day, entry in self._objects.folder(self._tree, lane_folder(Lane.DONE)).items():
            names = self._objects.tree(entry.oid) if entry.is_folder else {}
            for name, file in names.items():
                if item_id := stem(name):
                    begun = ItemFacts(item_id, Lane.DONE, day=day)
                    found.setdefault(day, []).extend(self._one(begun, item_path(Lane.DONE, item_id, day), file.oid))
        for each in self._reader.archive.all(self._tree):
            begun = ItemFacts(each.id, Lane.DONE, day=each.day, title=each.title)
            path = item_path(Lane.DONE, each.id, each.day)
            found.setdefault(each.day, []).extend(self._one(begun, path, each.item))
        return {day: tuple(found[day]) for day in sorted(found)}

    def _one(self, begun: ItemFacts, path: str, blob: str) -> Iterator[ItemFacts]:
        """An item's facts; nothing, but a problem, where its journal cannot be read."""
        where = journal_path(begun.id, begun.day)
        try:
            data = self._reader.archive.file(self._tree, where) or b""

            yield with_story(self._said(begun, path, blob), data, where, partial(self._dismissed, begun))
        except InvalidFile as error:
            self.unreadable.extend(error.problems)

    def _said(self, begun: ItemFacts, path: str, blob: str) -> ItemFacts:
        """With what the item's file says, as far as it can be read."""
        try:
            item = self._reader.queue.item(path, blob)
        except InvalidFile:
            return begun
        return replace(
            begun,
            title=item.title,
            contract=item.contract or "",
            labels=item.labels,
            priority=item.priority,
            mission=item.mission or "",
            milestone=item.milestone or "",
            depends_on=item.depends_on,
            scope=item.scope,
            discovered_from=item.discovered_from or "",
            reverts=item.reverts or "",
            validates=item.validates,
            steers=item.steers,
            hold=item.hold,
        )

    def _dismissed(self, item: ItemFacts, run: int, machines: Container[str]) -> frozenset[str]:
        """The loose ends that people's verdicts on a run dismissed."""
        said = self._reader.artifacts.verdicts(self._tree, item.id, run, item.day)
        people = (verdict for seat, verdict in said.items() if seat not in machines)
        return frozenset(key for verdict in people for key in verdict.handoff if verdict.dismisses(key))
