"""Sockets: where services of this machine listen. A socket can be spoken to on a read-only file system, too."""

import fcntl
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from factory.execution.cell.filesystem import Filesystem, Mounted
from factory.store.system import MACHINE

# Places that a sandbox sees otherwise: of its own, or empty.
SCRATCH = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))
RUN = Path("/run")
DEV = Path("/dev")
_LISTED = Path("/proc/net/unix")  # every socket that somebody listens at, with its path
_OWNER = 0xB701  # NS_GET_USERNS, ioctl_ns(2)
_ENTER, _MOUNT = shutil.which("nsenter"), shutil.which("mount")
_PATIENCE_S = 10.0


def sockets(filesystem: Filesystem) -> Iterator[Mounted]:
    """The sockets of this machine's services and where they are seen, but for places that are covered anyhow."""
    try:
        lines = _LISTED.read_bytes().split(b"\n")
    except OSError:
        return
    git = filesystem.git
    unseen = (git.hidden,) if git else ()
    covered = (*SCRATCH, RUN, Path("/var/run"), DEV, *filesystem.checkouts, *filesystem.hidden, *unseen)
    elsewhere = (
        *([(git.folder, git.at)] if git else []),
        *((mounted.source, mounted.at) for mounted in filesystem.mounted),
    )
    for path in {Path(os.fsdecode(line[line.index(b" /") + 1 :])) for line in lines if b" /" in line}:
        if not _is_socket(path) or any(path.is_relative_to(place) for place in unseen):
            continue
        if not any(path.is_relative_to(place) for place in covered):
            yield Mounted(path, path)
        for source, at in elsewhere:
            if path.is_relative_to(source):
                yield Mounted(path, at / path.relative_to(source))


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False  # gone, or in a folder that is closed to us


class Cover:
    """Hides from sandboxes that are up already what begins to listen meanwhile."""

    def __init__(self, filesystems: Sequence[Filesystem]) -> None:
        self._filesystems = filesystems
        self._known = set(self._listening())  # nobody who is put up from now on sees these
        self._covered: set[tuple[str, Path, int]] = set()

    def _listening(self) -> Iterator[tuple[Path, int]]:
        """Each socket, told from a later one at the same place."""
        for socket in {socket for each in self._filesystems for socket in sockets(each)}:
            with suppress(OSError):  # gone meanwhile
                yield socket.at, socket.source.lstat().st_ctime_ns

    def renew(self, pids: Iterable[int]) -> None:
        """Put something over each new socket, for a process in each sandbox and all that see what it sees."""
        new = set(self._listening()) - self._known
        for pid in pids if new else ():
            with suppress(OSError, subprocess.TimeoutExpired):  # ended meanwhile
                sight = str(Path(f"/proc/{pid}/ns/mnt").readlink())
                for path, at in sorted(new):
                    if (sight, path, at) not in self._covered:
                        self._covered.add((sight, path, at))
                        _cover(pid, path)


def _cover(pid: int, path: Path) -> None:
    """Mount over a path as another process sees it. What is run there is the machine's own, and by its whole path."""
    if _ENTER is None or _MOUNT is None:
        return
    mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        owner = fcntl.ioctl(mounts, _OWNER)
        try:
            foreign = not os.path.samestat(os.fstat(owner), Path("/proc/self/ns/user").stat())
            user = (f"--user=/proc/self/fd/{owner}", "--preserve-credentials") if foreign else ()
            argv = (_ENTER, f"--mount=/proc/self/fd/{mounts}", *user, _MOUNT, "--bind", os.devnull, str(path))
            MACHINE.run(argv, _PATIENCE_S, pass_fds=(mounts, owner), env={})
        finally:
            os.close(owner)
    finally:
        os.close(mounts)
