"""The plans of missions under way, as the target has them: there they were merged."""

from collections.abc import Sequence

from factory.model.errors import Problem
from factory.model.policy import Policy
from factory.store.missions import MissionFiles, read_missions
from factory.store.repository.repository import Repository


def missions_at(
    repository: Repository, head: str, policy: Policy, under_way: Sequence[str], problems: list[Problem]
) -> dict[str, MissionFiles]:
    """What the files of missions say once the queue's branch is at a commit; mistakes in them come to the problems."""
    if not under_way:
        return {}
    target = head if policy.target_branch == policy.branch else repository.head(policy.target_branch)
    tree = repository.objects.commit(target or head).tree
    return read_missions(repository.objects, tree, under_way, problems)
