"""Revisions: the commits that people name."""

from factory.model.errors import UsageError
from factory.store.repository.repository import Repository


def resolve(repository: Repository, revision: str) -> str:
    """The commit that a revision names. Raises UsageError."""
    found = repository.git.call(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", allowed=(0, 1, 128)
    )
    if found.returncode:
        raise UsageError(f"there is no commit {revision!r}", "git log --oneline")
    return found.stdout.decode().strip()
