"""The keys of WORKFLOW.md that the Symphony specification has, with its defaults."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue

from factory.model.base import Count, Text
from factory.model.item import Item
from factory.model.lifecycle import Lane
from factory.model.section import LONGEST_MS, Integer, Labels, Listed, Milliseconds, Section, integer
from factory.model.states import plain, states_of

_OTHERS = frozenset({"linear", "github", "jira", "asana", "gitlab", "memory"})


def _of_ours(kind: object) -> object:
    if isinstance(kind, str) and kind in _OTHERS:
        raise ValueError(
            "should be 'queue': issues are the files in queue/. A prompt in Liquid needs template: liquid, "
            "and hooks that fill a workspace need workspace.keep: true"
        )
    return kind


class Tracker(Section):
    """Where the items come from: always this repository's queue."""

    kind: Annotated[Literal["queue"], BeforeValidator(_of_ours)] = "queue"
    required_labels: Labels = ()
    active_states: Listed = ("inbox", "rework")
    terminal_states: Listed = ("done",)
    lanes: dict[str, Lane] = {}  # which lane a state is, where its name does not say so
    endpoint: str | None = None
    api_key: str | None = None
    project_slug: str | None = None
    provider: dict[str, JsonValue] = {}

    def state_of(self, lane: Lane) -> str:
        """What a lane is called on the board that the states are of; the lane's own name where they have none."""
        states = (*self.active_states, *self.terminal_states, *self.lanes)
        return next(iter(states_of(lane, states, self.lanes)), str(lane))

    def held_back(self, item: Item, lane: Lane) -> str:
        """Why an item of a lane is none of those to be worked on; empty when it is one."""
        if not states_of(lane, self.active_states, self.lanes):
            return f"waits: tracker.active_states names no state for the lane {lane}"
        labels = {plain(label) for label in item.labels}
        missing = sorted({label for label in self.required_labels if not plain(label) or plain(label) not in labels})
        named = ", ".join(label.strip() or "that is blank, which no item has" for label in missing)
        return f"lacks the required label {named}" if missing else ""


class Polling(Section):
    """How often `factory run` looks when nothing woke it."""

    interval_ms: Annotated[Milliseconds, BeforeValidator(integer)] = 30_000


class Workspace(Section):
    """Where the cells lie: a path, which may begin with `~` and hold `$VAR`; and whether items have their own."""

    root: str | None = None
    keep: bool = False  # whether an item has a folder of its own until it is finished, which only hooks fill


class Hooks(Section):
    """Shell scripts of the repository's owner around a cell's life."""

    after_create: str | None = None
    before_run: str | None = None
    after_run: str | None = None
    before_remove: str | None = None
    timeout_ms: Annotated[Milliseconds, BeforeValidator(integer)] = 60_000

    @property
    def timeout_s(self) -> float:
        """How long each of them may take."""
        return self.timeout_ms / 1000


class Agents(Section):
    """How many workers, and how patiently."""

    max_concurrent_agents: Annotated[Count, BeforeValidator(integer)] = 10
    max_concurrent_checks: Annotated[Count, BeforeValidator(integer)] | None = None  # else as many as agents
    max_concurrent_reviews: Annotated[Count, BeforeValidator(integer)] | None = None  # the same
    max_turns: Annotated[Count, BeforeValidator(integer)] = 20
    max_retry_backoff_ms: Annotated[Milliseconds, BeforeValidator(integer)] = 300_000
    max_concurrent_agents_by_state: dict[str, JsonValue] = {}

    @property
    def most_checks(self) -> int:
        """How many checks may run at once, whatever for, and how many proposals of the merge train be under check."""
        return self.max_concurrent_checks or self.max_concurrent_agents

    @property
    def limits_by_state(self) -> dict[str, int]:
        """The limits that count: as in the Symphony specification, what is no positive number is ignored."""
        given = {name: integer(limit) for name, limit in self.max_concurrent_agents_by_state.items()}
        return {
            name: limit
            for name, limit in given.items()
            if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0
        }


class Server(Section):
    """Where `factory run` serves what is to be seen; nowhere without a port."""

    port: Annotated[int, Field(ge=0, le=65_535), BeforeValidator(integer)] | None = None  # 0: any that is free
    host: Text = "127.0.0.1"


_TURN_MS, _READ_MS = 3_600_000, 5_000


class Codex(Section):
    """The Symphony specification's keys for its agent."""

    command: Text = "codex app-server"
    approval_policy: JsonValue = None
    thread_sandbox: JsonValue = None
    turn_sandbox_policy: JsonValue = None
    turn_timeout_ms: Annotated[Integer, BeforeValidator(integer)] = _TURN_MS
    read_timeout_ms: Annotated[Integer, BeforeValidator(integer)] = _READ_MS
    stall_timeout_ms: Annotated[Integer, Field(le=LONGEST_MS), BeforeValidator(integer)] = 300_000

    @property
    def turn_timeout_s(self) -> float:
        """How long a turn may take; what is not positive is the default."""
        return (self.turn_timeout_ms if self.turn_timeout_ms > 0 else _TURN_MS) / 1000

    @property
    def read_timeout_s(self) -> float:
        """How long an answer may take; the same."""
        return (self.read_timeout_ms if self.read_timeout_ms > 0 else _READ_MS) / 1000
