"""The survey: everything that one pass knows, read from one commit."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from factory.model.breaker import BreakerState
from factory.model.contract import Contract
from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item, ids_from
from factory.model.journal import History
from factory.model.lifecycle import Event, Lane, Outcome
from factory.model.policy import Policy, Workflow
from factory.store import yaml
from factory.store.artifacts import ARTIFACTS, Artifacts
from factory.store.library import Library
from factory.store.queue import BREAKERS, QUEUE, Placed, Queue, Snapshot, lane_path, taken_by
from factory.store.repository.repository import Arrival, Repository


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def midnight(now: datetime) -> datetime:
    """When the day of this moment began, in UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Case:
    """One open item: where it lies, what it says, what happened to it, and its contract."""

    placed: Placed
    item: Item | None
    history: History
    contract_name: str | None = None
    contract: Contract | None = None
    problem: str = ""  # why nothing can be done with it
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
    def came_from(self) -> Lane:
        """The lane from which it was started last."""
        started = next((entry for entry in reversed(self.history.entries) if entry.event is Event.START), None)
        return started.source if started and started.source is Lane.REWORK else Lane.INBOX


@dataclass(frozen=True)
class Survey:
    """What a pass knows."""

    now: datetime
    head: str
    tree: str
    workflow: Workflow
    snapshot: Snapshot
    cases: dict[str, Case]
    problems: tuple[Problem, ...]
    breakers: dict[str, BreakerState]  # by contract; those that were ever open
    lost: Mapping[str, History] = field(default_factory=dict)  # of the ids under way that lie in no open lane
    begun_today: int = 0  # runs, counted from what lies in the queue
    spent_today: float = 0.0  # USD, added up only when the policy limits it

    @property
    def policy(self) -> Policy:
        """The policy at this commit."""
        return self.workflow.policy

    def in_lane(self, lane: Lane) -> list[Case]:
        """The cases of one lane."""
        return [case for case in self.cases.values() if case.lane is lane]


class Surveyor:
    """Makes surveys, and remembers what it read."""

    def __init__(self, repository: Repository, branch: str) -> None:
        self.repository = repository
        self.branch = branch
        self.library = Library(repository.objects)
        self.queue = Queue(repository.objects, repository.state)
        self.artifacts = Artifacts(repository.objects)
        self._asked = ""  # the commit for which arrivals were wanted last
        self._arrived: tuple[str | None, dict[str, Arrival]] = (None, {})

    def survey(self, now: datetime, head: str, fallback: Workflow | None = None) -> Survey:
        """Everything at one commit. Raises UnusableError when its policy cannot be used and there is no fallback."""
        tree = self.repository.objects.commit(head).tree
        workflow = fallback or self.library.workflow(tree, self.branch)
        with_artifacts = self.artifacts.ids(tree)
        snapshot = self._without_finished(tree, self.queue.snapshot(tree), with_artifacts)
        problems = list(snapshot.problems)
        cases: dict[str, Case] = {}
        for placed in snapshot.items.values():
            case, found = self._case(tree, placed, workflow.policy, placed.id in with_artifacts)
            cases[placed.id] = case
            problems.extend(found)
        lost: dict[str, History] = {}
        for item_id in sorted(with_artifacts - cases.keys() - snapshot.twice):
            try:
                lost[item_id] = self.artifacts.history(tree, item_id)
            except InvalidFile as error:
                problems.extend(error.problems)
        problems.extend(_about_nothing(snapshot, cases, lost))
        problems.extend(self._unread_dependencies(tree, cases.values()))
        breakers = self._breakers(tree, problems)
        limited = workflow.policy.budget.usd_per_day is not None
        spent = self._spent_today(tree, cases, now, problems) if limited else 0.0
        begun = self._begun_today(tree, cases, now)
        return Survey(now, head, tree, workflow, snapshot, cases, tuple(problems), breakers, lost, begun, spent)

    def _begun_today(self, tree: str, cases: Mapping[str, Case], now: datetime) -> int:
        """A number that grows by one with each run that begins, and is the same for whoever reads this commit."""
        finished = self.repository.objects.folder(tree, f"{QUEUE}/done/{now.astimezone(UTC):%Y-%m-%d}")
        return len(finished) + sum(case.history.run for case in cases.values())

    def _without_finished(self, tree: str, snapshot: Snapshot, under_way: Container[str]) -> Snapshot:
        """The queue less the files whose id belongs to a finished item: its journal and its file are not theirs."""
        items, problems = dict(snapshot.items), list(snapshot.problems)
        for item_id in [item_id for item_id in items if item_id not in under_way]:
            day = self.queue.done_day(tree, item_id)
            if day:
                path, free = items.pop(item_id).path, self.free_id(tree, snapshot, item_id)
                problems.append(Problem(path, 1, 1, taken_by(item_id, lane_path(Lane.DONE, item_id, day), free)))
        return replace(snapshot, items=items, problems=tuple(problems))

    def free_id(self, tree: str, snapshot: Snapshot, base: str) -> str:
        """An id that neither an open nor a finished item has."""
        taken = snapshot.items.keys() | snapshot.twice
        return next(each for each in ids_from(base) if each not in taken and not self.queue.done_day(tree, each))

    def whereabouts(self, survey: Survey, item_id: str) -> Placed | None:
        """Where an item lies, open or finished; None when nobody has its id."""
        day = "" if item_id in survey.snapshot.items else self.queue.done_day(survey.tree, item_id)
        if not day:
            return survey.snapshot.items.get(item_id)
        path = lane_path(Lane.DONE, item_id, day)
        entry = self.repository.objects.find(survey.tree, path)
        return Placed(item_id, Lane.DONE, path, entry.oid) if entry else None

    def _unread_dependencies(self, tree: str, cases: Iterable[Case]) -> Iterator[Problem]:
        """What is wrong with the journals of finished items that others wait for."""
        for needed in {needed for case in cases if case.item for needed in case.item.depends_on}:
            try:
                self._outcome(tree, needed)
            except InvalidFile as error:
                yield from error.problems

    def _spent_today(self, tree: str, cases: Mapping[str, Case], now: datetime, problems: list[Problem]) -> float:
        """What all runs since midnight have cost, of open items and of those that were finished since."""
        began, day = midnight(now), f"{now.astimezone(UTC):%Y-%m-%d}"
        histories = [case.history for case in cases.values()]
        for item_id in self.repository.objects.folder(tree, f"{ARTIFACTS}/done/{day}"):
            try:
                histories.append(self.artifacts.history(tree, item_id, day))
            except InvalidFile as error:
                problems.extend(error.problems)
        spent = (entry.usage.spent for each in histories for entry in each.entries if entry.usage and entry.at >= began)
        return sum(spent)

    def _breakers(self, tree: str, problems: list[Problem]) -> dict[str, BreakerState]:
        """The breakers' states; one that cannot be read counts as closed, and is a problem."""
        found: dict[str, BreakerState] = {}
        for name, entry in self.repository.objects.folder(tree, BREAKERS).items():
            if name.endswith(".yaml") and not entry.is_folder:
                path = f"{BREAKERS}/{name}"
                try:
                    source = yaml.Source(path, self.repository.objects.regular(path, entry, yaml.MAX_BYTES))
                    found[name.removesuffix(".yaml")] = yaml.load(BreakerState, source)
                except InvalidFile as error:
                    problems.extend(error.problems)
        return found

    def _case(self, tree: str, placed: Placed, policy: Policy, known: bool) -> tuple[Case, list[Problem]]:
        case = Case(placed, None, History())
        try:
            day = "" if known else self.artifacts.done_day(tree, placed.id)  # a person took it out of done
            if known or day:
                case = replace(case, history=self.artifacts.history(tree, placed.id, day or ""))
        except InvalidFile as error:
            return replace(case, problem=str(error.problems[0]), unread=True), list(error.problems)
        try:
            case = replace(case, item=self.queue.item(placed.path, placed.blob))
        except InvalidFile as error:
            return replace(case, problem=str(error.problems[0])), list(error.problems)
        return self._with_contract(tree, case, policy), []

    def _with_contract(self, tree: str, case: Case, policy: Policy) -> Case:
        assert case.item is not None
        name = policy.contract_of(case.item)
        if name is None:
            return replace(case, problem="it names no contract, and no route in WORKFLOW.md takes it")
        case = replace(case, contract_name=name)
        try:
            contract = self.library.contract(tree, name)
        except InvalidFile as error:
            return replace(case, problem=f"its contract is invalid: {error.problems[0]}")
        if contract is None:
            return replace(case, problem=f"there is no contract {name!r}; commit contracts/{name}.yaml")
        return replace(case, contract=contract)

    def arrived_with(self, survey: Survey, item_id: str) -> str:
        """The blob id of what an item said when it first came into the inbox; empty when it never did."""
        path = lane_path(Lane.INBOX, item_id)
        arrival = self.arrivals(survey).get(path) or self.arrivals(survey, ever=True).get(path)
        return arrival.blob if arrival else ""

    def arrivals(self, survey: Survey, *, ever: bool = False) -> dict[str, Arrival]:
        """When what waits came into the inbox, by path; `ever` for all that came. Git is asked only for what is new."""
        seen, found = self._arrived
        if self._asked == survey.head and not (ever and seen != survey.head):
            return found
        self._asked = survey.head
        unknown = any(not case.history.entries and case.placed.path not in found for case in survey.cases.values())
        if unknown or ever:
            for path, arrival in self.repository.arrivals(survey.head, "queue/inbox", seen).items():
                found.setdefault(path, arrival)
            self._arrived = survey.head, found
        return found

    def outcome_of(self, tree: str, item_id: str) -> Outcome | None:
        """How an item ended; None when it has not, is not there, or has a journal that nobody can read."""
        try:
            return self._outcome(tree, item_id)
        except InvalidFile:
            return None  # the survey names it among its problems

    def _outcome(self, tree: str, item_id: str) -> Outcome | None:
        """The same. Raises InvalidFile for a journal that cannot be read."""
        day = self.queue.done_day(tree, item_id)
        return self.artifacts.history(tree, item_id, day).outcome if day else None


def _about_nothing(snapshot: Snapshot, cases: Mapping[str, Case], lost: Mapping[str, History]) -> Iterator[Problem]:
    """Verdict files of what is not in review. One whose item a person has just moved away goes with it."""
    for verdict in snapshot.verdicts:
        case = cases.get(verdict.item_id)
        history = case.history if case else lost.get(verdict.item_id, History())
        if Lane.REVIEW not in (case.lane if case else None, history.lane):
            yield Problem(verdict.path, 1, 1, "judges nothing that is in review; delete it")
