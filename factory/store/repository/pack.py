"""Packs: many objects in one file, as git writes and reads them."""

import hashlib
import struct
import zlib

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
_KINDS = {number: kind for kind, number in _TYPES.items()}
_HEADER, _TRAILER = 12, 20  # bytes
_LONGEST_HEADER = 8  # bytes of an object


def pack_of(objects: dict[str, tuple[str, bytes]]) -> bytes:
    """A version 2 pack without deltas (git's Documentation/gitformat-pack)."""
    parts = [b"PACK" + struct.pack(">II", 2, len(objects))]
    for kind, data in objects.values():
        size, first = len(data) >> 4, _TYPES[kind] << 4 | len(data) & 15
        header = bytearray()
        while size:
            header.append(first | 0x80)
            size, first = size >> 7, size & 0x7F
        header.append(first)
        parts += (bytes(header), zlib.compress(data, 1))
    pack = b"".join(parts)
    return pack + hashlib.sha1(pack, usedforsecurity=False).digest()


def objects_of(pack: bytes, most: int) -> list[tuple[str, bytes]]:
    """(kind, content) of each object of a pack as `pack_of` makes it, whoever sent it.

    Raises ValueError for anything else, and before more than `most` bytes are unpacked.
    """
    if len(pack) < _HEADER + _TRAILER or pack[:8] != b"PACK" + struct.pack(">I", 2):
        raise ValueError("is no pack")
    end = len(pack) - _TRAILER
    if hashlib.sha1(pack[:end], usedforsecurity=False).digest() != pack[end:]:
        raise ValueError("is torn: its checksum is another one")
    found: list[tuple[str, bytes]] = []
    place, left = _HEADER, most
    (count,) = struct.unpack(">I", pack[8:_HEADER])
    for _ in range(count):
        kind, size, place = _header(pack, place, end)
        if size > left:
            raise ValueError(f"holds more than {most} bytes")
        stream = zlib.decompressobj()
        try:
            data = stream.decompress(pack[place:end], size + 1)
        except zlib.error as error:
            raise ValueError(f"cannot be unpacked: {error}") from None
        if len(data) != size or not stream.eof:
            raise ValueError("has an object of another size than it says")
        place, left = end - len(stream.unused_data), left - size
        found.append((kind, data))
    if place != end:
        raise ValueError("has more in it than it says")
    return found


def _header(pack: bytes, place: int, end: int) -> tuple[str, int, int]:
    """(kind, size, where its content begins) of the object at a place. Raises ValueError."""
    byte, shift = 0x80, 4
    kind, size = "", 0
    first = place
    while byte & 0x80:
        if place >= end or place - first > _LONGEST_HEADER:
            raise ValueError("ends within an object")
        byte = pack[place]
        if place == first:
            kind, size = _KINDS.get(byte >> 4 & 7, ""), byte & 15
        else:
            size |= (byte & 0x7F) << shift
            shift += 7
        place += 1
    if not kind:
        raise ValueError("has an object of a kind that is not sent")
    return kind, size, place
