"""Watching: the commands of `on_write` run after what a worker writes has come to rest, and it can read what fails."""

import importlib
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from factory.execution.agents.on_write.commands import Commands
from factory.execution.cell.cell import Cell
from factory.execution.control import Control, Signal
from factory.store.repository.git import GitError

FILE = "on-write.txt"  # what fails at this moment; empty when nothing does
_QUIET_S = 0.3  # without a change before the commands run
_LATEST_S = 3.0  # after the first change, however many follow it
_LOOK_S = 60.0
_MOST_PLACES = 50_000  # at a time


class _Watch(Protocol):
    def follow(self, folders: list[tuple[Path, bool]]) -> None: ...

    def stop(self) -> None: ...


class _Either:
    """Set once one of two signals is."""

    def __init__(self, *signals: Signal) -> None:
        self._signals = signals

    def is_set(self) -> bool:
        return any(signal.is_set() for signal in self._signals)


class Watching:
    """Follows a worktree. What it tells of is said once, and again only when it has become something else."""

    def __init__(self, cell: Cell, commands: Commands, control: Control) -> None:
        self._cell = cell
        self._commands = commands
        self._system = control.system
        self._over = threading.Event()
        self._stop = _Either(control.stop, self._over)
        self._changed = threading.Condition()
        self._places: set[str] = set()
        self._changes = 0
        self._told = self._unsaid = ""

    def news(self) -> str:
        """What fails now, if that is something else than was asked for last; else empty."""
        said, self._unsaid = self._unsaid, ""
        return f"These commands fail on what you have written so far:\n{said}" if said else ""

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Watch meanwhile. A command that is under way at the end is stopped."""
        watch = _watch_of(self)
        try:
            watch.follow([(self._cell.tree, True)])
            with self._system.threads(1, "on-write") as pool:
                following = pool.submit(self._follow)
                try:
                    yield
                finally:
                    with self._changed:
                        self._over.set()
                        self._changed.notify_all()
            following.result()
        finally:
            watch.stop()

    def note(self, place: Path, is_folder: bool) -> None:
        """Take note of a change, from the watch's own thread. What changes in a folder is told of by itself."""
        path = place.relative_to(self._cell.tree) if place.is_relative_to(self._cell.tree) else None
        if is_folder or path is None or path.parts[:1] == (".git",):
            return
        with self._changed:
            self._changes += 1
            if len(self._places) < _MOST_PLACES:
                self._places.add(str(path))
            self._changed.notify_all()

    def said(self, what: str) -> None:
        """Note what the watch says of itself in the log of the hooks."""
        self._cell.log += f"[on_write: {what}]\n".encode()

    def _follow(self) -> None:
        """Run the commands after each change.

        What changed before they ended may be their own doing: they run once more after that, and no further time,
        or a command that writes each time would run for ever. When it changed the file says; the news comes later.
        """
        ended, once_more = 0.0, False
        while self._at_rest():
            places = self._taken()
            new = any(self._changed_after(ended, each) for each in places)
            if (new or not once_more) and self._counts(places):
                self._look()
                ended, once_more = self._system.time(), not new

    def _changed_after(self, moment: float, path: str) -> bool:
        """Whether what lies at a path is younger; nothing that is gone is."""
        try:
            return (self._cell.tree / path).lstat().st_ctime > moment
        except OSError:
            return False

    def _at_rest(self) -> bool:
        """Wait until something has changed, and nothing more does; False once it is over."""
        with self._changed:
            while not (self._places or self._over.is_set()):
                self._system.wait_for(self._changed, lambda: bool(self._places) or self._over.is_set(), _LOOK_S)
            latest, seen = self._system.monotonic() + _LATEST_S, -1
            while seen != self._changes and self._system.monotonic() < latest and not self._over.is_set():
                seen = self._changes
                self._system.wait_for(self._changed, self._over.is_set, _QUIET_S)
            return not self._over.is_set()

    def _taken(self) -> Collection[str]:
        with self._changed:
            taken, self._places = self._places, set()
            return taken

    def _counts(self, places: Collection[str]) -> bool:
        """Whether one of these is of a file that git does not ignore; so it is taken to be where git cannot say."""
        try:
            return self._cell.counts(places)
        except GitError:
            return True

    def _look(self) -> None:
        failed = self._commands.run(self._stop)
        if self._stop.is_set():
            return
        told = "\n".join(each.told for each in failed)
        if told != self._told:
            self._told = self._unsaid = told
            with suppress(OSError):  # a full disk; it is told at the end
                self._cell.give(FILE, told.encode())


def _watch_of(watching: Watching) -> _Watch:
    """What only a few contracts need, and takes a while to load."""
    watch: _Watch = importlib.import_module("factory.store.changes").FolderWatch(watching.note, watching.said)
    return watch
