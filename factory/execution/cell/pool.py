"""The pool of cells: the bounded places where runs happen, lent one at a time and returned clean."""

import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from factory.execution.cell.cell import Cell, Surroundings
from factory.execution.cell.environments import environments
from factory.execution.cell.sandbox import Sandbox
from factory.execution.cell.setup_store import SetupStore
from factory.execution.processes.process_tree import end_strays
from factory.model.bounds import UNBOUND, Bounds
from factory.store import files
from factory.store.repository.git import GitError
from factory.store.repository.repository import CELL_PREFIX, Repository, branch_of
from factory.store.repository.trees import OWN_FOLDERS
from factory.store.repository.worktrees import Worktree
from factory.store.state import CELLS

_ODD = re.compile(r"[^A-Za-z0-9._-]")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_NAME_MOST = 60
_NO_CHECKOUT = Path("/run/checkout")  # where the worktree is seen when nobody has a checkout


def default_cells_root() -> Path:
    """The folder below which the cells of all repositories lie, each in one of its own, if nothing else is said."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "factory"


def cells_root(common_dir: Path, configured: str | None) -> Path:
    """The folder that holds this repository's cells: one of its own below the configured or the cache folder.

    A path with a variable that is not set is none.
    """
    if configured and all(os.environ.get(name, "").strip() for name in _VARIABLE.findall(configured)):
        root = Path(os.path.expandvars(configured)).expanduser()
        root = root if root.is_absolute() else common_dir.parent / root
    else:
        root = default_cells_root()
    owner = hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:12]
    plain = _ODD.sub("_", common_dir.parent.name)[:_NAME_MOST]  # workers' tools see this path
    return root / f"{plain}-{owner}"


class Cells:
    """Lends cells. Every cell is recorded before it is made, and only what was recorded is ever removed."""

    def __init__(self, repository: Repository, root: Path, bounds: Bounds = UNBOUND) -> None:
        self.repository = repository
        self.bounds = bounds  # others count for whoever gets a cell next
        self.root = root
        self._records = repository.state / CELLS
        self.setups = SetupStore(root, repository.state)
        self._free: list[Cell] = []
        self._came_back = threading.Condition()
        self._cost = 0.0  # seconds that making the last cell took
        self._lent = float("inf")  # seconds that one was lent for, the last time
        self._making = threading.Semaphore(os.cpu_count() or 1)

    @contextmanager
    def lend(self, commit: str, boundary: Sandbox, branch: str = "") -> Iterator[Cell]:
        """A cell that holds exactly the files of a commit. One that cannot be cleaned is thrown away."""
        with self._making:
            cell = self._take()
            if cell is None or not self._made_ready(cell, commit, boundary, branch):
                cell = self._make(commit, boundary, branch)
        self.repository.objects.guard()  # its head holds the commit now, which a clean-up may not have known
        began = self.repository.system.monotonic()
        try:
            yield cell
        finally:
            self._lent = self.repository.system.monotonic() - began
            self._return(cell)

    def _take(self) -> Cell | None:
        """A free cell; one that comes back within the time it would take to make another is as good as one."""
        with self._came_back:
            patience = self._cost if self._lent < self._cost else 0.0
            self.repository.system.wait_for(self._came_back, lambda: bool(self._free), patience)
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
        began = self.repository.system.monotonic()
        cell = self._new(boundary)
        try:
            cell.worktree.add(commit)
            cell.checkout(commit, branch)
            self._begin(cell, commit)
        except (GitError, OSError):
            self._remove(cell.worktree)
            raise
        self._cost = self.repository.system.monotonic() - began
        return cell

    def _begin(self, cell: Cell, commit: str) -> None:
        around, objects = self._surroundings(), self.repository.objects
        tree = objects.commit(commit).tree

        def tracks(path: str) -> bool:
            return objects.find(tree, path) is not None

        seen = (
            each
            for root in around.checkouts
            for each in environments(root)
            if not tracks(str(each.at.relative_to(root)))
        )
        cell.begin(around, tuple(seen), tracks)

    def _new(self, boundary: Sandbox) -> Cell:
        name = CELL_PREFIX + self.repository.system.token(4)
        files.write(self._records / name, os.fsencode(self.root / name))
        return self._cell(self.root / name, boundary)

    def _cell(self, place: Path, boundary: Sandbox) -> Cell:
        repository = self.repository
        return Cell(Worktree(repository.git, repository.common_dir, place), self._surroundings(), boundary)

    def checkouts(self) -> tuple[Path, ...]:
        """Where people work; the one that the factory was called in comes first."""
        return self._surroundings().checkouts

    def _surroundings(self) -> Surroundings:
        """No checkout, queue nor other cell can be seen from a cell, and git's own folder only be read."""
        repository = self.repository
        roots = [repository.root, *(view.root.resolve() for view in repository.views())]
        checkouts = _outermost(root for root in roots if root != repository.common_dir) or (_NO_CHECKOUT,)
        queues = [root / folder for root in roots for folder in sorted(OWN_FOLDERS)]
        elsewhere = [
            place for place in (*queues, repository.state) if not any(place.is_relative_to(root) for root in checkouts)
        ]
        hidden = dict.fromkeys((*elsewhere, self.root, *self.bounds.hidden))
        # What lies in something that is hidden is so with it, and could not be covered once more.
        outermost = (place for place in hidden if not any(parent in hidden for parent in place.parents))
        return Surroundings(repository.common_dir, repository.state, checkouts, tuple(outermost))

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


def worktree_of(repository: Repository, item_id: str) -> Worktree | None:
    """The worktree in which an item's run is at work, as one sees it from outside; None where this machine has none.

    A cell that waits to be lent again is still on the branch of its last run, so the newest of them counts.
    """
    records = (repository.state / CELLS).glob(f"{CELL_PREFIX}*")
    places = (Path(os.fsdecode(told)) for record in records if (told := files.read_regular(record)))
    cells = (Worktree(repository.git, repository.common_dir, place) for place in places)
    found = [cell for cell in cells if cell.branch == branch_of(item_id) and cell.since]
    return max(found, key=lambda cell: cell.since, default=None)


def _outermost(roots: Iterable[Path]) -> tuple[Path, ...]:
    """Folders that can be stood in for; those within another one stay only if the factory was called there."""
    found = list(dict.fromkeys(root for root in roots if root != Path(root.anchor) and root.is_dir()))
    return tuple(root for root in found if root == found[0] or not any(other in root.parents for other in found))
