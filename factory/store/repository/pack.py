"""Packs: many objects in one file, as git reads them."""

import hashlib
import struct
import zlib

_TYPES = {"commit": 1, "tree": 2, "blob": 3}


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
