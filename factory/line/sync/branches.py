"""Branches that only a remote has as yet: a clone has just the one that it was made for."""

from factory.store.library import branches_of
from factory.store.repository.refs import NOTHING
from factory.store.repository.repository import Repository


def bring_branches(repository: Repository) -> None:
    """Make those that the factory lives on of what a remote was seen to have, where this clone lacks them."""
    for branch in branches_of(repository):
        found = repository.references(f"refs/remotes/*/{branch}") if repository.head(branch) is None else []
        if found and not repository.unborn(branch):
            repository.git.run("update-ref", "-m", "factory: from a remote", f"refs/heads/{branch}", found[0], NOTHING)
