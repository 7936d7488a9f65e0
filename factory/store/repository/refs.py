"""References: several branches moved in one instant, each from where it is expected to be."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from factory.model.errors import BusyError
from factory.store import files
from factory.store.repository.git import Conversation, Git, GitError

NOTHING = "0" * 40  # the name that git gives to what is not there
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

    def __init__(self, git: Git, common: Path) -> None:
        self._git = git
        self._common = common
        self._talk: Conversation | None = None
        self._locked = False

    def begin(self, message: str) -> None:
        """Have the process there, with what the reflogs of the branches will say."""
        self.close()
        self._talk = Conversation(self._git, "update-ref", "--no-deref", "-m", message, "-z", "--stdin")
        self._talk.start()

    def lock(self, updates: Sequence[RefUpdate]) -> None:
        """Lock the branches and write durably what they are to be, so that `move` is a rename each.

        Raises RefMoved, BusyError when another git is moving one, or GitError.
        """
        asked = [f"update refs/heads/{update.branch}\0{update.new}\0{update.old}\0" for update in updates]
        self._say("".join(["start\0", *asked, "prepare\0"]), "start: ok", "prepare: ok")
        self._locked = True

    def move(self) -> None:
        """Move all the locked branches. Raises GitError when that is not certain."""
        self._locked = False
        self._say("commit\0", "commit: ok", goes_on=True)

    def sync(self, updates: Sequence[RefUpdate]) -> None:
        """Make the moves of these branches outlive the machine."""
        heads = self._common / "refs/heads"
        for folder in {(heads / update.branch).parent for update in updates}:
            with suppress(FileNotFoundError):  # git has taken away the folder of the last branch in it
                files.sync_folder(folder)

    def unlock(self) -> None:
        """Let go of branches that are locked and were not moved."""
        if self._locked:
            self._locked = False
            with suppress(GitError):  # it has ended, and with it the locks
                self._say("abort\0", "abort: ok", goes_on=True)

    def _say(self, request: str, *expected: str, goes_on: bool = False) -> None:
        talk = self._talk
        assert talk is not None
        try:
            with talk:
                talk.send(request.encode(), goes_on=goes_on)
                for line in expected:
                    said = talk.read_line().decode(errors="replace")
                    if said != line:
                        raise GitError(("update-ref",), 1, said)
        except GitError as error:
            if any(sign in error.stderr for sign in _MOVED):
                raise RefMoved(("update-ref",), error.status, error.stderr) from None
            if _LOCKED in error.stderr:
                raise BusyError("another git command is moving a branch", "factory tick") from None
            raise

    def close(self) -> None:
        """Let the process end, and with it its locks."""
        talk, self._talk, self._locked = self._talk, None, False
        if talk is not None:
            talk.close()
