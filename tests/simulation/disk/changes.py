"""The journal of the simulated disk: what has changed since all was durable, and who is told before a change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import NamedTuple, NoReturn

from tests.simulation.disk.inodes import FILE, Crash, Inode
from tests.simulation.disk.lookup import Lookup

Log = list[tuple[str | int, ...]]


class Change(NamedTuple):
    """One entry of the journal; it survives a loss of power whole or not at all.

    `slots` are the names that changed: folder, name, what was there before. `places` are the inodes in whose order
    of changes it stands, `newest` is what got a name, `made` and `gone` are folders that this made or took away,
    and `attributes` the mode, atime and mtime that its one place had before.
    """

    places: tuple[Inode, ...]
    slots: tuple[tuple[Inode, str, Inode | None], ...] = ()
    newest: Inode | None = None
    made: Inode | None = None
    gone: Inode | None = None
    attributes: tuple[int, int, int] | None = None

    def undo(self) -> None:
        """Let it not have happened. Counts of links are not kept right."""
        for folder, name, before in self.slots:
            if before is None:
                folder.names.pop(name, None)
            else:
                folder.names[name] = before
        if self.attributes:
            inode = self.places[0]
            inode.mode, inode.atime, inode.mtime = self.attributes


class Changes(Lookup):
    """The tree of names, with a clock, a journal and a hook.

    `before(operation, path)` is called before each operation that changes anything: what it raises is raised by the
    operation, which then has not happened. What it does on the disk itself it is not asked about again.
    `steps` counts the operations that it is asked about, with a hook or without; `log` has every one, if wanted.
    """

    def __init__(self, clock: Callable[[], float], *, ordered: bool = True, logged: bool = False, prefix: str) -> None:
        self._clock = clock
        self._latest = 0
        self._ordered = ordered
        self._journal: list[Change] = []
        self._quiet = 0
        self.before: Callable[[str, str], None] | None = None
        self.steps = 0
        self.log: Log | None = [] if logged else None
        super().__init__(prefix, self._tick())

    def _tick(self) -> int:
        now = int(self._clock() * 1e9)
        if now <= self._latest:
            now = self._latest + 1
        self._latest = now
        return now

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Neither call `before` nor count steps."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    def die(self) -> NoReturn:
        """From now on all raises Crash until `crash` is called, as does this; but descriptors close and locks go."""
        self._stop()
        raise Crash

    def _stop(self) -> None:
        self._crashed = True
        self._forget_paths()

    def _announce(self, operation: str, path: str, *more: str | int) -> bool:
        """Ask whether it may be; True when something has changed meanwhile."""
        latest = self._latest
        if not self._quiet:
            self.steps += 1
            if self.before is not None:
                self._quiet += 1
                try:
                    self.before(operation, path)
                except Crash:
                    self._stop()
                    raise
                finally:
                    self._quiet -= 1
        if self.log is not None:
            self.log.append((operation, path, *more))
        return latest != self._latest

    def _commit(self, inode: Inode) -> None:
        """A file or a folder was synced, and with it changes of names."""
        inode.unsynced = None
        if self._ordered:
            self._journal.clear()
            return
        kept: list[Change] = []
        wanted: set[Inode] = {inode}
        named = inode.kind != FILE  # of a file, its newest name too
        for change in reversed(self._journal):
            names_it = not named and change.newest is inode
            if names_it or not wanted.isdisjoint(change.places):
                named = named or names_it
                wanted.update(change.places)
                if change.gone is not None:
                    wanted.add(change.gone)
            else:
                kept.append(change)
        self._journal = kept[::-1]

    def _lose(self, random: Random) -> None:
        """Undo what does not survive a loss of power."""
        lost = self._lost_in_order(random) if self._ordered else self._lost_by_folder(random)
        for change in reversed(lost):
            change.undo()
        self._journal.clear()

    def _lost_in_order(self, random: Random) -> list[Change]:
        length = len(self._journal)
        kept = random.choice([0, length, random.randint(0, length), random.randint(0, length)])
        return self._journal[kept:]

    def _lost_by_folder(self, random: Random) -> list[Change]:
        cut: set[Inode] = set()
        lost: list[Change] = []
        chance = random.choice([0.0, 0.05, 0.3, 1.0])
        for change in self._journal:
            stopped = not cut.isdisjoint(change.places) or change.gone in cut
            if stopped or random.random() < chance:
                lost.append(change)
                cut.update(change.places)
                if change.made is not None:
                    cut.add(change.made)
        return lost
