"""The lock: one orchestrator at a time in a clone, and who it is."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from factory.execution.processes.process_tree import began
from factory.model.errors import BusyError
from factory.model.moments import rfc3339
from factory.store import files
from factory.store.repository.repository import Repository
from factory.store.state import HOLDER, ID, LOCK
from factory.store.system import System


@dataclass(frozen=True)
class Holder:
    """The process that holds the lock."""

    pid: int
    host: str
    since: str
    began: str = ""  # which of the processes that ever had this number

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


@contextmanager
def locked(state: Path, system: System) -> Iterator[None]:
    """Hold the factory's lock. Raises BusyError when somebody else does."""
    state.mkdir(parents=True, exist_ok=True)
    lock, note = FileLock(state / LOCK), state / HOLDER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder(state) or "a process that has just begun"
        raise BusyError(f"another orchestrator is at work: {who}", "factory status") from None
    try:
        mine = Holder(os.getpid(), socket.gethostname(), rfc3339(system.now()), began(os.getpid()))
        files.write(note, json.dumps(asdict(mine)).encode())
        if not files.read_regular(state / ID):
            files.write(state / ID, f"{system.token(16)}\n".encode(), durable=True)
        yield
    finally:
        try:
            note.unlink(missing_ok=True)
        finally:
            lock.release()  # also where a disk that fails keeps the note


def holder(state: Path) -> Holder | None:
    """Who holds the lock; None when nobody does, also after a crash."""
    note = files.read_regular(state / HOLDER)
    if note is None:
        return None
    try:
        found = Holder(**json.loads(note))
    except (ValueError, TypeError, RecursionError):
        return None  # torn by a crash: whoever wrote it is gone
    if not isinstance(found.pid, int):
        return None
    gone = found.host == socket.gethostname() and began(found.pid) != found.began
    return None if gone else found


def owner_of(repository: Repository) -> str:
    """Who takes leases in this clone: the host and the clone's id; empty before its first pass.

    The id is random, and bound to the one file that holds it: the time of its last change (inode(7), ctime) can be
    copied by nobody, so that a copy of the whole folder, in the same place on a machine of the same name too, is
    another clone.
    """
    place = repository.state / ID
    drawn = files.read_regular(place)
    if not drawn:
        return ""
    seen = place.stat()
    clone = hashlib.sha256(b"%s %d %d" % (drawn, seen.st_ino, seen.st_ctime_ns)).hexdigest()[:16]
    return f"{socket.gethostname() or 'localhost'}:{clone}"
