"""Budgets: what an item, and a day, may still cost, added up from journals."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from factory.execution.request import BudgetLeft
from factory.line.snapshot import ItemState, Snapshot
from factory.model.costs import unpriced
from factory.model.moments import midnight
from factory.model.policy import Policy
from factory.model.text import counted

_HELP = "give the model's `prices` in WORKFLOW.md, or say budget: {unknown: allow}"


def used_up(state: ItemState, policy: Policy) -> str:
    """Which part of an item's budget is used up, or cannot be held any more; empty when none is."""
    return next(_used_up(state, policy), "")


def _used_up(state: ItemState, policy: Policy) -> Iterator[str]:
    if state.item is None:
        return
    budget, history = state.item.budget, state.history
    minutes = history.seconds / 60
    if budget.usd is not None and history.usage.spent >= budget.usd:
        yield f"its budget is used up: {history.usage.spent:.2f} of {budget.usd:.2f} USD"
    if budget.usd is not None and policy.budget.unknown == "block":
        runs = unpriced(history.entries, policy.agents)
        if runs:
            yield f"its budget in USD cannot be held: what {counted(len(runs), 'run')} of it cost is unknown; {_HELP}"
    if budget.tokens is not None and history.usage.tokens >= budget.tokens:
        yield f"its budget is used up: {history.usage.tokens} of {budget.tokens} tokens"
    if budget.minutes is not None and minutes >= budget.minutes:
        yield f"its budget is used up: {minutes:.1f} of {budget.minutes:g} minutes"


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
    rule = snapshot.policy.budget
    tomorrow = midnight(snapshot.now) + timedelta(days=1)
    if rule.usd_per_day is None:
        return "", None
    if snapshot.spent_today >= rule.usd_per_day:
        said = f"{snapshot.spent_today:.2f} of {rule.usd_per_day:.2f} USD a day are used up"
        return f"waits until tomorrow: {said}", tomorrow
    if snapshot.unpriced_today and rule.unknown == "block":
        runs = counted(snapshot.unpriced_today, "run")
        return f"waits until tomorrow: what {runs} of today cost is unknown, and a day has a budget; {_HELP}", tomorrow
    return "", None
