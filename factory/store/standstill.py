"""Standstill: what a pass that found nothing to do had looked at. As long as it is the same, the next need not look.

Only ever a help, and about nothing but whether to look again: whatever is unclear about it, a pass is made.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from factory import __version__
from factory.model.base import Format, Ordinal
from factory.model.errors import TooLarge
from factory.model.layout import CONTRACTS, QUEUE, lane_folder
from factory.model.lifecycle import Lane
from factory.model.moments import Moment
from factory.store import files
from factory.store.repository.repository import Repository
from factory.store.repository.view import View
from factory.store.state import BRANCH, CELLS, HEARTBEATS, PENDING, PUBLISHED, STANDSTILL

HELD_MOST = 20
_BYTES = 200_000
_LONGEST = timedelta(days=1)  # that it may hold, whatever a clock that was set back has written
_Short = Annotated[str, Field(max_length=4000)]


class Held(Format):
    """An item that stays where it is, and why."""

    id: _Short
    lane: Lane
    why: _Short


class Standstill(Format):
    """What is remembered from one tick to the next, in one local file."""

    form: str = __version__  # another version may find something to do where this one found nothing
    branch: _Short
    target: _Short
    head: _Short  # of the branch when the tick was over
    sight: str = ""  # what it had looked at; empty when it found something to do, or had not looked
    until: Moment | None = None  # something comes due by itself
    counts: dict[Lane, Ordinal] = {}
    done_today: Ordinal = 0
    held: Annotated[tuple[Held, ...], Field(max_length=HELD_MOST)] = ()  # the first of them
    all_held: Ordinal = 0

    def holds(self, seen: str, at: datetime) -> bool:
        """Whether a pass at a moment would find again what one has found, now that this is to be seen."""
        return bool(seen) and seen == self.sight and self.until is not None and at < self.until <= at + _LONGEST


def remembered(state: Path) -> Standstill | None:
    """What the last tick left; None when it left nothing that can be read, or was of another version."""
    try:
        data = files.read_regular(state / STANDSTILL, _BYTES)
        found = Standstill.model_validate_json(data) if data else None
    except (TooLarge, ValidationError):
        return None
    return found if found and found.form == __version__ else None


def remember(state: Path, found: Standstill) -> None:
    """Leave this for the next tick; where it cannot be written down, that one looks for itself."""
    with suppress(OSError):
        files.write(state / STANDSTILL, found.model_dump_json().encode())


def sight(repository: Repository, branch: str, target: str) -> str:
    """What tells all that a pass looks at from what it may be later: branches, working trees, local notes.

    Empty when something is under way there, or lies there uncommitted: then nothing but a pass can say what follows.
    """
    try:
        seen = list(_seen(repository, branch, target))
    except OSError:
        return ""  # it changes at this moment
    return "" if None in seen else hashlib.sha256("\0".join(filter(None, seen)).encode(errors="replace")).hexdigest()


def _seen(repository: Repository, branch: str, target: str) -> Iterator[str | None]:
    """Each thing in words; None for one that only a pass understands."""
    state = repository.state
    yield from (branch, target)
    yield repository.git.text("for-each-ref", "--format=%(objectname) %(refname)")
    yield None if (state / PENDING).exists() or _any(state / CELLS) or _any(state / HEARTBEATS) else ""
    yield from (str(files.read_regular(state / BRANCH)), _stamp(state / PUBLISHED))
    views = list(repository.views())
    yield from (f"{view.root} {view.head()} {view.busy()}" for view in views)
    shown = [view for view in views if view.branch() in (branch, target)]
    for view in shown if any(view.branch() == branch for view in shown) else views:
        yield from _of_view(view)


def _of_view(view: View) -> Iterator[str | None]:
    yield str(view.index.mark())
    folders = (QUEUE, CONTRACTS, *(lane_folder(lane) for lane in Lane))
    yield from (_stamp(view.root / folder) for folder in folders)
    yield None if view.index.unfinished() or view.edits() else ""


def _stamp(path: Path) -> str:
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return "-"
    return f"{seen.st_ino} {seen.st_mode} {seen.st_mtime_ns}"


def _any(folder: Path) -> bool:
    return folder.is_dir() and any(os.scandir(folder))
