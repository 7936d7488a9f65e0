"""The circuit breaker of a contract: what is written down of it, and how one state follows from another. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from factory.model.base import Format, Moment, Name, Ordinal
from factory.model.moments import rfc3339
from factory.model.policy import Breaker


class State(StrEnum):
    """Whether items of a contract may start."""

    CLOSED = "closed"  # they may
    OPEN = "open"  # not before it has cooled
    HALF_OPEN = "half-open"  # one is being tried


class BreakerState(Format):
    """`queue/breakers/<contract>.yaml`, written by the factory; a person closes it by editing `state`."""

    contract: Name
    state: State
    since: Moment
    until: Moment | None = None  # when one item is tried again
    failures: Ordinal = 0
    reason: str = ""
    trial: str | None = None  # the item that is being tried

    def cooled(self, now: datetime) -> bool:
        """Whether one item may be tried."""
        return self.state is State.HALF_OPEN or self.until is None or now >= self.until

    def file(self) -> bytes:
        """The file, with what a person needs to know."""
        lines = [
            f"# {self.failures} failures of the contract {self.contract} in a short time. While this says open,",
            "# nothing of it starts before `until`; then one item is tried. Set `state: closed` to let all go on.",
            f"contract: {self.contract}",
            f"state: {self.state}",
            f"since: {rfc3339(self.since)}",
            *([f"until: {rfc3339(self.until)}"] if self.until else []),
            f"failures: {self.failures}",
            *([f"trial: {self.trial}"] if self.trial else []),
            f"reason: {_quoted(self.reason)}",
        ]
        return "".join(f"{line}\n" for line in lines).encode()


def _quoted(text: str) -> str:
    """A text of others as a YAML scalar that is no more than that."""
    return "'" + " ".join(text.split())[:300].replace("'", "''") + "'"


def opened(contract: str, failures: int, reason: str, now: datetime, rule: Breaker) -> BreakerState:
    """The state after one failure too many."""
    until = now + timedelta(minutes=rule.cooldown_minutes)
    return BreakerState.model_construct(
        contract=contract, state=State.OPEN, since=now, until=until, failures=failures, reason=reason
    )


def on_trial(before: BreakerState, item_id: str, now: datetime) -> BreakerState:
    """The state while one item is tried."""
    return before.model_copy(update={"state": State.HALF_OPEN, "since": now, "until": None, "trial": item_id})


def closed(before: BreakerState, now: datetime) -> BreakerState:
    """The state after a trial that went well."""
    return before.model_copy(update={"state": State.CLOSED, "since": now, "until": None, "trial": None})
