"""The disk: how much a process has written in its room."""

import os
from collections.abc import Iterator
from pathlib import Path

from factory.work.room import Room

_BLOCK = 512


def written(room: Room, since: float) -> Iterator[int]:
    """The sizes on disk of all files in a room that were changed since; nobody can set back that time."""
    ahead = [room.tree, room.scratch, *room.writable]
    while ahead:
        try:
            with os.scandir(ahead.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(Path(entry.path))
                    else:
                        seen = entry.stat(follow_symlinks=False)
                        yield seen.st_blocks * _BLOCK if seen.st_ctime >= since else 0
        except OSError:
            continue  # gone meanwhile, or closed to us: then it is the worker's own, and small
