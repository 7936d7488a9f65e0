"""Disk usage: how much a process has written in its filesystem, under whatever name."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from factory.execution.cell.filesystem import Filesystem
from factory.model.errors import FactoryError

BLOCK = 512
_LEAST = 1024  # what an empty file takes, too: many of them are much


class TooDeep(FactoryError):
    """There is a path that is longer than any that the system takes, and below it nothing can be measured."""


def written(filesystem: Filesystem, since: float) -> Iterator[int]:
    """The sizes on disk of all files in a filesystem that were changed since; nobody can set back that time.

    Raises TooDeep.
    """
    ahead = [filesystem.tree, filesystem.scratch, *filesystem.writable]
    while ahead:
        try:
            with _listed(ahead.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(Path(entry.path))
                        continue
                    with suppress(FileNotFoundError):  # gone meanwhile; the others are not
                        seen = entry.stat(follow_symlinks=False)
                        yield max(seen.st_blocks * BLOCK, _LEAST) if seen.st_ctime >= since else 0
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise TooDeep("it made folders too deep for what is written there to be measured") from None
            # else gone meanwhile


def _listed(folder: Path) -> "os._ScandirIterator[str]":
    """A folder's entries; one that a worker closed to itself, and could go on filling, is opened."""
    try:
        return os.scandir(folder)
    except PermissionError:
        # By itself, and not by its name, which may lead elsewhere at the next moment.
        itself = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            Path(f"/proc/self/fd/{itself}").chmod(0o700)
        finally:
            os.close(itself)
        return os.scandir(folder)
