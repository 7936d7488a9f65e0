"""Git's locks: taken so that no person's git comes between, and removed where a crash left them."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.model.errors import BusyError
from factory.store import files

_TOKEN = b"held by factory; a tick removes it if it was left behind\n"
_PATIENCE_S = 5.0
_STILL_S = 1.0  # git holds the lock of a branch for milliseconds


class IndexLock:
    """Git's own lock of one index, so that no git command of a person commits an index that is behind the branch."""

    def __init__(self, path: Path, state: Path) -> None:
        self.path = path
        self._token = state / "index-lock"
        self.kept = False  # by an error too: the branch has moved and the index has not, so nobody may commit

    @contextmanager
    def held(self, patience: float = _PATIENCE_S) -> Iterator[None]:
        """Hold it; on the way out it is let go, unless it is `kept` for recovery. Raises BusyError."""
        if files.read_regular(self._token) != _TOKEN:
            files.write(self._token, _TOKEN)
        until = time.monotonic() + patience
        while True:
            try:
                os.link(self._token, self.path)
                break
            except FileExistsError:
                if time.monotonic() > until:
                    raise BusyError(f"{self.path} is held by another git command", f"rm {self.path}") from None
                time.sleep(0.01)
        try:
            yield
        finally:
            if not self.kept:
                self.path.unlink(missing_ok=True)

    def break_own(self) -> None:
        """Remove it if a crashed orchestrator left it."""
        if files.read_regular(self.path) == _TOKEN:
            self.path.unlink()


def break_still(locks: Iterable[Path]) -> None:
    """Remove the locks that nobody lets go: those of a git of ours that died with the machine."""
    found = {lock: _mark(lock) for lock in locks if lock.exists()}
    until = time.monotonic() + _STILL_S
    while found and time.monotonic() < until:
        time.sleep(0.02)
        found = {lock: mark for lock, mark in found.items() if _mark(lock) == mark}
    for lock in found:
        lock.unlink(missing_ok=True)


def _mark(lock: Path) -> tuple[int, int] | None:
    try:
        seen = lock.stat()
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_mtime_ns
