"""The setup store: folders that setups made, below the cells' own folder, and the home in which setups run."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from factory.store import files
from factory.store.state import SETUPS

_MOST_KEPT = 4


class SetupStore:
    """Keeps what setups made, the newest few. Everything is recorded before it is made, and only that is removed."""

    def __init__(self, root: Path, state: Path) -> None:
        self._root = root / "setups"
        self._records = state / SETUPS
        self.home = self._root / "home"
        self.one_at_a_time = threading.Lock()  # held by whoever looks for what a setup made, and makes it

    def place(self, key: str) -> Path:
        """Where lies, or will lie, what a setup made."""
        return self._root / key

    def keep(self, key: str, made: Mapping[str, Path]) -> None:
        """Take over folders that a setup made, all of them or none."""
        shared_folders = self._root / f"{key}.part"
        files.remove_tree(shared_folders)
        for name, folder in made.items():
            target = shared_folders / name
            target.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(target)
        files.write(self._records / key, os.fsencode(self.place(key)))
        shared_folders.rename(self.place(key))

    def used(self, key: str) -> Path:
        """The place of a setup, marked as in use now."""
        os.utime(self.place(key))
        return self.place(key)

    def tidy(self) -> None:
        """Remove all but the newest, while no cell is lent."""
        records = sorted(self._records.glob("*"), key=self._age, reverse=True) if self._records.is_dir() else []
        for record in records[_MOST_KEPT:]:
            files.remove_tree(Path(os.fsdecode(record.read_bytes())))
            record.unlink()

    def _age(self, record: Path) -> float:
        try:
            return self.place(record.name).stat().st_mtime
        except OSError:
            return 0.0
