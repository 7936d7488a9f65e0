"""Circuit breakers on the line: who keeps failing is given a rest, and then tried with one item.

Where a command works it is the contract's; where an agent does, the agent's, whatever contract names it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from factory.line.dispatch.agents import candidates, obstacle
from factory.line.dispatch.retry import reset_of
from factory.line.snapshot import ItemState, Snapshot
from factory.model.breaker import BreakerState, State, closed, on_trial, opened
from factory.model.failure import Failure
from factory.model.journal import Entry
from factory.model.lifecycle import Event, Lane
from factory.model.moments import rfc3339


@dataclass(frozen=True)
class Turn:
    """By which agent a waiting item may be worked on now, or why it waits. Without either a command works."""

    agent: str = ""
    waits: str = ""
    until: datetime | None = None


@dataclass
class Trials:
    """Which contracts and agents are being tried with one item, as a schedule goes through what waits."""

    snapshot: Snapshot
    kinds: Collection[str]  # of the agents that can be run
    _tried: dict[str, str] = field(default_factory=dict)  # by the breaker's path
    _obstacles: dict[tuple[str, str], Failure | None] = field(default_factory=dict)  # by contract and agent

    def turn(self, state: ItemState) -> Turn:
        """The first of an item's agents that can work here and whose breaker lets it; else the wait that ends first.

        Where none of them can work here, the first one.
        """
        named = candidates(state)
        names = [name for name in named if self.obstacle(state, name) is None] or named
        if not names:
            return self._turn("", self.snapshot.breakers.get(state.contract_name or ""))
        turns = [self._turn(name, self.snapshot.agent_breakers.get(name)) for name in names]
        free = next((turn for turn in turns if not turn.waits), None)
        return free or min(turns, key=lambda turn: (turn.until is None, turn.until or self.snapshot.now))

    def obstacle(self, state: ItemState, agent: str) -> Failure | None:
        """Why an agent cannot work on an item here, whatever its breaker says."""
        key = state.contract_name or "", agent
        if key not in self._obstacles:
            assert state.contract is not None
            self._obstacles[key] = obstacle(state.contract, self.snapshot.policy, agent, self.kinds)
        return self._obstacles[key]

    def _turn(self, agent: str, breaker: BreakerState | None) -> Turn:
        if breaker is None or breaker.state is State.CLOSED:
            return Turn(agent)
        if not breaker.cooled(self.snapshot.now) and breaker.until:
            until = rfc3339(breaker.until)
            if breaker.limited:
                return Turn(agent, f"waits: the usage limit of the {breaker.of} is reset at {until}", breaker.until)
            waits = f"waits: the breaker of the {breaker.of} is open until {until}: {breaker.reason}"
            return Turn(agent, waits, breaker.until)
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
    before = breaker or _at_rest(state.contract_name, agent, now)
    reason = f"{state.id}: {failure.kind}: {failure.reason}"
    reset = reset_of(failure, now)
    if reset is not None:
        known = before.until if before.state is State.OPEN and before.until else now
        return opened(before, 1, reason, now, reset, limited=True) if reset > known else None
    failures = 1 + _recent(snapshot, state.contract_name, agent, breaker)
    if not on_trial_now and (failures < rule.failures or before.state is not State.CLOSED):
        return None
    return opened(before, failures, reason, now, now + timedelta(minutes=rule.cooldown_minutes))


def _at_rest(contract: str, agent: str, now: datetime) -> BreakerState:
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
        state.history.entries
        for state in snapshot.items.values()
        if (state.contract and agent in state.contract.worker.agents if agent else state.contract_name == contract)
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
