"""Sessions: what an agent needs to go on in the conversation of an item's last run; of this clone alone."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from factory.model.agent import Session
from factory.model.base import Format
from factory.model.errors import TooLarge
from factory.model.result import Usage
from factory.store import files
from factory.store.state import SESSIONS

_MOST_BYTES = 50_000_000  # of one session; a larger one is not gone on with
_MOST_FILES = 2000
_MOST_SESSIONS = 200  # the oldest go first
_CACHES = frozenset({".cache", ".npm", "node_modules"})  # folders that nobody needs to go on
_RECORD, _HOME = "session.json", "home"


class KeptSession(Format):
    """A conversation that can be gone on with, and by whom."""

    session: Session
    agent: str  # the entry in WORKFLOW.md
    kind: str
    folder: str  # where it was worked in: elsewhere it would not be found, or work there
    used: Usage = Usage()  # in all, where the agent counts on


class Sessions:
    """Keeps one session for each item, in a folder that nobody else may read; no cell shows it."""

    def __init__(self, state: Path) -> None:
        self._folder = state / SESSIONS

    def of(self, item_id: str) -> KeptSession | None:
        """What is kept of an item; None when nothing is that can be read."""
        data = files.read_regular(self._folder / item_id / _RECORD)
        try:
            return KeptSession.model_validate_json(data) if data is not None else None
        except ValidationError:
            return None

    def lay(self, item_id: str, home: Path) -> bool:
        """Lay the files of an item's session into a home that is empty; False when that cannot be done."""
        try:
            shutil.copytree(self._folder / item_id / _HOME, home, dirs_exist_ok=True)
        except OSError:
            return False
        return True

    def keep(self, item_id: str, kept: KeptSession, home: Path, names: Iterable[str]) -> None:
        """Keep plain files of a home, and what lies in folders of it, in place of what was kept of the item.

        No link is followed, and no cache is kept. Where there is too much, or the disk refuses it, nothing is kept.
        """
        place = self._folder / item_id
        files.remove_tree(place)
        with suppress(OSError, TooLarge):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            left, count = _MOST_BYTES, 0
            for name in _plain(home, names):
                count += 1
                data = files.read_inside(home, name, left) if count <= _MOST_FILES else None
                if data is None:
                    files.remove_tree(place)
                    return
                left -= len(data)
                files.write(place / _HOME / name, data)
            if count:
                files.write(place / _RECORD, kept.model_dump_json().encode())
            self._forget_old_ones()

    def _forget_old_ones(self) -> None:
        places = sorted(self._folder.iterdir(), key=lambda place: place.stat().st_mtime, reverse=True)
        for place in places[_MOST_SESSIONS:]:
            files.remove_tree(place)


def _plain(home: Path, names: Iterable[str]) -> Iterator[str]:
    """The plain files at these names and below, by their paths below the home."""
    for name in names:
        place = PurePosixPath(name)
        parent = files.real_folder(home, str(place.parent))
        if parent is None or (parent / place.name).is_symlink():
            continue
        if (parent / place.name).is_file():
            yield name
        for folder, below, found in os.walk(parent / place.name):
            below[:] = [each for each in below if each not in _CACHES]
            yield from (str((Path(folder) / each).relative_to(home)) for each in found)
