"""The contract: what a workcell receives, what it must produce, and its limits."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from factory.model.base import Argv, Count, Format, Megabytes, Minutes, Name, RelativePath, Text
from factory.model.cell_settings import CellSettings
from factory.model.engine import Needs
from factory.model.item import Criterion, Item, Validator
from factory.model.network import Sandbox
from factory.model.roles import Role


class Worker(Format):
    """Who does the work: an agent named in WORKFLOW.md, or a command."""

    agent: Name | Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)] | None = None  # in turn
    role: Role | None = None  # in place of an agent: WORKFLOW.md says which agents are in it
    run: Argv | None = None
    prompt: RelativePath | None = None
    tools: tuple[Text, ...] = ()  # what the agent may use, for its adapter; a `run` has its argv for that
    env: tuple[Text, ...] = ()
    secrets: tuple[Text, ...] = ()
    sandbox: Sandbox = Sandbox()
    skills: Annotated[tuple[Name, ...], Field(max_length=20)] = ()  # folders below contracts/skills
    frozen: tuple[RelativePath, ...] = ()  # what it cannot write; a path covers what is below it
    on_write: Annotated[tuple[Argv, ...], Field(max_length=10)] = ()  # run after what it writes
    needs: Needs = {}  # of the machine that it works on

    @model_validator(mode="after")
    def _one_worker(self) -> Self:
        if [self.agent, self.role, self.run].count(None) != 2:
            raise ValueError("needs exactly one of 'agent', 'role' and 'run'")
        if len(set(self.agents)) < len(self.agents):
            raise ValueError("'agent' names one twice")
        if self.tools and self.run is not None:
            raise ValueError("'tools' are for an agent; a 'run' has them in its argv")
        return self

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents that it names, each for where those before it cannot."""
        return (self.agent,) if isinstance(self.agent, str) else self.agent or ()

    @property
    def name(self) -> str:
        """How the worker is called in journals and commits."""
        return self.agents[0] if self.agents else self.role or (self.run or ("",))[0].rpartition("/")[2]


class Patch(Format):
    """What a proposal may change."""

    required: bool = True
    paths: tuple[RelativePath, ...] = ("**",)
    max_files: Count = 100
    max_lines: Count = 5000
    binary: bool = False  # whether files that are no text may be changed
    modes: bool = False  # whether a file may become executable, or cease to be


class ProducedFile(Format):
    """A file to be left in `$FACTORY_OUT`."""

    path: RelativePath
    required: bool = True
    max_kb: Count = 64


class Produces(Format):
    """What a run must leave."""

    patch: Patch = Patch()
    files: tuple[ProducedFile, ...] = ()
    data: dict[str, JsonValue] | None = None
    plan: bool = False  # whether it is the plan of a mission


class Limits(Format):
    """What a run may use."""

    minutes: Minutes = 20
    stall_minutes: Minutes | None = None  # without a sign of life; else WORKFLOW.md's codex.stall_timeout_ms
    startup_minutes: Minutes | None = None  # until the first sign of life; else as stall_minutes
    output_mb: Megabytes = 20
    memory_mb: Megabytes = 4096  # of all its processes together
    processes: Count = 512
    disk_mb: Megabytes = 4096  # written in its cell
    question_rounds: Count = 3  # how often the worker of an item may ask people


class CheckWhen(StrEnum):
    """When a check is run: on what is delivered, on what is about to be merged, or on both."""

    DELIVERY = "delivery"
    TRAIN = "train"
    BOTH = "both"


class Check(Format):
    """A command that the factory runs in a clean checkout of the proposal."""

    name: Name
    run: Argv
    must_fail_before: bool = False
    when: CheckWhen | None = None  # else `Contract.when` says
    reads: Annotated[tuple[RelativePath, ...], Field(min_length=1)] | None = None  # else everything


class Yardstick(Format):
    """The paths that the checks find as the target has them, whatever the proposal makes of them."""

    base: Annotated[tuple[RelativePath, ...], Field(min_length=1)]


class SeatKind(StrEnum):
    """Who sits in a seat."""

    CHECKS = "checks"
    COMMAND = "command"
    AGENT = "agent"
    HUMAN = "human"


class Seat(Format):
    """One place in a review."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    kind: SeatKind
    agent: Name | None = None
    role: Role | None = None  # in place of an agent: WORKFLOW.md says which agents are in it
    run: Argv | None = None
    prompt: RelativePath | None = None  # what an agent is asked; else a plain request for a verdict
    reviewers: tuple[Text, ...] = ()  # who may sit in a human seat; else those that WORKFLOW.md names

    @property
    def by_machine(self) -> bool:
        """Whether a process sits in it, and gives its verdict as soon as there is something to judge."""
        return self.kind in (SeatKind.AGENT, SeatKind.COMMAND)

    @model_validator(mode="after")
    def _knows_who_sits(self) -> Self:
        named = [self.agent, self.role].count(None)
        if named != (1 if self.kind is SeatKind.AGENT else 2):
            raise ValueError("one of 'agent' and 'role' belongs to a seat of kind agent, and to no other")
        if (self.kind is SeatKind.COMMAND) != (self.run is not None):
            raise ValueError("'run' belongs to a seat of kind command, and to no other")
        if self.prompt is not None and self.kind is not SeatKind.AGENT:
            raise ValueError("'prompt' belongs to a seat of kind agent, and to no other")
        if self.reviewers and self.kind is not SeatKind.HUMAN:
            raise ValueError("'reviewers' belongs to a seat of kind human, and to no other")
        return self


_DEFAULT_SEATS = (Seat(name="tests", kind=SeatKind.CHECKS), Seat(name="human", kind=SeatKind.HUMAN))


class Review(Format):
    """Who judges a proposal, and how many of them must approve."""

    seats: Annotated[tuple[Seat, ...], Field(min_length=1)] = _DEFAULT_SEATS
    quorum: Literal["all"] | Count = "all"
    distinct_models: bool = False  # whether no agent may judge what an agent of the same model made

    @model_validator(mode="after")
    def _seats_can_be_told_apart(self) -> Self:
        if len({seat.name for seat in self.seats}) < len(self.seats):
            raise ValueError("two seats have the same name")
        if self.quorum != "all" and self.quorum > len(self.seats):
            raise ValueError(f"a quorum of {self.quorum} cannot be had from {len(self.seats)} seats")
        return self


class Retry(Format):
    """How often a transient failure is tried again."""

    max_attempts: Count = 3


class Rework(Format):
    """How often review may send work back."""

    max_rounds: Count = 3
    keep_branch: bool = True
    keep_failed: bool = False


class ApplyMode(StrEnum):
    """How an approved proposal changes the world."""

    MERGE = "merge"
    SQUASH = "squash"
    BRANCH = "branch"
    COMMAND = "command"
    NONE = "none"


class Apply(Format):
    """The one step that changes the world outside the queue."""

    mode: ApplyMode = ApplyMode.MERGE
    run: Argv | None = None  # of the mode command: gets the decision on its standard input, at most once a subject
    env: tuple[Text, ...] = ()
    secrets: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _command_has_argv(self) -> Self:
        if (self.mode is ApplyMode.COMMAND) != (self.run is not None):
            raise ValueError("'run' belongs to the mode command, and to no other")
        return self


class Contract(Format):
    """`contracts/<name>.yaml`. Only the purpose and the worker are required; every default is the safe one."""

    purpose: Text
    receives: dict[str, JsonValue] = {}
    worker: Worker
    produces: Produces = Produces()
    limits: Limits = Limits()
    cell: CellSettings | None = None  # its keys come before those of WORKFLOW.md
    checks: tuple[Check, ...] = ()
    checks_from: Literal["proposal", "base"] | Yardstick = "proposal"  # whence the checks take what they run
    review: Review = Review()
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.7
    unknown_confidence: Literal["enough", "too_little"] = "enough"  # what it is where the worker does not say
    on_uncertainty: Literal["block", "refuse"] = "block"
    retry: Retry = Retry()
    rework: Rework = Rework()
    apply: Apply = Apply()

    @model_validator(mode="after")
    def _checks_can_be_told_apart(self) -> Self:
        if len({check.name for check in self.checks}) < len(self.checks):
            raise ValueError("two checks have the same name")
        if self.produces.plan and not self.merges:
            raise ValueError(f"a plan has to be merged: apply.mode {self.apply.mode} merges nothing")
        late = [check.name for check in self.checks if check.when in (CheckWhen.TRAIN, CheckWhen.BOTH)]
        if late and not self.merges:
            raise ValueError(f"the check {late[0]!r} cannot wait for a merge: apply.mode {self.apply.mode} makes none")
        return self

    def for_item(self, item: Item) -> Self:
        """The contract as it is for one item: scrutiny has its first machine seat once for each feature it looks at."""
        if item.validates is not Validator.SCRUTINY:
            return self
        checks = {"name": "the checks"}  # no feature is called so, and each has a seat of its name
        others = [seat for seat in self.review.seats if not seat.by_machine]
        seats = [each.model_copy(update=checks) if each.kind is SeatKind.CHECKS else each for each in others]
        for machine in [seat for seat in self.review.seats if seat.by_machine][:1]:
            seats += [machine.model_copy(update={"name": name}) for name in item.looked_at]
        return self.model_copy(update={"review": self.review.model_copy(update={"seats": tuple(seats)})})

    def criteria(self, item: Item) -> tuple[Criterion, ...]:
        """The acceptance criteria whose checks a run is held to: what a plan promises holds once it is carried out."""
        return () if self.produces.plan else tuple(each for each in item.acceptance if each.check is not None)

    def cast(self, roles: Mapping[Role, str]) -> Self:
        """The contract with certain agents in its roles."""
        worker = self.worker.model_copy(update=_of_role(self.worker.role, roles))
        seats = tuple(seat.model_copy(update=_of_role(seat.role, roles)) for seat in self.review.seats)
        return self.model_copy(update={"worker": worker, "review": self.review.model_copy(update={"seats": seats})})

    @property
    def merges(self) -> bool:
        """Whether what is approved is merged into the target."""
        return self.apply.mode in (ApplyMode.MERGE, ApplyMode.SQUASH)

    def doubts(self, confidence: float | None) -> bool:
        """Whether a worker's confidence is less than is asked for; None is what it did not say."""
        return self.unknown_confidence == "too_little" if confidence is None else confidence < self.confidence

    def when(self, check: Check, *, by_person: bool = False) -> CheckWhen:
        """When one of its checks is run; `by_person`: a person judges what no seat of the contract asks one for.

        By itself once, where nobody else reads what it says: in the train, unless nothing is merged or it has to fail
        without the change. A person or a machine that judges a delivery has it before them.
        """
        if check.when is not None:
            return check.when
        if not self.merges:
            return CheckWhen.DELIVERY
        alone = not by_person and all(seat.kind is SeatKind.CHECKS for seat in self.review.seats)
        return CheckWhen.TRAIN if alone and not check.must_fail_before else CheckWhen.BOTH

    def seats(self, kind: SeatKind) -> tuple[Seat, ...]:
        """The seats of one kind, in the contract's order."""
        return tuple(seat for seat in self.review.seats if seat.kind is kind)


def _of_role(role: Role | None, roles: Mapping[Role, str]) -> dict[str, str | None]:
    """The keys of a worker or a seat that change where somebody certain is in its role."""
    return {"agent": roles[role], "role": None} if role is not None and role in roles else {}
