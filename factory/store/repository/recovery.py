"""Recovery: what a crash left half done is finished or undone, and what a person's git did meanwhile is mended."""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from factory.model.errors import BusyError
from factory.model.names import can_be_branch
from factory.store import files
from factory.store.repository.index import Mark
from factory.store.repository.locks import break_still
from factory.store.repository.refs import NOTHING, Refs, RefUpdate
from factory.store.repository.repair import Repair
from factory.store.repository.trees import Change
from factory.store.repository.view import View
from factory.store.state import PENDING, PUBLISHED
from factory.store.system import System

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_AFTER_S = 10.0  # so soon after a batch a branch may have been begun from what was there before it


class _Left(NamedTuple):
    """How the factory left a working tree: after which batch, when, and with which index; and how it was seen since."""

    updates: Sequence[RefUpdate]
    at: float
    made: Mark | None
    head: str
    mark: Mark | None


class Recovery:
    """Keeps a note of each batch, and knows from it what has to be mended."""

    def __init__(
        self, repair: Repair, refs: Refs, state: Path, views: Callable[[], Iterable[View]], system: System
    ) -> None:
        self._repair = repair
        self._refs = refs
        self._common = state.parent
        self._pending = state / PENDING
        self._published = state / PUBLISHED
        self._views = views
        self._system = system
        self._left: dict[Path, _Left] = {}

    def begin(self, updates: Sequence[RefUpdate]) -> None:
        """Note what is about to happen, so that it outlives the machine."""
        files.write(self._pending, json.dumps(updates).encode(), durable=True)

    def begun(self) -> Sequence[RefUpdate]:
        """What was noted and is not known to have happened; nothing when no batch was broken off."""
        return _noted(self._pending) or ()

    def leave(self, view: View, updates: Sequence[RefUpdate]) -> None:
        """Remember how a view is after a batch."""
        mark = view.index.mark()
        self._left[view.root] = _Left(updates, self._system.time(), mark, view.head(), mark)

    def index_left(self, view: View) -> Mark | None:
        """The index of a view as the last batch left it; None when there was none yet."""
        left = self._left.get(view.root)
        return left.made if left else None

    def done(self) -> None:
        """What was noted has happened. The note stays: a git that began before it may end after it."""
        self._pending.replace(self._published)

    def recover(self) -> bool:
        """Finish or undo what a crash left between a batch's parts. True when it had happened and was finished."""
        updates = _noted(self._pending)
        if updates is None:
            return False
        self._break_ref_locks(updates)
        # Files are written only once the branch has moved: before, what they hold is a person's.
        happened = bool(updates) and self._repair.happened(updates[0])
        if happened:
            self._move_the_rest(updates)
        known = [update for update in updates if self._repair.known(update)]
        for view in self._views():
            if not happened and not view.index.unfinished():
                continue
            head = self._repair.head_of(view)
            mine = next((update for update in known if update.branch == view.branch()), None)
            if head is not None and mine is not None and mine.new != NOTHING:
                self._repair.bring(view, list(self._repair.toward(head, self._repair.changes(mine))), files=happened)
            elif changes := next(filter(None, (self._repair.ahead(view, update) for update in known)), None):
                self._repair.bring(view, changes, files=happened)
        if happened:
            self._refs.sync(updates)  # before anybody builds on it: what was broken off may not have come to it
        self._pending.unlink()
        return happened

    def _move_the_rest(self, updates: Sequence[RefUpdate]) -> None:
        """Move those that were to move with the first: each is a rename, and a loss of power may keep but the first.

        Raises BusyError while a person is at work on one of them. Where one cannot be moved any more, since somebody
        went on from what it was, no branch is taken away: what was proposed is all that is left of what was landed.
        """
        known = filter(self._repair.known, updates)
        left = [each for each in known if self._repair.is_to_happen(each) and not self._was_moved_back(each)]
        stays = [each for each in updates if each not in left and each.new != NOTHING]
        if not all(map(self._repair.happened, stays)):
            left = [each for each in left if each.new != NOTHING]
        if not left:
            return
        for view in self._views():
            self._refuse_work(view, left)
        self._refs.begin("factory: finish what a crash had left half done")
        self._refs.lock(left)
        self._refs.move()

    def _refuse_work(self, view: View, left: Sequence[RefUpdate]) -> None:
        """Raise BusyError where a branch would move under a person's merge, or under edits of what changes."""
        if busy := view.busy_with([update.branch for update in left]):
            raise BusyError(busy, "finish or abort it, then factory tick")
        shown = [update for update in left if update.branch == view.branch() and self._repair.known(update)]
        changes = [change for update in shown for change in self._repair.changes(update) if not change.of_factory]
        if edited := view.local_changes(changes):
            found = f"uncommitted changes in {', '.join(edited[:3])}, where a landing that a crash broke off goes on"
            raise BusyError(found, "git stash, or commit them, then factory tick")

    def _was_moved_back(self, update: RefUpdate) -> bool:
        """Whether it had moved, and somebody has moved it back since, as its reflog tells."""
        log = files.read_regular(self._common / "logs/refs/heads" / update.branch) or b""
        ends = [os.fsdecode(end) for line in log.splitlines() for end in line.split(b" ", 2)[:2]]
        return update.new != NOTHING and update.new in ends and ends[-1] == update.old

    def _break_ref_locks(self, updates: Sequence[RefUpdate]) -> None:
        locks = [self._common / "refs/heads" / f"{update.branch}.lock" for update in updates]
        heads = [view.head_lock for view in self._views()]
        break_still([*locks, *heads, self._common / "HEAD.lock"], self._system)
        self.break_packed_locks()

    def break_packed_locks(self) -> None:
        """Remove what a git that died has left of packed references: none deletes a branch while that lies there."""
        break_still([self._common / "packed-refs.lock", self._common / "packed-refs.new"], self._system)

    def settle(self) -> list[Path]:
        """Mend what a person's git, at work in the moment of a batch, has done to a view since; the views mended."""
        return [view.root for view in self._views() if self._settle(view)]

    def _settle(self, view: View) -> bool:
        now = view.head(), view.index.mark()
        left = self._left.get(view.root) or self._left_before()
        if left is None:
            return False
        if now == (left.head, left.mark) or view.busy():
            return False
        mended = False
        if self._astray(view, left):
            try:
                with view.lock.held(patience=0):
                    changes = self._astray(view, left)  # looked again, now that nobody else can mend it
                    self._repair.finish(view, changes)
                    mended = bool(changes)
            except BusyError:
                return False  # its git is still at work
        self._left[view.root] = left._replace(head=now[0], mark=view.index.mark())
        return mended

    def _left_before(self) -> _Left | None:
        """How an earlier process left what this one has not looked at yet."""
        last = _noted(self._published)
        return _Left(last, self._published.stat().st_mtime, None, "", None) if last else None

    def _astray(self, view: View, left: _Left) -> list[Change]:
        """What in a view is not as its head has it, and cannot be a person's wish."""
        head = self._repair.head_of(view)
        if head is not None and any(update.branch == view.branch() for update in left.updates):
            return self._repair.behind(view, head)
        if not -_AFTER_S < view.head_changed_at() - left.at < _AFTER_S:
            return []
        return next(filter(None, (self._repair.ahead(view, update) for update in left.updates)), [])


def _noted(path: Path) -> list[RefUpdate] | None:
    """The updates in a note, if there is one; a torn one was never followed by the branch's move.

    Nor is one believed that the factory cannot have written, whoever did.
    """
    note = files.read_regular(path)
    try:
        updates = [] if note is None else [RefUpdate(*fields) for fields in json.loads(note)]
        return None if note is None else updates if all(map(_can_be, updates)) else []
    except (ValueError, TypeError, RecursionError):
        return []


def _can_be(update: RefUpdate) -> bool:
    """Whether a branch and two commits can have these names."""
    return can_be_branch(update.branch) and all(map(_COMMIT.fullmatch, (update.old, update.new)))
