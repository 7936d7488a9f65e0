"""The program that an argv names, looked for where a process in a filesystem would find it."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from factory.execution.cell.filesystem import Filesystem
from factory.execution.cell.mounts import needed
from factory.execution.processes.sockets import SCRATCH


def unstartable(argv: Sequence[str], path: str, filesystem: Filesystem, *, contained: bool) -> str:
    """Why there is no such program; a sandbox would only say that it failed itself."""
    name = argv[0]
    if "\0" in "".join(argv):
        return f"{name!r} could not be started: an argument holds a NUL"
    place = _find(name, path, filesystem) if contained else _place(name, path, filesystem.folder_on_disk)
    cover = _covered(Path(name), filesystem) if contained and name.startswith("/") else None
    if cover is not None:  # a hook may have laid something into the cell's own
        place = filesystem.scratch / os.path.relpath(name, cover)
        if not os.access(place, os.F_OK):
            return f"{name!r} could not be started: {unseen(cover)}"
    if not name or not os.access(place, os.F_OK) or not place.is_file():
        return f"{name!r} could not be started: there is no such program"
    return "" if os.access(place, os.X_OK) else f"{name!r} could not be started: it is not executable"


def unseen(cover: Path) -> str:
    """Why a program that lies below a place of this machine is none for a cell, and what to do."""
    return f"cells have a {cover} of their own and do not see this machine's; keep the program elsewhere"


def covered_by(program: Path, seen: Sequence[Path]) -> Path | None:
    """The place, as /tmp, that a sandbox covers and below which a program lies; None of what is `seen` there."""
    place = Path(os.path.normpath(program))
    cover = next((cover for cover in SCRATCH if cover in place.parents), None)
    return None if any(place.is_relative_to(each) for each in (*seen, *needed(seen))) else cover


def _covered(program: Path, filesystem: Filesystem) -> Path | None:
    git = (filesystem.git.at,) if filesystem.git else ()
    own = (filesystem.tree, filesystem.scratch, *filesystem.writable, filesystem.given, *git)
    return covered_by(program, (*own, *filesystem.checkouts, *(mounted.at for mounted in filesystem.mounted)))


def _place(name: str, path: str, folder: Path) -> Path:
    """Where a program lies for whoever works in a folder; `.` when there is none."""
    return folder / name if "/" in name else Path(shutil.which(name, path=path) or "")


def _find(name: str, path: str, filesystem: Filesystem) -> Path:
    """The program's path on disk, for whoever works in a sandbox."""
    if "/" in name:
        return filesystem.on_disk(filesystem.folder / name)
    entries = (str(filesystem.on_disk(filesystem.folder / entry)) for entry in path.split(os.pathsep))
    return _place(name, os.pathsep.join(entries), filesystem.folder)
