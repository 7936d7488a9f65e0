"""The missing branch: why a branch that WORKFLOW.md names has no commit here, and the command that helps."""

import shlex
from pathlib import Path
from typing import Literal, NamedTuple

from factory.model.errors import UnusableError
from factory.store.repository.git import Git

COMMIT_IT = "git add WORKFLOW.md contracts queue artifacts && git commit -m 'Lay down the factory'"
Key = Literal["branch", "target"]


class Named(NamedTuple):
    """A branch, and where it is named."""

    branch: str
    key: Key  # of WORKFLOW.md
    on: str  # the branch whose WORKFLOW.md that is; empty when none is checked out

    @property
    def what(self) -> str:
        """The branch as people are told of it."""
        return f"the {'target ' if self.key == 'target' else ''}branch {self.branch}"


def missing(git: Git, common_dir: Path, named: Named, *, unborn: bool) -> UnusableError:
    """Why a branch has no commit that can be read; `unborn` when it is checked out all the same."""
    branch, what = named.branch, named.what
    place, log = common_dir / "refs/heads" / branch, common_dir / "logs/refs/heads" / branch
    noted = git.text("rev-parse", "--verify", "-q", f"refs/heads/{branch}", allowed=(0, 1, 128))
    if noted or place.is_file():
        message = f"the tip of {what}{f', {noted[:12]},' if noted else ''} cannot be read"
        hint = f"tail {log}, then git update-ref refs/heads/{branch} with the newest commit there that git can show"
        return UnusableError(message, hint)
    if unborn:
        return UnusableError(f"{what} has no commit yet", COMMIT_IT)
    remotes = git.text("for-each-ref", "--format=%(refname:lstrip=2)", f"refs/remotes/*/{branch}").split("\n")
    if remotes[0]:
        message = f"{what} is on the remote {remotes[0].removesuffix(f'/{branch}')} and not in this clone"
        return UnusableError(message, f"git branch --track {shlex.quote(branch)} {shlex.quote(remotes[0])}")
    return UnusableError(f"{what}, which WORKFLOW.md names, does not exist", _hint(named))


def _hint(named: Named) -> str:
    """The command that brings a branch, or another name in WORKFLOW.md."""
    if named.key == "target":
        return f"git branch {shlex.quote(named.branch)}, or correct `target:` in WORKFLOW.md and commit it"
    if not named.on:
        return "correct `branch:` in WORKFLOW.md and commit it"
    rename = f"git branch -m {shlex.quote(named.on)} {shlex.quote(named.branch)}"
    return f"set `branch: {named.on}` in WORKFLOW.md and commit it, or {rename}"
