"""Objects on disk: written so that they last, and guarded from every clean-up until a branch holds them."""

import io
import os
import threading
from pathlib import Path

from gitdb import IStream, LooseObjectDB

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
        self._loose = LooseObjectDB(str(store))
        self._prefix = f"{store}/"
        self._cleaning = f"{store.parent}/gc.pid"
        self._loose_ends: Contents = {}  # files of their own, which no branch holds yet
        self._just_held: Contents = {}  # and those that one holds since the last batch
        self._keeps: list[Path] = []
        self._lock = threading.RLock()  # of these three

    def write(self, objects: Contents) -> None:
        """Make these objects durable."""
        if len(objects) > PACK_ABOVE:
            self._write_pack(objects)
        else:
            self._write_loose(objects)
            with self._lock:
                self._loose_ends |= objects

    def guard(self) -> None:
        """See that no clean-up of a person's git takes what no branch holds, or did not when that clean-up began.

        It deletes loose files that it does not know; a pack that is marked as kept it lets be.
        """
        with self._lock:
            loose = self._loose_ends | self._just_held
            if os.path.lexists(self._cleaning) or not all(os.path.lexists(self._place(oid)) for oid in loose):
                self._write_pack(loose)  # what lies in another pack already costs little twice
                self._loose_ends, self._just_held = {}, {}

    def release(self) -> None:
        """The branches hold all that was written."""
        with self._lock:
            for keep in self._keeps:
                keep.unlink(missing_ok=True)
            self._keeps, self._just_held, self._loose_ends = [], self._loose_ends, {}

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
        written: list[str] = []
        for oid, (kind, data) in objects.items():
            if not self._used_now(oid):
                self._store_loose(kind, data)
                written.append(oid)
        for oid in written:  # after the rename to its name, which the same journal entry makes durable
            while not self._synced(oid) and not self._is_packed(oid):
                self._store_loose(*objects[oid])

    def _place(self, oid: str) -> str:
        return f"{self._prefix}{oid[:2]}/{oid[2:]}"  # asked for too often for a Path

    def _used_now(self, oid: str) -> bool:
        """Whether a file of it is there already; if so no clean-up of git's takes it for old and unused."""
        try:
            os.utime(self._place(oid))
        except FileNotFoundError:
            return False
        return True

    def _store_loose(self, kind: str, data: bytes) -> None:
        while True:
            try:
                self._loose.store(IStream(kind, len(data), io.BytesIO(data)))
                return
            except FileNotFoundError:  # git removes a folder that it has just emptied
                if not self._store.is_dir():
                    raise

    def _synced(self, oid: str) -> bool:
        """Make a file of it durable; False when git, which may pack at any moment, has taken the file away."""
        try:
            _sync(self._place(oid))
        except FileNotFoundError:
            return False
        return True

    def _is_packed(self, oid: str) -> bool:
        """Whether git has it nevertheless, in a pack that it made durable."""
        return self._git.call("cat-file", "-e", oid, allowed=(0, 1, 128)).returncode == 0


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
