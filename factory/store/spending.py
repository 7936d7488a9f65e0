"""The day's budget: what all runs since midnight have cost."""

from collections.abc import Iterable
from datetime import datetime

from factory.model.costs import unpriced
from factory.model.errors import InvalidFile, Problem
from factory.model.journal import History
from factory.model.moments import day_of, midnight
from factory.model.policy import Policy
from factory.store.artifacts import Artifacts


def spent_today(
    artifacts: Artifacts,
    tree: str,
    open_items: Iterable[History],
    now: datetime,
    policy: Policy,
    problems: list[Problem],
) -> tuple[float, int]:
    """(what all runs since midnight have cost, of how many that is unknown), of open items and finished ones.

    Added up only where a day has a budget.
    """
    if policy.budget.usd_per_day is None:
        return 0.0, 0
    began, day = midnight(now), day_of(now)
    histories = [*open_items]
    for item_id in artifacts.finished_on(tree, day):
        try:
            histories.append(artifacts.history(tree, item_id, day))
        except InvalidFile as error:
            problems.extend(error.problems)
    spent = (entry.usage.spent for each in histories for entry in each.entries if entry.usage and entry.at >= began)
    unknown = (entry.at >= began for each in histories for entry in unpriced(each.entries, policy.agents))
    return sum(spent), sum(unknown)
