"""The sandbox: what a process in a cell can see, write and reach, put before its argv. The one door to bubblewrap."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

from factory.model.contract import Limits
from factory.model.errors import UnusableError

_PROBE_S = 10
_SCRATCH = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # replaced by the cell's own
_SOCKETS = Path("/proc/net/unix")  # every socket that somebody listens at, with its path
_DEV = Path("/dev")
_RUN = Path("/run")  # sockets of services: a socket can be spoken to on a read-only file system, too
_RESOLVER = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager")
# Where a person's credentials lie. The rest of the home folder stays readable: tools live there.
_CREDENTIALS = (
    *(".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".netrc", ".pgpass", ".npmrc", ".pypirc"),
    *(".git-credentials", ".config/gh", ".config/git/credentials", ".config/gcloud", ".config/hub", ".config/op"),
    *(".claude", ".claude.json", ".codex", ".gemini", ".local/share/opencode", ".local/share/keyrings"),
    *(".password-store", ".mozilla", ".config/google-chrome", ".config/chromium", ".bash_history", ".zsh_history"),
)


class Kind(StrEnum):
    """How much is contained."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACE = "namespace"  # processes only, by util-linux's unshare
    NONE = "none"


@dataclass(frozen=True)
class Room:
    """The places a process in a cell has to do with."""

    tree: Path  # the worktree, writable
    writable: tuple[Path, ...]  # home, out and the like
    scratch: Path  # stands for /tmp
    given: Path  # readable, though it lies in what is hidden
    hidden: tuple[Path, ...] = ()  # folders to be seen as empty
    git: Path | None = None  # git's own folder, readable wherever it lies
    frozen: bool = False  # whether the worktree can only be read, too


@dataclass(frozen=True)
class Sandbox:
    """What this machine can contain, and what a process is told to run under it."""

    kind: Kind
    name: str = ""  # as it is recorded with each run
    missing: str = ""  # what is not contained, and why
    _prefix: tuple[str, ...] = field(default=(), repr=False)

    def around(self, argv: Sequence[str], room: Room, limits: Limits, network: bool) -> tuple[str, ...]:
        """The argv that runs an argv in a room, under limits."""
        most = limits.disk_mb * 1_000_000
        limited = (
            (_PRLIMIT, f"--fsize={most}", f"--data={limits.memory_mb * 1_000_000}", "--core=0") if _PRLIMIT else ()
        )
        match self.kind:
            case Kind.BUBBLEWRAP:
                reach = () if network else ("--unshare-net",)
                return (*limited, *self._prefix, *reach, *_mounts(room), "--", *argv)
            case Kind.NAMESPACE:
                return (*limited, *self._prefix, "--", *_UNDER_FIRST, *argv)
        return (*limited, *argv)


# The first process of a namespace cannot be killed from within, and would have to take care of orphans.
_UNDER_FIRST = ("sh", "-c", '"$@"; exit $?', "sh")
_PRLIMIT = shutil.which("prlimit") or ""
_BUBBLEWRAP = (
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
)


@cache
def sandbox(mode: Literal["auto", "required", "off"]) -> Sandbox:
    """The best that this machine has. Raises UnusableError when the mode asks for more."""
    wrap, why = _bubblewrap() if mode != "off" else ("", "the policy says sandbox: off")
    if wrap:
        return Sandbox(Kind.BUBBLEWRAP, _version(wrap), "", (wrap, *_BUBBLEWRAP))
    if mode == "required":
        raise UnusableError(f"sandbox: required, and {why}", "apt-get install bubblewrap")
    prefix = _namespace()
    rest = "files outside the cell can be written and the network reached" + ("" if prefix else ", processes can stay")
    kind = Kind.NAMESPACE if prefix else Kind.NONE
    return Sandbox(kind, "unshare" if prefix else "none", f"{why}: {rest}", prefix)


def _bubblewrap() -> tuple[str, str]:
    """(the program, or nothing; why it cannot be used)."""
    found = shutil.which("bwrap")
    if found is None:
        return "", "bubblewrap is not installed"
    said = _says(
        (found, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *_BUBBLEWRAP, "--unshare-net", "true")
    )
    return (found, "") if said is None else ("", f"bubblewrap does not work here ({said})")


def _namespace() -> tuple[str, ...]:
    """unshare, as root or as a user who may have namespaces; nothing when it cannot be used."""
    found = shutil.which("unshare")
    own = ("--pid", "--fork", "--kill-child=KILL", "--mount-proc")
    for user in ((), ("--user", "--map-current-user")):
        if found and _says((found, *user, *own, "true")) is None:
            return (found, *user, *own)
    return ()


def _says(argv: Sequence[str]) -> str | None:
    """What a program complains of; None when it does not."""
    try:
        done = subprocess.run(argv, capture_output=True, check=False, timeout=_PROBE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return None if done.returncode == 0 else (lines[-1] if lines else f"exit status {done.returncode}")


def _version(program: str) -> str:
    done = subprocess.run((program, "--version"), capture_output=True, check=False, timeout=_PROBE_S)
    return done.stdout.decode(errors="replace").strip() or "bubblewrap"


def _mounts(room: Room) -> Iterator[str]:
    """Everything readable but what is hidden, nothing writable but the cell. Of two binds the later one wins.

    An empty folder put over another lies in memory, where nothing would measure what is written into it.
    """
    yield from ("--ro-bind", "/", "/", "--dev", str(_DEV), "--proc", "/proc")
    if os.geteuid() == 0:  # root may change the kernel's settings by who it is, whatever it may do
        yield from ("--ro-bind", "/proc/sys", "/proc/sys")
    if _RUN.is_dir():
        yield from ("--tmpfs", str(_RUN))
        yield from (word for place in _RESOLVER for word in ("--ro-bind-try", place, place))
    for place in _SCRATCH:
        yield from ("--bind", str(room.scratch), str(place))
    for place in _needed(room):
        yield from ("--ro-bind", str(place), str(place))
    for place in (*room.hidden, *_credentials()):
        if _there(place) and place.is_dir():
            yield from ("--tmpfs", str(place))
        elif _there(place):
            yield from ("--ro-bind", os.devnull, str(place))
    yield from (word for place in _sockets() for word in ("--ro-bind", os.devnull, place))
    yield from ("--ro-bind" if room.frozen else "--bind", str(room.tree), str(room.tree))
    for place in (*room.writable, room.scratch):
        yield from ("--bind", str(place), str(place))
    for place in (room.given, room.tree / ".git"):
        yield from ("--ro-bind", str(place), str(place))
    for place in (_DEV, _RUN, *room.hidden, *_credentials()):
        if _there(place) and place.is_dir():
            yield from ("--remount-ro", str(place))
    yield from ("--chdir", str(room.tree))


def _sockets() -> Iterator[str]:
    """The sockets of this machine's services that lie in no place that is covered anyhow."""
    try:
        lines = _SOCKETS.read_bytes().split(b"\n")
    except OSError:
        return
    covered = tuple(f"{place}/" for place in (*_SCRATCH, _RUN, Path("/var/run"), _DEV))
    for path in {os.fsdecode(line[line.index(b" /") + 1 :]) for line in lines if b" /" in line}:
        if not path.startswith(covered) and _is_socket(path):
            yield path


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False  # gone, or in a folder that is closed to us


def _needed(room: Room) -> list[Path]:
    """What lies in a place that is covered by another, and has to be seen all the same."""
    places = {Path(sys.prefix), Path(sys.base_prefix), *([room.git] if room.git else [])}
    searched = [*os.environ.get("PATH", "").split(os.pathsep), *sys.path]  # programs, and the modules of our own
    places |= {Path(entry) for entry in searched if entry.startswith("/")}
    covered = (*_SCRATCH, _RUN)
    return sorted(place for place in places if _there(place) and any(cover in place.parents for cover in covered))


def _there(place: Path) -> bool:
    """Whether there is something that this user can see; another user's folder may well stand in PATH."""
    return os.access(place, os.F_OK)


def _credentials() -> Iterator[Path]:
    home = Path.home()
    yield from (home / name for name in _CREDENTIALS)
