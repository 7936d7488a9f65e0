"""The looker: reads the queue when something has changed there, and every now and then who is at work. Reads only."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from factory.line.lock import Holder, holder
from factory.line.snapshot import Snapshot, SnapshotReader
from factory.line.wakeup import Wakeup
from factory.line.watch import folders_of, is_news
from factory.model.errors import FactoryError, told_by
from factory.serve.top.handoffs import Handoffs
from factory.serve.top.live import Overlay, Worker
from factory.serve.top.picture import Picture, picture
from factory.store import files
from factory.store.changes import FolderWatch
from factory.store.library import locate_branch
from factory.store.repository.repository import Repository
from factory.store.state import HEARTBEATS
from factory.store.system import System

_AT_WORK_S = 0.5  # between two looks at what workers print
_IDLE_S = 2.0  # between two looks at whether anybody is at work; the rest comes as events
_SETTLE_S = 0.04  # a batch of moves is many events


@dataclass(frozen=True)
class Trouble:
    """Why the queue cannot be read now; it is tried again."""

    said: str


Seen = Picture | tuple[Worker, ...] | Trouble


class Looker:
    """Looks in a thread of its own, and tells what it sees. Raises UnusableError where there is no factory."""

    def __init__(self, place: Path, system: System, tell: Callable[[Seen], object]) -> None:
        self.repository = Repository(place, system)
        try:
            self._reader = SnapshotReader(self.repository, locate_branch(self.repository))
            self.repository.tip(self._reader.branch)
        except FactoryError:
            self.repository.close()
            raise
        self._system = system
        self._tell = tell
        self._wakeup = Wakeup(self._system)
        self._over = False
        self._folders = FolderWatch(lambda *_: self._wakeup.wake(), self._say, is_news)
        self._handoffs, self._overlay = Handoffs(), Overlay()
        self._snapshot: Snapshot | None = None
        self._due: datetime | None = None
        self._workers: tuple[Worker, ...] = ()
        self._hearts: dict[str, bytes | None] = {}
        self._holder: Holder | None = None

    def _say(self, said: str) -> None:
        self._tell(Trouble(said))

    def wake(self) -> None:
        """Look again now. May be called from any thread."""
        self._wakeup.wake()

    def stop(self) -> None:
        """Look no more. May be called from any thread, and from within a signal handler."""
        self._over = True
        self._wakeup.wake()

    def go(self) -> None:
        """Look until it is stopped."""
        with ExitStack() as stack:
            stack.callback(self.repository.close)
            stack.callback(self._folders.stop)
            while not self._over:
                try:
                    self._look_and_wait()
                except (FactoryError, OSError) as error:  # a file that goes as it is read, a policy being edited
                    self._tell(Trouble(told_by(error)))
                    self._wakeup.wait(_IDLE_S)

    def _look_and_wait(self) -> None:
        began = self._system.monotonic()
        self._look()
        now = self._system.monotonic()
        rested = now + (now - began) / 2  # a large queue that moves all the time does not take all of a core
        while not self._over and not self._woken(rested):
            pass

    def _look(self) -> None:
        reader = self._reader
        target = self._snapshot.policy.target_branch if self._snapshot else reader.branch
        self._folders.follow(folders_of(self.repository, reader.branch, target))  # first: later changes must wake it
        snapshot = reader.snapshot(self._system.now(), self.repository.tip(reader.branch))
        if snapshot.policy.target_branch != target:
            self._wakeup.wake()  # the folders are others
        self._hearts, self._holder = self._beating(), holder(self.repository.state)
        seen = picture(reader, snapshot, self._handoffs.newest(reader, snapshot))
        self._snapshot, self._due = snapshot, seen.until
        self._tell(seen)
        self._glance()

    def _woken(self, rested: float) -> bool:
        """Wait for news, or for the next look at who is at work; whether the queue is to be looked at again.

        That is not before it has rested, by the monotonic clock.
        """
        if self._wakeup.wait(_AT_WORK_S if self._hearts else _IDLE_S):
            self._system.sleep(max(_SETTLE_S, rested - self._system.monotonic()))
            return True
        if self._due is not None and self._system.now() >= self._due:
            return True
        if (self._beating(), holder(self.repository.state)) != (self._hearts, self._holder):
            return True
        self._glance()
        return False

    def _glance(self) -> None:
        """Tell who is at work, if there is news of them."""
        if self._snapshot is None:
            return
        seen = self._overlay.workers(self._reader, self._snapshot, self._system.now(), self._holder)
        if seen != self._workers:
            self._workers = seen
            self._tell(seen)

    def _beating(self) -> dict[str, bytes | None]:
        """What each run under way on this machine says that it does."""
        folder = self.repository.state / HEARTBEATS
        return {name: files.read_regular(folder / name) for name in sorted(files.names_in(str(folder)))}
