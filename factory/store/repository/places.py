"""The places of a repository: every folder that holds something of it, found without git, also when it is broken."""

import os
from collections.abc import Iterator
from pathlib import Path

from factory.store import files

_GITDIR = b"gitdir:"
_MOST = 4096  # bytes of a file that names a folder


def places_of(folder: Path) -> tuple[Path, ...]:
    """The working tree that a folder lies in, git's own folder, and the other working trees; the folder at least."""
    root = next((place for place in (folder, *folder.parents) if _there(place / ".git")), folder)
    own = _named(root / ".git") or root / ".git"
    common = _read(own / "commondir")
    shared = _resolved(own / os.fsdecode(common)) if common else own
    main = shared.parent if shared.name == ".git" else shared
    found = (folder, root, *((main, shared) if _there(shared) else ()), *_linked(shared))
    return tuple(dict.fromkeys(_resolved(place) for place in found))


def _linked(shared: Path) -> Iterator[Path]:
    """Working trees beside the main one; of those only that lead back here, so that nobody names what is not theirs."""
    for name in files.names_in(f"{shared}/worktrees"):
        admin = shared / "worktrees" / name
        place = _read(admin / "gitdir")
        dot_git = Path(os.fsdecode(place)) if place else None
        if dot_git is not None and _named(dot_git) == _resolved(admin):
            yield dot_git.parent


def _named(dot_git: Path) -> Path | None:
    """The folder that a `.git` file leads to; None where there is no such file."""
    text = _read(dot_git)
    if not text.startswith(_GITDIR):
        return None
    return _resolved(dot_git.parent / os.fsdecode(text.removeprefix(_GITDIR).strip()))


def _read(path: Path) -> bytes:
    try:
        return files.read_start(path, _MOST).strip() if path.is_file() else b""
    except (OSError, ValueError):
        return b""


def _there(place: Path) -> bool:
    return os.path.lexists(place)


def _resolved(place: Path) -> Path:
    return Path(os.path.realpath(place))
