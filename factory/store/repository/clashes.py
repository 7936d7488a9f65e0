"""Clashes: branches of people's that keep the factory from making its own."""

from factory.model.errors import UnusableError
from factory.store.repository.repository import WORK_PREFIX, Repository


def refuse_clashes(repository: Repository) -> None:
    """Raises UnusableError when a branch keeps the factory from making branches for its proposals."""
    listed = repository.git.text("for-each-ref", "--format=%(refname:lstrip=2)", f"refs/heads/{WORK_PREFIX[:-1]}")
    for name in listed.split("\n"):
        if name == WORK_PREFIX[:-1] or name.count("/") > 1:  # git keeps branches as files in folders
            message = f"the branch {name!r} stands where the factory keeps its proposals ({WORK_PREFIX}<id>)"
            raise UnusableError(message, f"git branch -m {name} SOME-OTHER-NAME")
