"""The index of a working tree: prepared beside it, put in its place under git's own lock, and put back if need be."""

import errno
import os
import shlex
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from factory.model.errors import BusyError, FactoryError, UnusableError
from factory.store import files
from factory.store.repository import index_format
from factory.store.repository.git import Git, GitError
from factory.store.repository.index_file import IndexFile, NotPlain, Put
from factory.store.repository.index_format import DIGEST_BYTES, NO_DIGEST
from factory.store.repository.locks import IndexLock
from factory.store.repository.objects import TreeEntry
from factory.store.repository.refs import NOTHING
from factory.store.repository.sparse import Sparse, skipped
from factory.store.repository.trees import Change
from factory.store.system import System

PATHS_A_CALL = 400
_GONE = TreeEntry("0", NOTHING)

# What each working tree's index is known to hold, with the digest that it then ends in.
Known = dict[Path, tuple[bytes, IndexFile]]


class IndexGit(Git):
    """Git in a working tree, whose index a program may have left torn: then that is told in place of git's words."""

    def __init__(self, folder: Path, system: System, index: Path) -> None:
        super().__init__(folder, system)
        self._index = index

    def _explained(self, error: GitError) -> FactoryError:
        if not is_torn(self._index):
            return error
        message = (
            f"{self._index}, git's index of {self.folder}, was left empty or cut off and cannot be read; make it "
            "anew from what is checked out: no file changes, and what was staged has to be staged again"
        )
        # Not `git reset`, which also ends a merge that is under way, and shows what a sparse checkout leaves out.
        anew = f"rm {shlex.quote(str(self._index))} && git -C {shlex.quote(str(self.folder))} read-tree HEAD"
        return UnusableError(message, anew)


def is_torn(index: Path) -> bool:
    """Whether a file is there and is no index."""
    data = files.read_regular(index)
    return data is not None and index_format.is_torn(data)


class Mark(NamedTuple):
    """What tells one state of an index from another: the checksum at its end and, as git may write none, its file."""

    trailer: bytes
    inode: int
    changed_ns: int


class Index:
    """One working tree's index."""

    def __init__(self, git: Git, git_dir: Path, state: Path, known: Known | None = None) -> None:
        self._known: Known = {} if known is None else known
        self.path, lock, self._prepared, self._former = _places(git_dir, state)
        self.lock = IndexLock(lock, state, git.system)
        self._git = git
        self._sparse = Sparse(git, git_dir, state)

    def mark(self) -> Mark | None:
        """How the index is now; None when there is none."""
        return _mark(self.path)

    def prepare(self, changes: Iterable[Change]) -> Mark | None:
        """Make, beside it, an index that has these changes and every other entry as it is; what it was made from."""
        self._forget_prepared()
        made_from = self.mark()
        changes = list(changes)
        puts = [  # removals first: a file may make way for a folder of its name
            Put(os.fsencode(change.path), *(change.new or _GONE))
            for change in sorted(changes, key=lambda change: change.new is not None)
        ]
        try:
            self._write_prepared(made_from, puts)
        except NotPlain:
            _copy(self.path, self._prepared)
            lines = [b"%s %s\t%s\0" % (mode.encode(), oid.encode(), path) for path, mode, oid in puts]
            if lines or made_from is None:
                self.with_prepared("update-index", "-z", "--index-info", stdin=b"".join(lines))
        hidden = self._sparse.outside([change.path for change in changes if change.new])
        if hidden:  # an entry that is written anew forgets that it is; git finds by itself what lies there all the same
            names = b"".join(os.fsencode(path) + b"\0" for path in hidden)
            self.with_prepared("update-index", "--skip-worktree", "-z", "--stdin", stdin=names)
        return made_from

    def _write_prepared(self, made_from: Mark | None, puts: Sequence[Put]) -> None:
        """Make the changes here: git needs a process, and reads and writes it all. Raises NotPlain where it has to."""
        if made_from is None or made_from.trailer == NO_DIGEST or not puts:
            raise NotPlain
        digest, index = self._known.get(self.path, (b"", None))
        try:
            mode = self.path.stat().st_mode
            if index is None or digest != made_from.trailer:
                index = IndexFile.read(self.path.read_bytes())
        except FileNotFoundError:
            raise NotPlain from None
        changed = index.changed(puts)
        data, digest = changed.data()
        with self._prepared.open("wb") as stream:
            stream.writelines((data, digest))
        self._prepared.chmod(stat.S_IMODE(mode))  # others may share the repository
        # Git looks into files that are no older than their index, which may have been edited unseen: it must go on to.
        os.utime(self._prepared, ns=(made_from.changed_ns, made_from.changed_ns))
        self._known[self.path] = digest, changed

    def hidden(self, paths: Sequence[str]) -> set[str]:
        """Those of these paths of the prepared index that no working tree shows."""
        found: set[str] = set()
        for start in range(0, len(paths) if paths and self._sparse.on() else 0, PATHS_A_CALL):
            asked = [f":(top,literal){path}" for path in paths[start : start + PATHS_A_CALL]]
            found.update(skipped(self.with_prepared("ls-files", "-t", "-z", "--", *asked)))
        return found

    def with_prepared(self, *arguments: str, stdin: bytes = b"", allowed: Sequence[int] = (0,)) -> bytes:
        """What git prints that takes the prepared index for the index."""
        return self._git.run(*arguments, stdin=stdin, env={"GIT_INDEX_FILE": str(self._prepared)}, allowed=allowed)

    def adopt(self) -> None:
        """Put the prepared index in its place; the former one is kept beside. The lock is held."""
        _copy(self.path, self._former)
        self._prepared.replace(self.path)

    def _forget_prepared(self) -> None:
        """Remove it, and the lock of a git that was killed at it; the folder for a new one is there afterwards."""
        self._prepared.parent.mkdir(exist_ok=True)
        for path in (self._prepared, self._prepared.with_name(f"{self._prepared.name}.lock")):
            path.unlink(missing_ok=True)

    def make_anew(self, head: str | None) -> None:
        """Put one in its place that has what a commit holds, or nothing. The lock is held."""
        self._forget_prepared()
        self.with_prepared("read-tree", head or "--empty")
        self.adopt()

    def put_back(self) -> None:
        """Put the former index back in the place of the adopted one, if it was adopted. The lock is held."""
        if self._prepared.exists():
            return
        if self._former.exists():
            self._former.replace(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def stage(self, paths: Sequence[str]) -> None:
        """Bring its entries of these paths to what the working tree has. The lock is held."""
        mine = self._prepared.with_name(f"staged-{self._prepared.name}")  # by whoever does not hold the factory's lock
        mine.unlink(missing_ok=True)
        if self.path.exists():
            seen = self.path.stat()
            files.write(mine, self.path.read_bytes())
            # By this time git tells what may have been edited in the very second in which it was written.
            os.utime(mine, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        env = {"GIT_INDEX_FILE": str(mine)}
        self._git.run("update-index", "--add", "--remove", "-z", "--stdin", stdin=names, env=env)
        mine.replace(self.path)

    def refresh(self) -> None:
        """Let git remember the files' times again, so that its next look is quick."""
        with suppress(BusyError, GitError, UnusableError):
            made_from = self.prepare(())
            self.with_prepared("update-index", "-q", "--refresh", allowed=(0, 1))
            with self.lock.held(patience=0):
                if self.mark() == made_from:
                    self._prepared.replace(self.path)

    def unfinished(self) -> bool:
        """Whether a crash came after it was adopted, or while it was locked."""
        return self._former.exists() or self.lock.is_left()

    def forget(self) -> None:
        """Remove what was made beside it. Only for the holder of the factory's lock."""
        for path in (self._former, self._prepared.with_name(f"{self._prepared.name}.lock")):
            path.unlink(missing_ok=True)

    def entries(self, paths: Sequence[str]) -> dict[str, str]:
        """The blob ids that it holds for these paths."""
        found: dict[str, str] = {}
        for start in range(0, len(paths), PATHS_A_CALL):
            out = self._git.run(
                "ls-files", "-s", "-z", "--", *paths[start : start + PATHS_A_CALL], env={"GIT_LITERAL_PATHSPECS": "1"}
            )
            for record in out.split(b"\0")[:-1]:
                head, _, path = record.partition(b"\t")
                found[os.fsdecode(path)] = head.split()[1].decode()
        return found

    def differing(self, commit: str, folders: Sequence[str]) -> list[str]:
        """The paths below these folders whose entry is not a commit's."""
        arguments = ("diff-index", "--cached", "--name-only", "--no-renames", "-z", commit, "--", *folders)
        return [os.fsdecode(path) for path in self._git.run(*arguments).split(b"\0")[:-1]]


@lru_cache(maxsize=64)
def _places(git_dir: Path, state: Path) -> tuple[Path, Path, Path, Path]:
    """The index, its lock, the prepared one and the former. Each working tree has its own: two may change at once."""
    name = git_dir.name.lstrip(".")
    return git_dir / "index", git_dir / "index.lock", state / f"index-{name}", state / f"former-index-{name}"


def _mark(path: Path) -> Mark | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        seen = os.fstat(descriptor)
        trailer = os.pread(descriptor, DIGEST_BYTES, max(0, seen.st_size - DIGEST_BYTES))
        return Mark(trailer, seen.st_ino, seen.st_mtime_ns)
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path) -> None:
    """A second name is copy enough: git writes an index anew and renames it, and never changes one in place."""
    target.unlink(missing_ok=True)
    with suppress(FileNotFoundError):  # a repository that has nothing staged yet
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise
            files.write(target, source.read_bytes())  # the file system knows no second names
