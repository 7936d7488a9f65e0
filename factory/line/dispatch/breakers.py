"""Circuit breakers on the line: who keeps failing is given a rest, and then tried with one item.

Where a command works it is the contract's; where an agent does, the agent's, whatever contract names it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from factory.line.dispatch.agents import Casting, candidates, situation_of
from factory.line.dispatch.retry import reset_of
from factory.line.snapshot import ItemState, Snapshot
from factory.model.breaker import BreakerState, State, closed, on_trial, opened
from factory.model.contract import SeatKind
from factory.model.failure import Failure
from factory.model.journal import Entry
from factory.model.lifecycle import Event, Lane
from factory.model.moments import rfc3339
from factory.model.roles import Situation


@dataclass(frozen=True)
class Turn:
    """By which agent a waiting item may be worked on now, or why it waits. Without either a command works."""

    agent: str = ""
    waits: str = ""
    until: datetime | None = None
    breaker: BreakerState | None = None  # that is open, and that it waits for


@dataclass
class Trials:
    """Which contracts and agents are being tried with one item, as a schedule goes through what waits."""

    snapshot: Snapshot
    kinds: Collection[str]  # of the agents that can be run
    _tried: dict[str, str] = field(default_factory=dict)  # by the breaker's path
    _obstacles: dict[tuple[Situation, str], Failure | None] = field(default_factory=dict)  # of agents

    def turn(self, state: ItemState) -> Turn:
        """The first of an item's agents that can work here and whose breaker lets it; else the wait that ends first.

        Where none of them can work here, the first one.
        """
        named = candidates(state, self.snapshot.policy)
        names = [name for name in named if self._obstacle(state, name) is None] or named
        if not names:
            return self._of_agents(state, "") if state.contract else Turn()
        turns = [self._of_agents(state, name) for name in names]
        free = next((turn for turn in turns if not turn.waits), None)
        return free or _soonest(turns, self.snapshot.now)

    def judges(self, state: ItemState, worker: str) -> dict[str, tuple[str, ...]]:
        """By seat: the agents that may judge what a worker makes of an item, and that are not at rest; in turn."""
        assert state.contract is not None
        casting = self._casting(state)
        seats = {seat.name: casting.judges(seat, worker) for seat in state.contract.seats(SeatKind.AGENT)}
        return {seat: tuple(each for each in names if not self._at_rest(each).waits) for seat, names in seats.items()}

    def _of_agents(self, state: ItemState, worker: str) -> Turn:
        """Whether an agent may work on an item now, and for each seat one that will be able to judge it."""
        turn = self._turn(worker, self.snapshot.agent_breakers.get(worker)) if worker else self._of_contract(state)
        assert state.contract is not None
        casting = self._casting(state)
        for seat in () if turn.waits else state.contract.seats(SeatKind.AGENT):
            turns = [self._at_rest(judge) for judge in casting.judges(seat, worker)]
            if turns and all(each.waits for each in turns):
                first = _soonest(turns, self.snapshot.now)
                waits = f"{first.waits}, and nobody else can sit in the seat {seat.name}"
                return Turn(worker, waits, first.until, first.breaker)
        return turn

    def _casting(self, state: ItemState) -> Casting:
        return Casting.of(state, self.snapshot.policy, self.kinds)

    def _at_rest(self, judge: str) -> Turn:
        """Whether an agent that is to judge is at rest; it is no trial of it."""
        breaker = self.snapshot.agent_breakers.get(judge)
        cooled = breaker is None or breaker.cooled(self.snapshot.now)
        return Turn(judge) if cooled else self._turn(judge, breaker)

    def _of_contract(self, state: ItemState) -> Turn:
        return self._turn("", self.snapshot.breakers.get(state.contract_name or ""))

    def _obstacle(self, state: ItemState, agent: str) -> Failure | None:
        """Why an agent cannot work on an item here, whatever its breaker says."""
        key = situation_of(state), agent
        if key not in self._obstacles:
            self._obstacles[key] = self._casting(state).obstacle(agent)
        return self._obstacles[key]

    def _turn(self, agent: str, breaker: BreakerState | None) -> Turn:
        if breaker is None or breaker.state is State.CLOSED:
            return Turn(agent)
        if not breaker.cooled(self.snapshot.now) and breaker.until:
            until = rfc3339(breaker.until)
            if breaker.limited:
                return Turn(agent, f"waits: the usage limit of the {breaker.of} is reset at {until}", breaker.until)
            waits = f"waits: the breaker of the {breaker.of} is open until {until}: {breaker.reason}"
            return Turn(agent, waits, breaker.until, breaker)
        trial = self._tried.get(breaker.path) or self._running(breaker)
        return Turn(agent, f"waits: the {breaker.of} is being tried with {trial}" if trial else "")

    def note_start(self, state: ItemState, turn: Turn) -> None:
        """Take note that an item is about to start."""
        breaker = _breaker(self.snapshot, state, turn.agent)
        if breaker is not None and breaker.state is not State.CLOSED:
            self._tried[breaker.path] = state.id

    def _running(self, breaker: BreakerState) -> str:
        state = self.snapshot.items.get(breaker.trial or "")
        return state.id if state and state.lane is Lane.ACTIVE else ""


def _soonest(turns: Iterable[Turn], now: datetime) -> Turn:
    """The one whose wait ends first."""
    return min(turns, key=lambda turn: (turn.until is None, turn.until or now))


def _breaker(snapshot: Snapshot, state: ItemState, agent: str) -> BreakerState | None:
    return snapshot.agent_breakers.get(agent) if agent else snapshot.breakers.get(state.contract_name or "")


def breaker_after_start(snapshot: Snapshot, state: ItemState, agent: str) -> BreakerState | None:
    """The breaker of whoever works on an item when it starts and is its trial; None when it is none."""
    breaker = _breaker(snapshot, state, agent)
    if breaker is None or breaker.state is State.CLOSED:
        return None
    return on_trial(breaker, state.id, snapshot.now)


def breaker_after_run(snapshot: Snapshot, state: ItemState, agent: str, failure: Failure | None) -> BreakerState | None:
    """The breaker of whoever worked on an item (an agent, or as its contract says) when that has ended, well or with a
    failure; None when it stays as it is."""
    if state.contract_name is None:
        return None
    breaker, rule, now = _breaker(snapshot, state, agent), snapshot.policy.breaker, snapshot.now
    on_trial_now = breaker is not None and breaker.state is State.HALF_OPEN and breaker.trial == state.id
    if failure is None or not failure.kind.trips:
        return closed(breaker, now) if breaker and on_trial_now else None
    before = breaker or _never_open(state.contract_name, agent, now)
    reason = f"{state.id}: {failure.kind}: {failure.reason}"
    reset = reset_of(failure, now)
    if reset is not None:
        known = before.until if before.state is State.OPEN and before.until else now
        return opened(before, 1, reason, now, reset, limited=True) if reset > known else None
    failures = 1 + _recent(snapshot, state.contract_name, agent, breaker)
    if not on_trial_now and (failures < rule.failures or before.state is not State.CLOSED):
        return None
    return opened(before, failures, reason, now, now + timedelta(minutes=rule.cooldown_minutes))


def breaker_after_verdict(
    snapshot: Snapshot, state: ItemState, agent: str, failure: Failure | None
) -> BreakerState | None:
    """The breaker of an agent that was to judge an item, once it has, or has failed to; None when it stays as it is."""
    breaker = snapshot.agent_breakers.get(agent)
    if failure is not None:
        return breaker_after_run(snapshot, state, agent, failure)
    good = breaker is not None and breaker.state is State.OPEN and breaker.cooled(snapshot.now)
    return closed(breaker, snapshot.now) if breaker and good else None


def _never_open(contract: str, agent: str, now: datetime) -> BreakerState:
    """A breaker that was never open."""
    return BreakerState.model_construct(
        contract=None if agent else contract, agent=agent or None, state=State.CLOSED, since=now
    )


def _recent(snapshot: Snapshot, contract: str, agent: str, breaker: BreakerState | None) -> int:
    """How many runs failed within the window, those of items that have recovered since left out."""
    since = snapshot.now - timedelta(minutes=snapshot.policy.breaker.window_minutes)
    # What it was opened for does not count again once it has been closed, by whomever: a person edits `state` alone.
    again = breaker.since if breaker is not None and breaker.state is State.CLOSED else None
    histories = (
        state.history.entries for state in snapshot.items.values() if (agent or state.contract_name == contract)
    )
    failed = (entry for entries in histories for entry in _not_made_good(entries, agent))
    return sum(entry.at >= since and not (again and entry.at <= again) for entry in failed)


def _not_made_good(entries: Iterable[Entry], agent: str) -> list[Entry]:
    """The failures of runs, by an agent where one is named, since an item delivered last."""
    failed: list[Entry] = []
    worker = ""
    for entry in entries:
        if entry.event is Event.START:
            worker = entry.worker or ""
        elif entry.event is Event.DELIVER:
            failed.clear()
        elif entry.source is Lane.ACTIVE and entry.failure is not None and entry.failure.trips:
            failed += [entry] if agent in ("", worker) else []
    return failed


def breaker_files(*breakers: BreakerState | None) -> Mapping[str, bytes]:
    """The files of breakers whose state has changed, by their paths; nothing of those that have not."""
    return {breaker.path: breaker.file() for breaker in breakers if breaker}
