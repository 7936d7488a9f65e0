"""Cells as git worktrees: made once, lent again and again, brought back to a commit's exact files in between."""

import shutil
import threading
from pathlib import Path

from factory.store import files
from factory.store.repository.git import Git

# git looks whether a worktree's name is free and then takes it; two at a time could take the same.
_ADDING = threading.Lock()
# A thousand folders in one another cost git minutes; whoever made them does not get to hold anybody up.
_CLEANING_S = 20.0


class Worktree:
    """One linked worktree, and git's folder for it, which no worker gets to choose."""

    def __init__(self, git: Git, common_dir: Path, place: Path) -> None:
        self._git = git
        self.place = place
        self.path = place / place.name
        self._admin = common_dir / "worktrees" / place.name
        self._pristine = place / "index"

    def _run(self, *arguments: str, pristine: bool = False, patience: float | None = None) -> bytes:
        env = {"GIT_DIR": str(self._admin), "GIT_WORK_TREE": str(self.path)}
        if pristine:
            env["GIT_INDEX_FILE"] = str(self._pristine)
        return Git(self.path).run(*arguments, env=env, patience=patience)

    def add(self, commit: str) -> None:
        """Make the worktree, still empty."""
        self.place.mkdir(parents=True, exist_ok=True)
        with _ADDING:
            self._git.run("worktree", "add", "-q", "-f", "--detach", "--no-checkout", str(self.path), commit)

    def checkout(self, commit: str, branch: str = "") -> None:
        """Make it hold exactly a commit's files, on a branch or on none."""
        dot_git = self.path / ".git"
        if dot_git.is_dir() and not dot_git.is_symlink():
            files.remove_tree(dot_git)
        files.write(dot_git, f"gitdir: {self._admin}\n".encode())
        where = ("--ignore-other-worktrees", "-B", branch) if branch else ("--detach",)
        self._run("checkout", "-q", "-f", *where, commit)
        shutil.copy2(self._admin / "index", self._pristine)

    def clean(self) -> None:
        """Remove every file that git does not track here. Raises GitError also when that would take very long."""
        self._run("clean", "-ffdxq", patience=_CLEANING_S)

    def snapshot(self) -> str:
        """The tree of what lies here now, whatever a worker did to the index, the head or the `.git` file."""
        self._run("add", "-A", "--", ".", pristine=True)
        return self._run("write-tree", pristine=True).decode().strip()

    def remove(self) -> None:
        """Take it away, with all that git knows of it."""
        files.remove_tree(self.place)
        files.remove_tree(self._admin)
