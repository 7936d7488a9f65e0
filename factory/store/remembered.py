"""What was worked out once and is remembered, locally: named texts, each with the key of what it was worked out from.

Whatever is not whole, of another version or of another key counts as not there.
"""

import zlib
from contextlib import suppress
from pathlib import Path

from factory.model.errors import TooLarge
from factory.store import files

_MOST_BYTES = 500_000_000
_HEAD_BYTES = 65_536  # of a form, a key and a note


class Remembered:
    """Files in one folder, of the form `form`, which holds whatever decides how they are read."""

    def __init__(self, folder: Path, form: str) -> None:
        self._folder = folder
        self._form = form.encode()

    def note(self, name: str, key: str) -> bytes | None:
        """The note that was put with a key, without reading the rest."""
        head = files.read_start(self._folder / name, _HEAD_BYTES).split(b"\n", 4)
        return self._noted(head, key) if len(head) == 5 else None

    def body(self, name: str, key: str = "") -> bytes | None:
        """What was put with a key; without one, what was put last."""
        head = (self._read(name) or b"").split(b"\n", 4)
        if len(head) < 5 or self._noted(head, key or head[1].decode(errors="replace")) is None:
            return None
        try:
            body = zlib.decompress(head[4])
        except zlib.error:
            return None
        return body if head[3] == b"%08x" % zlib.crc32(body) else None

    def put(self, name: str, key: str, note: bytes, body: bytes) -> None:
        """Remember something. What cannot be kept is worked out again."""
        told = b"%08x %s" % (zlib.crc32(key.encode() + note), note)
        head = (self._form, key.encode(), told, b"%08x" % zlib.crc32(body))
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            files.write(self._folder / name, b"\n".join((*head, zlib.compress(body, 1))))

    def _noted(self, head: list[bytes], key: str) -> bytes | None:
        checksum, _, note = head[2].partition(b" ")
        known = head[0] == self._form and head[1] == key.encode()
        return note if known and checksum == b"%08x" % zlib.crc32(head[1] + note) else None

    def _read(self, name: str) -> bytes | None:
        try:
            return files.read_regular(self._folder / name, _MOST_BYTES)
        except TooLarge:
            return None
