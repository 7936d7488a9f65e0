"""Shares: folders beside a checkout's own files, such as installed dependencies, that a cell sees as well."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from factory.work.room import Mounted

_MARKS = ("pyvenv.cfg", "conda-meta")  # what the root of an environment holds


def environments(checkout: Path) -> Iterator[Mounted]:
    """The environments within a checkout whose programs are called: those of PATH, and the factory's own."""
    searched = [*os.environ.get("PATH", "").split(os.pathsep), sys.prefix, sys.base_prefix]
    places = [Path(entry) for entry in searched if entry.startswith("/")]
    found = {environment_of(place, checkout) for place in places if checkout in place.parents}
    yield from (Mounted(place, place) for place in sorted(filter(None, found)))


def environment_of(place: Path, top: Path) -> Path | None:
    """The environment below `top` that a folder of programs is a part of. Any other may hold what is to be changed."""
    for folder in (place, *place.parents):
        if folder == top:
            return None
        if folder.name == "node_modules" or any((folder / mark).exists() for mark in _MARKS):
            return folder
    return None
