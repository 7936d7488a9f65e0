"""The commit protocol: commits built unseen, one atomic ref update, then the view; repairable at every instant."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from factory.model.errors import BusyError, UnusableError
from factory.model.layout import item_in_queue
from factory.store.repository.git import Git
from factory.store.repository.index import Mark
from factory.store.repository.objects import Objects
from factory.store.repository.power_loss import repair_after_power_loss
from factory.store.repository.recovery import Recovery
from factory.store.repository.refs import NOTHING, Refs, RefUpdate
from factory.store.repository.repair import Repair
from factory.store.repository.saved import saved_elsewhere
from factory.store.repository.trees import Change
from factory.store.repository.view import View

_PATIENCE_S = 1.0
_PATIENCE_INDEX_S = 5.0
_COURTESY_S, _NO_COURTESY_S = 0.4, 1.0
_TRIES = 8


class LocalChanges(BusyError):
    """A person's uncommitted changes are where files would have to be written; nothing was done."""

    def __init__(self, paths: Sequence[str]) -> None:
        shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        super().__init__(f"uncommitted changes in {shown}", "git stash, or commit them")
        self.items = frozenset(filter(None, map(item_in_queue, paths)))  # whose own files are among them


class _Shown:
    """A working tree that shows a branch that is to move, made ready for it while nobody is kept waiting."""

    def __init__(self, view: View, branch: str, changes: Sequence[Change], landing: Collection[str]) -> None:
        self.view = view
        self.changes = changes
        self._branch = branch
        self._kept = [each for each in changes if not each.of_factory or item_in_queue(each.path) in landing]
        self._made_from: Mark | None = None

    def refuse_edits(self, taken: Mapping[str, Change]) -> None:
        """Raises LocalChanges or UnusableError when a person's files, not `taken` in, are where others have to be."""
        checkout = self.view.checkout
        if (obstacle := checkout.obstacle(self.changes)) is not None:
            raise UnusableError(f"{obstacle} lies where the factory keeps its own files in a folder", "move it away")
        self.seen = checkout.stamps(self._kept)
        kept = [each for each in self._kept if not (checkout.has(each) or checkout.has(taken.get(each.path, each)))]
        if kept and (edited := self.view.local_changes(kept)):
            raise LocalChanges(edited)

    def make_ready(self, objects: Objects, durable: "Future[None]") -> None:
        """Make index and files beside. Raises as `refuse_edits` does."""
        self.refuse_edits({})
        self._made_from = self.view.index.prepare(self.changes)
        self.view.checkout.write_beside(objects, self.changes)
        durable.result()  # before git looks for them
        self.view.checkout.check_out_beside(self.changes)

    def is_ready(self) -> bool:
        """Whether nobody has changed head, index or those files since. The lock is held."""
        view = self.view
        return (
            view.lock.is_mine()
            and view.branch() == self._branch
            and view.index.mark() == self._made_from
            and view.checkout.stamps(self._kept) == self.seen
        )


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
        self._views = views
        self._system = git.system
        self._repair = Repair(git, objects, is_ancestor)
        self._refs = Refs(git, state.parent)
        self._recovery = Recovery(self._repair, self._refs, state, views, git.system)
        self._beside = git.system.threads(1, "flush")
        self._undisturbed = False
        self._landing: frozenset[str] = frozenset()
        self._courteous = True
        self._courteous_from = 0.0  # of the monotonic clock

    def publish(self, updates: Sequence[RefUpdate], landing: Collection[str] = ()) -> None:
        """Move the branches in one instant, then bring the view up. Raises BusyError or GitError before it.

        Nothing happens either, but LocalChanges is raised, when a person has changed the project's files that are to
        be written, or the queue's files of the items that land.
        """
        self._landing = frozenset(landing)
        self.recover()  # of an earlier batch whose view could not be brought up, say on a full disk
        # Nobody sees the objects before the branches move, so the disk may work while the indexes are made.
        durable = self._beside.submit(self._make_durable, updates)
        courteous, self._courteous = self._courteous, False  # whoever's git never rests is let go on first only once
        try:
            self._refs.begin(self._subject(updates))
            if courteous and self._system.monotonic() > self._courteous_from:
                self._let_pass([each.view for each in self._shown(updates)])
            # Whoever's index never rests is kept waiting, the last time, while a new one is made of it.
            if not any(self._happens(updates, durable, hurried=number == _TRIES) for number in range(_TRIES + 1)):
                raise BusyError("what is checked out kept changing while a move was to be made", "factory tick")
            self._courteous = True
        finally:
            durable.exception()

    def refuse_edits(self, updates: Sequence[RefUpdate], landing: Collection[str], taken_in: str) -> None:
        """Raise what `publish` would, where a person has something in the way that a commit has not `taken_in`."""
        self._landing = frozenset(landing)
        self._refuse_begun(updates)
        begun = updates[0]._replace(new=taken_in or updates[0].old)
        taken = {each.path: each for each in self._repair.changes(begun)}
        for each in self._shown(updates):
            each.refuse_edits(taken)
        if elsewhere := saved_elsewhere(self._views(), self._objects, updates[0]._replace(old=begun.new), landing):
            raise LocalChanges(elsewhere)

    def _happens(self, updates: Sequence[RefUpdate], durable: "Future[None]", *, hurried: bool) -> bool:
        """Make all ready and let it happen; False, and nothing done, when a person's git came in between."""
        self.settle()
        self._refuse_begun(updates)
        shown = self._shown(updates)
        with ExitStack() as locks:
            for each in shown if hurried else ():
                locks.enter_context(each.view.lock.held(adopt=self._undisturbed, lasting=True))
            self._objects.guard()
            for each in shown:
                each.make_ready(self._objects, durable)
            durable.result()
            self._lock(updates, () if hurried else shown, locks)
            self._refuse_begun(updates)
            if not all(each.is_ready() for each in shown):
                return False
            if elsewhere := saved_elsewhere(self._views(), self._objects, updates[0], self._landing):
                raise LocalChanges(elsewhere)
            self._objects.guard()
            # Who sees the new head from here on sees the new index; who saw the old head fails at the branch.
            with ExitStack() as failing:
                failing.callback(self._take_back, updates, shown)
                for each in shown:
                    each.view.index.adopt()
                self._move_refs()
                failing.pop_all()
            for each in shown:
                each.view.lock.kept = True
            for each in shown:
                self._bring_up(each, updates)
        for each in self._arrived(updates, besides=[each.view.root for each in shown]):
            self._repair.bring(each.view, each.changes)
        self._objects.guard()
        self._refs.sync(updates)  # before anybody is told: git syncs what a branch says, and not that it says so
        self._recovery.done()
        self._objects.release()
        return True

    @contextmanager
    def undisturbed(self, branches: Collection[str]) -> Iterator[None]:
        """Keep a person's git from committing on these branches while a batch is made and published, if it can be."""
        self.recover()  # of an earlier try, which would let go of the locks
        with ExitStack() as locks:
            for view in self._views():
                if view.branch() in branches:
                    with suppress(BusyError):
                        locks.enter_context(view.lock.held(lasting=True))
            self._undisturbed = True
            try:
                yield
            finally:
                self._undisturbed = False

    def _let_pass(self, views: Sequence[View]) -> None:
        """Let a person's git that is at work come to its end, for a while: else the branch moves under its hands.

        What it writes back of an earlier batch is mended at once, or their next commit would undo that.
        """
        until = self._system.monotonic() + _COURTESY_S
        while any(view.stirs(self._recovery.index_left(view)) for view in views):
            if self._system.monotonic() > until:  # they do not rest; what waits for the next pass must not wait long
                self._courteous_from = self._system.monotonic() + _NO_COURTESY_S
                return
            self.settle()
            self._system.sleep(0.005)

    def _lock(self, updates: Sequence[RefUpdate], shown: Sequence[_Shown], locks: ExitStack) -> None:
        """Lock the branches, and then the indexes for the few renames that are left to do. Raises BusyError.

        A person's git that holds an index and waits for the branch does not wait for us while we wait for its index.
        """
        until = self._system.monotonic() + _PATIENCE_INDEX_S
        while True:
            self._objects.guard()
            self._refs.lock(updates)
            try:
                with ExitStack() as taken:
                    taken.callback(self._refs.unlock)
                    for each in shown:
                        taken.enter_context(each.view.lock.held(patience=0, adopt=self._undisturbed, lasting=True))
                    locks.push(taken.pop_all())
                    return
            except BusyError:
                if self._system.monotonic() > until:
                    raise
            while any(os.path.lexists(each.view.lock.path) for each in shown) and self._system.monotonic() < until:
                self._system.sleep(0.002)

    def _move_refs(self) -> None:
        self._refs.move()

    def _subject(self, updates: Sequence[RefUpdate]) -> str:
        """The first line of the newest commit's message."""
        newest = next((update.new for update in updates if update.new != NOTHING), None)
        found = newest and self._objects.read(newest)
        message = found[2].partition(b"\n\n")[2] if found else b""
        return message.partition(b"\n")[0].decode(errors="replace") or "factory: tidy up"

    def _take_back(self, updates: Sequence[RefUpdate], shown: Sequence[_Shown]) -> None:
        """The branches have not moved, so no index may say that they have."""
        happened = self._repair.happened(updates[0])
        for each in shown:
            if happened:
                each.view.lock.kept = True  # only git's answer was lost; recovery goes on from here
            else:
                each.view.index.put_back()

    def _bring_up(self, shown: _Shown, updates: Sequence[RefUpdate]) -> None:
        """Bring the files to what the branch holds; back, if another one was begun here in this very moment."""
        view = shown.view
        view.checkout.update(shown.changes, shown.seen)
        if not any(update.branch == view.branch() for update in updates):
            head = self._repair.head_of(view)
            self._repair.finish(view, list(self._repair.toward(head, shown.changes)) if head else [])
        view.lock.kept = False
        view.index.forget()
        self._recovery.leave(view, updates)

    def _refuse_begun(self, updates: Sequence[RefUpdate]) -> None:
        for view in self._views():
            if busy := view.busy_with([update.branch for update in updates]):
                raise BusyError(busy, "finish or abort it, then factory tick")

    def _arrived(self, updates: Sequence[RefUpdate], besides: Sequence[Path]) -> list[_Shown]:
        """Views that a person's `git switch` brought to a branch just as it moved, and that show what it was before.

        It writes the index first and says last which branch is shown: one that is under way is waited for.
        """
        until = self._system.monotonic() + _PATIENCE_S
        while True:
            found = self._shown(updates, besides)
            others = [view for view in self._views() if view.root not in besides]
            if found or not any(view.stirs() for view in others) or self._system.monotonic() > until:
                return found
            self._system.sleep(0.002)

    def _make_durable(self, updates: Sequence[RefUpdate]) -> None:
        """All that has to outlive the machine before the branches move: the objects, and the note of what comes."""
        self._objects.flush()
        self._recovery.begin(updates)

    def _shown(self, updates: Sequence[RefUpdate], besides: Sequence[Path] = ()) -> list[_Shown]:
        """Every view that shows one of these branches, and what changes in it."""
        moved = {update.branch: update for update in updates}
        views = (view for view in self._views() if view.root not in besides)
        found = [(view, moved[branch]) for view in views if (branch := view.branch()) in moved]
        here = [(view, update) for view, update in found if update.new != NOTHING]
        return [_Shown(view, each.branch, self._repair.changes(each), self._landing) for view, each in here]

    def repair_after_power_loss(self) -> bool:
        """Mend what a machine that went off has torn in working trees; whether there was something to mend."""
        self._recovery.break_packed_locks()  # a person's git that was at it may have left them
        return repair_after_power_loss(self._views(), self._objects, self._repair, self._recovery.begun())

    def recover(self) -> bool:
        """Finish or undo what a crash left between a batch's parts. True when it had happened and was finished."""
        return self._recovery.recover()

    def settle(self) -> list[Path]:
        """Mend what a person's git, at work in the moment of a batch, has done to a view since; the views mended."""
        self._objects.guard()
        return self._recovery.settle()

    def close(self) -> None:
        """End what works beside, and the process that moves branches."""
        self._beside.shutdown()
        self._refs.close()
