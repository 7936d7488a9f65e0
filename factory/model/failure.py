"""Failure classes, and what each of them costs."""

from enum import StrEnum
from typing import NamedTuple


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
_OWN = frozenset({FailureClass.EMPTY, FailureClass.CONTRACT, FailureClass.EVIDENCE, FailureClass.CONFLICT})


class Failure(NamedTuple):
    """One failure, with its reason in words."""

    kind: FailureClass
    reason: str
