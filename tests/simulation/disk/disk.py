"""A simulated disk: a POSIX file system in memory that loses, when the power goes, what a real one may lose.

**What is durable.** What is written to a file lies in the page cache until that file is synced. Changes of names
(create, link, rename, unlink, mkdir, rmdir, symlink), of modes and of times go to a journal that is kept in order,
as in ext4's ordered mode: an fsync of any file or folder makes every earlier entry durable. When the power goes, a
prefix of the journal survives, from what is durable up to everything; each entry is whole or gone. A file that was
written and not synced holds what was durable, nothing, a beginning of what was written, or all of it, whether its
name is durable or not. With `ordered=False` an fsync makes the changes in that folder alone durable, or of a file
its newest name with what was changed before in the same folder, and what is left survives in each folder by itself:
there in order. A rename from folder to folder is still one entry, and no folder goes before what was in it.

Everybody may do everything: modes are kept and not enforced. Nothing but what lies below the prefix is there, so a
symlink that leads out of it leads nowhere.
"""

from collections.abc import Callable
from random import Random

from tests.simulation.disk.descriptors import FIRST, Descriptors
from tests.simulation.disk.inodes import FILE, FOLDER, Inode
from tests.simulation.disk.names import OpenFile

PREFIX = "/simulated"
_PAGE = 4096  # bytes


class Disk(Descriptors):
    """The disk, empty but for the folder `prefix`. `clock` gives seconds since 1970; no two changes have one time."""

    def __init__(
        self, clock: Callable[[], float], *, ordered: bool = True, logged: bool = False, prefix: str = PREFIX
    ) -> None:
        self._files: dict[int, OpenFile] = {}
        self._next = self._alive_from = FIRST
        self._locks: dict[Inode, dict[OpenFile, int]] = {}
        self._temporary_names = 0
        super().__init__(clock, ordered=ordered, logged=logged, prefix=prefix)

    def temporary_name(self) -> str:
        """The next name of a temporary file; no name comes twice."""
        self._temporary_names += 1
        return f"{self._temporary_names:08d}"

    def crash(self, random: Random, power: bool = True) -> None:
        """Let all processes die: descriptors and locks are gone, and it may be worked on anew.

        With `power`, that of the machine is lost too, and `random` decides what survives of what was not synced;
        without, all that was written stays. What still refers to open files of the old life must be gone before.
        """
        if power:
            self._lose(random)
        for inode in self._recounted():
            if power and inode.unsynced is not None:
                inode.data = _survivor(inode, random)
                inode.unsynced = None
        self._files = {}
        self._locks = {}
        self._forget_paths()
        self._alive_from = self._next
        self._crashed = False

    def _recounted(self) -> list[Inode]:
        """Every inode that has a name, with its links counted anew and its folder known."""
        counted: dict[Inode, int] = {self.root: 2}
        self.root.links = 2
        folders = [self.root]
        while folders:
            folder = folders.pop()
            for child in folder.names.values():
                counted[child] = counted.get(child, 0) + 1
                if child.kind == FOLDER:
                    counted[folder] += 1
                    counted[child] = 2
                    child.parent = folder
                    folders.append(child)
        for inode, links in counted.items():
            inode.links = links
            inode.seen = None
        return list(counted)

    def sync(self) -> None:
        """Make all durable, as sync(2) does."""
        self._journal.clear()
        for inode in self._recounted():
            inode.unsynced = None

    def copy(self, clock: Callable[[], float] | None = None) -> "Disk":
        """The same state once more, without hook, log, open files and locks, as for another crash from here."""
        other = Disk(clock or self._clock, ordered=self._ordered, prefix=self.prefix)
        known: dict[Inode, Inode] = {}

        def of(inode: Inode) -> Inode:
            if inode not in known:
                known[inode] = inode.copied()
                waiting.append(known[inode])
            return known[inode]

        waiting: list[Inode] = []
        other.root = of(self.root)
        other._journal = [
            change._replace(
                places=tuple(map(of, change.places)),
                slots=tuple((of(folder), name, before and of(before)) for folder, name, before in change.slots),
                newest=change.newest and of(change.newest),
                made=change.made and of(change.made),
                gone=change.gone and of(change.gone),
            )
            for change in self._journal
        ]
        while waiting:
            inode = waiting.pop()
            inode.names = {name: of(child) for name, child in inode.names.items()}
            inode.parent = of(inode.parent)
        other._numbers, other._latest, other.steps = self._numbers, self._latest, self.steps
        other._next = other._alive_from = self._next
        other._temporary_names = self._temporary_names
        other._crashed = self._crashed
        return other


def _survivor(inode: Inode, random: Random) -> bytes:
    """What a file that was not synced holds after a loss of power."""
    assert inode.kind == FILE and inode.unsynced is not None
    part = inode.data[: random.randint(0, len(inode.data)) & -_PAGE]  # whole pages are written
    return random.choice([inode.unsynced, b"", part, inode.data])
