"""Objects on disk: written so that they last, and guarded from every clean-up until a branch holds them."""

import os
import threading
import zlib
from contextlib import suppress
from pathlib import Path

from factory.store import files
from factory.store.repository.git import Git
from factory.store.repository.pack import pack_of

# As in git's own fetch.unpackLimit: more objects than this are better kept in one pack.
PACK_ABOVE = 60
_KEEP = "the factory is about to publish it"

Contents = dict[str, tuple[str, bytes]]  # (kind, content) by object id


class Disk:
    """A repository's folder of objects. One thread at a time writes, and any may guard."""

    def __init__(self, git: Git, store: Path) -> None:
        self._git = git
        self._store = store
        self._prefix = f"{store}/"
        self._cleaning = f"{store.parent}/gc.pid"
        self._loose_ends: Contents = {}  # files of their own, which no branch holds yet
        self._just_held: Contents = {}  # and those that one holds since the last batch
        self._watched: list[str] = []  # where these lie
        self._keeps: list[Path] = []
        self._lock = threading.RLock()  # of these four

    def write(self, objects: Contents) -> None:
        """Make these objects durable."""
        if len(objects) > PACK_ABOVE:
            self._write_pack(objects)
        else:
            self._write_loose(objects)
            with self._lock:
                self._loose_ends |= objects
                self._watch()

    def guard(self) -> None:
        """See that no clean-up of a person's git takes what no branch holds, or did not when that clean-up began.

        It deletes loose files that it does not know; a pack that is marked as kept it lets be.
        """
        with self._lock:
            if os.path.lexists(self._cleaning) or not all(map(os.path.lexists, self._watched)):
                self._write_pack(self._loose_ends | self._just_held)  # what a pack has already costs little twice
                self._loose_ends, self._just_held = {}, {}
                self._watch()

    def _watch(self) -> None:
        self._watched = [self._place(oid) for oid in self._loose_ends | self._just_held]

    def release(self) -> None:
        """The branches hold all that was written."""
        with self._lock:
            for keep in self._keeps:
                keep.unlink(missing_ok=True)
            self._keeps, self._just_held, self._loose_ends = [], self._loose_ends, {}
            self._watch()

    def forget_keeps(self) -> None:
        """Remove the marks of packs that a crash left. Only for the holder of the factory's lock."""
        for keep in (self._store / "pack").glob("*.keep"):
            if files.read_regular(keep) == _KEEP.encode() + b"\n":
                keep.unlink(missing_ok=True)

    def _write_pack(self, objects: Contents) -> None:
        if not objects:
            return
        told = self._git.run("index-pack", "--stdin", f"--keep={_KEEP}", stdin=pack_of(objects)).split()
        with self._lock:
            self._keeps.append(self._store / "pack" / f"pack-{told[-1].decode()}.keep")

    def _write_loose(self, objects: Contents) -> None:
        for oid, (kind, data) in objects.items():
            written = b"%s %d\0%s" % (kind.encode(), len(data), data)
            if not self._used_now(oid, written):
                self._store_loose(oid, written)

    def _place(self, oid: str) -> str:
        return f"{self._prefix}{oid[:2]}/{oid[2:]}"

    def _used_now(self, oid: str, written: bytes) -> bool:
        """Whether a whole file of it is there already; if so no clean-up of git's takes it for old and unused.

        Git syncs no loose file by itself, so that a loss of power may have left an empty one.
        """
        place = self._place(oid)
        try:
            os.utime(place)
            return zlib.decompress(files.read_all(place)) == written
        except (FileNotFoundError, zlib.error):
            return False

    def _store_loose(self, oid: str, written: bytes) -> None:
        """As git writes one (Documentation/gitformat-loose): synced before it gets its name, so never torn under it.

        The name lasts with whatever is synced next, which is the note of the batch at the latest.
        """
        # Git removes what is called so and has grown old.
        beside = Path(f"{self._prefix}{oid[:2]}/tmp_obj_{oid[:8]}_{os.getpid()}")
        packed = zlib.compress(written, 1)
        while True:
            try:
                _write_synced(beside, packed)
                beside.replace(self._place(oid))
                return
            except FileNotFoundError:  # git also removes a folder that it has just emptied
                if not self._store.is_dir():
                    raise
                beside.parent.mkdir(exist_ok=True)
            except OSError:
                with suppress(OSError):
                    beside.unlink(missing_ok=True)
                raise


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o444)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
