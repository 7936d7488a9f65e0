"""Changes: what the system tells of files that change below folders; the one door to watchdog."""

import errno
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

logging.getLogger("watchdog").addHandler(logging.NullHandler())  # else it tells people of threads that it has stopped
_LOOK_S = 1.0  # where the system does not tell of changes
_NO_MORE = (errno.ENOSPC, errno.EMFILE)  # inotify(7): of watches, of instances
_CHANGES = frozenset({"created", "modified", "moved", "deleted", "closed"})


# Told where something changed (of what was moved, where it is now), and whether it is a folder itself that changed.
Changed = Callable[[Path, bool], None]


class _Handler(FileSystemEventHandler):
    def __init__(self, changed: Changed, counts: Callable[[Path], bool]) -> None:
        self._changed = changed
        self._counts = counts
        self.stale = False  # whether a folder went: one of the same name that is made again is another one

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Anything but a mere look at a file."""
        place = Path(os.fsdecode(event.dest_path or event.src_path))
        if event.event_type in _CHANGES and self._counts(place):
            self.stale |= event.is_directory and event.event_type in ("deleted", "moved")
            self._changed(place, event.is_directory)


class FolderWatch:
    """Tells of each change that counts in the folders it follows, from a thread of the library.

    `said` is told when the system lets no more files be watched, and they are looked at every now and then instead.
    """

    def __init__(
        self,
        changed: Changed,
        said: Callable[[str], None],
        counts: Callable[[Path], bool] = lambda _: True,
    ) -> None:
        self._handler = _Handler(changed, counts)
        self._said = said
        self._observer: BaseObserver | None = None
        self._followed: Sequence[tuple[Path, bool]] = ()

    def follow(self, folders: Sequence[tuple[Path, bool]]) -> None:
        """Watch these folders, with all below them where that is said; nothing is done while they are the same.

        One that was deleted and made anew is followed again. Raises OSError for a folder that is not there.
        """
        if folders == self._followed and not self._handler.stale:
            return
        self.stop()
        self._handler.stale = False
        try:
            self._observer = self._watching(Observer(), folders)
        except OSError as error:
            if error.errno not in _NO_MORE:
                raise  # a folder that is just being removed
            self._said(f"the system lets no more files be watched ({error}); looking every {_LOOK_S:g} s instead")
            self._observer = self._watching(PollingObserver(timeout=_LOOK_S), folders)
        self._followed = folders

    def _watching(self, observer: BaseObserver, folders: Sequence[tuple[Path, bool]]) -> BaseObserver:
        for folder, _ in folders:
            folder.stat()  # the library lets go of nothing that it has taken for a folder that is not there
        try:
            for folder, below in folders:
                observer.schedule(self._handler, str(folder), recursive=below)
            observer.start()
        except OSError:
            observer.unschedule_all()
            raise
        return observer

    def stop(self) -> None:
        """Follow nothing any more."""
        observer, self._observer = self._observer, None
        self._followed = ()
        if observer is not None:
            observer.stop()
            observer.join()
