"""Conflicts: what a proposal does not merge with, the target or others in review, found out by merges in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from factory.execution.checks.evidence import Gathered
from factory.line.review.proposals import base_of, restore_proposal
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.errors import MachineError
from factory.model.evidence import Evidence
from factory.model.lifecycle import Lane
from factory.model.text import printable
from factory.store.repository.repository import Repository

_MOST_PATHS = 20  # that are named of each other item
_REMEMBERED = 1000


@dataclass
class Conflicts:
    """Looks for them, and remembers what each proposal changes and what it came to on each content of the target."""

    _changed: dict[str, frozenset[str]] = field(default_factory=dict)
    _with_target: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def with_target(self, repository: Repository, state: ItemState, target: str) -> Gathered | None:
        """The evidence that an item's proposal does not merge with a commit of the target; None when it does."""
        proposal = state.history.proposal
        paths = self.paths_in_target(repository, proposal, target) if _merges(state) else ()
        if not paths:
            return None
        base = base_of(repository, proposal)
        return Gathered(Evidence(base=base, proposal=proposal, target=target, tree="", conflicts=paths), {})

    def paths_in_target(self, repository: Repository, proposal: str, target: str) -> tuple[str, ...]:
        """The paths in which a proposal conflicts with a target; none where they cannot be merged at all."""
        key = proposal, repository.content_at(target)
        if key not in self._with_target:
            if len(self._with_target) >= _REMEMBERED:
                self._with_target.clear()
            try:
                self._with_target[key] = self._conflicts(repository, proposal, target)
            except MachineError:
                return ()  # whoever lands it tells of that
        return self._with_target[key]

    def _conflicts(self, repository: Repository, proposal: str, target: str) -> tuple[str, ...]:
        base = base_of(repository, proposal)
        if not _meet(self._paths(repository, proposal), repository.changed(base, target)):
            return ()
        return tuple(printable(path) for path in repository.merged_content(base, proposal, target).conflicts)

    def with_earlier(
        self, reader: SnapshotReader, snapshot: Snapshot, item_id: str, proposal: str
    ) -> dict[str, tuple[str, ...]]:
        """The paths in which a proposal that comes into review conflicts with those that are there, by their items.

        Only what changes a path that it changes, too, is merged with it.
        """
        repository = reader.repository
        mine = self._paths(repository, proposal)
        found: dict[str, tuple[str, ...]] = {}
        for state in snapshot.in_lane(Lane.REVIEW):
            other = state.history.proposal
            if state.id == item_id or not _merges(state):
                continue
            try:
                restore_proposal(reader, snapshot, state, other)
                met = _meet(mine, self._paths(repository, other))
                paths = conflicting_paths(repository, other, proposal) if met else ()
            except MachineError:
                continue  # the same: it is no fault of the one that comes
            if paths:
                found[state.id] = paths[:_MOST_PATHS]
        return found

    def _paths(self, repository: Repository, proposal: str) -> frozenset[str]:
        """The paths that a proposal changes."""
        known = self._changed.get(proposal)
        if known is None:
            if len(self._changed) >= _REMEMBERED:
                self._changed.clear()
            changed = repository.changed(base_of(repository, proposal), proposal)
            known = self._changed[proposal] = frozenset(changed)
        return known


def conflicting_paths(repository: Repository, earlier: str, later: str) -> tuple[str, ...]:
    """The paths in which two proposals conflict, as a journal names them."""
    bases = [base_of(repository, proposal) for proposal in (earlier, later)]
    older = bases[0] if repository.is_ancestor(*bases) else bases[1]
    return tuple(printable(path) for path in repository.merge(older, earlier, later).conflicts)


def _merges(state: ItemState) -> bool:
    """Whether an item's proposal is to be merged, as far as its contract tells."""
    return bool(state.history.proposal) and state.contract is not None and state.contract.merges


def _meet(some: frozenset[str], others: Iterable[str]) -> bool:
    """Whether two changes touch the same path, or one a file where the other has a folder."""
    theirs = frozenset(others)
    return any(each in theirs for path in some for each in _and_folders(path)) or any(
        each in some for path in theirs for each in _and_folders(path)
    )


def _and_folders(path: str) -> Iterable[str]:
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
