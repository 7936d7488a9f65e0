"""Clones that push each pass, on machines whose clocks may be wrong, and a remote that may be away."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue

from factory.execution.cell.pool import Cells
from factory.execution.control import Control
from factory.execution.host import Host
from factory.execution.local import LocalExecutor
from factory.execution.outcome import RunOutcome, Work
from factory.execution.pipeline import run
from factory.execution.request import RunRequest
from factory.line.orchestrator import Orchestrator, PassReport
from factory.model.errors import FactoryError
from factory.model.events import Happening, Noticed
from factory.store.repository.remote import Unreachable
from factory.store.repository.repository import Repository
from factory.store.state import LOCK
from factory.store.system import MACHINE, System
from tests.world import World

BEGINNING = MACHINE.now().replace(microsecond=0)  # for what people commit meanwhile has the true time

NOBODY = "git://127.0.0.1:1/nobody"  # at whose port nobody listens


@dataclass
class Time:
    """The true time, which all machines live through."""

    passed: timedelta = timedelta()

    def go_on(self, **by: float) -> None:
        self.passed += timedelta(**by)


class Machine(System):
    """A machine whose clock is wrong by so much, and whose monotonic clock began some time."""

    def __init__(self, time: Time, wrong: timedelta) -> None:
        self._time, self._wrong = time, wrong

    def now(self) -> datetime:
        return BEGINNING + self._time.passed + self._wrong

    def monotonic(self) -> float:
        return 1000.0 + self._time.passed.total_seconds()

    def wait(self, calls: "SimpleQueue[None]", seconds: float | None) -> bool:
        try:
            calls.get_nowait()
        except Empty:
            self._time.go_on(seconds=seconds or 0.0)
            return False
        return True


@dataclass
class Workers:
    """An executor whose runs last until a test ends them, or they are asked to."""

    local: LocalExecutor
    kinds: tuple[str, ...] = ("command",)
    under_way: dict[str, tuple[RunRequest, Control, "Future[RunOutcome]"]] = field(default_factory=dict)

    def submit(self, request: RunRequest, control: Control) -> "Future[RunOutcome]":
        future: Future[RunOutcome] = Future()
        self.under_way[request.item_id] = request, control, future
        return future

    def end(self, item_id: str) -> None:
        """Let a run come to what its worker makes of it."""
        request, control, future = self.under_way.pop(item_id)
        future.set_result(run(request, self.local.host, control))

    def look(self) -> None:
        """Let those end that are asked to; what they had made by then is left."""
        for item_id, (_, control, future) in list(self.under_way.items()):
            if control.stop.is_set():
                del self.under_way[item_id]
                half = Work(60.0, log=b"half done\n", patch=b"half of it\n", stopped=True)
                future.set_result(RunOutcome(half))

    def shutdown(self) -> None:
        self.look()


class Clone:
    """One clone, and the orchestrator in it; `pass_` is a pass that is pushed, as far as the remote can be reached."""

    def __init__(self, root: Path, time: Time, wrong: timedelta, *, synced: bool = True) -> None:
        self.world = World(root)
        self._cut_off, self._origin = False, World(root).git("config", "remote.origin.url")
        self.told: list[Happening] = []
        self._machine, self._synced = Machine(time, wrong), synced
        self._stack = ExitStack()
        self._dead: list[ExitStack] = []  # kept, so that nobody leaves before the end
        self._begin()

    def _begin(self) -> None:
        repository = Repository(self.world.root, self._machine)
        cells = Cells(repository, self.world.root.parent / f"{self.world.root.name}-cells")
        local = LocalExecutor(Host.of(repository, cells))
        self.workers = Workers(local)
        self.orchestrator = Orchestrator(
            repository, self.told.append, executor=self.workers, local=local, push=self._synced
        )
        self._holding = self.orchestrator.holding()
        self._holding.__enter__()
        self._stack.callback(repository.close)
        self._stack.callback(self._holding.__exit__, None, None, None)

    @property
    def owner(self) -> str:
        return self.orchestrator.context.owner

    def pass_(self, *, may_start: bool = True, most: int | None = None) -> PassReport | None:
        """A pass on what the remote has, pushed, by hand where the clone does not; None where that cannot be."""
        if not self._synced:
            self.world.git("pull", "-q", "--ff-only", "origin", "main")
        try:
            report = self.orchestrator.one_pass(may_start=may_start, most=most)
        except Unreachable:
            return None
        finally:
            self.workers.look()
        if not self._synced:
            self.world.git("push", "-q", "origin", "main")
        return report

    @property
    def cut_off(self) -> bool:
        """Whether the remote is away, as this clone sees it."""
        return self._cut_off

    @cut_off.setter
    def cut_off(self, away: bool) -> None:
        if away != self._cut_off:
            self._cut_off = away
            self.world.git("config", "remote.origin.url", NOBODY if away else self._origin)

    def noticed(self) -> list[str]:
        return [each.text for each in self.told if isinstance(each, Noticed)]

    def die_and_begin_again(self) -> None:
        """Its process is killed, and somebody starts another one: nothing is left that it knew."""
        self._dead.append(self._stack.pop_all())
        (self.world.root / ".git/factory" / LOCK).unlink()
        self._begin()

    def end(self) -> None:
        self.cut_off = False
        self._stack.close()
        for dead in self._dead:
            with suppress(FactoryError):  # what it knew is long over
                dead.close()


@contextmanager
def clones_of(
    world: World, *wrong: float, synced: bool = True, time: Time | None = None
) -> Iterator[tuple[Time, list[Clone]]]:
    """(the true time, a clone for each of these minutes by which a clock is wrong), over one bare repository."""
    origin = world.root.parent / "origin.git"
    subprocess.run(["git", "clone", "-q", "--bare", world.root, origin], check=True)
    time = time or Time()
    clones: list[Clone] = []
    with ExitStack() as stack:
        for number, minutes in enumerate(wrong):
            root = world.root.parent / f"clone-{number}"
            subprocess.run(["git", "clone", "-q", origin, root], check=True)
            clones.append(Clone(root, time, timedelta(minutes=minutes), synced=synced))
            stack.callback(clones[-1].end)
        yield time, clones
