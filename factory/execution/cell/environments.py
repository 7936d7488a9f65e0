"""Environments: folders beside a checkout's own files, such as installed dependencies, that a cell sees as well."""

import hashlib
import os
import stat
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from factory.execution.cell.filesystem import Mounted, lies_in

_MOST_LOOKED_AT = 1000  # files and folders of each: about ten milliseconds
_MARKS = ("pyvenv.cfg", "conda-meta")  # what the root of an environment holds


def environments(checkout: Path) -> Iterator[Mounted]:
    """The environments within a checkout whose programs are called: those of PATH, and the factory's own."""
    searched = [*os.environ.get("PATH", "").split(os.pathsep), sys.prefix, sys.base_prefix]
    places = [Path(entry) for entry in searched if entry.startswith("/")]
    found = {environment_of(place, checkout) for place in places if lies_in(place, checkout)}
    yield from (Mounted(place, place) for place in sorted(filter(None, found)))


def environment_of(place: Path, top: Path) -> Path | None:
    """The environment below `top` that a folder of programs is a part of. Any other may hold what is to be changed."""
    for folder in (place, *place.parents):
        if folder == top:
            return None
        if folder.name == "node_modules" or any((folder / mark).exists() for mark in _MARKS):
            return folder
    return None


def fingerprint(folders: Iterable[Path]) -> str:
    """What changes when somebody installs, removes or touches something in folders, as far as a quick look tells.

    The uppermost are looked at: that is where programs, packages and lock files lie.
    """
    found = hashlib.sha256()
    for folder in folders:
        found.update(os.fsencode(folder) + b"\0")
        for line in islice(_entries(folder), _MOST_LOOKED_AT):
            found.update(line)
    return found.hexdigest()


def _entries(top: Path) -> Iterator[bytes]:
    """A line for each entry below a folder, those near to it first."""
    ahead = deque([os.fspath(top)])
    while ahead:
        folder = ahead.popleft()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            try:
                seen = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(seen.st_mode):
                ahead.append(entry.path)
            numbers = f"{seen.st_mode} {seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"
            yield os.fsencode(entry.path) + b"\0" + numbers.encode() + b"\n"
