"""What a run came to, stage by stage: the work, the proof of it, and what machine seats say."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter

from factory.model.agent import AgentIdentity
from factory.model.evidence import Evidence
from factory.model.failure import Failure
from factory.model.journal import Phase
from factory.model.result import Result, Status, Usage
from factory.model.verdict import Finding, MachineVerdict
from factory.store.repository.quarantine import Brought
from factory.store.repository.trees import Change


@dataclass(frozen=True)
class Work:
    """The first stage: what a worker said, and what it left in its worktree and its out folder."""

    seconds: float = 0.0
    prompt: str = ""
    log: bytes = b""
    hooks: bytes = b""  # what the hooks printed
    sandbox: str = ""  # what contained it, and what was missing
    usage: Usage = field(default_factory=Usage)
    agent: AgentIdentity = field(default_factory=AgentIdentity)
    result: Result | None = None
    raw_result: bytes | None = None  # without what the contract let through
    exposed: bool = False  # whether it held some of that
    tree: str = ""  # what the worker left in the worktree
    brought: Brought = field(default_factory=dict)  # the objects of that tree which the repository does not have
    changes: Annotated[tuple[Change, ...], Field(exclude=True)] = ()  # follow from the tree
    patch: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  # breaches of the contract
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

    proposal: str = ""
    evidence: Evidence | None = None
    logs: Mapping[str, bytes] = field(default_factory=dict)  # of the checks, by file name
    hooks: bytes = b""
    findings: tuple[Finding, ...] = ()  # claims of the worker that do not hold
    failure: Failure | None = None
    stopped: bool = False


@dataclass(frozen=True)
class SeatResult:
    """What a machine seat came to; a verdict that does not count is pending, and says why."""

    seat: str
    reviewer: str
    verdict: MachineVerdict
    log: bytes = b""
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    agent: AgentIdentity = field(default_factory=AgentIdentity)

    def signed(self) -> MachineVerdict:
        """The verdict with who gave it."""
        return self.verdict.model_copy(update={"reviewer": self.reviewer})


@dataclass(frozen=True)
class Reviews:
    """The third stage: the digest of exactly what is reviewed, and what each machine seat says of it."""

    subject: str = ""
    seats: tuple[SeatResult, ...] = ()
    stopped: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """What a run came to. A stage that was not reached is None."""

    # Bytes that are no text have to survive JSON.
    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    work: Work
    proof: Proof | None = None
    reviews: Reviews | None = None
    phases: tuple[Phase, ...] = ()

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

    def cost(self) -> Usage:
        """What the worker and the machine seats used."""
        return reduce(Usage.plus, (each.usage for each in self.seats), self.work.usage)

    def to_json(self) -> bytes:
        """The outcome for another process."""
        return _ADAPTER.dump_json(self)

    @staticmethod
    def from_json(data: bytes) -> "RunOutcome":
        """An outcome that another process has written. Raises pydantic.ValidationError."""
        return _ADAPTER.validate_json(data)


_ADAPTER = TypeAdapter(RunOutcome)
