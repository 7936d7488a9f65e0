"""The policy: the front matter of WORKFLOW.md, with the Symphony specification's keys and defaults."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    JsonValue,
    StringConstraints,
)

from factory.model.agent import Agent
from factory.model.base import Argv, Count, Minutes, Name, Positive, Text
from factory.model.cell_settings import CellSettings
from factory.model.contract import Limits
from factory.model.engine import Engine
from factory.model.item import Item
from factory.model.layout import ALL_CONTRACTS, WORKFLOW
from factory.model.lifecycle import Lane
from factory.model.names import branch_problem
from factory.model.notify import NotifyRules
from factory.model.prices import Price
from factory.model.roles import Cast, Role, Situation, members
from factory.model.section import Integer, Milliseconds, Section
from factory.model.states import lane_of
from factory.model.symphony import Agents, Codex, Hooks, Polling, Server, Tracker, Workspace

# What decides how git, and so a reviewer, sees a change is never changed without a person.
_ALWAYS_PROTECTED = ("**/.gitattributes", "**/.gitmodules")


def _branch(name: str) -> str:
    problem = branch_problem(name)
    if problem:
        raise ValueError(problem)
    return name


BranchName = Annotated[Text, AfterValidator(_branch)]


class When(Section):
    """What an item must have for a route to take it."""

    labels: tuple[Text, ...] = ()
    priority: tuple[Integer, ...] = ()
    mission: bool = False  # whether it has to be a part of a mission


class Route(Section):
    """Which contract an item gets that names none."""

    when: When = When()
    contract: Name

    def takes(self, item: Item) -> bool:
        """Whether the item has everything that `when` asks for."""
        labels_fit = set(self.when.labels) <= set(item.labels)
        urgent_enough = not self.when.priority or item.priority in self.when.priority
        return labels_fit and urgent_enough and (item.mission is not None or not self.when.mission)


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
    unknown: Literal["block", "allow"] = "block"  # within a budget in USD, once an agent's run cost nobody knows what


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
    """The git remote by which several clones share the queue."""

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
    template: Literal["jinja", "liquid"] = "jinja"  # of the body of WORKFLOW.md
    sandbox: Literal["auto", "required", "off"] = "auto"
    secret_scan: Literal["builtin", "off"] | Argv = "builtin"
    canary: Literal["report", "person", "off"] = "report"  # what follows when a check passes without the product
    agents: dict[Name, Agent] = {}
    server: Server = Server()
    roles: dict[Role, Cast] = {}
    prices: dict[Text, Price] = {}  # by model
    cell: CellSettings = CellSettings()
    identity: Identity = Identity()
    sync: Sync = Sync()
    merge: Merge = Merge()
    notify: NotifyRules = ()
    engine: Engine = Engine()

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

    def most_from(self, lane: Lane) -> int | None:
        """How many items that came from a lane, or of the lane active in all, may be at work; None: no such limit."""
        limits = self.agent.limits_by_state
        named = {name for name in limits if lane_of(name, self.tracker.lanes) is lane}
        return min((limits[name] for name in named), default=None)

    def agent_named(self, name: str | None) -> Agent | None:
        """The agent of a name; None for no name, or for one that is not among them."""
        return self.agents.get(name) if name else None

    def agents_of(self, role: Role | None, situation: Situation | None = None) -> tuple[str, ...]:
        """The agents in a role, in turn: those that take an item in a situation, or without one all."""
        cast = members(self.roles[role]) if role in self.roles else ()
        return tuple(dict.fromkeys(each.agent for each in cast if situation is None or each.takes(situation)))

    def price_of(self, *models: str | None) -> Price | None:
        """The price of the first of these models that has one."""
        return next((self.prices[model] for model in models if model in self.prices), None)

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
