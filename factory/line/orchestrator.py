"""The orchestrator: one pass is take in, reconcile, collect, gate and apply, advance, renew, start."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

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
from factory.line.leases.renew import renew, tell_of_stopped
from factory.line.lock import locked
from factory.line.mission.advance import advance
from factory.line.review.gate import gate
from factory.line.runs import Runs
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.line.sync.head import Found, Head
from factory.line.sync.leftovers import clear_leftovers
from factory.line.sync.offers import offer_accepted
from factory.line.wakeup import Wakeup
from factory.line.writer import Writer
from factory.model.bounds import UNBOUND, Bounds
from factory.model.errors import (
    BusyError,
    NothingButCommits,
    OutOfTurn,
    Problem,
    StopRequested,
    UsageError,
)
from factory.model.events import Noticed, Tell
from factory.model.policy import Workflow
from factory.store import files
from factory.store.library import locate_branch
from factory.store.repository.clashes import refuse_clashes
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.store.state import BRANCH, HEARTBEATS

_IDLE_PASSES = 2  # a fault that only makes commits must not fill a repository with them
_LEFT = "this orchestrator has been left already; make another one on the same repository"

_Forward = tuple[list[Problem], list[ScheduleEntry]]  # what was wrong, and what waits to be started


@dataclass(frozen=True)
class PassReport:
    """What a pass found when it was done."""

    commits: int
    schedule: tuple[ScheduleEntry, ...] = ()
    problems: tuple[Problem, ...] = ()
    waiting: str = ""  # why no pass was made


class Orchestrator:
    """Moves items. Use it within `holding`, once: its threads end with that.

    There may be given: the kinds of agents; an executor, else runs happen here; `local`, which carries out what happens
    here in any case, checks of the merge train and apply commands; `push`, which says, in place of the policy, whether
    the remote has to accept everything before it happens; and the bounds of the repository's policy.
    """

    def __init__(
        self,
        repository: Repository,
        tell: Tell,
        *,
        agents: Agents = AGENTS,
        executor: Executor | None = None,
        local: LocalExecutor | None = None,
        push: bool | None = None,
        bounds: Bounds = UNBOUND,
    ) -> None:
        branch = locate_branch(repository)
        reader = SnapshotReader(repository, branch, bounds)
        self._idle = 0  # passes in a row that made commits and changed nothing
        workflow = self._first_workflow(repository, reader, branch)
        signs = workflow.policy.identity
        me = Person(signs.name, signs.email or f"factory@{socket.gethostname() or 'localhost'}")
        writer = Writer(repository, branch, me, tell)
        cells = Cells(repository, cells_root(repository.common_dir, workflow.policy.workspace.root), bounds)
        wakeup = Wakeup(repository.system)
        local = local or LocalExecutor(Host.of(repository, cells, agents))
        runs = Runs(executor or local, local, repository.state / HEARTBEATS, wakeup.wake)
        intake = Intake(reader, writer)
        self._stopping = self._held = self._left = False
        self._alone = threading.Lock()  # held during a pass, or a step of somebody else's
        self.context = Context(repository, branch, reader, writer, intake, runs, wakeup, cells, tell, me)
        self._head = Head(self.context, workflow, push)

    @property
    def workflow(self) -> Workflow:
        """The newest policy and prompt that could be used."""
        return self._head.workflow

    def _first_workflow(self, repository: Repository, reader: SnapshotReader, branch: str) -> Workflow:
        workflow = reader.library.workflow(repository.objects.commit(repository.tip(branch)).tree, branch)
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
            if running and not self._head.waits_for_a_person():
                context.repository.objects.guard()
                self._head.carry_out(self._collect)
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
        before = self._head.tree()
        report = self._pass(may_start=may_start, most=most)
        self._idle = self._idle + 1 if report.commits and self._head.tree() == before else 0
        if self._idle >= _IDLE_PASSES:
            message = f"two passes in a row made commits that changed nothing on {self.context.branch}, so this ends"
            raise NothingButCommits(message, f"git log -{report.commits} {self.context.branch}")
        return report

    def _pass(self, *, may_start: bool, most: int | None) -> PassReport:
        self.raise_if_stopped()
        tell_of_stopped(self.context)
        self.context.repository.publisher.recover()  # of a pass that a full disk ended half way
        if busy := self._head.waits_for_a_person():
            return PassReport(0, waiting=busy)
        came = self._head.take_over()
        for root in self.context.repository.publisher.settle():
            said = "a git command had written back what it read before a move"
            self.context.tell(Noticed(f"mended the index of {root}: {said}"))
        before, intake = self.context.writer.commits, self.context.intake
        self._head.forget()
        self.context.item_problems.clear()
        self.context.runs.see_ended()
        forward = partial(self._forward, may_start=may_start, most=most)
        tidy = (partial(clear_leftovers, self.context),) if came else ()
        earlier = (intake.take, intake.split_batches, *tidy, partial(reconcile, self.context))
        if self.context.synced:  # as each push makes other clones begin again, there is one
            offer_accepted(self.context, self._head.present())
            problems, schedule = self._head.carry_out(partial(self._in_one_instant, earlier, forward))
        else:
            problems = [problem for step in earlier for problem in self._head.carry_out(step)]
            more, schedule = self._head.carry_out(forward)
            problems += more
        problems += self.context.item_problems
        return PassReport(self.context.writer.commits - before, tuple(schedule), tuple(dict.fromkeys(problems)))

    def _in_one_instant(
        self, earlier: Sequence[Callable[[Snapshot], list[Problem]]], last: Callable[[Snapshot], _Forward], _: Snapshot
    ) -> _Forward:
        """All steps of a pass, each on what the one before has written and nobody has seen yet."""
        context = self.context
        with context.writer.together():
            problems = [problem for step in earlier for problem in step(self._head.snapshot(context.writer.head))]
            more, schedule = last(self._head.snapshot(context.writer.head))
        return problems + more, schedule

    def exchange(self) -> bool:
        """Bring this clone and its remote to one state, and do nothing else; whether anything moved, here or there.

        Raises OutOfTurn, and what `Exchange.take_over` does.
        """
        with self._in_turn():
            self.context.repository.publisher.recover()
            busy = self._head.waits_for_a_person()
            if busy:
                raise BusyError(busy, "finish or abort it, then factory sync")
            return self._head.take_over()

    def _collect(self, snapshot: Snapshot) -> list[str]:
        """With what people moved since reconcile has looked: an ended run is paid for wherever its item is now."""
        return collect(self.context, record_moves(self.context, snapshot))

    def _forward(self, snapshot: Snapshot, *, may_start: bool, most: int | None) -> _Forward:
        """Collect, gate, apply, advance, renew, start: in one instant, unless a person changes something meanwhile."""
        context, landed, problems = self.context, True, list[Problem]()
        with context.writer.together():
            ended = self._collect(snapshot)
            while landed:  # what landed makes way for what waited behind it
                gated = gate(context, self._head.snapshot(context.writer.head))
                problems += gated.problems
                landed = apply(context, gated.snapshot, gated.approved)
            advance(context, self._head.snapshot(context.writer.head))
            renew(context, self._head.snapshot(context.writer.head))
            return problems, start(context, self._head.snapshot(context.writer.head), most, ended) if may_start else []

    def at_head(self, step: Callable[[Snapshot], Found]) -> Found:
        """What a step finds on the branch as it is; done again if the branch moved before it could be published.

        Raises OutOfTurn.
        """
        with self._in_turn():
            return self._head.carry_out(step)

    def present(self) -> Snapshot:
        """The branch as it is now."""
        return self._head.present()

    def tidy(self) -> None:
        """What need not be done at each step: the index's memory of file times, and git's own packing."""
        view = self.context.repository.view_of(self.context.branch)
        if view is not None:
            view.index.refresh()
        self.context.repository.tidy()
