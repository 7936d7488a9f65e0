"""The program that an argv names, looked for where a process in a filesystem would find it."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from factory.execution.cell.filesystem import Filesystem


def unstartable(argv: Sequence[str], path: str, filesystem: Filesystem, *, contained: bool) -> str:
    """Why there is no such program; a sandbox would only say that it failed itself."""
    name = argv[0]
    if "\0" in "".join(argv):
        return f"{name!r} could not be started: an argument holds a NUL"
    place = _find(name, path, filesystem) if contained else _place(name, path, filesystem.tree)
    if not name or not os.access(place, os.F_OK) or not place.is_file():
        return f"{name!r} could not be started: there is no such program"
    return "" if os.access(place, os.X_OK) else f"{name!r} could not be started: it is not executable"


def _place(name: str, path: str, folder: Path) -> Path:
    """Where a program lies for whoever works in a folder; `.` when there is none."""
    return folder / name if "/" in name else Path(shutil.which(name, path=path) or "")


def _find(name: str, path: str, filesystem: Filesystem) -> Path:
    """The program's path on disk, for whoever works in a sandbox."""
    if "/" in name:
        return filesystem.on_disk(filesystem.folder / name)
    entries = (str(filesystem.on_disk(filesystem.folder / entry)) for entry in path.split(os.pathsep))
    return _place(name, os.pathsep.join(entries), filesystem.folder)
