"""Merges made in memory, the same way for everybody: no attribute or driver has a say. Trivial ones need no git."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from factory.store.repository.batch import plumbing_commit
from factory.store.repository.git import Git, GitError
from factory.store.repository.objects import Objects
from factory.store.repository.trivial_merge import rests_on, trivially_merged

_REMEMBERED = 1000
_MESSAGE = "To be merged.\n"


@dataclass(frozen=True)
class Merge:
    """What came of one: its tree, and the paths that conflict."""

    tree: str
    conflicts: tuple[str, ...]


class Merging:
    """Merges contents, and remembers what came of it, which never changes."""

    def __init__(self, git: Git, objects: Objects) -> None:
        self._git = git
        self._objects = objects
        self._known: dict[tuple[str, str, str], Merge] = {}
        self._unclear: dict[tuple[str, str, str], None] = {}  # what only git can say

    def trivial(self, base: str, proposal: str, target: str, content: Callable[[str], str]) -> Merge | None:
        """The content that a target has with a proposal merged that was made on a base, where that is trivial."""
        key = (base, proposal, target)
        if key in self._unclear:
            return None
        trees = (content(commit) for commit in (base, target, proposal))
        found = trivially_merged(self._objects, *trees) if rests_on(self._objects, target, base, proposal) else None
        if found is None:
            if len(self._unclear) >= _REMEMBERED:
                self._unclear.clear()
            self._unclear[key] = None
            return None
        return Merge(found, ())

    def merge(self, base: str, ours: str, theirs: str) -> Merge:
        """Merge two trees that came of a third. Raises GitError."""
        key = (base, ours, theirs)
        known = self._known.get(key)
        if known is None or not self._objects.has(known.tree):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = self._merged(*self._as_commits(base, ours, theirs))
        return known

    def _as_commits(self, base: str, ours: str, theirs: str) -> tuple[str, str]:
        """The two as commits on the third: git 2.39 merges nothing else."""
        start = plumbing_commit(self._objects, base, (), _MESSAGE)
        first, second = (plumbing_commit(self._objects, tree, (start,), _MESSAGE) for tree in (ours, theirs))
        return first, second

    def _merged(self, ours: str, theirs: str) -> Merge:
        self._objects.flush()
        options = ("--write-tree", "-z", "--name-only", "--no-messages")
        done = self._git.call("merge-tree", *options, ours, theirs, allowed=(0, 1))
        if not done.stdout:  # git says "conflict" for commits it cannot find, too
            raise GitError(("merge-tree", ours, theirs), done.returncode, done.stderr.decode(errors="replace"))
        tree, *conflicts = done.stdout.rstrip(b"\0").split(b"\0")
        return Merge(tree.decode(), tuple(dict.fromkeys(os.fsdecode(path) for path in conflicts)))
