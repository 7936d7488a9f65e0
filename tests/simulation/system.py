"""The virtual system: a clock that moves only when somebody waits, chance by a seed, and threads that take turns."""

import heapq
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from subprocess import Popen
from threading import Event
from typing import ParamSpec, TypeVar, Unpack

from factory.store.system import ProcessOptions, System

BEGINNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
_BEGAN = BEGINNING.timestamp()
_BETWEEN_S = 1e-4  # between any two things that are done to a disk
_LATER = ("run",)  # the pools whose work goes on while the orchestrator does something else

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
        self.elapsed += seconds
        self.meanwhile()

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

    def jobs_due(self) -> None:
        """Do all whose time has come."""
        while self._jobs and self._jobs[0].at <= self.elapsed:
            self.next_job()

    def forget_jobs(self) -> None:
        """Whoever was to do it is dead."""
        self._jobs.clear()


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
    """What is submitted is done while the orchestrator does something else, at the latest when it is shut down."""

    def __init__(self, system: VirtualSystem) -> None:
        self._system = system
        self._waiting: dict[int, Callable[[], None]] = {}
        self._number = 0

    def submit(self, fn: Callable[Taken, Given], /, *args: Taken.args, **kwargs: Taken.kwargs) -> "Future[Given]":
        future: Future[Given] = Future()
        self._number += 1
        number = self._number

        def do() -> None:
            if self._waiting.pop(number, None) is None:
                return
            try:
                given = fn(*args, **kwargs)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(given)

        self._waiting[number] = do
        self._system.later(10 * self._system.chance(), do)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Do now what has not been done."""
        for do in list(self._waiting.values()):
            do()
