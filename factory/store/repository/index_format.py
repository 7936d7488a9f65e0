"""How a file of git's index is laid out: where its entries and extensions end."""

import struct

DIGEST_BYTES = 20
_HEADER = struct.Struct(">4sLL")  # signature, version, entries
_EXTENSION = struct.Struct(">4sL")  # signature, bytes that follow
_FLAGS = struct.Struct(">H")
_FLAGS_AT = 60  # in an entry, behind what `stat` said and the object's name
_EXTENDED = 0x4000  # more flags follow
_LENGTH = 0xFFF  # of the path, or this where it is longer
_COMPRESSED = 4  # the version whose paths leave out how the one before begins, and are not padded


def is_whole(data: bytes) -> bool:
    """Whether what an index says that it holds ends where its digest begins; looks at no digest.

    A file that was cut off may end in as many zeros as an index that was written without a digest.
    """
    try:
        _, version, entries = _HEADER.unpack_from(data)
        at = _HEADER.size
        for _ in range(entries):
            at = _behind_entry(data, at, version)
        end = len(data) - DIGEST_BYTES
        while at < end:
            name, size = _EXTENSION.unpack_from(data, at)
            if not name.isalpha():
                return False
            at += _EXTENSION.size + size
    except (struct.error, ValueError, IndexError):
        return False  # it ends within one of these
    return at == end


def _behind_entry(data: bytes, at: int, version: int) -> int:
    """Where an entry ends that begins here. Raises struct.error, ValueError or IndexError when it does not."""
    (flags,) = _FLAGS.unpack_from(data, at + _FLAGS_AT)
    path = at + _FLAGS_AT + _FLAGS.size * (2 if flags & _EXTENDED else 1)
    if version == _COMPRESSED:
        while data[path] & 0x80:  # of how much is left out
            path += 1
        return data.index(b"\0", path + 1) + 1
    end = data.index(b"\0", path)
    if not 0 < min(end - path, _LENGTH) == flags & _LENGTH:
        raise ValueError(f"a path of {end - path} bytes")
    return at + ((end - at) // 8 + 1) * 8
