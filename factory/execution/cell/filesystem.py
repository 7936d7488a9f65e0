"""The filesystem: the places that a process in a cell has to do with, and where on disk lies what it sees."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class GitView:
    """How a process sees the repository's git: its folder at another path, and a `.git` file that leads there."""

    folder: Path  # git's own folder on disk
    at: Path  # where it is seen
    dot_git: Path  # the file that stands for `.git`
    hidden: Path  # what of it is seen as empty, as it lies on disk


@dataclass(frozen=True)
class Mounted:
    """A folder of this machine that is seen at another place."""

    source: Path
    at: Path
    writable: bool = False


@dataclass(frozen=True)
class Filesystem:
    """The places a process in a cell has to do with."""

    tree: Path  # the worktree, writable
    writable: tuple[Path, ...]  # home, out and the like
    scratch: Path  # stands for /tmp
    given: Path  # readable, though it lies in what is hidden
    git: GitView | None  # None: nothing of it is seen
    hidden: tuple[Path, ...] = ()  # folders to be seen as empty
    checkouts: tuple[Path, ...] = ()  # a person's checkouts: where they are, the worktree is seen
    mounted: tuple[Mounted, ...] = ()
    at: Path | None = None  # where it works, if that is no worktree: a folder that is kept
    in_checkout: bool = False  # whether it works where the checkout is, and not in the worktree's own place
    read_only: bool = False  # whether the worktree can only be read, too
    frozen: tuple[Path, ...] = ()  # files and folders of the worktree that can only be read

    @property
    def folder(self) -> Path:
        """Where a process in a sandbox works."""
        if self.at is not None:
            return self.at
        return self.checkouts[0] if self.in_checkout and self.checkouts else self.tree

    @property
    def folder_on_disk(self) -> Path:
        """Where a process works without a sandbox."""
        return self.at or self.tree

    def on_disk(self, path: Path) -> Path:
        """Where that lies which a process in a sandbox sees at a path."""
        for mounted in self.mounted:
            if path.is_relative_to(mounted.at):
                return mounted.source / path.relative_to(mounted.at)
        for place in self.checkouts:
            if path.is_relative_to(place):
                return self.tree / path.relative_to(place)
        return path


def lies_in(place: Path, folder: Path) -> bool:
    """Whether a place lies somewhere below a folder, by their names alone. Asked for too often for `parents`."""
    return str(place).startswith(f"{folder}/")
