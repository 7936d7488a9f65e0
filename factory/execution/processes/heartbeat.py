"""The heartbeat: a file whose time of change is a run's last sign of life. A disk that refuses it ends no run."""

import threading
from contextlib import suppress
from pathlib import Path

from factory.store import files
from factory.store.system import System

_EVERY_S = 1.0


class Heartbeat:
    """Beats as long as a run is under way; what is said after that, by whoever still holds it, leaves no trace."""

    def __init__(self, path: Path, system: System) -> None:
        self._path = path
        self._system = system
        self._last = 0.0
        self._lock = threading.Lock()
        self._over = False
        self.doing = ""  # what was told last; empty during the worker's own part
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.beat()

    def beat(self) -> None:
        """Show a sign of life, at most once a second."""
        if self._system.monotonic() - self._last >= _EVERY_S:
            with self._lock, suppress(OSError):
                self._last = self._system.monotonic()
                if not self._over:
                    self._path.touch()

    def say(self, doing: str) -> None:
        """Tell what is being done; the worker's own part says nothing."""
        with self._lock, suppress(OSError):
            if not self._over:
                self.doing = doing
                files.write(self._path, doing.encode())

    def stop(self) -> None:
        """The run is over."""
        with self._lock, suppress(OSError):
            self._over = True
            self._path.unlink()
