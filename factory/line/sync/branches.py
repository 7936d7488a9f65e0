"""Branches that only the remote has as yet: a clone has just the one that it was made for."""

from factory.store.library import branches_of, sync_of
from factory.store.repository.refs import NOTHING
from factory.store.repository.remote import Remote
from factory.store.repository.repository import Repository


def bring_branches(repository: Repository, push: bool | None) -> None:
    """Make those that the factory lives on, where this clone goes along with a remote and lacks them.

    `push` says whether it does, in place of the policy. Raises Unreachable or UnusableError.
    """
    sync = sync_of(repository)
    if not (sync.push if push is None else push):
        return
    lacking = [each for each in branches_of(repository) if repository.head(each) is None]
    lacking = [each for each in lacking if not repository.unborn(each)]
    if not lacking:
        return
    remote = Remote(repository.git, repository.objects, repository.common_dir, sync.remote)
    remote.refuse_unknown()
    for branch, tip in remote.fetch(lacking).tips.items():
        reason = f"factory: from {sync.remote}"
        repository.git.run("update-ref", "-m", reason, f"refs/heads/{branch}", tip, NOTHING)
