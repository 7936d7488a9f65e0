"""Mounting a simulated disk: while it is, this process finds it below its prefix, through Python's own functions."""

import errno
import fcntl
import glob
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import IO, NamedTuple, TypeVar

from tests.simulation.disk.descriptors import FIRST
from tests.simulation.disk.disk import Disk
from tests.simulation.disk.inodes import error
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


_MOUNT = _Mount()


def _text(path: Path) -> str:
    plain = os.fspath(path)
    return plain if isinstance(plain, str) else os.fsdecode(plain)


def _by_path(real: Callable[..., Result], ours: Callable[..., Result]) -> Callable[..., Result]:
    """A function whose first argument is a path or a descriptor."""

    def routed(path: Path | int = ".", *rest: object, **options: int | None) -> Result:
        if isinstance(path, str):
            text = path
        elif isinstance(path, int):
            return ours(_MOUNT.disk, path, *rest, **options) if path >= _MOUNT.first else real(path, *rest, **options)
        else:
            text = _text(path)
        if text.startswith(_MOUNT.below) or _MOUNT.has(text, options):
            return ours(_MOUNT.disk, text, *rest, **options)
        return real(path, *rest, **options)

    return routed


# Of these there are more than of all else.


def _route_stat(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    any_way = _by_path(real, Disk.stat)

    def routed(path: Path | int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        if dir_fd is None and not isinstance(path, int):
            text = path if isinstance(path, str) else _text(path)
            if text.startswith(_MOUNT.below):
                return _MOUNT.disk.seen(text, follow_symlinks)
        return any_way(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    return routed


def _route_lstat(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    any_way = _by_path(real, Disk.lstat)

    def routed(path: Path, *, dir_fd: int | None = None) -> os.stat_result:
        text = path if isinstance(path, str) else _text(path)
        if dir_fd is None and text.startswith(_MOUNT.below):
            return _MOUNT.disk.seen(text, False)
        return any_way(path, dir_fd=dir_fd)

    return routed


def _route_lexists(real: Callable[[Path], bool]) -> Callable[[Path], bool]:
    def routed(path: Path) -> bool:
        text = path if isinstance(path, str) else _text(path)
        return _MOUNT.disk.lies_at(text) if text.startswith(_MOUNT.below) else real(path)

    return routed


def _by_descriptor(real: Callable[..., Result], ours: Callable[..., Result]) -> Callable[..., Result]:
    """A function whose first argument is a descriptor, or for those of fcntl something that has one."""

    def routed(fd: int | IO[bytes], *rest: object) -> Result:
        number = fd if isinstance(fd, int) else fd.fileno()
        return ours(_MOUNT.disk, number, *rest) if number >= _MOUNT.first else real(fd, *rest)

    return routed


def _by_two_paths(real: Callable[..., None], ours: Callable[..., None]) -> Callable[..., None]:
    """A function that takes a file from one path to another, which cannot be on another disk."""

    def routed(src: Path, dst: Path, **options: int | None) -> None:
        source, target = _text(src), _text(dst)
        here, there = _MOUNT.has(source, options), _MOUNT.has(target, options)
        if here and there:
            ours(_MOUNT.disk, source, target, **options)
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
        if _MOUNT.has(_text(dst), options):
            _MOUNT.disk.symlink(_text(src), _text(dst), dir_fd=dir_fd)
        else:
            real(src, dst, target_is_directory, **options)

    return routed


def _route_sendfile(real: Callable[..., int]) -> Callable[..., int]:
    def routed(out_fd: int, in_fd: int, *rest: int) -> int:
        if max(out_fd, in_fd) >= _MOUNT.first:
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
        if at >= _MOUNT.first if isinstance(at, int) else _MOUNT.has(at, {}):
            return opened(_MOUNT.disk, at, mode, buffering, (encoding, errors, newline), closefd, opener)
        return real(file, mode, buffering, encoding, errors, newline, closefd, opener)

    return routed


_BY_PATH = (
    *("access", "mkdir", "rmdir", "unlink", "chmod", "utime", "truncate", "scandir", "open"),
    *("statvfs", "listxattr"),
)
_BY_DESCRIPTOR = (
    *("close", "read", "write", "pread", "pwrite", "lseek", "fstat", "fsync", "fdatasync", "ftruncate", "fchmod"),
    "isatty",
)


def _routes() -> Routed:
    listed: Callable[..., list[str]] = _by_path(os.listdir, Disk.listdir)
    led: Callable[..., str] = _by_path(os.readlink, Disk.readlink)
    pairs: list[tuple[Callable[..., object], Callable[..., object]]] = [
        *((getattr(os, name), _by_path(getattr(os, name), getattr(Disk, name))) for name in _BY_PATH),
        *((getattr(os, name), _by_descriptor(getattr(os, name), getattr(Disk, name))) for name in _BY_DESCRIPTOR),
        (os.stat, _route_stat(os.stat)),
        (os.lstat, _route_lstat(os.lstat)),
        (os.path.lexists, _route_lexists(os.path.lexists)),
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


_ROUTES = _routes()
_UNTOUCHED = {"posix", "_io", __name__}  # the import system and Python's own parts go on with the machine's files
_KNOWN_BY = (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks)
_KNOWN = tuple({_ROUTES[id(each)] for each in functions if id(each) in _ROUTES} for functions in _KNOWN_BY)


class Site(NamedTuple):
    """Where a loaded module keeps a function that is routed: the attribute of what, and its two values."""

    owner: object
    name: str
    real: object
    routed: object


_SITES: list[Site] = []
_LOOKED_THROUGH: dict[str, ModuleType] = {}


@contextmanager
def mounted(disk: Disk) -> Iterator[None]:
    """Put the disk below its prefix. Names of temporary files are the disk's own meanwhile, also elsewhere.

    Whatever this process has loaded goes by it, whether it names a function through its module or has it by itself.
    Raises RuntimeError when a disk is mounted already.
    """
    if _MOUNT.first == FIRST:
        raise RuntimeError("one disk at a time is mounted")
    _look_through_new_modules()
    names = iter(disk.temporary_name, "")
    sites = [*_SITES, Site(tempfile, "_name_sequence", vars(tempfile)["_name_sequence"], names)]
    _MOUNT.put(disk, disk.prefix, FIRST)
    try:
        for site in sites:
            setattr(site.owner, site.name, site.routed)
        for functions, routed in zip(_KNOWN_BY, _KNOWN, strict=True):
            functions.update(routed)
        yield
    finally:
        for site in sites:
            setattr(site.owner, site.name, site.real)
        for functions, routed in zip(_KNOWN_BY, _KNOWN, strict=True):
            functions.difference_update(routed)
        _MOUNT.put(_NOTHING, _NOWHERE, sys.maxsize)


def _look_through_new_modules() -> None:
    for name, module in list(sys.modules.items()):
        if name in _UNTOUCHED or _LOOKED_THROUGH.get(name) is module:
            continue
        _LOOKED_THROUGH[name] = module
        parts = list(getattr(module, "__dict__", {}).items())
        _SITES.extend(Site(module, part, value, _ROUTES[id(value)]) for part, value in parts if id(value) in _ROUTES)
        if module in (glob, tempfile):
            for _, value in parts:
                if isinstance(value, type):
                    _SITES.extend(_sites_of(value))


def _sites_of(owner: type) -> Iterator[Site]:
    """Where a class has a function as its own, or a method has one as what is meant when nothing is said."""
    for name, value in list(vars(owner).items()):
        if isinstance(value, staticmethod) and id(value.__func__) in _ROUTES:
            yield Site(owner, name, value, staticmethod(_ROUTES[id(value.__func__)]))
        elif isinstance(value, FunctionType) and value.__defaults__:
            routed = tuple(_ROUTES.get(id(each), each) for each in value.__defaults__)
            yield Site(value, "__defaults__", value.__defaults__, routed)
