"""Ways to a simulated disk: Python's own functions, each of which goes there for what lies below its prefix."""

import errno
import fcntl
import io
import os
import sys
from collections.abc import Callable
from typing import IO, TypeVar

from tests.simulation.disk.disk import Disk
from tests.simulation.disk.inodes import FILE, FOLDER, LINK, error
from tests.simulation.disk.streams import Opener, opened

Result = TypeVar("Result")
Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Routed = dict[int, Callable[..., object]]  # by the id of the real function
_FOLDERS = ("dir_fd", "src_dir_fd", "dst_dir_fd")

_NOWHERE = "\0"
_NOTHING = Disk(lambda: 0.0)


class _Mount:
    """What is mounted now: nothing lies below an impossible prefix, and no descriptor is as high as the highest."""

    def __init__(self) -> None:
        self.put_away()

    def put_away(self) -> None:
        """Nothing is mounted any more."""
        self.put(_NOTHING, _NOWHERE, sys.maxsize)

    def put(self, disk: Disk, prefix: str, first: int) -> None:
        self.disk, self.prefix, self.below, self.first = disk, prefix, prefix + "/", first

    def has(self, text: str, options: dict[str, int | None]) -> bool:
        """Whether a path is on the disk, by itself or by the folder from which it goes on."""
        if text.startswith(self.below) or text == self.prefix:
            return True
        if not options or text.startswith("/"):
            return False
        return any((options.get(key) or 0) >= self.first for key in _FOLDERS)


MOUNT = _Mount()


def _text(path: Path) -> str:
    plain = os.fspath(path)
    return plain if isinstance(plain, str) else os.fsdecode(plain)


def _by_path(real: Callable[..., Result], ours: Callable[..., Result]) -> Callable[..., Result]:
    """A function whose first argument is a path or a descriptor."""

    def routed(path: Path | int = ".", *rest: object, **options: int | None) -> Result:
        if isinstance(path, str):
            text = path
        elif isinstance(path, int):
            return ours(MOUNT.disk, path, *rest, **options) if path >= MOUNT.first else real(path, *rest, **options)
        else:
            text = _text(path)
        if text.startswith(MOUNT.below) or MOUNT.has(text, options):
            return ours(MOUNT.disk, text, *rest, **options)
        return real(path, *rest, **options)

    return routed


# The next ones are called more often than all the others, and take no detour.


def _route_stat(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    any_way = _by_path(real, Disk.stat)

    def routed(path: Path | int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        if dir_fd is None and not isinstance(path, int):
            text = path if isinstance(path, str) else _text(path)
            if text.startswith(MOUNT.below):
                return MOUNT.disk.seen(text, follow_symlinks)
        return any_way(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    return routed


def _route_lstat(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    any_way = _by_path(real, Disk.lstat)

    def routed(path: Path, *, dir_fd: int | None = None) -> os.stat_result:
        text = path if isinstance(path, str) else _text(path)
        if dir_fd is None and text.startswith(MOUNT.below):
            return MOUNT.disk.seen(text, False)
        return any_way(path, dir_fd=dir_fd)

    return routed


def _by_path_alone(real: Callable[..., Result], ours: Callable[[Disk, str], Result]) -> Callable[..., Result]:
    """A function that takes a path and asks what lies there."""

    def routed(path: Path | int, **options: bool) -> Result:
        if not isinstance(path, int):
            text = path if isinstance(path, str) else _text(path)
            if text.startswith(MOUNT.below):
                return ours(MOUNT.disk, text)
        return real(path, **options)

    return routed


def by_text(real: Callable[[str], Result], ours: Callable[[Disk, str], Result]) -> Callable[[str], Result]:
    """A function of our own that takes a path, which is a text, and asks what lies there."""

    def routed(path: str) -> Result:
        return ours(MOUNT.disk, path) if path.startswith(MOUNT.below) else real(path)

    return routed


def _route_realpath(real: Callable[..., str]) -> Callable[..., str]:
    def routed(filename: Path, *, strict: bool = False) -> str:
        text = _text(filename)
        if isinstance(filename, str) and not strict and text.startswith(MOUNT.below):
            return text if MOUNT.disk.leads_straight(text) else real(text)
        return real(filename, strict=strict)

    return routed


def _route_os_open(real: Callable[..., int]) -> Callable[..., int]:
    any_way = _by_path(real, Disk.open)

    def routed(path: Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        text = path if isinstance(path, str) else _text(path)
        if dir_fd is None and text.startswith(MOUNT.below):
            return MOUNT.disk.open(text, flags, mode)
        return any_way(path, flags, mode, dir_fd=dir_fd)

    return routed


def _by_descriptor(real: Callable[..., Result], ours: Callable[..., Result]) -> Callable[..., Result]:
    """A function whose first argument is a descriptor, or for those of fcntl something that has one."""

    def routed(fd: int | IO[bytes], *rest: object) -> Result:
        number = fd if isinstance(fd, int) else fd.fileno()
        return ours(MOUNT.disk, number, *rest) if number >= MOUNT.first else real(fd, *rest)

    return routed


def _by_two_paths(real: Callable[..., None], ours: Callable[..., None]) -> Callable[..., None]:
    """A function that takes a file from one path to another, which cannot be on another disk."""

    def routed(src: Path, dst: Path, **options: int | None) -> None:
        source, target = _text(src), _text(dst)
        here, there = MOUNT.has(source, options), MOUNT.has(target, options)
        if here and there:
            ours(MOUNT.disk, source, target, **options)
        elif here or there:
            os.lstat(source)
            raise error(errno.EXDEV, source, target)
        else:
            real(src, dst, **options)

    return routed


def _in_bytes(routed: Callable[..., Result], told: Callable[[Result], object]) -> Callable[..., object]:
    """The same function; what it says of a path of bytes is told in bytes."""

    def as_asked(path: Path | int = ".", *rest: object, **options: int | None) -> object:
        found = routed(path, *rest, **options)
        return told(found) if not isinstance(path, int) and isinstance(os.fspath(path), bytes) else found

    return as_asked


def _names_in_bytes(names: list[str]) -> object:
    return [os.fsencode(name) for name in names]


def _route_symlink(real: Callable[..., None]) -> Callable[..., None]:
    def routed(src: Path, dst: Path, target_is_directory: bool = False, *, dir_fd: int | None = None) -> None:
        options = {"dir_fd": dir_fd}
        if MOUNT.has(_text(dst), options):
            MOUNT.disk.symlink(_text(src), _text(dst), dir_fd=dir_fd)
        else:
            real(src, dst, target_is_directory, **options)

    return routed


def _route_sendfile(real: Callable[..., int]) -> Callable[..., int]:
    def routed(out_fd: int, in_fd: int, *rest: int) -> int:
        if max(out_fd, in_fd) >= MOUNT.first:
            raise error(errno.EINVAL)  # those who ask for it copy by reading and writing then
        return real(out_fd, in_fd, *rest)

    return routed


def _route_open(real: Callable[..., object]) -> Callable[..., object]:
    def routed(
        file: Path | int,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Opener | None = None,
    ) -> object:
        at = file if isinstance(file, int) else _text(file)
        if at >= MOUNT.first if isinstance(at, int) else MOUNT.has(at, {}):
            return opened(MOUNT.disk, at, mode, buffering, (encoding, errors, newline), closefd, opener)
        return real(file, mode, buffering, encoding, errors, newline, closefd, opener)

    return routed


_BY_PATH = (
    *("access", "mkdir", "rmdir", "unlink", "chmod", "utime", "truncate", "scandir"),
    *("statvfs", "listxattr"),
)
_BY_DESCRIPTOR = (
    *("close", "read", "write", "pread", "pwrite", "lseek", "fstat", "fsync", "fdatasync", "ftruncate", "fchmod"),
    "isatty",
)


def routes() -> Routed:
    listed: Callable[..., list[str]] = _by_path(os.listdir, Disk.listdir)
    led: Callable[..., str] = _by_path(os.readlink, Disk.readlink)
    pairs: list[tuple[Callable[..., object], Callable[..., object]]] = [
        *((getattr(os, name), _by_path(getattr(os, name), getattr(Disk, name))) for name in _BY_PATH),
        *((getattr(os, name), _by_descriptor(getattr(os, name), getattr(Disk, name))) for name in _BY_DESCRIPTOR),
        (os.stat, _route_stat(os.stat)),
        (os.lstat, _route_lstat(os.lstat)),
        (os.open, _route_os_open(os.open)),
        (os.path.lexists, _by_path_alone(os.path.lexists, Disk.lies_at)),
        (os.path.exists, _by_path_alone(os.path.exists, lambda disk, path: bool(disk.kind_at(path, True)))),
        (os.path.isdir, _by_path_alone(os.path.isdir, lambda disk, path: disk.kind_at(path, True) == FOLDER)),
        (os.path.isfile, _by_path_alone(os.path.isfile, lambda disk, path: disk.kind_at(path, True) == FILE)),
        (os.path.islink, _by_path_alone(os.path.islink, lambda disk, path: disk.kind_at(path, False) == LINK)),
        (os.path.realpath, _route_realpath(os.path.realpath)),
        (os.link, _by_two_paths(os.link, Disk.link)),
        (os.rename, _by_two_paths(os.rename, Disk.rename)),
        (os.replace, _by_two_paths(os.replace, Disk.rename)),
        (os.remove, _by_path(os.remove, Disk.unlink)),
        (os.listdir, _in_bytes(listed, _names_in_bytes)),
        (os.readlink, _in_bytes(led, os.fsencode)),
        (os.symlink, _route_symlink(os.symlink)),
        (os.sendfile, _route_sendfile(os.sendfile)),
        (fcntl.flock, _by_descriptor(fcntl.flock, Disk.flock)),
        (fcntl.lockf, _by_descriptor(fcntl.lockf, Disk.flock)),
        (io.open, _route_open(io.open)),
    ]
    return {id(real): routed for real, routed in pairs}
