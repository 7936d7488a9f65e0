"""The virtual system: a clock that moves only when somebody waits, chance by a seed, and threads that take turns."""

import heapq
from _thread import start_new_thread
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from subprocess import Popen
from threading import Condition, Event, Lock
from typing import ParamSpec, TypeVar, Unpack

from factory.store.system import ProcessOptions, System
from tests.simulation.disk.inodes import Crash

BEGINNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
_BEGAN = BEGINNING.timestamp()
_BETWEEN_S = 1e-4  # between any two things that are done to a disk
_LATER = ("run",)  # the pools whose work goes on while the orchestrator does something else
_SLOWEST_S = 40.0  # until that begins

Given = TypeVar("Given")
Taken = ParamSpec("Taken")
Start = Callable[..., "Popen[bytes]"]


@dataclass(order=True)
class _Job:
    """What is to be done at a moment of the virtual clock."""

    at: float
    number: int
    call: Callable[[], None] = field(compare=False)


class VirtualSystem(System):
    """A system in which nothing happens but what the simulation does."""

    def __init__(self, random: Random, start: Start, *, elapsed: float = 0.0) -> None:
        self.elapsed = elapsed  # seconds since the beginning
        self.boots = 1  # how often the machine was started
        self.meanwhile: Callable[[], None] = lambda: None  # what others do while somebody waits
        self._random = random
        self._start = start
        self._jobs: list[_Job] = []
        self._number = 0
        self._threads: list[_Thread] = []  # that have not ended
        self._running: _Thread | None = None  # None: the first one, which is the orchestrator's

    def boot(self) -> str:
        return str(self.boots)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def time(self) -> float:
        return _BEGAN + self.elapsed

    def monotonic(self) -> float:
        return self.elapsed

    def step(self) -> None:
        """As much time goes by as something small takes."""
        self.elapsed += _BETWEEN_S

    def sleep(self, seconds: float) -> None:
        if self._running is None:
            self.elapsed += seconds
            self.meanwhile()
        else:
            self.later(seconds, partial(self._resume, self._running))
            self._running.give_way()

    def wait(self, calls: "SimpleQueue[None]", seconds: float | None) -> bool:
        try:
            calls.get_nowait()
        except Empty:
            self.elapsed += seconds or 0.0
            return False
        return True

    def pause(self, until: Event, seconds: float) -> bool:
        self.sleep(seconds)
        return until.is_set()

    def wait_for(self, news: Condition, come: Callable[[], bool], seconds: float) -> bool:
        if not come():
            news.release()  # as whoever waits for a condition does
            try:
                self.sleep(seconds)
            finally:
                news.acquire()
        return come()

    def acquire(self, lock: Lock, seconds: float) -> bool:
        if lock.acquire(blocking=False):
            return True
        self.sleep(seconds)
        return lock.acquire(blocking=False)

    def settle(self, futures: "Collection[Future[None]]", seconds: float) -> None:
        """Nothing goes on meanwhile."""

    def token(self, size: int) -> str:
        return self._random.randbytes(size).hex()

    def chance(self) -> float:
        return self._random.random()

    def threads(self, most: int, name: str) -> ThreadPoolExecutor:
        return _Deferred(self) if name in _LATER else _Inline()

    def start(self, argv: Sequence[str | Path], **options: Unpack[ProcessOptions]) -> "Popen[bytes]":
        return self._start(argv, clock=self.time, **options)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Do something after so many seconds."""
        self._number += 1
        heapq.heappush(self._jobs, _Job(self.elapsed + seconds, self._number, call))

    def next_job(self) -> bool:
        """Let the clock go on to what is to be done next, and do it; False when nothing is."""
        if not self._jobs:
            return False
        job = heapq.heappop(self._jobs)
        self.elapsed = max(self.elapsed, job.at)
        job.call()
        return True

    @property
    def due(self) -> float:
        """When the next thing is to be done, in seconds since the beginning; infinity when nothing is."""
        return self._jobs[0].at if self._jobs else float("inf")

    def jobs_due(self) -> None:
        """Do all whose time has come."""
        while self._jobs and self._jobs[0].at <= self.elapsed:
            self.next_job()

    def swap(self, tasks: "Tasks") -> "Tasks":
        """Let another process of the machine go on, with what it has to do; what the one before has."""
        before = self._jobs, self._threads
        self._jobs, self._threads = tasks
        return before

    def begin_thread(self, seconds: float, call: Callable[[], None]) -> None:
        """Do something in a thread of its own, after so many seconds."""
        thread = _Thread(call)
        self._threads.append(thread)
        self.later(seconds, partial(self._resume, thread))

    def _resume(self, thread: "_Thread") -> None:
        self._running = thread
        try:
            thread.take_turn()
        finally:
            self._running = None
        if thread.ended:
            self._threads.remove(thread)

    def end_threads(self) -> None:
        """The process dies, with all that was to be done."""
        self._jobs.clear()
        while self._threads:
            self._threads[0].dies = True
            self._resume(self._threads[0])


class _Thread:
    """A thread that runs only when it is its turn, so that what happens follows from the seed alone."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.ended = False
        self.dies = False
        self._call = call
        self._turn, self._back = Lock(), Lock()  # each let go by the other thread
        self._turn.acquire()
        self._back.acquire()
        self._begun = False

    def take_turn(self) -> None:
        """Let it run until it waits for something, or has ended. It is another thread that calls this."""
        if self._begun:
            self._turn.release()
        elif self.dies:
            self.ended = True
            return
        else:
            self._begun = True
            start_new_thread(self._run, ())
        self._back.acquire()

    def give_way(self) -> None:
        """Wait for the next turn. Raises Crash when the process has died meanwhile."""
        self._back.release()
        self._turn.acquire()
        if self.dies:
            raise Crash

    def _run(self) -> None:
        with suppress(Crash):
            self._call()
        self.ended = True
        self._back.release()


Tasks = tuple[list[_Job], list[_Thread]]  # jobs, threads


class _Inline(ThreadPoolExecutor):
    """What is submitted is done at once."""

    def __init__(self) -> None:
        """No thread is begun."""

    def submit(self, fn: Callable[Taken, Given], /, *args: Taken.args, **kwargs: Taken.kwargs) -> "Future[Given]":
        future: Future[Given] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is under way."""


class _Deferred(_Inline):
    """What is submitted is done in threads, while the orchestrator does something else."""

    def __init__(self, system: VirtualSystem) -> None:
        self._system = system
        self._open: set[Future[object]] = set()

    def submit(self, fn: Callable[Taken, Given], /, *args: Taken.args, **kwargs: Taken.kwargs) -> "Future[Given]":
        future: Future[Given] = Future()

        def do() -> None:
            try:
                given = fn(*args, **kwargs)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(given)

        self._open.add(future)  # type: ignore[arg-type]
        future.add_done_callback(self._open.discard)
        self._system.begin_thread(_SLOWEST_S * self._system.chance(), do)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all that was submitted."""
        while self._open and self._system.next_job():
            """The clock goes on."""
