"""Retry: when what failed for a while is tried again."""

from datetime import timedelta

from factory.model.policy import Policy


def backoff(attempts: int, policy: Policy, chance: float) -> timedelta:
    """How long to wait after so many transient failures: doubled each time, up to a tenth longer by chance, and capped.

    `chance` lies between 0 and 1.
    """
    doubled = policy.retry.initial_ms * 2 ** min(attempts - 1, 40)
    return timedelta(milliseconds=min(doubled * (1 + chance / 10), policy.agent.max_retry_backoff_ms))
