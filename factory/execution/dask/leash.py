"""The leash: how a run on another machine is followed, and ends by itself when nobody follows it any more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from factory.execution.dask.messages import News
from factory.store.system import System

# Seconds without being asked until a run ends by itself: more than a network is away for a moment, and less than
# what an orchestrator that was killed needs to be missed.
UNATTENDED_S = 90.0
_LOOK_S = 1.0
_MOST_OUTPUT = 1 << 20  # bytes between two questions; what is kept for good comes with the outcome


class Leash:
    """What one run says, until somebody asks. Threads may share it."""

    def __init__(self, system: System) -> None:
        self.stop = threading.Event()
        self._system = system
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._asked = system.monotonic()
        self._doing = ""
        self._alive = True
        self._output: list[bytes] = []
        self._size = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """As long as this lasts, the run is asked to end once nobody has attended to it for so long."""
        with self._system.threads(1, "leash") as aside:
            aside.submit(self._watch)
            try:
                yield
            finally:
                self._over.set()

    def _watch(self) -> None:
        while not self._system.pause(self._over, _LOOK_S):
            if self._system.monotonic() - self._asked > UNATTENDED_S:
                self.stop.set()

    def attend(self, stop: bool) -> News:
        """Somebody is there, and is told what there is to be told."""
        if stop:
            self.stop.set()
        with self._lock:
            self._asked = self._system.monotonic()
            news = News(self._doing, self._alive, b"".join(self._output))
            self._alive, self._output, self._size = False, [], 0
        return news

    def beat(self) -> None:
        """There was a sign of life."""
        self._alive = True

    def say(self, doing: str) -> None:
        """Note what is being done now."""
        self._doing = doing

    def add(self, output: bytes) -> None:
        """Note what an agent does, as far as there is room."""
        with self._lock:
            if self._size + len(output) <= _MOST_OUTPUT:
                self._output.append(output)
                self._size += len(output)
