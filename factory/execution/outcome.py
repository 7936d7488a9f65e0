"""What a run came to, stage by stage: the work, the proof of it, and what machine seats say."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.main import IncEx
from pydantic_core import PydanticSerializationError

from factory.execution.bounds import (
    MOST_ANSWERED,
    MOST_PATCH,
    Files,
    Findings,
    Judged,
    Logs,
    Plain,
    Proposed,
    ServiceLogs,
    numbers_of_json,
    of_objects,
)
from factory.model.agent import AgentIdentity
from factory.model.base import Label, Name, Said, Seconds
from factory.model.errors import MachineError
from factory.model.events import RunSummary
from factory.model.evidence import Evidence
from factory.model.failure import Failure, FailureClass
from factory.model.journal import MOST_PHASES, Phase
from factory.model.result import Result, Status, Usage
from factory.model.verdict import Finding, MachineVerdict
from factory.store.repository.quarantine import Brought
from factory.store.repository.trees import Change

MOST_SAID = 16_000_000  # bytes, of all that is not a file, in JSON
# Bytes that are no text have to survive JSON. What was made here is checked as what comes from elsewhere is.
_AS_IT_COMES = ConfigDict(
    ser_json_bytes="base64",
    val_json_bytes="base64",
    strict=True,
    allow_inf_nan=False,
    hide_input_in_errors=True,
    revalidate_instances="always",
)


@dataclass(frozen=True)
class Work:
    """The first stage: what a worker said, and what it left in its worktree and its out folder."""

    seconds: Seconds = 0.0
    prompt: str = ""
    log: Plain = b""
    trace: Plain = b""  # what a coding agent did, line by line
    hooks: Plain = b""  # what the hooks printed
    sandbox: Said = ""  # what contained it, and what was missing
    usage: Usage = field(default_factory=Usage)
    agent: AgentIdentity = field(default_factory=AgentIdentity)
    result: Annotated[Result, AfterValidator(numbers_of_json)] | None = None
    raw_result: Annotated[Plain, Field(max_length=MOST_ANSWERED)] | None = None  # result.json, known secrets masked
    exposed: bool = False  # whether result.json held a secret that the contract let through
    tree: str = ""  # what the worker left in the worktree
    brought: Brought = field(default_factory=dict)  # the objects of that tree which the repository does not have
    changes: Annotated[tuple[Change, ...], Field(exclude=True)] = ()  # follow from the tree
    patch: Annotated[Plain, Field(max_length=MOST_PATCH)] = b""
    files: Files = field(default_factory=dict)
    services: ServiceLogs = field(default_factory=dict)  # what each printed that a tester tried, by its name
    findings: Findings = ()  # breaches of the contract
    still_wrong: Findings = ()  # what commands of `on_write` say of a change that could be proposed
    failure: Failure | None = None
    stopped: bool = False  # because it was asked to: it costs nothing

    @property
    def claims_success(self) -> bool:
        """Whether the worker says that it has done what it was asked."""
        return self.result is not None and self.result.status is Status.OK

    @property
    def delivers(self) -> bool:
        """Whether there is something to be proven."""
        return self.claims_success and self.failure is None and not self.stopped

    def failed(self, failure: Failure) -> Self:
        """The work, with what went wrong with it."""
        return replace(self, failure=failure)


@dataclass(frozen=True)
class Proof:
    """The second stage: the proposal as a commit, and the evidence that was gathered for it."""

    proposal: Proposed = ""
    evidence: Annotated[Evidence, AfterValidator(of_objects)] | None = None
    logs: Logs = field(default_factory=dict)  # of the checks, by file name
    hooks: Plain = b""
    findings: Findings = ()  # claims of the worker that do not hold, or what is still wrong with its change
    failure: Failure | None = None
    stopped: bool = False


@dataclass(frozen=True)
class SeatResult:
    """What a machine seat came to; a verdict that does not count is pending, and says why."""

    __pydantic_config__ = _AS_IT_COMES

    seat: Name
    reviewer: Label
    verdict: MachineVerdict
    log: Plain = b""
    seconds: Seconds = 0.0
    usage: Usage = field(default_factory=Usage)
    agent: AgentIdentity = field(default_factory=AgentIdentity)
    walls: Annotated[dict[Name, Failure], Field(max_length=50)] = field(default_factory=dict)  # by agent that could not
    trace: Plain = b""  # what a coding agent did, line by line

    def signed(self) -> MachineVerdict:
        """The verdict with who gave it."""
        return self.verdict.model_copy(update={"reviewer": self.reviewer})

    def checked(self) -> "SeatResult":
        """The same, with nothing in it that is of a wrong type or out of bounds. Raises MachineError."""
        try:
            return _SEAT.validate_python(self)
        except ValidationError as error:
            raise MachineError(f"what it gave cannot be used: {_first(error)}") from None


@dataclass(frozen=True)
class Reviews:
    """The third stage: the digest of exactly what is reviewed, and what each machine seat says of it."""

    subject: Judged = ""
    seats: tuple[SeatResult, ...] = ()
    stopped: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """What a run came to. A stage that was not reached is None."""

    __pydantic_config__ = _AS_IT_COMES

    work: Work
    proof: Proof | None = None
    reviews: Reviews | None = None
    phases: Annotated[tuple[Phase, ...], Field(max_length=MOST_PHASES)] = ()

    @property
    def failure(self) -> Failure | None:
        """Why it failed; None when it did not."""
        return self.work.failure or (self.proof.failure if self.proof else None)

    @property
    def stopped(self) -> bool:
        """Whether it was stopped because somebody asked: then it costs nothing."""
        return self.work.stopped or any(stage.stopped for stage in (self.proof, self.reviews) if stage)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the next round is told: breaches of the contract, or claims that do not hold."""
        return self.work.findings or (self.proof.findings if self.proof else ())

    @property
    def proposal(self) -> str:
        """The commit that is proposed; empty when there is none."""
        return self.proof.proposal if self.proof else ""

    @property
    def evidence(self) -> Evidence | None:
        """What the checks say; None when they were not run."""
        return self.proof.evidence if self.proof else None

    @property
    def subject(self) -> str:
        """The digest of what is to be judged; empty when nothing is."""
        return self.reviews.subject if self.reviews else ""

    @property
    def seats(self) -> tuple[SeatResult, ...]:
        """What machine seats say."""
        return self.reviews.seats if self.reviews else ()

    @property
    def hooks(self) -> bytes:
        """What the hooks of all its cells printed, as far as it is kept."""
        return self.work.hooks + (self.proof.hooks if self.proof else b"")

    def crashed(self, reason: str) -> "RunOutcome":
        """The same as a crash: what it cost and what it printed stay, and nothing is proposed or proven."""
        proof, reviews = self.proof, self.reviews
        return replace(
            self,
            work=replace(self.work, findings=(), failure=Failure(FailureClass.CRASH, reason), stopped=False),
            proof=proof and Proof(logs=proof.logs, hooks=proof.hooks),
            reviews=reviews and Reviews(seats=reviews.seats),
        )

    def without_files(self) -> "RunOutcome":
        """The same without what the worker left."""
        return replace(self, work=replace(self.work, files={}, patch=b""))

    def cost(self) -> Usage:
        """What the worker and the machine seats used; incomplete where only some of the agents said what they cost."""
        total = reduce(Usage.plus, (each.usage for each in self.seats), self.work.usage)
        agents = [each.usage for each in self.seats if each.agent != AgentIdentity()]
        unsaid = any(each.usd is None for each in (self.work.usage, *agents))
        return total.model_copy(update={"incomplete": True}) if unsaid and total.usd is not None else total

    def summary(self) -> RunSummary:
        """What it has cost, and how it went, for a journal."""
        work, usage = self.work, self.cost()
        return RunSummary(
            seconds=round(work.seconds, 3),
            usage=usage if usage != Usage() else None,
            sandbox=work.sandbox or None,
            phases=self.phases,
            agent=work.agent if work.agent != AgentIdentity() else None,
        )

    def to_json(self) -> bytes:
        """The outcome for another process."""
        return _ADAPTER.dump_json(self)

    @staticmethod
    def from_json(data: bytes) -> "RunOutcome":
        """An outcome that another process has written. Raises pydantic.ValidationError."""
        return _ADAPTER.validate_json(data)

    @staticmethod
    def checked(came: object) -> "RunOutcome":
        """What an executor gave, as a value with nothing in it that is of a wrong type, out of bounds or unreadable.

        The border: whatever takes outcomes apart or writes them down relies on it. Raises MachineError, which says
        what is wrong.
        """
        if not isinstance(came, RunOutcome):
            raise MachineError(f"the executor gave {type(came).__name__} for an outcome")
        try:
            outcome = _ADAPTER.validate_python(came)
            said = _ADAPTER.dump_json(outcome, exclude=_FILES)
        except ValidationError as error:
            raise MachineError(f"the executor's outcome cannot be used: {_first(error)}") from None
        except PydanticSerializationError:
            raise MachineError("the executor's outcome cannot be used: it holds text that is no Unicode") from None
        if len(said) > MOST_SAID:
            raise MachineError(f"the executor's outcome cannot be used: it says more than {MOST_SAID} bytes")
        if not outcome.ends_somewhere:
            raise MachineError("the executor's outcome cannot be used: it is neither a failure nor proven work")
        return outcome

    @property
    def ends_somewhere(self) -> bool:
        """Whether it says enough to move an item."""
        if self.failure is not None or self.stopped:
            return True
        if self.work.result is None or not self.work.claims_success:
            return self.work.result is not None
        return self.evidence is not None and self.subject != "" and self.evidence.proposal == self.proposal


def _first(error: ValidationError) -> str:
    """Where something is wrong, and what."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, found["loc"][:_DEEPEST]))
    return f"{where}: {found['msg'].removeprefix('Value error, ')}"


_ADAPTER = TypeAdapter(RunOutcome)
_SEAT = TypeAdapter(SeatResult)
_DEEPEST = 4  # of the names that lead to what is wrong
_BYTES = {"log", "hooks"}
_FILES: Mapping[str, IncEx] = {  # they are bytes, and may be many
    "work": {*_BYTES, "trace", "raw_result", "brought", "patch", "files", "services"},
    "proof": {*_BYTES, "logs"},
    "reviews": {"seats": {"__all__": {"log", "trace"}}},
}
