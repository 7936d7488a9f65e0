"""Failure classes, and what each of them costs."""

from enum import StrEnum
from traceback import TracebackException
from typing import NamedTuple

from factory.model.base import Moment, SaidText
from factory.model.errors import FactoryError, MachineError
from factory.model.text import LONGEST_SAID, printable


class Cost(StrEnum):
    """What a failure uses up, which decides what happens next."""

    ATTEMPT = "attempt"  # transient: tried again after a while
    ROUND = "round"  # the worker's own: sent back with findings
    PERSON = "person"  # only a person can put it right: blocked


class FailureClass(StrEnum):
    """Why a run failed."""

    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER = "server"
    NETWORK = "network"
    TIMEOUT = "timeout"
    STALL = "stall"
    CRASH = "crash"
    AUTH = "auth"
    BILLING = "billing"
    CONFIG = "config"
    MODEL_NOT_FOUND = "model_not_found"
    INVALID_REQUEST = "invalid_request"
    REFUSAL = "refusal"
    CONTEXT = "context"
    MAX_TURNS = "max_turns"
    BUDGET = "budget"
    EMPTY = "empty"
    CONTRACT = "contract"
    EVIDENCE = "evidence"
    CONFLICT = "conflict"

    @property
    def cost(self) -> Cost:
        """Transient failures cost an attempt, the worker's own a round, all others wait for a person."""
        if self in _TRANSIENT:
            return Cost.ATTEMPT
        return Cost.ROUND if self in _OWN else Cost.PERSON

    @property
    def advice(self) -> str:
        """What a person should do about one that waits for a person."""
        return _ADVICE.get(self, "")

    @property
    def is_wall(self) -> bool:
        """Whether another agent may get on where one cannot: something is wrong with its account or its settings."""
        return self in _OF_THE_MACHINE

    @property
    def trips(self) -> bool:
        """Whether it counts towards a contract's breaker: the next item would most likely meet the same."""
        return self in _TRANSIENT or self in _OF_THE_MACHINE


_TRANSIENT = frozenset(
    {
        FailureClass.RATE_LIMIT,
        FailureClass.OVERLOADED,
        FailureClass.SERVER,
        FailureClass.NETWORK,
        FailureClass.TIMEOUT,
        FailureClass.STALL,
        FailureClass.CRASH,
    }
)
_OF_THE_MACHINE = frozenset(
    {FailureClass.AUTH, FailureClass.BILLING, FailureClass.CONFIG, FailureClass.MODEL_NOT_FOUND}
)
_OWN = frozenset({FailureClass.EMPTY, FailureClass.CONTRACT, FailureClass.EVIDENCE, FailureClass.CONFLICT})


_ADVICE = {
    FailureClass.AUTH: "check the credentials that the worker gets",
    FailureClass.BILLING: "check the account's balance",
    FailureClass.CONFIG: "correct the contract, WORKFLOW.md or this machine",
    FailureClass.MODEL_NOT_FOUND: "name a model that there is",
    FailureClass.INVALID_REQUEST: "correct the item, or what its contract asks of the worker",
    FailureClass.REFUSAL: "say in the item what it may do, or cancel it",
    FailureClass.CONTEXT: "split the item: it is too big for one run",
    FailureClass.MAX_TURNS: "split the item, or raise agent.max_turns",
    FailureClass.BUDGET: "raise its budget in the item, or the day's in WORKFLOW.md, or cancel it",
}

# What a program can say by its exit status alone (sysexits.h, and the shell's own). Anything else is a crash.
_EXIT_STATUSES = {
    64: FailureClass.INVALID_REQUEST,  # EX_USAGE
    68: FailureClass.NETWORK,  # EX_NOHOST
    69: FailureClass.SERVER,  # EX_UNAVAILABLE
    75: FailureClass.OVERLOADED,  # EX_TEMPFAIL
    76: FailureClass.NETWORK,  # EX_PROTOCOL
    77: FailureClass.AUTH,  # EX_NOPERM
    78: FailureClass.CONFIG,  # EX_CONFIG
    126: FailureClass.CONFIG,  # not executable
    127: FailureClass.CONFIG,  # not found
}


def of_exit_status(status: int) -> FailureClass:
    """The class of failure that an exit status other than 0 stands for."""
    return _EXIT_STATUSES.get(status, FailureClass.CRASH)


class Failure(NamedTuple):
    """One failure, with its reason in words."""

    kind: FailureClass
    reason: SaidText
    until: Moment | None = None  # of a usage limit: when it is reset, as whoever met it was told

    @property
    def is_wall(self) -> bool:
        """Whether another agent may get on where one cannot."""
        return self.kind.is_wall


def of_error(error: BaseException, what: str = "") -> Failure:
    """What an error amounts to that kept a run from its end; `what` says what could not be done.

    Its text is made printable and cut here, whoever raised it, and one that cannot tell its text is said so of.
    Only what a person wrote wrong waits for that person. A full disk, a killed git or a lost object is a crash.
    """
    told = str(TracebackException(type(error), error, None, limit=0)).strip()
    if not told or not isinstance(error, Exception):  # the text of an exit is a number
        told = f"{type(error).__name__} {told}".rstrip()
    said = printable(told if len(told) <= LONGEST_SAID else f"{told[:LONGEST_SAID]} …")
    if isinstance(error, FactoryError) and not isinstance(error, MachineError):
        return Failure(FailureClass.CONFIG, said)
    return Failure(FailureClass.CRASH, f"{what}: {said}" if what else said)
