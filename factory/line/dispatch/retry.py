"""Retry: when what failed for a while is tried again."""

from datetime import datetime, timedelta

from factory.model.failure import Failure, FailureClass
from factory.model.policy import Policy

# What an agent says of its limit may be a mistake, or a lie: nobody waits longer, and nobody asks again at once.
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=7)


def backoff(attempts: int, policy: Policy, chance: float) -> timedelta:
    """How long to wait after so many transient failures: doubled each time, up to a tenth longer by chance, and capped.

    `chance` lies between 0 and 1.
    """
    doubled = policy.retry.initial_ms * 2 ** min(attempts - 1, 40)
    return timedelta(milliseconds=min(doubled * (1 + chance / 10), policy.agent.max_retry_backoff_ms))


def reset_of(failure: Failure, now: datetime) -> datetime | None:
    """When a usage limit that a run has met now is reset, a minute to a week from now; None for any other failure."""
    if failure.kind is not FailureClass.RATE_LIMIT or failure.until is None:
        return None
    return max(now + _SOONEST, min(failure.until, now + _LATEST))
