"""The sandbox: what a process in a cell can see, write and reach, put before its argv. The one door to bubblewrap."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

from factory.execution.cell.filesystem import Filesystem
from factory.execution.cell.mounts import mounts
from factory.model.contract import Limits
from factory.model.errors import UnusableError
from factory.store.system import MACHINE

_PROBE_S = 10


class Kind(StrEnum):
    """How much is contained."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACE = "namespace"  # processes only, by util-linux's unshare
    NONE = "none"


@dataclass(frozen=True)
class Sandbox:
    """What this machine can contain, and what a process is told to run under it."""

    kind: Kind
    name: str = ""  # as it is recorded with each run
    missing: str = ""  # what is not contained, and why
    _prefix: tuple[str, ...] = field(default=(), repr=False)

    def around(
        self, argv: Sequence[str], filesystem: Filesystem, limits: Limits, network: bool, told: int
    ) -> tuple[str, ...]:
        """The argv that runs an argv in a filesystem, under limits; bubblewrap tells on `told` what became of it."""
        limited = _limited(limits)
        match self.kind:
            case Kind.BUBBLEWRAP:
                reach = () if network else ("--unshare-net",)
                status = ("--json-status-fd", str(told))
                return (*limited, *self._prefix, *status, *reach, *mounts(filesystem), "--", *argv)
            case Kind.NAMESPACE:
                return (*limited, *self._prefix, "--", *_UNDER_FIRST, *argv)
        return (*limited, *argv)

    def within(self, argv: Sequence[str], filesystem: Filesystem, told: str) -> tuple[str, ...]:
        """The argv that runs an argv in a filesystem, in the network and under the limits of whoever starts it."""
        if self.kind is not Kind.BUBBLEWRAP:
            return tuple(argv)
        return (*self._prefix, "--json-status-fd", told, *mounts(filesystem), "--", *argv)

    def outermost(self, argv: Sequence[str], limits: Limits, network: bool) -> tuple[str, ...]:
        """The argv that runs a program of ours around several sandboxes, which end with it, under limits of them all.

        It sees and may do what we do, so that it can put these up; only its network and its processes are apart.
        """
        limited = _limited(limits)
        match self.kind:
            case Kind.BUBBLEWRAP:
                reach = () if network else ("--unshare-net",)
                return (*limited, self._prefix[0], *_OUTERMOST, *reach, "--", *argv)
            case Kind.NAMESPACE:
                return (*limited, *self._prefix, "--", *_UNDER_FIRST, *argv)
        return (*limited, *argv)

    def guard(self, argv: Sequence[str], *places: Path) -> Sequence[str]:
        """The argv that runs a program of ours on what somebody left: it changes these places, and nothing else."""
        if self.kind is not Kind.BUBBLEWRAP:
            return argv
        writable = (word for place in places for word in ("--bind", str(place), str(place)))
        return (*self._prefix, "--unshare-net", "--ro-bind", "/", "/", "--dev", "/dev", *writable, "--", *argv)


# The first process of a namespace cannot be killed from within, and would have to take care of orphans.
_UNDER_FIRST = ("sh", "-c", '"$@"; exit $?', "sh")
_PRLIMIT = shutil.which("prlimit") or ""
_BUBBLEWRAP = (
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
)


_OUTERMOST = (
    *("--unshare-pid", "--unshare-ipc", "--die-with-parent", "--new-session"),
    *("--dev-bind", "/", "/", "--proc", "/proc"),
)


def _limited(limits: Limits) -> tuple[str, ...]:
    most = limits.disk_mb * 1_000_000
    return (_PRLIMIT, f"--fsize={most}", f"--data={limits.memory_mb * 1_000_000}", "--core=0") if _PRLIMIT else ()


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


@cache
def nesting_sandbox(mode: Literal["auto", "required", "off"]) -> Sandbox:
    """The best that this machine has for several sandboxes in one. Raises UnusableError when the mode asks for more."""
    found = sandbox(mode)
    if found.kind is not Kind.BUBBLEWRAP:
        return found
    inner = found._prefix[0], *_BUBBLEWRAP, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"
    said = _says((found._prefix[0], *_OUTERMOST, "--unshare-net", "--", *inner))
    if said is None:
        return found
    why = f"bubblewrap does not work within bubblewrap here ({said}), so that services and their tester are not apart"
    if mode == "required":
        raise UnusableError(f"sandbox: required, and {why}", "kernel.unprivileged_userns_clone, or AppArmor's profile")
    lesser = sandbox("off")
    return Sandbox(lesser.kind, lesser.name, why, lesser._prefix)


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
        done = MACHINE.run(argv, _PROBE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return None if done.returncode == 0 else (lines[-1] if lines else f"exit status {done.returncode}")


def _version(program: str) -> str:
    done = MACHINE.run((program, "--version"), _PROBE_S)
    return done.stdout.decode(errors="replace").strip() or "bubblewrap"
