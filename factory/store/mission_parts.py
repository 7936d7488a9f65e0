"""Parts: the items that were made for a mission, those of missions within it too, and what became of each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from factory.model.errors import InvalidFile
from factory.model.item import Budget
from factory.model.journal import History
from factory.model.lifecycle import Outcome
from factory.model.mission.record import Filed
from factory.model.product import changed_lines
from factory.model.result import Usage
from factory.store.artifacts import Artifacts

_MOST = 10_000  # items of one mission


@dataclass(frozen=True)
class Part:
    """An item that was made for a mission."""

    id: str
    filed: Filed
    history: History  # empty where it cannot be read, or nothing has happened to it yet
    day: str = ""  # under which its artifacts lie once it is at its end
    within: str = ""  # the feature, a mission itself, for which it was made; empty: for the whole mission's own plan


@dataclass(frozen=True)
class Spent:
    """What runs have cost together."""

    usage: Usage
    seconds: float

    @classmethod
    def of(cls, histories: Iterable[History]) -> "Spent":
        """What these items have cost."""
        usage, seconds = Usage(), 0.0
        for history in histories:
            usage, seconds = usage.plus(history.usage), seconds + history.seconds
        return cls(usage, seconds)

    def in_words(self, budget: Budget) -> str:
        """What was used of a budget, as far as anybody said what it cost; empty where there is nothing to say."""
        usd, minutes = self.usage.usd, self.seconds / 60
        said = [
            f"{self.usage.spent:.2f} of {budget.usd:g} USD" if budget.usd else f"{usd:.2f} USD" if usd else "",
            f"{self.usage.tokens} of {budget.tokens} tokens" if budget.tokens else "",
            f"{minutes:.0f} of {budget.minutes:g} minutes" if budget.minutes else "",
        ]
        return ", ".join(filter(None, said))


@dataclass(frozen=True)
class Account:
    """What was done for a mission."""

    title: str
    history: History  # its own
    parts: Mapping[str, Part]
    lines: Mapping[str, int]  # that its features have added and taken away, by path

    @property
    def spent(self) -> Spent:
        """What all of it has cost."""
        return Spent.of([self.history, *(part.history for part in self.parts.values())])


def account_of(artifacts: Artifacts, tree: str, title: str, history: History) -> Account:
    """What was done for a mission with this title and this history, as a tree tells it."""
    parts = parts_of(artifacts, tree, history)
    lines: Counter[str] = Counter()
    for part in parts.values():
        built = part.filed.builds and not part.history.mission.filed
        if built and part.history.outcome is Outcome.APPLIED:
            lines += changed_lines(artifacts.patch(tree, part.id, part.history.run, part.day))
    return Account(title, history, parts, lines)


def parts_of(artifacts: Artifacts, tree: str, history: History) -> Mapping[str, Part]:
    """The items of a mission with this history, by id, as a tree has them, in the order in which they were filed."""
    found: dict[str, Part] = {}
    to_come = [(item_id, filed, "") for item_id, filed in reversed([*history.mission.filed.items()])]
    while to_come and len(found) < _MOST:
        item_id, filed, within = to_come.pop()
        if item_id not in found:
            found[item_id] = part = part_of(artifacts, tree, item_id, filed, within)
            to_come += [(each, of, item_id) for each, of in reversed([*part.history.mission.filed.items()])]
    return found


def part_of(artifacts: Artifacts, tree: str, item_id: str, filed: Filed, within: str = "") -> Part:
    """An item that was made for a mission, as a tree has it."""
    day = artifacts.done_day(tree, item_id) or ""
    try:
        return Part(item_id, filed, artifacts.history(tree, item_id, day), day, within)
    except InvalidFile:  # the audit tells of it
        return Part(item_id, filed, History(), day, within)
