"""The plans of missions under way, as the target has them: there they were merged, and there a person may edit them."""

from collections.abc import Mapping
from contextlib import suppress

from factory.model.errors import InvalidFile, Problem
from factory.model.item import Item
from factory.model.layout import CONTRACTS, WORKFLOW
from factory.model.policy import Policy
from factory.store.artifacts import Artifacts
from factory.store.missions import MissionFiles, read_mission
from factory.store.plans import problems_in_tree
from factory.store.repository.repository import Repository

_REMEMBERED = 64


class MissionReader:
    """Reads the files of missions, and holds them to the rules of a plan; the same content is looked at once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[tuple[str, ...], tuple[Problem, ...]] = {}

    def at(
        self, head: str, policy: Policy, under_way: Mapping[str, Item | None], problems: list[Problem]
    ) -> dict[str, MissionFiles]:
        """What missions' files say when the queue's branch is at a commit; their mistakes come to the problems."""
        if not under_way:
            return {}
        objects = self._repository.objects
        target = head if policy.target_branch == policy.branch else self._repository.head(policy.target_branch)
        tree = objects.commit(target or head).tree
        found: dict[str, MissionFiles] = {}
        for mission, item in under_way.items():
            wrong = self.problems(tree, mission, policy, item)
            problems.extend(wrong)
            if not wrong:
                found[mission] = read_mission(objects, tree, mission)
        return found

    def problems(self, tree: str, mission: str, policy: Policy, item: Item | None) -> tuple[Problem, ...]:
        """What is wrong with a mission's files in a tree."""
        objects = self._repository.objects
        blobs = (entry.oid if (entry := objects.find(tree, path)) else "" for path in (CONTRACTS, WORKFLOW))
        key = (mission, repr(item), *blobs)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._look(tree, mission, policy, item)
        return self._known[key]

    def _look(self, tree: str, mission: str, policy: Policy, item: Item | None) -> tuple[Problem, ...]:
        objects = self._repository.objects
        try:
            read_mission(objects, tree, mission)
        except InvalidFile as error:
            return error.problems
        return problems_in_tree(objects, tree, mission, policy, item)


def makers_of(artifacts: Artifacts, tree: str, item: Item) -> frozenset[tuple[str, str]]:
    """(seat, agent) of whoever has worked on the features that an item looks at."""
    found: set[tuple[str, str]] = set()
    for seat, feature in item.looked_at.items():
        with suppress(InvalidFile):
            history = artifacts.history(tree, feature, artifacts.done_day(tree, feature) or "")
            found |= {(seat, maker) for maker in history.makers}
    return frozenset(found)
