"""Batches: commits chained on one branch, unseen until they are published together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from factory.store.repository.objects import Objects, Person
from factory.store.repository.refs import RefUpdate
from factory.store.repository.trees import TreeEditor

_NOBODY = Person("factory", "factory@localhost")


class BatchMark(NamedTuple):
    """How far a batch is written, and what waits for it."""

    tip: str
    others: int
    landing: int
    pending: int
    written: int


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when."""

    author: Person
    committer: Person
    at: datetime
    committed_at: int | None = None  # seconds since 1970, when it is not `at`


def add_commit(objects: Objects, tree: str, parents: Sequence[str], message: str, signed: Signature) -> str:
    """The id of a new commit object."""
    stamp = f"{int(signed.at.timestamp())} +0000"
    committed = f"{signed.committed_at} +0000" if signed.committed_at is not None else stamp
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {signed.author} {stamp}", f"committer {signed.committer} {committed}", "", message]
    text = "\n".join(lines).replace("\0", "\N{REPLACEMENT CHARACTER}")  # git reads a message only up to a NUL
    return objects.add("commit", text.encode("utf-8", "surrogateescape"))


def plumbing_commit(objects: Objects, tree: str, parents: Sequence[str], message: str) -> str:
    """The id of a commit that is only checked out or merged: wherever and whenever it is made, it is the same."""
    return add_commit(objects, tree, parents, message, Signature(_NOBODY, _NOBODY, datetime.fromtimestamp(0, UTC)))


class Batch:
    """Commits chained on one branch, unseen until they are published together."""

    def __init__(self, objects: Objects, branch: str, head: str) -> None:
        self._objects = objects
        self.branch = branch
        self.head = head
        self.tip = head
        self.tree = TreeEditor(objects, objects.commit(head).tree)
        self.others: list[RefUpdate] = []
        self.taken_in = ""  # the tip that holds what people wrote, if any of it was taken in
        self.landing: list[str] = []  # items whose files may not have been changed meanwhile

    def commit(self, message: str, signed: Signature, *merged: str) -> str:
        """Commit the tree as it is now, as a child of the tip and of the merged commits."""
        self.tip = add_commit(self._objects, self.tree.write(), (self.tip, *merged), message, signed)
        return self.tip

    def back_to(self, tip: str, others: int, landing: int) -> None:
        """Forget what came after this tip, and all but so many of the other branches and of what lands."""
        self.tip = tip
        self.tree = TreeEditor(self._objects, self._objects.commit(tip).tree)
        del self.others[others:]
        del self.landing[landing:]

    def updates(self) -> list[RefUpdate]:
        """Every branch that this batch moves, its own first."""
        moved = {self.branch: RefUpdate(self.branch, self.head, self.tip)}
        for update in self.others:  # git moves a branch only once in one instant
            old = moved[update.branch].old if update.branch in moved else update.old
            moved[update.branch] = RefUpdate(update.branch, old, update.new)
        return [update for update in moved.values() if update.old != update.new]

    def in_parts(self) -> list[list[RefUpdate]]:
        """The same in the order in which a working tree can follow: what people wrote is git's before it moves."""
        first, *others = self.updates()
        if self.taken_in in ("", first.new) or first.branch != self.branch:
            return [[first, *others]]
        return [[first._replace(new=self.taken_in)], [first._replace(old=self.taken_in), *others]]
