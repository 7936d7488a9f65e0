"""Cells as git worktrees: made once, lent again and again, brought back to a commit's exact files in between.

What a worker may have touched, git meets without settings, filters and drivers, and under the guard that it is given.
"""

import os
import shutil
import threading
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from factory.store import files
from factory.store.repository.git import Git, Guard, GuardedGit
from factory.store.repository.neutral import neutral
from factory.store.repository.objects import EMPTY_TREE, REPOSITORY
from factory.store.repository.quarantine import Quarantine

# git looks whether a worktree's name is free and then takes it; two at a time could take the same.
_ADDING = threading.Lock()
# A thousand folders in one another cost git minutes, and a pipe in the place of a file for ever; whoever made them does
# not get to hold anybody up.
_CHECKOUT_S = 600.0
_CLEANING_S = 20.0
_TAKING_S = 300.0
_ASKING_S = 20.0
# A submodule's entry follows the head of what lies there; nothing is run to see whether something changed inside.
_TAKE = '"$0" update-index --add --remove --replace -z --stdin && "$0" add -A -- "$@" && exec "$0" write-tree'
# It ends with 1 where none of them is ignored.
_IGNORED = '"$0" check-ignore -z --stdin || [ $? = 1 ]'
_MODE = int(REPOSITORY, 8).to_bytes(4)  # as it stands in an index (gitformat-index)
_ON_BRANCH = "ref: refs/heads/"
# What tools leave wherever they run, and nobody means to change.
_CACHES = frozenset({".git", "__pycache__", "node_modules", ".venv", ".cache", ".tox", ".gradle", ".hypothesis"})
_CACHES |= {".pytest_cache", ".mypy_cache", ".ruff_cache"}
_SETTINGS = (
    ("core.fsync", "none"),  # what is kept is written again
    ("core.bigFileThreshold", "16m"),  # what is larger is not held in memory
)


class Worktree:
    """One linked worktree, and git's folder for it, which no worker gets to choose."""

    def __init__(self, git: Git, common_dir: Path, place: Path) -> None:
        self._git = git
        self._common = common_dir
        self.place = place
        self.path = place / place.name
        self._admin = common_dir / "worktrees" / place.name
        self._index = place / "index"  # as it was checked out
        self._excludes = place / "excludes"
        self._taken = place / "taken"
        self._links: tuple[str, ...] = ()

    def add(self, commit: str) -> None:
        """Make the worktree, still empty."""
        self.place.mkdir(parents=True, exist_ok=True)
        with _ADDING:
            self._git.run("worktree", "add", "-q", "-f", "--detach", "--no-checkout", str(self.path), commit)
        self._excludes.write_bytes(_excluded(self._git, self._common))

    def checkout(self, guard: Guard, commit: str, branch: str = "") -> None:
        """Make it hold exactly a commit's files, on a branch that is there already or on none."""
        dot_git = self.path / ".git"
        if dot_git.is_dir() and not dot_git.is_symlink():
            files.remove_tree(dot_git)
        files.write(dot_git, os.fsencode(f"gitdir: {self._admin}\n"))
        self._fetch_missing(commit)
        self._own(guard).run("read-tree", "--reset", "-u", commit, patience=_CHECKOUT_S)
        files.write(self._admin / "HEAD", f"{_ON_BRANCH}{branch}\n".encode() if branch else f"{commit}\n".encode())
        # A person's gc reads the index of every worktree, and must not meet half of one.
        beside = self._admin / "factory-index"
        shutil.copy2(self._index, beside)
        beside.replace(self._admin / "index")
        self._links = self._submodules()

    def _fetch_missing(self, commit: str) -> None:
        """In a clone that holds only a part of its objects, get those of a commit: under guard nothing is fetched."""
        if any((self._common / "objects/pack").glob("*.promisor")):
            self._git.run("diff-tree", "-r", "--numstat", "--no-ext-diff", "--no-textconv", EMPTY_TREE, commit)

    def clean(self, guard: Guard) -> bool:
        """Remove every file that git does not track here; False when something stays in the place of a submodule.

        Raises GitError also when that would take very long.
        """
        self._own(guard).run("clean", "-ffdxq", patience=_CLEANING_S)
        return all(_is_empty(self.path, link) for link in self._links)

    def take(self, guard: Guard) -> Quarantine:
        """What lies here now, whatever a worker did to the index, the head or the `.git` file. Raises GitError."""
        files.remove_tree(self._taken)
        store, index = self._taken / "objects", self._taken / "index"
        store.mkdir(parents=True)
        shutil.copy2(self._index, index)
        left_out = [f":(exclude,top,literal){link}" for link in self._links]
        links = b"".join(os.fsencode(link) + b"\0" for link in self._links)
        apart = neutral(self._common, self._git.system, store)
        git = self._here(apart, index, guard, self._taken)
        tree = git.script(_TAKE, ".", *left_out, stdin=links, patience=_TAKING_S).decode().strip()
        return Quarantine(apart, self._common, self._taken, tree)

    def counts(self, guard: Guard, paths: Sequence[str]) -> bool:
        """Whether git ignores not all of these paths here. Raises GitError."""
        git = self._here(neutral(self._common, self._git.system), self._index, guard)
        asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
        ignored = git.script(_IGNORED, stdin=asked, patience=_ASKING_S)
        return bool({os.fsencode(path) for path in paths}.difference(ignored.split(b"\0")))

    @property
    def branch(self) -> str:
        """The branch that it was checked out on last; empty where that was none."""
        head = files.read_regular(self._admin / "HEAD") or b""
        return os.fsdecode(head.strip()).removeprefix(_ON_BRANCH) if head.startswith(_ON_BRANCH.encode()) else ""

    @property
    def since(self) -> int:
        """When it was checked out last, in nanoseconds since 1970; 0 where it is not there."""
        try:
            return self._index.stat().st_mtime_ns
        except OSError:
            return 0

    def is_untouched(self, most: int) -> bool:
        """Whether nobody has written, made or removed a file here since then; caches of tools do not count.

        False also where there are more than so many files. Nothing is opened: whoever works here may lay any trap.
        """
        since, folders, left = self.since, [self.path], most
        while folders and since:
            folder = folders.pop()
            with os.scandir(folder) as listing:
                entries = list(islice(listing, left + 1))
            left -= len(entries)
            explained = any(_is_newer(entry, since) for entry in entries if entry.name in _CACHES)
            if left < 0 or (not explained and os.lstat(folder).st_mtime_ns > since):
                return False
            for entry in (each for each in entries if each.name not in _CACHES):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif _is_newer(entry, since):
                    return False
        return since > 0

    def _submodules(self) -> tuple[str, ...]:
        """The paths of what was checked out at which another repository is to stand."""
        if _MODE not in self._index.read_bytes():
            return ()
        env = {**neutral(self._common, self._git.system).env, "GIT_INDEX_FILE": str(self._index)}
        listed = Git(self.place, self._git.system, env).run("ls-files", "--stage", "-z").split(b"\0")
        ours = (line.partition(b"\t")[2] for line in listed if line.startswith(REPOSITORY.encode()))
        return tuple(os.fsdecode(path) for path in ours)

    def _own(self, guard: Guard) -> GuardedGit:
        return self._here(neutral(self._common, self._git.system), self._index, guard, self.place)

    def _here(self, git: Git, index: Path, guard: Guard, *places: Path) -> GuardedGit:
        """Git for the files here, with the repository's objects and the user's list of what to ignore, and no more."""
        env = {**git.env, "GIT_WORK_TREE": str(self.path), "GIT_INDEX_FILE": str(index)}
        settings = (("core.excludesFile", str(self._excludes)), *_SETTINGS)
        return GuardedGit(Git(self.path, git.system, env), settings, guard, *places)

    def remove(self) -> None:
        """Take it away, with all that git knows of it."""
        files.remove_tree(self.place)
        files.remove_tree(self._admin)


def _is_newer(entry: "os.DirEntry[str]", since: int) -> bool:
    """Whether something was written, made or moved after a time; nobody can set this back."""
    return entry.stat(follow_symlinks=False).st_ctime_ns > since


def _excluded(git: Git, common_dir: Path) -> bytes:
    """The patterns by which the user ignores files without committing them."""
    configured = git.text("config", "--type=path", "--default=", "--get", "core.excludesFile")
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git/ignore"
    places = (git.folder / configured if configured else own, common_dir / "info/exclude")
    return b"".join((files.read_regular(place) or b"") + b"\n" for place in places)


def _is_empty(root: Path, link: str) -> bool:
    """Whether the folder of a submodule is as a checkout makes it."""
    place = root
    for part in link.split("/"):
        place /= part
        if place.is_symlink() or not place.is_dir():
            return False
    return not any(place.iterdir())
