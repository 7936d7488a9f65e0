"""What a plan is held against: the other files of its mission, and what the repository has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

from factory.model.item import Item
from factory.model.layout import assertions_path, plan_path, services_path
from factory.model.mission.assertions import Assertion
from factory.model.mission.plan import Feature, Milestone, Plan, Services
from factory.model.policy import Policy

Key = tuple[str | int, ...]


class Flaw(NamedTuple):
    """One thing wrong with a plan: in which file, at which key, in a sentence."""

    path: str
    key: Key
    text: str


@dataclass(frozen=True)
class Beside:
    """What a repository has that the files of a mission may name."""

    policy: Policy
    contracts: Mapping[str, bool]  # by name, whether it says `produces.plan`
    skills: frozenset[str] = frozenset()  # the mission's own, and those of all
    paths: frozenset[str] = frozenset()  # of the files in the mission's folder
    item: Item | None = None  # the mission's

    def of_item(self, item: Item | None) -> Self:
        """The same for a mission with this item."""
        return replace(self, item=item)


@dataclass(frozen=True)
class Placed:
    """A feature with its place in the plan."""

    feature: Feature
    milestone: Milestone
    number: int  # of the milestone
    key: Key


@dataclass(frozen=True)
class Held:
    """A mission's files, and what is beside them."""

    id: str  # of its item
    plan: Plan
    assertions: tuple[Assertion, ...]
    services: Services
    beside: Beside

    @cached_property
    def features(self) -> tuple[Placed, ...]:
        """Every feature with its place, in the plan's order."""
        return tuple(
            Placed(feature, milestone, number, ("milestones", number, "features", place))
            for number, milestone in enumerate(self.plan.milestones)
            for place, feature in enumerate(milestone.features)
        )

    def in_plan(self, key: Key, text: str) -> Flaw:
        """A flaw of the plan."""
        return Flaw(plan_path(self.id), key, text)

    def in_assertions(self, key: Key, text: str) -> Flaw:
        """A flaw of the assertions."""
        return Flaw(assertions_path(self.id), key, text)

    def in_services(self, key: Key, text: str) -> Flaw:
        """A flaw of the services."""
        return Flaw(services_path(self.id), key, text)


def contract_of(policy: Policy, mission: str, feature: Feature, item: Item | None) -> str | None:
    """The contract that governs a feature of a mission, whose item has the labels and the priority of the mission's."""
    labels, priority = (item.labels, item.priority) if item else ((), None)
    part = Item(title=feature.title, contract=feature.contract, labels=labels, priority=priority, mission=mission)
    return policy.contract_of(part)
