"""The workcell: the bounded place where one run happens, lent from a small pool and returned clean."""

import hashlib
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.store import files
from factory.store.repository.git import GitError
from factory.store.repository.repository import CELL_PREFIX, Repository
from factory.store.repository.trees import OWN_FOLDERS
from factory.store.repository.worktrees import Worktree
from factory.work import process
from factory.work.family import end_strays
from factory.work.sandbox import Room


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

    def __init__(self, worktree: Worktree, hidden: tuple[Path, ...], git: Path) -> None:
        self.worktree = worktree
        self.place = worktree.place
        self.tree = worktree.path
        self.out = self.place / "out"
        self.log = bytearray()  # what its hooks printed since it was lent, and how they ended
        self._home, self._scratch, self._given = (self.place / name for name in ("home", "tmp", "given"))
        self.room = Room(
            tree=self.tree,
            writable=(self._home, self.out),
            scratch=self._scratch,
            given=self._given,
            hidden=hidden,
            git=git,
        )

    def fresh_folders(self) -> None:
        """Empty every folder beside the worktree, and begin the log of the hooks anew."""
        self.log = bytearray()  # another one: whoever had the cell before may still hold theirs
        for folder in (self._home, self._scratch, self.out, self._given):
            files.remove_tree(folder)
            folder.mkdir(parents=True)

    def environment(self, allowed: tuple[str, ...] = ()) -> dict[str, str]:
        """What a process in this cell gets of the parent's environment, with a home and a TMPDIR of its own."""
        env = process.scrubbed_environment(allowed)
        return env | {"HOME": str(self._home), "TMPDIR": str(self._scratch)}

    def give(self, name: str, data: bytes) -> str:
        """Lay a file where the worker can read it; its path."""
        path = self._given / name
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
            cell = self._take()
            if cell is None or not self._made_ready(cell, commit, branch):
                cell = self._make(commit, branch)
        try:
            yield cell
        finally:
            self._return(cell)

    def _take(self) -> Cell | None:
        """A free cell; one that comes back within the time it would take to make another is as good as one."""
        with self._came_back:
            self._came_back.wait_for(lambda: bool(self._free), timeout=self._cost)
            return self._free.pop() if self._free else None

    def _made_ready(self, cell: Cell, commit: str, branch: str) -> bool:
        """Bring a used cell to a commit; False, and it is gone, when what an earlier run left does not allow it."""
        try:
            cell.worktree.checkout(commit, branch)
            cell.fresh_folders()
        except (GitError, OSError):
            self._remove(cell)
            return False
        return True

    def _make(self, commit: str, branch: str) -> Cell:
        began = time.monotonic()
        cell = self._new()
        try:
            cell.worktree.add(commit)
            cell.worktree.checkout(commit, branch)
            cell.fresh_folders()
        except (GitError, OSError):
            self._remove(cell)
            raise
        self._cost = time.monotonic() - began
        return cell

    def _new(self) -> Cell:
        name = CELL_PREFIX + secrets.token_hex(4)
        files.write(self._records / name, os.fsencode(self.root / name))
        return self._cell(self.root / name)

    def _cell(self, place: Path) -> Cell:
        """A cell from which neither the queue nor another cell can be seen, and git's own folder only be read."""
        common = self._repository.common_dir
        queues = [view.root / folder for view in self._repository.views() for folder in sorted(OWN_FOLDERS)]
        hidden = (*queues, self._repository.state, self.root)
        return Cell(Worktree(self._repository.git, common, place), hidden, common)

    def _return(self, cell: Cell) -> None:
        try:
            cell.worktree.clean()
            clean = not _holds_what_git_overlooks(cell.tree)
        except (GitError, OSError):
            clean = False
        if not clean:
            self._remove(cell)
            return
        with self._came_back:
            self._free.append(cell)
            self._came_back.notify()

    def _remove(self, cell: Cell) -> None:
        cell.worktree.remove()
        if not cell.place.exists():  # else the record stays, so that a later pass tries again
            (self._records / cell.place.name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Remove every recorded cell and end every process in it, also those that a crashed orchestrator left."""
        self._free.clear()
        if not self._records.is_dir():
            return
        for record in sorted(self._records.glob(f"{CELL_PREFIX}*")):
            place = Path(os.fsdecode(record.read_bytes()))
            end_strays(str(place))
            self._remove(self._cell(place))
        if self.root.is_dir() and not any(self.root.iterdir()):
            self.root.rmdir()


def _holds_what_git_overlooks(folder: Path) -> bool:
    """Whether there is a pipe, a socket or a device below, or a folder that is closed to its owner.

    git sees none of these, and whoever gets the cell next would wait, or fail.
    """
    ahead = [folder]
    while ahead:
        folder = ahead.pop()
        if ~folder.stat().st_mode & stat.S_IRWXU:
            return True
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    ahead.append(Path(entry.path))
                elif not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
                    return True
    return False
