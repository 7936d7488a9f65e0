"""Circuit breakers on the line: a contract whose runs keep failing is given a rest, and then tried with one item."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from factory.line.survey import Case, Survey
from factory.model.breaker import BreakerState, State, closed, on_trial, opened
from factory.model.failure import Failure
from factory.model.journal import rfc3339
from factory.model.lifecycle import Event, Lane
from factory.store.queue import breaker_path

NO_FILE: Mapping[str, bytes] = {}


@dataclass
class Trials:
    """Which contracts are being tried with one item, as a plan goes through what waits."""

    survey: Survey
    _tried: dict[str, str] = field(default_factory=dict)

    def held_back(self, case: Case) -> tuple[str, datetime | None]:
        """(why the breaker of an item's contract lets it wait, until when); nothing when it does not."""
        state = self._not_closed(case)
        if state is None:
            return "", None
        if not state.cooled(self.survey.now) and state.until:
            until = rfc3339(state.until)
            return (
                f"waits: the breaker of the contract {state.contract} is open until {until}: {state.reason}",
                state.until,
            )
        trial = self._tried.get(state.contract) or self._running(state)
        return (f"waits: the contract {state.contract} is being tried with {trial}", None) if trial else ("", None)

    def start(self, case: Case) -> None:
        """Take note that an item is about to start."""
        state = self._not_closed(case)
        if state is not None:
            self._tried[state.contract] = case.id

    def _not_closed(self, case: Case) -> BreakerState | None:
        state = self.survey.breakers.get(case.contract_name or "")
        return state if state and state.state is not State.CLOSED else None

    def _running(self, state: BreakerState) -> str:
        case = self.survey.cases.get(state.trial or "")
        return case.id if case and case.lane is Lane.ACTIVE else ""


def claimed(survey: Survey, case: Case) -> Mapping[str, bytes]:
    """What is to be written down when an item starts: that it is the trial, if there is one."""
    state = survey.breakers.get(case.contract_name or "")
    if state is None or state.state is State.CLOSED:
        return NO_FILE
    return _written(survey, on_trial(state, case.id, survey.now))


def settled(survey: Survey, case: Case, failure: Failure | None) -> Mapping[str, bytes]:
    """What is to be written down when a run has ended, well or with a failure."""
    contract = case.contract_name
    if contract is None:
        return NO_FILE
    state, rule = survey.breakers.get(contract), survey.policy.breaker
    on_trial_now = state is not None and state.state is State.HALF_OPEN and state.trial == case.id
    if failure is None or not failure.kind.trips:
        return _written(survey, closed(state, survey.now)) if state and on_trial_now else NO_FILE
    failures = 1 + _recent(survey, contract, state)
    if not on_trial_now and (failures < rule.failures or (state and state.state is not State.CLOSED)):
        return NO_FILE
    reason = f"{case.id}: {failure.kind}: {failure.reason}"
    return _written(survey, opened(contract, failures, reason, survey.now, rule))


def _recent(survey: Survey, contract: str, state: BreakerState | None) -> int:
    """How many runs of a contract failed within the window, those of items that have recovered since left out."""
    since = survey.now - timedelta(minutes=survey.policy.breaker.window_minutes)
    # What it was opened for does not count again once it has been closed, by whomever: a person edits `state` alone.
    again = state.since if state is not None and state.state is State.CLOSED else None
    count = 0
    for case in survey.cases.values():
        if case.contract_name == contract:
            for entry in reversed(case.history.entries):
                if entry.at < since or (again and entry.at <= again) or entry.event is Event.DELIVER:
                    break
                count += entry.source is Lane.ACTIVE and entry.failure is not None and entry.failure.trips
    return count


def _written(survey: Survey, state: BreakerState) -> Mapping[str, bytes]:
    survey.breakers[state.contract] = state
    return {breaker_path(state.contract): state.file()}
