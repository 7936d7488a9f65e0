"""The commit protocol: commits built unseen, one atomic ref update, then the view; repairable at every instant."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from factory.model.errors import BusyError
from factory.store import files
from factory.store.repository.git import Git, GitError
from factory.store.repository.locks import break_still
from factory.store.repository.objects import EMPTY_TREE, Objects, Person
from factory.store.repository.trees import Change, TreeEditor, diff
from factory.store.repository.view import View

NOTHING = "0" * 40
_PATIENCE_S = 1.0
# What git says when a branch is not where it was expected: moved, made, or taken away.
_MOVED = ("but expected", "reference already exists", "unable to resolve reference")


class RefUpdate(NamedTuple):
    """One branch, from one commit to another; NOTHING stands for no branch."""

    branch: str
    old: str
    new: str


class RefMoved(GitError):
    """A branch no longer is where it was expected; nothing was done."""


class LocalChanges(BusyError):
    """A person's uncommitted changes are where files would have to be written; nothing was done."""

    def __init__(self, paths: Sequence[str]) -> None:
        shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        super().__init__(f"uncommitted changes in {shown}", "git stash, or commit them")
        self.paths = tuple(paths)


def add_commit(objects: Objects, tree: str, parents: Sequence[str], message: str, signed: "Signature") -> str:
    """The id of a new commit object."""
    stamp = f"{int(signed.at.timestamp())} +0000"
    committed = f"{signed.committed_at} +0000" if signed.committed_at is not None else stamp
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {signed.author} {stamp}", f"committer {signed.committer} {committed}", "", message]
    text = "\n".join(lines).replace("\0", "\N{REPLACEMENT CHARACTER}")  # git reads a message only up to a NUL
    return objects.add("commit", text.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when."""

    author: Person
    committer: Person
    at: datetime
    committed_at: int | None = None  # seconds since 1970, when it is not `at`


class Batch:
    """Commits chained on one branch, unseen until they are published together."""

    def __init__(self, objects: Objects, branch: str, head: str) -> None:
        self._objects = objects
        self.branch = branch
        self.head = head
        self.tip = head
        self.tree = TreeEditor(objects, objects.commit(head).tree)
        self.others: list[RefUpdate] = []

    def commit(self, message: str, signed: Signature, *merged: str) -> str:
        """Commit the tree as it is now, as a child of the tip and of the merged commits."""
        self.tip = add_commit(self._objects, self.tree.write(), (self.tip, *merged), message, signed)
        return self.tip

    def back_to(self, tip: str, others: int) -> None:
        """Forget what came after this tip, and all but so many of the other branches."""
        self.tip = tip
        self.tree = TreeEditor(self._objects, self._objects.commit(tip).tree)
        del self.others[others:]

    def updates(self) -> list[RefUpdate]:
        """Every branch that this batch moves."""
        moved = {self.branch: RefUpdate(self.branch, self.head, self.tip)}
        for update in self.others:  # git moves a branch only once in one instant
            old = moved[update.branch].old if update.branch in moved else update.old
            moved[update.branch] = RefUpdate(update.branch, old, update.new)
        return [update for update in moved.values() if update.old != update.new]


class Publisher:
    """Makes batches happen. Only the holder of the factory's lock may use it."""

    def __init__(
        self,
        objects: Objects,
        state: Path,
        git: Git,
        views: Callable[[], Iterable[View]],
        is_ancestor: Callable[[str, str], bool],
    ) -> None:
        self._objects = objects
        self._is_ancestor = is_ancestor
        self._note = state / "pending"
        self._views = views
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flush")
        self._git = git

    def publish(self, updates: Sequence[RefUpdate]) -> None:
        """Move the branches in one instant, then bring the view up. Raises BusyError or GitError before it."""
        self.recover()  # of an earlier batch whose view could not be brought up, say on a full disk
        shown = self._shown(updates)
        with ExitStack() as locks:
            for view, branch, _ in shown:
                locks.enter_context(view.lock.held())
                if view.branch() != branch:
                    raise BusyError(f"another branch has just been checked out in {view.root}", "factory tick")
            for view, _, changes in shown:
                _refuse_to_overwrite(view, changes)
            # Nobody sees the objects before the branches move, so the disk may work while git makes the indexes.
            durable = self._beside.submit(self._make_durable, updates)
            locks.callback(durable.exception)
            for view, _, changes in shown:
                view.prepare_index(changes)
            durable.result()
            self._move_refs(updates)
            for view, _, _ in shown:
                view.lock.kept = True
            for view, _, changes in shown:
                view.update(self._objects, changes)
                view.adopt_index()
        self._bring_up(self._arrived(updates, besides=[view.root for view, _, _ in shown]))
        self._note.unlink()

    def _arrived(self, updates: Sequence[RefUpdate], besides: Sequence[Path]) -> list[tuple[View, str, list[Change]]]:
        """Views that a person's `git switch` brought to a branch just as it moved, and that show what it was before.

        It writes the index first and says last which branch is shown: one that is under way is waited for.
        """
        until = time.monotonic() + _PATIENCE_S
        while True:
            found = self._shown(updates, besides)
            others = [view for view in self._views() if view.root not in besides]
            if found or not any(view.stirs() for view in others) or time.monotonic() > until:
                return found
            time.sleep(0.002)

    def _make_durable(self, updates: Sequence[RefUpdate]) -> None:
        """All that has to outlive the machine before the branches move: the objects, and the note of what comes."""
        self._objects.flush()
        files.write(self._note, json.dumps(updates).encode(), durable=True)

    def _bring_up(self, shown: Sequence[tuple[View, str, list[Change]]]) -> None:
        """Views that are behind: after a crash, or checked out from what git had read just before the branch moved."""
        for view, _, changes in shown:
            view.forget_prepared()
            # A lock that is left was kept, so that nobody could commit the old index meanwhile.
            with view.lock.held(adopt=True):
                self._finish(view, changes)

    def _shown(
        self, updates: Sequence[RefUpdate], besides: Sequence[Path] = ()
    ) -> list[tuple[View, str, list[Change]]]:
        """Every view that shows one of these branches, the branch, and what changes in it."""
        moved = {update.branch: update for update in updates}
        views = (view for view in self._views() if view.root not in besides)
        found = [(view, moved[branch]) for view in views if (branch := view.branch()) in moved]
        return [
            (view, update.branch, list(diff(self._objects, self._tree(update.old), self._tree(update.new))))
            for view, update in found
            if update.new != NOTHING
        ]

    def _tree(self, commit: str) -> str:
        return EMPTY_TREE if commit == NOTHING else self._objects.commit(commit).tree

    def _move_refs(self, updates: Sequence[RefUpdate]) -> None:
        """In one transaction, each move noted in the branch's reflog with what it was and when.

        A process that lasted would note the time of its own first move, and no message.
        """
        asked = "".join(f"update refs/heads/{update.branch}\0{update.new}\0{update.old}\0" for update in updates)
        try:
            message = self._subject(updates)
            self._git.run("update-ref", "--no-deref", "-m", message, "-z", "--stdin", stdin=asked.encode())
        except GitError as error:
            if any(sign in error.stderr for sign in _MOVED):
                raise RefMoved(("update-ref",), error.status, error.stderr) from None
            raise

    def _subject(self, updates: Sequence[RefUpdate]) -> str:
        """The first line of the newest commit's message."""
        newest = next((update.new for update in updates if update.new != NOTHING), "")
        found = self._objects.read(newest) if newest else None
        message = found[2].partition(b"\n\n")[2] if found else b""
        return message.partition(b"\n")[0].decode(errors="replace") or "factory: tidy up"

    def recover(self) -> bool:
        """Finish what a crash left between a branch's move and its view. True when there was something to finish."""
        note = files.read_regular(self._note)
        if note is None:
            return False
        updates = _noted(note)
        self._break_ref_locks(updates)
        happened = any(self._happened(update) for update in updates[:1])
        shown = self._shown(updates) if happened else []
        self._bring_up(shown)
        self._note.unlink()
        return bool(shown)

    def _happened(self, update: RefUpdate) -> bool:
        found = self._objects.read(f"refs/heads/{update.branch}")
        return found is not None and update.new != NOTHING and self._is_ancestor(update.new, found[0])

    def _break_ref_locks(self, updates: Sequence[RefUpdate]) -> None:
        common = self._note.parent.parent
        locks = [common / "refs/heads" / f"{update.branch}.lock" for update in updates]
        heads = [view.head_lock for view in self._views()]
        break_still([*locks, *heads, common / "HEAD.lock", common / "packed-refs.lock"])

    def _finish(self, view: View, changes: Sequence[Change]) -> None:
        view.lock.kept = True
        indexed = view.indexed([change.path for change in changes])
        behind = [change for change in changes if indexed.get(change.path) == (change.old.oid if change.old else None)]
        view.prepare_index(behind)
        view.remove_unfinished(changes)
        ours = [change for change in changes if change.of_factory]
        code = [change for change in changes if change not in ours]
        # The crash came before the index was adopted, so against it every file already written looks changed:
        # what holds the new content is done, what holds the old is not, and anything else is a person's.
        view.update(self._objects, ours + view.untouched(code))
        view.adopt_index()

    def close(self) -> None:
        """Let the thread end."""
        self._beside.shutdown()


def _noted(note: bytes) -> list[RefUpdate]:
    """The updates in a pending note; a torn one was never followed by the branch's move."""
    try:
        return [RefUpdate(*fields) for fields in json.loads(note)]
    except (ValueError, TypeError, RecursionError):
        return []


def _refuse_to_overwrite(view: View, changes: Sequence[Change]) -> None:
    code = [change for change in changes if not change.of_factory and not view.has(change)]
    edited = view.local_changes(code) if code else []
    if edited:
        raise LocalChanges(edited)
