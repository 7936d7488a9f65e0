"""A repository as one command sees it: where its parts lie, from a folder and an environment."""

import os
import re
import stat
from collections.abc import Callable, Mapping
from functools import cached_property

from tests.simulation.git import files, index
from tests.simulation.git.config import Config, identity, stamp
from tests.simulation.git.index import Index
from tests.simulation.git.objects import Store
from tests.simulation.git.steps import Steps, fatal

_HEAD = re.compile(rb"ref:\s*refs/|[0-9a-f]{40}")  # git's validate_headref
_NONE = "not a git repository (or any of the parent directories): .git"


class Repo:
    """One repository, one working tree, one environment. Made anew for each command."""

    def __init__(self, cwd: str, env: Mapping[str, str], clock: Callable[[], float]) -> None:
        self.cwd = cwd
        self.env = env
        self.clock = clock
        told = env.get("GIT_DIR")
        if not os.path.isdir(cwd):
            raise FileNotFoundError(2, "No such file or directory", cwd)
        self.git_dir, found = (self._absolute(told), None) if told else _discover(cwd)
        if told and not _is_git_dir(self.git_dir, objects="GIT_OBJECT_DIRECTORY" not in env):
            raise fatal(f"not a git repository: '{told}'")
        common = files.read(f"{self.git_dir}/commondir")
        self.common_dir = self.git_dir
        if common is not None:
            self.common_dir = os.path.normpath(f"{self.git_dir}/{os.fsdecode(common).strip()}")
        self._found = found

    def _absolute(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.cwd, path))

    @cached_property
    def config(self) -> Config:
        """Every setting."""
        return Config(self.common_dir, self.env)

    @cached_property
    def bare(self) -> bool:
        """Whether there is no working tree."""
        if "GIT_WORK_TREE" in self.env:
            return False
        return self.git_dir == self.common_dir and self.config.true("core.bare", self._found is None)

    @cached_property
    def work_tree(self) -> str | None:
        """The working tree, if there is one."""
        told = self.env.get("GIT_WORK_TREE") or (None if self.bare else self.config.get("core.worktree"))
        if told:
            return os.path.realpath(os.path.join(self.cwd if "GIT_WORK_TREE" in self.env else self.git_dir, told))
        if self.bare:
            return None
        return self._found if self._found is not None else self.cwd

    @property
    def root(self) -> str:
        """The working tree. Raises Failure when there is none."""
        if self.work_tree is None:
            raise fatal("this operation must be run in a work tree")
        return self.work_tree

    @cached_property
    def prefix(self) -> str:
        """Where in the working tree the command was started: empty, or a path that ends in a slash."""
        tree = self.work_tree
        here = self.cwd if self.cwd == tree else os.path.realpath(self.cwd)
        return f"{here[len(tree) + 1 :]}/" if tree and here.startswith(f"{tree}/") else ""

    @cached_property
    def store(self) -> Store:
        """The objects."""
        own = self.env.get("GIT_OBJECT_DIRECTORY")
        folders = [self._absolute(own) if own else f"{self.common_dir}/objects"]
        others = self.env.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "")
        folders += [part.strip('"') for part in others.split(":") if part]
        listed = files.read(f"{folders[0]}/info/alternates")
        folders += os.fsdecode(listed).split() if listed else []
        return Store(folders, sync=self.config.fsyncs("loose-object"))

    @property
    def index_path(self) -> str:
        """The file of the index."""
        told = self.env.get("GIT_INDEX_FILE")
        return self._absolute(told) if told else f"{self.git_dir}/index"

    def index(self) -> Index:
        """The index as it is on disk."""
        return index.load(self.index_path)

    def ident(self, role: str) -> str:
        """Who an AUTHOR or COMMITTER is, and the time, as it stands in a commit. Raises Failure."""
        name, email = identity(self.config, self.env, role)
        seconds, zone = stamp(self.env, role, self.clock())
        return f"{name} <{email}> {seconds} {zone}"

    def path(self, name: str) -> str:
        """A file of this working tree's own git folder."""
        return f"{self.git_dir}/{name}"


def _is_git_dir(path: str, *, objects: bool = True) -> bool:
    if not os.path.islink(f"{path}/HEAD") and not _HEAD.match(files.read(f"{path}/HEAD") or b""):
        return False  # none, or one that a loss of power has emptied
    whole = os.path.isdir(f"{path}/refs") and (not objects or os.path.isdir(f"{path}/objects"))
    return whole or os.path.isfile(f"{path}/commondir")


def _discover(cwd: str) -> tuple[str, str | None]:
    """(git folder, working tree), looked for from a folder upwards. Raises Failure."""
    place = os.path.realpath(cwd)
    while True:
        dot_git = "/.git" if place == "/" else f"{place}/.git"
        seen = files.kind(dot_git)
        if seen is not None and stat.S_ISREG(seen.st_mode):
            line = os.fsdecode(files.read(dot_git) or b"")
            if not line.startswith("gitdir: "):
                raise fatal(f"invalid gitfile format: {dot_git}")
            target = os.path.normpath(os.path.join(place, line[8:].rstrip("\n")))
            if not _is_git_dir(target):
                raise fatal(f"not a git repository: {target}")
            return target, place
        if seen is not None and _is_git_dir(dot_git):
            return dot_git, place
        if _is_git_dir(place):
            return place, None
        if place == "/":
            raise fatal(_NONE)
        place = place.rpartition("/")[0] or "/"


def write_index(repo: Repo, made: Index, lock: files.Lock) -> Steps[None]:
    """Write an index into its lock and put it in its place."""
    lock.write(made.data())
    yield f"{lock.place} was written"
    lock.commit()
    made.changed = False
    yield f"{lock.path} was replaced"
