"""Budgets: what an item, and a day, may still cost, added up from journals."""

from datetime import datetime, timedelta

from factory.execution.request import BudgetLeft
from factory.line.snapshot import ItemState, Snapshot
from factory.model.moments import midnight


def used_up(state: ItemState) -> str:
    """Which part of an item's budget is used up; empty when none is."""
    if state.item is None:
        return ""
    budget, history = state.item.budget, state.history
    minutes = history.seconds / 60
    if budget.usd is not None and history.usage.spent >= budget.usd:
        return f"its budget is used up: {history.usage.spent:.2f} of {budget.usd:.2f} USD"
    if budget.tokens is not None and history.usage.tokens >= budget.tokens:
        return f"its budget is used up: {history.usage.tokens} of {budget.tokens} tokens"
    if budget.minutes is not None and minutes >= budget.minutes:
        return f"its budget is used up: {minutes:.1f} of {budget.minutes:g} minutes"
    return ""


def remaining(snapshot: Snapshot, state: ItemState) -> BudgetLeft:
    """What an item may still cost, and the day with it; what has no limit is None."""
    assert state.item is not None
    budget, history = state.item.budget, state.history
    limits = [
        None if budget.usd is None else budget.usd - history.usage.spent,
        None
        if snapshot.policy.budget.usd_per_day is None
        else snapshot.policy.budget.usd_per_day - snapshot.spent_today,
    ]
    return BudgetLeft(
        usd=min((limit for limit in limits if limit is not None), default=None),
        tokens=None if budget.tokens is None else budget.tokens - history.usage.tokens,
        minutes=None if budget.minutes is None else budget.minutes - history.seconds / 60,
    )


def day_used_up(snapshot: Snapshot) -> tuple[str, datetime | None]:
    """(why nothing more starts today, until when); nothing when something may."""
    most = snapshot.policy.budget.usd_per_day
    if most is None or snapshot.spent_today < most:
        return "", None
    tomorrow = midnight(snapshot.now) + timedelta(days=1)
    return f"waits until tomorrow: {snapshot.spent_today:.2f} of {most:.2f} USD a day are used up", tomorrow
