"""The circuit breaker of a contract or an agent: what is written down of it, and how states follow each other. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from factory.model.base import Format, Moment, Name, Ordinal
from factory.model.layout import agent_breaker_path, breaker_path
from factory.model.moments import rfc3339


class State(StrEnum):
    """Whether items may start that need what it stands for."""

    CLOSED = "closed"  # they may
    OPEN = "open"  # not before it has cooled
    HALF_OPEN = "half-open"  # one is being tried


class BreakerState(Format):
    """`queue/breakers/<contract>.yaml` or `queue/breakers/agents/<agent>.yaml`, written by the factory.

    A person closes it by editing `state`.
    """

    contract: Name | None = None
    agent: Name | None = None
    state: State
    since: Moment
    until: Moment | None = None  # when one item is tried again
    failures: Ordinal = 0
    limited: bool = False  # whether a usage limit opened it, which is reset at `until`
    reason: str = ""
    trial: str | None = None  # the item that is being tried

    @model_validator(mode="after")
    def _is_of_one(self) -> Self:
        if (self.contract is None) == (self.agent is None):
            raise ValueError("needs exactly one of 'contract' and 'agent'")
        return self

    @property
    def of(self) -> str:
        """What it stands for, in words."""
        return f"agent {self.agent}" if self.agent else f"contract {self.contract}"

    @property
    def path(self) -> str:
        """Where it is written down."""
        return agent_breaker_path(self.agent) if self.agent else breaker_path(self.contract or "")

    def cooled(self, now: datetime) -> bool:
        """Whether one item may be tried."""
        return self.state is State.HALF_OPEN or self.until is None or now >= self.until

    def file(self) -> bytes:
        """The file, with what a person needs to know."""
        why = "A usage limit" if self.limited else f"{self.failures} failures"
        when = "is reset at `until`" if self.limited else "in a short time"
        lines = [
            f"# {why} of the {self.of} {when}. While this says open,",
            "# nothing of it starts before `until`; then one item is tried. Set `state: closed` to let all go on.",
            f"agent: {self.agent}" if self.agent else f"contract: {self.contract}",
            f"state: {self.state}",
            f"since: {rfc3339(self.since)}",
            *([f"until: {rfc3339(self.until)}"] if self.until else []),
            f"failures: {self.failures}",
            *(["limited: true"] if self.limited else []),
            *([f"trial: {self.trial}"] if self.trial else []),
            f"reason: {_quoted(self.reason)}",
        ]
        return "".join(f"{line}\n" for line in lines).encode()


def _quoted(text: str) -> str:
    """A text of others as a YAML scalar that is no more than that."""
    return "'" + " ".join(text.split())[:300].replace("'", "''") + "'"


def opened(
    before: BreakerState, failures: int, reason: str, since: datetime, until: datetime, *, limited: bool = False
) -> BreakerState:
    """The state after one failure too many, or once a usage limit was met."""
    told = {"state": State.OPEN, "failures": failures, "reason": reason, "limited": limited}
    return before.model_copy(update={**told, "since": since, "until": until, "trial": None})


def on_trial(before: BreakerState, item_id: str, now: datetime) -> BreakerState:
    """The state while one item is tried."""
    return before.model_copy(update={"state": State.HALF_OPEN, "since": now, "until": None, "trial": item_id})


def closed(before: BreakerState, now: datetime) -> BreakerState:
    """The state after a trial that went well."""
    return before.model_copy(update={"state": State.CLOSED, "since": now, "until": None, "trial": None})
