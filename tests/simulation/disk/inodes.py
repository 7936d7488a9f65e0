"""What lies on the simulated disk: files, folders and links, and what is seen of them."""

import errno
import os
import stat
from typing import Final

FILE: Final = stat.S_IFREG
FOLDER: Final = stat.S_IFDIR
LINK: Final = stat.S_IFLNK
DEVICE: Final = 0x5D15C
_BLOCK = 4096
_SECTOR = 512
_OWNER = os.geteuid(), os.getegid()
_SAID = {number: os.strerror(number) for number in errno.errorcode}


class Crash(BaseException):
    """The process has died: whatever it still asks of the disk, this is raised, until `Disk.crash` was called."""


class Inode:
    """A file, a folder or a symlink. `links` is 0 when no name is left; `parent` counts for folders alone.

    `unsynced` is None as long as the content is durable; else it is the content that is.
    """

    __slots__ = (
        "atime",
        "ctime",
        "data",
        "kind",
        "links",
        "mode",
        "mtime",
        "names",
        "number",
        "parent",
        "seen",
        "target",
        "unsynced",
    )

    def __init__(self, number: int, kind: int, mode: int, now: int) -> None:
        self.number = number
        self.kind = kind
        self.mode = mode
        self.links = 2 if kind == FOLDER else 1
        self.atime = self.mtime = self.ctime = now
        self.data = b""
        self.unsynced: bytes | None = None
        self.names: dict[str, Inode] = {}
        self.target = ""
        self.parent = self
        self.seen: os.stat_result | None = None

    def copied(self) -> "Inode":
        """The same, with the names and the parent of the original."""
        other = Inode(self.number, self.kind, self.mode, self.mtime)
        other.links, other.atime, other.ctime = self.links, self.atime, self.ctime
        other.data, other.unsynced, other.target = self.data, self.unsynced, self.target
        other.names, other.parent, other.seen = self.names, self.parent, self.seen
        return other

    def stat(self) -> os.stat_result:
        """What stat(2) says."""
        if self.seen is None:
            self.seen = self._stat()
        return self.seen

    def _stat(self) -> os.stat_result:
        size = len(self.data)
        if self.kind == FOLDER:
            size = _BLOCK
        elif self.kind == LINK:
            size = len(os.fsencode(self.target))
        a, m, c = self.atime, self.mtime, self.ctime
        whole = (self.kind | self.mode, self.number, DEVICE, self.links, *_OWNER, size)
        times = (a // 10**9, m // 10**9, c // 10**9, a / 1e9, m / 1e9, c / 1e9, a, m, c)
        blocks = 0 if self.kind == LINK else -(-size // _BLOCK) * (_BLOCK // _SECTOR)
        return os.stat_result((*whole, *times, _BLOCK, blocks, 0))


def error(number: int, path: str | None = None, other: str | None = None) -> OSError:
    """The error of this number, as the system raises it."""
    if path is None:
        return OSError(number, _SAID[number])
    return OSError(number, _SAID[number], path, None, other)
