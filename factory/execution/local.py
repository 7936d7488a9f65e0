"""The executor: the runs under way in this process, and the rechecks before an apply."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from pydantic import JsonValue

from factory.execution.agents.revert import reverse
from factory.execution.agents.worker import Alive, Run, run_worker
from factory.execution.apply_command import Notes, carry_out
from factory.execution.cell.cell import CellNotReady
from factory.execution.cell.pool import Cells
from factory.execution.checks.evidence import Gathered, Gatherer
from factory.execution.heartbeat import Heartbeat
from factory.execution.proposal import proposal_of
from factory.execution.redaction.redactor import Redactor
from factory.execution.request import RunRequest
from factory.execution.seats import judged, with_subject
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence, Ran
from factory.model.failure import Cost, Failure, FailureClass, of_error
from factory.store import logs
from factory.store.repository.repository import Repository

# Seconds until checks that the machine let down are tried again; the last time it is given up.
_RECHECKED_AFTER_S = (1.0, 5.0, None)


@dataclass(frozen=True)
class Running:
    """A run under way."""

    request: RunRequest
    future: "Future[Run]"
    stop: threading.Event
    since: float  # of the monotonic clock


@dataclass(frozen=True)
class Recheck:
    """A proposal's checks under way once more, because the target has moved."""

    request: RunRequest
    future: "Future[Gathered | str]"
    stop: threading.Event


class LocalExecutor:
    """Starts runs in threads and hands back what they came to."""

    def __init__(
        self, repository: Repository, cells: Cells, ended: Callable[[], None], target: Callable[[], str | None]
    ) -> None:
        self._repository = repository
        self._cells = cells
        self._ended = ended  # called from any thread when something has ended
        self._target = target  # none while a person is about to make it anew: then what the run began from counts
        self._pool = ThreadPoolExecutor(max_workers=1000, thread_name_prefix="run")
        self._seal = Redactor(repository.objects)
        self._gatherer = Gatherer(repository, cells, self._says)
        self._heartbeats = repository.state / "heartbeats"
        self.running: dict[str, Running] = {}
        self.doing: dict[str, str] = {}  # what a run or a recheck is at, when it is not the worker's own part
        self.recheck: Recheck | None = None
        self.rechecked: dict[str, Gathered] = {}
        self.notes = Notes(repository.state)
        self.applying: dict[str, Future[str]] = {}  # apply commands under way, by subject
        self.unprovable: dict[str, str] = {}  # why an item's checks could not be run again

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self.running) or self.recheck is not None or bool(self.applying)

    def start(self, request: RunRequest) -> None:
        """Begin a run."""
        stop = threading.Event()
        future = self._pool.submit(self._work, request, stop)
        self.running[request.item_id] = Running(request, future, stop, time.monotonic())
        future.add_done_callback(lambda _: self._ended())

    def _work(self, request: RunRequest, stop: threading.Event) -> Run:
        heartbeat = Heartbeat(self._heartbeats / request.item_id)
        self._seal.make_ready(request)
        try:
            if request.item.reverts:
                run = reverse(request, self._repository)
            else:
                run = run_worker(request, self._repository, self._cells, stop, heartbeat.beat)
            if not run.stopped and run.delivers:
                run = self._prove(request, self._seal.inspect(request, run), stop, heartbeat.beat)
            run = self._seal.close(request, run)
            if run.evidence is not None and run.failure is None and not run.stopped:
                self._says(request.item_id, "judging")
                run = judged(request, with_subject(request, run), self._repository, self._cells, stop, heartbeat.beat)
                run = self._seal.close_said(request, run)
            self._keep_logs(run)
            return run
        finally:
            self._says_no_more(request.item_id)

    def _says(self, item_id: str, doing: str) -> None:
        """Tell whoever looks, in any process, what is being done for an item."""
        self.doing[item_id] = doing
        Heartbeat(self._heartbeats / item_id).say(doing)

    def _says_no_more(self, item_id: str) -> None:
        self.doing.pop(item_id, None)
        Heartbeat(self._heartbeats / item_id).stop()

    def _keep_logs(self, run: Run) -> None:
        """The whole of long logs, for people; what the run came to does not hang on them."""
        with suppress(OSError):
            for log in (run.log, run.hooks, *run.logs.values(), *(said.log for said in run.said)):
                logs.keep(self._repository.state, log)

    def _prove(self, request: RunRequest, run: Run, stop: threading.Event, alive: Alive) -> Run:
        """The worker's change as a commit, and the evidence for it."""
        if run.failure is not None:
            return run
        proposal = request.base  # when it changed nothing
        try:
            if run.changes:
                for kind, data in run.brought.values():
                    self._repository.objects.add(kind, data)
                proposal = proposal_of(request, run.tree, self._repository)
                self._repository.under_check.hold(request.item_id, proposal)
            claims = run.result.handoff.commands if run.result else ()
            gathered = self._gatherer.gather(request, proposal, self._target() or request.base, stop, alive, claims)
        except CellNotReady as error:
            return replace(run, hooks=run.hooks + error.log, failure=error.failure, stopped=stop.is_set())
        except (FactoryError, OSError) as error:
            return replace(run, failure=of_error(error, "the checks could not be run"))
        if stop.is_set():
            return replace(run, stopped=True)
        proven = replace(run, proposal=proposal, evidence=gathered.evidence, logs=gathered.logs)
        broken = gathered.evidence.broken_claims()
        if not broken:
            return proven
        said = "; ".join(
            f"`{' '.join(ran.run)}`: the worker says {ran.claimed}, here {_shown(ran)}" for ran in broken[:3]
        )
        findings = tuple(ran.finding(number) for number, ran in enumerate(broken, 1))
        return replace(proven, findings=findings, failure=Failure(FailureClass.EVIDENCE, said))

    def start_recheck(self, request: RunRequest, proposal: str) -> None:
        """Run a proposal's checks on it merged with what the target holds now."""
        stop = threading.Event()
        future = self._pool.submit(self._recheck, request, proposal, stop)
        self.recheck = Recheck(request, future, stop)
        future.add_done_callback(lambda _: self._ended())

    def _recheck(self, request: RunRequest, proposal: str, stop: threading.Event) -> Gathered | str:
        try:
            return self._again(request, proposal, stop)
        finally:
            self._says_no_more(request.item_id)

    def _again(self, request: RunRequest, proposal: str, stop: threading.Event) -> Gathered | str:
        """What the checks say now, or why they cannot be run."""
        for again in _RECHECKED_AFTER_S:
            try:
                gathered = self._gatherer.gather(request, proposal, self._target() or request.base, stop)
                sealed = self._seal.close(request, Run(0.0, evidence=gathered.evidence, logs=gathered.logs))
                return Gathered(sealed.evidence or gathered.evidence, sealed.logs)
            except (FactoryError, OSError) as error:
                failure = of_error(error, "the checks could not be run")
            if failure.kind.cost is not Cost.ATTEMPT or again is None or stop.wait(again):
                break
        return failure.reason

    def finish_recheck(self) -> None:
        """Keep what a recheck found, if it has ended."""
        if self.recheck is not None and self.recheck.future.done():
            recheck, self.recheck = self.recheck, None
            error = recheck.future.exception()
            found = of_error(error, "the checks could not be run").reason if error else recheck.future.result()
            if isinstance(found, str):
                self.unprovable[recheck.request.item_id] = found
            elif not recheck.stop.is_set():
                self.rechecked[recheck.request.item_id] = found

    def start_apply(self, request: RunRequest, subject: str, decision: dict[str, JsonValue]) -> None:
        """Begin an apply command, in a cell with the files of the order's start."""
        future = self._pool.submit(self._apply, request, subject, decision)
        self.applying[subject] = future
        future.add_done_callback(lambda _: self._ended())

    def _apply(self, request: RunRequest, subject: str, decision: dict[str, JsonValue]) -> str:
        """Why it could not even begin; nothing when its note tells the rest."""
        try:
            carry_out(request, subject, decision, self._cells, self.notes, lambda log: self._seal.clean(request, log))
        except (FactoryError, OSError) as error:
            return str(error)
        return ""

    def apply_ended(self, subject: str) -> str | None:
        """None while an apply command is under way; else why it could not begin, if it could not."""
        future = self.applying.get(subject)
        if future is None:
            return ""
        if not future.done():
            return None
        del self.applying[subject]
        return future.result()

    def newer_evidence(self, item_id: str, proposal: str) -> Evidence | None:
        """What a recheck of a proposal found."""
        gathered = self.rechecked.get(item_id)
        return gathered.evidence if gathered and gathered.evidence.proposal == proposal else None

    def taken(self, item_id: str, proposal: str) -> Gathered | None:
        """The same with its logs, for the last time."""
        gathered = self.rechecked.pop(item_id, None)
        return gathered if gathered and gathered.evidence.proposal == proposal else None

    def ended(self) -> list[tuple[Running, Run]]:
        """The runs that have ended; they stay in `running` until they are forgotten."""
        return [(running, _outcome(running)) for running in self.running.values() if running.future.done()]

    def forget(self, item_id: str) -> None:
        """An ended run has been committed."""
        del self.running[item_id]

    def stop(self, item_id: str) -> None:
        """Ask a run to end; it ends as stopped."""
        self.running[item_id].stop.set()

    def stop_all(self) -> None:
        """Ask everything to end, and wait for it."""
        for running in self.running.values():
            running.stop.set()
        if self.recheck is not None:
            self.recheck.stop.set()
        self._pool.shutdown(wait=True)
        self._seal.close_down()


def _outcome(running: Running) -> Run:
    """What a run came to. One whose result was lost ends as a crash of its own, and takes nobody else's with it."""
    error = running.future.exception()
    if error is None:
        return running.future.result()
    seconds = time.monotonic() - running.since
    return Run(seconds, failure=of_error(error, "its result was lost"), stopped=running.stop.is_set())


def _shown(ran: Ran) -> str:
    return ran.problem or str(ran.exit_code)
