"""Proposals under check: known to git from the moment they exist, so that no clean-up of a person's takes one."""

import threading
from collections.abc import Iterable
from contextlib import suppress

from factory.store.repository.git import Conversation, Git, GitError
from factory.store.repository.objects import Objects

_FOLDER = "refs/factory/proposals/"
_TRAIN = "refs/factory/train"


class UnderCheck:
    """A reference for each proposal of a run under way; the branch of its item comes with the run's end."""

    def __init__(self, git: Git, objects: Objects) -> None:
        self._git = git
        self._objects = objects
        self._keeps_train = False
        self._talk = Conversation(git, "update-ref", "--stdin")  # no reflog tells of these, nor by its process's time
        self._lock = threading.Lock()

    def _change(self, command: str) -> None:
        """Change references in one instant. Raises GitError."""
        with self._lock, self._talk:
            self._talk.send(f"start\n{command}\nprepare\ncommit\n".encode())
            for step in ("start", "prepare", "commit"):
                said = self._talk.read_line().decode(errors="replace")
                if said != f"{step}: ok":
                    raise GitError(("update-ref",), 1, said)

    def close(self) -> None:
        """Let the lasting process end."""
        with self._lock:
            self._talk.close()

    def keep(self, item_id: str, commit: str) -> None:
        """Keep an item's proposal."""
        with suppress(GitError):  # it can be made again
            self._change(f"update {_FOLDER}{item_id} {commit}")
        self._objects.guard()  # from a clean-up that looked at the references before

    def keep_train(self, commit: str) -> None:
        """Keep the commits of the merge train up to this one, and no longer what was kept of it before."""
        with suppress(GitError):
            self._change(f"update {_TRAIN} {commit}")
            self._keeps_train = True
        self._objects.guard()

    def let_go_of_train(self) -> None:
        """Keep nothing of the merge train: none of it is under check."""
        if self._keeps_train:
            with suppress(GitError):
                self._change(f"delete {_TRAIN}")
            self._keeps_train = False

    def let_go(self, item_ids: Iterable[str]) -> None:
        """Keep those of these items no longer: a branch does, or nobody needs them."""
        lines = "\n".join(f"delete {_FOLDER}{item_id}" for item_id in item_ids)
        if lines:
            with suppress(GitError):  # another time
                self._change(lines)

    def let_go_of_all(self) -> None:
        """Keep none, nor anything of the merge train: no run is under way."""
        self._keeps_train = self._objects.read(_TRAIN) is not None
        self.let_go_of_train()
        listed = self._git.text("for-each-ref", "--format=%(refname)", _FOLDER[:-1])
        self.let_go(name.removeprefix(_FOLDER) for name in listed.split("\n") if name)
