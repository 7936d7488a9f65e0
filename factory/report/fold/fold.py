"""The fold of one commit: every item that it knows, open, finished and archived, as facts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from factory.line.snapshot import SnapshotReader
from factory.model.errors import Problem, UnusableError
from factory.model.item import Item, Validator
from factory.model.policy import Policy, Route
from factory.model.roles import Role
from factory.report.fold.facts import ItemFacts
from factory.report.fold.folding import Folding
from factory.report.fold.part import Part


@dataclass(frozen=True)
class Fold:
    """All items at one commit. What the clock has to do with is told by `at`, in seconds since 1970.

    The facts are read when they are asked for, while the repository is open, and only those of open items are kept.
    """

    commit: str
    at: int
    open: Part  # by id
    parts: tuple[Part, ...]  # what was finished, the oldest day first
    routes: tuple[Route, ...] = ()
    plans: frozenset[str] = frozenset()  # the contracts that make the plan of a mission

    @property
    def unreadable(self) -> tuple[Problem, ...]:
        """Journals that say nothing which can be read; their items are left out."""
        return tuple(Problem(*each) for part in (*self.parts, self.open) for each in part.note.unreadable)

    @cached_property
    def days(self) -> Mapping[str, Sequence[ItemFacts]]:
        """The items that are at their end, by the day under which they lie or lay."""
        days: dict[str, list[Part]] = {}
        for part in self.parts:
            days.setdefault(part.day, []).append(part)
        return {day: found[0] if len(found) == 1 else [*_all(found)] for day, found in days.items()}

    def finished(self, since: str = "") -> Iterator[ItemFacts]:
        """The items that are at their end, the oldest day first; of the days from one on, written as 2026-11-21."""
        return _all(part for part in self.parts if part.day >= since)

    def items(self) -> Iterator[ItemFacts]:
        """All items: the finished ones first, then the open ones."""
        return _all((*self.parts, self.open))

    def get(self, item_id: str) -> ItemFacts | None:
        """The item of an id; None when there is none, or its journal cannot be read."""
        found = (part.get(item_id) for part in (self.open, *reversed(self.parts)))
        return next(filter(None, found), None)

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


def _all(parts: Iterator[Part] | Sequence[Part]) -> Iterator[ItemFacts]:
    return (item for part in parts for item in part)


def _takes(route: Route, item: ItemFacts) -> bool:
    asked = Item.model_construct(labels=item.labels, priority=item.priority, mission=item.mission or None)
    return route.takes(asked)


def fold_of(reader: SnapshotReader, commit: str, at: int | None = None) -> Fold:
    """All items at a commit, whichever of the past; the time is the commit's own unless another is given.

    Raises MissingObject when this clone does not have the commit.
    """
    known = reader.repository.objects.commit(commit)
    folding = Folding(reader, known.tree)
    contracts = reader.library.contracts(known.tree)
    return Fold(
        commit=commit,
        at=known.committed_at if at is None else at,
        open=folding.open(),
        parts=tuple(folding.finished()),
        routes=_policy(reader, known.tree).routes,
        plans=frozenset(name for name, contract in contracts if contract.produces.plan),
    )


def _policy(reader: SnapshotReader, tree: str) -> Policy:
    """The policy of a tree; the usual one where it cannot be used."""
    try:
        return reader.library.workflow(tree, reader.branch).policy
    except UnusableError:
        return Policy()
