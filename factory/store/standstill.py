"""Standstill: what was to be seen when something was found. As long as it is the same, nobody need look again.

Only ever a help, and about nothing but whether to look again: whatever is unclear about it, it is done anew.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

from factory import __version__
from factory.model.errors import TooLarge
from factory.model.layout import CONTRACTS, QUEUE, lane_folder
from factory.model.lifecycle import Lane
from factory.model.moments import moment_of
from factory.store import files
from factory.store.repository.repository import Repository
from factory.store.repository.view import View
from factory.store.state import BRANCH, CANARIES, CELLS, HEARTBEATS, NOTICES, PENDING, PUBLISHED

WAITING_MOST = 20
_BYTES = 200_000
_LONGEST = timedelta(days=1)  # that it may last, whatever a clock that was set back has written


class Waiting(NamedTuple):
    """An item that stays where it is, and why."""

    id: str
    lane: str
    why: str


@dataclass(frozen=True)
class Seen:
    """What was found in one sight, and how long it lasts while that stays as it is; in one local file."""

    branch: str
    target: str
    head: str  # of the branch
    sight: str  # what had been looked at; empty when what was found does not hang on that alone
    since: int  # when it was found: a clock that was set back behind it says nothing of it; seconds since 1970
    until: int | None  # something comes due by itself

    def lasts(self, seen: str, at: datetime) -> bool:
        """Whether the same would be found at a moment, now that this is to be seen."""
        if not seen or seen != self.sight or self.until is None:
            return False
        return moment_of(self.since) <= at < moment_of(self.until) <= at + _LONGEST


@dataclass(frozen=True)
class Standstill(Seen):
    """What a tick left to the next one, which finds nothing to do either."""

    synced: bool = False  # whether it went along with a remote, where there may be news
    counts: Mapping[str, int] = field(default_factory=dict)  # of items, by lane
    done_today: int = 0
    waiting: tuple[Waiting, ...] = ()  # the first of them
    all_waiting: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "waiting", tuple(Waiting(*each) for each in self.waiting))  # JSON has lists


_Kind = TypeVar("_Kind", bound=Seen)


def remembered(path: Path, kind: type[_Kind], most: int = _BYTES) -> _Kind | None:
    """What was left in a file of at most so many bytes; None when it is not, to the letter, what this version wrote."""
    try:
        digest, _, told = (files.read_regular(path, most) or b"").partition(b"\n")
        return kind(**json.loads(told)) if digest == _digest(kind, told) else None
    except (TooLarge, TypeError):  # or a checkout of the same version wrote it, from which this one differs
        return None


def remember(path: Path, found: Seen) -> None:
    """Leave this for the next one; where it cannot be written down, that one looks for itself."""
    with suppress(OSError, UnicodeEncodeError):  # a name of a file need not be text
        told = json.dumps(found.__dict__, ensure_ascii=False).encode()
        files.write(path, _digest(type(found), told) + b"\n" + told)


def _digest(kind: type[Seen], told: bytes) -> bytes:
    """Which kind and version of this wrote it, and that nothing of it is lost: what has this needs no other look."""
    return hashlib.sha256(b"%s %s\n%s" % (kind.__name__.encode(), __version__.encode(), told)).hexdigest().encode()


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
    yield from (str(files.read_regular(state / BRANCH)), _stamp(state / PUBLISHED))
    yield from (_stamp(state / CANARIES), _stamp(state / NOTICES))
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
