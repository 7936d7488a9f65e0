"""Standstill: what was to be seen when something was found. As long as it is the same, nobody need look again.

Only ever a help, and about nothing but whether to look again: whatever is unclear about it, it is done anew.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import PydanticSerializationError

from factory import __version__
from factory.model.base import Format, Ordinal
from factory.model.errors import TooLarge
from factory.model.layout import CONTRACTS, QUEUE, lane_folder
from factory.model.lifecycle import Lane
from factory.model.moments import Moment
from factory.store import files
from factory.store.repository.repository import Repository
from factory.store.repository.view import View
from factory.store.state import BRANCH, CANARIES, CELLS, HEARTBEATS, PENDING, PUBLISHED

WAITING_MOST = 20
_BYTES = 200_000
_LONGEST = timedelta(days=1)  # that it may last, whatever a clock that was set back has written
_Short = Annotated[str, Field(max_length=4000)]


class Waiting(Format):
    """An item that stays where it is, and why."""

    id: _Short
    lane: Lane
    why: _Short


class Seen(Format):
    """What was found in one sight, and how long it lasts while that stays as it is; in one local file."""

    form: str = __version__  # another version may find something else
    branch: _Short
    target: _Short
    head: _Short  # of the branch
    sight: str = ""  # what had been looked at; empty when what was found does not hang on that alone
    until: Moment | None = None  # something comes due by itself

    def lasts(self, seen: str, at: datetime) -> bool:
        """Whether the same would be found at a moment, now that this is to be seen."""
        return bool(seen) and seen == self.sight and self.until is not None and at < self.until <= at + _LONGEST


class Standstill(Seen):
    """What a tick left to the next one, which finds nothing to do either."""

    counts: dict[Lane, Ordinal] = {}
    done_today: Ordinal = 0
    waiting: Annotated[tuple[Waiting, ...], Field(max_length=WAITING_MOST)] = ()  # the first of them
    all_waiting: Ordinal = 0


_Kind = TypeVar("_Kind", bound=Seen)


def remembered(path: Path, kind: type[_Kind], most: int = _BYTES) -> _Kind | None:
    """What was left in a file of at most so many bytes; None when nothing can be read, or another version wrote it."""
    try:
        data = files.read_regular(path, most)
        found = kind.model_validate_json(data) if data else None
    except (TooLarge, ValidationError):
        return None
    return found if found and found.form == __version__ else None


def remember(path: Path, found: Seen) -> None:
    """Leave this for the next one; where it cannot be written down, that one looks for itself."""
    with suppress(OSError, PydanticSerializationError):  # a name of a file need not be text
        files.write(path, found.model_dump_json().encode())


def sight(repository: Repository, branch: str, target: str) -> str:
    """What tells all that a pass looks at from what it may be later: branches, working trees, local notes.

    Empty when something is under way there, or lies there uncommitted: then nothing but a pass can say what follows.
    """
    try:
        seen = list(_seen(repository, branch, target))
    except OSError:
        return ""  # it changes at this moment
    return "" if None in seen else hashlib.sha256("\0".join(filter(None, seen)).encode(errors="replace")).hexdigest()


def sight_of(repository: Repository, last: Seen | None) -> str:
    """What is to be seen now by whoever left this; empty when the branch has moved since, so that all is new anyhow."""
    same = last is not None and repository.head(last.branch) == last.head
    return sight(repository, last.branch, last.target) if last is not None and same else ""


def _seen(repository: Repository, branch: str, target: str) -> Iterator[str | None]:
    """Each thing in words; None for one that only a pass understands."""
    state = repository.state
    yield from (branch, target)
    yield repository.git.text("for-each-ref", "--format=%(objectname) %(refname)")
    yield None if (state / PENDING).exists() or _any(state / CELLS) or _any(state / HEARTBEATS) else ""
    yield from (str(files.read_regular(state / BRANCH)), _stamp(state / PUBLISHED), _stamp(state / CANARIES))
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
    return bool(files.names_in(str(folder)))
