"""The orchestrator: one pass is recover, ingest, reconcile, collect, gate, apply, start."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from factory.line.apply import apply
from factory.line.collect import collect
from factory.line.crew import Crew
from factory.line.floor import Floor
from factory.line.intake import Intake
from factory.line.interrupt import Interrupts
from factory.line.ledger import Ledger, Tell
from factory.line.lock import locked
from factory.line.plan import Outlook
from factory.line.reconcile import bring_back_lost, honour_moves, release_dead, show_proposals
from factory.line.ruling import gate
from factory.line.signature import refuse_borrowed
from factory.line.start import start
from factory.line.survey import Survey, Surveyor, utc_now
from factory.model.errors import BusyError, NothingButCommits, Problem, UnusableError
from factory.model.journal import rfc3339
from factory.model.policy import Workflow
from factory.store import files
from factory.store.library import locate_branch
from factory.store.repository.objects import Person
from factory.store.repository.refs import RefMoved
from factory.store.repository.repository import Repository
from factory.work.workcell import Cells, cells_root

_PATIENCE_S = 60.0  # for a git command that keeps a run's outcome from being committed
_IDLE_PASSES = 2  # a fault that only makes commits must not fill a repository with them
_TRIES_DISTURBED = 8  # the later ones hold up a person's commits
_TRIES = 20  # a person who commits all the time must not starve the factory, nor the factory loop for ever


@dataclass(frozen=True)
class Report:
    """What a pass found when it was done."""

    commits: int
    outlooks: tuple[Outlook, ...] = ()
    problems: tuple[Problem, ...] = ()
    waiting: str = ""  # why no pass was made


@dataclass
class _Found:
    """What a pass has come across so far."""

    problems: list[Problem] = field(default_factory=list)
    outlooks: list[Outlook] = field(default_factory=list)
    survey: Survey | None = None


class Orchestrator:
    """Moves items. Use it within `holding`."""

    def __init__(self, repository: Repository, tell: Tell, clock: Callable[[], datetime] = utc_now) -> None:
        branch = locate_branch(repository)
        surveyor = Surveyor(repository, branch)
        self._found = _Found()
        self._idle = 0  # passes in a row that made commits and changed nothing
        self._complained = ""  # what has been told of an unusable policy
        self.workflow = self._first_workflow(repository, surveyor, branch)
        signs = self.workflow.policy.identity
        me = Person(signs.name, signs.email or f"factory@{socket.gethostname() or 'localhost'}")
        ledger = Ledger(repository, branch, me, clock, tell)
        cells = Cells(repository, cells_root(repository.common_dir, self.workflow.policy.workspace.root))
        crew = Crew(repository, cells, lambda: repository.head(self.workflow.policy.target_branch))
        intake = Intake(surveyor, ledger)
        self.interrupts = Interrupts(crew.bell.ring)
        self.floor = Floor(repository, branch, surveyor, ledger, intake, crew, cells, clock, tell, me)

    def _first_workflow(self, repository: Repository, surveyor: Surveyor, branch: str) -> Workflow:
        head = repository.tip(branch)
        workflow = surveyor.library.workflow(repository.objects.commit(head).tree, branch)
        repository.tip(workflow.policy.target_branch, "target")
        return workflow

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the factory's lock; on the way in repair what a crash left, on the way out leave nothing behind."""
        with locked(self.floor.repository.state, self.floor.clock()), self.interrupts.noted():
            self.floor.repository.refuse_clashes()
            refuse_borrowed(self.floor.repository, self.floor.branch, self.workflow.policy.identity)
            files.write(self.floor.repository.state / "branch", f"{self.floor.branch}\n".encode())
            try:
                self._recover()
                yield
            finally:
                self._leave()

    def _recover(self) -> None:
        floor = self.floor
        if floor.repository.recover():
            floor.tell("", "finished what a crash had left half done")
        floor.cells.remove_all()
        for heart in (floor.repository.state / "heartbeats").glob("*"):
            heart.unlink()

    def _leave(self) -> None:
        """Stop what still runs, give its items back, and remove the cells."""
        floor = self.floor
        running = bool(floor.crew.running)
        floor.crew.stop_all()
        try:
            # What a person has begun here comes first; the next pass takes the items back.
            if running and not self._waits_for_a_person():
                self._at_head(lambda survey: collect(floor, survey))
        finally:
            floor.cells.remove_all()
            floor.surveyor.queue.save()

    def one_pass(self, *, may_start: bool = True, most: int | None = None) -> Report:
        """One pass over the pipeline. A branch that moves under it makes the step it is in begin again.

        Raises NothingButCommits when it is the second in a row whose commits changed nothing.
        """
        before = self._tree()
        report = self._pass(may_start=may_start, most=most)
        self._idle = self._idle + 1 if report.commits and self._tree() == before else 0
        if self._idle >= _IDLE_PASSES:
            message = f"two passes in a row made commits that changed nothing on {self.floor.branch}, so this ends"
            raise NothingButCommits(message, f"git log -{report.commits} {self.floor.branch}")
        return report

    def _tree(self) -> str:
        head = self.floor.repository.head(self.floor.branch)
        return self.floor.repository.objects.commit(head).tree if head else ""

    def _pass(self, *, may_start: bool, most: int | None) -> Report:
        self.interrupts.check()
        self.floor.repository.publisher.recover()  # of a pass that a full disk ended half way
        busy = self._waits_for_a_person()
        if busy:
            return Report(0, waiting=busy)
        for root in self.floor.repository.publisher.settle():
            self.floor.tell(
                "", f"mended the index of {root}: a git command had written back what it read before a move"
            )
        before = self.floor.ledger.commits
        found = self._found = _Found()
        self.floor.troubles.clear()
        self.floor.crew.finish_recheck()
        for step in (self._ingest, self._split_batches, self._reconcile, self._collect, self._gate_and_apply):
            self._at_head(step)
        if may_start:
            self._at_head(lambda survey: found.outlooks.extend(start(self.floor, survey, most)))
        problems = tuple(dict.fromkeys([*found.problems, *self.floor.troubles]))
        return Report(self.floor.ledger.commits - before, tuple(found.outlooks), problems)

    def _ingest(self, survey: Survey) -> None:
        self._found.problems.extend(self.floor.intake.take(survey))

    def _split_batches(self, survey: Survey) -> None:
        self._found.problems.extend(self.floor.intake.split_batches(survey))

    def _reconcile(self, survey: Survey) -> None:
        self._found.problems.extend(survey.problems)
        honour_moves(self.floor, survey)
        bring_back_lost(self.floor, survey)
        release_dead(self.floor, survey)
        show_proposals(self.floor, survey)
        self.floor.ledger.publish()

    def _collect(self, survey: Survey) -> None:
        collect(self.floor, survey)

    def _gate_and_apply(self, survey: Survey) -> None:
        """In one step, so that whatever a person changes after the gate has looked keeps the apply from happening."""
        approved, problems = gate(self.floor, survey)
        self._found.problems.extend(problems)
        apply(self.floor, survey, approved)

    def _at_head(self, step: Callable[[Survey], None]) -> None:
        """Do a step on the branch as it is; again if the branch moved before the step could be published."""
        floor, publisher = self.floor, self.floor.repository.publisher
        for number in range(_TRIES):
            branches = (floor.branch, self.workflow.policy.target_branch)
            with publisher.undisturbed(branches) if number >= _TRIES_DISTURBED else nullcontext():
                survey = self.present()
                floor.ledger.begin(survey.head)
                try:
                    step(survey)
                    return
                except RefMoved:  # the queue's branch, the target, or an item's own
                    self._found.survey = None  # what the step has noted in it did not happen
        raise BusyError(f"the branch {floor.branch}, or the one it merges into, kept moving", "factory tick")

    def _survey(self, head: str) -> Survey:
        """The survey at a commit; with the last good policy when the commit's own cannot be used."""
        floor, known = self.floor, self._found.survey
        if known is not None and known.head == head:
            return known
        try:
            survey = floor.surveyor.survey(floor.clock(), head)
            self._complained = ""
        except UnusableError as error:
            if error.message != self._complained:  # not anew for each commit of the factory's own
                floor.tell("", f"{error.message}; the last good policy stays in force")
                self._complained = error.message
            survey = floor.surveyor.survey(floor.clock(), head, self.workflow)
        floor.repository.tip(survey.policy.target_branch, "target")  # without it nothing moves, and no item is to blame
        self.workflow = survey.workflow
        self._found.survey = survey
        return survey

    def _waits_for_a_person(self) -> str:
        """A merge or the like that a person has begun in a working tree that the factory would have to write."""
        return self.floor.repository.busy(self.floor.branch, self.workflow.policy.target_branch)

    def tick(
        self,
        *,
        drain: bool = False,
        most: int | None = None,
        patience: float = 0.0,
        waiting: Callable[[Crew], None] = lambda _: None,
    ) -> Report:
        """One pass, then wait for the workers it started and take their deliveries as far as they go.

        With `drain` until nothing can move, or comes due within `patience` seconds. `waiting` is called about once a
        second as long as workers run.
        """
        report = self.one_pass(most=most)
        total = report.commits
        awaited: set[Outlook] = set()
        while True:
            for more in self._while_at_work(waiting, may_start=drain, most=most):
                total += more.commits
                report = more if drain else Report(0, report.outlooks, more.problems, more.waiting)
            if not drain or (report.commits == 0 and not self._comes_due(report, patience, awaited)):
                break
            report = self.one_pass(most=most)
            total += report.commits
        if total:
            self.tidy()
        return Report(total, report.outlooks, report.problems, report.waiting)

    def _comes_due(self, report: Report, patience: float, awaited: set[Outlook]) -> bool:
        """Wait for the next item whose waiting ends by itself; False when there is none, or it takes too long."""
        floor = self.floor
        ahead = [(each.until, each) for each in report.outlooks if each.until and each not in awaited]
        until, outlook = min(ahead, key=lambda pair: pair[0], default=(None, None))
        if until is None or outlook is None or (until - floor.clock()).total_seconds() > patience:
            return False
        awaited.add(outlook)
        floor.tell(outlook.id, f"comes due at {rfc3339(until)}, and is waited for")
        while (left := (until - floor.clock()).total_seconds()) > 0:
            floor.crew.wait(min(left, 1.0))
            self.interrupts.check()
        return True

    def _while_at_work(self, waiting: Callable[[Crew], None], *, may_start: bool, most: int | None) -> Iterator[Report]:
        """A pass whenever a run has ended, until none is under way. A git command in the way is waited for."""
        crew, until, said = self.floor.crew, None, ""
        while crew.busy:
            if not crew.wait(1.0) and until is None:
                waiting(crew)
                self.interrupts.check()
                continue
            self.interrupts.check()
            try:
                report = self.one_pass(may_start=may_start, most=most)
            except BusyError as error:
                said = self._tell_once(error.message, said)
                until = until or time.monotonic() + _PATIENCE_S
                if time.monotonic() > until:
                    raise
                continue
            said = self._tell_once(report.waiting, said)
            until = (until or time.monotonic() + _PATIENCE_S) if report.waiting else None
            if until is not None and time.monotonic() > until:
                raise BusyError(report.waiting, "finish or abort it, then factory tick")
            yield report

    def _tell_once(self, hindrance: str, said: str) -> str:
        """Tell what a pass waits for, unless that was the last thing said of it; what is said of it now."""
        if hindrance and hindrance != said:
            self.floor.tell("", f"waits: {hindrance}")
        return hindrance

    def present(self) -> Survey:
        """The branch as it is now."""
        return self._survey(self.floor.repository.tip(self.floor.branch))

    def tidy(self) -> None:
        """What need not be done at each step: the index's memory of file times, and git's own packing."""
        view = self.floor.repository.view_of(self.floor.branch)
        if view is not None:
            view.index.refresh()
        self.floor.repository.tidy()
