"""How a file of git's index is laid out (gitformat-index): where its entries and extensions end."""

import hashlib
import struct

SIGNATURE = b"DIRC"
DIGEST_BYTES = 20
NO_DIGEST = bytes(DIGEST_BYTES)  # git was told to write none
HEADER = struct.Struct(">4sII")  # signature, version, entries
EXTENSION = struct.Struct(">4sI")  # signature, bytes that follow
FLAGS_AT = 60  # in an entry, behind what `stat` said and the object's name
MORE_FLAGS = 0x4000  # follow
LENGTH = 0xFFF  # of the path, or this where it is longer
_FLAGS = struct.Struct(">H")
_COMPRESSED = 4  # the version whose paths leave out how the one before begins, and are not padded


def digest_of(data: bytes) -> bytes:
    """The digest that an index ends in, of all that comes before it."""
    return hashlib.sha1(data, usedforsecurity=False).digest()


def is_torn(data: bytes) -> bool:
    """Whether this is no index: without its signature, or not ending in its digest."""
    if not data.startswith(SIGNATURE):
        return True
    end = data[-DIGEST_BYTES:]
    return not _is_whole(data) if end == NO_DIGEST else digest_of(data[:-DIGEST_BYTES]) != end


def _is_whole(data: bytes) -> bool:
    """Whether what an index says that it holds ends where its digest begins; looks at no digest.

    A file that was cut off may end in as many zeros as an index that was written without a digest.
    """
    try:
        _, version, entries = HEADER.unpack_from(data)
        at = HEADER.size
        for _ in range(entries):
            at = _behind_entry(data, at, version)
        end = len(data) - DIGEST_BYTES
        while at < end:
            name, size = EXTENSION.unpack_from(data, at)
            if not name.isalpha():
                return False
            at += EXTENSION.size + size
    except (struct.error, ValueError, IndexError):
        return False  # it ends within one of these
    return at == end


def _behind_entry(data: bytes, at: int, version: int) -> int:
    """Where an entry ends that begins here. Raises struct.error, ValueError or IndexError when it does not."""
    (flags,) = _FLAGS.unpack_from(data, at + FLAGS_AT)
    path = at + FLAGS_AT + _FLAGS.size * (2 if flags & MORE_FLAGS else 1)
    if version == _COMPRESSED:
        while data[path] & 0x80:  # of how much is left out
            path += 1
        return data.index(b"\0", path + 1) + 1
    end = data.index(b"\0", path)
    if not 0 < min(end - path, LENGTH) == flags & LENGTH:
        raise ValueError(f"a path of {end - path} bytes")
    return at + ((end - at) // 8 + 1) * 8
