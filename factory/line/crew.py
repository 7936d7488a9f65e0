"""The crew: the runs under way in this process, and the rechecks before an apply."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from factory.line.bell import Bell
from factory.line.evidence import Gathered, gather
from factory.model.base import printable
from factory.model.errors import FactoryError
from factory.model.evidence import Evidence
from factory.model.failure import Failure, FailureClass
from factory.model.result import Status
from factory.store.repository.commits import Signature, add_commit
from factory.store.repository.objects import Person
from factory.store.repository.repository import Repository
from factory.work.run import Order, Outcome, run_worker
from factory.work.workcell import Cells


@dataclass(frozen=True)
class Running:
    """A run under way."""

    order: Order
    future: "Future[Outcome]"
    stop: threading.Event
    since: float  # of the monotonic clock


@dataclass(frozen=True)
class Recheck:
    """A proposal's checks under way once more, because the target has moved."""

    order: Order
    future: "Future[Gathered]"
    stop: threading.Event


class Crew:
    """Starts runs in threads and hands back what they came to."""

    def __init__(self, repository: Repository, cells: Cells, target: Callable[[], str], me: Person) -> None:
        self._repository = repository
        self._cells = cells
        self._target = target
        self._me = me
        self._pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="run")
        self._hearts = repository.state / "heartbeats"
        self.bell = Bell()  # rung when a run or a recheck has ended
        self.running: dict[str, Running] = {}
        self.recheck: Recheck | None = None
        self.rechecked: dict[str, Gathered] = {}

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self.running) or self.recheck is not None

    def start(self, order: Order) -> None:
        """Begin a run."""
        stop = threading.Event()
        future = self._pool.submit(self._work, order, stop)
        self.running[order.item_id] = Running(order, future, stop, time.monotonic())
        future.add_done_callback(lambda _: self.bell.ring())

    def _work(self, order: Order, stop: threading.Event) -> Outcome:
        heart = _Heart(self._hearts / order.item_id)
        try:
            outcome = run_worker(order, self._repository, self._cells, stop, heart.beat)
            whole = outcome.result is not None and outcome.result.status is Status.OK
            if outcome.failure or outcome.stopped or not whole:
                return outcome
            return self._prove(order, outcome, stop)
        finally:
            heart.stop()

    def _prove(self, order: Order, outcome: Outcome, stop: threading.Event) -> Outcome:
        """The worker's change as a commit, and the evidence for it."""
        proposal = order.base
        if outcome.changes:
            objects = self._repository.objects
            tree = self._repository.with_content(objects.commit(order.base).tree, outcome.tree)
            title = printable(" ".join(order.item.title.split()))
            message = f"{title}\n\nProposed by {order.contract.worker.name} for {order.item_id} (run {order.run}).\n"
            worker = Person(f"worker {order.contract.worker.name}", f"{order.item_id}@workers.factory.invalid")
            # As old as its base to git, which walks a history by these dates: the item's own moves come first then.
            signed = Signature(worker, self._me, _now(), objects.commit(order.base).committed_at)
            proposal = add_commit(objects, tree, (order.base,), message, signed)
            objects.flush()
        try:
            gathered = gather(order, proposal, self._target(), self._repository, self._cells, stop)
        except FactoryError as error:
            return replace(outcome, failure=Failure(FailureClass.CONFIG, error.message))
        if stop.is_set():
            return replace(outcome, stopped=True)
        return replace(outcome, proposal=proposal, evidence=gathered.evidence, logs=gathered.logs)

    def start_recheck(self, order: Order, proposal: str) -> None:
        """Run a proposal's checks on it merged with what the target holds now."""
        stop = threading.Event()
        future = self._pool.submit(gather, order, proposal, self._target(), self._repository, self._cells, stop)
        self.recheck = Recheck(order, future, stop)
        future.add_done_callback(lambda _: self.bell.ring())

    def finish_recheck(self) -> None:
        """Keep what a recheck found, if it has ended."""
        if self.recheck is not None and self.recheck.future.done():
            recheck, self.recheck = self.recheck, None
            gathered = recheck.future.result()
            if not recheck.stop.is_set():
                self.rechecked[recheck.order.item_id] = gathered

    def newer_evidence(self, item_id: str, proposal: str) -> Evidence | None:
        """What a recheck of a proposal found."""
        gathered = self.rechecked.get(item_id)
        return gathered.evidence if gathered and gathered.evidence.proposal == proposal else None

    def ended(self) -> list[tuple[Running, Outcome]]:
        """The runs that have ended; they stay in `running` until they are forgotten."""
        return [(running, running.future.result()) for running in self.running.values() if running.future.done()]

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

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until a run or a recheck has ended, or something else is news; False when nothing was."""
        return self.bell.wait(seconds)


class _Heart:
    """A file whose time of change is a run's last sign of life."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._last = _now()

    def beat(self) -> None:
        """Show a sign of life, at most once a second."""
        if (_now() - self._last).total_seconds() >= 1:
            self._last = _now()
            self._path.touch()

    def stop(self) -> None:
        """The run is over."""
        self._path.unlink(missing_ok=True)


def _now() -> datetime:
    return datetime.now(UTC)
