"""The runs under way: what an orchestrator has begun, how it goes, and what has ended and is not committed yet."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue

from factory.execution.checks.evidence import Candidate, Gathered
from factory.execution.control import Control, PhaseLog, unfollowed
from factory.execution.executor import Executor
from factory.execution.local import LocalExecutor
from factory.execution.outcome import RunOutcome, Work
from factory.execution.processes.heartbeat import Heartbeat
from factory.execution.request import RunRequest
from factory.line.apply.places import Place, Recheck
from factory.line.leases.hold import Hold
from factory.model.errors import MachineError
from factory.model.evidence import Evidence
from factory.model.failure import Failure, of_error
from factory.model.journal import History, Phase
from factory.model.lifecycle import Lane
from factory.model.policy import MergeMode, Policy
from factory.model.text import label
from factory.store.live import LiveOutput

Given = TypeVar("Given")
_PATIENCE_S = 10.0  # with runs that were asked to end


@dataclass(frozen=True)
class Running:
    """A run under way."""

    request: RunRequest
    given: "Future[Future[RunOutcome]]"  # what the executor gave; whatever it is, only `Runs` asks it, and with care
    future: "Future[None]"  # of our own: done as soon as the executor's is
    control: Control
    hold: Hold  # by which the control says that it is to end
    since: float  # of the monotonic clock
    asked: threading.Event = field(default_factory=threading.Event)  # by us, to end; others hold the control too

    def is_of(self, history: History, owner: str) -> bool:
        """Whether it is the very run that a journal says is under way.

        Another clone may have one of the same number, and this one too, where a person took its beginning back: it is
        the claim that counts. Only a start leaves a lease, so what was there last is when that was.
        """
        lease, request = history.lease, self.request
        if lease is None or history.lane is not Lane.ACTIVE:
            return False
        said = (lease.owner, lease.generation, lease.base, history.since)
        return said == (owner, request.run, request.base, request.claimed_at)

    @property
    def was_asked(self) -> bool:
        """Whether it was asked to end from here, or by the clock."""
        return self.asked.is_set() or self.hold.ran_out

    def stop(self) -> None:
        """Ask it to end."""
        self.asked.set()
        self.control.stop.set()


class Runs:
    """Begins runs, and keeps what they came to until it has been committed."""

    def __init__(self, executor: Executor, local: LocalExecutor, heartbeats: Path, on_end: Callable[[], None]) -> None:
        self._executor = executor
        self._local = local
        self._heartbeats = heartbeats
        self._system = local.host.repository.system
        self._on_end = on_end  # called from any thread when something has ended
        self.notes = local.notes
        self.kinds = executor.kinds
        self.made_here = executor is local  # by the pipeline of this program, which does what its request says
        self.running: dict[str, Running] = {}
        self._came: dict[str, RunOutcome] = {}  # what ended runs came to, checked
        self._hearts: dict[str, Heartbeat] = {}  # of what is under way
        self._live: dict[str, LiveOutput] = {}
        self.rechecking: dict[tuple[Place, ...], Recheck] = {}  # what of the merge train is under check
        self.rechecked: dict[tuple[Place, ...], Recheck] = {}  # what has been
        self._leaving: dict[str, tuple[Future[None], Control]] = {}  # workspaces that are being taken away, by item
        self.applying: dict[str, Future[str]] = {}  # apply commands under way, by subject
        self.apply_failures: dict[str, str] = {}  # those that have ended: why one could not even begin, if it could not

    @property
    def busy(self) -> bool:
        """Whether anything is under way, or has ended and no pass has seen it yet."""
        return bool(self.running) or bool(self.rechecking) or bool(self.applying)

    @property
    def doing(self) -> dict[str, str]:
        """What is being done, by item, where it is not the worker's own part."""
        return {item_id: heart.doing for item_id, heart in self._hearts.copy().items() if heart.doing}

    def start(self, request: RunRequest, claimed: float | None = None) -> None:
        """Begin a run; `claimed`: when its claim was made, by the monotonic clock, if that has to be renewed."""
        hold, ended = Hold(self._system, claimed), Future[None]()
        control = self._control(request.item_id, hold)
        given = self._submitted(request, control, ended)
        self.running[request.item_id] = Running(request, given, ended, control, hold, self._system.monotonic())
        if given.exception() is not None:
            self._end(request.item_id, ended)

    def _submitted(self, request: RunRequest, control: Control, ended: "Future[None]") -> "Future[Future[RunOutcome]]":
        """What the executor gives for a request; an exception where that is no future that tells of its end.

        It gets a request of its own: what it does to the values in it changes nothing that is remembered here.
        """
        own = deepcopy(request)

        def submit() -> "Future[RunOutcome]":
            given: object = self._executor.submit(own, control)
            if not isinstance(given, Future):
                raise MachineError(f"the executor gave {type(given).__name__} for a future")
            given.add_done_callback(lambda _: self._end(request.item_id, ended))
            return given

        return self._tried(submit)

    def _end(self, item_id: str, ended: "Future[None]") -> None:
        """A run is over. Whoever tells of it may do so twice."""
        with suppress(InvalidStateError):
            if not ended.done():
                self._still(item_id)  # before the item's next run can begin
                ended.set_result(None)
        self._on_end()

    def _control(self, item_id: str, stop: threading.Event) -> Control:
        heart = self._hearts[item_id] = Heartbeat(self._heartbeats / item_id, self._system)

        def says(doing: str) -> None:
            heart.say(label(doing))

        live = self._live[item_id] = LiveOutput(self._heartbeats.parent, item_id)
        phases = PhaseLog(self._system)
        return Control(stop, heart.beat, says, live.add, phases=phases, system=self._system)

    def _finish(self, item_id: str, heart: Heartbeat) -> None:
        if self._hearts.get(item_id) is heart:  # else the item is under check anew, on something else
            self._still(item_id)
        self._on_end()

    def _still(self, item_id: str) -> None:
        heart = self._hearts.pop(item_id, None)
        if heart is not None:
            heart.stop()
            self._live.pop(item_id).end()

    def ended_runs(self) -> list[tuple[Running, RunOutcome]]:
        """The runs that have ended; they stay until they are forgotten."""
        for item_id, running in self.running.items():
            if running.future.done() and item_id not in self._came:
                self._came[item_id] = self._outcome(running)
        return [(self.running[item_id], outcome) for item_id, outcome in self._came.items()]

    def forget(self, item_id: str) -> None:
        """What an ended run came to has been committed."""
        del self.running[item_id], self._came[item_id]

    def stop(self, item_id: str) -> None:
        """Ask a run to end; it ends as stopped."""
        self.running[item_id].stop()

    def recheck(self, batch: tuple[Place, ...], candidates: Sequence[Candidate], mode: MergeMode) -> None:
        """Run the checks of a batch of the merge train."""
        item_id = batch[-1].item_id
        control = self._control(item_id, threading.Event())
        heart = self._hearts[item_id]
        future = self._local.recheck(candidates, mode, control)
        self.rechecking[batch] = Recheck(batch, future, control, self._system.monotonic())
        future.add_done_callback(lambda _: self._finish(item_id, heart))

    def recheck_at_once(self, place: Place, candidate: Candidate, mode: MergeMode) -> None:
        """Have the evidence for a place of the merge train, where no command has to be run for it."""
        control = unfollowed(self._system)
        future = self._local.recheck_at_once(candidate, mode, control)
        self.rechecked[place,] = Recheck((place,), future, control, self._system.monotonic())

    def see_ended(self) -> None:
        """Let the pass that begins now see which rechecks and apply commands have ended."""
        for subject in [subject for subject, future in self.applying.items() if future.done()]:
            self.apply_failures[subject] = self.applying.pop(subject).result()
        for batch in [batch for batch, recheck in self.rechecking.items() if recheck.future.done()]:
            self.rechecked[batch] = self.rechecking.pop(batch)

    def evidence_of(self, batch: tuple[Place, ...]) -> tuple[Gathered, ...] | Failure | None:
        """What the checks of a batch came to; None when they have not ended, or were not asked."""
        recheck = self.rechecked.get(batch)
        return recheck.found() if recheck else None

    def evidence_at(self, place: Place) -> Gathered | Failure | None:
        """What the checks say of a proposal that comes to this place as the last one of its batch."""
        found = next((recheck.found() for batch, recheck in self.rechecked.items() if batch[-1] == place), None)
        return found if found is None or isinstance(found, Failure) else found[-1]

    def phases_at(self, place: Place) -> tuple[Phase, ...]:
        """What happened when, as a proposal was checked that came to this place as the last one of its batch."""
        recheck = next((recheck for batch, recheck in self.rechecked.items() if batch[-1] == place), None)
        return recheck.control.phases.ended() if recheck else ()

    def keep_rechecks(self, wanted: Callable[[tuple[Place, ...]], bool]) -> None:
        """End the checks that nobody waits for any more, and forget what they came to."""
        for batch in [batch for batch in self.rechecking if not wanted(batch)]:
            self.rechecking.pop(batch).control.stop.set()
        self.rechecked = {batch: recheck for batch, recheck in self.rechecked.items() if wanted(batch)}

    def forget_recheck(self, place: Place, evidence: Evidence) -> None:
        """Forget what checks came to that rests on runs which are not committed, and those runs."""
        self.rechecked = {batch: recheck for batch, recheck in self.rechecked.items() if place not in batch}
        for ran in evidence.ran:
            if ran.reused_from is not None:
                self._local.host.gatherer.results.single_flight.forget(ran.reused_from.item)

    def apply(self, request: RunRequest, subject: str, decision: dict[str, JsonValue]) -> None:
        """Begin an apply command, in a cell with the files of the request's start."""
        future = self._local.apply(request, subject, decision)
        self.applying[subject] = future
        future.add_done_callback(lambda _: self._on_end())

    def forget_apply(self, subject: str) -> None:
        """What an apply command came to has been committed."""
        self.apply_failures.pop(subject, None)

    def leave(self, item_id: str, policy: Policy) -> str:
        """Begin to take the workspace of an item away that is finished; why that failed the last time, if it did."""
        begun = self._leaving.get(item_id)
        if begun is not None and not begun[0].done():
            return ""
        control = unfollowed(self._system)
        self._leaving[item_id] = self._local.leave(item_id, policy, control), control
        error = begun[0].exception() if begun else None
        return of_error(error, "it could not be taken away").reason if error else ""

    def stop_all(self) -> list[str]:
        """Ask everything to end, and wait for it: what did not go well then, for people to know.

        Runs that an executor leaves under way when it is shut down are waited for too, but not for ever.
        """
        for running in self.running.values():
            running.stop()
        for recheck in self.rechecking.values():
            recheck.control.stop.set()
        for _, control in self._leaving.values():
            control.stop.set()
        error = self._tried(self._executor.shutdown).exception()
        self._system.settle([running.future for running in self.running.values()], _PATIENCE_S)
        self._local.shutdown()
        said = [f"the executor could not be shut down: {of_error(error).reason}"] if error else []
        left = [item_id for item_id, running in self.running.items() if not running.future.done()]
        if left:
            said.append(f"still under way in the executor, and what they come to is lost: {', '.join(sorted(left))}")
        return said

    def _outcome(self, running: Running) -> RunOutcome:
        """What a run came to. One whose result was lost ends as a crash of its own, and takes nobody else's with it.

        Only what was asked to end may end as stopped: else it would cost nothing, and begin again for ever.
        """
        came = self._tried(lambda: RunOutcome.checked(running.given.result().result(timeout=0)))
        error = came.exception()
        if error is None:
            outcome = came.result()
            asked = running.was_asked or not outcome.stopped
            return outcome if asked else outcome.crashed("it ended as stopped, and nobody had asked it to")
        if isinstance(error, CancelledError):
            error = MachineError("the executor cancelled it")
        seconds = self._system.monotonic() - running.since
        lost = Work(seconds, failure=of_error(error, "its result was lost"), stopped=running.was_asked)
        return RunOutcome(lost)

    def _tried(self, call: Callable[[], Given]) -> "Future[Given]":
        """What code of others gives, now: whatever it raises becomes an exception of the future and nobody else's."""
        with self._system.threads(1, "executor") as aside:
            return aside.submit(call)
