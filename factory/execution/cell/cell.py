"""The cell: a worktree, and beside it a run's own home, temporary folder and out folder."""

import os
import stat
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from types import MappingProxyType

from factory.execution.cell.filesystem import Filesystem, GitView, Mounted
from factory.execution.cell.leaks import Checkouts, leads_out
from factory.execution.cell.sandbox import Kind, Sandbox
from factory.execution.control import Signal
from factory.execution.processes import process
from factory.model.errors import FactoryError
from factory.model.failure import Failure, FailureClass
from factory.model.skill import SkillFile
from factory.store import files
from factory.store.repository.quarantine import Quarantine
from factory.store.repository.worktrees import Worktree

_NO_KEYS: Mapping[str, str] = MappingProxyType({})


class CellNotReady(FactoryError):
    """A hook or a setup went wrong without which there is no run."""

    def __init__(self, message: str, log: bytearray, kind: FailureClass = FailureClass.CRASH) -> None:
        super().__init__(message)
        self.log = log  # a cell's own: it grows until the cell has been given back
        self.failure = Failure(kind, message)


@dataclass(frozen=True)
class Surroundings:
    """What lies around the cells of a repository."""

    git: Path  # its own folder
    state: Path  # the factory's own notes in there
    checkouts: tuple[Path, ...]  # where people work; the one that the factory was called in comes first
    hidden: tuple[Path, ...]


class Cell:
    """Lent to one run at a time; whoever gets it next meets nothing of what was there before."""

    def __init__(self, worktree: Worktree, around: Surroundings, boundary: Sandbox) -> None:
        self.worktree = worktree
        self.boundary = boundary  # also for git, when it meets what somebody left here
        self.place = worktree.place
        self.tree = worktree.path
        self.out = self.place / "out"
        self.last_call: Signal = threading.Event()  # set when even the hooks that clean up have to end
        self.log = bytearray()  # what its hooks printed since it was lent, and how they ended
        self.home, self._scratch, self._given = (self.place / name for name in ("home", "tmp", "given"))
        self._git, self._dot_git = (self.place / name for name in ("repository", "dot-git"))
        self._copies: tuple[str, ...] = ()  # of folders in the worktree that git does not hold
        self._checkouts = Checkouts(around.checkouts, lambda _: True)
        self.filesystem = self._filesystem(around)

    def _filesystem(self, around: Surroundings) -> Filesystem:
        return Filesystem(
            tree=self.tree,
            writable=(self.home, self.out),
            scratch=self._scratch,
            given=self._given,
            git=GitView(around.git, self._git, self._dot_git, around.state),
            hidden=around.hidden,
            checkouts=around.checkouts,
        )

    def begin(self, around: Surroundings, mounted: tuple[Mounted, ...], tracks: Callable[[str], bool]) -> None:
        """Make ready for whoever gets the cell next, among what lies around it now.

        `tracks` says whether its commit has something at a path.
        """
        self.filesystem = replace(self._filesystem(around), mounted=mounted)
        self._checkouts = Checkouts(around.checkouts, tracks)
        self._copies = ()
        files.write(self._dot_git, os.fsencode(f"gitdir: {self._git / 'worktrees' / self.place.name}\n"))
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
        return self.worktree.clean(self.boundary.guard) and not _has_what_git_overlooks(self.tree)

    def fresh_folders(self) -> None:
        """Empty every folder beside the worktree, and begin the log of the hooks anew."""
        self.log = bytearray()  # another one: whoever had the cell before may still hold theirs
        for folder in (self.home, self._scratch, self.out, self._given):
            files.remove_tree(folder)
            folder.mkdir(parents=True)

    def mount(self, folders: Iterable[Mounted]) -> None:
        """Let folders of this machine be read in the cell, each in place of what was to be seen there."""
        new = {folder.at: folder for folder in (*self.filesystem.mounted, *folders)}
        self.filesystem = replace(self.filesystem, mounted=tuple(new.values()))

    def lay_copies(self, folders: Mapping[str, Path]) -> None:
        """Lay copies of folders into the worktree, which are no part of what is worked on, and can be written."""
        for name, source in folders.items():
            if files.make_folders(self.tree, PurePath(name).parent):
                files.copy_tree(source, self.tree / name)
        places = (self.tree, *self.filesystem.checkouts)
        self.mount(Mounted(self.tree / name, place / name, writable=True) for name in folders for place in places)
        self._copies = tuple(folders)

    def environment(self, allowed: tuple[str, ...] = (), keys: Mapping[str, str] = _NO_KEYS) -> dict[str, str]:
        """What a process in this cell gets of the parent's environment, with a home and a TMPDIR of its own.

        `keys` are by the names that the process sees, each with the name of the variable here that has its value.
        """
        env = process.scrubbed_environment(allowed)
        env |= {name: os.environ[here] for name, here in keys.items() if here in os.environ}
        return env | {"HOME": str(self.home), "TMPDIR": str(self._scratch)}

    def leads_out(self, argv: Sequence[str], env: Mapping[str, str]) -> str:
        """What of a command leads to a person's own files instead of these; nothing does within bubblewrap."""
        if self.boundary.kind is Kind.BUBBLEWRAP:
            return ""
        return leads_out(argv, env, self.tree, self._checkouts)

    def give(self, name: str, data: bytes) -> str:
        """Lay a file where the worker can read it, in place of one that it may just be reading; its path."""
        path = self._given / name
        files.write(path, data)
        return str(path)

    def counts(self, paths: Iterable[str]) -> bool:
        """Whether any of these paths in the worktree would be taken: what git ignores and the copies are not.

        Raises GitError.
        """
        taken = [
            path for path in paths if not any(path == copy or path.startswith(f"{copy}/") for copy in self._copies)
        ]
        return bool(taken) and self.worktree.counts(self.boundary.guard, taken)

    def give_folders(self, name: str, folders: Mapping[str, Iterable[SkillFile]]) -> tuple[Path, ...]:
        """Lay folders of files where the worker can read them, below one of this name; their paths."""
        for folder, held in folders.items():
            for file in held:
                path = self._given / name / folder / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.data)
                path.chmod(0o755 if file.executable else 0o644)
        return tuple(self._given / name / folder for folder in folders)

    def at_home(self, folders: Iterable[Path], place: str) -> tuple[Mounted, ...]:
        """How folders come to be seen below one of its home; copied already where nothing can be mounted."""
        if self.boundary.kind is Kind.BUBBLEWRAP:
            return tuple(Mounted(folder, self.home / place / folder.name) for folder in folders)
        for folder in folders:
            if files.make_folders(self.home, PurePath(place)):
                files.copy_tree(folder, self.home / place / folder.name)
        return ()


def _has_what_git_overlooks(folder: Path) -> bool:
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
