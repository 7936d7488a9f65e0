"""The object cache: what a machine keeps of a repository that lies elsewhere, so that only what is new is sent."""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from factory.model.errors import MachineError
from factory.store import files
from factory.store.repository.far import Sent
from factory.store.repository.git import Git, GitError
from factory.store.repository.objects import name_of
from factory.store.repository.repository import Repository
from factory.store.system import System

_OBJECTS, _WHOLE, _NAME = "objects.git", "whole", "name"
_AT_WORK = "at-"
_IN_USE = "in-use"
_MOST_PACKS = 50
_MOST_TOLD = 100  # trees
_SHALLOW = "shallow"


class ObjectCache:
    """One folder of a machine, for one repository; any number of processes share it."""

    def __init__(self, folder: Path, system: System) -> None:
        self.folder = folder
        self._system = system
        self._store = folder / _OBJECTS
        if not self._store.is_dir():
            self._put(_bare(folder / f"new-{system.token(4)}", system), self._store)
        files.write_new(folder / _NAME, system.token(8).encode())
        self._git = Git(self._store, system)

    @property
    def name(self) -> str:
        """What tells it from the caches of other machines."""
        return (self.folder / _NAME).read_text()

    def trees(self) -> tuple[str, ...]:
        """The newest trees of which everything is here."""
        found = [(mark.stat().st_mtime_ns, mark.name) for mark in (self.folder / _WHOLE).glob("*")]
        return tuple(name for _, name in sorted(found, reverse=True)[:_MOST_TOLD])

    def has(self, trees: Sequence[str]) -> bool:
        """Whether everything of these trees is here."""
        return all((self.folder / _WHOLE / tree).exists() for tree in trees)

    def receive(self, pack: bytes, trees: Sequence[str]) -> None:
        """Take in the rest of what these trees lead to. Raises GitError, and has nothing, when it is not whole."""
        self._git.run("index-pack", "--stdin", "--fix-thin", "--strict", stdin=pack)
        known = self._git.run("cat-file", "--batch-check=%(objecttype)", stdin="\n".join(trees).encode())
        if set(known.split()) != {b"tree"}:
            raise MachineError("what was sent does not hold the trees that it should")
        for tree in trees:
            files.write(self.folder / _WHOLE / tree, b"")
        if len(list((self._store / "objects/pack").glob("*.pack"))) > _MOST_PACKS:
            # Another process may be about it, too; what git still finds is whole in any case.
            self._git.run("repack", "-d", "-q", "--geometric=2", allowed=(0, 1, 128))

    def open(self) -> "BorrowedRepository":
        """A repository of this process's own, which sees all that is kept here."""
        return BorrowedRepository(self, self._store, self._system)

    def left_behind(self) -> list[Path]:
        """The repositories of processes that have ended without taking theirs away."""
        return [each for each in self.folder.glob(f"{_AT_WORK}*") if not _in_use(each)]

    def _put(self, made: Path, place: Path) -> None:
        try:
            made.rename(place)
        except OSError:  # another process was quicker
            files.remove_tree(made)


class BorrowedRepository:
    """A bare repository whose objects are a cache's, and its own: what is made in it goes with it."""

    def __init__(self, cache: ObjectCache, store: Path, system: System) -> None:
        place = _bare(cache.folder / f"{_AT_WORK}{system.token(8)}", system)
        self._held = os.open(place / _IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(self._held, fcntl.LOCK_EX)
        files.write(place / "objects/info/alternates", os.fsencode(store / "objects") + b"\n")
        self.repository = Repository(place, system)
        self._without_parents: set[str] = set()

    def adopt(self, sent: Sent, base: str) -> None:
        """Take in commits whose files are here, and whose history is not. Raises MachineError."""
        if any(name_of(*each) != oid for oid, each in sent.items()):
            raise MachineError("what was sent is not what it is named after")
        if base not in self._without_parents:
            self._without_parents.add(base)
            shallow = "".join(f"{each}\n" for each in sorted(self._without_parents))
            files.write(self.repository.common_dir / _SHALLOW, shallow.encode())
        for kind, data in sent.values():
            self.repository.objects.add(kind, data)
        self.repository.objects.flush()

    def close(self) -> None:
        """Take it away."""
        self.repository.close()
        with suppress(OSError):
            files.remove_tree(self.repository.common_dir)
        os.close(self._held)


def _bare(place: Path, system: System) -> Path:
    """A new bare repository. Raises MachineError when it cannot be made."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        Git(place.parent, system).run("init", "-q", "--bare", "--template=", "--", str(place))
    except GitError as error:
        raise MachineError(f"{place} cannot be made: {error.said}") from None
    return place


def _in_use(place: Path) -> bool:
    """Whether the process whose repository it is still runs."""
    try:
        file = os.open(place / _IN_USE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # just being made
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
