"""Git's index as a file (gitformat-index, versions 2 and 3): a few entries put or taken out, all the others kept."""

import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from factory.store.repository.index_format import (
    DIGEST_BYTES,
    EXTENSION,
    FLAGS_AT,
    HEADER,
    LENGTH,
    MORE_FLAGS,
    SIGNATURE,
    digest_of,
)
from factory.store.repository.objects import FILE, REPOSITORY

_VERSIONS = (2, 3)
_STAGE = 0x3000  # in the flags
_UNSEEN = struct.Struct(">24xI12x20sH")  # an entry of whose file nothing is known
_FOLDERS, _RESOLVED = b"TREE", b"REUC"  # ids of folders; what was in conflict and is no more
_FOLDER = re.compile(rb"([^\0]*)\0(-?)\d+ (\d+)\n")
_A_BLOCK = 64  # entries that are looked at for a change
_FORGOTTEN = 20_000  # folders that are remembered to be without an id
_MODES = frozenset({FILE, "100755", "120000", REPOSITORY})
# Which other names may not be in an index, as some file system takes them for `.git`, git is to say.
_PLAIN = r"(?!\.(?:\.?(?:/|$)|[Gg][Ii][Tt]))[ -.0-9;-\[\]-}]+"
_PLAIN_PATH = re.compile(f"{_PLAIN}(?:/{_PLAIN})*".encode())


class NotPlain(Exception):
    """The index, or what shall become of it, is of a kind that is left to git."""


class Put(NamedTuple):
    """What shall stand at a path; nothing, where the mode is "0"."""

    path: bytes
    mode: str
    oid: str

    @property
    def is_entry(self) -> bool:
        """Whether there shall be something."""
        return self.mode != "0"


class _Entry(NamedTuple):
    name: bytes
    stage: int
    data: bytes  # as it stands in the file


@dataclass(frozen=True)
class IndexFile:
    """What an index holds: entries in git's order, in blocks of some, and what follows them."""

    version: int
    count: int  # of entries
    blocks: Sequence[bytes]
    firsts: Sequence[bytes]  # the name with which each block begins
    folders: bytes  # the ids that are known of folders, as they stand in the file
    resolved: bytes  # so are the conflicts that were resolved
    forgotten: frozenset[bytes] = frozenset()  # folders of which no id is left

    @classmethod
    def read(cls, data: bytes) -> "IndexFile":
        """What is in a file. Raises NotPlain, also where it is torn."""
        end = len(data) - DIGEST_BYTES
        if end < HEADER.size or digest_of(data[:end]) != data[end:]:
            raise NotPlain
        signature, version, count = HEADER.unpack_from(data)
        if signature != SIGNATURE or version not in _VERSIONS:
            raise NotPlain
        starts = _starts(data[:end], count)
        cuts = [*starts[:count:_A_BLOCK], starts[count]]
        blocks = [data[start:stop] for start, stop in pairwise(cuts)] or [b""]
        more = dict(_extensions(data[starts[count] : end]))
        if not more.keys() <= {_FOLDERS, _RESOLVED}:
            raise NotPlain
        firsts = [next(_entries(block)).name if block else b"" for block in blocks]
        return cls(version, count, blocks, firsts, more.get(_FOLDERS, b""), more.get(_RESOLVED, b""))

    def data(self) -> tuple[bytes, bytes]:
        """(all but the end, the digest at the end) of the file."""
        more = ((_FOLDERS, self.folders), (_RESOLVED, self.resolved))
        ends = [EXTENSION.pack(name, len(data)) + data for name, data in more if data]
        whole = b"".join([HEADER.pack(SIGNATURE, self.version, self.count), *self.blocks, *ends])
        return whole, digest_of(whole)

    def changed(self, puts: Sequence[Put]) -> "IndexFile":
        """The same with these entries, as `git update-index --index-info` has it. Raises NotPlain.

        What a new entry stands for is not known to be on disk: git looks there by itself.
        """
        if not all(put.mode in _MODES and _PLAIN_PATH.fullmatch(put.path) for put in puts if put.is_entry):
            raise NotPlain
        editing = _Editing(self)
        for put in puts:
            editing.put(put)
        changed = editing.done()
        above = frozenset(folder for put in puts for folder in _above(put.path))
        return changed if above <= self.forgotten else changed._without_ids(above)

    def _without_ids(self, folders: frozenset[bytes]) -> "IndexFile":
        before = self.forgotten if len(self.forgotten) < _FORGOTTEN else frozenset()
        return replace(self, folders=_without(self.folders, folders), forgotten=before | folders)


class _Editing:
    """An index that is being changed: only the blocks that this concerns are taken apart."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index
        self._apart: dict[int, list[_Entry]] = {}
        self._count = index.count

    def put(self, put: Put) -> None:
        """Put an entry in its place, or take it out. Raises NotPlain where others stand in its way."""
        number, at, there = self._find(put.path)
        entries = self._entries(number)
        if there is not None and there.stage:
            raise NotPlain
        if put.is_entry:
            if there is None and self._stands_in_a_way(put.path, entries[max(0, at - 1) : at + 1]):
                raise NotPlain
            entries[at : at + (there is not None)] = [_unseen(put)]
            self._count += there is None
        elif there is not None:
            del entries[at]
            self._count -= 1

    def _stands_in_a_way(self, path: bytes, beside: Sequence[_Entry]) -> bool:
        """Whether there are entries below a path, or one in the place of a folder that it lies in."""
        below = path + b"/"
        number, _, _ = self._find(below)
        following = (entry for each in range(number, len(self._index.blocks)) for entry in self._entries(each))
        after = next((entry for entry in following if entry.name >= below), None)
        if after is not None and after.name.startswith(below):
            return True
        folder = path[: path.rfind(b"/") + 1]
        if any(entry.name.startswith(folder) for entry in beside):  # so the folders are there
            return False
        return any(above and self._find(above)[2] is not None for above in _above(path))

    def _find(self, name: bytes) -> tuple[int, int, _Entry | None]:
        """(block, place in it, what is there) of a name."""
        number = max(0, bisect_right(self._index.firsts, name) - 1)
        entries = self._entries(number)
        at = bisect_left(entries, name, key=lambda entry: entry.name)
        there = entries[at] if at < len(entries) and entries[at].name == name else None
        return number, at, there

    def _entries(self, number: int) -> list[_Entry]:
        if number not in self._apart:
            self._apart[number] = list(_entries(self._index.blocks[number]))
        return self._apart[number]

    def done(self) -> IndexFile:
        """The index as it is now."""
        blocks, firsts = list(self._index.blocks), list(self._index.firsts)
        for number in sorted(self._apart, reverse=True):
            entries = self._apart[number]
            size = _A_BLOCK if len(entries) > 2 * _A_BLOCK else 2 * _A_BLOCK
            parts = [entries[at : at + size] for at in range(0, len(entries), size)]
            blocks[number : number + 1] = [b"".join(entry.data for entry in part) for part in parts]
            firsts[number : number + 1] = [part[0].name for part in parts]
        return replace(self._index, count=self._count, blocks=blocks or [b""], firsts=firsts or [b""])


def _starts(data: bytes, count: int) -> list[int]:
    """Where each of so many entries begins, and where the last one ends. Raises NotPlain."""
    starts: list[int] = []
    at = HEADER.size
    try:
        for _ in range(count):
            starts.append(at)
            flags = data[at + FLAGS_AT] << 8 | data[at + FLAGS_AT + 1]
            length = flags & LENGTH
            name = at + (64 if flags & MORE_FLAGS else 62)
            end = name + length if length < LENGTH else data.index(b"\0", name)
            at = end + 8 - (end - at) % 8
    except (IndexError, ValueError):
        raise NotPlain from None
    if at > len(data):
        raise NotPlain
    return [*starts, at]


def _entries(block: bytes) -> Iterator[_Entry]:
    at = 0
    while at < len(block):
        flags = block[at + FLAGS_AT] << 8 | block[at + FLAGS_AT + 1]
        name = at + (64 if flags & MORE_FLAGS else 62)
        end = block.index(b"\0", name)
        start, at = at, end + 8 - (end - at) % 8
        yield _Entry(block[name:end], (flags & _STAGE) >> 12, block[start:at])


def _unseen(put: Put) -> _Entry:
    name = put.path
    head = _UNSEEN.pack(int(put.mode, 8), bytes.fromhex(put.oid), min(len(name), LENGTH))
    return _Entry(name, 0, head + name + bytes(8 - (len(head) + len(name)) % 8))


def _above(path: bytes) -> Iterator[bytes]:
    """The folders that a path lies in; the uppermost has no name."""
    while path:
        path = path.rpartition(b"/")[0]
        yield path


def _extensions(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of what follows the entries. Raises NotPlain."""
    at = 0
    while at < len(data):
        if len(data) - at < EXTENSION.size:
            raise NotPlain
        name, size = EXTENSION.unpack_from(data, at)
        at += EXTENSION.size
        if at + size > len(data):
            raise NotPlain
        yield name, data[at : at + size]
        at += size


def _without(tree: bytes, folders: Collection[bytes]) -> bytes:
    """What is known of folders, without the ids of these; none of them comes without all those that it lies in."""
    pieces: list[bytes] = []
    at = kept = 0
    # How many are still to come within each folder around, and how their paths begin: None where no path is asked for.
    around: list[tuple[int, bytes | None]] = [(1, b"")] if tree else []
    while around:
        left, begin = around.pop()
        if not left:
            continue
        around.append((left - 1, begin))
        found = _FOLDER.match(tree, at)
        if found is None:
            raise NotPlain
        name, without, below = found.groups()
        end = found.end() + (0 if without else DIGEST_BYTES)
        path = None if begin is None else begin + name
        inside: bytes | None = None
        if path is not None and path in folders:
            inside = path + b"/" if path else b""
            if not without:
                pieces.append(tree[kept:at] + b"%s\0-1 %s\n" % (name, below))
                kept = end
        around.append((int(below), inside))
        at = end
    if at != len(tree):
        raise NotPlain
    return b"".join([*pieces, tree[kept:]])
