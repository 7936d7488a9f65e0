"""Three versions of a text merged by lines, as git's xdl_merge does ("zealous", conflicts with markers)."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.git.histogram import changes
from tests.simulation.git.xdiff import Change, split

_OURS, _THEIRS, _CONFLICT, _ALIKE = 1, 2, 0, 4
_APART = 3  # conflicts with at most so many lines between them are one


@dataclass
class _Part:
    """Lines in which something changed: so many from a line on, of ours and of theirs."""

    mode: int
    at1: int
    count1: int
    at2: int
    count2: int


def merged(base: bytes, ours: bytes, theirs: bytes, names: tuple[str, str]) -> tuple[bytes, bool]:
    """The merged text, and whether that went without a conflict; `names` stand in the markers."""
    zero, one, two = split(base), split(ours), split(theirs)
    first, second = changes(zero, one), changes(zero, two)
    if not first or not second:
        return (ours if first else theirs), True
    sizes = len(two) - len(zero), len(one) - len(zero)
    parts = _joined(_refined(_parts(first, second, (one, two), sizes), one, two))
    return _filled(parts, one, two, names), not any(part.mode == _CONFLICT for part in parts)


def _parts(
    first: list[Change], second: list[Change], sides: tuple[Sequence[bytes], Sequence[bytes]], sizes: tuple[int, int]
) -> list[_Part]:
    one, two = sides
    found: list[_Part] = []
    at1 = at2 = 0
    while at1 < len(first) and at2 < len(second):
        ours, theirs = first[at1], second[at2]
        end1, end2 = ours.at1 + ours.count1, theirs.at1 + theirs.count1
        if end1 < theirs.at1:
            _append(found, _OURS, ours.at2, ours.count2, theirs.at2 - theirs.at1 + ours.at1, ours.count1)
            at1 += 1
            continue
        if end2 < ours.at1:
            _append(found, _THEIRS, ours.at2 - ours.at1 + theirs.at1, theirs.count1, theirs.at2, theirs.count2)
            at2 += 1
            continue
        same = ours[:2] == theirs[:2] and ours.count2 == theirs.count2
        same = same and one[ours.at2 : ours.at2 + ours.count2] == two[theirs.at2 : theirs.at2 + theirs.count2]
        if not same:
            _append(found, _CONFLICT, *_both(ours, theirs))
        if end1 >= end2:
            at2 += 1
        if end2 >= end1:
            at1 += 1
    for ours in first[at1:]:
        _append(found, _OURS, ours.at2, ours.count2, ours.at1 + sizes[0], ours.count1)
    for theirs in second[at2:]:
        _append(found, _THEIRS, theirs.at1 + sizes[1], theirs.count1, theirs.at2, theirs.count2)
    return found


def _both(ours: Change, theirs: Change) -> tuple[int, int, int, int]:
    """The lines of both sides from where the first change begins to where the last one ends."""
    before = ours.at1 - theirs.at1
    after = before + ours.count1 - theirs.count1
    start1, start2 = ours.at2 - max(before, 0), theirs.at2 + min(before, 0)
    count1 = ours.at2 + ours.count2 - start1 - min(after, 0)
    count2 = theirs.at2 + theirs.count2 - start2 + max(after, 0)
    return start1, count1, start2, count2


def _append(found: list[_Part], mode: int, at1: int, count1: int, at2: int, count2: int) -> None:
    """One more part; what touches the last one becomes one with it."""
    last = found[-1] if found else None
    if last and (at1 <= last.at1 + last.count1 or at2 <= last.at2 + last.count2):
        last.mode = mode if mode == last.mode else _CONFLICT
        last.count1, last.count2 = at1 + count1 - last.at1, at2 + count2 - last.at2
    else:
        found.append(_Part(mode, at1, count1, at2, count2))


def _refined(parts: list[_Part], one: Sequence[bytes], two: Sequence[bytes]) -> list[_Part]:
    """Conflicts without the lines that both sides have alike."""
    found: list[_Part] = []
    for part in parts:
        if part.mode != _CONFLICT or not part.count1 or not part.count2:
            found.append(part)
            continue
        ours, theirs = one[part.at1 : part.at1 + part.count1], two[part.at2 : part.at2 + part.count2]
        differing = changes(ours, theirs)
        if not differing:
            part.mode = _ALIKE
            found.append(part)
        for each in differing:
            found.append(_Part(_CONFLICT, part.at1 + each.at1, each.count1, part.at2 + each.at2, each.count2))
    return found


def _joined(parts: list[_Part]) -> list[_Part]:
    found: list[_Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last and last.mode == part.mode == _CONFLICT and part.at1 - last.at1 - last.count1 <= _APART:
            last.count1, last.count2 = part.at1 + part.count1 - last.at1, part.at2 + part.count2 - last.at2
        else:
            found.append(part)
    return found


def _filled(parts: Sequence[_Part], one: Sequence[bytes], two: Sequence[bytes], names: tuple[str, str]) -> bytes:
    out: list[bytes] = []
    at = 0
    for part in parts:
        if part.mode == _ALIKE:
            continue
        out += one[at : part.at1]
        ours, theirs = one[part.at1 : part.at1 + part.count1], two[part.at2 : part.at2 + part.count2]
        if part.mode == _CONFLICT:
            head, tail = (name.encode("utf-8", "surrogateescape") for name in names)
            out += [b"<<<<<<< %s\n" % head, *_ended(ours), b"=======\n", *_ended(theirs), b">>>>>>> %s\n" % tail]
        else:
            out += ours if part.mode == _OURS else theirs
        at = part.at1 + part.count1
    return b"".join([*out, *one[at:]])


def _ended(lines: Sequence[bytes]) -> list[bytes]:
    return [line if line.endswith(b"\n") else line + b"\n" for line in lines]
