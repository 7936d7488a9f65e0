"""Git's locks: taken so that no person's git comes between, and removed where a crash left them."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from factory.model.errors import BusyError
from factory.store import files
from factory.store.system import System

_HELD = re.compile(rb"held by factory, process (\d+) of (\d+); a tick removes it if it was left behind\n")
_PATIENCE_S = 5.0
_STILL_S = 1.0  # git holds the lock of a branch for milliseconds


class IndexLock:
    """Git's own lock of one index, so that no git command of a person commits an index that is behind the branch."""

    def __init__(self, path: Path, state: Path, system: System) -> None:
        self.path = path
        self._state = state
        self._system = system
        self.kept = False  # by an error too: the branch has moved and the index has not, so nobody may commit

    @contextmanager
    def held(self, patience: float = _PATIENCE_S, *, adopt: bool = False, lasting: bool = False) -> Iterator[None]:
        """Hold it; on the way out it is let go, unless it is `kept` for recovery. Raises BusyError.

        With `adopt`, one that this process kept or a dead factory left is held again, with no moment between. With
        `lasting`, which is for the holder of the factory's lock, a loss of power leaves none that is empty: a person
        would take that for git's, remove it, and commit what is half done.
        """
        if not (adopt and self.is_left()):
            self._take(self._system.monotonic() + patience, lasting)
        try:
            yield
        finally:
            if not self.kept and self.is_mine():  # what another git took when a person removed it is that git's
                self.path.unlink(missing_ok=True)

    def is_mine(self) -> bool:
        """Whether this process holds it: a person can remove a lock at any moment."""
        return self._holder() == _myself()

    def _take(self, until: float, lasting: bool) -> None:
        said = b"held by factory, process %d of %d; a tick removes it if it was left behind\n" % _myself()
        name = self.path.parent.name.lstrip(".")
        token = self._state / (f"lock-of-{name}" if lasting else f"index-lock-{os.getpid()}-{name}")
        try:
            if not lasting or files.read_regular(token) != said:  # it stays, and is synced once for each process
                files.write(token, said, durable=lasting)
            while True:
                try:
                    os.link(token, self.path)
                    return
                except FileExistsError:
                    if self._system.monotonic() > until:
                        hint = f"wait for it to end; if none runs, a crash left it: rm {self.path}"
                        raise BusyError(f"{self.path} is held by another git command", hint) from None
                    self._system.sleep(0.01)
        finally:
            if not lasting:
                token.unlink(missing_ok=True)

    def break_own(self) -> None:
        """Remove it if a factory that has ended left it, or this one kept it."""
        if self.is_left():
            self.path.unlink()

    def is_left(self) -> bool:
        """Whether nobody but this process can be meant by it any more."""
        holder = self._holder()
        return holder is not None and (holder == _myself() or _begun(holder[0]) != holder[1])

    def _holder(self) -> tuple[int, int] | None:
        """Which factory's it is; None when it is another git's, or nobody's."""
        found = _HELD.fullmatch(files.read_regular(self.path) or b"")
        return (int(found[1]), int(found[2])) if found else None


def _myself() -> tuple[int, int]:
    return _of(os.getpid())


@cache
def _of(own: int) -> tuple[int, int]:
    return own, _begun(own)


def _begun(pid: int) -> int:
    """When a process began (proc(5), stat), which tells it from a later one of the same number; 0 when it is gone."""
    try:
        return int((Path("/proc") / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError):
        return 0


def break_still(locks: Iterable[Path], system: System) -> None:
    """Remove the locks that nobody lets go: those of a git of ours that died with the machine."""
    found = {lock: _mark(lock) for lock in locks if lock.exists()}
    until = system.monotonic() + _STILL_S
    while found and system.monotonic() < until:
        system.sleep(0.02)
        found = {lock: mark for lock, mark in found.items() if _mark(lock) == mark}
    for lock in found:
        lock.unlink(missing_ok=True)


def _mark(lock: Path) -> tuple[int, int] | None:
    try:
        seen = lock.stat()
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_mtime_ns
