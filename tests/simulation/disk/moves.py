"""What the simulated disk does to names that are there: links, renames, removals; and to what they tell of a file."""

import errno
import os

from tests.simulation.disk.changes import Change
from tests.simulation.disk.inodes import FILE, FOLDER, LINK, Inode, error
from tests.simulation.disk.names import _MODES, Names, Nanoseconds, Times

_NO_FILE = {".": errno.EISDIR, "..": errno.EISDIR, "": errno.EISDIR}
_NOT_REMOVED = {".": errno.EINVAL, "..": errno.ENOTEMPTY, "": errno.EBUSY}


class Moves(Names):
    """The disk, as far as names go and come."""

    def link(
        self,
        src: str,
        dst: str,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        follow_symlinks: bool = False,
    ) -> None:
        """Give a file another name; what a symlink leads to is never meant, as with link(2)."""

        def checked() -> tuple[Inode, Inode, str]:
            inode = self._find(src, self._base(src_dir_fd), follow=False)
            folder, name = self._free_of_file(dst, dst_dir_fd)
            if inode.kind == FOLDER:
                raise error(errno.EPERM, src, dst)
            return inode, folder, name

        inode, folder, name = checked()
        if self._announce("link", self._told(src, src_dir_fd), self._told(dst, dst_dir_fd)):
            inode, folder, name = checked()
        now = self._tick()
        inode.links += 1
        inode.ctime = now
        inode.seen = None
        self._added(folder, name, inode, now)

    def unlink(self, path: str, *, dir_fd: int | None = None) -> None:
        folder, name, inode = self._taken_file(path, dir_fd)
        if self._announce("unlink", self._told(path, dir_fd)):
            folder, name, inode = self._taken_file(path, dir_fd)
        now = self._tick()
        del folder.names[name]
        self._unnamed(inode, now)
        folder.mtime = folder.ctime = now
        folder.seen = None
        self._journal.append(Change((folder,), ((folder, name, inode),)))

    def _taken_file(self, path: str, dir_fd: int | None) -> tuple[Inode, str, Inode]:
        found = self._taken(path, dir_fd, _NO_FILE)
        if found[2].kind == FOLDER:
            raise error(errno.EISDIR, path)
        if path.endswith("/"):
            raise error(errno.ENOTDIR, path)
        return found

    def _unnamed(self, inode: Inode, now: int) -> None:
        inode.links -= 1
        inode.ctime = now
        inode.seen = None
        if inode.kind == LINK:
            self._forget_paths()

    def rmdir(self, path: str, *, dir_fd: int | None = None) -> None:
        folder, name, inode = self._taken_folder(path, dir_fd)
        if self._announce("rmdir", self._told(path, dir_fd)):
            folder, name, inode = self._taken_folder(path, dir_fd)
        now = self._tick()
        del folder.names[name]
        inode.links = 0
        inode.seen = None
        folder.links -= 1
        folder.mtime = folder.ctime = now
        folder.seen = None
        if self._upwards:
            self._forget_paths()
            self._upwards = False
        self._journal.append(Change((folder,), ((folder, name, inode),), gone=inode))

    def _taken_folder(self, path: str, dir_fd: int | None) -> tuple[Inode, str, Inode]:
        found = self._taken(path, dir_fd, _NOT_REMOVED)
        if found[2].kind != FOLDER:
            raise error(errno.ENOTDIR, path)
        if found[2].names:
            raise error(errno.ENOTEMPTY, path)
        return found

    def rename(self, src: str, dst: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        found = self._movable(src, dst, src_dir_fd, dst_dir_fd)
        if found is not None and self._announce("rename", self._told(src, src_dir_fd), self._told(dst, dst_dir_fd)):
            found = self._movable(src, dst, src_dir_fd, dst_dir_fd)
        if found is None:
            return
        source, old, target, new = found
        now = self._tick()
        inode = source.names.pop(old)
        replaced = target.names.get(new)
        target.names[new] = inode
        inode.ctime = now
        inode.seen = None
        for folder in (source, target):
            folder.mtime = folder.ctime = now
            folder.seen = None
        if replaced is not None:
            self._replaced(replaced, target, now)
        if inode.kind == FOLDER:
            inode.parent = target
            source.links -= 1
            target.links += 1
        if inode.kind != FILE:
            self._forget_paths()
        places = (source,) if source is target else (source, target)
        slots = ((source, old, inode), (target, new, replaced))
        gone = replaced if replaced is not None and replaced.kind == FOLDER else None
        self._journal.append(Change(places, slots, inode, gone=gone))

    def _replaced(self, inode: Inode, folder: Inode, now: int) -> None:
        if inode.kind == FOLDER:
            inode.links = 0
            inode.seen = None
            folder.links -= 1
        else:
            self._unnamed(inode, now)

    def _movable(
        self, src: str, dst: str, src_dir_fd: int | None, dst_dir_fd: int | None
    ) -> tuple[Inode, str, Inode, str] | None:
        """(folder, name, folder, name) of a rename; None when both are names of one file: then nothing is done."""
        source, old = self._place(src, self._base(src_dir_fd))
        target, new = self._place(dst, self._base(dst_dir_fd))
        if not old or not new:
            raise error(errno.EBUSY, src, dst)
        inode = source.names.get(old)
        if inode is None or not target.links:
            self._check(old, src)
            raise error(errno.ENOENT, src, dst)
        there = target.names.get(new)
        if there is None:
            self._check(new, dst)
        if inode.kind == FOLDER:
            if _is_within(target, inode):
                raise error(errno.EINVAL, src, dst)
        elif src.endswith("/") or dst.endswith("/"):
            raise error(errno.ENOTDIR, src, dst)
        if there is inode:
            return None
        if there is not None:
            self._may_replace(inode, there, source, (src, dst))
        return source, old, target, new

    @staticmethod
    def _may_replace(inode: Inode, there: Inode, source: Inode, paths: tuple[str, str]) -> None:
        if there.kind == FOLDER:
            if _is_within(source, there):
                raise error(errno.ENOTEMPTY, *paths)
            if inode.kind != FOLDER:
                raise error(errno.EISDIR, *paths)
            if there.names:
                raise error(errno.ENOTEMPTY, *paths)
        elif inode.kind == FOLDER:
            raise error(errno.ENOTDIR, *paths)

    def chmod(self, path: str | int, mode: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        inode = self._any(path, dir_fd, follow_symlinks)
        if self._announce("chmod", self._path_of(path, dir_fd), mode):
            inode = self._any(path, dir_fd, follow_symlinks)
        self._journal.append(Change((inode,), attributes=(inode.mode, inode.atime, inode.mtime)))
        inode.mode = mode & _MODES
        inode.ctime = self._tick()
        inode.seen = None

    def utime(
        self,
        path: str | int,
        times: Times | None = None,
        *,
        ns: Nanoseconds | None = None,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        inode = self._any(path, dir_fd, follow_symlinks)
        if self._announce("utime", self._path_of(path, dir_fd)):
            inode = self._any(path, dir_fd, follow_symlinks)
        self._journal.append(Change((inode,), attributes=(inode.mode, inode.atime, inode.mtime)))
        now = self._tick()
        if times is not None:
            ns = (int(times[0] * 1e9), int(times[1] * 1e9))
        inode.atime, inode.mtime = ns or (now, now)
        inode.ctime = now
        inode.seen = None

    def listxattr(self, path: str | int, *, follow_symlinks: bool = True) -> list[str]:
        self._any(path, follow=follow_symlinks)
        return []

    def statvfs(self, path: str | int) -> os.statvfs_result:
        """Much is free."""
        self._any(path)
        return os.statvfs_result((4096, 4096, 1 << 24, 1 << 23, 1 << 23, 1 << 20, 1 << 19, 1 << 19, 0, 255))

    def _path_of(self, path: str | int, dir_fd: int | None) -> str:
        return self._file(path).path if isinstance(path, int) else self._told(path, dir_fd)


def _is_within(folder: Inode, other: Inode) -> bool:
    """Whether a folder is another one or lies below it."""
    while folder is not other:
        if folder.parent is folder:
            return False
        folder = folder.parent
    return True
