"""The remote: what other clones have published, fetched, and what is ours, pushed; nothing is ever forced."""

import json
import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from factory.model.errors import BusyError, FactoryError, UnusableError
from factory.model.text import printable
from factory.store import files
from factory.store.repository.git import Git, GitError
from factory.store.repository.objects import Objects
from factory.store.repository.refs import RefUpdate
from factory.store.state import AGREED

_PATIENCE_S = 600.0  # with one connection; what is slow and goes on is let go on
# A connection over which hardly anything comes is dead, and said to be: git itself would wait for ever.
_SLOW = ("-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=60")
# Variables of git's that say how a remote is reached, and change nothing else.
_TRANSPORT = re.compile(r"GIT_(SSH(_COMMAND|_VARIANT)?|ASKPASS|PROXY_COMMAND|PROXY_SSL_\w+|SSL_\w+|HTTP_\w+)")
# What git says when another push came first: the commit to push on is another one now, or is being written.
_BEHIND = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "failed to update ref",
    "cannot lock ref",
    "failed to lock",
    "incorrect old value",
    "reference already exists",
)
# Another branch there, of which this one would be the folder, or that of this one.
_IN_THE_WAY = "exists; cannot create"
# What it says, or ssh or curl do, when nobody was reached, or not to the end.
_GONE = re.compile(
    r"timed out|could not resolve|connection (refused|reset|closed)|network is unreachable|no route to host|hung up"
    r"|early eof|rpc failed|unexpected disconnect|returned error: (429|5\d\d)|it was stopped after|failed to connect"
    r"|temporary failure",
    re.IGNORECASE,
)
_NOTES: TypeAdapter[dict[str, dict[str, str]]] = TypeAdapter(dict[str, dict[str, str]])
# Nor does a fetch move what a person's `remote.<name>.fetch` names: that may be branches of their own.
_QUIETLY = ("--refmap=", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
_UNASKED = ("--no-verify", "--no-follow-tags", "--recurse-submodules=no")
# What a fetch dies of while a worktree is being added here, a cell's or a person's: for a moment its head is nothing.
_BEING_ADDED, _LOOKS, _MOMENT_S = "bad object worktrees/", 20, 0.05
_ANY_STATUS, _MOST_LINES, _MOST_WORDS = 256, 3, 300
_NOT_THERE = "couldn't find remote ref"
_REFUSED = re.compile(r"^!\t[^\t]*\t(.*)$", re.MULTILINE)


class Unreachable(BusyError):
    """The remote cannot be reached at this moment."""

    def __init__(self, remote: str, said: str) -> None:
        super().__init__(f"the remote {remote} is not to be reached: {said}", "try again when it is")


class Unsure(Unreachable):
    """The connection broke off in a push, and nobody can say yet whether it was accepted."""


class RemoteMoved(BusyError):
    """Somebody else has pushed meanwhile; nothing of this push was accepted."""

    def __init__(self, remote: str) -> None:
        super().__init__(f"somebody else keeps pushing to {remote}", "factory tick --push")


class Fetched(NamedTuple):
    """What a remote has of branches."""

    tips: Mapping[str, str]  # the commit of each that it has
    rewritten: frozenset[str]  # those that no longer hold what this clone had seen there
    gone: frozenset[str]  # those that were there and are not


class _Told(NamedTuple):
    """How a git ended."""

    status: int
    out: str
    said: str  # of errors


class Remote:
    """One git remote of this clone, by its name."""

    def __init__(self, git: Git, objects: Objects, common_dir: Path, name: str) -> None:
        env = {key: value for key, value in os.environ.items() if _TRANSPORT.fullmatch(key)}
        self._git = Git(git.folder, git.system, env)
        self._objects = objects
        self._shallow = common_dir / "shallow"
        self._noted = common_dir / "factory" / AGREED
        self.name = name
        self._others = _notes(self._noted)
        self._seen = self._others.pop(name, {})  # what each branch was there when both had the same, or it was pushed

    def refuse_unknown(self) -> None:
        """Raises UnusableError where the clone has no remote of this name."""
        if not self._git.text("config", "--get-regexp", rf"^remote\.{re.escape(self.name)}\.url$", allowed=(0, 1)):
            raise UnusableError(
                f"there is no remote {printable(self.name)}, which WORKFLOW.md names under `sync`",
                f"git remote add -- {shlex.quote(printable(self.name))} URL",
            )

    def beginnings(self) -> list[str]:
        """The commits whose parents this clone lacks, because it is shallow."""
        return (files.read_regular(self._shallow) or b"").decode().split()

    def deepen(self, branches: Collection[str], commits: int | None) -> None:
        """Fetch so many commits more of what a shallow clone lacks, or all. Raises Unreachable or UnusableError."""
        more = "--unshallow" if commits is None else f"--deepen={commits}"
        self._refuse_failure(self._call("fetch", *_QUIETLY, more, "--", self.name, *map(_full, branches)))

    def fetch(self, branches: Collection[str]) -> Fetched:
        """What the remote has of these branches. Raises Unreachable or UnusableError."""
        asked, told = set(branches), self._fetch(branches)
        if _NOT_THERE in told.said:
            branches = self._listed(branches)
            told = self._fetch(branches) if branches else _Told(0, "", "")
        self._refuse_failure(told)
        found = {branch: self._objects.read(self._tracking(branch)) for branch in branches}
        tips = {branch: each[0] for branch, each in found.items() if each}
        rewritten = [branch for branch, tip in tips.items() if not self._holds(tip, self._seen.get(branch, ""))]
        self.agree({branch: tip for branch, tip in tips.items() if branch not in rewritten})
        return Fetched(tips, frozenset(rewritten), frozenset((asked & self._seen.keys()) - tips.keys()))

    def _fetch(self, branches: Collection[str]) -> _Told:
        wanted = (f"+{_full(branch)}:{self._tracking(branch)}" for branch in branches)
        return self._call("fetch", *_QUIETLY, "--", self.name, *wanted)

    def _tracking(self, branch: str) -> str:
        return f"refs/remotes/{self.name}/{branch}"

    def _listed(self, branches: Collection[str]) -> list[str]:
        """Those of these branches that the remote has."""
        told = self._call("ls-remote", "--heads", "--", self.name, *map(_full, branches))
        self._refuse_failure(told)
        there = {line.partition("\t")[2] for line in told.out.splitlines()}
        return [branch for branch in branches if _full(branch) in there]

    def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move branches there, all or none. Raises RemoteMoved, Unreachable, Unsure or UnusableError.

        Each has to come of what it is there: no commit of the remote's is ever lost.
        """
        together = ("--atomic",) if len(updates) > 1 else ()
        wanted = (f"{update.new}:{_full(update.branch)}" for update in updates)
        told = self._call("push", "--porcelain", *_UNASKED, *together, "--", self.name, *wanted)
        if told.status:
            self._not_pushed(updates, told)

    def _not_pushed(self, updates: Sequence[RefUpdate], told: _Told) -> None:
        """Say why; nothing, where the connection broke off and it was accepted all the same."""
        reasons = _REFUSED.findall(told.out)
        own = "\n".join(line for line in told.said.splitlines() if not line.startswith("remote:"))
        if _IN_THE_WAY not in told.said and any(sign in each for each in (*reasons, own) for sign in _BEHIND):
            raise RemoteMoved(self.name)
        if reasons:
            said = _in_short(told.said) or reasons[0]
            raise UnusableError(f"the remote {self.name} refuses the push: {said}", "see who may push there")
        failure = self._failure(told)
        if isinstance(failure, Unreachable):
            try:
                there = self.fetch([update.branch for update in updates]).tips
            except FactoryError:
                raise Unsure(self.name, _in_short(told.said)) from None
            if all(self._holds(there.get(update.branch, ""), update.new) for update in updates):
                return
        raise failure

    def _holds(self, tip: str, commit: str) -> bool:
        """Whether a commit is in the history of another one; empty strings stand for none."""
        asked = ("merge-base", "--is-ancestor", commit, tip)
        return not commit or tip == commit or (bool(tip) and not self._git.call(*asked, allowed=(0, 1, 128)).returncode)

    def agreed(self, branch: str) -> str | None:
        """Where a branch was there when both had the same of it, or it was pushed."""
        return self._seen.get(branch)

    def agree(self, tips: Mapping[str, str]) -> None:
        """Note that branches are there where these commits are: from now on they may only come of that."""
        if tips.items() <= self._seen.items():
            return
        self._seen.update(tips)
        files.write(self._noted, json.dumps({**self._others, self.name: self._seen}).encode(), durable=False)

    def _call(self, *arguments: str) -> _Told:
        for _ in range(_LOOKS):
            told = self._called(*arguments)
            if _BEING_ADDED not in told.said:
                break
            self._git.system.sleep(_MOMENT_S)
        return told

    def _called(self, *arguments: str) -> _Told:
        try:
            done = self._git.call(*_SLOW, *arguments, allowed=range(_ANY_STATUS), patience=_PATIENCE_S)
        except GitError as error:
            return _Told(error.status, "", error.stderr)
        return _Told(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def _refuse_failure(self, told: _Told) -> None:
        if told.status:
            raise self._failure(told)

    def _failure(self, told: _Told) -> Unreachable | UnusableError:
        said = _in_short(told.said)
        if told.status < 0 or _GONE.search(told.said):
            return Unreachable(self.name, said)
        return UnusableError(
            f"the remote {self.name} refuses: {said}", f"git ls-remote -- {shlex.quote(self.name)} says more"
        )


def _notes(path: Path) -> dict[str, dict[str, str]]:
    """What was noted of each remote. Without it nothing is lost but the knowledge that a history was written anew."""
    try:
        return _NOTES.validate_json(files.read_regular(path) or b"{}")
    except ValidationError:
        return {}


def _full(branch: str) -> str:
    return f"refs/heads/{branch}"


def _in_short(said: str) -> str:
    """What it comes to of all that a remote, its hooks and git have said, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith(("hint:", "To "))]
    remote = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    wanted = list(filter(None, remote)) or [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    return printable("; ".join(wanted[:_MOST_LINES]))[:_MOST_WORDS]
