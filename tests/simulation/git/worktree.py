"""The working tree's files: read as git would store them, told apart from the index, written from blobs."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tests.simulation.git import files
from tests.simulation.git.ignore import Ignored
from tests.simulation.git.index import Entry, Index, mode_of, racy, same, seen_of
from tests.simulation.git.objects import GITLINK, LINK_MODE, name_of
from tests.simulation.git.repo import Repo
from tests.simulation.git.steps import Steps, fatal

_EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def place_of(root: str, path: bytes) -> str:
    """Where a path of the index lies."""
    return f"{root}/{path.decode('utf-8', 'surrogateescape')}"


def content(place: str, mode: int) -> bytes:
    """What a file, or a link, holds as a blob. Raises FileNotFoundError."""
    if mode == LINK_MODE:
        return os.fsencode(os.readlink(place))
    data = files.read(place)
    if data is None:
        raise FileNotFoundError(2, "No such file or directory", place)
    return data


def looked(root: str, path: bytes) -> os.stat_result | None:
    """What lies at a path; None also where a link stands in the place of a folder on the way."""
    found = files.kind(place_of(root, path))
    return found if found is not None and _leads_on(root, path.rpartition(b"/")[0], {}) else None


def _leads_on(root: str, folder: bytes, known: dict[bytes, bool]) -> bool:
    """Whether no link stands in the place of a folder or of one above it; `known` is added to."""
    if not folder:
        return True
    if folder not in known:
        seen = files.kind(place_of(root, folder))
        there = seen is not None and not stat.S_ISLNK(seen.st_mode)
        known[folder] = there and _leads_on(root, folder.rpartition(b"/")[0], known)
    return known[folder]


def differs(root: str, path: bytes, entry: Entry, found: os.stat_result, at: int) -> bool:
    """Whether a file is another one than its entry says, as git finds out: at a glance, and by reading if it must."""
    if entry.mode == GITLINK:
        return not stat.S_ISDIR(found.st_mode)
    if same(entry, found) and not racy(entry, at) and not (entry.seen.size == 0 and entry.oid != _EMPTY_BLOB):
        return False
    mode = mode_of(found)
    if mode != entry.mode or entry.seen.size not in (0, found.st_size):
        return True
    try:
        return name_of("blob", content(place_of(root, path), mode)) != entry.oid
    except FileNotFoundError:
        return True


class Difference(NamedTuple):
    """How a file differs from its entry."""

    path: bytes
    letter: str  # M, D or T
    found: os.stat_result | None


def refreshed(repo: Repo, index: Index, meant: Callable[[bytes], bool]) -> list[Difference]:
    """Bring what the index remembers of files that are unchanged up to date; those that are not."""
    root = repo.root
    found: list[Difference] = []
    known: dict[bytes, bool] = {}
    for path, stage in sorted(index.entries):
        entry = index.entries[path, stage]
        if stage or entry.valid or entry.skip or not meant(path):
            continue
        seen = files.kind(place_of(root, path))
        folder = path.rpartition(b"/")[0]
        if seen is not None and not (known.get(folder) or _leads_on(root, folder, known)):
            seen = None
        if seen is None or (stat.S_ISDIR(seen.st_mode) and entry.mode != GITLINK):
            found.append(Difference(path, "D", None))
        elif differs(root, path, entry, seen, index.at):
            kind = mode_of(seen) & 0o170000
            found.append(Difference(path, "M" if kind == entry.mode & 0o170000 else "T", seen))
        elif entry.mode != GITLINK and not same(entry, seen):
            index.entries[path, 0] = entry._replace(seen=seen_of(seen))
            index.changed = True
    return found


def smudge(repo: Repo, index: Index) -> None:
    """Have git look again at files that were edited so soon that nobody could tell (racy-git)."""
    if repo.work_tree is None:
        return
    for (path, stage), entry in index.entries.items():
        if stage or entry.mode == GITLINK or not racy(entry, index.at):
            continue
        seen = files.kind(place_of(repo.work_tree, path))
        if seen is None or not same(entry, seen):
            continue
        if differs(repo.work_tree, path, entry, seen, index.at):
            index.entries[path, 0] = entry._replace(seen=entry.seen._replace(size=0))


def untracked(
    repo: Repo, index: Index, meant: Callable[[bytes], bool], reaches: Callable[[bytes], bool]
) -> Iterator[tuple[bytes, bool]]:
    """(path, whether it is ignored) of each file that the index does not have."""
    ignored = Ignored(repo)
    tracked = {path for path, _ in index.entries}
    folders = _folders_of(tracked)

    def below(folder: bytes, out: bool) -> Iterator[tuple[bytes, bool]]:
        try:
            entries = sorted(os.scandir(place_of(repo.root, folder)), key=lambda entry: os.fsencode(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            name = os.fsencode(entry.name)
            path = folder + b"/" + name if folder else name
            if name == b".git" or path in tracked:
                continue
            if entry.is_dir(follow_symlinks=False):
                if not reaches(path):
                    continue
                if path not in folders and os.path.lexists(f"{entry.path}/.git"):
                    if meant(path + b"/"):
                        yield path + b"/", out or ignored(path, is_folder=True)
                    continue
                yield from below(path, out or (path not in folders and ignored(path, is_folder=True)))
            elif (entry.is_file(follow_symlinks=False) or entry.is_symlink()) and meant(path):
                yield path, out or ignored(path, is_folder=False)

    yield from below(b"", False)


def _folders_of(paths: Iterable[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for path in paths:
        folder = path.rpartition(b"/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition(b"/")[0]
    return found


def make_way(root: str, path: bytes) -> None:
    """Make the folders in which a path shall lie; a file or link in the place of one is removed."""
    place = place_of(root, path)
    folder = root
    for part in place[len(root) + 1 :].split("/")[:-1]:
        folder = f"{folder}/{part}"
        seen = files.kind(folder)
        if seen is None:
            os.mkdir(folder)
        elif not stat.S_ISDIR(seen.st_mode):
            os.unlink(folder)
            os.mkdir(folder)


def check_out(repo: Repo, root: str, path: bytes, mode: int, oid: str) -> Steps[os.stat_result]:
    """Write one file from its blob: what is there is removed first, as git does. Raises Failure."""
    data = repo.store.blob(oid) if mode != GITLINK else b""
    make_way(root, path)
    place = place_of(root, path)
    seen = files.kind(place)
    if seen is not None and stat.S_ISDIR(seen.st_mode):
        if mode == GITLINK:
            return seen
        files.remove_empty_below(place)
    elif seen is not None:
        os.unlink(place)
        yield f"{place} was removed"
    if mode == GITLINK:
        os.mkdir(place)
    elif mode == LINK_MODE:
        os.symlink(os.fsdecode(data), place)
    else:
        try:
            files.write(place, data, flags=os.O_EXCL, mode=0o777 if mode == 0o100755 else 0o666)
        except FileExistsError:
            raise fatal(f"unable to create file {place}: File exists") from None
    yield f"{place} was written"
    return os.lstat(place)


def remove(repo: Repo, path: bytes) -> Steps[None]:
    """Remove a file, and the folders that it leaves empty."""
    place = place_of(repo.root, path)
    try:
        gone = files.remove(place)
    except (IsADirectoryError, PermissionError):
        gone = False
    if gone:
        yield f"{place} was removed"
        files.remove_empty(place.rpartition("/")[0], repo.root)
