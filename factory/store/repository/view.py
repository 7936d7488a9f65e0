"""The view: one working tree as its person has it, with what is checked out, begun, changed and in the way there."""

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from factory.model.errors import BusyError
from factory.model.layout import ARTIFACTS, CONTRACTS, QUEUE, WORKFLOW
from factory.store import files
from factory.store.repository.checkout import Checkout
from factory.store.repository.index import PATHS_A_CALL, Index, IndexGit, Known, Mark
from factory.store.repository.locks import IndexLock
from factory.store.repository.objects import FILE, Objects, TreeEntry, name_of
from factory.store.repository.trees import Change
from factory.store.system import System

STIRRING_S = 0.05
_TRIES = 8
_PLAIN_BYTES = 10_000_000  # of a file that is read to see whether it was changed
_MODES = {False: FILE, True: "100755"}
# What a git writes that will move the branch in a moment, from what it has read of it.
_BEGINNINGS = ("COMMIT_EDITMSG", "FETCH_HEAD", "AUTO_MERGE")
_BUSY_SIGNS = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}
# What git's status says of edits of which nothing is staged.
_UNTRACKED, _TRACKED = ("??",), (" M", " D")
# Where git keeps the branch that it took off the head, and puts the head back on at the end.
_BEGUN_ON = ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START")


# Entries of an index by path, None for what is in conflict, and the blob ids of those that are hidden from git's looks.
Entries = tuple[Mapping[str, TreeEntry | None], Mapping[str, str]]


class Asked:
    """What is remembered of each working tree's index, as long as it stays as it is."""

    def __init__(self) -> None:
        self.known: Known = {}
        # What was asked last, in which state it was, and what it said.
        self.entries: dict[Path, tuple[tuple[Mark | None, tuple[str, ...]], Entries]] = {}


class View:
    """One working tree with its index."""

    def __init__(self, root: Path, git_dir: Path, state: Path, system: System, asked: Asked | None = None) -> None:
        self.root = root
        self._asked = asked or Asked()
        self._git = IndexGit(root, system, git_dir / "index")
        self.git_dir = git_dir
        self._in_git_dir = f"{git_dir}/"  # looked into too often for a Path
        self.index = Index(self._git, git_dir, state, self._asked.known)
        self.checkout = Checkout(root, self.index, state, git_dir.name.lstrip("."))

    @property
    def head_lock(self) -> Path:
        """Git's own lock of what is checked out."""
        return self.git_dir / "HEAD.lock"

    @property
    def lock(self) -> IndexLock:
        """Git's own lock of the index."""
        return self.index.lock

    def busy(self) -> str:
        """What a person has begun here and not ended; empty when nothing."""
        for sign, what in _BUSY_SIGNS.items():
            if os.path.lexists(self._in_git_dir + sign):
                return f"{what} is in progress in {self.root}"
        return ""

    def busy_with(self, branches: Collection[str]) -> str:
        """What a person has begun here with one of these branches: its end, or its abort, would set the branch back."""
        busy = self.busy()
        return busy if busy and {self.branch(), *self._begun_on()} & set(branches) else ""

    def _begun_on(self) -> Iterator[str]:
        for sign in _BEGUN_ON:
            text = self._read(sign)
            if text:
                yield text.removeprefix("refs/heads/")

    def _read(self, name: str) -> str:
        try:
            return os.fsdecode(files.read_all(self._in_git_dir + name)).strip()
        except OSError:
            return ""  # there is none, or somebody has just removed this working tree

    def stirs(self, besides: Mark | None = None) -> bool:
        """Whether a git command changes something here, or has just done so; `besides` is an index that is ours."""
        if self.lock.path.exists() and not self.lock.is_mine():
            return True
        ours = self.index.mark() == besides
        return any(self._is_young(self.git_dir / sign) for sign in (() if ours else ("index",)) + _BEGINNINGS)

    def _is_young(self, path: Path) -> bool:
        try:
            return 0 <= self._git.system.time() - path.stat().st_mtime < STIRRING_S
        except OSError:
            return False

    def clear(self, objects: Objects, head: str, changes: Sequence[Change]) -> None:
        """Bring files to what is checked out where they are what another branch holds of them by now.

        Nothing of it where a file is staged, or has changed, or another git is at work for long: a later try finds it
        again.
        """
        for _ in range(_TRIES):
            if self.busy() or self.head() != head or self._cleared(objects, head, changes):
                return
            self._git.system.sleep(STIRRING_S / 10)

    def _cleared(self, objects: Objects, head: str, changes: Sequence[Change]) -> bool:
        """Whether that was done, as nobody's git came in between."""
        made_from = self.index.mark()
        letters = {path: seen for seen, path in self.edits()}
        wanted = [each for each in changes if letters.get(each.path) in (_TRACKED if each.new else _UNTRACKED)]
        if not wanted:
            return True
        try:
            with self.lock.held(patience=STIRRING_S):
                if (self.index.mark(), self.head()) != (made_from, head):
                    return False
                self.checkout.restore(objects, wanted)
        except BusyError:
            return False
        return True

    def head(self) -> str:
        """What is checked out, as git notes it: `ref: refs/heads/<branch>`, or a commit."""
        return self._read("HEAD")

    def head_changed_at(self) -> float:
        """When something else was last checked out, in seconds since 1970."""
        try:
            return (self.git_dir / "HEAD").stat().st_mtime
        except OSError:
            return 0.0

    def detached_at(self) -> str | None:
        """The commit that is checked out when no branch is."""
        head = self.head()
        return None if not head or head.startswith("ref:") else head

    def branch(self) -> str:
        """The branch checked out here; empty when the head is detached."""
        head = self.head()
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""

    def local_changes(self, changes: Iterable[Change]) -> list[str]:
        """Which of these paths a person has changed, staged, or has something untracked at."""
        changes = list(changes)
        gone = {change.path for change in changes if not change.new}
        found = {place for change in changes if change.new for place in self._in_the_way(change, gone)}
        entries, hidden = self._known_entries([change.path for change in changes])
        paths = [change.path for change in changes if not self._is_plain(change, entries.get(change.path))]
        for start in range(0, len(paths), PATHS_A_CALL):
            arguments = ("--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all", "--")
            out = self._literal("--no-optional-locks", "status", *arguments, *paths[start : start + PATHS_A_CALL])
            found |= {os.fsdecode(record[3:]) for record in out.split(b"\0")[:-1]}
        return sorted(found | self._changed_unseen(hidden))

    def _known_entries(self, paths: Sequence[str]) -> Entries:
        """As `_entries` says, which is not asked twice of one state of the index."""
        asked = (self.index.mark(), tuple(paths))
        known = self._asked.entries.get(self.root)
        if known is None or known[0] != asked:
            known = self._asked.entries[self.root] = (asked, self._entries(paths))
        return known[1]

    def _entries(self, paths: Sequence[str]) -> Entries:
        """What the index has at these paths, None for what is in conflict; and the blob ids of those that are hidden.

        These are files that a person told git not to look at (assume-unchanged, skip-worktree).
        """
        entries: dict[str, TreeEntry | None] = {}
        hidden: dict[str, str] = {}
        for start in range(0, len(paths), PATHS_A_CALL):
            out = self._literal("ls-files", "-s", "-v", "-z", "--", *paths[start : start + PATHS_A_CALL])
            for tag, entry, path in _with_tags(out):
                entries[path] = None if path in entries else entry
                if tag.islower() or tag == "S":
                    hidden[path] = entry.oid
        return entries, hidden

    def _is_plain(self, change: Change, entry: TreeEntry | None) -> bool:
        """Whether index and file are what a commit has, so that git need not be asked what lies there."""
        if entry != change.old:
            return False
        place = self.root / change.path
        if entry is None:
            return not os.path.lexists(place)
        try:
            seen = place.lstat()
            right = (
                files.real_folder(self.root, str(Path(change.path).parent))
                and stat.S_ISREG(seen.st_mode)
                and entry.mode == _MODES.get(bool(seen.st_mode & stat.S_IXUSR))
            )
            return bool(right) and seen.st_size <= _PLAIN_BYTES and name_of("blob", place.read_bytes()) == entry.oid
        except OSError:
            return False

    def _changed_unseen(self, hidden: Mapping[str, str]) -> set[str]:
        shown = {path: oid for path, oid in hidden.items() if (self.root / path).is_file()}
        return {path for path, oid in shown.items() if self._git.text("hash-object", "--", path) != oid}

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

    def edits(self, *places: str) -> list[tuple[str, str]]:
        """(git's two status letters, path) of what is new or changed in places: the queue and the policy files."""
        arguments = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--")
        out = self._git.run("--no-optional-locks", "status", *arguments, *(places or (QUEUE, CONTRACTS, WORKFLOW)))
        return [(record[:2].decode(), os.fsdecode(record[3:])) for record in out.split(b"\0")[:-1]]

    def untracked(self) -> list[str]:
        """What git neither holds nor ignores, without the factory's own folders."""
        own = (f":(exclude){each}" for each in (QUEUE, CONTRACTS, ARTIFACTS, WORKFLOW))
        out = self._git.run("ls-files", "--others", "--exclude-standard", "-z", "--", ".", *own)
        return [os.fsdecode(path) for path in out.split(b"\0")[:-1]]


def _with_tags(listed: bytes) -> Iterator[tuple[str, TreeEntry, str]]:
    """(tag, entry, path) of what `ls-files -s -v -z` prints."""
    for record in listed.split(b"\0")[:-1]:
        head, _, path = record.partition(b"\t")
        tag, mode, oid, _ = head.decode().split()
        yield tag, TreeEntry(mode, oid), os.fsdecode(path)
