"""The workcell: the bounded place where one run happens, lent from a small pool and returned clean."""

import hashlib
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from factory.model.errors import FactoryError
from factory.model.failure import Failure, FailureClass
from factory.store import files
from factory.store.repository.git import GitError
from factory.store.repository.quarantine import Quarantine
from factory.store.repository.repository import CELL_PREFIX, Repository
from factory.store.repository.trees import OWN_FOLDERS
from factory.store.repository.worktrees import Worktree
from factory.work import process
from factory.work.family import end_strays
from factory.work.room import GitView, Mounted, Room
from factory.work.sandbox import Sandbox
from factory.work.setup_store import SetupStore
from factory.work.shares import environments

_NO_CHECKOUT = Path("/run/checkout")  # where the worktree is seen when nobody has a checkout


def cells_root(common_dir: Path, configured: str | None) -> Path:
    """The folder that holds this repository's cells: one of its own below the configured or the cache folder."""
    if configured:
        root = Path(os.path.expandvars(configured)).expanduser()
        root = root if root.is_absolute() else common_dir.parent / root
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "factory"
    owner = hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:12]
    return root / f"{common_dir.parent.name}-{owner}"


class CellNotReady(FactoryError):
    """A hook or a setup went wrong without which there is no run."""

    def __init__(self, message: str, log: bytearray, kind: FailureClass = FailureClass.CRASH) -> None:
        super().__init__(message)
        self.log = log  # a cell's own: it grows until the cell has been given back
        self.failure = Failure(kind, message)


@dataclass(frozen=True)
class _Surroundings:
    """What lies around the cells of a repository."""

    git: Path  # its own folder
    state: Path  # the factory's own notes in there
    checkouts: tuple[Path, ...]  # where people work; the one that the factory was called in comes first
    hidden: tuple[Path, ...]


class Cell:
    """A worktree, and beside it the run's own home, temporary folder and out folder."""

    def __init__(self, worktree: Worktree, around: _Surroundings, boundary: Sandbox) -> None:
        self.worktree = worktree
        self.boundary = boundary  # also for git, when it meets what somebody left here
        self.place = worktree.place
        self.tree = worktree.path
        self.out = self.place / "out"
        self.log = bytearray()  # what its hooks printed since it was lent, and how they ended
        self.home, self._scratch, self._given = (self.place / name for name in ("home", "tmp", "given"))
        self._git, self._dot_git = (self.place / name for name in ("repository", "dot-git"))
        self._copies: tuple[str, ...] = ()  # of folders in the worktree that git does not hold
        self.room = self._room(around)

    def _room(self, around: _Surroundings) -> Room:
        return Room(
            tree=self.tree,
            writable=(self.home, self.out),
            scratch=self._scratch,
            given=self._given,
            git=GitView(around.git, self._git, self._dot_git, around.state),
            hidden=around.hidden,
            stand_ins=around.checkouts,
        )

    def begin(self, around: _Surroundings, mounted: tuple[Mounted, ...]) -> None:
        """Make ready for whoever gets the cell next, among what lies around it now."""
        self.room = replace(self._room(around), mounted=mounted)
        self._copies = ()
        files.write(self._dot_git, f"gitdir: {self._git / 'worktrees' / self.place.name}\n".encode())
        self.fresh_folders()

    def take(self) -> Quarantine:
        """What lies in the worktree now, to be judged; the copies are put aside meanwhile. Raises GitError."""
        aside: list[tuple[Path, Path]] = []
        for number, name in enumerate(self._copies):
            place = self.tree / name
            if files.real_folder(self.tree, str(PurePath(name).parent)) and os.path.lexists(place):
                aside.append((place, self.place / f"copy-{number}"))
                place.rename(aside[-1][1])
        try:
            return self.worktree.take(self.boundary.guard)
        finally:
            for place, kept in aside:
                kept.rename(place)

    def checkout(self, commit: str, branch: str) -> None:
        """Make the worktree hold exactly a commit's files."""
        self.worktree.checkout(self.boundary.guard, commit, branch)

    def clean(self) -> bool:
        """Remove what git does not know; False when something is left that the next one would meet."""
        return self.worktree.clean(self.boundary.guard) and not _holds_what_git_overlooks(self.tree)

    def fresh_folders(self) -> None:
        """Empty every folder beside the worktree, and begin the log of the hooks anew."""
        self.log = bytearray()  # another one: whoever had the cell before may still hold theirs
        for folder in (self.home, self._scratch, self.out, self._given):
            files.remove_tree(folder)
            folder.mkdir(parents=True)

    def mount(self, folders: Iterable[Mounted]) -> None:
        """Let folders of this machine be read in the cell, each in place of what was to be seen there."""
        new = {folder.at: folder for folder in (*self.room.mounted, *folders)}
        self.room = replace(self.room, mounted=tuple(new.values()))

    def lay_copies(self, folders: Mapping[str, Path]) -> None:
        """Lay copies of folders into the worktree, which are no part of what is worked on."""
        for name, source in folders.items():
            if files.make_folders(self.tree, PurePath(name).parent):
                files.copy_tree(source, self.tree / name)
        covered = {place / name for name in folders for place in self.room.stand_ins}
        mounted = tuple(each for each in self.room.mounted if each.at not in covered)
        self.room = replace(self.room, mounted=mounted)
        self._copies = tuple(folders)

    def environment(self, allowed: tuple[str, ...] = ()) -> dict[str, str]:
        """What a process in this cell gets of the parent's environment, with a home and a TMPDIR of its own."""
        env = process.scrubbed_environment(allowed)
        return env | {"HOME": str(self.home), "TMPDIR": str(self._scratch)}

    def give(self, name: str, data: bytes) -> str:
        """Lay a file where the worker can read it; its path."""
        path = self._given / name
        path.write_bytes(data)
        return str(path)


class Cells:
    """Lends cells. Every cell is recorded before it is made, and only what was recorded is ever removed."""

    def __init__(self, repository: Repository, root: Path) -> None:
        self.repository = repository
        self.root = root
        self._records = repository.state / "cells"
        self.setups = SetupStore(root, repository.state)
        self._free: list[Cell] = []
        self._came_back = threading.Condition()
        self._cost = 0.0  # seconds that making the last cell took
        self._making = threading.Semaphore(os.cpu_count() or 1)

    @contextmanager
    def lend(self, commit: str, boundary: Sandbox, branch: str = "") -> Iterator[Cell]:
        """A cell that holds exactly the files of a commit. One that cannot be cleaned is thrown away."""
        with self._making:
            cell = self._take()
            if cell is None or not self._made_ready(cell, commit, boundary, branch):
                cell = self._make(commit, boundary, branch)
        try:
            yield cell
        finally:
            self._return(cell)

    def _take(self) -> Cell | None:
        """A free cell; one that comes back within the time it would take to make another is as good as one."""
        with self._came_back:
            self._came_back.wait_for(lambda: bool(self._free), timeout=self._cost)
            return self._free.pop() if self._free else None

    def _made_ready(self, cell: Cell, commit: str, boundary: Sandbox, branch: str) -> bool:
        """Bring a used cell to a commit; False, and it is gone, when what an earlier run left does not allow it."""
        cell.boundary = boundary
        try:
            cell.checkout(commit, branch)
            self._begin(cell, commit)
        except (GitError, OSError):
            self._remove(cell.worktree)
            return False
        return True

    def _make(self, commit: str, boundary: Sandbox, branch: str) -> Cell:
        began = time.monotonic()
        cell = self._new(boundary)
        try:
            cell.worktree.add(commit)
            cell.checkout(commit, branch)
            self._begin(cell, commit)
        except (GitError, OSError):
            self._remove(cell.worktree)
            raise
        self._cost = time.monotonic() - began
        return cell

    def _begin(self, cell: Cell, commit: str) -> None:
        around, objects = self._surroundings(), self.repository.objects
        tree = objects.commit(commit).tree
        seen = (
            each
            for root in around.checkouts
            for each in environments(root)
            if objects.find(tree, str(each.at.relative_to(root))) is None
        )
        cell.begin(around, tuple(seen))

    def _new(self, boundary: Sandbox) -> Cell:
        name = CELL_PREFIX + secrets.token_hex(4)
        files.write(self._records / name, os.fsencode(self.root / name))
        return self._cell(self.root / name, boundary)

    def _cell(self, place: Path, boundary: Sandbox) -> Cell:
        repository = self.repository
        return Cell(Worktree(repository.git, repository.common_dir, place), self._surroundings(), boundary)

    def _surroundings(self) -> _Surroundings:
        """No checkout, queue nor other cell can be seen from a cell, and git's own folder only be read."""
        repository = self.repository
        roots = [repository.root, *(view.root.resolve() for view in repository.views())]
        checkouts = _outermost(root for root in roots if root != repository.common_dir) or (_NO_CHECKOUT,)
        queues = [root / folder for root in roots for folder in sorted(OWN_FOLDERS)]
        elsewhere = [
            place for place in (*queues, repository.state) if not any(place.is_relative_to(root) for root in checkouts)
        ]
        return _Surroundings(repository.common_dir, repository.state, checkouts, (*elsewhere, self.root))

    def _return(self, cell: Cell) -> None:
        try:
            clean = cell.clean()
        except (GitError, OSError):
            clean = False
        if not clean:
            self._remove(cell.worktree)
            return
        with self._came_back:
            self._free.append(cell)
            self._came_back.notify()

    def _remove(self, worktree: Worktree) -> None:
        worktree.remove()
        if not worktree.place.exists():  # else the record stays, so that a later pass tries again
            (self._records / worktree.place.name).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Remove every recorded cell and end every process in it, also those that a crashed orchestrator left."""
        self._free.clear()
        self.setups.tidy()
        if not self._records.is_dir():
            return
        for record in sorted(self._records.glob(f"{CELL_PREFIX}*")):
            place = Path(os.fsdecode(record.read_bytes()))
            if place.parent.name != self.root.name:  # of the clone that this one is a copy of, and at work there
                files.remove_tree(self.repository.common_dir / "worktrees" / place.name)
                record.unlink()
                continue
            end_strays(str(place))
            self._remove(Worktree(self.repository.git, self.repository.common_dir, place))
        if self.root.is_dir() and not any(self.root.iterdir()):
            self.root.rmdir()


def _outermost(roots: Iterable[Path]) -> tuple[Path, ...]:
    """Folders that can be stood in for; those within another one stay only if the factory was called there."""
    found = list(dict.fromkeys(root for root in roots if root != Path(root.anchor) and root.is_dir()))
    return tuple(root for root in found if root == found[0] or not any(other in root.parents for other in found))


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
