"""Handles: what a process keeps without a name that anybody could find: deleted files, memory files, its own mounts."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from factory.execution.processes.disk_usage import BLOCK

_PROC = Path("/proc")
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_DELETED = b"(deleted)"

_File = tuple[int, int]  # device and inode


class Kept(NamedTuple):
    """Bytes that processes keep in this way, on disk and in memory."""

    disk: int = 0
    memory: int = 0
    covered: frozenset[int] = frozenset()  # file systems in memory (devices) over which something else is mounted


def kept(pids: Iterable[int], places: Iterable[Path]) -> Kept:
    """What processes keep; what lies on the file systems of `places` is on disk."""
    devices = {place.stat().st_dev for place in places}
    mounted: dict[int, int | None] = {}
    sizes: dict[_File, int] = {}
    namespaces: set[Path] = set()
    for pid in pids:
        with suppress(OSError):  # ended meanwhile, or closed to us; so below
            namespace = (_PROC / str(pid) / "ns/mnt").readlink()
            if namespace not in namespaces:
                namespaces.add(namespace)
                mounted |= {device: size for device, size in _own_mounts(pid) if mounted.get(device) is None}
        with suppress(OSError):
            sizes |= dict(_open(pid))
        with suppress(OSError):
            sizes |= {file: size for file, size in _mapped(pid) if file not in sizes}
    rest = {file: size for file, size in sizes.items() if file[0] not in mounted}
    disk = sum(size for (device, _), size in rest.items() if device in devices)
    covered = frozenset(device for device, size in mounted.items() if size is None)
    return Kept(disk, sum(rest.values()) - disk + sum(filter(None, mounted.values())), covered)


def _open(pid: int) -> Iterator[tuple[_File, int]]:
    """The open files of a process that have no name any more."""
    with os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):  # closed meanwhile
                seen = entry.stat()
                if stat.S_ISREG(seen.st_mode) and not seen.st_nlink:
                    yield (seen.st_dev, seen.st_ino), seen.st_blocks * BLOCK


def _mapped(pid: int) -> Iterator[tuple[_File, int]]:
    """The files without a name that a process shares in its memory, as large as it shows them (proc(5), maps)."""
    for line in (_PROC / str(pid) / "maps").read_bytes().split(b"\n"):
        if not line.endswith(_DELETED):
            continue
        span, mode, offset, device, inode = line.split(maxsplit=5)[:5]
        if mode.endswith(b"s") and not line.endswith(b"/dev/zero " + _DELETED):  # that one is resident memory
            first, last = (int(end, 16) for end in span.split(b"-"))
            major, minor = (int(part, 16) for part in device.split(b":"))
            yield (os.makedev(major, minor), int(inode)), last - first + int(offset, 16)


def _own_mounts(pid: int) -> Iterator[tuple[int, int | None]]:
    """For each file system in memory that a process sees and we do not: its device, and how much lies there.

    None when another one is mounted over it, as for a moment while a sandbox is being set up.
    """
    ours = {device for device, _, _ in _mounts("self")}
    for device, kind, place in _mounts(str(pid)):
        if kind in _IN_MEMORY and device not in ours:
            with suppress(OSError):
                yield device, _size(f"/proc/{pid}/root{place}", device)


def _size(place: str, device: int) -> int | None:
    """How many bytes lie in the file system of a place; None when it is not the one expected there."""
    root = os.open(place, os.O_PATH | os.O_DIRECTORY)
    try:
        seen = os.fstatvfs(root)
        return (seen.f_blocks - seen.f_bfree) * seen.f_frsize if os.fstat(root).st_dev == device else None
    finally:
        os.close(root)


def _mounts(who: str) -> Iterator[tuple[int, str, str]]:
    """Device, kind and place of everything that is mounted for a process (proc(5), mountinfo)."""
    for line in (_PROC / who / "mountinfo").read_text(errors="surrogateescape").splitlines():
        fields, _, rest = line.partition(" - ")
        _, _, device, _, place = fields.split(" ")[:5]
        major, minor = device.split(":")
        yield os.makedev(int(major), int(minor)), rest.split(" ")[0], os.fsencode(place).decode("unicode_escape")
