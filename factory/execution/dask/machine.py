"""The machine: what a worker process of the cluster runs. It takes a parcel, and gives back what became of it."""

import atexit
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from factory import __version__
from factory.execution.cell.pool import Cells, cells_root
from factory.execution.control import Control, PhaseLog
from factory.execution.dask.leash import Leash
from factory.execution.dask.messages import About, Answer, Came, News, Parcel
from factory.execution.host import Host
from factory.execution.outcome import RunOutcome
from factory.execution.pipeline import run
from factory.execution.request import RunRequest
from factory.model.errors import FactoryError
from factory.store import files
from factory.store.repository.object_cache import BorrowedRepository, ObjectCache
from factory.store.repository.pack import pack_of
from factory.store.repository.repository import Repository
from factory.store.system import MACHINE

_FOLDER = "factory-machine"


class Machine:
    """One worker process's part for one repository that lies elsewhere: its object cache, and a host beside it."""

    def __init__(self, origin: str) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.cache = ObjectCache(cache / _FOLDER / origin, MACHINE)
        for left in self.cache.left_behind():
            _clear(left)
        self._borrowed: BorrowedRepository = self.cache.open()
        repository = self._borrowed.repository
        self._cells = Cells(repository, cells_root(repository.common_dir, None))
        self.host = Host.of(repository, self._cells)
        self._lock = threading.Lock()  # while objects are taken in

    def receive(self, pack: bytes, trees: Sequence[str]) -> None:
        """Take in what is needed for these trees, before any run asks for them. Raises MachineError."""
        with self._lock:
            if not self.cache.has(trees):
                self.cache.receive(pack, trees)

    def take_in(self, parcel: Parcel, request: RunRequest) -> bool:
        """Take in what a parcel brings; False where the pack is based on what is not here. Raises MachineError."""
        with self._lock:
            if not self.cache.has(parcel.trees):
                try:
                    self.cache.receive(parcel.pack, parcel.trees)
                except FactoryError:
                    if parcel.complete:
                        raise
                    return False
            self._borrowed.adopt(parcel.commits, request.base)
        return True

    def close(self) -> None:
        """End what still runs here, and leave nothing but the cache."""
        self._cells.remove_all()
        self.host.close()
        self._borrowed.close()


def _clear(left: Path) -> None:
    """Take away what a process has left that was killed: its repository, its cells, and what still runs in them."""
    repository = Repository(left, MACHINE)
    Cells(repository, cells_root(repository.common_dir, None)).remove_all()
    repository.close()
    files.remove_tree(left)


# A worker process has one of each for as long as it lives: what it is asked finds them by name.
_MACHINES: dict[str, Machine] = {}
_LEASHES: dict[str, Leash] = {}
_MAKING = threading.Lock()


def _machine(origin: str) -> Machine:
    with _MAKING:
        if origin not in _MACHINES:
            made = _MACHINES[origin] = Machine(origin)
            atexit.register(made.close)
        return _MACHINES[origin]


def about(origin: str) -> About:
    """What this process is, and has of a repository."""
    cache = _machine(origin).cache
    return About(__version__, socket.gethostname(), cache.name, cache.trees())


def receive(origin: str, pack: bytes, trees: tuple[str, ...]) -> None:
    """Take in objects of a repository. Raises MachineError."""
    _machine(origin).receive(pack, trees)


def carry_out(parcel: Parcel) -> Answer:
    """Do what a parcel asks, and tell what became of it. Raises FactoryError, OSError: the machine's own fault."""
    if parcel.version != __version__:
        said = f"{socket.gethostname()} has git-factory {__version__}, and the orchestrator {parcel.version}"
        return Answer(Came.REFUSED, "", said.encode())
    machine, request = _machine(parcel.origin), RunRequest.from_json(parcel.request)
    cache = machine.cache.name
    lacking = ", ".join(name for name in request.keys.values() if not os.environ.get(name))
    if lacking:
        said = f"{socket.gethostname()} does not have {lacking}: set it where its Dask worker is started"
        return Answer(Came.REFUSED, cache, said.encode())
    leash = _LEASHES[parcel.key] = Leash(MACHINE)
    try:
        with leash.held():
            if not machine.take_in(parcel, request):
                return Answer(Came.LACKS, cache, b"")
            outcome = run(request, machine.host, _control(leash))
    finally:
        del _LEASHES[parcel.key]
    bare = replace(outcome, work=replace(outcome.work, brought={}))
    return Answer(Came.OUTCOME, cache, bare.to_json(), _brought(outcome))


def _control(leash: Leash) -> Control:
    return Control(leash.stop, leash.beat, leash.say, leash.add, phases=PhaseLog(MACHINE), system=MACHINE)


def _brought(outcome: RunOutcome) -> bytes:
    """What a proposal needs of the objects that the work brought; what proposes nothing needs none."""
    return pack_of(dict(outcome.work.brought)) if outcome.proposal and outcome.work.brought else b""


def attend(key: str, stop: bool) -> News | None:
    """How a run goes, which may be asked to end; None where it does not run here."""
    leash = _LEASHES.get(key)
    return leash.attend(stop) if leash else None
