"""The watcher: as long as somebody follows, it looks again whenever there may be something else to be seen."""

from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

from factory.line.watch import folders_of, is_news
from factory.model.errors import FactoryError
from factory.serve.http.picture import NoPicture, Pictures
from factory.store.changes import FolderWatch
from factory.store.repository.repository import Repository
from factory.store.state import HEARTBEATS

_EVERY_S = 1.0  # whatever the system tells of files
_SETTLED_S = 0.06  # of what comes at once, one picture; longer than a picture counts as fresh
_PART = 1.0  # it rests so often what looking took: an orchestrator in this process has work to do


class Watcher:
    """Runs in a thread of its own; `number` is that of the newest picture, and `followers` how many wait for it."""

    def __init__(self, repository: Repository, branch: str, pictures: Pictures) -> None:
        self._repository = repository
        self._system = repository.system
        self._branch = branch
        self._pictures = pictures
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._folders = FolderWatch(lambda *_: self.wake(), lambda _: None, is_news)
        self.followers = 0
        self.ended = False

    def wake(self) -> None:
        """There may be news."""
        self._calls.put(None)

    def end(self) -> None:
        """From any thread: it ends, and so does whoever follows."""
        self.ended = True
        self.wake()

    def run(self) -> None:
        """Until its end."""
        try:
            while not self.ended:
                self._follow()
                woken = self._system.wait(self._calls, _EVERY_S if self.followers else None)
                if self.followers and not self.ended:
                    self._system.sleep(_SETTLED_S if woken else 0.0)
                    while not self._calls.empty():
                        self._calls.get()
                    began = self._system.monotonic()
                    with suppress(NoPicture):  # whoever asks is told
                        self._pictures.now()
                    self._system.sleep(_PART * (self._system.monotonic() - began))
        finally:
            self._folders.stop()

    def _follow(self) -> None:
        if self.followers:
            with suppress(OSError, FactoryError):  # of a folder that is just being removed: the clock will do
                self._folders.follow([(folder, below) for folder, below in self._watched() if folder.is_dir()])
        else:
            self._folders.stop()

    def _watched(self) -> list[tuple[Path, bool]]:
        """(folder, with all below it) of what a picture hangs on."""
        last = self._pictures.last
        target = last.snapshot.policy.target_branch if last else self._branch
        return [*folders_of(self._repository, self._branch, target), (self._repository.state / HEARTBEATS, False)]
