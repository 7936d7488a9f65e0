"""The head: the branch as it is now, and steps carried out on it, again when somebody moved it meanwhile."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from factory.line.context import Context
from factory.line.snapshot import Snapshot
from factory.line.sync.exchange import Exchange
from factory.line.sync.shallow import deepening
from factory.model.errors import BusyError, UnusableError
from factory.model.events import Noticed
from factory.model.policy import Workflow
from factory.store.repository.commits import LocalChanges
from factory.store.repository.objects import MissingObject
from factory.store.repository.refs import RefMoved
from factory.store.repository.remote import Remote, RemoteMoved

# A person who commits all the time must not starve the factory, nor the factory loop for ever.
_TRIES_DISTURBED, _TRIES = 8, 20  # those after the first so many hold up a person's commits

Found = TypeVar("Found")


class Head:
    """The branch of a context, here and, if it is exchanged with one, on the remote.

    `push` says, in place of the policy, whether the remote has to accept everything before it happens.
    """

    def __init__(self, context: Context, workflow: Workflow, push: bool | None) -> None:
        self._context = context
        self.workflow = workflow  # the newest that could be used
        self._push = push
        self._known: Snapshot | None = None  # of the newest commit that was read
        self._complained = ""  # what has been told of an unusable policy

    @property
    def branches(self) -> tuple[str, ...]:
        """The queue's, and the target."""
        return tuple(dict.fromkeys((self._context.branch, self.workflow.policy.target_branch)))

    def tree(self) -> str:
        """The tree of the branch; empty when there is no branch."""
        head = self._context.repository.head(self._context.branch)
        return self._context.repository.objects.commit(head).tree if head else ""

    def waits_for_a_person(self) -> str:
        """A merge or the like that a person has begun in a working tree that the factory would have to write."""
        return self._context.repository.busy(*self.branches)

    def forget(self) -> None:
        """Read anew what was read: the time is another one."""
        self._known = None

    def present(self) -> Snapshot:
        """The branch as it is now."""
        return self.snapshot(self._context.repository.tip(self._context.branch))

    def snapshot(self, head: str) -> Snapshot:
        """The snapshot at a commit; with the last good policy when the commit's own cannot be used."""
        context, known = self._context, self._known
        if known is not None and known.head == head:
            return known
        try:
            snapshot = context.reader.snapshot(context.system.now(), head)
            self._complained = ""
        except UnusableError as error:
            if error.message != self._complained:  # not anew for each commit of the factory's own
                context.tell(Noticed(f"{error.message}; the last good policy stays in force"))
                self._complained = error.message
            snapshot = context.reader.snapshot(context.system.now(), head, self.workflow)
        # Without its target nothing moves, and no item is to blame.
        context.repository.tip(snapshot.policy.target_branch, "target")
        self.workflow = snapshot.workflow
        self._known = snapshot
        return snapshot

    def carry_out(self, step: Callable[[Snapshot], Found]) -> Found:
        """What a step finds on the branch as it is; done again if the branch moved before it could be published."""
        context, publisher = self._context, self._context.repository.publisher
        disturbed, pruned, exchange = 0, False, context.writer.exchange
        while disturbed < _TRIES:
            with publisher.undisturbed(self.branches) if disturbed >= _TRIES_DISTURBED else nullcontext():
                snapshot = self.present()
                context.writer.begin(snapshot.head)
                try:
                    return step(snapshot)
                except RefMoved:  # the queue's branch, the target, or an item's own
                    disturbed += 1
                except RemoteMoved:  # by another clone
                    if exchange is None:
                        raise
                    exchange.pause()
                except LocalChanges as error:  # a person's, of this moment: what they concern stays, the rest goes on
                    context.obstructed |= error.items
                    disturbed += 1
                except MissingObject:  # a person's git has thrown away what no branch held yet
                    if pruned:
                        raise
                    pruned = True
                    context.repository.objects.guard()
            if exchange is not None:
                exchange.take_over(self.branches)
        raise BusyError(f"{context.branch}, its target or a person's files kept changing", "factory tick")

    def take_over(self) -> bool:
        """Bring this clone and its remote to one state, if it has one; whether anything moved, there or here.

        Raises what `Exchange.take_over` does.
        """
        context, sync = self._context, self.workflow.policy.sync
        context.synced = sync.push if self._push is None else self._push
        if not context.synced:
            context.writer.exchange = None
            return False
        exchange = context.writer.exchange
        if exchange is None or exchange.remote.name != sync.remote:
            repository = context.repository
            remote = Remote(repository.git, repository.objects, repository.common_dir, sync.remote)
            remote.refuse_unknown()
            exchange = context.writer.exchange = Exchange(repository, remote, context.me, context.tell)
        moved = exchange.take_over(self.branches)
        if exchange.remote.beginnings():
            for commits in deepening(context.repository, exchange.remote, self.present()):
                exchange.remote.deepen(self.branches, commits)
        return moved
