"""What a recorded patch touched: its files, and the lines that it brought and took away. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

_HEAD = b"diff --git "
_MOST_BYTES = 1_000_000  # of a larger one only the files are looked at
_SHORTEST = 8  # characters of a line that two patches hardly have in common by chance
_ESCAPED = re.compile(rb'\\([abfnrtv"\\]|[0-7]{3})')  # as git quotes names
_LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True)
class Touched:
    """What one patch did, by path."""

    paths: tuple[str, ...] = ()
    added: Mapping[str, frozenset[bytes]] = field(default_factory=dict)  # lines that tell something
    removed: Mapping[str, frozenset[bytes]] = field(default_factory=dict)  # and not put elsewhere in the file


def touched_by(patch: bytes) -> Touched:
    """What a patch touched that was written without renames, as all that are recorded are."""
    paths: list[str] = []
    lines: dict[bytes, dict[str, set[bytes]]] = {b"+": defaultdict(set), b"-": defaultdict(set)}
    whole, heading = len(patch) <= _MOST_BYTES, True
    for line in patch.split(b"\n"):
        if line.startswith(_HEAD):
            heading = True
            paths.append(_path(line.removeprefix(_HEAD)))
        elif line.startswith(b"@@ "):
            heading = False
        elif whole and paths and not heading and line[:1] in lines and len(line.strip()) > _SHORTEST:
            lines[line[:1]][paths[-1]].add(line[1:].strip())
    added = {path: frozenset(each) for path, each in lines[b"+"].items()}
    removed = {path: frozenset(each) - added.get(path, frozenset()) for path, each in lines[b"-"].items()}
    return Touched(tuple(dict.fromkeys(paths)), added, removed)


def _path(names: bytes) -> str:
    """The path in `a/<path> b/<path>`: the same twice, so that it may hold any character."""
    first = names[: len(names) // 2]
    if first.startswith(b'"'):
        first = _ESCAPED.sub(lambda found: _unescaped(found[1]), first.strip(b'"'))
    return first.removeprefix(b"a/").decode(errors="replace")


def _unescaped(sign: bytes) -> bytes:
    return bytes([int(sign, 8) & 0xFF]) if sign.isdigit() else _LETTERS.get(sign, sign)
