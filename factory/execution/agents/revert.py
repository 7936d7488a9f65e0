"""The revert of an applied change: work made in memory, then checked and judged like any worker's."""

from factory.execution.agents import deliverables
from factory.execution.outcome import Work
from factory.execution.request import RunRequest
from factory.model.errors import FactoryError
from factory.model.failure import Failure, FailureClass, of_error
from factory.model.result import Result, Status
from factory.store.repository.batch import plumbing_commit
from factory.store.repository.quarantine import brought_between
from factory.store.repository.repository import Repository
from factory.store.repository.trees import diff


def revert(request: RunRequest, repository: Repository) -> Work:
    """What the target would be without the change that the item names. A failure is a value."""
    try:
        return _revert(request, repository, request.item.reverts or "")
    except (FactoryError, OSError) as error:
        return Work(failure=of_error(error, "the revert could not be made"))


def _revert(request: RunRequest, repository: Repository, applied: str) -> Work:
    objects = repository.objects
    if not repository.is_ancestor(applied, request.base):
        reason = f"the commit {applied[:10]} is not a part of the target"
        return Work(failure=Failure(FailureClass.INVALID_REQUEST, reason))
    parents = objects.commit(applied).parents
    if not parents:
        reason = f"{applied[:10]} is the first commit; nothing was before it"
        return Work(failure=Failure(FailureClass.INVALID_REQUEST, reason))
    # A child of the change that undoes it: merged with the target, it takes away what the change brought, and no more.
    back = plumbing_commit(objects, objects.commit(parents[0]).tree, (applied,), f"Undo {applied}.\n")
    merge = repository.merge(applied, request.base, back)
    if merge.conflicts:
        shown = ", ".join(merge.conflicts[:3])
        return Work(failure=Failure(FailureClass.CONFLICT, f"later changes stand in the way of the revert: {shown}"))
    base, tree = repository.content_at(request.base), merge.tree
    changes = tuple(diff(objects, base, tree))
    if not changes:
        return Work(failure=Failure(FailureClass.EMPTY, f"nothing of {applied[:10]} is left to be reverted"))
    result = Result(status=Status.OK, summary=f"Reverts {applied}.")
    patch, brought = repository.patch(base, tree), brought_between(objects, base, tree)
    done = Work(tree=tree, brought=brought, changes=changes, patch=patch, result=result)
    breaches = [
        *deliverables.change_breaches(changes, request, objects),
        *deliverables.line_breaches(done.patch, request.contract),
    ]
    return deliverables.breached(done, breaches) if breaches else done
