"""Ancestry: every commit behind a head, and the one way through them on which the factory's folders came."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from factory.model.layout import ARTIFACTS
from factory.model.moments import seconds_of
from factory.store.repository.git import Git
from factory.store.repository.objects import EMPTY_TREE, Objects, Person, TreeEntry
from factory.store.repository.trees import OWN_FOLDERS

_FIELDS = ("%H", "%T", "%P", "%an", "%ae", "%ct", "%B")


class Told(NamedTuple):
    """What a commit says of itself."""

    commit: str
    author: Person
    message: str
    at: int  # seconds since 1970


class Side(NamedTuple):
    """What another parent of a merge holds that had not been on the line before."""

    tip: str
    base: str  # where it left what the line had seen; empty when it never did
    foreign: bool  # it is the history of another repository
    joined: bool  # its own commits are on the line: the factory worked on both sides
    tree: str = ""  # of the tip
    base_tree: str = ""
    commits: tuple[str, ...] = ()  # those of it that are on no line


@dataclass(frozen=True)
class Link:
    """One commit of the line, and the one that it is told against, which is empty for a beginning."""

    commit: str
    before: str
    sides: tuple[Side, ...] = ()


class _Node(NamedTuple):
    tree: str
    parents: tuple[str, ...]


class Ancestry:
    """The commits behind a head; with `since`, only those that are not behind that one."""

    def __init__(
        self, git: Git, objects: Objects, head: str, since: str | None, look: Callable[[Told], object] | None = None
    ) -> None:
        self._git = git
        self._objects = objects
        self._head = head
        self._nodes: dict[str, _Node] = {}
        self._seen: set[str] = set()
        self._foreign: set[str] = set()
        tokens = git.stream("log", "-z", f"--format={'%x00'.join(_FIELDS)}", head, *([f"^{since}"] if since else []))
        for commit, tree, parents, name, email, at, message in zip(*[iter(tokens)] * len(_FIELDS), strict=True):
            oid = commit.decode()
            self._nodes[oid] = _Node(tree.decode(), tuple(parents.decode().split()))
            if look is not None:
                author = Person(os.fsdecode(name), os.fsdecode(email))
                look(Told(oid, author, os.fsdecode(message), seconds_of(os.fsdecode(at))))

    def __contains__(self, commit: str) -> bool:
        return commit in self._nodes

    def tree(self, commit: str) -> str:
        """The tree of a commit, which may be empty for none."""
        node = self._nodes.get(commit)
        return node.tree if node else self._objects.commit(commit).tree if commit else EMPTY_TREE

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents of a commit behind the head."""
        return self._nodes[commit].parents

    def line(self) -> Iterator[Link]:
        """The line to the head, oldest first: of a merge, on along the parent that holds its queue and artifacts."""
        return self._line(self._head, beside=False)

    def _line(self, tip: str, *, beside: bool) -> Iterator[Link]:
        """That to a tip, from where it left what had been seen; with `beside` not all of that is behind it."""
        chain: list[str] = []
        commit = tip
        while commit in self._nodes and commit not in self._seen:
            chain.append(commit)
            commit = self._parent_on_line(commit)
        for found in reversed(chain):
            before, commit = commit, found
            self._seen.add(found)
            sides: list[Side] = []
            for parent in self.parents(found):
                side = self._side(parent, before, found, beside=beside) if parent != before else None
                if side is None:
                    continue
                if side.joined:
                    yield from self._line(parent, beside=True)
                sides.append(side._replace(commits=tuple(self._mark(parent, foreign=side.foreign))))
            yield Link(found, before, tuple(sides))

    def _own(self, commit: str) -> dict[str, TreeEntry]:
        root = self._objects.tree(self.tree(commit))
        return {name: root[name] for name in OWN_FOLDERS if name in root}

    def _parent_on_line(self, commit: str) -> str:
        holder = self._holder(commit)
        return self.parents(commit)[0] if holder is None else holder

    def _holder(self, commit: str) -> str | None:
        """The parent whose artifacts a commit has, empty for a beginning; None where both sides of a merge worked."""
        parents = self.parents(commit)
        if len(parents) < 2:
            return parents[0] if parents else ""
        own = self._own(commit)
        whole = (parent for parent in parents if self._own(parent) == own)
        worked = (parent for parent in parents if self._own(parent).get(ARTIFACTS) == own.get(ARTIFACTS))
        return next(whole, None) or next(worked, None)

    def _side(self, tip: str, before: str, merge: str, *, beside: bool) -> Side | None:
        """What a parent brings to a merge; None when the line had seen all of it."""
        if tip in self._seen and not beside:
            return None
        base = self._base(tip, before, beside=beside)
        if base == tip:
            return None
        foreign = not base or base in self._foreign
        both = not foreign and tip in self._nodes and self._both_worked(tip, base, before, merge)
        joined = both or tip in self._seen
        return Side(tip, base, foreign, joined, self.tree(tip), self.tree(base))

    def _base(self, tip: str, before: str, *, beside: bool) -> str:
        """Where a parent of a merge left what is behind the one on the line; empty when it never did."""
        if tip in self._nodes and not beside:  # all that was seen is behind that one
            base: str | None = tip
            while base in self._nodes and base not in self._seen:
                base = self._holder(base)
            if base is not None:
                return base
        return self._git.text("merge-base", before, tip, allowed=(0, 1)) if before else ""

    def _both_worked(self, tip: str, base: str, before: str, merge: str) -> bool:
        """Whether a merge has artifacts of both its sides."""
        held = (self._own(commit).get(ARTIFACTS) for commit in (merge, before, tip, base))  # read as far as needed
        both = next(held)
        return both != next(held) and both != (theirs := next(held)) and theirs != next(held)

    def _mark(self, tip: str, *, foreign: bool) -> Iterator[str]:
        """Note that everything behind a commit has been seen, and say what had not been."""
        waiting = [tip]
        while waiting:
            commit = waiting.pop()
            if commit in self._nodes and commit not in self._seen:
                self._seen.add(commit)
                waiting.extend(self.parents(commit))
                if foreign:
                    self._foreign.add(commit)
                yield commit
