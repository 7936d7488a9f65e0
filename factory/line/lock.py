"""The lock: one orchestrator at a time in a clone, and who it is."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from factory.model.errors import BusyError
from factory.model.journal import rfc3339
from factory.store import files
from factory.store.repository.repository import Repository


@dataclass(frozen=True)
class Holder:
    """The process that holds the lock."""

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


@contextmanager
def locked(state: Path, now: datetime) -> Iterator[None]:
    """Hold the factory's lock. Raises BusyError when somebody else does."""
    state.mkdir(parents=True, exist_ok=True)
    lock, note = FileLock(state / "lock"), state / "holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder(state) or "a process that has just begun"
        raise BusyError(f"another orchestrator is at work: {who}", "factory status") from None
    try:
        mine = Holder(os.getpid(), socket.gethostname(), rfc3339(now))
        files.write(note, json.dumps(asdict(mine)).encode())
        yield
        note.unlink(missing_ok=True)
    finally:
        lock.release()


def holder(state: Path) -> Holder | None:
    """Who holds the lock; None when nobody does, also after a crash."""
    note = files.read_regular(state / "holder")
    if note is None:
        return None
    try:
        found = Holder(**json.loads(note))
    except (ValueError, TypeError, RecursionError):
        return None  # torn by a crash: whoever wrote it is gone
    if not isinstance(found.pid, int):
        return None
    gone = found.host == socket.gethostname() and not Path(f"/proc/{found.pid}").exists()
    return None if gone else found


def owner_of(repository: Repository) -> str:
    """Who takes leases in this clone: the host and the clone."""
    clone = hashlib.sha256(os.fsencode(repository.common_dir)).hexdigest()[:12]
    return f"{socket.gethostname() or 'localhost'}:{clone}"
