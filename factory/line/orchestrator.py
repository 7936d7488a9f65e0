"""The orchestrator: one pass is take in, reconcile, collect, gate and apply, advance, start."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from factory.execution.agents.kinds import AGENTS, Agents
from factory.execution.cell.pool import Cells, cells_root
from factory.execution.executor import Executor
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.line.apply.apply import apply
from factory.line.collect.collect import collect
from factory.line.context import Context
from factory.line.dispatch.schedule import ScheduleEntry
from factory.line.dispatch.start import start
from factory.line.identity import refuse_borrowed
from factory.line.intake.reconcile import reconcile, record_moves
from factory.line.intake.take_in import Intake
from factory.line.lock import locked
from factory.line.mission.advance import advance
from factory.line.review.gate import gate
from factory.line.runs import Runs
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.line.wakeup import Wakeup
from factory.line.writer import Writer
from factory.model.errors import (
    BusyError,
    NothingButCommits,
    OutOfTurn,
    Problem,
    StopRequested,
    UnusableError,
    UsageError,
)
from factory.model.events import Noticed, Tell
from factory.model.policy import Workflow
from factory.store import files
from factory.store.library import locate_branch
from factory.store.repository.clashes import refuse_clashes
from factory.store.repository.commits import LocalChanges
from factory.store.repository.objects import MissingObject, Person
from factory.store.repository.refs import RefMoved
from factory.store.repository.repository import Repository
from factory.store.state import BRANCH, HEARTBEATS

_IDLE_PASSES = 2  # a fault that only makes commits must not fill a repository with them
# A person who commits all the time must not starve the factory, nor the factory loop for ever.
_TRIES_DISTURBED, _TRIES = 8, 20  # those after the first so many hold up a person's commits
_LEFT = "this orchestrator has been left already; make another one on the same repository"

Found = TypeVar("Found")


@dataclass(frozen=True)
class PassReport:
    """What a pass found when it was done."""

    commits: int
    schedule: tuple[ScheduleEntry, ...] = ()
    problems: tuple[Problem, ...] = ()
    waiting: str = ""  # why no pass was made


class Orchestrator:
    """Moves items. Use it within `holding`, once: its threads end with that.

    The kinds of agents may be given, and an executor on which runs happen; without one they happen here. `local` may be
    given, too: it carries out what happens here in any case, checks of the merge train and apply commands.
    """

    def __init__(
        self,
        repository: Repository,
        tell: Tell,
        *,
        agents: Agents = AGENTS,
        executor: Executor | None = None,
        local: LocalExecutor | None = None,
    ) -> None:
        branch = locate_branch(repository)
        reader = SnapshotReader(repository, branch)
        self._known: Snapshot | None = None  # of the newest commit that was read
        self._idle = 0  # passes in a row that made commits and changed nothing
        self._complained = ""  # what has been told of an unusable policy
        self.workflow = self._first_workflow(repository, reader, branch)
        signs = self.workflow.policy.identity
        me = Person(signs.name, signs.email or f"factory@{socket.gethostname() or 'localhost'}")
        writer = Writer(repository, branch, me, tell)
        cells = Cells(repository, cells_root(repository.common_dir, self.workflow.policy.workspace.root))
        wakeup = Wakeup(repository.system)
        local = local or LocalExecutor(Host.of(repository, cells, agents))
        runs = Runs(executor or local, local, repository.state / HEARTBEATS, wakeup.wake)
        intake = Intake(reader, writer)
        self._stopping = self._held = self._left = False
        self._alone = threading.Lock()  # held during a pass, or a step of somebody else's
        self.context = Context(repository, branch, reader, writer, intake, runs, wakeup, cells, tell, me)

    def _first_workflow(self, repository: Repository, reader: SnapshotReader, branch: str) -> Workflow:
        head = repository.tip(branch)
        workflow = reader.library.workflow(repository.objects.commit(head).tree, branch)
        repository.tip(workflow.policy.target_branch, "target")
        return workflow

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the factory's lock; on the way in repair what a crash left, on the way out leave nothing behind.

        Raises UsageError when it has been left before: each orchestrator, and its executor, has one life.
        """
        if self._left:
            raise UsageError(_LEFT)
        with locked(self.context.repository.state, self.context.system):
            refuse_clashes(self.context.repository)
            refuse_borrowed(self.context.repository, self.context.branch, self.workflow.policy.identity)
            files.write(self.context.repository.state / BRANCH, f"{self.context.branch}\n".encode())
            self._recover()  # whatever fails here may go well the next time
            self._held = True
            try:
                yield
            finally:
                self._left = True
                self._leave()

    def _recover(self) -> None:
        context = self.context
        if context.repository.recover():
            context.tell(Noticed("finished what a crash had left half done"))
        context.cells.remove_all()
        for heart in (context.repository.state / HEARTBEATS).glob("*"):
            heart.unlink()

    def _leave(self) -> None:
        """Stop what still runs, give its items back, and remove the cells."""
        context = self.context
        running = bool(context.runs.running)
        unwell = context.runs.stop_all()
        try:
            # What a person has begun here comes first; the next pass takes the items back.
            if running and not self._waits_for_a_person():
                context.repository.objects.guard()
                self._at_head(self._collect)
        finally:
            context.cells.remove_all()
            context.repository.under_check.let_go_of_train()
            context.reader.queue.save()
            for said in unwell:
                context.tell(Noticed(said))

    def stop(self) -> None:
        """Ask it to stop where nothing is half done: from any thread, and from within a signal handler."""
        self._stopping = True
        self.wake()

    def wake(self) -> None:
        """There is news: whoever waits for the next pass makes it now."""
        self.context.wakeup.wake()

    def raise_if_stopped(self) -> None:
        """Raises StopRequested when it was asked to stop."""
        if self._stopping:
            raise StopRequested

    def one_pass(self, *, may_start: bool = True, most: int | None = None) -> PassReport:
        """One pass over the pipeline. A branch that moves under it makes the step it is in begin again.

        Raises NothingButCommits when it is the second in a row whose commits changed nothing, and OutOfTurn.
        """
        with self._in_turn():
            return self._counted_pass(may_start=may_start, most=most)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Do one thing at a time, and only while the lock is held. Raises OutOfTurn."""
        if self._left or not self._held:
            raise OutOfTurn(_LEFT if self._left else "an orchestrator makes passes within its `holding` only")
        if not self._alone.acquire(blocking=False):
            raise OutOfTurn("this orchestrator is in the midst of a pass; wake it, and it makes another one")
        try:
            yield
        finally:
            self._alone.release()

    def _counted_pass(self, *, may_start: bool, most: int | None) -> PassReport:
        before = self._tree()
        report = self._pass(may_start=may_start, most=most)
        self._idle = self._idle + 1 if report.commits and self._tree() == before else 0
        if self._idle >= _IDLE_PASSES:
            message = f"two passes in a row made commits that changed nothing on {self.context.branch}, so this ends"
            raise NothingButCommits(message, f"git log -{report.commits} {self.context.branch}")
        return report

    def _tree(self) -> str:
        head = self.context.repository.head(self.context.branch)
        return self.context.repository.objects.commit(head).tree if head else ""

    def _pass(self, *, may_start: bool, most: int | None) -> PassReport:
        self.raise_if_stopped()
        self.context.repository.publisher.recover()  # of a pass that a full disk ended half way
        busy = self._waits_for_a_person()
        if busy:
            return PassReport(0, waiting=busy)
        for root in self.context.repository.publisher.settle():
            said = "a git command had written back what it read before a move"
            self.context.tell(Noticed(f"mended the index of {root}: {said}"))
        before, intake = self.context.writer.commits, self.context.intake
        self._known = None  # the time is another one
        self.context.item_problems.clear()
        self.context.runs.see_ended()
        problems: list[Problem] = []
        for step in (intake.take, intake.split_batches, partial(reconcile, self.context)):
            problems += self._at_head(step)
        found, schedule = self._at_head(partial(self._forward, may_start=may_start, most=most))
        problems += [*found, *self.context.item_problems]
        return PassReport(self.context.writer.commits - before, tuple(schedule), tuple(dict.fromkeys(problems)))

    def _collect(self, snapshot: Snapshot) -> list[str]:
        """With what people moved since reconcile has looked: an ended run is paid for wherever its item is now."""
        return collect(self.context, record_moves(self.context, snapshot))

    def _forward(
        self, snapshot: Snapshot, *, may_start: bool, most: int | None
    ) -> tuple[list[Problem], list[ScheduleEntry]]:
        """Collect, gate, apply, advance and start in one instant, unless a person changes something meanwhile."""
        context, landed, problems = self.context, True, list[Problem]()
        with context.writer.together():
            ended = self._collect(snapshot)
            while landed:  # what landed makes way for what waited behind it
                gated = gate(context, self._snapshot(context.writer.head))
                problems += gated.problems
                landed = apply(context, gated.snapshot, gated.approved)
            advance(context, self._snapshot(context.writer.head))
            return problems, start(context, self._snapshot(context.writer.head), most, ended) if may_start else []

    def at_head(self, step: Callable[[Snapshot], Found]) -> Found:
        """What a step finds on the branch as it is; done again if the branch moved before it could be published.

        Raises OutOfTurn.
        """
        with self._in_turn():
            return self._at_head(step)

    def _at_head(self, step: Callable[[Snapshot], Found]) -> Found:
        context, publisher = self.context, self.context.repository.publisher
        pruned = False
        for number in range(_TRIES):
            branches = (context.branch, self.workflow.policy.target_branch)
            with publisher.undisturbed(branches) if number >= _TRIES_DISTURBED else nullcontext():
                snapshot = self.present()
                context.writer.begin(snapshot.head)
                try:
                    return step(snapshot)
                except RefMoved:  # the queue's branch, the target, or an item's own
                    continue
                except LocalChanges as error:  # a person's, of this moment: what they concern stays, the rest goes on
                    context.obstructed |= error.items
                except MissingObject:  # a person's git has thrown away what no branch held yet
                    if pruned:
                        raise
                    pruned = True
                    context.repository.objects.guard()
        raise BusyError(f"{context.branch}, its target or a person's files kept changing", "factory tick")

    def _snapshot(self, head: str) -> Snapshot:
        """The snapshot at a commit; with the last good policy when the commit's own cannot be used."""
        context, known = self.context, self._known
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

    def _waits_for_a_person(self) -> str:
        """A merge or the like that a person has begun in a working tree that the factory would have to write."""
        return self.context.repository.busy(self.context.branch, self.workflow.policy.target_branch)

    def present(self) -> Snapshot:
        """The branch as it is now."""
        return self._snapshot(self.context.repository.tip(self.context.branch))

    def tidy(self) -> None:
        """What need not be done at each step: the index's memory of file times, and git's own packing."""
        view = self.context.repository.view_of(self.context.branch)
        if view is not None:
            view.index.refresh()
        self.context.repository.tidy()
