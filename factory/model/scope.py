"""Scopes: the paths that an item is about, as patterns, and those of others that they overlap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_WILD = "*?"
_Parts = tuple[str, ...]


@dataclass(frozen=True)
class Overlap:
    """A pattern of one scope, and one of another that may cover the same path."""

    own: str
    other: str
    item_id: str  # whose the other is


@dataclass
class _Folder:
    """The patterns that lead here by names alone: what is behind that in each, and whose it is."""

    patterns: dict[_Parts, dict[str, str]] = field(default_factory=dict)
    below: dict[str, "_Folder"] = field(default_factory=dict)


class ScopeIndex:
    """Many scopes, by folders, so that what overlaps another one is found without a look at all of them.

    A pattern covers what lies below the paths that it names, too. In case of doubt two of them overlap.
    """

    def __init__(self) -> None:
        self._root = _Folder()

    def add(self, scope: Sequence[str], item_id: str) -> None:
        """Take in the scope of somebody."""
        for pattern in scope:
            folder, parts = self._root, _parts(pattern)
            while parts and not _is_wild(parts[0]):
                folder, parts = folder.below.setdefault(parts[0], _Folder()), parts[1:]
            folder.patterns.setdefault(parts, {}).setdefault(item_id, pattern)

    def overlaps(self, scope: Sequence[str]) -> Iterator[Overlap]:
        """Where a scope overlaps those that were taken in; each of their patterns comes once."""
        for pattern in scope:
            for item_id, other in _found(self._root, _parts(pattern)):
                yield Overlap(pattern, other, item_id)


def _found(folder: _Folder, parts: _Parts) -> Iterator[tuple[str, str]]:
    """(item, pattern) of all from a folder on that may cover what these parts do."""
    for others, items in folder.patterns.items():
        if _overlap(parts, others):
            yield from items.items()
    if not parts or "**" in parts[0]:
        for below in folder.below.values():
            yield from _found(below, ())
    elif not _is_wild(parts[0]):
        if parts[0] in folder.below:
            yield from _found(folder.below[parts[0]], parts[1:])
    else:
        for name, below in folder.below.items():
            if _alike(parts[0], name):
                yield from _found(below, parts[1:])


def _parts(pattern: str) -> _Parts:
    """The names and wildcards of a pattern, folder by folder; none where it may lead anywhere."""
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    return () if ".." in parts else parts


def _overlap(one: _Parts, other: _Parts) -> bool:
    for mine, theirs in zip(one, other, strict=False):
        if "**" in mine or "**" in theirs:
            return True
        if not _alike(mine, theirs):
            return False
    return True  # one of them ends here, and covers what lies below


def _alike(one: str, other: str) -> bool:
    """Whether there may be a name that both parts cover."""
    if not _is_wild(other):
        return _covers(one, other)
    if not _is_wild(one):
        return _covers(other, one)
    (begins, ends), (begins_too, ends_too) = _fixed(one), _fixed(other)
    beginning = begins.startswith(begins_too) or begins_too.startswith(begins)
    return beginning and (ends.endswith(ends_too) or ends_too.endswith(ends))


def _covers(part: str, name: str) -> bool:
    """Whether a part with wildcards covers a name: found without a second look, however many wildcards there are."""
    first, *between = part.split("*")
    if not between:
        return len(part) == len(name) and _fits(part, name, 0)
    last = between.pop()
    place, end = len(first), len(name) - len(last)
    if place > end or not _fits(first, name, 0) or not _fits(last, name, end):
        return False
    for piece in between:  # the first place where it fits is as good as any later one
        found = next((at for at in range(place, end - len(piece) + 1) if _fits(piece, name, at)), None)
        if found is None:
            return False
        place = found + len(piece)
    return True


def _fits(piece: str, name: str, at: int) -> bool:
    """Whether a piece, in which `?` stands for any character, lies at a place of a name."""
    return all(mine in ("?", theirs) for mine, theirs in zip(piece, name[at : at + len(piece)], strict=True))


def _fixed(part: str) -> tuple[str, str]:
    """How every name begins and ends that a part with a wildcard covers."""
    wild = [place for place, character in enumerate(part) if character in _WILD]
    return part[: wild[0]], part[wild[-1] + 1 :]


def _is_wild(part: str) -> bool:
    return any(character in part for character in _WILD)
