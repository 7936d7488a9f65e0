"""Python's streams on the simulated disk: what `open` gives."""

import errno
import functools
import io
import os
from collections.abc import Callable
from typing import IO, NamedTuple

from typing_extensions import Buffer

from tests.simulation.disk.disk import Disk
from tests.simulation.disk.inodes import FOLDER, error

_BUFFER = 8192
_ACCESS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "a": os.O_WRONLY, "x": os.O_WRONLY}
_CREATE = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "a": os.O_CREAT | os.O_APPEND, "x": os.O_CREAT | os.O_EXCL}
Opener = Callable[[str, int], int]
Text = tuple[str | None, str | None, str | None]  # encoding, errors, newline


class Mode(NamedTuple):
    """What a mode of `open` means."""

    way: str
    updates: bool
    binary: bool
    flags: int


@functools.cache
def _meant(mode: str) -> Mode:
    kind = mode.replace("t", "").replace("b", "")
    way = kind.replace("+", "")
    if way not in _ACCESS or len(set(mode)) != len(mode) or set("tb") <= set(mode):
        raise ValueError(f"invalid mode: {mode!r}")
    updates = "+" in kind
    return Mode(way, updates, "b" in mode, (os.O_RDWR if updates else _ACCESS[way]) | _CREATE[way] | os.O_CLOEXEC)


class Raw(io.RawIOBase):
    """An unbuffered stream on a descriptor. One of an earlier life writes nothing, and says nothing of it."""

    def __init__(self, disk: Disk, fd: int, name: str | int, meant: Mode, closefd: bool) -> None:
        self._disk, self._fd, self._closefd = disk, fd, closefd
        self.name = name
        self.mode = f"{meant.way}b+" if meant.updates else f"{meant.way}b"
        self._reads = meant.updates or meant.way == "r"
        self._writes = meant.updates or meant.way != "r"

    def fileno(self) -> int:
        self._open()
        return self._fd

    def _open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def readable(self) -> bool:
        return self._reads

    def writable(self) -> bool:
        return self._writes

    def seekable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._open()
        data = self._disk.read(self._fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        self._open()
        return self._disk.read_all(self._fd)

    def write(self, data: Buffer) -> int:
        self._open()
        if self._disk.is_of_earlier_life(self._fd):
            return memoryview(data).nbytes
        return self._disk.write(self._fd, data)

    def seek(self, position: int, whence: int = 0) -> int:
        self._open()
        return self._disk.lseek(self._fd, position, whence)

    def tell(self) -> int:
        self._open()
        return self._disk.lseek(self._fd, 0, os.SEEK_CUR)

    def truncate(self, size: int | None = None) -> int:
        self._open()
        size = self.tell() if size is None else size
        self._disk.ftruncate(self._fd, size)
        return size

    def close(self) -> None:
        if not self.closed:
            super().close()
            if self._closefd:
                self._disk.close(self._fd)


def opened(
    disk: Disk, file: str | int, mode: str, buffering: int, text: Text, closefd: bool, opener: Opener | None
) -> IO[bytes] | IO[str]:
    """What `open` gives for a path on this disk, or for one of its descriptors."""
    meant = _meant(mode)
    if meant.binary and text != (None, None, None):
        raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
    if not meant.binary and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    if isinstance(file, int):
        fd = file
    elif opener is not None:
        fd = opener(file, meant.flags)
    else:
        fd = disk.open(file, meant.flags, 0o666)
    if disk.inode_of(fd).kind == FOLDER:
        if not isinstance(file, int):
            disk.close(fd)
        raise error(errno.EISDIR, file if isinstance(file, str) else None)
    if meant.way == "a":
        disk.lseek(fd, 0, os.SEEK_END)
    raw = Raw(disk, fd, file, meant, closefd)
    if buffering == 0:
        return raw  # type: ignore[return-value]
    buffer = _buffered(raw, meant, buffering if buffering > 1 else _BUFFER)
    if meant.binary:
        return buffer
    stream = io.TextIOWrapper(buffer, *text, line_buffering=buffering == 1)
    stream.mode = mode  # type: ignore[misc]
    return stream


def _buffered(raw: Raw, meant: Mode, size: int) -> io.BufferedRandom | io.BufferedReader | io.BufferedWriter:
    if meant.updates:
        return io.BufferedRandom(raw, size)
    return io.BufferedReader(raw, size) if meant.way == "r" else io.BufferedWriter(raw, size)
