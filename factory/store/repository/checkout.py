"""A working tree's files, brought from what they were to what they shall be; any other content is a person's."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from factory.model.layout import in_queue
from factory.store import files
from factory.store.repository.index import PATHS_A_CALL, Index
from factory.store.repository.objects import Objects, name_of
from factory.store.repository.trees import Change, pairs_of

# Where and what a file is, and when it was last changed; None where nothing lies.
Stamp = tuple[int, int, int, int] | None


class Checkout:
    """The files of one working tree."""

    def __init__(self, root: Path, index: Index, state: Path, name: str) -> None:
        self.root = root
        self._index = index
        self._state = state
        self._name = name  # of its working tree

    @cached_property
    def _aside(self) -> Path:
        """Where files are written before they are brought in."""
        return self._state / f"checkout-{self._name}"

    @cached_property
    def _own(self) -> Path:
        """The same for the factory's own, side by side: a folder that stays spares making and removing others."""
        return self._state / f"own-{self._name}"

    def _own_beside(self, path: str) -> Path:
        return self._own / name_of("blob", os.fsencode(path))

    def obstacle(self, changes: Sequence[Change]) -> Path | None:
        """What lies where the factory's own files need a folder, if anything; a link does, since it leads elsewhere."""
        folders = {folder for change in changes if change.new and change.of_factory for folder in _above(change.path)}
        places = (self.root / folder for folder in sorted(folders))
        return next((place for place in places if os.path.lexists(place) and not _is_folder(place)), None)

    def stamps(self, changes: Sequence[Change]) -> dict[str, Stamp]:
        """How the files are now, by path, without reading them: as long as it is the same, nobody touched them."""
        return {change.path: _stamp(self.root / change.path) for change in changes}

    def write_beside(self, objects: Objects, changes: Sequence[Change]) -> None:
        """Write the factory's own files beside, so that bringing them in is a rename each."""
        shutil.rmtree(self._aside, ignore_errors=True)
        if files.names_in(str(self._own)):  # of a crash, or where a person's were in the place
            shutil.rmtree(self._own, ignore_errors=True)
        for change in _written([change for change in changes if change.of_factory]):
            assert change.new is not None
            files.write(self._own_beside(change.path), objects.blob(change.new.oid))

    def check_out_beside(self, changes: Sequence[Change]) -> None:
        """Have git write the project's own files beside, from the prepared index: with its filters and modes.

        Not in place: a git that dies half way through a file would leave what looks like a person's edit.
        """
        paths = [each.path for each in changes if each.new and not each.of_factory]
        hidden = self._index.hidden(paths)
        names = b"".join(os.fsencode(path) + b"\0" for path in paths if path not in hidden)
        if names:
            self._index.with_prepared("checkout-index", "-f", "-z", "--stdin", f"--prefix={self._aside}/", stdin=names)

    def update(self, changes: Sequence[Change], seen: Mapping[str, Stamp]) -> None:
        """Bring files from their old content to the new, which has been written beside.

        Those of the project only if they still are as they were seen: else they are a person's, of this very moment.
        """
        ours = [change for change in changes if change.of_factory]
        self._put([change for change in changes if not change.of_factory], seen)
        moved = pairs_of(ours)
        for change in ours:
            if change.old and not change.new:
                self._move_or_remove(change, moved.get(change.path))
        for change in _written(ours):
            if self._blob_at(change.path) == (change.old.oid if change.old else None):
                bring_in = files.put if change.old else files.put_new
                bring_in(self._own_beside(change.path), self.root / change.path)

    def restore(self, objects: Objects, changes: Sequence[Change]) -> None:
        """Bring files from their old content to the new, each only if it still holds the old one."""
        for change in changes:
            if change.new:
                self._write(objects, change)
            else:
                self._move_or_remove(change, None)

    def untouched(self, changes: Sequence[Change]) -> list[Change]:
        """Those of these changes whose file still is what it was before. Makes use of the prepared index."""
        if not changes:
            return []
        self._index.prepare(Change(change.path, change.new, change.old) for change in changes)
        touched: set[str] = set()
        paths = [f":(top,literal){change.path}" for change in changes]
        for start in range(0, len(paths), PATHS_A_CALL):
            arguments = ("status", "--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all", "--")
            out = self._index.with_prepared(*arguments, *paths[start : start + PATHS_A_CALL])
            touched |= {os.fsdecode(record[3:]) for record in out.split(b"\0")[:-1] if record[1:2] != b" "}
        return [change for change in changes if change.path not in touched]

    def remove_unfinished(self, changes: Sequence[Change]) -> None:
        """Remove what a crash left of files that it was writing for these changes."""
        ours = (change.path for change in changes if change.of_factory)
        for folder in {(self.root / path).parent for path in ours}:
            files.remove_unfinished(folder)

    def has(self, change: Change) -> bool:
        """Whether a file already is what it shall be, as one that was just taken in from here."""
        return change.new is not None and self._blob_at(change.path) == change.new.oid

    def _move_or_remove(self, gone: Change, come: Change | None) -> None:
        source = self.root / gone.path
        if come is not None:
            # Moved whatever it holds by now: a person's edit of the last moment goes with the file.
            if source.is_file() and not source.is_symlink():
                moved = files.move_new(source, self.root / come.path)
                if not moved and gone.old and self._blob_at(gone.path) == gone.old.oid:
                    source.unlink()  # an earlier try ended half way; or a person's is there, and stays
        elif gone.old and self._blob_at(gone.path) == gone.old.oid:
            source.unlink()
        keep = 2 if in_queue(gone.path) else 1  # an empty lane still is a place to drop files into
        files.remove_empty_folders(source.parent, self.root.joinpath(*Path(gone.path).parts[:keep]))

    def _write(self, objects: Objects, change: Change) -> None:
        there = self._blob_at(change.path)
        if change.new and there == (change.old.oid if change.old else None):
            data = objects.blob(change.new.oid)
            if change.old:
                files.write(self.root / change.path, data)
            else:
                files.write_new(self.root / change.path, data)

    def _blob_at(self, path: str) -> str | None:
        data = files.read_regular(self.root / path)
        return None if data is None else name_of("blob", data)

    def _put(self, changes: Sequence[Change], seen: Mapping[str, Stamp]) -> None:
        for change in changes:
            if change.old and not change.new and self._is_as_seen(change, seen):
                place = self.root / change.path
                # A folder here is a submodule's, which git leaves too, or a person's of this very moment.
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    place.unlink()
                files.remove_empty_folders(place if place.is_dir() else place.parent, self.root)
        for change in changes:
            source = self._aside / change.path
            if change.new and os.path.lexists(source):  # else a sparse checkout leaves it out
                place = self.root / change.path
                if not os.path.lexists(place):
                    files.put_new(source, place)
                elif self._is_as_seen(change, seen) or (place.is_dir() and not place.is_symlink()):
                    files.put(source, place)

    def _is_as_seen(self, change: Change, seen: Mapping[str, Stamp]) -> bool:
        return _stamp(self.root / change.path) == seen[change.path]


def _written(changes: Sequence[Change]) -> list[Change]:
    """Those of the factory's own changes whose new content is not that of a file which moves."""
    arrived = {change.path for change in pairs_of(changes).values()}
    return [change for change in changes if change.new and change.path not in arrived]


@lru_cache(maxsize=1024)
def _above(path: str) -> tuple[str, ...]:
    """The folders that a path lies in, but for the root."""
    return tuple(str(folder) for folder in PurePosixPath(path).parents)[:-1]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _stamp(path: Path) -> Stamp:
    try:
        seen = path.lstat()
    except OSError:  # nothing is there, or something is where a folder on the way would be
        return None
    return seen.st_ino, seen.st_mode, seen.st_size, seen.st_ctime_ns
