"""The view: a working tree and its index, brought to what the branch holds without touching a person's work."""

import errno
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress
from pathlib import Path

from factory.model.errors import BusyError
from factory.store import files
from factory.store.repository.git import Git, GitError
from factory.store.repository.locks import IndexLock
from factory.store.repository.objects import Objects, TreeEntry, name_of
from factory.store.repository.trees import Change, pairs_of

_PATHS_A_CALL = 400
_STIRRING_S = 0.1
_BUSY_SIGNS = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}


class View:
    """One working tree with its index."""

    def __init__(self, root: Path, git_dir: Path, state: Path) -> None:
        self.root = root
        self._git = Git(root)
        self._git_dir = git_dir
        self._index = git_dir / "index"
        self.lock = IndexLock(git_dir / "index.lock", state)
        self.head_lock = git_dir / "HEAD.lock"
        self._prepared = state / f"index-{git_dir.name.lstrip('.')}"  # one for each view: two may change in one instant
        self._state = state

    def busy(self) -> str:
        """What a person has begun here and not ended; empty when nothing."""
        for sign, what in _BUSY_SIGNS.items():
            if (self._git_dir / sign).exists():
                return f"{what} is in progress in {self.root}"
        return ""

    def _head(self) -> str:
        try:
            return (self._git_dir / "HEAD").read_text(errors="surrogateescape").strip()
        except OSError:
            return ""  # somebody has just removed this working tree

    def stirs(self) -> bool:
        """Whether a git command is changing what is checked out here, or has just done so."""
        try:
            quiet = time.time() - self._index.stat().st_mtime
        except OSError:
            return False
        return self.lock.path.exists() or 0 <= quiet < _STIRRING_S

    def detached_at(self) -> str | None:
        """The commit that is checked out when no branch is."""
        head = self._head()
        return None if not head or head.startswith("ref:") else head

    def branch(self) -> str:
        """The branch checked out here; empty when the head is detached."""
        head = self._head()
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""

    def forget_prepared(self) -> None:
        """Remove what a crash left of an index that was being prepared. Only for the holder of the factory's lock."""
        self._prepared.with_name(f"{self._prepared.name}.lock").unlink(missing_ok=True)

    def remove_unfinished(self, changes: Iterable[Change]) -> None:
        """Remove what a crash left of files that it was writing for these changes."""
        ours = (change.path for change in changes if change.of_factory)
        for folder in {(self.root / path).parent for path in ours}:
            files.remove_unfinished(folder)

    def prepare_index(self, changes: Iterable[Change]) -> None:
        """Make, beside the index, the one that has these changes; every other entry stays as it is."""
        self._copy_index()
        gone = TreeEntry("0", "0" * 40)
        lines = [
            b"%s %s\t%s\0" % (entry.mode.encode(), entry.oid.encode(), os.fsencode(change.path))
            for change in sorted(changes, key=lambda change: change.new is not None)
            for entry in [change.new or gone]
        ]
        self._with_prepared("update-index", "-z", "--index-info", stdin=b"".join(lines))

    def _copy_index(self) -> None:
        """A second name is copy enough: git writes an index anew and renames it, and never changes one in place."""
        self._prepared.unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # a repository that has nothing staged yet
            try:
                os.link(self._index, self._prepared)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    raise
                files.write(self._prepared, self._index.read_bytes())  # the two lie on different file systems

    def _with_prepared(self, *arguments: str, stdin: bytes = b"", allowed: Sequence[int] = (0,)) -> None:
        self._git.run(*arguments, stdin=stdin, env={"GIT_INDEX_FILE": str(self._prepared)}, allowed=allowed)

    def adopt_index(self) -> None:
        """Put the prepared index in the index's place. The lock is held."""
        self._prepared.replace(self._index)
        self.lock.kept = False

    def stage(self, paths: Sequence[str]) -> None:
        """Bring the index's entries of these paths to what the working tree has. The lock is held."""
        mine = self._prepared.with_name(f"staged-{self._prepared.name}")
        mine.unlink(missing_ok=True)
        if self._index.exists():
            files.write(mine, self._index.read_bytes())
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        env = {"GIT_INDEX_FILE": str(mine)}
        self._git.run("update-index", "--add", "--remove", "-z", "--stdin", stdin=names, env=env)
        mine.replace(self._index)

    def refresh_index(self) -> None:
        """Let git remember the files' times again, so that its next look is quick."""
        with suppress(BusyError, GitError), self.lock.held(patience=0):
            self._copy_index()
            self._with_prepared("update-index", "-q", "--refresh", allowed=(0, 1))
            self.adopt_index()

    def indexed(self, paths: Sequence[str]) -> dict[str, str]:
        """The blob ids that the index holds for these paths."""
        found: dict[str, str] = {}
        for start in range(0, len(paths), _PATHS_A_CALL):
            out = self._literal("ls-files", "-s", "-z", "--", *paths[start : start + _PATHS_A_CALL])
            for record in out.split(b"\0")[:-1]:
                head, _, path = record.partition(b"\t")
                found[os.fsdecode(path)] = head.split()[1].decode()
        return found

    def local_changes(self, changes: Iterable[Change]) -> list[str]:
        """Which of these paths a person has changed, staged, or has something untracked at."""
        changes = list(changes)
        paths = [change.path for change in changes]
        gone = {change.path for change in changes if not change.new}
        found = {place for change in changes if change.new for place in self._in_the_way(change, gone)}
        for start in range(0, len(paths), _PATHS_A_CALL):
            arguments = ("--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all", "--")
            out = self._literal("--no-optional-locks", "status", *arguments, *paths[start : start + _PATHS_A_CALL])
            found |= {os.fsdecode(record[3:]) for record in out.split(b"\0")[:-1]}
        return sorted(found | self._changed_unseen(paths))

    def _changed_unseen(self, paths: Sequence[str]) -> set[str]:
        """Changed files that a person told git not to look at (assume-unchanged, skip-worktree)."""
        hidden: dict[str, str] = {}
        for start in range(0, len(paths), _PATHS_A_CALL):
            out = self._literal("ls-files", "-s", "-v", "-z", "--", *paths[start : start + _PATHS_A_CALL])
            for tag, oid, path in _with_tags(out):
                if (tag.islower() or tag == "S") and (self.root / path).is_file():
                    hidden[path] = oid
        return {path for path, oid in hidden.items() if self._git.text("hash-object", "--", path) != oid}

    def _literal(self, *arguments: str) -> bytes:
        return self._git.run(*arguments, env={"GIT_LITERAL_PATHSPECS": "1"})

    def _in_the_way(self, change: Change, gone: Set[str]) -> Iterator[str]:
        """What lies where a file has to be and is in no commit; git's status is silent about other repositories."""
        for parent in Path(change.path).parents[:-1]:
            place = self.root / parent
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                yield from () if str(parent) in gone else (str(parent),)
                return
        place = self.root / change.path
        if place.is_dir() and not place.is_symlink():
            below = (path.relative_to(self.root) for path in place.rglob("*") if path.is_symlink() or not path.is_dir())
            yield from (str(path) for path in below if str(path) not in gone)
        elif change.old is None and os.path.lexists(place):
            yield change.path

    def edits(self) -> list[tuple[str, str]]:
        """(git's two status letters, path) of all under queue/ and of what is new among the policy files."""
        arguments = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--")
        out = self._git.run("status", *arguments, "queue", "contracts", "WORKFLOW.md")
        return [(record[:2].decode(), os.fsdecode(record[3:])) for record in out.split(b"\0")[:-1]]

    def update(self, objects: Objects, changes: Sequence[Change]) -> None:
        """Bring files from their old content to the new. A file with any other content is a person's, and stays."""
        ours = [change for change in changes if change.of_factory]
        self._checkout([change for change in changes if not change.of_factory])
        moved = pairs_of(ours)
        for change in ours:
            if change.old and not change.new:
                self._move_or_remove(change, moved.get(change.path))
        arrived = {change.path for change in moved.values()}
        for change in ours:
            if change.new and change.path not in arrived:
                self._write(objects, change)

    def untouched(self, changes: Sequence[Change]) -> list[Change]:
        """Those of these changes whose file still is what the index says."""
        touched: set[str] = set()
        paths = [change.path for change in changes]
        for start in range(0, len(paths), _PATHS_A_CALL):
            arguments = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--")
            out = self._literal("--no-optional-locks", "status", *arguments, *paths[start : start + _PATHS_A_CALL])
            touched |= {os.fsdecode(record[3:]) for record in out.split(b"\0")[:-1] if record[1:2] != b" "}
        return [change for change in changes if change.path not in touched]

    def _move_or_remove(self, gone: Change, come: Change | None) -> None:
        source = self.root / gone.path
        if come is not None:
            # Moved whatever it holds by now: a person's edit of the last moment goes with the file.
            if source.is_file() and not source.is_symlink():
                files.move_new(source, self.root / come.path)
                if gone.old and self._holds(come.path) == gone.old.oid and self._holds(gone.path) == gone.old.oid:
                    source.unlink()  # an earlier try ended between the two halves of the move
        elif gone.old and self._holds(gone.path) == gone.old.oid:
            source.unlink()
        keep = 2 if gone.path.startswith("queue/") else 1  # an empty lane still is a place to drop files into
        files.remove_empty_folders(source.parent, self.root.joinpath(*Path(gone.path).parts[:keep]))

    def _write(self, objects: Objects, change: Change) -> None:
        held = self._holds(change.path)
        if change.new and held == (change.old.oid if change.old else None):
            data = objects.blob(change.new.oid)
            if change.old:
                files.write(self.root / change.path, data)
            else:
                files.write_new(self.root / change.path, data)

    def has(self, change: Change) -> bool:
        """Whether a file already is what it shall be, as one that was just taken in from here."""
        return change.new is not None and self._holds(change.path) == change.new.oid

    def _holds(self, path: str) -> str | None:
        data = files.read_regular(self.root / path)
        return None if data is None else name_of("blob", data)

    def _checkout(self, changes: Sequence[Change]) -> None:
        """Files of the project itself: written by git, so that its filters and modes are honoured."""
        for change in changes:
            if change.old and not change.new:
                place = self.root / change.path
                # A folder here is a submodule's, which git leaves too, or a person's of this very moment.
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    place.unlink()
                files.remove_empty_folders(place if place.is_dir() else place.parent, self.root)
        paths = [change.path for change in changes if change.new]
        if paths:
            # Not in place: a git that dies half way through a file would leave what looks like a person's edit.
            aside = self._state / "checkout"
            shutil.rmtree(aside, ignore_errors=True)
            names = b"".join(os.fsencode(path) + b"\0" for path in paths)
            self._with_prepared("checkout-index", "-f", "-z", "--stdin", f"--prefix={aside}/", stdin=names)
            for path in paths:
                files.put(aside / path, self.root / path)
            shutil.rmtree(aside)


def _with_tags(listed: bytes) -> Iterator[tuple[str, str, str]]:
    """(tag, blob id, path) of what `ls-files -s -v -z` prints."""
    for record in listed.split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        tag, _, oid, _ = head.decode().split()
        yield tag, oid, os.fsdecode(path)
