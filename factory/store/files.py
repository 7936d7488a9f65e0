"""Plain files: written whole or not at all, and never over what somebody else wrote."""

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path, PurePath, PurePosixPath

from factory.model.errors import TooLarge
from factory.store.system import MACHINE

_UNFINISHED = ".factory-"
_CHUNK = 1 << 16


def write(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put a file in place whole, over what was there."""
    beside = _made_beside(path, data, durable=durable)
    beside.replace(path)
    if durable:
        sync_folder(path.parent)


def write_new(path: Path, data: bytes) -> bool:
    """Put a file in place whole; False, and nothing done, when something is there already."""
    beside = _made_beside(path, data, durable=False)
    try:
        return move_new(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def move_new(source: Path, target: Path) -> bool:
    """Move a file; False, and nothing done, when something is at the target already or nothing at the source."""
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            moved = source.lstat()
            os.link(source, target, follow_symlinks=False)
        except (FileExistsError, FileNotFoundError):
            return False
        if _are_one(source, target):
            moved = source.lstat()  # it may have been rewritten just before it had its second name
        if _take_away(source, moved):
            return True  # what somebody has put over the target since counts
        if _is(target, moved):
            target.unlink()  # somebody moved or rewrote the source in between: what they did counts


def _take_away(path: Path, known: os.stat_result) -> bool:
    """Take away a name of a known file; False, and what lies there stays, when it is another one by now.

    It is put aside before it is looked at: what somebody saved there in that moment must not be taken for it.
    """
    aside = path.with_name(_UNFINISHED + hashlib.sha256(os.fsencode(path.name)).hexdigest())
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    same = _is(aside, known)
    if not same:
        with suppress(FileExistsError):  # they have saved again
            os.link(aside, path, follow_symlinks=False)
    aside.unlink()
    return same


def put_new(source: Path, target: Path) -> bool:
    """Move a file, from another file system too; False, and nothing done, when something is at the target already."""
    try:
        return move_new(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return write_new(target, source.read_bytes())


def _are_one(path: Path, other: Path) -> bool:
    """Whether two names are those of one file."""
    try:
        return _is(path, other.lstat())
    except FileNotFoundError:
        return False


def _is(path: Path, known: os.stat_result) -> bool:
    """Whether a name is that of a known file."""
    try:
        return os.path.samestat(path.lstat(), known)
    except FileNotFoundError:
        return False


def put(source: Path, target: Path) -> None:
    """Move a file of any kind over a file or over empty folders, in one instant."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        for folder, _, _ in os.walk(target, topdown=False):
            Path(folder).rmdir()
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f"{_UNFINISHED}{target.name[:100]}")
        shutil.copy2(source, beside, follow_symlinks=False)
        beside.replace(target)


def remove_empty_folders(folder: Path, stop: Path) -> None:
    """Remove a folder and those above it, up to `stop`, as long as they are empty."""
    while folder != stop and stop in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def remove_tree(folder: Path) -> None:
    """Remove a folder whatever somebody made of it: closed to its owner, or deeper than this language can follow."""
    with suppress(OSError, RecursionError):
        shutil.rmtree(folder)  # quicker than a process, and enough for nearly all
    if not os.path.lexists(folder):
        return
    for argv in (("rm", "-rf"), ("chmod", "-R", "u+rwX"), ("rm", "-rf")):
        MACHINE.run((*argv, "--", folder))
        if not os.path.lexists(folder):
            return


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with all it holds, as it is; what cannot be read is left out."""
    argv = ("cp", "-a", "--reflink=auto", "-T", "--", source, target)
    MACHINE.run(argv)


def make_folders(base: Path, below: PurePath) -> bool:
    """Make the folders of a path; False when anything else stands in the way, a link to a folder included."""
    place = base
    for part in below.parts:
        place = place / part
        try:
            place.mkdir()
        except FileExistsError:
            if not stat.S_ISDIR(place.lstat().st_mode):
                return False
    return True


def real_folder(base: Path, below: str) -> Path | None:
    """The folder at a path, when no link leads there."""
    place = base
    for part in PurePath(below).parts:
        place = place / part
        try:
            if not stat.S_ISDIR(place.lstat().st_mode):
                return None
        except OSError:
            return None
    return place


def remove_unfinished(folder: Path) -> None:
    """Remove what a crash left of files that were being written in a folder and below."""
    for path in folder.rglob(f"{_UNFINISHED}*"):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def names_in(folder: str) -> list[str]:
    """What lies in a folder, sorted; nothing when there is none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries)
    except OSError:
        return []


def read_all(path: str) -> bytes:
    """What a small file holds that git has written. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        data = part = os.read(descriptor, _CHUNK)
        while len(part) == _CHUNK:
            part = os.read(descriptor, _CHUNK)
            data += part
        return data
    finally:
        os.close(descriptor)


def read_regular(path: Path, most: int | None = None) -> bytes | None:
    """A plain file's content; None when it is not there, or is a link or anything else. Raises TooLarge, unread."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as stream:
        size = os.fstat(descriptor).st_size
        if most is not None and size > most:
            raise TooLarge(size, most)
        return stream.read()


def read_inside(folder: Path, name: str, most: int) -> bytes | None:
    """A plain file's content below a folder, with no link on the way; None when there is none. Raises TooLarge.

    Whoever owns the folder may write on, so no more than `most` bytes are ever read.
    """
    place = folder
    for part in PurePosixPath(name).parts[:-1]:
        place /= part
        if place.is_symlink():
            return None
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as stream:
        data = stream.read(most + 1)
        if len(data) > most:
            raise TooLarge(max(len(data), os.fstat(stream.fileno()).st_size), most, data)
        return data


def read_start(path: Path, most: int) -> bytes:
    """How a file begins; nothing when it cannot be read. Links are followed."""
    try:
        with path.open("rb") as stream:
            return stream.read(most)
    except OSError:
        return b""


def as_json(value: object) -> bytes:
    """JSON for people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _made_beside(path: Path, data: bytes, *, durable: bool) -> Path:
    """A file beside a path; the folder is there nearly always."""
    try:
        return _beside(path, data, durable)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _beside(path, data, durable)


def _beside(path: Path, data: bytes, durable: bool) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            os.fchmod(stream.fileno(), 0o644)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
