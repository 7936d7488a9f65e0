"""An orchestrator that somebody else owns: in a thread of its own, with a clock of its own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import pytest

from factory.line.orchestrator import Orchestrator, PassReport
from factory.line.tick import tick
from factory.line.watch import watch
from factory.model.errors import BusyError, StopRequested, UsageError
from factory.store.repository.repository import Repository
from factory.store.system import System
from tests.world import World, say_nothing

PATIENCE_S = 60.0


class Virtual(System):
    """A clock that runs ahead where there is nothing but time to wait for."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC) + self.ahead

    def wait(self, calls: "SimpleQueue[None]", seconds: float | None) -> bool:
        if super().wait(calls, 0.05):
            return True
        self.ahead += timedelta(seconds=seconds or 0)
        return False


@dataclass(frozen=True)
class Watching:
    orchestrator: Orchestrator
    thread: threading.Thread
    passes: "SimpleQueue[PassReport]"
    ended: list[BaseException]


@contextmanager
def watching(world: World) -> Iterator[Watching]:
    """Passes in a thread of their own, each reported."""
    passes: SimpleQueue[PassReport] = SimpleQueue()
    ended: list[BaseException] = []
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)

        def run() -> None:
            try:
                with orchestrator.holding():
                    watch(orchestrator, passes.put)
            except StopRequested as stopped:
                ended.append(stopped)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield Watching(orchestrator, thread, passes, ended)
        finally:
            orchestrator.stop()
            thread.join(PATIENCE_S)


def test_it_is_stopped_and_woken_from_any_thread_and_touches_no_signal(world: World) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with watching(world) as its:
        its.passes.get(timeout=PATIENCE_S)
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        its.orchestrator.wake()
        its.passes.get(timeout=PATIENCE_S)  # long before the next one would have come by itself
        its.orchestrator.stop()
        its.thread.join(PATIENCE_S)
        assert not its.thread.is_alive()
    assert [type(each) for each in its.ended] == [StopRequested]
    world.item("one")
    world.tick()  # nobody holds the lock any more
    assert world.lane("one") == "done"


def test_with_another_clock_nobody_waits_for_a_second_attempt(world: World) -> None:
    world.write(
        "WORKFLOW.md",
        world.read("WORKFLOW.md").replace("branch: main", "branch: main\nretry: {initial_ms: 3600000}", 1),
    )
    world.item("one", [{"exit": 75}], [{"write": {"path": "one.txt", "text": "1\n"}}])
    system = Virtual()
    with closing(Repository(world.root, system)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            tick(orchestrator, drain=True, patience=2 * 3600)
    assert world.lane("one") == "done"
    released = next(entry for entry in world.journal("one") if entry.not_before)
    begun = [entry for entry in world.journal("one") if entry.event == "start"][1]
    assert released.not_before is not None and begun.at >= released.not_before
    assert system.ahead < timedelta(hours=2)


class JustLate(System):
    """A wait that times out at the very moment at which there is something to be had."""

    def __init__(self) -> None:
        self.late = True

    def wait(self, calls: "SimpleQueue[None]", seconds: float | None) -> bool:
        while self.late and calls.empty():
            self.sleep(0.01)
        late, self.late = self.late, False
        return False if late else super().wait(calls, min(seconds or 0.2, 0.2))


def test_a_run_that_ends_just_as_a_wait_is_given_up_is_collected(world: World) -> None:
    world.item("one")
    with closing(Repository(world.root, JustLate())) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            tick(orchestrator)
            assert world.lane("one") == "done"


def test_chance_comes_from_the_system_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.item("one", [{"exit": 75}])
    waits: list[timedelta] = []
    for chance in (0.0, 0.5):
        monkeypatch.setattr(System, "chance", lambda _self, chance=chance: chance)
        world.now = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(days=len(waits))
        world.tick()
        last = world.last("one")
        assert last.not_before is not None
        waits.append(last.not_before - last.at)
    assert waits[1] > waits[0] * 2  # doubled, and up to a tenth longer by chance


def test_an_orchestrator_that_has_been_left_says_so_and_touches_nothing(world: World) -> None:
    with closing(Repository(world.root)) as repository:
        orchestrator = Orchestrator(repository, say_nothing)
        with orchestrator.holding():
            pass
        world.item("one")
        with pytest.raises(UsageError, match="has been left already; make another one"), orchestrator.holding():
            tick(orchestrator)
        with Orchestrator(repository, say_nothing).holding():  # the lock is free
            pass
    assert world.git("status", "--porcelain") == "?? queue/inbox/one.yaml"


def test_an_orchestrator_that_could_not_get_in_may_try_again(world: World) -> None:
    world.item("one")
    with closing(Repository(world.root)) as repository:
        first, second = (Orchestrator(repository, say_nothing) for _ in range(2))
        with first.holding(), pytest.raises(BusyError), second.holding():
            pass
        with second.holding():
            tick(second)
    assert world.lane("one") == "done"
