"""The workcell: the bounded place where one run happens, lent from a small pool and returned clean."""

import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.store import files
from factory.store.repository.git import GitError
from factory.store.repository.repository import CELL_PREFIX, Repository
from factory.store.repository.worktrees import Worktree
from factory.work import process


def cells_root(common_dir: Path, configured: str | None) -> Path:
    """The folder that holds this repository's cells: one of its own below the configured or the cache folder."""
    if configured:
        root = Path(os.path.expandvars(configured)).expanduser()
        root = root if root.is_absolute() else common_dir.parent / root
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "factory"
    owner = hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:12]
    return root / f"{common_dir.parent.name}-{owner}"


class Cell:
    """A worktree, and beside it the run's own home, temporary folder and out folder."""

    def __init__(self, worktree: Worktree) -> None:
        self.worktree = worktree
        self.place = worktree.place
        self.tree = worktree.path
        self.out = self.place / "out"

    def fresh_folders(self) -> None:
        """Empty every folder beside the worktree."""
        for name in ("home", "tmp", "out", "given"):
            shutil.rmtree(self.place / name, ignore_errors=True)
            (self.place / name).mkdir(parents=True)

    def environment(self, allowed: tuple[str, ...] = ()) -> dict[str, str]:
        """What a process in this cell gets of the parent's environment, with a home and a TMPDIR of its own."""
        env = process.scrubbed_environment(allowed)
        return env | {"HOME": str(self.place / "home"), "TMPDIR": str(self.place / "tmp")}

    def give(self, name: str, data: bytes) -> str:
        """Lay a file where the worker can read it; its path."""
        path = self.place / "given" / name
        path.write_bytes(data)
        return str(path)


class Cells:
    """Lends cells. Every cell is recorded before it is made, and only what was recorded is ever removed."""

    def __init__(self, repository: Repository, root: Path) -> None:
        self._repository = repository
        self.root = root
        self._records = repository.state / "cells"
        self._free: list[Cell] = []
        self._came_back = threading.Condition()
        self._cost = 0.0  # seconds that making the last cell took
        self._making = threading.Semaphore(os.cpu_count() or 1)

    @contextmanager
    def lend(self, commit: str, branch: str = "") -> Iterator[Cell]:
        """A cell that holds exactly the files of a commit. One that cannot be cleaned is thrown away."""
        with self._making:
            cell = self._prepare(commit, branch)
        try:
            yield cell
        finally:
            self._return(cell)

    def _take(self) -> Cell | None:
        """A free cell; one that comes back within the time it would take to make another is as good as one."""
        with self._came_back:
            self._came_back.wait_for(lambda: bool(self._free), timeout=self._cost)
            return self._free.pop() if self._free else None

    def _prepare(self, commit: str, branch: str) -> Cell:
        free = self._take()
        began = time.monotonic()
        cell = free or self._new()
        try:
            if free is None:
                cell.worktree.add(commit)
            cell.worktree.checkout(commit, branch)
            cell.fresh_folders()
        except (GitError, OSError):
            self._remove(cell)
            raise
        if free is None:
            self._cost = time.monotonic() - began
        return cell

    def _new(self) -> Cell:
        name = CELL_PREFIX + secrets.token_hex(4)
        files.write(self._records / name, os.fsencode(self.root / name))
        return self._cell(self.root / name)

    def _cell(self, place: Path) -> Cell:
        return Cell(Worktree(self._repository.git, self._repository.common_dir, place))

    def _return(self, cell: Cell) -> None:
        try:
            cell.worktree.clean()
        except (GitError, OSError):
            self._remove(cell)
            return
        with self._came_back:
            self._free.append(cell)
            self._came_back.notify()

    def _remove(self, cell: Cell) -> None:
        cell.worktree.remove()
        (self._records / cell.place.name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Remove every recorded cell and end every process in it, also those that a crashed orchestrator left."""
        self._free.clear()
        if not self._records.is_dir():
            return
        for record in sorted(self._records.glob(f"{CELL_PREFIX}*")):
            place = Path(os.fsdecode(record.read_bytes()))
            process.end_strays(str(place))
            self._remove(self._cell(place))
        if self.root.is_dir() and not any(self.root.iterdir()):
            self.root.rmdir()
