"""The index: git's file of what is staged (gitformat-index, versions 2 and 3), and what it knows of files."""

import hashlib
import os
import stat
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from tests.simulation.git import files
from tests.simulation.git.objects import GITLINK, LINK_MODE
from tests.simulation.git.steps import fatal

_HEAD = struct.Struct(">10I20sH")
_VALID, _EXTENDED, _LONGEST = 0x8000, 0x4000, 0xFFF
_SKIP, _INTEND = 0x4000, 0x2000
_ODD = 0xFFFFFFFF
_NANO = 10**9
_REMEMBERED = 500
_PACKED_REMEMBERED = 10_000


class Seen(NamedTuple):
    """What is remembered of a file, to tell at a glance that it is the same."""

    ctime: int = 0
    ctime_ns: int = 0
    mtime: int = 0
    mtime_ns: int = 0
    dev: int = 0
    ino: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0


NEVER = Seen()


class Entry(NamedTuple):
    """One entry."""

    mode: int
    oid: str
    seen: Seen = NEVER
    stage: int = 0
    valid: bool = False  # a person said: assume that it is unchanged
    skip: bool = False  # no working tree has it
    intend: bool = False


Key = tuple[bytes, int]
Entries = dict[Key, Entry]


class Index:
    """What an index file holds; `at` is when that was written, in whole seconds, 0 for none."""

    def __init__(self, entries: Mapping[Key, Entry] | None = None, at: int = 0) -> None:
        self.entries: Entries = dict(entries or {})
        self.at = at
        self.changed = False
        self.was_there = at != 0

    def get(self, path: bytes) -> Entry | None:
        """The entry of a path that is not in conflict."""
        return self.entries.get((path, 0))

    def put(self, path: bytes, entry: Entry) -> None:
        """Set an entry, in the place of all that stand in its way."""
        if entry.stage == 0:
            for stage in (1, 2, 3):
                self.entries.pop((path, stage), None)
        if (path, entry.stage) not in self.entries:
            self._make_way(path, entry.stage)
        self.entries[path, entry.stage] = entry
        self.changed = True

    def _make_way(self, path: bytes, stage: int) -> None:
        parts = path.split(b"/")
        for number in range(1, len(parts)):
            self.entries.pop((b"/".join(parts[:number]), stage), None)
        below = path + b"/"
        for key in [key for key in self.entries if key[1] == stage and key[0].startswith(below)]:
            del self.entries[key]

    def remove(self, path: bytes) -> bool:
        """Take a path out; whether it was there."""
        found = [self.entries.pop((path, stage), None) is not None for stage in range(4)]
        self.changed = self.changed or any(found)
        return any(found)

    def ordered(self) -> list[tuple[Key, Entry]]:
        """All entries in git's order."""
        return sorted(self.entries.items())

    def unmerged(self) -> list[bytes]:
        """The paths in conflict."""
        found = [path for path, stage in self.entries if stage]
        return sorted(set(found)) if found else []

    def data(self) -> bytes:
        """The file."""
        extended = any(entry.skip or entry.intend for entry in self.entries.values())
        entries = self.ordered()
        head = b"DIRC" + struct.pack(">II", 3 if extended else 2, len(entries))
        data = b"".join([head, *(_packed(path, stage, entry) for (path, stage), entry in entries)])
        data += hashlib.sha1(data, usedforsecurity=False).digest()
        _remember(data, dict(entries))
        return data


@lru_cache(maxsize=_PACKED_REMEMBERED)
def _packed(path: bytes, stage: int, entry: Entry) -> bytes:
    """An entry as it stands in the file."""
    more = entry.skip or entry.intend
    flags = min(len(path), _LONGEST) | stage << 12 | (_VALID if entry.valid else 0) | (_EXTENDED if more else 0)
    seen = entry.seen
    head = _HEAD.pack(
        *(seen.ctime & _ODD, seen.ctime_ns, seen.mtime & _ODD, seen.mtime_ns, seen.dev & _ODD),
        *(seen.ino & _ODD, entry.mode, seen.uid, seen.gid, seen.size & _ODD, bytes.fromhex(entry.oid), flags),
    )
    if more:
        head += struct.pack(">H", (_SKIP if entry.skip else 0) | (_INTEND if entry.intend else 0))
    return head + path + b"\0" * (8 - (len(head) + len(path)) % 8)


_memo: dict[bytes, Entries] = {}


def _remember(data: bytes, entries: Entries) -> None:
    if len(_memo) > _REMEMBERED:
        _memo.clear()
    _memo[data] = entries


def load(path: str) -> Index:
    """The index in a file; an empty one when there is none. Raises Failure."""
    data = files.read(path)
    if data is None:
        return Index()
    seen = files.kind(path)
    entries = _memo.get(data)
    if entries is None:
        entries = _parse(data)
        _remember(data, entries)
    return Index(entries, int(seen.st_mtime) if seen else 0)


def _parse(data: bytes) -> Entries:
    if data[:4] != b"DIRC" or len(data) < 32:
        raise fatal("index file corrupt")
    if hashlib.sha1(data[:-20], usedforsecurity=False).digest() != data[-20:]:
        raise fatal("index file corrupt")
    version, count = struct.unpack_from(">II", data, 4)
    if version not in (2, 3):
        raise NotImplementedError(f"an index of version {version}")
    entries: Entries = {}
    at = 12
    for _ in range(count):
        *numbers, oid, flags = _HEAD.unpack_from(data, at)
        ctime, ctime_ns, mtime, mtime_ns, dev, ino, mode, uid, gid, size = numbers
        start = at + _HEAD.size
        more = 0
        if flags & _EXTENDED:
            more = struct.unpack_from(">H", data, start)[0]
            start += 2
        end = data.index(b"\0", start)
        seen = Seen(ctime, ctime_ns, mtime, mtime_ns, dev, ino, uid, gid, size)
        stage = flags >> 12 & 3
        entry = Entry(mode, oid.hex(), seen, stage, bool(flags & _VALID), bool(more & _SKIP), bool(more & _INTEND))
        entries[data[start:end], stage] = entry
        length = end - at
        at = end + 8 - length % 8
    return entries


def seen_of(found: os.stat_result) -> Seen:
    """What is remembered of a file."""
    ctime, ctime_ns = divmod(found.st_ctime_ns, 10**9)
    mtime, mtime_ns = divmod(found.st_mtime_ns, 10**9)
    numbers = (found.st_dev, found.st_ino, found.st_uid, found.st_gid, found.st_size)
    return Seen(ctime & _ODD, ctime_ns, mtime & _ODD, mtime_ns, *(number & _ODD for number in numbers))


def mode_of(found: os.stat_result) -> int:
    """The mode that git gives to a file; 0 for what it keeps no track of."""
    kind = stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFREG:
        return 0o100755 if found.st_mode & 0o100 else 0o100644
    return LINK_MODE if kind == stat.S_IFLNK else GITLINK if kind == stat.S_IFDIR else 0


def same(entry: Entry, found: os.stat_result) -> bool:
    """Whether a file looks as it is remembered; the parts of a second do not count, as git is built."""
    then = entry.seen
    return (
        then.size == found.st_size & _ODD
        and then.ino == found.st_ino & _ODD
        and then.mtime == found.st_mtime_ns // _NANO & _ODD
        and then.ctime == found.st_ctime_ns // _NANO & _ODD
        and (then.uid, then.gid) == (found.st_uid, found.st_gid)
        and entry.mode == mode_of(found)
    )


def racy(entry: Entry, at: int) -> bool:
    """Whether a file may have been edited unseen after its entry was made: it is as young as the index."""
    return at != 0 and entry.seen.mtime >= at
