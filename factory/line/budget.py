"""Budgets: what an item, and a day, may still cost, added up from journals."""

from datetime import datetime, timedelta

from factory.line.survey import Case, Survey, midnight
from factory.model.item import Budget


def used_up(case: Case) -> str:
    """Which part of an item's budget is used up; empty when none is."""
    if case.item is None:
        return ""
    budget, history = case.item.budget, case.history
    minutes = history.seconds / 60
    if budget.usd is not None and history.usage.spent >= budget.usd:
        return f"its budget is used up: {history.usage.spent:.2f} of {budget.usd:.2f} USD"
    if budget.tokens is not None and history.usage.tokens >= budget.tokens:
        return f"its budget is used up: {history.usage.tokens} of {budget.tokens} tokens"
    if budget.minutes is not None and minutes >= budget.minutes:
        return f"its budget is used up: {minutes:.1f} of {budget.minutes:g} minutes"
    return ""


def left(survey: Survey, case: Case) -> Budget:
    """What an item may still cost, and the day with it; what has no limit is None."""
    assert case.item is not None
    budget, history = case.item.budget, case.history
    limits = [
        None if budget.usd is None else budget.usd - history.usage.spent,
        None if survey.policy.budget.usd_per_day is None else survey.policy.budget.usd_per_day - survey.spent_today,
    ]
    return Budget.model_construct(
        usd=min((limit for limit in limits if limit is not None), default=None),
        tokens=None if budget.tokens is None else budget.tokens - history.usage.tokens,
        minutes=None if budget.minutes is None else budget.minutes - history.seconds / 60,
    )


def day_used_up(survey: Survey) -> tuple[str, datetime | None]:
    """(why nothing more starts today, until when); nothing when something may."""
    most = survey.policy.budget.usd_per_day
    if most is None or survey.spent_today < most:
        return "", None
    tomorrow = midnight(survey.now) + timedelta(days=1)
    return f"waits until tomorrow: {survey.spent_today:.2f} of {most:.2f} USD a day are used up", tomorrow
