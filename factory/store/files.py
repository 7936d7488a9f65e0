"""Plain files: written whole or not at all, and never over what somebody else wrote."""

import json
import os
import stat
import tempfile
from pathlib import Path

from pydantic import JsonValue


def write(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put a file in place whole, over what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path, data, durable)
    beside.replace(path)
    if durable:
        sync_folder(path.parent)


def write_new(path: Path, data: bytes) -> bool:
    """Put a file in place whole; False, and nothing done, when something is there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path, data, durable=False)
    try:
        return move_new(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def move_new(source: Path, target: Path) -> bool:
    """Move a file; False, and nothing done, when something is at the target already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return False
    source.unlink()
    return True


def remove_empty_folders(folder: Path, stop: Path) -> None:
    """Remove a folder and those above it, up to `stop`, as long as they are empty."""
    while folder != stop and stop in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_regular(path: Path) -> bytes | None:
    """A plain file's content; None when it is not there, or is a link or anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return None
        return stream.read()


def as_json(value: JsonValue) -> bytes:
    """JSON for people to read."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _beside(path: Path, data: bytes, durable: bool) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=".factory-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        os.fchmod(stream.fileno(), 0o644)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    return Path(name)
