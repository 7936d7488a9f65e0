"""Packs: read with their deltas, written without."""

import hashlib
import os
import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.simulation.git import files
from tests.simulation.git.steps import fatal

_NAMES = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_NUMBERS = {name: number for number, name in _NAMES.items()}
_OFFSET, _REFERENCE = 6, 7
_FAR = 0x80000000


class Entry(NamedTuple):
    """An object in a pack: its name, the checksum of its bytes there, and where they begin."""

    oid: bytes
    crc: int
    offset: int


class Index:
    """The list of what a pack holds (gitformat-pack, version 2)."""

    def __init__(self, data: bytes) -> None:
        self._count = count = struct.unpack_from(">I", data, 8 + 255 * 4)[0]
        start = 8 + 256 * 4
        self._names = data[start : start + 20 * count]
        self._near = start + 24 * count
        self._data = data
        self._sorted = [self._names[at : at + 20] for at in range(0, 20 * count, 20)]

    def find(self, oid: bytes) -> int | None:
        """Where an object begins."""
        at = bisect_left(self._sorted, oid)
        if at == self._count or self._sorted[at] != oid:
            return None
        near: int = struct.unpack_from(">I", self._data, self._near + 4 * at)[0]
        if near & _FAR:
            far = self._near + 4 * self._count + 8 * (near ^ _FAR)
            near = struct.unpack_from(">Q", self._data, far)[0]
        return near

    def names(self) -> Iterator[str]:
        """Every object."""
        return (oid.hex() for oid in self._sorted)


_indexes: dict[tuple[str, int], Index] = {}
_LIMIT = 1000


class Pack:
    """One pack on disk."""

    def __init__(self, path: str, size: int) -> None:
        self.path = path  # without .pack
        key = path.rpartition("/")[2], size  # the name tells what it holds
        found = _indexes.get(key)
        if found is None:
            data = files.read(f"{path}.idx")
            if data is None or len(data) != size:
                raise fatal(f"{path}.idx cannot be read")
            if len(_indexes) > _LIMIT:
                _indexes.clear()
            found = _indexes[key] = Index(data)
        self.index = found

    def read(self, oid: bytes) -> tuple[str, bytes] | None:
        """(kind, content) of an object."""
        at = self.index.find(oid)
        data = files.read(f"{self.path}.pack") if at is not None else None
        return None if data is None or at is None else self._at(data, at)

    def _at(self, data: bytes, at: int) -> tuple[str, bytes]:
        number, position = _header(data, at)
        if number == _OFFSET:
            back, position = _offset(data, position)
            kind, base = self._at(data, at - back)
        elif number == _REFERENCE:
            found = self.index.find(data[position : position + 20])
            if found is None:
                raise fatal(f"{self.path}.pack is not whole")
            kind, base = self._at(data, found)
            position += 20
        else:
            return _NAMES[number], zlib.decompressobj().decompress(data[position:])
        return kind, _patched(base, zlib.decompressobj().decompress(data[position:]))


def _header(data: bytes, at: int) -> tuple[int, int]:
    number = data[at] >> 4 & 7
    while data[at] & 0x80:
        at += 1
    return number, at + 1


def _offset(data: bytes, at: int) -> tuple[int, int]:
    back = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        back = (back + 1) << 7 | data[at] & 0x7F
    return back, at + 1


def _size(delta: bytes, at: int) -> int:
    while delta[at] & 0x80:
        at += 1
    return at + 1


def _patched(base: bytes, delta: bytes) -> bytes:
    at = _size(delta, _size(delta, 0))
    out = []
    while at < len(delta):
        order = delta[at]
        at += 1
        if not order & 0x80:
            out.append(delta[at : at + order])
            at += order
            continue
        values = []
        for bits, count in ((order, 4), (order >> 4, 3)):
            value = 0
            for number in range(count):
                if bits >> number & 1:
                    value |= delta[at] << 8 * number
                    at += 1
            values.append(value)
        start, size = values[0], values[1] or 0x10000
        out.append(base[start : start + size])
    return b"".join(out)


def unpacked(pack: bytes) -> list[tuple[str, bytes, int, int]]:
    """(kind, content, offset, crc) of each object of a pack without deltas. Raises Failure."""
    if pack[:4] != b"PACK" or hashlib.sha1(pack[:-20], usedforsecurity=False).digest() != pack[-20:]:
        raise fatal("pack is corrupted (SHA1 mismatch)")
    found = []
    at = 12
    for _ in range(struct.unpack_from(">I", pack, 8)[0]):
        number, position = _header(pack, at)
        if number not in _NAMES:
            raise NotImplementedError("index-pack of a pack with deltas")
        reader = zlib.decompressobj()
        content = reader.decompress(pack[position:-20])
        end = len(pack) - 20 - len(reader.unused_data)
        found.append((_NAMES[number], content, at, zlib.crc32(pack[at:end])))
        at = end
    return found


def packed(objects: Iterable[tuple[str, str, bytes]]) -> tuple[bytes, list[Entry]]:
    """A pack without deltas of (object id, kind, content), and what its index lists."""
    objects = list(objects)
    parts = [b"PACK" + struct.pack(">II", 2, len(objects))]
    at = len(parts[0])
    entries = []
    for oid, kind, data in objects:
        size, first = len(data) >> 4, _NUMBERS[kind] << 4 | len(data) & 15
        header = bytearray()
        while size:
            header.append(first | 0x80)
            size, first = size >> 7, size & 0x7F
        header.append(first)
        part = bytes(header) + zlib.compress(data, 1)
        entries.append(Entry(bytes.fromhex(oid), zlib.crc32(part), at))
        parts.append(part)
        at += len(part)
    data = b"".join(parts)
    return data + hashlib.sha1(data, usedforsecurity=False).digest(), entries


def index_of(entries: Iterable[Entry], trailer: bytes) -> bytes:
    """The index of a pack that ends with this checksum."""
    entries = sorted(entries)
    firsts = [entry.oid[0] for entry in entries]
    parts = [b"\xfftOc" + struct.pack(">I", 2)]
    parts += [struct.pack(">I", bisect_right(firsts, number)) for number in range(256)]
    parts += [entry.oid for entry in entries]
    parts += [struct.pack(">I", entry.crc) for entry in entries]
    parts += [struct.pack(">I", entry.offset) for entry in entries]
    data = b"".join(parts) + trailer
    return data + hashlib.sha1(data, usedforsecurity=False).digest()


def packs_in(folder: str) -> list[Pack]:
    """Every pack that lies in a folder of objects."""
    try:
        names = sorted(os.listdir(f"{folder}/pack"))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if name.endswith(".idx"):
            path = f"{folder}/pack/{name}"
            seen = files.kind(path)
            if seen is not None and files.exists(f"{path[:-4]}.pack"):
                found.append(Pack(path[:-4], seen.st_size))
    return found
