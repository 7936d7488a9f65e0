"""The object store: loose files and packs, read from where they lie and written as git writes them."""

import hashlib
import os
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from tests.simulation.git import files
from tests.simulation.git.pack import Pack, packs_in
from tests.simulation.git.steps import Failure, Steps, fatal

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
TREE_MODE, LINK_MODE, GITLINK = 0o40000, 0o120000, 0o160000
_REMEMBERED = 50_000
_NAMES_REMEMBERED = 5000

# (size of the loose file or -1, kind, content) by object id: a name says what it holds, the disk whether it is there.
_memo: dict[str, tuple[int, str, bytes]] = {EMPTY_TREE: (-1, "tree", b"")}


class Entry(NamedTuple):
    """What a name in a tree stands for."""

    mode: int
    oid: str


Tree = dict[bytes, Entry]


class Commit(NamedTuple):
    """What a commit says; author and committer as they stand in it."""

    tree: str
    parents: tuple[str, ...]
    author: bytes
    committer: bytes
    message: bytes
    at: int  # of the committer, seconds since 1970


_trees: dict[str, Tree] = {}
_commits: dict[str, Commit] = {}


@lru_cache(maxsize=_NAMES_REMEMBERED)
def name_of(kind: str, data: bytes) -> str:
    """The object id of a content."""
    return hashlib.sha1(b"%s %d\0%s" % (kind.encode(), len(data), data), usedforsecurity=False).hexdigest()


class Store:
    """The objects of a repository: written to the first of its folders, read from all."""

    def __init__(self, folders: Sequence[str], *, sync: bool) -> None:
        self.folders = tuple(folders)
        self._sync = sync
        self._packs: list[Pack] | None = None
        self._read_trees: dict[str, Tree] = {}
        self._read_commits: dict[str, Commit] = {}

    def forget(self) -> None:
        """Look again whether the trees and commits are there that were read: this command has lasted."""
        self._read_trees, self._read_commits = {}, {}

    def packs(self, *, anew: bool = False) -> list[Pack]:
        """The packs, as they were listed last."""
        if self._packs is None or anew:
            self._packs = [pack for folder in self.folders for pack in packs_in(folder)]
        return self._packs

    def loose(self, oid: str) -> str:
        """Where an object lies, or would, in the folder that is written to."""
        return f"{self.folders[0]}/{oid[:2]}/{oid[2:]}"

    def read(self, oid: str) -> tuple[str, bytes] | None:
        """(kind, content) of an object; None when the disk does not have it. Raises Failure when it is broken."""
        if oid == EMPTY_TREE:
            return "tree", b""
        for folder in self.folders:
            path = f"{folder}/{oid[:2]}/{oid[2:]}"
            seen = files.kind(path)
            if seen is not None:
                known = _memo.get(oid)
                if known is None or known[0] != seen.st_size:
                    known = _remember(oid, seen.st_size, *_decoded(oid, files.read(path) or b""))
                return known[1:]
        return self._packed(oid)

    def _packed(self, oid: str) -> tuple[str, bytes] | None:
        raw = bytes.fromhex(oid)
        for anew in (False, True):
            for pack in self.packs(anew=anew):
                if pack.index.find(raw) is not None:
                    known = _memo.get(oid)
                    if known is not None:
                        return known[1:]
                    found = pack.read(raw)
                    if found is not None:
                        return _remember(oid, -1, *found)[1:]
        return None

    def has(self, oid: str) -> bool:
        """Whether an object is there."""
        return self.read(oid) is not None

    def expect(self, oid: str, kind: str) -> bytes:
        """The content of an object that must be there. Raises Failure."""
        found = self.read(oid)
        if found is None or found[0] != kind:
            raise fatal(f"unable to read {kind} ({oid})")
        return found[1]

    def blob(self, oid: str) -> bytes:
        """A file's content. Raises Failure."""
        return self.expect(oid, "blob")

    def tree(self, oid: str) -> Tree:
        """A folder's content by name, in git's order. Raises Failure."""
        found = self._read_trees.get(oid)
        if found is None:
            data = self.expect(oid, "tree")
            found = _trees.get(oid)
            if found is None:
                if len(_trees) > _REMEMBERED:
                    _trees.clear()
                found = _trees[oid] = parse_tree(data)
            self._read_trees[oid] = found
        return found

    def commit(self, oid: str) -> Commit:
        """What a commit says. Raises Failure."""
        found = self._read_commits.get(oid)
        if found is None:
            data = self.expect(oid, "commit")
            found = _commits.get(oid)
            if found is None:
                if len(_commits) > _REMEMBERED:
                    _commits.clear()
                found = _commits[oid] = parse_commit(data)
            self._read_commits[oid] = found
        return found

    def write(self, kind: str, data: bytes) -> Steps[str]:
        """Write an object that is not there yet; one that is, is marked as used just now."""
        oid = name_of(kind, data)
        if not self._freshen(oid):
            yield from self.write_loose(kind, data)
        return oid

    def write_loose(self, kind: str, data: bytes) -> Steps[None]:
        """Write an object to a file of its own."""
        oid = name_of(kind, data)
        place = self.loose(oid)
        packed = zlib.compress(b"%s %d\0%s" % (kind.encode(), len(data), data), 1)
        folder = place.rpartition("/")[0]
        beside = self._beside(folder, oid, packed)
        yield f"{beside} was written"
        try:
            os.link(beside, place)
        except FileExistsError:
            pass
        yield f"{place} was put in its place"
        os.unlink(beside)
        _remember(oid, len(packed), kind, data)
        yield f"{beside} was removed"

    def _beside(self, folder: str, oid: str, data: bytes) -> str:
        number = 0
        while True:
            beside = f"{folder}/tmp_obj_{oid[2:6]}{number:02}"
            try:
                files.write(beside, data, flags=os.O_EXCL, mode=0o444, sync=self._sync)
                return beside
            except FileNotFoundError:
                os.mkdir(folder)
            except FileExistsError:  # somebody was killed here
                number += 1

    def _freshen(self, oid: str) -> bool:
        raw = bytes.fromhex(oid)
        for pack in self.packs():
            if pack.index.find(raw) is not None:
                try:
                    os.utime(f"{pack.path}.pack")
                except FileNotFoundError:
                    continue
                return True
        for folder in self.folders:
            try:
                os.utime(f"{folder}/{oid[:2]}/{oid[2:]}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            return True
        return False

    def complete(self, start: str) -> list[str]:
        """The object ids that begin with these digits."""
        found = {oid for pack in self.packs() for oid in pack.index.names() if oid.startswith(start)}
        for folder in self.folders:
            try:
                names = os.listdir(f"{folder}/{start[:2]}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            found |= {start[:2] + name for name in names if len(name) == 38 and name.startswith(start[2:])}
        return sorted(found)


def _remember(oid: str, size: int, kind: str, data: bytes) -> tuple[int, str, bytes]:
    if len(_memo) > _REMEMBERED:
        _memo.clear()
    _memo[oid] = known = size, kind, data
    return known


def _decoded(oid: str, raw: bytes) -> tuple[str, bytes]:
    try:
        head, _, data = zlib.decompress(raw).partition(b"\0")
        kind, size = head.split(b" ")
    except (zlib.error, ValueError):
        raise Failure(f"error: unable to unpack {oid} header\nfatal: loose object {oid} is corrupt\n") from None
    if int(size) != len(data) or name_of(kind.decode(), data) != oid:
        raise fatal(f"loose object {oid} is corrupt")
    return kind.decode(), data


def parse_tree(data: bytes) -> Tree:
    """What a tree object says."""
    entries: Tree = {}
    start = 0
    while start < len(data):
        space = data.index(b" ", start)
        end = data.index(b"\0", space)
        entries[data[space + 1 : end]] = Entry(int(data[start:space], 8), data[end + 1 : end + 21].hex())
        start = end + 21
    return entries


def tree_data(entries: Tree) -> bytes:
    """A tree object with these entries."""
    ordered = sorted(entries.items(), key=lambda pair: pair[0] + b"/" if pair[1].mode == TREE_MODE else pair[0])
    return b"".join(b"%o %s\0%s" % (entry.mode, name, bytes.fromhex(entry.oid)) for name, entry in ordered)


def parse_commit(data: bytes) -> Commit:
    """What a commit object says."""
    head, _, message = data.partition(b"\n\n")
    parents = []
    fields = {b"tree": b"", b"author": b"", b"committer": b""}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"parent":
            parents.append(value.decode())
        elif key in fields and not fields[key]:
            fields[key] = value
    told = fields[b"committer"].rpartition(b"> ")[2].split(b" ")[0]
    at = int(told) if told.isdigit() else 0
    return Commit(fields[b"tree"].decode(), tuple(parents), fields[b"author"], fields[b"committer"], message, at)


def commit_data(tree: str, parents: Sequence[str], author: str, committer: str, message: bytes) -> bytes:
    """A commit object; both people with their times."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {author}", f"committer {committer}"]
    head = "\n".join(lines).encode("utf-8", "surrogateescape")
    return head + b"\n\n" + message
