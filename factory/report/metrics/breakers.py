"""Breaker time: for how long breakers kept work back, by every state that was ever written down of one."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from factory import __version__
from factory.line.snapshot import SnapshotReader
from factory.model.breaker import BreakerState, State
from factory.model.errors import InvalidFile
from factory.model.layout import BREAKERS
from factory.report.fold.fold import Fold
from factory.store import yaml
from factory.store.remembered import Remembered
from factory.store.repository.file_history import brought_below
from factory.store.state import FOLD, SUMS

_NAME = "breakers"


class Version(NamedTuple):
    """What was written down of a breaker, and when."""

    at: int
    of: str
    opens: bool
    until: int | None


class Open(NamedTuple):
    """How long a breaker was open, and how often it opened."""

    seconds: int
    times: int


class _Seen(NamedTuple):
    commit: str
    versions: list[Version]


_SEEN: TypeAdapter[_Seen] = TypeAdapter(_Seen)


def breaker_times(reader: SnapshotReader, fold: Fold, period: tuple[int, int]) -> dict[str, Open]:
    """How long each breaker was open in a period, by what it stands for, in words; none that never was."""
    by_breaker: dict[str, list[Version]] = {}
    for version in _versions(reader, fold):
        by_breaker.setdefault(version.of, []).append(version)
    found = {of: _open_in(versions, period) for of, versions in sorted(by_breaker.items())}
    return {of: each for of, each in found.items() if each.times}


def _open_in(versions: list[Version], period: tuple[int, int]) -> Open:
    """It is open until it has cooled, or something else is written down of it."""
    since, until = period
    seconds = times = 0
    for version, following in zip(versions, [*versions[1:], None], strict=True):
        ends = min(each for each in (version.until, following.at if following else None, until) if each is not None)
        overlap = min(ends, until) - max(version.at, since)
        if version.opens and overlap > 0:
            seconds, times = seconds + overlap, times + 1
    return Open(seconds, times)


def _versions(reader: SnapshotReader, fold: Fold) -> list[Version]:
    """Every state that a history tells of, the oldest first; of what this clone has seen before only what is new."""
    repository = reader.repository
    if repository.objects.find(repository.objects.commit(fold.commit).tree, BREAKERS) is None:
        return []  # none was ever open: the states of those that are closed stay
    memory = Remembered(repository.state / FOLD / SUMS, f"1 {__version__}")
    seen = _Seen("", [])
    try:
        seen = _SEEN.validate_json(memory.body(_NAME) or b"")
    except ValidationError:
        pass
    if seen.commit and not repository.is_ancestor(seen.commit, fold.commit):
        if repository.is_ancestor(fold.commit, seen.commit):
            return [version for version in seen.versions if version.at <= fold.at]
        seen = _Seen("", [])
    if seen.commit != fold.commit:
        new = _read(reader, brought_below(repository, fold.commit, BREAKERS, seen.commit))
        seen = _Seen(fold.commit, [*seen.versions, *new])
        memory.put(_NAME, seen.commit, b"", _SEEN.dump_json(seen))
    return seen.versions


def _read(reader: SnapshotReader, told: Iterable[tuple[int, str, str]]) -> list[Version]:
    found: list[Version] = []
    for at, path, blob in told:
        try:
            state = yaml.load(BreakerState, yaml.Source(path, reader.repository.objects.blob(blob)))
        except InvalidFile:
            continue
        if state.path == path:
            until = int(state.until.timestamp()) if state.until else None
            found.append(Version(at, state.of, state.state is State.OPEN, until))
    return found
