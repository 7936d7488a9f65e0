"""Patches: differences of two files as text that `git apply` takes."""

import base64
import zlib
from collections.abc import Iterable, Sequence

from tests.simulation.git.objects import GITLINK, ZERO, Entry, Store
from tests.simulation.git.trees import Change
from tests.simulation.git.xdiff import Change as Lines
from tests.simulation.git.xdiff import changes, split

_CONTEXT = 3
_LOOKED_AT = 8000
_FUNCTION = 80
_A_LINE = 52
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def is_binary(data: bytes) -> bool:
    """Whether git takes it for something else than text."""
    return b"\0" in data[:_LOOKED_AT]


def quoted(path: bytes) -> bytes:
    """A path as it stands in a patch (core.quotePath=false)."""
    if not any(letter in _ESCAPES or letter < 32 or letter == 127 for letter in path):
        return path
    out = b""
    for letter in path:
        if letter in _ESCAPES:
            out += b"\\" + _ESCAPES[letter].encode()
        elif letter < 32 or letter == 127:
            out += b"\\%03o" % letter
        else:
            out += bytes([letter])
    return b'"' + out + b'"'


def blob_of(store: Store, entry: Entry | None) -> bytes:
    """What a side of a change holds."""
    if entry is None:
        return b""
    return b"Subproject commit %s\n" % entry.oid.encode() if entry.mode == GITLINK else store.blob(entry.oid)


def patch(store: Store, found: Iterable[Change]) -> bytes:
    """The patch of all these changes (-p --binary --full-index)."""
    return b"".join(_of_file(store, change) for change in found)


def _of_file(store: Store, change: Change) -> bytes:
    if change.letter == "T":
        gone, come = Change(change.path, change.old, None), Change(change.path, None, change.new)
        return _of_file(store, gone) + _of_file(store, come)
    old, new = change.old, change.new
    names = [quoted(b"a/" + change.path), quoted(b"b/" + change.path)]
    out = [b"diff --git %s %s\n" % tuple(names)]
    if old is None and new is not None:
        out.append(b"new file mode %06o\n" % new.mode)
    elif new is None and old is not None:
        out.append(b"deleted file mode %06o\n" % old.mode)
    elif old and new and old.mode != new.mode:
        out.append(b"old mode %06o\nnew mode %06o\n" % (old.mode, new.mode))
    ids = [(entry.oid if entry else ZERO).encode() for entry in (old, new)]
    if ids[0] == ids[1]:
        return b"".join(out)
    mode = b" %06o" % old.mode if old and new and old.mode == new.mode else b""
    out.append(b"index %s..%s%s\n" % (*ids, mode))
    before, after = blob_of(store, old), blob_of(store, new)
    if is_binary(before) or is_binary(after):
        return b"".join([*out, b"GIT binary patch\n", _literal(after), _literal(before)])
    body = hunks(split(before), split(after))
    if body:
        tails = [b"\t" if b" " in change.path else b""] * 2
        shown = [
            name + tail if entry else b"/dev/null" for name, tail, entry in zip(names, tails, (old, new), strict=True)
        ]
        out += [b"--- %s\n+++ %s\n" % tuple(shown), body]
    return b"".join(out)


def _literal(data: bytes) -> bytes:
    packed = zlib.compress(data, 1)
    out = [b"literal %d\n" % len(data)]
    for at in range(0, len(packed), _A_LINE):
        part = packed[at : at + _A_LINE]
        length = len(part)
        letter = bytes([64 + length]) if length <= 26 else bytes([96 + length - 26])
        out.append(letter + base64.b85encode(part, pad=True) + b"\n")
    return b"".join([*out, b"\n"])


def hunks(one: Sequence[bytes], two: Sequence[bytes]) -> bytes:
    """The hunks of a patch."""
    out: list[bytes] = []
    function = b""
    looked = -1
    for group in _grouped(changes(one, two)):
        first, last = group[0], group[-1]
        start1, start2 = max(first.at1 - _CONTEXT, 0), max(first.at2 - _CONTEXT, 0)
        after = min(_CONTEXT, len(one) - last.at1 - last.count1, len(two) - last.at2 - last.count2)
        end1, end2 = last.at1 + last.count1 + after, last.at2 + last.count2 + after
        found = (line for line in reversed(one[looked + 1 : start1]) if _is_function(line))
        line = next(found, None)
        function = line[:_FUNCTION].rstrip() if line is not None else function
        looked = start1 - 1
        told = _span(start1, end1), _span(start2, end2), b" " + function if function else b""
        out.append(b"@@ -%s +%s @@%s\n" % told)
        at = start2
        for change in group:
            out += [_shown(b" ", line) for line in two[at : change.at2]]
            out += [_shown(b"-", line) for line in one[change.at1 : change.at1 + change.count1]]
            at = change.at2 + change.count2
            out += [_shown(b"+", line) for line in two[change.at2 : at]]
        out += [_shown(b" ", line) for line in two[at:end2]]
    return b"".join(out)


def _is_function(line: bytes) -> bool:
    first = line[:1]
    return first.isalpha() or first in (b"_", b"$")


def _grouped(found: Sequence[Lines]) -> list[list[Lines]]:
    groups: list[list[Lines]] = []
    for change in found:
        if groups and change.at1 - (groups[-1][-1].at1 + groups[-1][-1].count1) <= 2 * _CONTEXT:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _span(start: int, end: int) -> bytes:
    count = end - start
    first = start + 1 if count else start
    return b"%d" % first if count == 1 else b"%d,%d" % (first, count)


def _shown(sign: bytes, line: bytes) -> bytes:
    return sign + line if line.endswith(b"\n") else sign + line + b"\n\\ No newline at end of file\n"


def counted(store: Store, change: Change) -> tuple[int, int] | None:
    """How many lines came and went; None for what is no text."""
    before, after = blob_of(store, change.old), blob_of(store, change.new)
    if is_binary(before) or is_binary(after):
        return None
    found = changes(split(before), split(after))
    return sum(each.count2 for each in found), sum(each.count1 for each in found)
