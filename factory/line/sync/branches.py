"""Branches that only the remote has as yet: a clone has just the one that it was made for."""

from factory.store.library import branches_and_remote
from factory.store.repository.refs import NOTHING
from factory.store.repository.remote import Remote
from factory.store.repository.repository import Repository


def bring_branches(repository: Repository) -> None:
    """Make those that the factory lives on, where this clone lacks them. Raises Unreachable or UnusableError."""
    branches, name = branches_and_remote(repository)
    lacking = [each for each in branches if repository.head(each) is None and not repository.unborn(each)]
    if not lacking:
        return
    remote = Remote(repository.git, repository.objects, repository.common_dir, name)
    remote.refuse_unknown()
    for branch, tip in remote.fetch(lacking).tips.items():
        repository.git.run("update-ref", "-m", f"factory: from {name}", f"refs/heads/{branch}", tip, NOTHING)
