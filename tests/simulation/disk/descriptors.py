"""What the simulated disk does by descriptor: it takes and gives what the functions of `os` of the same names do."""

import errno
import fcntl
import os

from typing_extensions import Buffer

from tests.simulation.disk.inodes import FILE, FOLDER, LINK, Crash, Inode, error
from tests.simulation.disk.lookup import MOST_LINKS
from tests.simulation.disk.moves import Moves
from tests.simulation.disk.names import _MODES, UMASK, OpenFile

FIRST = 1_000_000  # the first descriptor; no number is given twice
_TEMPORARY = os.O_TMPFILE
Found = tuple[Inode, str, Inode | None]  # folder, name in it, what is there
Held = tuple[dict[int, OpenFile], dict[Inode, dict[OpenFile, int]], int]  # open files, locks, first of this life


class Descriptors(Moves):
    """The disk, as far as files are open. A descriptor of an earlier life can be closed, and that is all."""

    _next: int
    _alive_from: int  # the first descriptor of this life
    _locks: dict[Inode, dict[OpenFile, int]]

    def _file(self, fd: int) -> OpenFile:
        file = self._files.get(fd)
        if file is None:
            if self._crashed:
                raise Crash
            raise error(errno.EBADF)
        return file

    def _stop(self) -> None:
        super()._stop()
        self._files = {}

    def swap(self, held: Held) -> Held:
        """Let another process go on, with the descriptors and locks that it holds; those of the one before."""
        before = self._files, self._locks, self._alive_from
        self._files, self._locks, self._alive_from = held
        return before

    def holding_nothing(self) -> Held:
        """What a process holds that has not opened anything."""
        return {}, {}, self._next

    def inode_of(self, fd: int) -> Inode:
        """What is open there."""
        return self._file(fd).inode

    def is_of_earlier_life(self, fd: int) -> bool:
        """Whether it was opened before the last crash."""
        return fd < self._alive_from

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is None and flags | os.O_CLOEXEC == os.O_CLOEXEC:
            inode, told = self._find(path, None, True), path  # to read it, which is what is done most
        elif flags & _TEMPORARY == _TEMPORARY:
            inode, told = self._temporary(path, self._base(dir_fd), mode), self._told(path, dir_fd)
        else:
            inode, told = self._opened(path, dir_fd, flags, mode), self._told(path, dir_fd)
        fd = self._next
        self._next += 1
        self._files[fd] = OpenFile(inode, told, flags)
        return fd

    def _temporary(self, path: str, base: Inode | None, mode: int) -> Inode:
        if self._find(path, base, follow=True).kind != FOLDER:
            raise error(errno.ENOTDIR, path)
        inode = self._new(FILE, mode & ~UMASK & _MODES, self._tick())
        inode.links = 0
        return inode

    def _opened(self, path: str, dir_fd: int | None, flags: int, mode: int) -> Inode:
        base = self._base(dir_fd)
        folder, name, inode = self._looked_up(path, base, flags)
        if inode is None:
            if self._announce("create", self._told(path, dir_fd)):
                folder, name, inode = self._looked_up(path, base, flags)
            if inode is None:
                now = self._tick()
                inode = self._new(FILE, mode & ~UMASK & _MODES, now)
                self._added(folder, name, inode, now)
                return inode
        if flags & os.O_TRUNC and inode.kind == FILE and inode.data:
            if self._announce("truncate", self._told(path, dir_fd), 0):
                return self._opened(path, dir_fd, flags & ~os.O_TRUNC, mode)
            self._write(inode, b"")
        return inode

    def _looked_up(self, path: str, base: Inode | None, flags: int, left: int = MOST_LINKS) -> Found:
        """What is to be opened; nothing is there when it is to be made."""
        create = flags & os.O_CREAT
        folder, name = self._place(path, base)
        if create and name and path.endswith("/"):
            raise error(errno.EISDIR, path)
        inode = folder.names.get(name) if name else folder
        if inode is None:
            self._check(name, path)
            if not create or not folder.links:
                raise error(errno.ENOENT, path)
            return folder, name, None
        if create and flags & os.O_EXCL:
            raise error(errno.EEXIST, path)
        if inode.kind == LINK:
            if not flags & os.O_NOFOLLOW or path.endswith("/"):
                if not left:
                    raise error(errno.ELOOP, path)
                folder, name, inode = self._looked_up(inode.target, folder, flags, left - 1)
            elif not flags & os.O_PATH:
                raise error(errno.ENOTDIR if flags & os.O_DIRECTORY else errno.ELOOP, path)
        if inode is not None:
            self._may_be_opened(inode, path, flags)
        return folder, name, inode

    @staticmethod
    def _may_be_opened(inode: Inode, path: str, flags: int) -> None:
        if inode.kind == FOLDER:
            if flags & os.O_CREAT or flags & os.O_ACCMODE != os.O_RDONLY:
                raise error(errno.EISDIR, path)
        elif flags & os.O_DIRECTORY or path.endswith("/"):
            raise error(errno.ENOTDIR, path)

    def close(self, fd: int) -> None:
        file = self._files.pop(fd, None)
        if file is None:
            if self._crashed or fd < self._alive_from:
                return
            raise error(errno.EBADF)
        if self._locks:
            self._unlock(file)

    def read(self, fd: int, length: int) -> bytes:
        file = self._readable(fd)
        start = file.offset
        data = file.inode.data[start : start + length]
        file.offset = start + len(data)
        return data

    def read_all(self, fd: int) -> bytes:
        """What is left to be read."""
        file = self._readable(fd)
        data = file.inode.data
        if file.offset:
            data = data[file.offset :]
        file.offset += len(data)
        return data

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        return self._readable(fd).inode.data[offset : offset + length]

    def _readable(self, fd: int) -> OpenFile:
        file = self._files.get(fd) or self._file(fd)
        if not file.readable:
            raise error(errno.EBADF)
        if file.inode.kind == FOLDER:
            raise error(errno.EISDIR)
        return file

    def write(self, fd: int, data: Buffer) -> int:
        file = self._files.get(fd) or self._file(fd)
        return self._put(file, bytes(data), None)

    def pwrite(self, fd: int, data: Buffer, offset: int) -> int:
        return self._put(self._file(fd), bytes(data), offset)

    def _put(self, file: OpenFile, new: bytes, offset: int | None) -> int:
        if not file.writable:
            raise error(errno.EBADF)
        if not new:
            return 0
        self._announce("write", file.path, len(new))
        inode = file.inode
        data = inode.data
        start = len(data) if file.append else file.offset if offset is None else offset
        end = start + len(new)
        if start == len(data):
            self._write(inode, data + new if data else new)
        else:
            self._write(inode, data[:start].ljust(start, b"\0") + new + data[end:])
        if offset is None:
            file.offset = end
        return len(new)

    def _write(self, inode: Inode, data: bytes) -> None:
        if inode.unsynced is None:
            inode.unsynced = inode.data
        inode.data = data
        inode.mtime = inode.ctime = self._tick()
        inode.seen = None

    def lseek(self, fd: int, position: int, whence: int) -> int:
        file = self._file(fd)
        if whence == os.SEEK_CUR:
            position += file.offset
        elif whence == os.SEEK_END:
            position += len(file.inode.data)
        if position < 0 or whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise error(errno.EINVAL)
        file.offset = position
        return position

    def fstat(self, fd: int) -> os.stat_result:
        file = self._files.get(fd) or self._file(fd)
        return file.inode.seen or file.inode.stat()

    def fsync(self, fd: int) -> None:
        file = self._file(fd)
        if file.inode.kind == FILE or file.inode.kind == FOLDER:
            self._announce("fsync", file.path)
            self._commit(file.inode)

    fdatasync = fsync

    def truncate(self, path: str | int, length: int) -> None:
        if isinstance(path, int):
            return self.ftruncate(path, length)
        fd = self.open(path, os.O_WRONLY)
        try:
            self.ftruncate(fd, length)
        finally:
            self.close(fd)
        return None

    def ftruncate(self, fd: int, length: int) -> None:
        file = self._file(fd)
        if not file.writable or length < 0:
            raise error(errno.EINVAL)
        self._announce("truncate", file.path, length)
        self._write(file.inode, file.inode.data[:length].ljust(length, b"\0"))

    def fchmod(self, fd: int, mode: int) -> None:
        self.chmod(fd, mode)

    def isatty(self, fd: int) -> bool:
        self._file(fd)
        return False

    def flock(self, fd: int, operation: int) -> None:
        if operation & fcntl.LOCK_UN and fd not in self._files and (self._crashed or fd < self._alive_from):
            return
        file = self._file(fd)
        self._announce("flock", file.path, operation)
        if operation & fcntl.LOCK_UN:
            self._unlock(file)
            return
        wanted = operation & fcntl.LOCK_EX
        held = self._locks.setdefault(file.inode, {})
        if any(other is not file and (wanted or kind) for other, kind in held.items()):
            raise error(errno.EWOULDBLOCK if operation & fcntl.LOCK_NB else errno.EDEADLK)
        held[file] = wanted

    def _unlock(self, file: OpenFile) -> None:
        held = self._locks.get(file.inode)
        if held is not None:
            held.pop(file, None)
            if not held:
                del self._locks[file.inode]
