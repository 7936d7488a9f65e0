"""Git's objects: read through one lasting process, written in this one, durable when flushed."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from factory.model.errors import InvalidFile, MachineError, Problem, TooLarge
from factory.model.moments import seconds_of
from factory.store.repository.disk import Contents, Disk
from factory.store.repository.git import Conversation, Git, GitError

FILE = "100644"
FOLDER = "40000"
REPOSITORY = "160000"  # another repository's commit, as which a submodule stands in a folder
NOT_A_FILE_IN_GIT = "is not a plain file; commit the file itself"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

_SMALL_BYTES = 2048  # of a file that is remembered
_REMEMBERED = 20_000  # trees, commits, and small files; an orchestrator may run for weeks


class TreeEntry(NamedTuple):
    """What a name in a folder stands for."""

    mode: str
    oid: str

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.mode == FOLDER

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file: no link, and no other repository."""
        return self.mode.startswith("100")


Tree = dict[str, TreeEntry]


class MissingObject(MachineError):
    """The repository does not hold an object that it should."""


@dataclass(frozen=True)
class Person:
    """A git identity."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True)
class Commit:
    """What a commit object holds, as far as the factory needs it."""

    tree: str
    parents: tuple[str, ...]
    committed_at: int  # seconds since 1970


def name_of(kind: str, data: bytes) -> str:
    """The object id git gives this content."""
    return hashlib.sha1(b"%s %d\0%s" % (kind.encode(), len(data), data), usedforsecurity=False).hexdigest()


class Objects:
    """The object database. Written objects are readable at once and on disk after `flush`. Threads may share it."""

    def __init__(self, git: Git, common_dir: Path) -> None:
        self._git = git
        self._disk = Disk(git, common_dir / "objects")
        self._reader = Conversation(git, "cat-file", "--batch-command")
        self._lock = threading.RLock()
        self._flushing = threading.Lock()  # while the disk works, the others may read and add
        self._new: Contents = {}
        self._writing: Contents = {}  # what is being flushed
        self._recent: Contents = {}  # flushed since the last batch was published: the view asks for them next
        self._published = False  # whether one was published since
        self._trees: dict[str, Tree] = {EMPTY_TREE: {}}
        self._commits: dict[str, Commit] = {}
        self._blobs: dict[str, bytes] = {}

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        """(object id, kind, content) of an object id or a full reference name; None when there is none."""
        if not name or "\n" in name:
            return None  # two questions, to the process that is asked
        with self._lock:
            known = self._new.get(name) or self._writing.get(name) or self._recent.get(name)
            return (name, *known) if known is not None else self._ask(name)

    def _ask(self, name: str) -> tuple[str, str, bytes] | None:
        with self._reader:
            self._reader.send(b"contents %s\n" % name.encode("utf-8", "surrogateescape"))
            header = self._reader.read_line().split()
            if header[-1] in (b"missing", b"ambiguous"):  # before it stands the name, which may hold spaces
                return None
            data = self._reader.read(int(header[2]) + 1)[:-1]  # a line end follows
        return header[0].decode(), header[1].decode(), data

    def has(self, oid: str) -> bool:
        """Whether an object can be read at this moment, whatever is remembered of it."""
        with self._lock:
            return oid in self._new or oid in self._writing or self._ask(oid) is not None

    def _expect(self, name: str, kind: str) -> bytes:
        found = self.read(name)
        if found is None or found[1] != kind:
            raise MissingObject(f"the repository has no {kind} {name}", "git fsck")
        return found[2]

    def blob(self, oid: str) -> bytes:
        """A file's content."""
        found = self._blobs.get(oid)
        if found is None:
            found = self._expect(oid, "blob")
            if len(found) <= _SMALL_BYTES:
                if len(self._blobs) > _REMEMBERED:
                    self._blobs = {}
                self._blobs[oid] = found
        return found

    def small_blob(self, oid: str, most: int) -> bytes:
        """A file's content. Raises TooLarge, and has not read it, when it has more bytes than that."""
        with self._lock:
            if not any(oid in known for known in (self._blobs, self._new, self._writing, self._recent)):
                with self._reader:
                    self._reader.send(b"info %s\n" % oid.encode())
                    told = self._reader.read_line().split()
                if len(told) == 3 and int(told[2]) > most:
                    raise TooLarge(int(told[2]), most)
            return self.blob(oid)

    def sizes(self, oids: Sequence[str]) -> int:
        """How many bytes these objects hold together, found out without reading them."""
        with self._lock:
            return sum(self._size(oid) for oid in oids)

    def _size(self, oid: str) -> int:
        """Raises GitError when there is no such object."""
        with self._reader:
            self._reader.send(b"info %s\n" % oid.encode())
            told = self._reader.read_line().split()
        if len(told) != 3:
            raise GitError(("cat-file",), 1, f"{oid} is missing")
        return int(told[2])

    def kinds(self, oids: Sequence[str]) -> list[str]:
        """What each of these objects is, found out without reading them; `missing` where there is none."""
        self.flush()
        asked = "".join(f"{oid}\n" for oid in oids).encode()
        told = self._git.run("cat-file", "--batch-check=%(objecttype)", stdin=asked) if oids else b""
        return [line.rpartition(" ")[2] for line in told.decode().splitlines()]

    def commit(self, oid: str) -> Commit:
        """A commit's tree and parents."""
        found = self._commits.get(oid)
        if found is None:
            if len(self._commits) > _REMEMBERED:
                self._commits = {}
            found = self._commits[oid] = self._parse_commit(oid)
        return found

    def _parse_commit(self, oid: str) -> Commit:
        head, _, _ = self._expect(oid, "commit").partition(b"\n\n")
        fields = [line.split(b" ", 1) for line in head.split(b"\n") if not line.startswith(b" ")]
        values = [(key.decode(), value.decode(errors="replace")) for key, value in fields]
        tree = next(value for key, value in values if key == "tree")
        committer = next(value for key, value in values if key == "committer")
        parents = tuple(value for key, value in values if key == "parent")
        return Commit(tree, parents, seconds_of(committer.rpartition("> ")[2].partition(" ")[0]))

    def tree(self, oid: str) -> Tree:
        """A folder's content by name; not to be changed by the caller."""
        known = self._trees.get(oid)
        if known is not None:
            return known
        with self._lock:
            if len(self._trees) > _REMEMBERED:
                self._trees = {EMPTY_TREE: {}}
            found = self._trees[oid] = parse_tree(self._expect(oid, "tree"))
            return found

    def find(self, tree: str, path: str) -> TreeEntry | None:
        """What lies at a path below a tree."""
        entry = TreeEntry(FOLDER, tree)
        for part in path.split("/"):
            below = self.tree(entry.oid).get(part) if entry.is_folder else None
            if below is None:
                return None
            entry = below
        return entry

    def folder(self, tree: str, path: str) -> Tree:
        """The content of the folder at a path; empty when there is none."""
        entry = self.find(tree, path)
        return self.tree(entry.oid) if entry and entry.is_folder else {}

    def file(self, tree: str, path: str) -> bytes | None:
        """The content of the plain file at a path."""
        entry = self.find(tree, path)
        return self.blob(entry.oid) if entry and entry.is_file else None

    def regular(self, path: str, entry: TreeEntry, most: int | None = None) -> bytes:
        """What lies at a path, where only a plain file will do. Raises InvalidFile, also when git has lost it.

        One of more than `most` bytes is not read.
        """
        if not entry.is_file:
            raise InvalidFile(Problem(path, 1, 1, NOT_A_FILE_IN_GIT))
        try:
            return self.blob(entry.oid) if most is None else self.small_blob(entry.oid, most)
        except TooLarge as error:
            raise InvalidFile(Problem(path, 1, 1, error.message)) from None
        except MissingObject as error:
            raise InvalidFile(Problem(path, 1, 1, f"cannot be read: {error.message}; git fsck")) from None

    def add(self, kind: str, data: bytes) -> str:
        """The id of an object that will be on disk after the next `flush`."""
        oid = name_of(kind, data)
        with self._lock:
            self._new[oid] = (kind, data)
        return oid

    def add_tree(self, entries: Tree) -> str:
        """The id of a folder with this content."""
        oid = self.add("tree", tree_data(entries))
        with self._lock:
            self._trees[oid] = dict(entries)
        return oid

    def flush(self) -> None:
        """Make every object added so far durable."""
        with self._flushing:
            with self._lock:
                self._writing, self._new = self._new, {}
            written = False
            try:
                self._disk.write(self._writing)
                written = True
            finally:
                with self._lock:
                    if written:
                        self._recent = self._writing if self._published else self._recent | self._writing
                        self._published = False
                    else:
                        self._new = self._writing | self._new
                    self._writing = {}

    def make_known(self, oid: str) -> None:
        """See that a process of git's finds an object, which may be in nothing that was published yet."""
        with self._lock:
            unknown = oid in self._new or oid in self._writing
        if unknown:
            self.flush()

    def guard(self) -> None:
        """See that no clean-up of a person's git takes what was written, before a branch holds it or just after."""
        self._disk.guard()

    def forget_keeps(self) -> None:
        """Remove the marks of packs that a crash left. Only for the holder of the factory's lock."""
        self._disk.forget_keeps()

    def release(self) -> None:
        """The branches hold all that was written."""
        self._published = True
        self._disk.release()

    def close(self) -> None:
        """Let the reading process end."""
        self._reader.close()


def tree_data(entries: Tree) -> bytes:
    """A folder's content as git writes it."""
    named = [(name.encode("utf-8", "surrogateescape"), entry) for name, entry in entries.items()]
    named.sort(key=lambda pair: pair[0] + b"/" if pair[1].is_folder else pair[0])
    return b"".join(b"%s %s\0%s" % (entry.mode.encode(), name, bytes.fromhex(entry.oid)) for name, entry in named)


def parse_tree(data: bytes) -> Tree:
    """What git has written of a folder. Raises ValueError for what it never writes, as far as it is noticed."""
    entries: Tree = {}
    start = 0
    while start < len(data):
        space = data.index(b" ", start)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "surrogateescape")
        entries[name] = TreeEntry(data[start:space].lstrip(b"0").decode(), data[end + 1 : end + 21].hex())
        start = end + 21
    return entries
