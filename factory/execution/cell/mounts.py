"""The mounts: what bubblewrap is told so that a process sees its filesystem, and no more of the machine than it may."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from factory.execution.cell.environments import environment_of
from factory.execution.cell.filesystem import Filesystem, lies_in
from factory.execution.processes.sockets import DEV, RUN, SCRATCH, sockets
from factory.store import files

_RESOLVER = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager")
# Where a person's credentials lie. The rest of the home folder stays readable: tools live there.
_CREDENTIALS = (
    *(".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".netrc", ".pgpass", ".npmrc", ".pypirc"),
    *(".git-credentials", ".config/gh", ".config/git/credentials", ".config/gcloud", ".config/hub", ".config/op"),
    *(".claude", ".claude.json", ".codex", ".gemini", ".local/share/opencode", ".local/share/keyrings"),
    *(".password-store", ".mozilla", ".config/google-chrome", ".config/chromium", ".bash_history", ".zsh_history"),
)


def mounts(filesystem: Filesystem) -> Iterator[str]:
    """Everything readable but what is hidden, nothing writable but the cell. Of two binds the later one wins.

    An empty folder put over another lies in memory, where nothing would measure what is written into it.
    """
    yield from ("--ro-bind", "/", "/", "--dev", str(DEV), "--proc", "/proc")
    if os.geteuid() == 0:  # root may change the kernel's settings by who it is, whatever it may do
        yield from ("--ro-bind", "/proc/sys", "/proc/sys")
    if RUN.is_dir():
        yield from ("--tmpfs", str(RUN))
        yield from (word for place in _RESOLVER for word in ("--ro-bind-try", place, place))
    for place in SCRATCH:
        yield from ("--bind", str(filesystem.scratch), str(place))
    for place in needed(filesystem.checkouts):
        yield from _bind(filesystem, "--ro-bind", place, place)
    yield from _checkouts(filesystem)
    hidden = [place for place in (*filesystem.hidden, *_credentials(filesystem)) if _there(place)]
    for place in hidden:
        yield from _over(filesystem, place)
    yield from ("--ro-bind" if filesystem.read_only else "--bind", str(filesystem.tree), str(filesystem.tree))
    for place in (*filesystem.writable, filesystem.scratch):
        yield from ("--bind", str(place), str(place))
    yield from ("--ro-bind", str(filesystem.given), str(filesystem.given))
    yield from _git(filesystem)
    for mounted in filesystem.mounted:
        yield from _bind(filesystem, "--bind" if mounted.writable else "--ro-bind", mounted.source, mounted.at)
    for place in filesystem.frozen:
        for root in (filesystem.tree, *(filesystem.checkouts if filesystem.in_checkout else ())):
            yield from ("--ro-bind", str(place), str(root / place.relative_to(filesystem.tree)))
    for socket in sockets(filesystem):
        yield from ("--ro-bind", os.devnull, str(socket.at))
    for place in (DEV, RUN, *hidden):
        if place.is_dir():
            yield from ("--remount-ro", str(place))
    yield from ("--chdir", str(filesystem.folder))


def _checkouts(filesystem: Filesystem) -> Iterator[str]:
    """The worktree where a person's checkouts are: whatever names a path there meets what is worked on."""
    bind = "--bind" if filesystem.in_checkout and not filesystem.read_only else "--ro-bind"
    for place in sorted(filesystem.checkouts, key=lambda place: len(place.parts)):
        yield from _bind(filesystem, bind, filesystem.tree, place)


def _git(filesystem: Filesystem) -> Iterator[str]:
    """git's own folder where no checkout stands over it, to be read and not written."""
    git = filesystem.git
    if git is None:
        return
    yield from ("--ro-bind", str(git.folder), str(git.at))
    if git.hidden.is_dir():
        inside = git.at / git.hidden.relative_to(git.folder)
        yield from ("--tmpfs", str(inside), "--remount-ro", str(inside))
    for place in (filesystem.tree, *filesystem.checkouts):
        yield from ("--ro-bind", str(git.dot_git), str(place / ".git"))


def _over(filesystem: Filesystem, place: Path) -> Iterator[str]:
    """Something that is to be seen as empty."""
    if not place.is_dir():
        yield from ("--ro-bind", os.devnull, str(place))
    elif _ready(filesystem, place):
        yield from ("--tmpfs", str(place))


def _bind(filesystem: Filesystem, how: str, source: Path, place: Path) -> Iterator[str]:
    """One folder at a place; left out where what a worker made is in its way."""
    if _ready(filesystem, place):
        yield from (how, str(source), str(place))


def _ready(filesystem: Filesystem, place: Path) -> bool:
    """Lay the folder that something is to be mounted over, if it would lie in what a worker can write.

    bubblewrap would follow a link that a worker laid there, and make the folder where it leads.
    """
    for cover in (filesystem.tree, *filesystem.checkouts):
        if lies_in(place, cover):
            return files.make_folders(filesystem.tree, place.relative_to(cover))
    for cover in filesystem.writable:
        if lies_in(place, cover):
            return files.make_folders(cover, place.relative_to(cover))
    for cover in SCRATCH:
        if lies_in(place, cover) and place.is_dir():
            return files.make_folders(filesystem.scratch, place.relative_to(cover))
    return True


def needed(checkouts: Sequence[Path]) -> list[Path]:
    """What lies in a place that is covered by another, and has to be seen all the same.

    What of a checkout is to be seen is for whoever lends the cell to say.
    """
    searched = [*os.environ.get("PATH", "").split(os.pathsep), *sys.path]  # programs, and the modules of our own
    named = (Path(entry) for entry in (sys.prefix, sys.base_prefix, *searched) if entry.startswith("/"))
    places = {place for place in named if _is_covered(checkouts, place)}
    places |= {environment_of(place, Path(place.anchor)) or place for place in places}
    return sorted(place for place in places if _is_covered(checkouts, place) and _there(place))


def _is_covered(checkouts: Sequence[Path], place: Path) -> bool:
    covered = any(lies_in(place, cover) for cover in (*SCRATCH, RUN))
    return covered and not any(place == checkout or lies_in(place, checkout) for checkout in checkouts)


def _there(place: Path) -> bool:
    """Whether there is something that this user can see; another user's folder may well stand in PATH."""
    return os.access(place, os.F_OK)


def _credentials(filesystem: Filesystem) -> Iterator[Path]:
    """The person's credentials that are to be hidden, less those in a checkout, which is covered as a whole."""
    home = Path.home()
    for name in _CREDENTIALS:
        if not any((home / name).is_relative_to(place) for place in filesystem.checkouts):
            yield home / name
