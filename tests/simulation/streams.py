"""Python's streams on the simulated disk: what `open` gives."""

import errno
import io
import os
from collections.abc import Callable
from typing import IO

from typing_extensions import Buffer

from tests.simulation.disk import Disk
from tests.simulation.inodes import FOLDER, error

_BUFFER = 8192
_ACCESS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "a": os.O_WRONLY, "x": os.O_WRONLY}
_CREATE = {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "a": os.O_CREAT | os.O_APPEND, "x": os.O_CREAT | os.O_EXCL}
Opener = Callable[[str, int], int]


class Raw(io.RawIOBase):
    """An unbuffered stream on a descriptor. One of an earlier life writes nothing, and says nothing of it."""

    def __init__(self, disk: Disk, fd: int, name: str | int, mode: str, closefd: bool) -> None:
        self._disk, self._fd, self._closefd = disk, fd, closefd
        self.name, self.mode = name, mode
        self._reads = "r" in mode or "+" in mode
        self._writes = mode != "rb"

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
    disk: Disk,
    file: str | int,
    mode: str,
    buffering: int,
    text: tuple[str | None, str | None, str | None],
    closefd: bool,
    opener: Opener | None,
) -> IO[bytes] | IO[str]:
    """What `open` gives for a path on this disk, or for one of its descriptors; `text` is encoding, errors, newline."""
    kind = mode.replace("t", "").replace("b", "")
    binary = "b" in mode
    way = kind.replace("+", "")
    if way not in _ACCESS or len(kind) > 2 or ("t" in mode and binary):
        raise ValueError(f"invalid mode: {mode!r}")
    if binary and any(each is not None for each in text):
        raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
    if not binary and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    flags = (os.O_RDWR if "+" in kind else _ACCESS[way]) | _CREATE[way] | os.O_CLOEXEC
    fd = file if isinstance(file, int) else (opener or _plainly(disk))(file, flags)
    if disk.inode_of(fd).kind == FOLDER:
        if not isinstance(file, int):
            disk.close(fd)
        raise error(errno.EISDIR, file if isinstance(file, str) else None)
    if way == "a":
        disk.lseek(fd, 0, os.SEEK_END)
    raw = Raw(disk, fd, file, way + "b" + ("+" if "+" in kind else ""), closefd)
    return _wrapped(raw, kind, mode, binary, buffering, text)


def _plainly(disk: Disk) -> Opener:
    return lambda path, flags: disk.open(path, flags, 0o666)


def _wrapped(
    raw: Raw, kind: str, mode: str, binary: bool, buffering: int, text: tuple[str | None, str | None, str | None]
) -> IO[bytes] | IO[str]:
    if buffering == 0:
        return raw  # type: ignore[return-value]
    size = buffering if buffering > 1 else _BUFFER
    buffer: io.BufferedRandom | io.BufferedReader | io.BufferedWriter
    if "+" in kind:
        buffer = io.BufferedRandom(raw, size)
    else:
        buffer = io.BufferedReader(raw, size) if kind == "r" else io.BufferedWriter(raw, size)
    if binary:
        return buffer
    stream = io.TextIOWrapper(buffer, *text, line_buffering=buffering == 1)
    stream.mode = mode  # type: ignore[misc]
    return stream
