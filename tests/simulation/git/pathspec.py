"""Pathspecs: which paths a command is about, with git's magic words (gitglossary)."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from tests.simulation.git.steps import fatal

_MAGIC = {"top", "literal", "exclude", "glob", "icase"}
_WILD = re.compile(rb"[*?\[\\]")


@lru_cache(maxsize=4096)
def glob(pattern: bytes, *, by_folder: bool) -> re.Pattern[bytes]:
    """A wildcard pattern; `by_folder` says that `*` stops at a slash and `**` does not (gitignore)."""
    out, at = b"", 0
    any_one = rb"[^/]" if by_folder else rb"."
    while at < len(pattern):
        letter = pattern[at : at + 1]
        if by_folder and pattern.startswith(b"**/", at) and (at == 0 or pattern[at - 1 : at] == b"/"):
            out += rb"(?:.*/)?"
            at += 3
            continue
        if by_folder and pattern[at:] == b"**" and pattern[at - 1 : at] == b"/":
            return re.compile(out + rb".*", re.DOTALL)
        if letter == b"*":
            while pattern[at + 1 : at + 2] == b"*":
                at += 1
            out += any_one + b"*"
        elif letter == b"?":
            out += any_one
        elif letter == b"[" and b"]" in pattern[at + 2 :]:
            end = pattern.index(b"]", at + 2)
            inner = pattern[at + 1 : end]
            out += b"[" + (b"^" + inner[1:] if inner[:1] in b"!^" else inner).replace(b"\\", b"\\\\") + b"]"
            at = end
        elif letter == b"\\" and at + 1 < len(pattern):
            at += 1
            out += re.escape(pattern[at : at + 1])
        else:
            out += re.escape(letter)
        at += 1
    return re.compile(out, re.DOTALL)


class _Item:
    """One pathspec: a path and all below it, or a pattern."""

    def __init__(self, text: str, prefix: str, *, literal: bool) -> None:
        words: set[str] = set()
        if not literal and text.startswith(":("):
            inside, _, text = text[2:].partition(")")
            words = set(inside.split(",")) if inside else set()
            if not words <= _MAGIC - {"icase"}:
                raise NotImplementedError(f"the pathspec magic {inside}")
        elif not literal and text.startswith(":") and len(text) > 1:
            raise NotImplementedError(f"the pathspec {text}")
        self.exclude = "exclude" in words
        text = ("" if "top" in words else prefix) + text
        self.path = _normal(text).encode("utf-8", "surrogateescape")
        self.folder_only = text.endswith("/") and bool(self.path)
        plain = literal or "literal" in words or not _WILD.search(self.path)
        self.pattern = None if plain else glob(self.path, by_folder="glob" in words)
        self._head = self.path if plain else _WILD.split(self.path, maxsplit=1)[0].rpartition(b"/")[0]

    def holds(self, path: bytes) -> bool:
        """Whether a file at a path is meant."""
        own = self.path
        if not own:
            return True
        if path.startswith(own) and (
            path[len(own) : len(own) + 1] == b"/" or (len(path) == len(own) and not self.folder_only)
        ):
            return True
        return self.pattern is not None and self.pattern.fullmatch(path) is not None

    def reaches(self, folder: bytes) -> bool:
        """Whether something below a folder may be meant."""
        head = self._head
        if not head or head == folder or self.holds(folder):
            return True
        return head.startswith(folder + b"/") or (self.pattern is not None and folder.startswith(head + b"/"))


def _normal(text: str) -> str:
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            if not parts:
                raise fatal(f"{text}: '{text}' is outside repository")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


class Pathspec:
    """All pathspecs of a command; none of them means everything."""

    def __init__(self, texts: Sequence[str], prefix: str = "", env: Mapping[str, str] | None = None) -> None:
        literal = (env or {}).get("GIT_LITERAL_PATHSPECS", "") not in ("", "0", "false")
        items = [_Item(text, prefix, literal=literal) for text in texts]
        self.wanted = [item for item in items if not item.exclude]
        self._unwanted = [item for item in items if item.exclude]
        self.empty = not items
        self._exact: frozenset[bytes] = frozenset()  # where paths are all there is
        self._below: tuple[bytes, ...] = ()
        if items and not self._unwanted and all(item.pattern is None and item.path for item in items):
            self._exact = frozenset(item.path for item in items)
            self._below = tuple(item.path + b"/" for item in items)

    def __call__(self, path: bytes) -> bool:
        """Whether a file at a path is meant."""
        if self.empty:
            return True
        if self._exact:
            return path in self._exact or path.startswith(self._below)
        meant = not self.wanted or any(item.holds(path) for item in self.wanted)
        return meant and not any(item.holds(path) for item in self._unwanted)

    def reaches(self, folder: bytes) -> bool:
        """Whether something below a folder may be meant; empty is the root."""
        if self.empty or not folder:
            return True
        if any(not item.pattern and item.holds(folder) for item in self._unwanted):
            return False
        return not self.wanted or any(item.reaches(folder) for item in self.wanted)
