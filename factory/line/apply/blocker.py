"""The apply blocker: why what is approved is not applied by the next pass. The look to the act in `apply`."""

from factory.line.review.assess import Assessment
from factory.line.snapshot import Snapshot
from factory.model.contract import ApplyMode
from factory.model.evidence import Evidence
from factory.model.lifecycle import NotApplied
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff


def apply_blocker(repository: Repository, snapshot: Snapshot, assessment: Assessment) -> tuple[NotApplied, str] | None:
    """Why what is approved will not be applied by the next pass; None when it will."""
    state, target = assessment.state, snapshot.policy.target_branch
    if state.item is not None and state.item.hold:
        return NotApplied.HELD, "it is on hold"
    if state.contract is None or state.contract.apply.mode not in (ApplyMode.MERGE, ApplyMode.SQUASH):
        return None
    if not _readable(repository, assessment.evidence):
        return NotApplied.TARGET_MOVED, f"{target} was made anew, and the checks are run again first"
    in_the_way = obstacles(repository, target, assessment.evidence.tree)
    if in_the_way:
        return NotApplied.UNCOMMITTED, f"uncommitted changes in {', '.join(in_the_way[:3])} are in the way"
    objects, head = repository.objects, repository.head(target)
    now = repository.content(objects.commit(head).tree) if head else ""
    if now != repository.content(objects.commit(assessment.evidence.target).tree):
        return NotApplied.TARGET_MOVED, f"{target} has moved, and the checks are run again first"
    return None


def _readable(repository: Repository, evidence: Evidence) -> bool:
    """Whether this clone holds what was checked; another clone's merge in memory is made again."""
    objects = repository.objects
    if objects.holds(evidence.target) and not objects.holds(evidence.tree):
        repository.content(objects.commit(evidence.proposal).tree)  # what was checked, where the target had not moved
        if not objects.holds(evidence.tree):
            repository.content(repository.merge(evidence.target, evidence.proposal).tree)
    return objects.holds(evidence.target) and objects.holds(evidence.tree)


def obstacles(repository: Repository, branch: str, content: str) -> list[str]:
    """Files of a branch's working tree in which a person has changes that new content would write over."""
    view, target = repository.view_of(branch), repository.head(branch)
    if view is None or target is None:
        return []
    objects = repository.objects
    changes = list(diff(objects, repository.content(objects.commit(target).tree), content))
    return view.local_changes(changes)
