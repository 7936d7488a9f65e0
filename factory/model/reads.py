"""Reads: the part of a content that a check says it reads, what that covers, and what it leaves out."""

from collections.abc import Iterable
from dataclasses import dataclass

from factory.model.globs import matches

_ATTRIBUTES = "**/.gitattributes"  # they decide what a checkout makes of every other file
_ANY = "\0" * 300  # a name that no file has, and that no pattern means alone
_WILD = frozenset("*?")
HISTORY = ".git"  # which no content holds, and no `reads` can cover
LISTING = "*"  # behind a folder: the names of all that lies in it
MOST_NAMED = 50  # paths that are told of one check


@dataclass(frozen=True)
class Reads:
    """Patterns of paths: `*` and `?` stay within a folder, `**` does not; what has none of them is a file or a folder.

    Covered is a file that they match, and that there is none. Where they match whatever may lie in a folder, the
    names of its folders are covered as well.
    """

    patterns: tuple[str, ...]

    @classmethod
    def of(cls, named: Iterable[str], besides: Iterable[str] = ()) -> "Reads":
        """What a contract names; `besides` are files that decide what a check finds, whatever it reads."""
        patterns: list[str] = []
        for path in named:
            patterns += [path] if _WILD & set(path) else [path, f"{path}/**"]
        return cls((*patterns, *besides, _ATTRIBUTES))

    def covers(self, path: str) -> bool:
        """Whether a file at a path would be one of them."""
        return matches(path, self.patterns)

    def lists(self, folder: str) -> bool:
        """Whether all that may lie in a folder would be; the uppermost folder is called by nothing."""
        return self.covers(_below(folder, _ANY))

    def may_lie_below(self, path: str) -> bool:
        """Whether something below a path may be one of them."""
        return any(_reaches(pattern, path) for pattern in self.patterns)

    def lacks(self, needed: str) -> bool:
        """Whether a path that was read, or a folder with `*` behind it whose names were, is not covered."""
        if needed == HISTORY:
            return True
        folder, _, name = needed.rpartition("/")
        if name == LISTING:
            return not self.lists(folder)
        return not (self.covers(needed) or self.lists(folder) or self.lists(needed))

    def lacking(self, needed: Iterable[str]) -> tuple[str, ...]:
        """Those of what was read that are not covered."""
        return tuple(each for each in needed if self.lacks(each))


def listing_of(folder: str) -> str:
    """How the names of all that lies in a folder are called among what is read."""
    return _below(folder, LISTING)


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _reaches(pattern: str, path: str) -> bool:
    plain = pattern[: next((place for place, letter in enumerate(pattern) if letter in _WILD), len(pattern))]
    if "**" not in pattern and pattern.count("/") <= path.count("/"):
        return False
    return plain.startswith(f"{path}/") or f"{path}/".startswith(plain)
