"""The snapshot: everything that a step of a pass knows, read from one commit."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from factory.execution.checks.reads import ReadContents
from factory.line.mission.reading import MissionReader, makers_of
from factory.line.policy_problems import BY_A_ROUTE, PolicyProblems
from factory.model.bounds import UNBOUND, Bounds
from factory.model.breaker import BreakerState
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, ids_from
from factory.model.journal import History
from factory.model.layout import contract_path, item_path, lane_folder
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.moments import day_of
from factory.model.policy import Policy, Workflow
from factory.store.archive import Archive
from factory.store.artifacts import Artifacts
from factory.store.breakers import breakers_in
from factory.store.leases import renewals_in
from factory.store.library import Library
from factory.store.missions import MissionFiles
from factory.store.queue import Placed, Queue, QueueListing, taken_by
from factory.store.repository.repository import Arrival, Repository
from factory.store.spending import spent_today
from factory.store.unrecorded import Unrecorded

_NONE: Mapping[str, BreakerState] = MappingProxyType({})


@dataclass(frozen=True)
class ItemState:
    """One open item: where it lies, what it says, what happened to it, and its contract."""

    placed: Placed
    item: Item | None
    history: History
    contract_name: str | None = None
    contract: Contract | None = None
    problem: str = ""  # why nothing can be done with it
    looked_at: frozenset[tuple[str, str]] = frozenset()  # (seat, maker) of each feature that scrutiny looks at
    unread: bool = False  # its journal says nothing that can be read: nobody knows where it was, so it stays here

    @property
    def id(self) -> str:
        """The item's id."""
        return self.placed.id

    @property
    def lane(self) -> Lane:
        """The lane that its file lies in."""
        return self.placed.lane

    @property
    def recorded(self) -> bool:
        """Whether its journal says that it lies where it does; a person's move that no entry tells yet comes first."""
        return self.lane is (self.history.lane or Lane.INBOX)

    @property
    def came_from(self) -> Lane:
        """The lane from which it was started last."""
        started = next((entry for entry in reversed(self.history.entries) if entry.event is Event.START), None)
        return started.source if started and started.source is Lane.REWORK else Lane.INBOX


@dataclass(frozen=True)
class Snapshot:
    """What a pass knows. Nothing in it ever changes; `after` and `with_breaker` make the next one of it."""

    now: datetime
    head: str
    tree: str
    workflow: Workflow
    listing: QueueListing  # of the commit: what moves since is told by `items` alone
    items: MappingProxyType[str, ItemState]
    problems: tuple[Problem, ...]
    breakers: MappingProxyType[str, BreakerState]  # by contract; those that were ever open
    lost: MappingProxyType[str, History]  # of the ids not at their end that lie in no open lane
    turn: int = 0  # whose it is to start: one more with each run that begins; less when a day or an item ends
    spent_today: float = 0.0  # USD, added up only when the policy limits it
    unpriced_today: int = 0  # runs of agents of which nobody knows what they cost, counted only then, too
    agent_breakers: Mapping[str, BreakerState] = field(default_factory=lambda: _NONE)  # by agent
    missions: Mapping[str, MissionFiles] = field(default_factory=dict)  # those under way whose files can be read

    @property
    def policy(self) -> Policy:
        """The policy at this commit."""
        return self.workflow.policy

    def in_lane(self, lane: Lane) -> list[ItemState]:
        """The items of one lane."""
        return [state for state in self.items.values() if state.lane is lane]

    def at_work(self) -> list[ItemState]:
        """The active items that somebody is to work on: all but the missions under way."""
        return [state for state in self.in_lane(Lane.ACTIVE) if not state.history.mission.under_way]

    def after(self, *moved: ItemState) -> "Snapshot":
        """What is known once these items have moved."""
        if not moved:
            return self
        items = self.items | {state.id: state for state in moved}
        lost = {item_id: history for item_id, history in self.lost.items() if item_id not in items}
        return replace(self, items=MappingProxyType(items), lost=MappingProxyType(lost))

    def with_breaker(self, breaker: BreakerState | None) -> "Snapshot":
        """What is known once a breaker is in this state; None when no breaker has changed."""
        if breaker is None:
            return self
        if breaker.agent:
            return replace(self, agent_breakers=MappingProxyType({**self.agent_breakers, breaker.agent: breaker}))
        return replace(self, breakers=MappingProxyType({**self.breakers, breaker.contract or "": breaker}))


class SnapshotReader:
    """Makes snapshots, and remembers what it read."""

    def __init__(self, repository: Repository, branch: str, bounds: Bounds = UNBOUND) -> None:
        self.repository = repository
        self.branch = branch
        self.library = Library(repository.objects, bounds)
        self._policy_problems = PolicyProblems(repository.objects, self.library)
        self.missions = MissionReader(repository)
        self.archive = Archive(repository.objects)
        self.queue = Queue(repository.objects, repository.state, self.archive)
        self.artifacts = Artifacts(repository.objects, self.archive)
        self.unrecorded = Unrecorded(repository.objects)
        self.contents = ReadContents(repository.objects)  # what lies at the paths that assertions rest on
        self._asked = ""  # the commit for which arrivals were wanted last
        self._arrived: tuple[str | None, dict[str, Arrival]] = (None, {})

    def snapshot(self, now: datetime, head: str, fallback: Workflow | None = None) -> Snapshot:
        """Everything at one commit. Raises UnusableError when its policy cannot be used and there is no fallback."""
        tree = self.repository.objects.commit(head).tree
        workflow = fallback or self.library.workflow(tree, self.branch)
        with_artifacts = self.artifacts.ids(tree)
        listing = self._without_finished(tree, self.queue.listing(tree), with_artifacts)
        problems = [*self._policy_problems.of(tree), *listing.problems]
        items: dict[str, ItemState] = {}
        for placed in listing.items.values():
            state, found = self._item_state(tree, placed, workflow.policy, placed.id in with_artifacts)
            items[placed.id] = state
            problems.extend(found)
        lost: dict[str, History] = {}
        for item_id in sorted(with_artifacts - items.keys() - listing.twice):
            try:
                lost[item_id] = self.artifacts.history(tree, item_id)
            except InvalidFile as error:
                problems.extend(error.problems)
        for item_id in self.unrecorded.ids(tree):
            if item_id not in with_artifacts | items.keys() and not self.artifacts.done_day(tree, item_id):
                lost[item_id] = History()
        problems.extend(_about_nothing(listing, items, lost))
        problems.extend(self._unread_dependencies(tree, items.values()))
        under_way = {each.id: each.item for each in items.values() if each.history.mission.under_way}
        missions = self.missions.at(head, workflow.policy, under_way, problems)
        items = {item_id: _cast(state, missions) for item_id, state in items.items()}
        breakers, found = breakers_in(self.repository.objects, tree)
        problems.extend([*found, *renewals_in(self.repository.objects, tree)[1]])
        histories = [state.history for state in items.values()]
        spent, unknown = spent_today(self.artifacts, tree, histories, now, workflow.policy, problems)
        return Snapshot(
            now,
            head,
            tree,
            workflow,
            listing,
            MappingProxyType(items),
            tuple(problems),
            MappingProxyType({state.contract: state for state in breakers if state.contract}),
            MappingProxyType(lost),
            self._turn(tree, items, now),
            spent,
            unknown,
            MappingProxyType({state.agent: state for state in breakers if state.agent}),
            MappingProxyType(missions),
        )

    def _turn(self, tree: str, items: Mapping[str, ItemState], now: datetime) -> int:
        """A number that is one more when a run has begun, and the same for whoever reads this commit on this day."""
        finished = self.repository.objects.folder(tree, lane_folder(Lane.DONE, day_of(now)))
        return len(finished) + sum(state.history.run for state in items.values())

    def _without_finished(self, tree: str, listing: QueueListing, under_way: Container[str]) -> QueueListing:
        """The queue less the files whose id belongs to a finished item: its journal and its file are not theirs."""
        items, problems = dict(listing.items), list(listing.problems)
        for item_id in [item_id for item_id in items if item_id not in under_way]:
            if ended := self.queue.ended(tree, item_id):
                path, free = items.pop(item_id).path, next(self.free_ids(tree, listing, item_id))
                problems.append(Problem(path, 1, 1, taken_by(item_id, ended.path, free)))
        return replace(listing, items=items, problems=tuple(problems))

    def free_ids(self, tree: str, listing: QueueListing, base: str) -> Iterator[str]:
        """Ids that neither an open nor a finished item has, without end, the one most like `base` first."""
        taken = listing.items.keys() | listing.twice
        return (each for each in ids_from(base) if each not in taken and not self.queue.done_day(tree, each))

    def whereabouts(self, snapshot: Snapshot, item_id: str) -> Placed | None:
        """Where an item lies, open, finished or archived; None when nobody has its id."""
        return snapshot.listing.items.get(item_id) or self.queue.ended(snapshot.tree, item_id)

    def _unread_dependencies(self, tree: str, items: Iterable[ItemState]) -> Iterator[Problem]:
        """What is wrong with the journals of finished items that others wait for."""
        for needed in {needed for state in items if state.item for needed in state.item.depends_on}:
            try:
                self._outcome(tree, needed)
            except InvalidFile as error:
                yield from error.problems

    def _item_state(self, tree: str, placed: Placed, policy: Policy, known: bool) -> tuple[ItemState, list[Problem]]:
        history = History()
        try:
            day = "" if known else self.artifacts.done_day(tree, placed.id)  # a person took it out of done
            if known or day:
                history = self.artifacts.history(tree, placed.id, day or "")
            if known and not history.entries and (ended := self.queue.ended(tree, placed.id)):
                said = f"{placed.id} lies here, and finished at {ended.path}; delete one of both"
                raise InvalidFile(Problem(placed.path, 1, 1, said))  # a merge by hand of two that went different ways
        except InvalidFile as error:
            problem = str(error.problems[0])
            return ItemState(placed, None, history, problem=problem, unread=True), list(error.problems)
        try:
            item = self.queue.item(placed.path, placed.blob)
        except InvalidFile as error:
            return ItemState(placed, None, history, problem=str(error.problems[0])), list(error.problems)
        name = policy.contract_of(item)
        contract, problem = self._contract_of(tree, item, name)
        return ItemState(placed, item, history, name, contract, problem, makers_of(self.artifacts, tree, item)), []

    def _contract_of(self, tree: str, item: Item, name: str | None) -> tuple[Contract | None, str]:
        """An item's contract, or why it has none that can be used."""
        if name is None:
            return None, "it names no contract, and no route in WORKFLOW.md takes it"
        try:
            contract = self.library.contract(tree, name)
        except InvalidFile as error:
            return None, f"its contract is invalid: {error.problems[0]}"
        if contract is None:
            routed = "" if item.contract else f"; {BY_A_ROUTE}"
            return None, f"there is no contract {name!r}; commit {contract_path(name)}{routed}"
        return contract.for_item(item), ""

    def arrived_with(self, snapshot: Snapshot, item_id: str) -> str:
        """The blob id of what an item said when it first came into the inbox; empty when it never did."""
        path = item_path(Lane.INBOX, item_id)
        arrival = self.arrivals(snapshot).get(path) or self.arrivals(snapshot, ever=True).get(path)
        return arrival.blob if arrival else ""

    def arrivals(self, snapshot: Snapshot, *, ever: bool = False) -> dict[str, Arrival]:
        """When what waits came into the inbox, by path; `ever` for all that came. Git is asked only for what is new."""
        seen, found = self._arrived
        if self._asked == snapshot.head and not (ever and seen != snapshot.head):
            return found
        self._asked = snapshot.head
        unknown = any(not state.history.entries and state.placed.path not in found for state in snapshot.items.values())
        if unknown or ever:
            for path, arrival in self.repository.arrivals(snapshot.head, lane_folder(Lane.INBOX), seen).items():
                found.setdefault(path, arrival)
            self._arrived = snapshot.head, found
        return found

    def outcome_of(self, tree: str, item_id: str) -> Outcome | None:
        """How an item ended; None when it has not, is not there, or has a journal that nobody can read."""
        try:
            return self._outcome(tree, item_id)
        except InvalidFile:
            return None  # the snapshot names it among its problems

    def _outcome(self, tree: str, item_id: str) -> Outcome | None:
        """How an item ended; None when it has not. Raises InvalidFile for a journal that cannot be read."""
        if archived := self.queue.archived(tree, item_id):
            return archived.outcome
        day = self.queue.done_day(tree, item_id)
        return self.artifacts.history(tree, item_id, day).outcome if day else None


def _cast(state: ItemState, missions: Mapping[str, MissionFiles]) -> ItemState:
    """An item with the agents that the plan of its mission puts into roles."""
    mission = missions.get(state.item.mission or "") if state.item else None
    if mission is None or state.contract is None or not mission.plan.roles:
        return state
    return replace(state, contract=state.contract.cast(mission.plan.roles))


def _about_nothing(
    listing: QueueListing, items: Mapping[str, ItemState], lost: Mapping[str, History]
) -> Iterator[Problem]:
    """What is put before people and is about nothing. One whose item a person has just moved away goes with it."""
    for file in listing.opened:
        state = items.get(file.item_id)
        history = state.history if state else lost.get(file.item_id, History())
        if file.home not in (state.lane if state else None, history.lane):
            yield Problem(file.path, 1, 1, f"{file.idle}; delete it")
