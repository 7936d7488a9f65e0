"""What the simulated disk does by path: it takes and gives what the functions of `os` of the same names do."""

import errno
import os
from collections.abc import Iterator
from types import TracebackType

from tests.simulation.disk.changes import Change, Changes
from tests.simulation.disk.inodes import FILE, FOLDER, LINK, Crash, Inode, error
from tests.simulation.disk.lookup import _ODD

UMASK = 0o022
_MODES = 0o7777
Times = tuple[float, float]
Nanoseconds = tuple[int, int]
_NOTHING = Inode(0, 0, 0, 0)


class OpenFile:
    """An open file description: what it is of, where in it the next byte is read or written, and what is allowed."""

    __slots__ = ("append", "inode", "offset", "path", "readable", "writable")

    def __init__(self, inode: Inode, path: str, flags: int) -> None:
        access = flags & os.O_ACCMODE
        self.inode = inode
        self.path = path
        self.offset = 0
        self.readable = access != os.O_WRONLY and not flags & os.O_PATH
        self.writable = access != os.O_RDONLY and not flags & os.O_PATH
        self.append = bool(flags & os.O_APPEND)


class Entry:
    """What `os.scandir` gives for one name."""

    __slots__ = ("_disk", "_folder", "_inode", "name", "path")

    def __init__(self, disk: "Names", folder: Inode, name: str, path: str) -> None:
        self._disk, self._folder, self.name, self.path = disk, folder, name, path
        self._inode = folder.names[name]

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def inode(self) -> int:
        return self._inode.number

    def is_symlink(self) -> bool:
        return self._inode.kind == LINK

    def is_junction(self) -> bool:
        return False

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._kind(follow_symlinks) == FOLDER

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._kind(follow_symlinks) == FILE

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return self._disk.inode_at(self.name, self._folder, follow=follow_symlinks).stat()

    def _kind(self, follow: bool) -> int:
        if self._inode.kind != LINK or not follow:
            return self._inode.kind
        try:
            return self._disk.inode_at(self.name, self._folder, follow=True).kind
        except FileNotFoundError:
            return 0


class Entries:
    """What `os.scandir` gives."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Entry]:
        return self

    def __next__(self) -> Entry:
        return next(self._entries)

    def __enter__(self) -> "Entries":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


class Names(Changes):
    """The disk, as far as it is asked by path."""

    _files: dict[int, OpenFile]

    def _file(self, fd: int) -> OpenFile:
        raise NotImplementedError

    def inode_at(self, path: str, base: Inode, *, follow: bool) -> Inode:
        """What lies at a path below a folder."""
        return self._find(path, base, follow)

    def _base(self, dir_fd: int | None) -> Inode | None:
        return None if dir_fd is None else self._file(dir_fd).inode

    def _told(self, path: str, dir_fd: int | None) -> str:
        return path if dir_fd is None or path.startswith("/") else f"{self._file(dir_fd).path}/{path}"

    def _any(self, path: str | int, dir_fd: int | None = None, follow: bool = True) -> Inode:
        if isinstance(path, int):
            return self._file(path).inode
        return self._find(path, self._base(dir_fd), follow)

    def seen(self, path: str, follow: bool) -> os.stat_result:
        """What stat(2) and lstat(2) say of a path, in the one step that nearly every path needs."""
        head, _, name = path.rpartition("/")
        folder = self._folders.get(head)
        if folder is not None and folder.links:
            inode = folder.names.get(name)
            if inode is not None and not (follow and inode.kind == LINK):
                return inode.seen or inode.stat()
        inode = self._find(path, None, follow)
        return inode.seen or inode.stat()

    def looked_at(self, path: str) -> os.stat_result | None:
        """What lstat(2) says of a path; None when nothing lies there."""
        head, _, name = path.rpartition("/")
        folder = self._folders.get(head)
        inode = folder.names.get(name) if folder is not None and folder.links else None
        if inode is None:
            inode = self.lying(path, False)
        return None if inode is None else inode.seen or inode.stat()

    def lies_at(self, path: str) -> bool:
        """Whether anything lies at a path, be it a link that leads nowhere."""
        head, _, name = path.rpartition("/")
        folder = self._folders.get(head)
        if folder is not None and folder.links and name in folder.names:
            return True
        return self.kind_at(path, False) != 0

    def lying(self, path: str, follow: bool) -> Inode | None:
        """What lies at a path; None when nothing does, or no folder is where one has to be on the way."""
        head, _, name = path.rpartition("/")
        folder = self._folders.get(head)
        if folder is not None and folder.links:
            inode = folder.names.get(name)
            if inode is None:
                if name not in _ODD:
                    self._check(name, path)
                    return None
            elif not (follow and inode.kind == LINK):
                return inode
        elif self._is_absent(head):
            return None
        try:
            return self._find(path, None, follow)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def kind_at(self, path: str, follow: bool) -> int:
        """What kind of thing lies at a path; 0 when nothing can be found there."""
        try:
            inode = self.lying(path, follow)
        except (OSError, ValueError):
            return 0
        return 0 if inode is None else inode.kind

    def content(self, path: str) -> bytes | None:
        """What a file holds; None when there is none."""
        inode = self.lying(path, True)
        return inode.data if inode is not None and inode.kind == FILE else None

    def leads_straight(self, path: str) -> bool:
        """Whether a path is what realpath(3) would make of it: without links, and written plainly."""
        if self._crashed:
            raise Crash
        place = self.root
        for part in path[1:].split("/"):
            if part in _ODD or place.kind == LINK:
                return False
            place = place.names.get(part, _NOTHING)
        return place.kind != LINK

    def stat(self, path: str | int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        if dir_fd is None and isinstance(path, str):
            inode = self._find(path, None, follow_symlinks)
        else:
            inode = self._any(path, dir_fd, follow_symlinks)
        return inode.seen or inode.stat()

    def lstat(self, path: str, *, dir_fd: int | None = None) -> os.stat_result:
        inode = self._find(path, None if dir_fd is None else self._base(dir_fd), False)
        return inode.seen or inode.stat()

    def access(
        self,
        path: str,
        mode: int,
        *,
        dir_fd: int | None = None,
        effective_ids: bool = False,
        follow_symlinks: bool = True,
    ) -> bool:
        """Whether it is there, and may be executed if that is asked: everybody may read and write."""
        try:
            inode = self._any(path, dir_fd, follow_symlinks)
        except OSError:
            return False
        return not mode & os.X_OK or bool(inode.mode & 0o111)

    def readlink(self, path: str, *, dir_fd: int | None = None) -> str:
        inode = self._find(path, self._base(dir_fd), follow=False)
        if inode.kind != LINK:
            raise error(errno.EINVAL, path)
        return inode.target

    def listdir(self, path: str | int) -> list[str]:
        return list(self._folder(path).names)

    def scandir(self, path: str | int) -> Entries:
        folder = self._folder(path)
        before = "" if isinstance(path, int) else path if path.endswith("/") else f"{path}/"
        return Entries([Entry(self, folder, name, before + name) for name in folder.names])

    def _folder(self, path: str | int) -> Inode:
        inode = self._any(path)
        if inode.kind != FOLDER:
            raise error(errno.ENOTDIR, None if isinstance(path, int) else path)
        return inode

    def _free(self, path: str, dir_fd: int | None) -> tuple[Inode, str]:
        """The folder and the name where something new is to be."""
        folder, name = self._place(path, self._base(dir_fd))
        if not name or name in folder.names:
            raise error(errno.EEXIST, path)
        self._check(name, path)
        if not folder.links:
            raise error(errno.ENOENT, path)
        return folder, name

    def _taken(self, path: str, dir_fd: int | None, odd: dict[str, int]) -> tuple[Inode, str, Inode]:
        """The folder, the name and what is there, for what is to be taken away; `odd` says what `.` and `..` raise."""
        folder, name = self._place(path, self._base(dir_fd))
        if not name:
            raise error(odd[path.rstrip("/").rpartition("/")[2]], path)
        inode = folder.names.get(name)
        if inode is None:
            self._check(name, path)
            raise error(errno.ENOENT, path)
        return folder, name, inode

    def _added(self, folder: Inode, name: str, inode: Inode, now: int) -> None:
        """A name was given; it is journaled."""
        folder.names[name] = inode
        folder.mtime = folder.ctime = now
        folder.seen = None
        made = None
        if inode.kind == FOLDER:
            made, inode.parent = inode, folder
            folder.links += 1
        self._journal.append(Change((folder,), ((folder, name, None),), inode, made))

    def mkdir(self, path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        folder, name = self._free(path, dir_fd)
        if self._announce("mkdir", self._told(path, dir_fd)):
            folder, name = self._free(path, dir_fd)
        now = self._tick()
        self._added(folder, name, self._new(FOLDER, mode & ~UMASK & _MODES, now), now)

    def symlink(self, src: str, dst: str, *, dir_fd: int | None = None) -> None:
        if not src:
            raise error(errno.ENOENT, src, dst)
        folder, name = self._free_of_file(dst, dir_fd)
        if self._announce("symlink", self._told(dst, dir_fd), src):
            folder, name = self._free_of_file(dst, dir_fd)
        now = self._tick()
        inode = self._new(LINK, 0o777, now)
        inode.target = src
        self._added(folder, name, inode, now)

    def _free_of_file(self, path: str, dir_fd: int | None) -> tuple[Inode, str]:
        folder, name = self._free(path, dir_fd)
        if path.endswith("/"):
            raise error(errno.ENOENT, path)
        return folder, name
