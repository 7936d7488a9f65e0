"""References: several branches moved in one instant, each from where it is expected to be."""

from collections.abc import Sequence
from typing import NamedTuple

from factory.model.errors import BusyError
from factory.store.repository.git import Conversation, Git, GitError

NOTHING = "0" * 40
# What git says when a branch is not where it was expected: moved, made, or taken away.
_MOVED = ("but expected", "reference already exists", "unable to resolve reference")
_LOCKED = ".lock': File exists"


class RefUpdate(NamedTuple):
    """One branch, from one commit to another; NOTHING stands for no branch."""

    branch: str
    old: str
    new: str


class RefMoved(GitError):
    """A branch no longer is where it was expected; nothing was done."""


class Refs:
    """Moves branches, through a process that is there before anybody has to wait for it.

    One for each batch: one that lasted would note in the reflogs the time of its own first move, and no message.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._talk: Conversation | None = None

    def begin(self, message: str) -> None:
        """Make ready to move branches, with what their reflogs will say."""
        self.close()
        self._talk = Conversation(self._git, "update-ref", "--no-deref", "-m", message, "-z", "--stdin")
        self._talk.start()

    def move(self, updates: Sequence[RefUpdate]) -> None:
        """Move all of them or none. Raises RefMoved, BusyError when another git is moving one, or GitError."""
        asked = [f"update refs/heads/{update.branch}\0{update.new}\0{update.old}\0" for update in updates]
        try:
            self._say("".join(["start\0", *asked, "commit\0"]).encode(), b"start: ok", b"commit: ok")
        except GitError as error:
            if any(sign in error.stderr for sign in _MOVED):
                raise RefMoved(("update-ref",), error.status, error.stderr) from None
            if _LOCKED in error.stderr:
                raise BusyError("another git command is moving a branch", "factory tick") from None
            raise

    def _say(self, request: bytes, *expected: bytes) -> None:
        talk = self._talk
        assert talk is not None
        with talk.exchange():
            talk.send(request)
            for line in expected:
                said = talk.read_line()
                if said != line:
                    raise GitError(("update-ref",), 1, said.decode(errors="replace"))

    def close(self) -> None:
        """Let the process end."""
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.close()
