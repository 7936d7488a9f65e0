"""The tree of a process: everything that descends from it, what it uses, and its end. Linux only."""

import os
import signal
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from factory.store.system import MACHINE

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTED = Path(f"/proc/self/task/{os.getpid()}/children").exists()  # a kernel can be built without


class ProcessInfo(NamedTuple):
    """One process, told from a later one of the same number by when it began."""

    pid: int
    parent: int
    began: int  # in ticks of the kernel's clock
    memory: int  # resident bytes
    state: str  # one letter; Z and X are dead


def descendants(pid: int) -> list[ProcessInfo]:
    """The living descendants of a process, without itself."""
    below = _children if _LISTED else _families().__getitem__
    found: dict[int, ProcessInfo] = {}
    ahead = [pid]
    while ahead:
        for member in below(ahead.pop()):
            if member.pid not in found:
                found[member.pid] = member
                ahead.append(member.pid)
    return [member for member in found.values() if member.state not in "ZX"]


def _children(pid: int) -> Iterator[ProcessInfo]:
    """The children of a process, as the kernel lists them for each of its threads (proc(5), children)."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return  # it is gone
    for thread in threads:
        try:
            listed = (thread / "children").read_bytes()
        except OSError:
            continue
        yield from filter(None, map(_member, map(int, listed.split())))


def _families() -> Mapping[int, list[ProcessInfo]]:
    """The children of every process of the machine, for kernels that list them nowhere."""
    children: defaultdict[int, list[ProcessInfo]] = defaultdict(list)
    for folder in _PROC.iterdir():
        member = _member(int(folder.name)) if folder.name.isdigit() else None
        if member is not None:
            children[member.parent].append(member)
    return children


def _member(pid: int) -> ProcessInfo | None:
    """One process by its number (proc(5), stat); None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return ProcessInfo(pid, int(fields[1]), int(fields[19]), int(fields[21]) * _PAGE, fields[0].decode())


def began(pid: int) -> str:
    """What tells a process from a later one of the same number, after a restart of the machine too; empty when gone."""
    member = _member(pid)
    if member is None:
        return ""
    return f"{MACHINE.boot()} {member.began}"


def end(members: Iterable[ProcessInfo], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to each that still is who it was."""
    for member in members:
        now = _member(member.pid)
        if now is not None and now.began == member.began:
            _kill(member.pid, number)


def end_strays(marker: str) -> None:
    """End every process whose environment names a path below `marker`."""
    needle = b"=" + os.fsencode(marker) + b"/"
    for folder in _PROC.glob("[0-9]*"):
        try:
            named = needle in (folder / "environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or somebody else's
        if named and int(folder.name) != os.getpid():
            _kill(int(folder.name), signal.SIGKILL)


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # gone meanwhile, or somebody else's
