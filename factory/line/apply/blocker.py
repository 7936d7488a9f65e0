"""The apply blocker: why what is approved is not applied by the next pass. The look to the act in `apply`."""

from factory.line.review.assess import Assessment
from factory.line.snapshot import Snapshot
from factory.model.layout import item_path
from factory.model.lifecycle import Lane, NotApplied
from factory.store.repository.repository import Repository
from factory.store.repository.saved import changed_by_people
from factory.store.repository.trees import Change, diff


def apply_blocker(repository: Repository, snapshot: Snapshot, assessment: Assessment) -> tuple[NotApplied, str] | None:
    """Why what is approved will not be applied by the next pass; None when nothing of its own keeps it back."""
    state, evidence, target = assessment.state, assessment.evidence, snapshot.policy.target_branch
    if state.item is not None and state.item.hold:
        return NotApplied.HELD, "it is on hold"
    head = repository.head(target)
    if not assessment.rides or head is None:
        return None
    changed = own_changes(repository, snapshot, assessment)
    if changed:
        back = f"git checkout -- {changed[0]} takes them back"
        return NotApplied.UNCOMMITTED, f"changes in {', '.join(changed)} are not taken in ({back})"
    objects = repository.objects
    if not objects.has(evidence.target):
        return NotApplied.TARGET_MOVED, f"{target} was made anew, and the checks are run again first"
    merge = repository.merged_content(evidence.base, evidence.proposal, head)
    in_the_way = [] if merge.conflicts else obstacles(repository, target, merge.tree)
    if in_the_way:
        return NotApplied.UNCOMMITTED, f"uncommitted changes in {', '.join(in_the_way[:3])} are in the way"
    if repository.content_at(head) != repository.content_at(evidence.target):
        return NotApplied.TARGET_MOVED, f"{target} has moved, and the checks are run again first"
    if evidence.pending:
        return NotApplied.UNCHECKED, f"{', '.join(evidence.pending)} run first, on what it makes of {target}"
    return None


def own_changes(repository: Repository, snapshot: Snapshot, assessment: Assessment) -> list[str]:
    """The item's own files that a person has changed, moved or removed, of which no pass knows yet."""
    item_id, branch = assessment.state.id, snapshot.policy.branch
    head = repository.head(branch)
    if head is None:
        return []
    tree = repository.objects.commit(head).tree
    paths = [item_path(lane, item_id) for lane in Lane if lane is not Lane.DONE]
    paths += [verdict.path for verdict in snapshot.listing.verdicts if verdict.item_id == item_id]
    there = ((path, repository.objects.find(tree, path)) for path in paths)
    held = [Change(path, entry, None) for path, entry in there if entry is not None]
    return changed_by_people(repository.views(), repository.objects, branch, held)


def obstacles(repository: Repository, branch: str, content: str) -> list[str]:
    """Files of a branch's working tree in which a person has changes that new content would write over."""
    view, target = repository.view_of(branch), repository.head(branch)
    if view is None or target is None:
        return []
    objects = repository.objects
    changes = list(diff(objects, repository.content_at(target), content))
    return view.local_changes(changes)
