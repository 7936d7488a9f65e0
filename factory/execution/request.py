"""The run request: everything that one run needs to know, and nothing of the orchestrator's state."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import ConfigDict, JsonValue, TypeAdapter

from factory.model.agent import Agent, Session
from factory.model.base import Argv
from factory.model.cell_settings import CellSettings
from factory.model.contract import Contract
from factory.model.item import Item, Validator
from factory.model.layout import mission_folder, plan_path
from factory.model.lifecycle import Lane
from factory.model.mission.bounds import Steering
from factory.model.mission.plan import LOOPBACK, Services
from factory.model.moments import rfc3339
from factory.model.network import Network, united
from factory.model.policy import Policy
from factory.model.questions import Answered
from factory.model.result import Usage
from factory.model.skill import SKILL, Skill
from factory.model.states import plain
from factory.model.trace_context import traceparent
from factory.model.verdict import Finding

SKILLS = "FACTORY_SKILLS"  # the variable that names the folder of a worker's skills
REVERT = "revert"  # the factory itself, undoing an applied change
SCRUTINY = "scrutiny"  # the factory itself, which changes nothing and has others look


@dataclass(frozen=True)
class BudgetLeft:
    """What a run may still cost by the budgets of its item and of the day: US dollars, tokens, minutes.

    None where there is no limit; zero or less where nothing is left.
    """

    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None

    def after(self, usage: Usage) -> "BudgetLeft":
        """What is left once this was used as well."""
        usd = None if self.usd is None else self.usd - usage.spent
        return replace(self, usd=usd, tokens=None if self.tokens is None else self.tokens - usage.tokens)


@dataclass(frozen=True)
class RunRequest:
    """One run of one item. The objects come from any clone that holds `base`, and `start` besides."""

    # Bytes that are no text have to survive JSON.
    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    item_id: str
    item: Item
    contract_name: str
    contract: Contract
    policy: Policy
    prompt: str  # the template
    run: int
    round: int
    base: str  # the commit that the proposal will be compared with
    start: str  # the commit that the cell begins with; without the factory's own folders
    goes_on_from: int = 0  # the run that left what `start` holds, brought up to date; 0: that is the target's
    findings: tuple[Finding, ...] = ()  # that are to be put right, of earlier rounds too
    earlier: tuple[Mapping[str, JsonValue], ...] = ()  # seats' findings of all rounds, open and closed
    lane: Lane = Lane.INBOX  # whence it came
    claimed_at: datetime | None = None  # when the run's beginning was written into the journal
    submitted_at: datetime | None = None  # when the item's journal begins, which is known once the claim is made
    created_at: datetime | None = None
    updated_at: datetime | None = None
    blocked_by: tuple[tuple[str, str], ...] = ()  # (id, lane) of what it depends on
    budget_left: BudgetLeft = field(default_factory=BudgetLeft)
    contract_source: bytes = b""  # the contract's file, which a subject covers
    answered: tuple[Answered, ...] = ()  # what its workers have asked people so far
    checked_again: bool = False  # whether what was proposed last is to be checked and judged again, even unchanged
    prompts: Mapping[str, str] = field(default_factory=dict)  # of agent seats, by seat; templates
    skills: tuple[Skill, ...] = ()  # that the worker gets
    session: Session = ""  # in which the same agent worked on it last; it goes on there if this machine can
    services: Services | None = None  # of its mission, for a tester
    told: bool = False  # whether it was told there what is asked of it now
    before: str = ""  # how its last run ended, in words
    mission: Mapping[str, JsonValue] = field(default_factory=dict)  # what a worker is told of the mission it works for
    steering: Steering | None = None  # of a mission's plan, which it changes
    patches: Mapping[str, bytes] = field(default_factory=dict)  # that scrutiny looks at, by seat
    agent: str = ""  # that works; empty: a command does
    judges: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # by seat: the agents that may sit in it, in turn

    def to_json(self) -> bytes:
        """The request for another process."""
        return _ADAPTER.dump_json(self, by_alias=True)

    @staticmethod
    def from_json(data: bytes) -> "RunRequest":
        """A request that another process has written. Raises pydantic.ValidationError."""
        return _ADAPTER.validate_json(data)

    @property
    def tests(self) -> bool:
        """Whether a user of the running product is asked, who changes nothing."""
        return self.item.validates is Validator.TESTING

    @property
    def worker(self) -> str:
        """How whoever makes the proposal is called in journals and commits."""
        if self.item.by_itself:
            return REVERT if self.item.reverts else SCRUTINY
        return self.agent or self.contract.worker.name

    @property
    def plans(self) -> bool:
        """Whether its worker proposes the plan of the mission that the item is."""
        return self.contract.produces.plan and not self.item.reverts

    @property
    def may_change(self) -> tuple[str, ...]:
        """The patterns of the paths that a proposal may change: of a plan, its own folder."""
        if self.steering:
            return (plan_path(self.steering.mission),)
        return (f"{mission_folder(self.item_id)}/**",) if self.plans else self.contract.produces.patch.paths

    @property
    def account(self) -> Agent | None:
        """What WORKFLOW.md says of the agent that works, or would; None where a command does."""
        worker = self.contract.worker
        named = self.agent or next(iter(worker.agents or self.policy.agents_of(worker.role)), None)
        return self.policy.agent_named(named)

    @property
    def kind(self) -> str:
        """The kind of agent that works."""
        return self.account.kind if self.account else "command"

    @property
    def argv(self) -> Argv:
        """The worker's argv, a template each. Empty for an agent that cannot be run."""
        return self.contract.worker.run or (self.account.run if self.account else None) or ()

    @property
    def env(self) -> tuple[str, ...]:
        """The environment variables that the worker gets besides the safe few: its contract's, and its agent's."""
        return tuple(dict.fromkeys((*self.contract.worker.env, *(self.account.env if self.account else ()))))

    @property
    def keys(self) -> Mapping[str, str]:
        """The secrets that the worker gets: the name that it sees, and the variable here that has the value."""
        own = {name: name for name in self.contract.worker.secrets}
        return {**own, **(self.account.keys if self.account else {})}

    def traceparent(self, phase: str) -> str:
        """The span that whoever works in a phase of the run works under, as W3C Trace Context writes it."""
        return traceparent(self.item_id, self.submitted_at, self.run, phase)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variables here whose values are masked in all that is written."""
        return tuple(dict.fromkeys((*self.contract.worker.secrets, *self.keys.values())))

    @property
    def network(self) -> Network:
        """What of it the worker may use: what its contract and its agent allow."""
        return united(self.contract.worker.sandbox.network, self.account.network if self.account else False)

    @property
    def cell(self) -> CellSettings:
        """What its cells hold besides the files of their commits."""
        return self.policy.cell.but(self.contract.cell)

    @property
    def liquid(self) -> bool:
        """Whether the prompt is a template in Liquid, as only the body of WORKFLOW.md can be; else it is Jinja2's."""
        return self.policy.template == "liquid" and self.contract.worker.prompt is None

    def variables(self) -> dict[str, JsonValue]:
        """What prompt and argv templates may use."""
        worker = self.contract.worker
        agent = self.account
        return {
            "item": {"id": self.item_id, **self.item.model_dump(mode="json")},
            "issue": self._issue(),
            "inputs": self.item.inputs,
            "attempt": self.run - 1 or None,
            "round": self.round,
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "earlier": [dict(row) for row in self.earlier],
            "answers": [
                {"question": each.question.text, "answer": each.question.means(each.decision), "by": each.by}
                for each in self.answered
            ],
            "contract": self.contract.model_dump(mode="json"),
            "mission": dict(self.mission),
            "tools": list(worker.tools),
            "skills": [
                {"name": each.name, "description": each.description, "path": f"${SKILLS}/{each.name}/{SKILL}"}
                for each in self.skills
            ],
            "model": agent.model if agent else None,
            "max_turns": self.policy.agent.max_turns,
            "services": self._services(),
        }

    def _services(self) -> dict[str, JsonValue]:
        """A tester's services, as far as they are known before they have their ports."""
        names = self.services.services if self.services else ()
        return {name: {"host": LOOPBACK, "port": "PORT", "url": f"http://{LOOPBACK}:PORT"} for name in names}

    def _issue(self) -> JsonValue:
        """The item under the Symphony specification's names (its section 4.1.1), beside its own."""
        item, tracker = self.item, self.policy.tracker
        return {
            **item.model_dump(mode="json"),
            "id": self.item_id,
            "identifier": self.item_id,
            "description": item.description or None,
            "state": tracker.state_of(self.lane),
            "branch_name": f"factory/{self.item_id}",
            "url": None,
            "native_ref": None,
            "assignee_id": None,
            "dispatchable": True,
            "labels": list(dict.fromkeys(plain(label) for label in item.labels)),
            "blocked_by": [
                {"id": each, "identifier": each, "state": tracker.state_of(Lane(where))}
                for each, where in self.blocked_by
            ],
            "created_at": rfc3339(self.created_at) if self.created_at else None,
            "updated_at": rfc3339(self.updated_at) if self.updated_at else None,
        }


_ITEM = frozenset({"id", *Item.model_fields})
_OF_ISSUES = frozenset(
    {"identifier", "state", "branch_name", "url", "blocked_by", "created_at", "updated_at"}
    | {"native_ref", "assignee_id", "dispatchable"}
)
# The names that `variables` gives, each with the names below it where these are known beforehand.
VARIABLES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("inputs", "attempt", "round", "findings", "earlier", "answers"), frozenset()),
    **dict.fromkeys(("tools", "skills", "model", "max_turns", "mission", "services"), frozenset()),
    "item": _ITEM,
    "issue": _ITEM | _OF_ISSUES,
    "contract": frozenset(Contract.model_fields),
}
_ADAPTER = TypeAdapter(RunRequest)
