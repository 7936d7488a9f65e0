"""Repair: a working tree brought to what its head says, after a crash, or after a git that came in between."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from factory.model.layout import parse
from factory.model.places import JournalFile
from factory.store.repository.git import Git
from factory.store.repository.objects import EMPTY_TREE, Objects
from factory.store.repository.refs import NOTHING, RefUpdate
from factory.store.repository.saved import checked_out
from factory.store.repository.trees import OWN_FOLDERS, Change, diff
from factory.store.repository.view import View

# How long a git command can have had an index in its hands that it writes back, and how many commits that may be.
_STALE_S = 600
_STALE_COMMITS = 300


class Repair:
    """Finds out what in a working tree is behind or ahead of its head, and mends that and nothing else."""

    def __init__(self, git: Git, objects: Objects, is_ancestor: Callable[[str, str], bool]) -> None:
        self._git = git
        self._objects = objects
        self._is_ancestor = is_ancestor

    def head_of(self, view: View) -> str | None:
        """The commit that is checked out."""
        return checked_out(view, self._objects)

    def changes(self, update: RefUpdate) -> list[Change]:
        """What a branch's move changes."""
        return list(diff(self._objects, self._tree(update.old), self._tree(update.new)))

    def _tree(self, commit: str) -> str:
        return EMPTY_TREE if commit == NOTHING else self._objects.commit(commit).tree

    def known(self, update: RefUpdate) -> bool:
        """Whether the commits of a move are there to be compared."""
        found = [self._objects.read(commit) for commit in (update.old, update.new) if commit != NOTHING]
        return all(each is not None and each[1] == "commit" for each in found)

    def happened(self, update: RefUpdate) -> bool:
        """Whether a branch has moved as it was to."""
        found = self._objects.read(f"refs/heads/{update.branch}")
        return found is not None and update.new != NOTHING and self._is_ancestor(update.new, found[0])

    def is_to_happen(self, update: RefUpdate) -> bool:
        """Whether a branch still is where it was to move from."""
        found = self._objects.read(f"refs/heads/{update.branch}")
        return update.old != update.new and (found[0] if found else NOTHING) == update.old

    def toward(self, head: str, changes: Iterable[Change]) -> Iterator[Change]:
        """Each change in the direction that leads to what a commit holds; where it holds neither, none."""
        tree = self._objects.commit(head).tree
        for change in changes:
            there = self._objects.find(tree, change.path)
            if there == change.new:
                yield change
            elif there == change.old:
                yield Change(change.path, change.new, change.old)

    def behind(self, view: View, head: str) -> list[Change]:
        """What an index lacks that a git command wrote back after the branch had moved.

        Nobody but the factory writes journals, so an index whose journals are those of an earlier commit, and of no
        other, is that commit's.
        """
        journals = [path for path in view.index.differing(head, sorted(OWN_FOLDERS)) if _is_journal(path)]
        if not journals:
            return []
        held = view.index.entries(journals)
        now = self._objects.commit(head).tree
        for base in self._lately(head):
            before = self._objects.commit(base).tree
            if any(self._oid(before, path) != held.get(path) for path in journals):
                continue
            changes = list(diff(self._objects, before, now))
            lacking = _as_before(view, changes)
            rest = {change.path for change in changes}.difference(change.path for change in lacking)
            if not any(_is_journal(path) for path in rest):  # else a later commit, which held other journals too
                return lacking
        return []

    def _lately(self, head: str) -> Iterator[str]:
        """The commits that a branch pointed to before, as far back as one can still be in use."""
        listed = self._git.text("rev-list", "--first-parent", f"--max-count={_STALE_COMMITS}", head).split("\n")
        newer, *older = listed
        for base in older:
            if self._objects.commit(newer).committed_at < self._git.system.time() - _STALE_S:
                return
            yield base
            newer = base

    def ahead(self, view: View, update: RefUpdate) -> list[Change]:
        """What was made for a branch, and has come to another one that was begun from it in that moment."""
        head = self.head_of(view)
        if head is None or NOTHING in update or view.branch() == update.branch:
            return []
        if not self._is_ancestor(head, update.old):
            return []
        old, new = (self._objects.commit(commit).tree for commit in (update.old, update.new))
        for before in (old, self._objects.commit(head).tree):  # the last batch first, which soon says no
            back = [Change(change.path, change.new, change.old) for change in diff(self._objects, before, new)]
            own = [change for change in back if change.of_factory]
            if not own or len(_as_before(view, own)) < len(own):
                return []
        return back

    def bring(self, view: View, changes: Sequence[Change], *, files: bool = True) -> None:
        """Lock a view and finish it. A lock that was left was kept, so that nobody could commit what is half done.

        What was made beside goes last: that it is there says that there is something to be done, if this ends half way.
        """
        with view.lock.held(adopt=True, lasting=True):
            view.lock.kept = True
            if files:
                self.finish(view, changes)
            else:
                view.index.prepare(_as_before(view, changes))
                view.index.adopt()
            view.index.forget()
            view.lock.kept = False

    def finish(self, view: View, changes: Sequence[Change]) -> None:
        """Bring index and files from what they were to what they shall be. The lock is held.

        What holds the new content is done, what holds the old is not, and anything else is a person's.
        """
        ours = [change for change in changes if change.of_factory]
        seen = view.checkout.stamps(changes)
        code = view.checkout.untouched([change for change in changes if not change.of_factory])
        view.index.prepare(_as_before(view, changes))
        view.checkout.write_beside(self._objects, ours)
        view.checkout.check_out_beside(code)
        view.checkout.remove_unfinished(changes)
        view.checkout.update(ours + code, seen)
        view.index.adopt()

    def _oid(self, tree: str, path: str) -> str | None:
        entry = self._objects.find(tree, path)
        return entry.oid if entry else None


def _is_journal(path: str) -> bool:
    return isinstance(parse(path), JournalFile)


def _as_before(view: View, changes: Sequence[Change]) -> list[Change]:
    """Those of these changes whose entry in the index still is what it was."""
    held = view.index.entries([change.path for change in changes])
    return [change for change in changes if held.get(change.path) == (change.old.oid if change.old else None)]
