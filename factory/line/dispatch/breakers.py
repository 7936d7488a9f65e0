"""Circuit breakers on the line: a contract whose runs keep failing is given a rest, and then tried with one item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from factory.line.snapshot import ItemState, Snapshot
from factory.model.breaker import BreakerState, State, closed, on_trial, opened
from factory.model.failure import Failure
from factory.model.layout import breaker_path
from factory.model.lifecycle import Event, Lane
from factory.model.moments import rfc3339

_NO_FILES: Mapping[str, bytes] = MappingProxyType({})


@dataclass
class Trials:
    """Which contracts are being tried with one item, as a schedule goes through what waits."""

    snapshot: Snapshot
    _tried: dict[str, str] = field(default_factory=dict)

    def held_back(self, state: ItemState) -> tuple[str, datetime | None]:
        """(why the breaker of an item's contract lets it wait, until when); nothing when it does not."""
        breaker = self._not_closed(state)
        if breaker is None:
            return "", None
        if not breaker.cooled(self.snapshot.now) and breaker.until:
            until = rfc3339(breaker.until)
            return (
                f"waits: the breaker of the contract {breaker.contract} is open until {until}: {breaker.reason}",
                breaker.until,
            )
        trial = self._tried.get(breaker.contract) or self._running(breaker)
        return (f"waits: the contract {breaker.contract} is being tried with {trial}", None) if trial else ("", None)

    def note_start(self, state: ItemState) -> None:
        """Take note that an item is about to start."""
        breaker = self._not_closed(state)
        if breaker is not None:
            self._tried[breaker.contract] = state.id

    def _not_closed(self, state: ItemState) -> BreakerState | None:
        breaker = self.snapshot.breakers.get(state.contract_name or "")
        return breaker if breaker and breaker.state is not State.CLOSED else None

    def _running(self, breaker: BreakerState) -> str:
        state = self.snapshot.items.get(breaker.trial or "")
        return state.id if state and state.lane is Lane.ACTIVE else ""


def breaker_after_start(snapshot: Snapshot, state: ItemState) -> BreakerState | None:
    """The breaker of an item's contract when the item starts and is its trial; None when it is none."""
    breaker = snapshot.breakers.get(state.contract_name or "")
    if breaker is None or breaker.state is State.CLOSED:
        return None
    return on_trial(breaker, state.id, snapshot.now)


def breaker_after_run(snapshot: Snapshot, state: ItemState, failure: Failure | None) -> BreakerState | None:
    """The breaker of an item's contract when its run has ended, well or with a failure; None when it stays as it is."""
    contract = state.contract_name
    if contract is None:
        return None
    breaker, rule = snapshot.breakers.get(contract), snapshot.policy.breaker
    on_trial_now = breaker is not None and breaker.state is State.HALF_OPEN and breaker.trial == state.id
    if failure is None or not failure.kind.trips:
        return closed(breaker, snapshot.now) if breaker and on_trial_now else None
    failures = 1 + _recent(snapshot, contract, breaker)
    if not on_trial_now and (failures < rule.failures or (breaker and breaker.state is not State.CLOSED)):
        return None
    reason = f"{state.id}: {failure.kind}: {failure.reason}"
    return opened(contract, failures, reason, snapshot.now, rule)


def _recent(snapshot: Snapshot, contract: str, breaker: BreakerState | None) -> int:
    """How many runs of a contract failed within the window, those of items that have recovered since left out."""
    since = snapshot.now - timedelta(minutes=snapshot.policy.breaker.window_minutes)
    # What it was opened for does not count again once it has been closed, by whomever: a person edits `state` alone.
    again = breaker.since if breaker is not None and breaker.state is State.CLOSED else None
    count = 0
    for state in snapshot.items.values():
        if state.contract_name == contract:
            for entry in reversed(state.history.entries):
                if entry.at < since or (again and entry.at <= again) or entry.event is Event.DELIVER:
                    break
                count += entry.source is Lane.ACTIVE and entry.failure is not None and entry.failure.trips
    return count


def breaker_files(breaker: BreakerState | None) -> Mapping[str, bytes]:
    """The file of a breaker whose state has changed, by its path; nothing when none has."""
    return {breaker_path(breaker.contract): breaker.file()} if breaker else _NO_FILES
