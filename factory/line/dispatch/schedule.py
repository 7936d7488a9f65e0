"""The schedule: for every waiting item, whether it may start now, and if not, why not. `start` does it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType

from factory.execution.agents.kinds import AGENTS
from factory.execution.cell.sandbox import sandbox
from factory.line.dispatch.agents import Casting
from factory.line.dispatch.breakers import Trials, Turn
from factory.line.dispatch.budget import day_used_up
from factory.line.dispatch.scopes import ScopeTurns
from factory.line.dispatch.writers import MissionTurns
from factory.line.lock import owner_of
from factory.line.snapshot import ItemState, Snapshot, SnapshotReader
from factory.model.breaker import BreakerState
from factory.model.contract import Contract, SeatKind
from factory.model.dependencies import circles, in_a_circle
from factory.model.errors import UnusableError
from factory.model.failure import Failure, FailureClass
from factory.model.gate import unanswered
from factory.model.item import Item
from factory.model.lifecycle import Lane, Outcome
from factory.model.moments import rfc3339
from factory.model.policy import Policy
from factory.model.roles import Situation
from factory.store.repository.repository import Arrival

_ANY = Situation()
_UNMET = frozenset({Outcome.REJECTED, Outcome.CANCELLED})
_NEVER = 5  # sorts after every priority
_FOR_THE_OLDEST = 5  # of so many starts one


@dataclass(frozen=True)
class ScheduleEntry:
    """What will become of a waiting item in this pass."""

    id: str
    start: bool
    reason: str = ""
    until: datetime | None = None  # when waiting ends by itself
    crowded: bool = False  # whether only others are in its way: no slot is free, or a lane is full
    agent: str = ""  # that it starts on; empty: a command works, or the factory itself
    breaker: BreakerState | None = None  # that is open, and that it waits for


# The outcome of a finished item; None when it is not finished.
OutcomeOf = Callable[[str], Outcome | None]


def unfit(
    item: Item,
    contract: Contract,
    policy: Policy,
    kinds: Collection[str],
    situation: Situation = _ANY,
) -> Failure | None:
    """Why this item cannot pass under this contract and policy here; None when it can.

    `kinds` are those of the agents that can be run.
    """
    casting = Casting(contract, policy, kinds, situation)
    wall = casting.unjudged(None) if item.by_itself else _unmade(casting)
    if wall is not None:
        return wall
    open_criteria = unanswered(item)
    if open_criteria and not item.validates and all(seat.kind is SeatKind.CHECKS for seat in contract.review.seats):
        said = f"nobody can answer {', '.join(open_criteria)}: give it a check, or the contract a human seat"
        return Failure(FailureClass.CONFIG, said)
    return None


def _unmade(casting: Casting) -> Failure | None:
    """Why no worker of a contract can work here; None when one can."""
    worker = casting.contract.worker
    names = worker.agents or casting.policy.agents_of(worker.role, casting.situation)
    if worker.role and not names:
        said = f"its contract's worker is one of the role {worker.role}, in which WORKFLOW.md has nobody for it"
        return Failure(FailureClass.CONFIG, said)
    walls = [casting.obstacle(name) for name in names or ("",)]
    return walls[0] if all(walls) else None


def plan(
    snapshot: Snapshot,
    arrivals: dict[str, Arrival],
    outcome_of: OutcomeOf,
    unready: str = "",
    kinds: Collection[str] = AGENTS.keys(),
    owner: str | None = None,
    unseen: Iterable[Lane] = (),
) -> list[ScheduleEntry]:
    """A schedule entry for every item in inbox and rework, in the order in which they would start.

    `unready` says why this machine can run nothing at all under the present policy. `owner` is who takes leases here:
    the workers of other clones leave those of this one their places. None counts them all. `unseen` are the lanes that
    runs under way here came from whose items the snapshot does not have.
    """
    waiting = snapshot.in_lane(Lane.REWORK) + snapshot.in_lane(Lane.INBOX)
    started: list[str] = []
    circled = circles({state.id: state.item.depends_on for state in waiting if state.item})
    alone = {state.id: _alone(state, snapshot, outcome_of, circled) for state in waiting}
    resuming = [each for each in snapshot.in_lane(Lane.REWORK) if alone[each.id].start or alone[each.id].until]
    scopes = ScopeTurns(snapshot, resuming, partial(_since, arrivals=arrivals))
    missions = MissionTurns(snapshot, outcome_of)
    lanes = Counter(state.lane for state in snapshot.items.values())
    at_work = Counter(state.came_from for state in snapshot.at_work() if _works_here(state, owner))
    at_work.update(unseen)
    trials = Trials(snapshot, kinds)
    day, tomorrow = day_used_up(snapshot)
    found: list[ScheduleEntry] = []
    for state in _in_turn(waiting, arrivals, lambda: snapshot.turn + len(started)):
        entry, until = alone[state.id], None
        if entry.start:
            crowd = ""
            waits = unready or missions.held_back(state) or scopes.held_back(state)
            if not waits:
                waits = crowd = _held_back(snapshot.policy, state.lane, lanes, at_work)
            turn = Turn(waits=day, until=tomorrow) if day else trials.turn(state)
            if not waits:
                waits, until = turn.waits, turn.until
            if waits:
                breaker = turn.breaker if waits == turn.waits else None
                entry = ScheduleEntry(state.id, False, waits, until, crowded=waits == crowd, breaker=breaker)
            else:
                entry = ScheduleEntry(state.id, True, agent=turn.agent)
        if entry.start:
            at_work[state.lane] += 1
            started.append(state.id)
            scopes.note_start(state)
            missions.note_start(state)
            trials.note_start(state, turn)
        found.append(entry)
    return found


def schedule(
    reader: SnapshotReader,
    snapshot: Snapshot,
    coming: Mapping[str, Arrival] = MappingProxyType({}),
    kinds: Collection[str] = AGENTS.keys(),
    unseen: Iterable[Lane] = (),
) -> list[ScheduleEntry]:
    """The plan for what a snapshot found; `coming` says when what no commit has brought yet arrives, by path."""
    return plan(
        snapshot,
        {**reader.arrivals(snapshot), **coming},
        lambda item_id: reader.outcome_of(snapshot.tree, item_id),
        _unready(snapshot),
        kinds,
        owner_of(reader.repository),
        unseen,
    )


def _works_here(state: ItemState, owner: str | None) -> bool:
    lease = state.history.lease
    return owner is None or lease is None or lease.owner == owner


def _unready(snapshot: Snapshot) -> str:
    if snapshot.policy.sandbox != "required":
        return ""
    try:
        sandbox(snapshot.policy.sandbox)
    except UnusableError as error:
        return f"waits: {error.message}; {error.hint}"
    return ""


def _in_turn(waiting: list[ItemState], arrivals: dict[str, Arrival], begun: Callable[[], int]) -> Iterator[ItemState]:
    """Each once, the most urgent first; but one start in so many is for who waits longest, so that nobody starves."""
    urgent = iter(sorted(waiting, key=lambda state: (_urgency(state), _since(state, arrivals), state.id)))
    longest = iter(sorted(waiting, key=lambda state: (_since(state, arrivals), _urgency(state), state.id)))
    taken: set[str] = set()
    for _ in waiting:
        line = longest if begun() % _FOR_THE_OLDEST == _FOR_THE_OLDEST - 1 else urgent
        state = next(each for each in line if each.id not in taken)
        taken.add(state.id)
        yield state


def _urgency(state: ItemState) -> int:
    return (state.item.priority if state.item else None) or _NEVER


def _since(state: ItemState, arrivals: dict[str, Arrival]) -> float:
    """Since when an item has waited, in seconds since 1970."""
    arrival = arrivals.get(state.placed.path)
    return state.history.entries[0].at.timestamp() if state.history.entries else float(arrival.at if arrival else 0)


def _held_back(policy: Policy, lane: Lane, lanes: Counter[Lane], at_work: Counter[Lane]) -> str:
    """Why nothing more of a lane may start beside those at work; empty when it may. `lanes` says how many lie where."""
    busy = at_work.total()
    most = policy.agent.max_concurrent_agents
    if busy >= most:
        return f"waits for a slot: {busy} are at work, agent.max_concurrent_agents is {most}"
    of_all = policy.most_from(Lane.ACTIVE)
    if of_all is not None and busy >= of_all:
        return f"waits for a slot: {busy} are at work, which is as many as may be in the lane active"
    of_lane = policy.most_from(lane)
    if of_lane is not None and at_work[lane] >= of_lane:
        return f"waits for a slot: {at_work[lane]} from {lane} are at work, which is as many as may be"
    if lane is Lane.REWORK:
        return ""  # finishing what was begun empties the lanes behind it
    limits = policy.limits
    for full, limit in ((Lane.REVIEW, limits.review), (Lane.REWORK, limits.rework), (Lane.BLOCKED, limits.blocked)):
        count = lanes[full] + (busy if full is Lane.REVIEW else 0)  # those at work are on their way there
        if count >= limit:
            return f"waits because the lane {full} is full ({count} of {limit})"
    return ""


def _alone(
    state: ItemState, snapshot: Snapshot, outcome_of: OutcomeOf, circled: Mapping[str, tuple[str, ...]]
) -> ScheduleEntry:
    """Whether an item could start if there were nobody else."""
    if state.item is None or state.contract is None:
        return ScheduleEntry(state.id, False, state.problem)
    if state.item.hold:
        return ScheduleEntry(state.id, False, f"on hold; factory hold {state.id} --off")
    not_wanted = snapshot.policy.tracker.held_back(state.item, state.lane)
    if not_wanted:
        return ScheduleEntry(state.id, False, not_wanted)
    not_before = state.history.not_before
    if not_before and not_before > snapshot.now:
        entries = state.history.entries
        limited = entries and entries[-1].attempt is None  # it cost none
        what = "when a usage limit is reset" if limited else f"for attempt {state.history.attempts + 1}"
        return ScheduleEntry(state.id, False, f"waits until {rfc3339(not_before)} {what}", not_before)
    if state.id in circled:
        return ScheduleEntry(state.id, False, f"{in_a_circle(circled[state.id])}; edit depends_on")
    for needed in state.item.depends_on:
        outcome = outcome_of(needed)
        if outcome is None:
            there = snapshot.items.get(needed)
            where = f"is in {there.lane}" if there else "is not in the queue, or cannot be read"
            return ScheduleEntry(state.id, False, f"waits for {needed}, which {where}")
        if outcome in _UNMET:
            return ScheduleEntry(state.id, False, f"waits for {needed}, which ended as {outcome}; edit depends_on")
    return ScheduleEntry(state.id, True)
