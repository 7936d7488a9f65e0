"""The policy: the front matter of WORKFLOW.md, with the Symphony specification's keys and defaults."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from factory.model.base import Argv, Count, Minutes, Name, Positive, Text
from factory.model.cell_settings import CellSettings
from factory.model.contract import Limits
from factory.model.item import Item
from factory.model.layout import ALL_CONTRACTS, WORKFLOW
from factory.model.names import branch_problem

_LONGEST_MS = 7 * 24 * 3_600_000
_HOOK_MS = 60_000
Milliseconds = Annotated[int, Field(gt=0, le=_LONGEST_MS)]
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # of Symphony's keys that may be anything, also negative

# What decides how git, and so a reviewer, sees a change is never changed without a person.
_ALWAYS_PROTECTED = ("**/.gitattributes", "**/.gitmodules")


def _integer(value: object) -> object:
    """Symphony allows an integer to be written as a string."""
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value


def _listed(value: object) -> object:
    """Symphony allows a list to be written as a comma-separated string."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Listed = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


def _branch(name: str) -> str:
    problem = branch_problem(name)
    if problem:
        raise ValueError(problem)
    return name


BranchName = Annotated[Text, AfterValidator(_branch)]


class Section(BaseModel):
    """A part of the policy. Unknown keys are reported by `factory check`, and otherwise ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)


class Tracker(Section):
    """Where the items come from: always this repository's queue."""

    kind: Literal["queue"] = "queue"
    required_labels: Listed = ()
    active_states: Listed = ("inbox", "rework")
    terminal_states: Listed = ("done",)
    endpoint: str | None = None
    api_key: str | None = None
    project_slug: str | None = None


class Polling(Section):
    """How often `factory run` looks when nothing woke it."""

    interval_ms: Annotated[Milliseconds, BeforeValidator(_integer)] = 30_000


class Workspace(Section):
    """Where the cells lie: a path, which may begin with `~` and hold `$VAR`."""

    root: str | None = None


class Hooks(Section):
    """Shell scripts of the repository's owner around a cell's life."""

    after_create: str | None = None
    before_run: str | None = None
    after_run: str | None = None
    before_remove: str | None = None
    timeout_ms: Annotated[Integer, BeforeValidator(_integer)] = _HOOK_MS

    @property
    def timeout_s(self) -> float:
        """How long each of them may take; as in the Symphony specification, what is not positive is the default."""
        return (self.timeout_ms if 0 < self.timeout_ms <= _LONGEST_MS else _HOOK_MS) / 1000


class Agents(Section):
    """How many workers, and how patiently."""

    max_concurrent_agents: Annotated[Count, BeforeValidator(_integer)] = 10
    max_concurrent_checks: Annotated[Count, BeforeValidator(_integer)] | None = None  # else as many as agents
    max_concurrent_reviews: Annotated[Count, BeforeValidator(_integer)] | None = None  # the same
    max_turns: Annotated[Count, BeforeValidator(_integer)] = 20
    max_retry_backoff_ms: Annotated[Milliseconds, BeforeValidator(_integer)] = 300_000
    max_concurrent_agents_by_state: dict[str, JsonValue] = {}

    @property
    def most_checks(self) -> int:
        """How many checks may run at once, whatever for, and how many proposals of the merge train be under check."""
        return self.max_concurrent_checks or self.max_concurrent_agents

    def most_from(self, state: str) -> int | None:
        """How many items that came from a state may be at work at once; None when there is no such limit.

        As in the Symphony specification, names count without case and space, and what is no positive number is ignored.
        """
        for name, limit in self.max_concurrent_agents_by_state.items():
            if name.strip().lower() == state and isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
                return limit
        return None


class Codex(Section):
    """The Symphony specification's keys for its agent."""

    command: str = "codex app-server"
    approval_policy: JsonValue = None
    thread_sandbox: JsonValue = None
    turn_sandbox_policy: JsonValue = None
    turn_timeout_ms: Annotated[Integer, BeforeValidator(_integer)] = 3_600_000
    read_timeout_ms: Annotated[Integer, BeforeValidator(_integer)] = 5_000
    stall_timeout_ms: Annotated[Integer, Field(le=_LONGEST_MS), BeforeValidator(_integer)] = 300_000


class When(Section):
    """What an item must have for a route to take it."""

    labels: tuple[Text, ...] = ()
    priority: tuple[Integer, ...] = ()


class Route(Section):
    """Which contract an item gets that names none."""

    when: When = When()
    contract: Name

    def takes(self, item: Item) -> bool:
        """Whether the item has everything that `when` asks for."""
        labels_fit = set(self.when.labels) <= set(item.labels)
        return labels_fit and (not self.when.priority or item.priority in self.when.priority)


class LaneLimits(Section):
    """How many items a lane holds before it holds back the one before it."""

    inbox: Count = 1000
    review: Count = 20
    rework: Count = 20
    blocked: Count = 50


class RetryDelay(Section):
    """The first wait after a transient failure; doubled each time."""

    initial_ms: Milliseconds = 10_000


class Breaker(Section):
    """When a contract that keeps failing is given a rest."""

    failures: Count = 5
    window_minutes: Minutes = 30
    cooldown_minutes: Minutes = 30


class DayBudget(Section):
    """The most all items together may cost in a day."""

    usd_per_day: Positive | None = None


class Agent(Section):
    """A coding agent that contracts may name. One of kind `command` is its argv, a template."""

    kind: Text
    model: str | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s\"']+$", max_length=500)] | None = None  # of its model
    run: Argv | None = None
    env: tuple[Text, ...] = ()
    secrets: tuple[Text, ...] = ()
    network: bool = False

    @model_validator(mode="after")
    def _command_has_argv(self) -> Self:
        if (self.kind == "command") != (self.run is not None):
            raise ValueError("'run' belongs to an agent of kind command, and to no other")
        return self


_SIGNABLE = StringConstraints(pattern=r"^[^<>\x00-\x20\x7f]([^<>\x00-\x1f\x7f]*[^<>\x00-\x20\x7f])?$", max_length=200)


class Identity(Section):
    """How the factory signs its own commits."""

    name: Annotated[str, _SIGNABLE] = "factory"
    email: Annotated[str, _SIGNABLE] | None = None  # factory@<host>, another one on each machine


class MergeMode(StrEnum):
    """What the merge train checks: each content that the target will have, or the last one of a batch."""

    EVERY = "every"
    TIP = "tip"


class Merge(Section):
    """How what is approved comes into the target."""

    mode: MergeMode = MergeMode.EVERY
    ahead: Count = 20  # so many proposals at most are checked before those ahead of them have landed


class Sync(Section):
    """Where `--push` pushes to."""

    remote: Text = "origin"
    push: bool = False


class Policy(Section):
    """WORKFLOW.md's front matter."""

    tracker: Tracker = Tracker()
    polling: Polling = Polling()
    workspace: Workspace = Workspace()
    hooks: Hooks = Hooks()
    agent: Agents = Agents()
    codex: Codex = Codex()
    branch: BranchName = "main"
    target: BranchName | None = None
    routes: tuple[Route, ...] = ()
    limits: LaneLimits = LaneLimits()
    retry: RetryDelay = RetryDelay()
    breaker: Breaker = Breaker()
    budget: DayBudget = DayBudget()
    reviewers: tuple[Text, ...] = ()
    protected: tuple[Text, ...] = (ALL_CONTRACTS, WORKFLOW, ".github/**")
    sandbox: Literal["auto", "required", "off"] = "auto"
    secret_scan: Literal["builtin", "off"] | Argv = "builtin"
    canary: Literal["report", "person", "off"] = "report"  # what follows when a check passes without the product
    agents: dict[Name, Agent] = {}
    cell: CellSettings = CellSettings()
    identity: Identity = Identity()
    sync: Sync = Sync()
    merge: Merge = Merge()

    @property
    def target_branch(self) -> str:
        """Where apply merges."""
        return self.target or self.branch

    @property
    def guarded(self) -> tuple[str, ...]:
        """The patterns of paths that only a person may let through."""
        return (*self.protected, *_ALWAYS_PROTECTED)

    def silence_s(self, limits: Limits) -> float | None:
        """How long a worker may give no sign of life; None when nobody minds."""
        if limits.stall_minutes is not None:
            return limits.stall_minutes * 60
        return self.codex.stall_timeout_ms / 1000 if self.codex.stall_timeout_ms > 0 else None

    def agent_named(self, name: str | None) -> Agent | None:
        """The agent of a name; None for no name, or for one that is not among them."""
        return self.agents.get(name) if name else None

    def contract_of(self, item: Item) -> str | None:
        """The name of the contract that the item names, or else the first route gives it."""
        return item.contract or next((route.contract for route in self.routes if route.takes(item)), None)

    def governing(self) -> JsonValue:
        """The keys that govern review and apply; a change of these makes a verdict stale."""
        keys = {"branch", "target", "reviewers", "protected"}
        # Left out where it changes nothing, so that the subjects of older histories stay what they were.
        return self.model_dump(mode="json", include=keys | ({"canary"} if self.canary == "person" else set()))


class Workflow(BaseModel):
    """WORKFLOW.md: the policy and the default prompt."""

    model_config = ConfigDict(frozen=True)

    policy: Policy
    prompt: str
